import {
  asyncScheduler,
  BehaviorSubject,
  catchError,
  concat,
  defer,
  distinctUntilChanged,
  EMPTY,
  filter,
  ignoreElements,
  merge,
  mergeMap,
  type MonoTypeOperatorFunction,
  NEVER,
  noop,
  Observable,
  of,
  raceWith,
  skip,
  startWith,
  Subject,
  type Subscriber,
  take,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import { retryBackoff, type RetryFailure, type RetryPolicy } from '../operators/retryBackoff.js';
import { attach } from '../operators/attach.js';
import { type AuthenticateConfig, checkAuthenticate } from './authenticate.js';
import { dialSession, type DialSessionConfig } from './dialSession.js';
import { createEndpoints } from './endpoints.js';
import type { ConnectionState, ConnectionStatus, FeedEvent, TopicRef } from './events.js';
import { classify as classifyByDefault, type FailureClass, OfflineError } from './failure.js';
import { type Farewell, fromSocket, type FromSocketConfig } from './fromSocket.js';
import { checkHeartbeat, type HeartbeatConfig } from './heartbeat.js';
import { fromYielded, type Yielded } from './input.js';
import {
  createOutbox,
  type Outbox,
  type OutboxConfig,
  type OutboxHooks,
  type Port,
  type Ticket,
} from './outbox.js';
import { type ReconnectConfig, type ResolvedPolicies, resolvePolicies } from './policies.js';
import { lineOfSessions, type RotateConfig } from './rotation.js';
import type { OpenSession, Session, TakeFrame } from './session.js';
import type { SessionTopics } from './subscriptions.js';
import type { Data, Socket, Transport } from './transport.js';
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
  /** Reading waits for its turn of the event loop, which no pause is told of: no verdict either. @default never */
  readonly isYielding?: () => boolean;
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

/** A socket, and the number of its dial. */
interface Dialled {
  readonly generation: number;
  readonly socket: Socket;
}

/** The part of the pipeline whose state lives as long as one connection, and `retryBackoff` around it. */
export const createConnection = (config: ConnectionConfig, hooks: ConnectionHooks): Connection =>
  new RenewedConnection(config, hooks);

/** A class, and the way of its sessions by hand: with closures and operators every idle connection kept 9 kB more. */
class RenewedConnection implements Connection {
  readonly status$: BehaviorSubject<ConnectionStatus>; // eslint-disable-line rxjs-x/no-exposed-subjects -- the feed reads its value and shows an Observable of it
  private readonly transport: Transport;
  private readonly heartbeat: HeartbeatConfig;
  private readonly readyState: ConnectionState;
  private readonly endpoints = createEndpoints();
  private readonly outbox: Outbox;
  private readonly sessions$: Observable<OpenSession>;
  private readonly drop$ = new Subject<unknown>();
  private readonly wake$ = new Subject<void>();
  private readonly rotate$ = new Subject<void>();
  /** Ends the wait for the last frames of a retired connection. */
  private readonly cut$ = new Subject<void>();
  private readonly stopIntake$ = new Subject<void>();
  /** Made when somebody waits for sockets to be gone. */
  private gone$: Subject<void> | undefined = undefined;
  /** Made when something fails. */
  private resolved: ResolvedPolicies | undefined = undefined;
  private dials = 0;
  private readyCount = 0;
  /** Of the subscriptions of `run` the last one: they follow each other. */
  private running: Subscriber<never> | undefined = undefined;
  private isActive = false;
  private farewell: () => Farewell = () => ({});
  /** The dial that `status$` speaks of: the last one, but for that of a rotation that has not taken over. */
  private generation = 0;
  private inCharge: OpenSession | undefined = undefined;
  private inChargeSince = 0;
  /** From `close()` on the session in charge hands over no more. */
  private isLast = false;
  /** What was last dropped for: that is nothing to hand over from. */
  private dropped: unknown = undefined;
  /** Sockets from their dial until they are gone: one, or two while a rotation moves over. */
  private live: readonly Dialled[] = [];
  /** Sessions in charge whose held frames nobody has read yet. */
  private unread: readonly OpenSession[] = [];

  constructor(
    private readonly config: ConnectionConfig,
    private readonly hooks: ConnectionHooks,
  ) {
    const { transport = wsTransport } = config;
    // Unasked, a heartbeat that cannot ping would take every quiet connection for a dead one.
    const { heartbeat = { off: transport.can?.ping === false } } = config;
    checkHeartbeat(heartbeat, transport);
    checkAuthenticate(config);
    // Made for their checks, so that a wrong option throws here.
    void fromSocket({ ...config, transport });
    void resolvePolicies(config.reconnect ?? {});
    this.transport = transport;
    this.heartbeat = heartbeat;
    this.readyState = config.authenticate === undefined ? 'CONNECTED' : 'AUTHENTICATED';
    this.outbox = createOutbox(config.outbox, {
      onLost: hooks.onUnsent,
      // A socket that cannot be written to is of no use, and its message is lost.
      onWriteError: (error) => this.drop(error),
    });
    this.status$ = new BehaviorSubject<ConnectionStatus>({
      state: 'DISCONNECTED',
      generation: 0,
      attempt: 0,
      since: asyncScheduler.now(),
    });
    this.sessions$ = this.line().pipe(this.retrying());
  }

  run(take: TakeFrame): Observable<never> {
    return new Observable((subscriber) => {
      const { online$ } = this.config;
      this.running = subscriber;
      this.isActive = true;
      if (online$ !== undefined) attach(subscriber, this.network$(online$), subscriber);
      if (!subscriber.closed) this.deliver(subscriber, take);
      // Added last, so it runs after the teardown of all that was attached.
      subscriber.add(() => this.rest(subscriber));
    });
  }

  setState(state: ConnectionState, extra: Partial<ConnectionStatus> = {}): void {
    const { generation } = this;
    const status = { state, generation, attempt: 0, since: asyncScheduler.now(), ...extra };
    this.status$.next(status);
    this.hooks.tell({ type: 'state', status, ...this.stamp() });
  }

  pong(session: OpenSession, by: 'frame' | 'message' = 'message'): void {
    const latencyMs = session.heartbeat.answered(by);
    if (latencyMs === undefined) return;
    session.latencyMs = latencyMs;
    if (session === this.inCharge) this.status$.next({ ...this.status$.value, latencyMs });
    this.hooks.tell({
      type: 'pong',
      latencyMs,
      generation: session.generation,
      at: asyncScheduler.now(),
    });
  }

  send(message: unknown, onWritten?: (port: Port) => void): Ticket {
    return this.outbox.send(this.hooks.encode(message), onWritten);
  }

  unsentBytes(): number {
    return this.outbox.bytes();
  }

  takeUnsent(): readonly Data[] {
    return this.outbox.drain();
  }

  drop(error: unknown): void {
    this.dropped = error;
    this.drop$.next(error);
    if (classifyByDefault(error) === 'requested') this.wake$.next();
  }

  rotate(): void {
    if (this.inCharge !== undefined && !this.isLast) this.rotate$.next();
  }

  close({ timeoutMs = 5_000, ...rest }: Farewell): void {
    const deadline = asyncScheduler.now() + timeoutMs;
    this.farewell = () => ({ ...rest, timeoutMs: Math.max(0, deadline - asyncScheduler.now()) });
    this.isLast = true;
    this.stopIntake$.next();
    // eslint-disable-next-line rxjs-x/no-ignored-error -- neither of them errors
    concat(this.outbox.flushed$.pipe(takeUntil(timer(timeoutMs))), of(undefined)).subscribe(() => {
      this.running?.complete();
      this.farewell = () => ({});
      this.outbox.clear();
    });
  }

  sockets(): ReturnType<Connection['sockets']> {
    const mine = this.live;
    const isGone = (): boolean => !mine.some((each) => this.live.includes(each));
    return {
      gone$: defer(() => {
        if (isGone()) return EMPTY;
        this.gone$ ??= new Subject();
        return this.gone$.pipe(filter(isGone), take(1), ignoreElements());
      }),
      terminate: () => {
        for (const each of mine) if (this.live.includes(each)) each.socket.terminate();
      },
    };
  }

  /** Hands over the frames of one session after the other: after a rotation the old connection's last ones come first. */
  private deliver(subscriber: Subscriber<never>, take: TakeFrame): void {
    let waiting: readonly OpenSession[] = [];
    let current: OpenSession | undefined;
    let isLastCome = false;
    const deliverNext = (): void => {
      [current, ...waiting] = waiting;
      if (current !== undefined) attach(subscriber, current.deliver(take), delivery);
      else if (isLastCome) subscriber.complete();
    };
    const error = (reason: unknown): void => subscriber.error(reason);
    const delivery = {
      next: noop,
      error,
      complete: () => {
        this.unread = this.unread.filter((session) => session !== current);
        deliverNext();
      },
    };
    attach(subscriber, this.sessions$, {
      next: (session) => {
        waiting = [...waiting, session];
        if (current === undefined) deliverNext();
      },
      error,
      complete: () => {
        isLastCome = true;
        if (current === undefined) subscriber.complete();
      },
    });
  }

  /** A run is over. */
  private rest(run: Subscriber<never>): void {
    const { unread, hooks } = this;
    this.unread = [];
    for (const session of unread) hooks.onLost(session.abandon(), session);
    if (run !== this.running) return; // the next run began while this one told of its end
    this.running = undefined;
    this.isActive = false;
    const { state } = this.status$.value;
    if (state !== 'CLOSED' && state !== 'CLOSING') this.setState('DISCONNECTED');
  }

  private stamp(): { readonly generation: number; readonly at: number } {
    return { generation: this.generation, at: asyncScheduler.now() };
  }

  private hookFailed(hook: string, error: unknown): void {
    this.hooks.tell({ type: 'hookFailed', hook, error, ...this.stamp() });
  }

  /** What the user wants done on every connection. */
  private greet(session: OpenSession, isReconnect: boolean): Observable<never> {
    const { onConnected } = this.config;
    if (onConnected === undefined) return EMPTY;
    return defer(() =>
      fromYielded(onConnected(session, { generation: session.generation, isReconnect })),
    ).pipe(
      ignoreElements(),
      catchError((error: unknown) => {
        this.hookFailed('onConnected', error);
        return EMPTY;
      }),
    );
  }

  /** From here on the session is the one that subscribers and senders deal with. */
  private takeCharge(session: OpenSession, before?: OpenSession): Observable<OpenSession> {
    const { hooks, readyState } = this;
    const isReconnect = this.readyCount++ > 0;
    const { protocol, extensions, url } = session.socket;
    this.generation = session.generation;
    this.inCharge = session;
    this.inChargeSince = asyncScheduler.now();
    this.isLast = false;
    session.start();
    this.unread = this.unread.concat(session);
    before?.retire();
    if (readyState === 'AUTHENTICATED' || before !== undefined) this.setState(readyState);
    // Whoever is told may close or drop it.
    if (before !== undefined && !session.isOver) {
      hooks.tell({ type: 'rotated', from: before.generation, ...this.stamp() });
    }
    if (!session.isOver) {
      hooks.tell({ type: 'connected', isReconnect, url, protocol, extensions, ...this.stamp() });
    }
    if (session.isOver) return EMPTY;
    hooks.onReady(session);
    if (before === undefined) session.topics = hooks.join(session);
    else session.topics?.takeCharge();
    const greeted$ = before === undefined ? this.greet(session, isReconnect) : EMPTY;
    const release$ = defer(() => {
      session.port.release();
      return EMPTY;
    });
    return merge(greeted$, of(session), release$);
  }

  /** What a pause holds back is yet to come: the time begins again when reading goes on. */
  private drained$(): Observable<unknown> {
    const { isPaused, resumed$ } = this.hooks;
    const { drainMs = 1_000 } = this.config.rotate ?? {};
    const drain$: Observable<unknown> = timer(drainMs).pipe(
      mergeMap(() =>
        isPaused()
          ? resumed$.pipe(
              take(1),
              mergeMap(() => drain$),
            )
          : of(undefined),
      ),
    );
    return merge(this.cut$, this.stopIntake$, drain$);
  }

  private dial(
    welcome: (session: OpenSession) => Observable<OpenSession>,
    before?: OpenSession,
  ): Observable<OpenSession> {
    return defer(() => {
      const generation = ++this.dials;
      for (const other of this.live) if (other.generation !== before?.generation) other.socket.terminate();
      if (before === undefined) {
        this.generation = generation;
        this.setState('CONNECTING', { attempt: this.status$.value.attempt });
      }
      return dialSession(this.sessionConfig(generation, before === undefined), welcome);
    });
  }

  private sessionConfig(generation: number, isFirst: boolean): DialSessionConfig {
    const { hooks } = this;
    const { encode, peek, onHeld, maxHeld, onLost, resumed$ } = hooks;
    const { url, protocols, socket, connectTimeoutMs, authenticate, authenticateTimeoutMs } = this.config;
    return {
      encode,
      peek,
      onHeld,
      maxHeld,
      onLost,
      resumed$,
      transport: this.transport,
      heartbeat: this.heartbeat,
      outbox: this.outbox,
      generation,
      choose: (urls) => this.endpoints.choose(urls),
      farewell: () => this.farewell(),
      onDial: (dialled) => {
        this.live = this.live.concat({ generation, socket: dialled });
      },
      onGone: () => {
        this.live = this.live.filter((dialled) => dialled.generation !== generation);
        this.gone$?.next();
      },
      onOpen: () => {
        if (isFirst) this.setState('CONNECTED');
      },
      onPong: (session) => this.pong(session, 'frame'),
      onHookFailed: (hook, error) => this.hookFailed(hook, error),
      onNoRoom: (session) => {
        if (session.phase !== 'ready') {
          onLost(1, session);
          return;
        }
        // It waits for the last frames of the one before it, and can wait no longer.
        this.cut$.next();
        const lost = session.trim();
        if (lost > 0) onLost(lost, session);
      },
      onEnd: (session, error) => {
        if (this.inCharge === session) this.inCharge = undefined;
        hooks.onEnded(session, error);
      },
      isPaused: (session) => this.isRead(session) && hooks.isPaused(),
      isYielding: (session) => this.isRead(session) && hooks.isYielding?.() === true,
      drop$: this.drop$,
      stopIntake$: this.stopIntake$,
      // Made only when a session retires.
      drained$: new Observable((subscriber) => this.drained$().subscribe(subscriber)),
      url,
      // Last: an object that begins with a spread takes four times the memory.
      ...(protocols !== undefined && { protocols }),
      ...(socket !== undefined && { socket }),
      ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
      ...(authenticate !== undefined && { authenticate }),
      ...(authenticateTimeoutMs !== undefined && { authenticateTimeoutMs }),
    };
  }

  /** Its socket is one of those that a pause stops. */
  private isRead(session: OpenSession): boolean {
    return session === this.inCharge || session.isRetired;
  }

  private policies(): ResolvedPolicies {
    this.resolved ??= resolvePolicies(this.config.reconnect ?? {}, {
      onHookFailed: (hook, error) => this.hookFailed(hook, error),
      onForgetPositions: this.hooks.forgetPositions,
    });
    return this.resolved;
  }

  private classify(error: unknown): FailureClass {
    return this.policies().classify(error);
  }

  private decide(failure: RetryFailure): RetryPolicy {
    const decided = this.policies().policy(failure);
    if (decided.action !== 'giveUp' || failure.class !== 'config') return decided;
    // One URL that can never work says nothing of the others.
    return this.endpoints.ruleOut() ? decided : { ...decided, action: 'retry' };
  }

  private line(): Observable<OpenSession> {
    const { config, hooks, endpoints } = this;
    const { reconnect, rotate, random = Math.random } = config;
    return lineOfSessions({
      dial: (welcome, before) => this.dial(welcome, before),
      lead: (session, before) => this.takeCharge(session, before),
      greet: (session) => this.greet(session, true),
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
          classify: (error) => this.classify(error),
          // Once it has taken over, its end is that of the line.
          policy: (failure) => (hasLed() ? null : this.decide(failure)),
          onRetry: ({ error, delayMs }) => {
            endpoints.failed(false);
            hooks.tell({ type: 'rotateFailed', error, retryInMs: delayMs, ...this.stamp() });
          },
        }),
      onStart: () => {
        endpoints.prefer();
        hooks.tell({ type: 'rotating', ...this.stamp() });
      },
      onFailed: (error) => hooks.tell({ type: 'rotateFailed', error, ...this.stamp() }),
      onOutlived: (error) => {
        if (error === this.dropped) return false;
        const upMs = asyncScheduler.now() - this.inChargeSince;
        hooks.tell({ type: 'disconnected', error, class: this.classify(error), upMs, ...this.stamp() });
        return true;
      },
      rotate$: this.rotate$,
      stop$: this.stopIntake$,
      random,
      ...reconnect,
      ...rotate,
    });
  }

  private retrying(): MonoTypeOperatorFunction<OpenSession> {
    const { config, hooks } = this;
    const { reconnect = {}, random = Math.random } = config;
    const { stableMs = 5_000 } = reconnect;
    return retryBackoff({
      ...reconnect,
      random,
      classify: (error) => this.classify(error),
      policy: (failure) => this.decide(failure),
      wake$: this.wake$,
      onRetry: (decision) => {
        const { error, attempt, delayMs } = decision;
        const { classAttempt, previousMs, jitteredMs, floorMs } = decision;
        const name = decision.class as FailureClass;
        if (name !== 'requested') this.endpoints.failed(this.upMsOf(decision) >= stableMs);
        this.over(decision);
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
          ...this.stamp(),
        });
        if (this.isActive) this.setState('RECONNECTING', { attempt, retryInMs: delayMs, cause: error });
      },
      onComplete: (failure) => this.over(failure),
      onGiveUp: (error, failure) => {
        this.over(failure);
        hooks.tell({ type: 'gaveUp', error, ...this.stamp() });
        this.setState('CLOSED', { attempt: failure.attempt, cause: error });
      },
    });
  }

  /** Of the session that was in charge: the failure knows how long the line was up, rotations included. */
  private upMsOf({ upMs }: RetryFailure): number {
    return upMs === undefined ? 0 : asyncScheduler.now() - this.inChargeSince;
  }

  private over(failure: RetryFailure): void {
    const { error, class: name } = failure;
    this.hooks.onOver();
    this.hooks.tell({
      type: 'disconnected',
      error,
      class: name as FailureClass,
      upMs: this.upMsOf(failure),
      ...this.stamp(),
    });
  }

  /** What the platform says of its network; that it was there from the start is no news. Never ends. */
  private network$(online$: Observable<boolean>): Observable<never> {
    const told$ = online$.pipe(
      startWith(true),
      distinctUntilChanged(),
      skip(1),
      tap((isOnline) => {
        if (isOnline) this.wake$.next();
        else this.drop(new OfflineError());
      }),
      ignoreElements(),
      catchError((error: unknown) => {
        this.hookFailed('online$', error);
        return EMPTY;
      }),
    );
    return concat(told$, NEVER);
  }
}
