import type { Observable } from 'rxjs';
import type { Dispatch } from './dispatch.js';
import type { Schemas, StreamOf } from './feedConfig.js';
import type { FeedLife } from './feedLife.js';
import { Listener } from './listener.js';
import { shown } from './optionRules.js';
import type { Outlet } from './outlet.js';
import { DirectObservable } from './sinks/directObservable.js';
import type { HealthMonitor } from './sinks/healthMonitor.js';
import type { Counts, FeedStats, Ledger, StreamStats } from './sinks/ledger.js';
import type { Multicast } from './sinks/multicast.js';
import type { RejectReport } from './sinks/rejectReport.js';
import type { Connection } from './streams/connection.js';
import type { ConnectionStatus, FeedEvent, Rejected } from './streams/events.js';
import type { Farewell } from './streams/farewell.js';
import type { SendResult, Ticket } from './streams/outbox.js';
import type { Reading } from './streams/reading.js';
import type { RequestConfig, Requests } from './streams/requests.js';
import type { OpenSession } from './streams/session.js';
import type { Data, Transport } from './streams/transport.js';
import { wsTransport } from './streams/wsTransport.js';

/** Typed, deduplicated, gap-aware streams over one WebSocket that is kept alive. */
export interface Feed<S extends Schemas> {
  /**
   * The values of a stream, or of one of its topics: hot, shared, in order of arrival. The first subscriber of the feed
   * opens the connection, the last to leave closes it after `lingerMs`. Completes on `close()`, errors only when the
   * feed gives up; a subscription after that starts the feed again. An observer keeps its `next`: it need not be looked up again.
   *
   * @throws {TypeError} If there is no such stream, or a topic is named and the stream has none, or it is no string.
   */
  stream<K extends keyof S & string>(name: K, topic?: string): StreamOf<S, K>;
  /** The connection's status: the current one on subscription, then each change. Never ends. */
  readonly status$: Observable<ConnectionStatus>;
  /** Everything that happens to the feed, in order. Never ends. */
  readonly events$: Observable<FeedEvent>;
  /** The messages that could not be used. Never ends. */
  readonly rejected$: Observable<Rejected>;
  readonly health: Pick<HealthMonitor, 'changes$' | 'status' | 'isHealthy' | 'isStreamHealthy'>;
  /** What became of every message so far; the counts add up at every instant. */
  stats(): FeedStats;
  /**
   * Connects without waiting for a subscriber and stays connected until `close()`; while it closes, when that is done. Rejects when the
   * feed gives up before it is ready, and with a `FeedClosedError` when it is closed before, or a policy completes it: that may be left
   * unhandled.
   */
  open(): Promise<void>;
  /** Sends a message when the connection is ready, at once or later. */
  send(message: unknown): SendResult;
  /**
   * Sends on subscription; emits the one reply that matches. Errors with a `RequestTimeoutError`, a `RequestDisconnectedError` or, with a
   * full outbox or when its message is given up, a `RequestRejectedError`: each says whether it was `sent`.
   */
  request(message: unknown, config: RequestConfig): Observable<unknown>;
  /** Takes out the messages that wait to be sent, encoded, oldest first: none of them will be sent. */
  takeUnsent(): readonly Data[];
  /** Bytes that wait to be sent, and those handed to the socket that the network has not taken yet. */
  readonly bufferedBytes: number;
  /**
   * Stops reading the socket, so that TCP pushes back and a consumer that awaits loses nothing; what has arrived is still
   * delivered. No verdict of silence falls meanwhile, and `buffer.maxPauseMs` bounds it. Calls are counted: reading goes on
   * when `resume()` was called as often. The end of the feed's run forgets them.
   *
   * @throws {TypeError} If the transport cannot stop reading.
   */
  pause(): void;
  /** Takes back one `pause()`; without one it does nothing. */
  resume(): void;
  /**
   * Makes a new connection now, in every state, though a server asked to wait; a feed that gave up or was closed starts again, one
   * that is just giving up `initialMs` later at the earliest, when who subscribes then is connected, too.
   */
  reconnect(reason?: string): void;
  /**
   * Makes a new connection beside this one, and moves over when it is logged in and its topics are confirmed: nothing is
   * lost, and what both delivered is dropped by the streams' `key`. Told as `rotating`, `rotated`, `rotateFailed`. It waits
   * until the topics of this connection are confirmed and the one before it is gone; without a ready connection (one is
   * ready as `connected` is told), or with a rotation asked for already, it does nothing.
   */
  rotate(): void;
  /**
   * Takes nothing more in, delivers what is buffered, flushes the outbox and closes the socket, by the deadline. Called again meanwhile
   * it ends what has begun since, too, and the earlier deadline holds.
   *
   * @throws {RangeError} If the code or the reason cannot be sent, or the time is negative.
   */
  close(farewell?: Farewell): Promise<void>;
}

type RareMethod = 'request' | 'takeUnsent' | 'pause' | 'resume' | 'reconnect' | 'rotate';

/** The parts of a feed that a user's calls come to. */
export interface FeedParts {
  readonly config: {
    readonly streams: Readonly<Record<string, { readonly topic?: unknown }>>;
    readonly transport?: Transport;
  };
  readonly life: Pick<FeedLife, 'state' | 'enter' | 'open' | 'reconnect' | 'close'>;
  readonly connection: Pick<Connection, 'status$' | 'send' | 'unsentBytes' | 'takeUnsent' | 'rotate'>;
  /** The session in charge. */
  readonly session: Pick<OpenSession, 'socket'> | undefined;
  readonly reading: Pick<Reading, 'pause' | 'resume'>;
  readonly requests: Pick<Requests, 'ask'>;
  readonly dispatch: Pick<Dispatch, 'readerStats'>;
  readonly outlets: ReadonlyMap<string, Pick<Outlet, 'hub' | 'memory'>>;
  readonly events: Pick<Multicast<FeedEvent>, 'values$'>;
  readonly rejects: Pick<RejectReport, 'rejected$'>;
  readonly ledger: Pick<Ledger, 'stats'>;
  readonly health: Pick<HealthMonitor, 'changes$' | 'status' | 'isHealthy' | 'isStreamHealthy'>;
}

const shownHealth = (health: FeedParts['health']): FeedParts['health'] => ({
  changes$: health.changes$,
  status: () => health.status(),
  isHealthy: () => health.isHealthy(),
  isStreamHealthy: (stream, topic) => health.isStreamHealthy(stream, topic),
});

/** What a message gets that is sent to a closed feed. */
const refused: Ticket = { result: 'rejected', cancel: () => false };

/**
 * What a user gets of a feed, and no more. Each method works without its `this`, as in `merge(a$, b$).subscribe(feed.send)`; the
 * getters are in the class, since an object that has one of its own takes four times the memory, and make what many never ask for.
 */
export class PublicFeed<S extends Schemas> implements Feed<S> {
  readonly events$: Observable<FeedEvent>;
  readonly rejected$: Observable<Rejected>;

  /** Not `private`: who prints a feed is to see no URL and no header. */
  readonly #feed: FeedParts;
  #status$: Observable<ConnectionStatus> | undefined = undefined;
  #health: Feed<S>['health'] | undefined = undefined;
  /** The methods that many never ask for, by name: each is made once, so that it is the same whenever it is asked for. */
  #methods: { -readonly [K in RareMethod]?: Feed<S>[K] } | undefined = undefined;

  constructor(feed: FeedParts) {
    this.#feed = feed;
    this.events$ = feed.events.values$;
    this.rejected$ = feed.rejects.rejected$;
  }

  get status$(): Observable<ConnectionStatus> {
    return (this.#status$ ??= this.#feed.connection.status$.asObservable());
  }

  get health(): Feed<S>['health'] {
    return (this.#health ??= shownHealth(this.#feed.health));
  }

  readonly stream = <K extends keyof S & string>(name: K, topic?: string): StreamOf<S, K> => {
    const { config, life, outlets } = this.#feed;
    const outlet = outlets.get(name);
    if (outlet === undefined) throw new TypeError(`stream: there is no stream ${JSON.stringify(name)}`);
    const given: unknown = topic;
    if (given !== undefined && typeof given !== 'string') {
      throw new TypeError(`stream: a topic of ${JSON.stringify(name)} must be a string, got ${shown(given)}`);
    }
    if (topic !== undefined && config.streams[name]?.topic === undefined) {
      throw new TypeError(`stream: ${JSON.stringify(name)} has no topics, got ${JSON.stringify(topic)}`);
    }
    return new DirectObservable((subscriber, taker) => {
      const listener = new Listener(subscriber);
      const seat = outlet.hub.join(topic, subscriber, taker, listener);
      listener.seat = seat;
      listener.enter((user) => life.enter(user), outlet.hub.isPast(seat));
    });
  };

  readonly stats = (): FeedStats => {
    const { dispatch, ledger, outlets } = this.#feed;
    const { streams, ...counts } = ledger.stats();
    const reader = dispatch.readerStats();
    const page = (name: string, own: Counts): StreamStats => {
      const dedupe = outlets.get(name)?.memory?.stats();
      return dedupe === undefined ? own : { ...own, dedupe };
    };
    return {
      ...counts,
      ...(reader && { reader }),
      streams: Object.fromEntries(Object.entries(streams).map(([name, own]) => [name, page(name, own)])),
    };
  };

  readonly open = (): Promise<void> => this.#feed.life.open();
  readonly send = (message: unknown): SendResult => this.#post(message).result;

  get request(): Feed<S>['request'] {
    return this.#made(
      'request',
      () => (message, config) => this.#feed.requests.ask((...hooks) => this.#post(message, ...hooks), config),
    );
  }

  get takeUnsent(): Feed<S>['takeUnsent'] {
    return this.#made('takeUnsent', () => () => this.#feed.connection.takeUnsent());
  }

  get pause(): Feed<S>['pause'] {
    return this.#made('pause', () => () => {
      const { config, reading } = this.#feed;
      if ((config.transport ?? wsTransport).can?.pause === false) {
        throw new TypeError('pause: the transport cannot stop reading');
      }
      reading.pause();
    });
  }

  get resume(): Feed<S>['resume'] {
    return this.#made('resume', () => () => this.#feed.reading.resume());
  }

  get reconnect(): Feed<S>['reconnect'] {
    return this.#made('reconnect', () => (reason) => this.#feed.life.reconnect(reason));
  }

  get rotate(): Feed<S>['rotate'] {
    return this.#made('rotate', () => () => this.#feed.connection.rotate());
  }

  readonly close = (farewell?: Farewell): Promise<void> => this.#feed.life.close(farewell);

  get bufferedBytes(): number {
    const { connection, session } = this.#feed;
    return connection.unsentBytes() + (session?.socket.bufferedBytes ?? 0);
  }

  #made<K extends RareMethod>(name: K, make: () => Feed<S>[K]): Feed<S>[K] {
    const methods = (this.#methods ??= {});
    return (methods[name] ??= make());
  }

  #post(message: unknown, onWritten?: (by: unknown) => void, onGivenUp?: () => void): Ticket {
    const { connection, life } = this.#feed;
    const isOver = life.state === 'CLOSED' || life.state === 'CLOSING';
    return isOver ? refused : connection.send(message, onWritten, onGivenUp);
  }
}
