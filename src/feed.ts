import {
  asyncScheduler,
  catchError,
  concat,
  EMPTY,
  filter,
  firstValueFrom,
  map,
  merge,
  noop,
  Observable,
  of,
  share,
  Subject,
  type Subscription,
  takeUntil,
  throwIfEmpty,
  timer,
} from 'rxjs';
import type { GenericSchema } from 'valibot';
import { checkConfig } from './checkConfig.js';
import { type FeedConfig, type Schemas, type StreamConfig, type StreamOf } from './feedConfig.js';
import { createDispatch, quietly } from './dispatch.js';
import { jsonCodec } from './jsonCodec.js';
import { type BoundedLine, createBoundedLine, type Failure } from './operators/boundedLine.js';
import { turnBudgetOf } from './operators/turnBudget.js';
import type { Why } from './chain.js';
import { createOutlet, type Outlet, refOf } from './outlet.js';
import { createBacklog } from './sinks/backlog.js';
import { createHealthMonitor, type HealthMonitor } from './sinks/healthMonitor.js';
import { type Counts, createLedger, type FeedStats, type StreamStats } from './sinks/ledger.js';
import { createLossReport } from './sinks/lossReport.js';
import { createStaleRemedy } from './sinks/staleRemedy.js';
import { checkTripwire, createTripwire, type Tripwire } from './sinks/tripwire.js';
import { createConnection } from './streams/connection.js';
import type { ConnectionStatus, FeedEvent, Rejected, RejectReason, TopicRef } from './streams/events.js';
import { PauseTimeoutError, ReconnectRequestedError } from './streams/failure.js';
import { checkFarewell, type Farewell } from './streams/fromSocket.js';
import type { SendResult, Ticket } from './streams/outbox.js';
import { createReading } from './streams/reading.js';
import { createRequests, RequestRejectedError, type RequestConfig } from './streams/requests.js';
import type { Frame, OpenSession } from './streams/session.js';
import { createSubscriptions } from './streams/subscriptions.js';
import type { Data } from './streams/transport.js';
import { wsTransport } from './streams/wsTransport.js';

/** Typed, deduplicated, gap-aware streams over one WebSocket that is kept alive. */
export interface Feed<S extends Schemas> {
  /**
   * The values of a stream, or of one of its topics: hot, shared, in order of arrival. The first subscriber of the feed
   * opens the connection, the last to leave closes it after `lingerMs`. Completes on `close()`, errors only when the
   * feed gives up; a subscription after that starts the feed again.
   *
   * @throws {TypeError} If there is no such stream, or a topic is named and the stream has none.
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

/** What a message gets that is sent to a closed feed. */
const refused: Ticket = { result: 'rejected', cancel: () => false };

/**
 * Makes a feed; nothing is dialled before the first subscriber, or `open()`.
 *
 * @throws {TypeError | RangeError} If an option is wrong, naming the option and the value.
 */
export function createFeed<S extends Schemas>(config: FeedConfig<S>): Feed<S> {
  const { codec = jsonCodec, buffer = {}, lingerMs = 0, random = Math.random } = checkConfig(config);
  const { maxItems = 10_000, maxPauseMs = 30_000, sliceMs = 5, overflow, key: conflateKey } = buffer;
  const { settled, can } = config.transport ?? wsTransport;
  /** Shared by all feeds of this transport. */
  const turns = turnBudgetOf(settled);
  const definitions = Object.entries(config.streams) as [string, StreamConfig<GenericSchema>][];

  const events$ = new Subject<FeedEvent>();
  const rejected$ = new Subject<Rejected>();
  const flush$ = new Subject<void>();
  /** The deadline of `close()`: what is still buffered is dropped. */
  let abort = noop;
  const ledger = createLedger(definitions.map(([name]) => name));
  const reading = createReading({
    maxPauseMs,
    onChange: (type) => tell({ type, ...now() }),
    onTooLong: () => connection.drop(new PauseTimeoutError(maxPauseMs)),
  });
  const { resumed$ } = reading;
  const isPaused = (): boolean => reading.isPaused;
  const isYielding = (): boolean => reading.isYielding;
  const backlog = createBacklog({ settled, isPaused, resumed$, isYielding });
  const health = createHealthMonitor({
    streams: Object.fromEntries(definitions),
    autoStart: false,
    settled: backlog.workedOff$,
  });
  const requests = createRequests();
  health.setAlive(false);
  /** A stream that nobody asked the server for is not late: it is watched while it is wanted. */
  const isOnDemand = config.subscriptions !== undefined;
  if (isOnDemand) for (const [name] of definitions) health.unwatch(name);
  const losses = createLossReport((loss) => tell({ type: 'overflow', ...loss, ...now() }));

  let session: OpenSession | undefined;
  let readyAt = 0;

  const now = (): { readonly generation: number; readonly at: number } => ({
    generation: connection.status$.value.generation,
    at: asyncScheduler.now(),
  });
  const tell = (event: FeedEvent): void => events$.next(event);

  const reject = (reason: RejectReason, why: Why): void => {
    const { session: { generation } = now(), data: raw = '' } = dispatch.current ?? {};
    const rejected: Rejected = { reason, raw, generation, at: asyncScheduler.now(), ...why };
    rejected$.next(rejected);
    tell({ type: 'rejected', rejected, generation: rejected.generation, at: rejected.at });
    tripwireOf(why.stream).reject();
  };

  const tripwireOf = (name: string | undefined): Tripwire => {
    const known = tripwires.get(name);
    if (known !== undefined) return known;
    const page = name === undefined ? lookedAt : ledger.stream(name);
    const rejects = (name === undefined ? undefined : config.streams[name]?.rejects) ?? config.rejects;
    const tripwire = createTripwire(
      rejects,
      () => page.received,
      (poison) => tell({ ...poison, ...(name !== undefined && { stream: name }), ...now() }),
    );
    tripwires.set(name, tripwire);
    return tripwire;
  };
  /** The messages looked at: the ledger has received those, too, that wait in line or behind others in their frame. */
  const lookedAt = { received: 0 };
  /** One for each stream, and one for what is rejected before it gets to any: made for the first reject. */
  const tripwires = new Map<string | undefined, Tripwire>();
  for (const rejects of [config.rejects, ...definitions.map(([, own]) => own.rejects)])
    checkTripwire(rejects);

  // Above the line: one connection at a time, made again and again. See connection.ts.
  const connection = createConnection(config, {
    tell,
    encode: codec.encode,
    peek: (data) => dispatch.peek(data),
    onHeld: (message, from) => dispatch.onHeld(message, from),
    maxHeld: maxItems,
    onLost: (frames, { phase }) => {
      const of = phase === 'login' ? 'authentication' : 'rotation';
      for (let lost = 0; lost < frames; lost += 1) losses.count(of, 'drop-newest');
      ledger.receive(frames);
      ledger.settle('dropped', frames);
    },
    onUnsent: (reason, messages) => {
      for (let lost = 0; lost < messages; lost += 1) losses.count('outbox', reason);
    },
    join: ({ generation, port, socket, retired$ }, onRefused) =>
      subscriptions?.join({
        generation,
        over$: retired$,
        post: (message, onWritten) => {
          const data = codec.encode(message);
          return port.send(() => {
            socket.send(data);
            onWritten();
          }, 'topics');
        },
        ...(onRefused && { onRefused }),
      }),
    forgetPositions: () => subscriptions?.forget(),
    onReady: (ready) => {
      session = ready;
      readyAt = asyncScheduler.now();
      health.setAlive(true);
      reading.add(ready);
    },
    onEnded: (ended, error) => {
      reading.delete(ended);
      requests.fail(error ?? new RequestRejectedError('the feed was closed'), ended.port);
    },
    onOver: () => over(),
    isPaused,
    isYielding,
    resumed$,
  });

  const over = (): void => {
    session = undefined;
    reading.rest();
    losses.reset();
    health.setAlive(false);
  };

  // Below it, for every frame: decode → control, or route. See dispatch.ts.
  const outlets = new Map<string, Outlet>();
  const dispatch = createDispatch(config, {
    ledger,
    requests,
    outlets,
    pong: (from) => connection.pong(from),
    onLook: () => {
      lookedAt.received += 1;
    },
    reject: (reason, cause) => reject(reason, { cause }),
    onRepeat: (stream) => {
      const { account } = outlets.get(stream) as Outlet;
      account.route();
      account.settle('duplicate');
      tell({ type: 'duplicate', stream, ...dispatch.arrival });
    },
    onMistrust: (about) => tell({ type: 'skimMistrusted', ...about, ...now() }),
    onHookFailed: (hook, error) => tell({ type: 'hookFailed', hook, error, ...now() }),
  });

  // Then, per stream: parse → dedupe → gaps → fan-out. See outlet.ts.
  for (const [name, definition] of definitions) {
    outlets.set(
      name,
      createOutlet(name, definition, {
        ledger,
        health,
        lingerMs,
        flush$,
        tell,
        reject,
        arrival: dispatch.arrival,
        onRead: dispatch.onRead,
        saw: config.subscriptions && ((topic, sequence) => subscriptions?.saw(name, topic, sequence)),
        onScopeForgotten: () => losses.count('sequences', 'forget-oldest'),
        onOpen: (topic) => {
          if (topic !== undefined || isOnDemand) health.watch(name, topic);
          subscriptions?.want(refOf(name, topic));
        },
        onClose: (topic) => {
          if (topic !== undefined || isOnDemand) {
            health.unwatch(name, topic);
            remedies.forget(refOf(name, topic));
          }
          subscriptions?.unwant(refOf(name, topic));
        },
      }),
    );
  }

  // eslint-disable-next-line rxjs-x/no-ignored-error -- a Subject that never errors
  health.changes$.subscribe((change) => {
    tell({ ...change, generation: now().generation });
    remedies.hear(change);
  });

  const subscriptions =
    config.subscriptions &&
    createSubscriptions(config.subscriptions, {
      random,
      tell: (type, ref, generation) => tell({ type, ...ref, generation, at: asyncScheduler.now() }),
      onRefused: (ref, error) => {
        tell({ type: 'subscriptionRefused', ...ref, error, ...now() });
        outlets.get(ref.stream)?.hub.errorTopic(ref.topic, error);
      },
      onHookFailed: (hook, error) => tell({ type: 'hookFailed', hook, error, ...now() }),
    });

  const remedies = createStaleRemedy(
    Object.fromEntries(definitions.map(([name, { onStale = 'report' }]) => [name, onStale])),
    {
      ...(subscriptions && { resubscribe: (ref: TopicRef) => subscriptions.again(ref) }),
      reconnect: (reason) => connection.drop(new ReconnectRequestedError(reason)),
      upSince: () => (session === undefined || reading.isPaused ? undefined : readyAt),
      tell: (remedy) => tell({ type: 'remedy', ...remedy, ...now() }),
      onHookFailed: (error) => tell({ type: 'hookFailed', hook: 'onStale', error, ...now() }),
      random,
    },
  );

  /** Counts the runs, of which one is on at a time: a run that tells of its end may be asked for the next meanwhile. */
  let run = 0;
  let isRunning = false;
  const begin = (): number => {
    end(run); // of the one before, if it is still telling of that: this one starts clean
    isRunning = true;
    backlog.clear();
    health.start();
    remedies.start();
    return ++run;
  };
  const end = (mine: number): void => {
    if (mine !== run || !isRunning) return;
    isRunning = false;
    reading.reset();
    // Before the streams end: nobody is to be told on this connection that their topics are not wanted any more.
    session?.topics?.leave();
    flush$.next();
    over();
    requests.fail(new RequestRejectedError('the feed was closed'));
    health.stop();
    remedies.stop();
    for (const tripwire of tripwires.values()) tripwire.reset();
  };

  /** Between socket and parser: what comes faster than it is worked off waits here, and the event loop gets its turn. */
  const createLine = (onEnd: () => void, onError: (error: unknown) => void): BoundedLine<Frame> =>
    createBoundedLine<Frame>({
      maxItems,
      ...(overflow && { overflow }),
      ...(conflateKey && { key: (frame: Frame) => quietly(() => conflateKey(frame.data)) }),
      join: (onTurn) => turns.join(sliceMs, onTurn),
      take: (frame, at) => {
        dispatch.receive(frame, at);
        backlog.done();
      },
      onDrop: (_frame, reason) => {
        backlog.done();
        ledger.settle(reason === 'conflated' ? 'conflated' : 'dropped');
        if (reason === 'overflow') losses.count('buffer', overflow ?? 'drop-oldest');
      },
      onPause: () => reading.hold(),
      onResume: () => reading.letGo(),
      onYield: () => reading.yieldTurn(),
      onTurn: () => reading.takeTurn(),
      onDone: (failure) => {
        if (failure === undefined) onEnd();
        else onError(failure.error);
      },
      onError,
    });

  // The whole way: socket → line → decode, route → the streams' own chains. One subscription is one running feed. Frames are
  // handed on by calls; what is subscribed to here are the ends: by hand, as with operators an idle feed takes 6 kB more.
  const run$ = new Observable<never>((subscriber) => {
    const mine = begin();
    const stop$ = new Subject<void>();
    let isOver = false;
    const complete = (): void => {
      if (isOver) return;
      isOver = true;
      end(mine);
      if (connection.status$.value.state !== 'CLOSING') connection.setState('CLOSED');
      for (const outlet of outlets.values()) outlet.complete();
      subscriber.complete();
    };
    const fail = (cause: unknown): void => {
      if (isOver) return;
      isOver = true;
      end(mine);
      if (connection.status$.value.state !== 'CLOSED') connection.setState('CLOSED', { cause });
      subscriber.error(cause);
    };
    /** The frames and the line, which may end in either order. */
    let going = 2;
    const ended = (): void => {
      going -= 1;
      if (going === 0) complete();
    };
    const line = createLine(ended, fail);
    const framesEnded = (failure?: Failure): void => {
      if (isOver) return;
      line.end(failure);
      ended();
    };
    abort = complete;
    subscriber.add(() => {
      isOver = true;
      stop$.next();
      line.leave();
      end(mine);
    });
    connection
      .run((frame, at) => {
        backlog.came();
        ledger.receive();
        if (!line.accept(frame, at)) stop$.next();
      })
      .pipe(takeUntil(stop$))
      .subscribe({ complete: () => framesEnded(), error: (error: unknown) => framesEnded({ error }) });
  });
  const running$ = run$.pipe(
    share({
      // Who leaves because it ended lingers for nothing.
      resetOnRefCountZero: lingerMs === 0 ? true : () => (isRunning ? timer(lingerMs) : of(undefined)),
    }),
  );

  /** Keeps the feed running without a subscriber. */
  let held: Subscription | undefined;
  const hold = (): void => {
    if (held === undefined || held.closed) held = running$.subscribe({ error: noop });
  };
  const post = (message: unknown, onWritten?: (by: unknown) => void): Ticket => {
    const { state } = connection.status$.value;
    return state === 'CLOSED' || state === 'CLOSING' ? refused : connection.send(message, onWritten);
  };
  const readyState = config.authenticate === undefined ? 'CONNECTED' : 'AUTHENTICATED';
  let closing: Promise<void> | undefined;
  /** `reconnect()` was called meanwhile. */
  let opensAgain = false;

  return {
    stream<K extends keyof S & string>(name: K, topic?: string): StreamOf<S, K> {
      const outlet = outlets.get(name);
      if (outlet === undefined) throw new TypeError(`stream: there is no stream ${JSON.stringify(name)}`);
      if (topic !== undefined && config.streams[name].topic === undefined) {
        throw new TypeError(`stream: ${JSON.stringify(name)} has no topics, got ${JSON.stringify(topic)}`);
      }
      // By hand, as each value would pass two more subscribers if they were merged.
      return new Observable((subscriber) => {
        /** The list of subscribers, and the run. */
        let going = 2;
        const complete = (): void => {
          going -= 1;
          if (going === 0) subscriber.complete();
        };
        outlet.hub.join(topic, subscriber, complete);
        // Who ended the feed at a value that was kept is not to start it again.
        if (going === 1) subscriber.complete();
        if (subscriber.closed) return;
        subscriber.add(running$.subscribe({ complete, error: (error: unknown) => subscriber.error(error) }));
      });
    },
    status$: connection.status$.asObservable(),
    events$: events$.asObservable(),
    rejected$: rejected$.asObservable(),
    health,
    stats() {
      const { streams, ...counts } = ledger.stats();
      const page = (name: string, own: Counts): StreamStats => {
        const dedupe = outlets.get(name)?.memory?.stats();
        return dedupe === undefined ? own : { ...own, dedupe };
      };
      return {
        ...counts,
        ...(dispatch.readerStats && { reader: dispatch.readerStats() }),
        streams: Object.fromEntries(Object.entries(streams).map(([name, own]) => [name, page(name, own)])),
      };
    },
    open() {
      hold();
      const isReady$ = connection.status$.pipe(filter(({ state }) => state === readyState));
      // eslint-disable-next-line rxjs-x/no-ignored-default-value -- throwIfEmpty says it better
      return firstValueFrom(
        merge(isReady$, running$).pipe(
          map(() => undefined),
          throwIfEmpty(() => new Error('open: the feed was closed before it was ready')),
        ),
      );
    },
    send: (message) => post(message).result,
    request: (message, requestConfig) => requests.ask((onWritten) => post(message, onWritten), requestConfig),
    takeUnsent: () => connection.takeUnsent(),
    get bufferedBytes() {
      return connection.unsentBytes() + (session?.socket.bufferedBytes ?? 0);
    },
    pause() {
      if (can?.pause === false) throw new TypeError('pause: the transport cannot stop reading');
      reading.pause();
    },
    resume: () => reading.resume(),
    rotate: () => connection.rotate(),
    reconnect(reason) {
      if (closing !== undefined) opensAgain = true;
      else if (isRunning) connection.drop(new ReconnectRequestedError(reason));
      else hold();
    },
    close(farewell = {}) {
      checkFarewell(farewell);
      if (closing !== undefined) return closing;
      if (!isRunning && connection.status$.value.state === 'CLOSED') return Promise.resolve();
      const { timeoutMs = 5_000 } = farewell;
      let finish = noop;
      closing = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const promise = closing;
      const ended$ = isRunning ? running$.pipe(catchError(() => EMPTY)) : EMPTY;
      const mine = run;
      const sockets = connection.sockets();
      connection.setState('CLOSING');
      const deadline = asyncScheduler.schedule(() => {
        abort();
        sockets.terminate();
      }, timeoutMs);
      concat(ended$, sockets.gone$).subscribe({
        complete: () => {
          closing = undefined;
          deadline.unsubscribe();
          if (mine === run) {
            connection.setState('CLOSED');
            for (const { complete } of outlets.values()) complete();
          }
          finish();
          if (opensAgain) hold();
          opensAgain = false;
        },
        error: noop, // there is none: what ends in one is caught above
      });
      connection.close(farewell);
      return promise;
    },
  };
}
