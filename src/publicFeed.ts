import type { Observable } from 'rxjs';
import type { Schemas, StreamOf } from './feedConfig.js';
import type { HealthMonitor } from './sinks/healthMonitor.js';
import type { FeedStats } from './sinks/ledger.js';
import type { ConnectionStatus, FeedEvent, Rejected } from './streams/events.js';
import type { Farewell } from './streams/farewell.js';
import type { SendResult } from './streams/outbox.js';
import type { RequestConfig } from './streams/requests.js';
import type { Data } from './streams/transport.js';

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
  /** Connects without waiting for a subscriber and stays connected until `close()`; rejects when the feed gives up. */
  open(): Promise<void>;
  /** Sends a message when the connection is ready, at once or later. */
  send(message: unknown): SendResult;
  /** Sends on subscription; emits the one reply that matches. Errors on timeout, disconnect or a full outbox. */
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
  /** Makes a new connection now, in every state; a feed that gave up or was closed starts again. */
  reconnect(reason?: string): void;
  /**
   * Makes a new connection beside this one, and moves over when it is logged in and its topics are confirmed: nothing is
   * lost, and what both delivered is dropped by the streams' `key`. Told as `rotating`, `rotated`, `rotateFailed`. It waits
   * until the topics of this connection are confirmed and the one before it is gone; without a ready connection, or with a
   * rotation asked for already, it does nothing.
   */
  rotate(): void;
  /**
   * Takes nothing more in, delivers what is buffered, flushes the outbox and closes the socket, by the deadline.
   *
   * @throws {RangeError} If the code or the reason cannot be sent, or the time is negative.
   */
  close(farewell?: Farewell): Promise<void>;
}

/**
 * What a user gets of a feed, and no more. Each method works without its `this`, as in `merge(a$, b$).subscribe(feed.send)`; the
 * getter is in the class, since an object that has one of its own takes four times the memory.
 */
export class PublicFeed<S extends Schemas> implements Feed<S> {
  readonly status$: Observable<ConnectionStatus>;
  readonly events$: Observable<FeedEvent>;
  readonly rejected$: Observable<Rejected>;
  readonly health: Feed<S>['health'];

  /** Not `private`: who prints a feed is to see no URL and no header. */
  readonly #feed: Feed<S>;

  constructor(feed: Feed<S>) {
    this.#feed = feed;
    this.status$ = feed.status$;
    this.events$ = feed.events$;
    this.rejected$ = feed.rejected$;
    const { health } = feed;
    this.health = {
      changes$: health.changes$,
      status: () => health.status(),
      isHealthy: () => health.isHealthy(),
      isStreamHealthy: (stream, topic) => health.isStreamHealthy(stream, topic),
    };
  }

  readonly stream: Feed<S>['stream'] = (name, topic) => this.#feed.stream(name, topic);
  readonly stats = (): FeedStats => this.#feed.stats();
  readonly open = (): Promise<void> => this.#feed.open();
  readonly send = (message: unknown): SendResult => this.#feed.send(message);
  readonly request: Feed<S>['request'] = (message, config) => this.#feed.request(message, config);
  readonly takeUnsent = (): readonly Data[] => this.#feed.takeUnsent();
  readonly pause = (): void => this.#feed.pause();
  readonly resume = (): void => this.#feed.resume();
  readonly reconnect = (reason?: string): void => this.#feed.reconnect(reason);
  readonly rotate = (): void => this.#feed.rotate();
  readonly close = (farewell?: Farewell): Promise<void> => this.#feed.close(farewell);

  get bufferedBytes(): number {
    return this.#feed.bufferedBytes;
  }
}
