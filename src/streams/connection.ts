import {
  asyncScheduler,
  BehaviorSubject,
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
  finalize,
  ignoreElements,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  Subject,
  switchMap,
  take,
  takeUntil,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { retryBackoff, type RetryFailure } from '../operators/retryBackoff.js';
import { authenticated, checkAuthenticate, type AuthenticateConfig } from './authenticate.js';
import type { ConnectionState, ConnectionStatus, FeedEvent } from './events.js';
import type { FailureClass } from './failure.js';
import { type Farewell, fromSocket, type FromSocketConfig, type OpenSocket } from './fromSocket.js';
import { checkHeartbeat, type HeartbeatConfig, withHeartbeat } from './heartbeat.js';
import { fromYielded, type Yielded } from './input.js';
import { createOutbox, type OutboxConfig, type SendResult } from './outbox.js';
import { type ReconnectConfig, resolvePolicies } from './policies.js';
import { createSession, type Frame, type OpenSession, type Session } from './session.js';
import type { Data, Socket } from './transport.js';
import { wsTransport } from './wsTransport.js';

export interface ConnectionConfig
  extends
    Pick<FromSocketConfig, 'url' | 'protocols' | 'socket' | 'transport' | 'connectTimeoutMs'>,
    AuthenticateConfig {
  /** Runs on every connection once it is ready; its failure is told as `hookFailed` and ends nothing. */
  readonly onConnected?: (
    session: Session,
    info: { readonly generation: number; readonly isReconnect: boolean },
  ) => Yielded<unknown>;
  readonly heartbeat?: HeartbeatConfig;
  readonly reconnect?: ReconnectConfig;
  readonly outbox?: OutboxConfig;
  /** A number in [0, 1), for the jitter. @default Math.random */
  readonly random?: () => number;
}

export interface ConnectionHooks {
  readonly tell: (event: FeedEvent) => void;
  readonly encode: (message: unknown) => Data;
  readonly peek: (data: Data) => readonly unknown[] | undefined;
  /** Frames held at most while a session authenticates. */
  readonly maxHeld: number;
  /** Frames that will never be delivered: no room to hold them, or their session ended unauthenticated. */
  readonly onLost: (frames: number) => void;
  /** A message of a session found no room in the outbox. */
  readonly onOutboxFull: () => void;
  /** The session may carry traffic; runs before its first frame is delivered. */
  readonly onReady: (session: OpenSession) => void;
  /** A session that was ready, or a dial, is over. */
  readonly onOver: (error: unknown) => void;
  /** Reading is paused on purpose: no verdict of silence. */
  readonly isPaused: () => boolean;
}

export interface Connection {
  /** Subscribing connects, and reconnects, until unsubscribed; errors when the policies give up. */
  readonly frames$: Observable<Frame>;
  readonly status$: BehaviorSubject<ConnectionStatus>;
  send(message: unknown): SendResult;
  /** Drops this connection, or this dial, for the reason given; `ReconnectRequestedError` makes the next dial at once. */
  drop(error: Error): void;
  /** Takes nothing more in, flushes the outbox, then completes `frames$` and says farewell to the socket. */
  close(farewell: Farewell): void;
  /** Says that a heartbeat answered the ping that is out. */
  pong(session: OpenSession): void;
  /** The Observable completes when the socket of this moment is gone. */
  gone(): Observable<never>;
  setState(state: ConnectionState, extra?: Partial<ConnectionStatus>): void;
}

/** The part of the pipeline whose state lives as long as one connection, and `retryBackoff` around it. */
export function createConnection(config: ConnectionConfig, hooks: ConnectionHooks): Connection {
  const { heartbeat = {}, reconnect = {}, random = Math.random, transport = wsTransport } = config;
  checkHeartbeat(heartbeat);
  checkAuthenticate(config);
  void fromSocket({ ...config, transport }); // cold: made for its checks, so that a wrong option throws here
  const { classify, policy } = resolvePolicies(reconnect);
  const outbox = createOutbox(config.outbox, hooks.onOutboxFull);
  const drop$ = new Subject<Error>();
  const stopIntake$ = new Subject<void>();
  const stop$ = new Subject<void>();
  const goneSignal$ = new Subject<void>();
  const status$ = new BehaviorSubject<ConnectionStatus>({
    state: 'DISCONNECTED',
    generation: 0,
    attempt: 0,
    since: asyncScheduler.now(),
  });
  let generation = 0;
  let readyCount = 0;
  /** Counts the subscriptions of `frames$`, of which one is active at a time. */
  let runs = 0;
  let isActive = false;
  let farewell: () => Farewell = () => ({});
  /** The one socket there is, from its dial until it is gone. */
  let live: Socket | undefined;

  const stamp = (): { readonly generation: number; readonly at: number } => ({
    generation,
    at: asyncScheduler.now(),
  });

  const setState = (state: ConnectionState, extra: Partial<ConnectionStatus> = {}): void => {
    const status = { state, generation, attempt: 0, since: asyncScheduler.now(), ...extra };
    status$.next(status);
    hooks.tell({ type: 'state', status, ...stamp() });
  };

  const pong = (session: OpenSession): void => {
    const latencyMs = session.pong();
    if (latencyMs === undefined) return;
    status$.next({ ...status$.value, latencyMs });
    hooks.tell({ type: 'pong', latencyMs, ...stamp() });
  };

  const connected = (session: OpenSession): Observable<never> => {
    const isReconnect = readyCount++ > 0;
    const { protocol, extensions } = session.socket;
    if (config.authenticate !== undefined) setState('AUTHENTICATED');
    hooks.tell({ type: 'connected', isReconnect, protocol, extensions, ...stamp() });
    // Whoever was told may have closed or dropped it.
    if (session.isOver) return EMPTY;
    hooks.onReady(session);
    return defer(() =>
      fromYielded(config.onConnected?.(session, { generation: session.generation, isReconnect })),
    ).pipe(
      ignoreElements(),
      catchError((error: unknown) => {
        hooks.tell({ type: 'hookFailed', hook: 'onConnected', error, ...stamp() });
        return EMPTY;
      }),
    );
  };

  /** Everything that lives as long as this one connection: the heartbeat, the login, then its traffic. */
  const run = (socket: OpenSocket): Observable<OpenSession> => {
    const session = createSession({
      generation,
      socket,
      maxHeld: hooks.maxHeld,
      peek: hooks.peek,
      write: (message) => {
        const data = hooks.encode(message);
        outbox.sendNow(() => socket.send(data));
      },
    });
    const intake$ = socket.data$.pipe(
      withHeartbeat(session, { heartbeat, outbox, transport, isPaused: hooks.isPaused }),
      tap((data) => {
        if (!session.receive(data)) hooks.onLost(1);
      }),
      ignoreElements(),
      takeUntil(stopIntake$),
    );
    const pongs$ = socket.control$.pipe(
      tap((kind) => {
        if (kind === 'pong') pong(session);
      }),
      ignoreElements(),
    );
    const release$ = defer(() => {
      outbox.release();
      return EMPTY;
    });
    const ready$ = authenticated(session, config).pipe(
      mergeMap(() => merge(connected(session), of(session), release$)),
    );

    outbox.attach((data) => socket.send(data));
    setState('CONNECTED');
    return merge(intake$, pongs$, ready$).pipe(
      // Not finalize(): that waits for a subscribe that is still going on, and a listener may end it from within.
      tap({
        finalize: () => {
          outbox.detach();
          hooks.onLost(session.end());
        },
      }),
    );
  };

  const attempt$ = defer(() => {
    live?.terminate();
    generation += 1;
    setState('CONNECTING', { attempt: status$.value.attempt });
    let mine: Socket | undefined;
    return merge(
      fromSocket({
        ...config,
        transport,
        farewell: () => farewell(),
        onDial: (socket) => {
          live = mine = socket;
        },
        onGone: () => {
          if (live === mine) live = undefined;
          goneSignal$.next();
        },
      }).pipe(switchMap(run)),
      drop$.pipe(
        map((error) => {
          throw error;
        }),
      ),
    ).pipe(
      catchError((error: unknown) => {
        mine?.terminate();
        return throwError(() => error); // eslint-disable-line rxjs-x/throw-error -- told as it came
      }),
    );
  });

  const over = ({ error, class: name, upMs = 0 }: RetryFailure): void => {
    hooks.onOver(error);
    hooks.tell({ type: 'disconnected', error, class: name as FailureClass, upMs, ...stamp() });
  };

  const retrying = retryBackoff<OpenSession>({
    ...reconnect,
    random,
    classify,
    policy,
    wake$: drop$.pipe(filter((error) => error.name === 'ReconnectRequestedError')),
    onRetry: (decision) => {
      over(decision);
      const { error, attempt, delayMs } = decision;
      const { classAttempt, previousMs, jitteredMs, floorMs } = decision;
      const name = decision.class as FailureClass;
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
    onGiveUp: (error, failure) => {
      over(failure);
      hooks.tell({ type: 'gaveUp', error, ...stamp() });
      setState('CLOSED', { attempt: failure.attempt, cause: error });
    },
  });

  const frames$ = defer(() => {
    const mine = ++runs;
    isActive = true;
    return attempt$.pipe(
      retrying,
      switchMap((session) => session.frames$),
      takeUntil(stop$),
      finalize(() => {
        if (mine !== runs) return; // the next run began while this one told of its end
        isActive = false;
        if (status$.value.state !== 'CLOSED' && status$.value.state !== 'CLOSING') setState('DISCONNECTED');
      }),
    );
  });

  return {
    frames$,
    status$,
    setState,
    pong,
    send: (message) => outbox.send(hooks.encode(message)),
    drop: (error) => drop$.next(error),
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
    gone() {
      const mine = live;
      return defer(() =>
        mine === undefined || live !== mine
          ? EMPTY
          : goneSignal$.pipe(
              filter(() => live !== mine),
              take(1),
              ignoreElements(),
            ),
      );
    },
  };
}
