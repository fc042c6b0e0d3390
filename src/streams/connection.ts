import {
  asyncScheduler,
  BehaviorSubject,
  catchError,
  concat,
  concatMap,
  defer,
  distinctUntilChanged,
  EMPTY,
  filter,
  finalize,
  ignoreElements,
  merge,
  mergeMap,
  type Observable,
  of,
  raceWith,
  skip,
  startWith,
  Subject,
  take,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import { retryBackoff, type RetryFailure, type RetryPolicy } from '../operators/retryBackoff.js';
import { type AuthenticateConfig, checkAuthenticate } from './authenticate.js';
import { dialSession } from './dialSession.js';
import { createEndpoints } from './endpoints.js';
import type { ConnectionState, ConnectionStatus, FeedEvent, TopicRef } from './events.js';
import { classify as classifyByDefault, type FailureClass, OfflineError } from './failure.js';
import { type Farewell, fromSocket, type FromSocketConfig } from './fromSocket.js';
import { checkHeartbeat, type HeartbeatConfig } from './heartbeat.js';
import { fromYielded, type Yielded } from './input.js';
import { createOutbox, type OutboxConfig, type OutboxHooks, type Port, type Ticket } from './outbox.js';
import { type ReconnectConfig, resolvePolicies } from './policies.js';
import { lineOfSessions, type RotateConfig } from './rotation.js';
import type { OpenSession, Session, TakeFrame } from './session.js';
import type { SessionTopics } from './subscriptions.js';
import type { Data, Socket } from './transport.js';
import { wsTransport } from './wsTransport.js';

export interface ConnectionConfig
  extends
    Pick<FromSocketConfig, 'url' | 'protocols' | 'socket' | 'transport' | 'connectTimeoutMs'>,
    AuthenticateConfig {
  /** Runs on every connection once it is ready; its failure is told as `hookFailed` and ends nothing. A rotation waits for its end. */
  readonly onConnected?: (
    session: Session,
    info: { readonly generation: number; readonly isReconnect: boolean },
  ) => Yielded<unknown>;
  /** @default on, and off where the transport has no ping frames */
  readonly heartbeat?: HeartbeatConfig;
  readonly reconnect?: ReconnectConfig;
  readonly rotate?: RotateConfig;
  readonly outbox?: OutboxConfig;
  /** What the platform says of its network: `false` drops the connection, `true` ends the wait for the next dial. @default nothing is said */
  readonly online$?: Observable<boolean>;
  /** A number in [0, 1), for the jitter. @default Math.random */
  readonly random?: () => number;
}

export interface ConnectionHooks {
  readonly tell: (event: FeedEvent) => void;
  readonly encode: (message: unknown) => Data;
  readonly peek: (data: Data) => readonly unknown[] | undefined;
  /** Acts on a message that is held: what concerns a connection cannot wait. */
  readonly onHeld: (message: unknown, session: OpenSession) => boolean;
  /** Frames held at most until a session is in charge. */
  readonly maxHeld: number;
  /** Held frames that will never be delivered: there was no room, or their session ended before it took charge. */
  readonly onLost: (frames: number, session: OpenSession) => void;
  /** Messages that will never be sent. */
  readonly onUnsent: OutboxHooks['onLost'];
  /** Asks the server of a session for the wanted topics; `onRefused` is told instead of their subscribers until it takes charge. */
  readonly join: (
    session: OpenSession,
    onRefused?: (topic: TopicRef, error: unknown) => void,
  ) => SessionTopics | undefined;
  /** The positions reached in the topics are void. */
  readonly forgetPositions: () => void;
  /** The session may carry traffic, and is in charge from here on; runs before its first frame is delivered. */
  readonly onReady: (session: OpenSession) => void;
  /** A session has ended. */
  readonly onEnded: (session: OpenSession, error: unknown) => void;
  /** There is no connection any more, or a dial failed. */
  readonly onOver: () => void;
  /** Reading is paused on purpose: no verdict of silence. */
  readonly isPaused: () => boolean;
  readonly resumed$: Observable<unknown>;
}

export interface Connection {
  /**
   * Subscribing connects, and reconnects, until unsubscribed; errors when the policies give up. Every frame is handed to
   * `take`, as `OpenSession.deliver` does; it emits nothing itself.
   */
  run(take: TakeFrame): Observable<never>;
  readonly status$: BehaviorSubject<ConnectionStatus>;
  /** `onWritten` is told by which session's port the message left. */
  send(message: unknown, onWritten?: (port: Port) => void): Ticket;
  /** Bytes that wait to be sent. */
  unsentBytes(): number;
  /** Takes out what waits to be sent. */
  takeUnsent(): readonly Data[];
  /** Drops this connection, or this dial, for the reason given; `ReconnectRequestedError` makes the next dial at once. */
  drop(error: Error): void;
  /** Makes a new connection beside this one and moves over to it; without a ready connection it does nothing. */
  rotate(): void;
  /** Takes nothing more in, flushes the outbox, then completes `run` and says farewell to the socket. */
  close(farewell: Farewell): void;
  /** Says that a message answered the ping that is out. */
  pong(session: OpenSession): void;
  /** The sockets of this moment: `gone$` completes when none is left. */
  sockets(): { readonly gone$: Observable<never>; terminate(): void };
  setState(state: ConnectionState, extra?: Partial<ConnectionStatus>): void;
}

/** The part of the pipeline whose state lives as long as one connection, and `retryBackoff` around it. */
export function createConnection(config: ConnectionConfig, hooks: ConnectionHooks): Connection {
  const { reconnect = {}, rotate = {}, random = Math.random, transport = wsTransport } = config;
  const { drainMs = 1_000 } = rotate;
  const { stableMs = 5_000 } = reconnect;
  const readyState = config.authenticate === undefined ? 'CONNECTED' : 'AUTHENTICATED';
  // Unasked, a heartbeat that cannot ping would take every quiet connection for a dead one.
  const { heartbeat = { off: transport.can?.ping === false } } = config;
  checkHeartbeat(heartbeat, transport);
  checkAuthenticate(config);
  void fromSocket({ ...config, transport }); // cold: made for its checks, so that a wrong option throws here
  const endpoints = createEndpoints();
  const outbox = createOutbox(config.outbox, {
    onLost: hooks.onUnsent,
    // A socket that cannot be written to is of no use, and its message is lost.
    onWriteError: (error) => drop(error),
  });
  const drop$ = new Subject<unknown>();
  const wake$ = new Subject<void>();
  const rotate$ = new Subject<void>();
  /** Ends the wait for the last frames of a retired connection. */
  const cut$ = new Subject<void>();
  const stopIntake$ = new Subject<void>();
  const stop$ = new Subject<void>();
  const goneSignal$ = new Subject<void>();
  const status$ = new BehaviorSubject<ConnectionStatus>({
    state: 'DISCONNECTED',
    generation: 0,
    attempt: 0,
    since: asyncScheduler.now(),
  });
  let dials = 0;
  let readyCount = 0;
  /** Counts the subscriptions of `run`, of which one is active at a time. */
  let runs = 0;
  let isActive = false;
  let farewell: () => Farewell = () => ({});
  /** The dial that `status$` speaks of: the last one, but for that of a rotation that has not taken over. */
  let generation = 0;
  let inCharge: OpenSession | undefined;
  let inChargeSince = 0;
  /** What was last dropped for: that is nothing to hand over from. */
  let dropped: unknown;
  /** Sockets by their generation, from their dial until they are gone: one, or two while a rotation moves over. */
  const live = new Map<number, Socket>();
  /** Sessions in charge whose held frames nobody has read yet. */
  const unread = new Set<OpenSession>();

  const stamp = (): { readonly generation: number; readonly at: number } => ({
    generation,
    at: asyncScheduler.now(),
  });

  const setState = (state: ConnectionState, extra: Partial<ConnectionStatus> = {}): void => {
    const status = { state, generation, attempt: 0, since: asyncScheduler.now(), ...extra };
    status$.next(status);
    hooks.tell({ type: 'state', status, ...stamp() });
  };

  const hookFailed = (hook: string, error: unknown): void => {
    hooks.tell({ type: 'hookFailed', hook, error, ...stamp() });
  };
  const { classify, policy } = resolvePolicies(reconnect, {
    onHookFailed: hookFailed,
    onForgetPositions: hooks.forgetPositions,
  });

  const pong = (session: OpenSession, by: 'frame' | 'message'): void => {
    const latencyMs = session.heartbeat.answered(by);
    if (latencyMs === undefined) return;
    session.latencyMs = latencyMs;
    if (session === inCharge) status$.next({ ...status$.value, latencyMs });
    hooks.tell({ type: 'pong', latencyMs, generation: session.generation, at: asyncScheduler.now() });
  };

  /** What the user wants done on every connection. */
  const greet = (session: OpenSession, isReconnect: boolean): Observable<never> =>
    defer(() =>
      fromYielded(config.onConnected?.(session, { generation: session.generation, isReconnect })),
    ).pipe(
      ignoreElements(),
      catchError((error: unknown) => {
        hookFailed('onConnected', error);
        return EMPTY;
      }),
    );

  /** From here on the session is the one that subscribers and senders deal with. */
  const takeCharge = (session: OpenSession, before?: OpenSession): Observable<OpenSession> => {
    const isReconnect = readyCount++ > 0;
    const { protocol, extensions, url } = session.socket;
    ({ generation } = session);
    inCharge = session;
    inChargeSince = asyncScheduler.now();
    session.start();
    unread.add(session);
    before?.retire();
    if (readyState === 'AUTHENTICATED' || before !== undefined) setState(readyState);
    // Whoever is told may close or drop it.
    if (before !== undefined && !session.isOver) {
      hooks.tell({ type: 'rotated', from: before.generation, ...stamp() });
    }
    if (!session.isOver) {
      hooks.tell({ type: 'connected', isReconnect, url, protocol, extensions, ...stamp() });
    }
    if (session.isOver) return EMPTY;
    hooks.onReady(session);
    if (before === undefined) session.topics = hooks.join(session);
    else session.topics?.takeCharge();
    const greeted$ = before === undefined ? greet(session, isReconnect) : EMPTY;
    const release$ = defer(() => {
      session.port.release();
      return EMPTY;
    });
    return merge(greeted$, of(session), release$);
  };

  /** What a pause holds back is yet to come: the time begins again when reading goes on. */
  const drain$: Observable<unknown> = timer(drainMs).pipe(
    mergeMap(() =>
      hooks.isPaused()
        ? hooks.resumed$.pipe(
            take(1),
            mergeMap(() => drain$),
          )
        : of(undefined),
    ),
  );

  const dial = (
    welcome: (session: OpenSession) => Observable<OpenSession>,
    before?: OpenSession,
  ): Observable<OpenSession> =>
    defer(() => {
      const mine = ++dials;
      for (const [other, socket] of live) if (other !== before?.generation) socket.terminate();
      if (before === undefined) {
        generation = mine;
        setState('CONNECTING', { attempt: status$.value.attempt });
      }
      return dialSession(
        {
          ...config,
          ...hooks,
          transport,
          heartbeat,
          outbox,
          generation: mine,
          choose: (urls) => endpoints.choose(urls),
          farewell: () => farewell(),
          onDial: (socket) => void live.set(mine, socket),
          onGone: () => {
            live.delete(mine);
            goneSignal$.next();
          },
          onOpen: () => {
            if (before === undefined) setState('CONNECTED');
          },
          onPong: (session) => pong(session, 'frame'),
          onHookFailed: hookFailed,
          onNoRoom: (session, data, at) => {
            if (session.phase !== 'ready') {
              hooks.onLost(1, session);
              return;
            }
            // It waits for the last frames of the one before it, and can wait no longer.
            cut$.next();
            if (!session.receive(data, at)) hooks.onLost(1, session);
          },
          onEnd: (session, error) => {
            if (inCharge === session) inCharge = undefined;
            hooks.onEnded(session, error);
          },
          isPaused: (session) => (session === inCharge || session.isRetired) && hooks.isPaused(),
          drop$,
          stopIntake$,
          drained$: merge(cut$, stopIntake$, drain$),
        },
        welcome,
      );
    });

  const decide = (failure: RetryFailure): RetryPolicy => {
    const decided = policy(failure);
    if (decided.action !== 'giveUp' || failure.class !== 'config') return decided;
    // One URL that can never work says nothing of the others.
    return endpoints.ruleOut() ? decided : { ...decided, action: 'retry' };
  };

  const line$ = lineOfSessions({
    ...reconnect,
    ...rotate,
    dial,
    lead: takeCharge,
    greet: (session) => greet(session, true),
    join: (session) =>
      defer(() => {
        const refused$ = new Subject<never>();
        // eslint-disable-next-line rxjs-x/throw-error -- a SubscriptionRefusedError
        session.topics = hooks.join(session, (_topic, error) => refused$.error(error));
        return session.topics === undefined ? EMPTY : session.topics.settled$.pipe(raceWith(refused$));
      }),
    retrying: (hasLed) =>
      retryBackoff({
        ...reconnect,
        random,
        classify,
        // Once it has taken over, its end is that of the line.
        policy: (failure) => (hasLed() ? null : decide(failure)),
        onRetry: ({ error, delayMs }) => {
          endpoints.failed(false);
          hooks.tell({ type: 'rotateFailed', error, retryInMs: delayMs, ...stamp() });
        },
      }),
    onStart: () => {
      endpoints.prefer();
      hooks.tell({ type: 'rotating', ...stamp() });
    },
    onFailed: (error) => hooks.tell({ type: 'rotateFailed', error, ...stamp() }),
    onOutlived: (error) => {
      if (error === dropped) return false;
      const upMs = asyncScheduler.now() - inChargeSince;
      hooks.tell({ type: 'disconnected', error, class: classify(error), upMs, ...stamp() });
      return true;
    },
    rotate$,
    stop$: stopIntake$,
    random,
  });

  /** Of the session that was in charge: the failure knows how long the line was up, rotations included. */
  const upMsOf = ({ upMs }: RetryFailure): number =>
    upMs === undefined ? 0 : asyncScheduler.now() - inChargeSince;

  const over = (failure: RetryFailure): void => {
    const { error, class: name } = failure;
    hooks.onOver();
    hooks.tell({
      type: 'disconnected',
      error,
      class: name as FailureClass,
      upMs: upMsOf(failure),
      ...stamp(),
    });
  };

  const retrying = retryBackoff<OpenSession>({
    ...reconnect,
    random,
    classify,
    policy: decide,
    wake$,
    onRetry: (decision) => {
      const { error, attempt, delayMs } = decision;
      const { classAttempt, previousMs, jitteredMs, floorMs } = decision;
      const name = decision.class as FailureClass;
      if (name !== 'requested') endpoints.failed(upMsOf(decision) >= stableMs);
      over(decision);
      hooks.tell({
        type: 'retry',
        error,
        class: name,
        attempt,
        classAttempt,
        previousMs,
        jitteredMs,
        floorMs,
        delayMs,
        ...stamp(),
      });
      if (isActive) setState('RECONNECTING', { attempt, retryInMs: delayMs, cause: error });
    },
    onComplete: over,
    onGiveUp: (error, failure) => {
      over(failure);
      hooks.tell({ type: 'gaveUp', error, ...stamp() });
      setState('CLOSED', { attempt: failure.attempt, cause: error });
    },
  });

  const drop = (error: unknown): void => {
    dropped = error;
    drop$.next(error);
    if (classifyByDefault(error) === 'requested') wake$.next();
  };

  /** What the platform says of its network; that it was there from the start is no news. */
  const network$ = (online$: Observable<boolean>): Observable<never> =>
    online$.pipe(
      startWith(true),
      distinctUntilChanged(),
      skip(1),
      tap((isOnline) => {
        if (isOnline) wake$.next();
        else drop(new OfflineError());
      }),
      ignoreElements(),
      catchError((error: unknown) => {
        hookFailed('online$', error);
        return EMPTY;
      }),
    );

  const run = (take: TakeFrame): Observable<never> =>
    defer(() => {
      const mine = ++runs;
      isActive = true;
      const sessions$ = line$.pipe(
        retrying,
        // One after the other: after a rotation the old connection's last frames come first.
        concatMap((session) => session.deliver(take).pipe(tap({ complete: () => unread.delete(session) }))),
      );
      return sessions$.pipe(
        takeUntil(config.online$ === undefined ? stop$ : merge(stop$, network$(config.online$))),
        finalize(() => {
          for (const session of unread) hooks.onLost(session.abandon(), session);
          unread.clear();
          if (mine !== runs) return; // the next run began while this one told of its end
          isActive = false;
          if (status$.value.state !== 'CLOSED' && status$.value.state !== 'CLOSING') setState('DISCONNECTED');
        }),
      );
    });

  return {
    run,
    status$,
    setState,
    pong: (session) => pong(session, 'message'),
    send: (message, onWritten) => outbox.send(hooks.encode(message), onWritten),
    unsentBytes: () => outbox.bytes(),
    takeUnsent: () => outbox.drain(),
    drop,
    rotate: () => rotate$.next(),
    close({ timeoutMs = 5_000, ...rest }) {
      const deadline = asyncScheduler.now() + timeoutMs;
      farewell = () => ({ ...rest, timeoutMs: Math.max(0, deadline - asyncScheduler.now()) });
      stopIntake$.next();
      // eslint-disable-next-line rxjs-x/no-ignored-error -- neither of them errors
      concat(outbox.flushed$.pipe(takeUntil(timer(timeoutMs))), of(undefined)).subscribe(() => {
        stop$.next();
        farewell = () => ({});
        outbox.clear();
      });
    },
    sockets() {
      const mine = [...live.keys()];
      const isGone = (): boolean => !mine.some((each) => live.has(each));
      return {
        gone$: defer(() => (isGone() ? EMPTY : goneSignal$.pipe(filter(isGone), take(1), ignoreElements()))),
        terminate() {
          for (const each of mine) live.get(each)?.terminate();
        },
      };
    },
  };
}
