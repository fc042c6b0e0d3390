import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
  firstValueFrom,
  ignoreElements,
  map,
  merge,
  noop,
  type Observable,
  of,
  share,
  Subject,
  type Subscription,
  takeUntil,
  tap,
  throwIfEmpty,
  timer,
} from 'rxjs';
import type { GenericSchema } from 'valibot';
import { checkConfig } from './checkConfig.js';
import {
  type FeedConfig,
  routeByType,
  type Schemas,
  type StreamConfig,
  type StreamOf,
} from './feedConfig.js';
import { jsonCodec } from './jsonCodec.js';
import { bufferBounded } from './operators/bufferBounded.js';
import { createOutlet, listOf, type Outlet, refOf, type Why } from './outlet.js';
import { createBacklog } from './sinks/backlog.js';
import { createHealthMonitor, type HealthMonitor } from './sinks/healthMonitor.js';
import { type Counts, createLedger, type FeedStats, type StreamStats } from './sinks/ledger.js';
import { createLossReport } from './sinks/lossReport.js';
import { createStaleRemedy } from './sinks/staleRemedy.js';
import { createTripwire, type Tripwire } from './sinks/tripwire.js';
import { createConnection } from './streams/connection.js';
import type { ConnectionStatus, FeedEvent, Rejected, RejectReason, TopicRef } from './streams/events.js';
import { PauseTimeoutError, ReconnectRequestedError } from './streams/failure.js';
import { checkFarewell, type Farewell } from './streams/fromSocket.js';
import type { SendResult, Ticket } from './streams/outbox.js';
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

/** What a rule gives, or `undefined` if it throws: for a first look at a frame whose rejection comes in line. */
const quietly = <T>(ask: () => T): T | undefined => {
  try {
    return ask();
  } catch {
    return undefined;
  }
};

/** What a message gets that is sent to a closed feed. */
const refused: Ticket = { result: 'rejected', cancel: () => false };

/**
 * Makes a feed; nothing is dialled before the first subscriber, or `open()`.
 *
 * @throws {TypeError | RangeError} If an option is wrong, naming the option and the value.
 */
export function createFeed<S extends Schemas>(config: FeedConfig<S>): Feed<S> {
  const {
    codec = jsonCodec,
    route = routeByType,
    heartbeat = {},
    buffer = {},
    lingerMs = 0,
    random = Math.random,
  } = checkConfig(config);
  const { maxItems = 10_000, maxPauseMs = 30_000, key: conflateKey, ...flow } = buffer;
  const { settled, can } = config.transport ?? wsTransport;
  const definitions = Object.entries(config.streams) as [string, StreamConfig<GenericSchema>][];

  const events$ = new Subject<FeedEvent>();
  const rejected$ = new Subject<Rejected>();
  const flush$ = new Subject<void>();
  const resumed$ = new Subject<void>();
  /** The deadline of `close()`: what is still buffered is dropped. */
  const abort$ = new Subject<void>();
  const ledger = createLedger(definitions.map(([name]) => name));
  const backlog = createBacklog({ settled, isPaused: () => isPaused, resumed$ });
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

  /** The frame being worked on: what a rejection shows, and the connection a value came by. */
  let current: Frame | undefined;
  let session: OpenSession | undefined;
  /** The one in charge, and one that has retired and delivers its last frames. */
  const reading = new Set<OpenSession>();
  let readyAt = 0;
  /** How many want reading paused: the buffer, and callers of `pause()`. */
  let holds = 0;
  let pauses = 0;
  let isPaused = false;
  let pauseDeadline: Subscription | undefined;

  const now = (): { readonly generation: number; readonly at: number } => ({
    generation: connection.status$.value.generation,
    at: asyncScheduler.now(),
  });
  const tell = (event: FeedEvent): void => events$.next(event);

  const reject = (reason: RejectReason, why: Why): void => {
    const { session: { generation } = now(), data: raw = '' } = current ?? {};
    const rejected: Rejected = { reason, raw, generation, at: asyncScheduler.now(), ...why };
    rejected$.next(rejected);
    tell({ type: 'rejected', rejected, generation: rejected.generation, at: rejected.at });
    tripwires.get(why.stream)?.reject();
  };

  const tripwireOf = (
    name: string | undefined,
    page: { readonly received: number },
    rejects = config.rejects ?? {},
  ): Tripwire =>
    createTripwire(
      rejects,
      () => page.received,
      (poison) => tell({ ...poison, ...(name !== undefined && { stream: name }), ...now() }),
    );
  /** The messages looked at: the ledger has received those, too, that wait in line or behind others in their frame. */
  const lookedAt = { received: 0 };
  /** One for each stream, and one for what is rejected before it gets to any. */
  const tripwires = new Map<string | undefined, Tripwire>([
    [undefined, tripwireOf(undefined, lookedAt)],
    ...definitions.map(
      ([name, { rejects }]) => [name, tripwireOf(name, ledger.stream(name), rejects)] as const,
    ),
  ]);

  // Above the line: one connection at a time, made again and again. See connection.ts.
  const connection = createConnection(config, {
    tell,
    encode: codec.encode,
    peek: (data) => quietly(() => unpack(codec.decode(data))),
    onHeld: (message, from) => quietly(() => concernsConnection(message, from)) === true,
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
      reading.add(ready);
      readyAt = asyncScheduler.now();
      health.setAlive(true);
      if (isPaused) pauseReading();
    },
    onEnded: (ended, error) => {
      reading.delete(ended);
      requests.fail(error ?? new RequestRejectedError('the feed was closed'), ended.port);
    },
    onOver: () => over(),
    isPaused: () => isPaused,
    resumed$,
  });

  /** TCP pushes back from here on; a server drops a reader that is slow for too long, so the pause has an end. */
  const pauseReading = (): void => {
    for (const { socket } of reading) socket.pause?.();
    if (pauseDeadline?.closed === false) return; // a rotation meanwhile does not put it off
    pauseDeadline = asyncScheduler.schedule(
      () => connection.drop(new PauseTimeoutError(maxPauseMs)),
      maxPauseMs,
    );
  };

  /** Reading stops for the first who asks, and goes on when the last has let go. */
  const stopReading = (): void => {
    holds += 1;
    if (isPaused) return;
    isPaused = true;
    tell({ type: 'paused', ...now() });
    pauseReading();
  };
  const readOn = (): void => {
    holds = Math.max(0, holds - 1);
    if (!isPaused || holds > 0) return;
    isPaused = false;
    pauseDeadline?.unsubscribe();
    tell({ type: 'resumed', ...now() });
    for (const { socket } of reading) socket.resume?.();
    resumed$.next();
  };

  const over = (): void => {
    session = undefined;
    pauseDeadline?.unsubscribe();
    losses.reset();
    health.setAlive(false);
  };

  // Below the line, per stream: parse → dedupe → gaps → fan-out. See outlet.ts.
  const outlets = new Map<string, Outlet>(
    definitions.map(([name, definition]) => [
      name,
      createOutlet(name, definition, {
        ledger,
        health,
        lingerMs,
        flush$,
        tell,
        reject,
        generationNow: () => current?.session.generation ?? 0,
        saw: (ref, sequence) => subscriptions?.saw(ref, sequence),
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
    ]),
  );

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
      upSince: () => (session === undefined || isPaused ? undefined : readyAt),
      tell: (remedy) => tell({ type: 'remedy', ...remedy, ...now() }),
      onHookFailed: (error) => tell({ type: 'hookFailed', hook: 'onStale', error, ...now() }),
      random,
    },
  );

  const unpack = (decoded: unknown): readonly unknown[] => {
    if (config.unpack === undefined) return [decoded];
    return listOf('unpack', config.unpack(decoded));
  };

  /** Acks and heartbeats: what a server says of the connection. */
  const concernsConnection = (message: unknown, from: OpenSession): boolean => {
    if (from.topics?.hear(message) === true) return true;
    if (heartbeat.isPong?.(message) !== true) return from.heartbeat.reply(message);
    connection.pong(from);
    return true;
  };

  /** Told to whom they concern, and no data. */
  const isControl = (message: unknown, index: number, { session: from, held }: Frame): boolean => {
    if (held === undefined) from.hear(message);
    if (held === undefined ? concernsConnection(message, from) : held.acted[index] === true) return true;
    if (requests.hear(message, from.port)) return true;
    if (config.rotate?.when?.(message) === true) {
      from.notice();
      return true;
    }
    return config.isControl?.(message) === true;
  };

  /** Where a message goes: to a stream, or to one of the counts. */
  const destination = (
    message: unknown,
    index: number,
    frame: Frame,
  ): Outlet | 'control' | 'unrouted' | 'rejected' => {
    try {
      if (isControl(message, index, frame)) return 'control';
      // What nobody routes while a session authenticates is the conversation of its login.
      return outlets.get(route(message) ?? '') ?? (frame.held?.phase === 'login' ? 'control' : 'unrouted');
    } catch (cause) {
      reject('route', { cause });
      return 'rejected';
    }
  };

  const receive = (frame: Frame): void => {
    workOff(frame);
    backlog.done();
  };

  const workOff = (frame: Frame): void => {
    current = frame;
    let messages: readonly unknown[];
    try {
      messages = unpack(codec.decode(frame.data));
    } catch (cause) {
      lookedAt.received += 1;
      ledger.settle('rejected');
      reject('decode', { cause });
      return;
    }
    ledger.unpack(messages.length);
    for (const [index, message] of messages.entries()) {
      lookedAt.received += 1;
      const to = destination(message, index, frame);
      if (typeof to === 'string') {
        ledger.settle(to);
      } else {
        to.account.route();
        to.input$.next(message);
      }
    }
  };

  /** Counts the runs, of which one is on at a time: a run that tells of its end may be asked for the next meanwhile. */
  let run = 0;
  let isRunning = false;
  const begin = (): number => {
    isRunning = true;
    backlog.clear();
    health.start();
    remedies.start();
    return ++run;
  };
  const end = (mine: number): void => {
    if (mine !== run || !isRunning) return;
    isRunning = false;
    isPaused = false;
    holds = pauses = 0;
    // Before the streams end: nobody is to be told on this connection that their topics are not wanted any more.
    session?.topics?.leave();
    flush$.next();
    over();
    requests.fail(new RequestRejectedError('the feed was closed'));
    health.stop();
    remedies.stop();
    for (const tripwire of tripwires.values()) tripwire.reset();
  };

  const buffered = bufferBounded<Frame>(maxItems, {
    ...flow,
    ...(conflateKey && { key: (frame: Frame) => quietly(() => conflateKey(frame.data)) }),
    settled,
    maxPauseMs: Infinity, // the feed bounds the pause itself: too long a one ends the connection, not the feed
    onDrop: (_frame, reason) => {
      backlog.done();
      ledger.settle(reason === 'conflated' ? 'conflated' : 'dropped');
      if (reason === 'overflow') losses.count('buffer', flow.overflow ?? 'drop-oldest');
    },
    onPause: () => stopReading(),
    onResume: () => readOn(),
  });

  // The whole way: socket → buffer → decode, route → the streams' own chains. One subscription is one running feed.
  const running$ = defer(() => {
    const mine = begin();
    return connection.frames$.pipe(
      tap(() => {
        backlog.came();
        ledger.receive();
      }),
      buffered,
      takeUntil(abort$), // eslint-disable-line rxjs-x/no-unsafe-takeuntil -- what follows must see it complete
      tap(receive),
      ignoreElements(),
      tap({
        complete: () => {
          end(mine);
          if (connection.status$.value.state !== 'CLOSING') connection.setState('CLOSED');
          for (const { complete } of outlets.values()) complete();
        },
        error: (cause: unknown) => {
          end(mine);
          if (connection.status$.value.state !== 'CLOSED') connection.setState('CLOSED', { cause });
        },
        finalize: () => end(mine),
      }),
    );
  }).pipe(
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
      return merge(outlet.hub.stream(topic), running$);
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
      return connection.unsentBytes + (session?.socket.bufferedBytes ?? 0);
    },
    pause() {
      if (can?.pause === false) throw new TypeError('pause: the transport cannot stop reading');
      pauses += 1;
      stopReading();
    },
    resume() {
      if (pauses === 0) return; // the buffer's own hold is not the caller's to take back
      pauses -= 1;
      readOn();
    },
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
        abort$.next();
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
