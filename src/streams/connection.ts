import {
  asyncScheduler,
  type BehaviorSubject,
  concat,
  defer,
  EMPTY,
  merge,
  type MonoTypeOperatorFunction,
  Observable,
  of,
  raceWith,
  Subject,
  type Subscriber,
  Subscription,
  takeUntil,
  timer,
} from 'rxjs';
import { attach } from '../operators/attach.js';
import { retryInto } from '../operators/retryBackoff.js';
import { afterReading } from './afterReading.js';
import { checkAuthenticate } from './authenticate.js';
import type { ConnectionConfig, ConnectionHooks } from './connectionConfig.js';
import { deliverInTurn, type DeliveryHooks } from './delivery.js';
import { dialSession } from './dialSession.js';
import { Dial, type DialHost } from './dial.js';
import { createEndpoints } from './endpoints.js';
import type { ConnectionState, ConnectionStatus } from './events.js';
import { classify as classifyByDefault } from './failure.js';
import { type Farewell, farewellMs } from './farewell.js';
import { followNetwork } from './followNetwork.js';
import { checkSocket } from './fromSocket.js';
import { checkHeartbeat, type HeartbeatConfig } from './heartbeat.js';
import { createLiveDials } from './liveDials.js';
import { createLiveSockets, type LiveSockets } from './liveSockets.js';
import { createOutbox, type Outbox, type OutboxHooks, type Port, type Ticket } from './outbox.js';
import type { Pause } from './nextDial.js';
import { createRecovery, type Recovery } from './recovery.js';
import { ReportingConnection } from './reportingConnection.js';
import { createLineOfSessions, type LineHooks, type LineOfSessions } from './rotation.js';
import { runOnConnected } from './runOnConnected.js';
import type { OpenSession, TakeFrame } from './session.js';
import type { Data, Transport } from './transport.js';
import { wsTransport } from './wsTransport.js';

export type { ConnectionConfig, ConnectionHooks };

export interface Connection {
  /**
   * Subscribing connects, and reconnects, until unsubscribed; errors when the policies give up. Every frame is handed to
   * `take`, as `OpenSession.deliver` does; it emits nothing itself.
   */
  run(take: TakeFrame): Observable<never>;
  readonly status$: BehaviorSubject<ConnectionStatus>;
  /** The state in which it may carry traffic. */
  readonly readyState: ConnectionState;
  /** `onWritten` is told by which session's port the message left, `onGivenUp` that one which waited never will. */
  send(message: unknown, onWritten?: (port: Port) => void, onGivenUp?: () => void): Ticket;
  /** Bytes that wait to be sent. */
  unsentBytes(): number;
  /** Takes out what waits to be sent. */
  takeUnsent(): readonly Data[];
  /** Gives up what waits to be sent, and tells how much that was. */
  discardUnsent(): void;
  /** Drops this connection, or this dial, for the reason given; `ReconnectRequestedError` makes the next dial at once. */
  drop(error: Error): void;
  /** Ends the wait with which a run begins, if the next dial was asked for by such a drop before it. */
  wake(): void;
  /** A run is over, and everybody has been told: from here on the next dial may be asked for by such a drop again. */
  rested(): void;
  /** Ends the run with this error, told as any other for which it is given up. */
  giveUp(error: unknown): void;
  /** Makes a new connection beside this one and moves over to it; without a ready connection it does nothing. */
  rotate(): void;
  /** Takes nothing more in, flushes the outbox, then completes `run` and says farewell to the socket. */
  close(farewell: Farewell): void;
  /** A pause of reading has ended: what it kept back was no silence. */
  resumed(): void;
  /** Says that a message answered the ping that is out. */
  pong(session: OpenSession): void;
  /** The sockets of this moment: `gone$` completes when none is left. */
  sockets(): ReturnType<LiveSockets['now']>;
  setState(state: ConnectionState, extra?: Partial<ConnectionStatus>): void;
}

/** The part of the pipeline whose state lives as long as one connection, and its reconnects around it. */
export const createConnection = (config: ConnectionConfig, hooks: ConnectionHooks): Connection =>
  new RenewedConnection(config, hooks);

/**
 * A class, and the way of its sessions by hand: with closures and operators every idle connection kept 11 kB more. It is itself
 * what its parts call, and what only a failure, a rotation or a pause needs is made then.
 */
class RenewedConnection
  extends ReportingConnection
  implements Connection, DialHost, LineHooks, DeliveryHooks, OutboxHooks
{
  readonly transport: Transport;
  readonly heartbeat: HeartbeatConfig;
  readonly outbox: Outbox;
  readonly live = createLiveSockets();
  readonly endpoints = createEndpoints();
  readonly liveDials = createLiveDials();
  /** Made for the first who asks for it. */
  private stops$: Subject<void> | undefined = undefined;
  readonly readyState: ConnectionState;
  private readonly recovery: Recovery;
  private readonly line: LineOfSessions;
  /** Ends the wait for the last frames of a retired connection; made when one retires. */
  private cut$: Subject<void> | undefined = undefined;
  private dials = 0;
  private readyCount = 0;
  /** What `close()` says to the socket, and until when (epoch ms). */
  private closing: { readonly words: Farewell; readonly deadline: number } | undefined = undefined;
  /** From `close()` on the session in charge hands over no more. */
  private isLast = false;
  /** What was last dropped for: that is nothing to hand over from. */
  private dropped: unknown = undefined;
  /** Sessions in charge whose held frames nobody has read yet. */
  private unread: readonly OpenSession[] = [];

  constructor(
    readonly config: ConnectionConfig,
    hooks: ConnectionHooks,
  ) {
    super(hooks);
    const { transport = wsTransport } = config;
    // Unasked, a heartbeat that cannot ping would take every quiet connection for a dead one.
    const { heartbeat = { off: transport.can?.ping === false } } = config;
    checkHeartbeat(heartbeat, transport);
    checkAuthenticate(config);
    checkSocket(config);
    this.transport = transport;
    this.heartbeat = heartbeat;
    this.readyState = config.authenticate === undefined ? 'CONNECTED' : 'AUTHENTICATED';
    this.recovery = createRecovery(config, this.endpoints, this);
    this.outbox = createOutbox(config.outbox, this);
    this.line = createLineOfSessions(this, config);
  }

  run(take: TakeFrame): Observable<never> {
    return new Observable((subscriber) => {
      const { online$ } = this.config;
      this.running = subscriber;
      if (online$ !== undefined)
        attach(subscriber, followNetwork(online$, this, this.recovery.nextDial), subscriber);
      const attempts = new Subscription();
      subscriber.add(attempts);
      if (!subscriber.closed) {
        const delivery = deliverInTurn(subscriber, take, this);
        const begin = (): void => retryInto(this.line.sessions$, this.recovery, attempts, delivery);
        const pause = this.recovery.nextDial.pause();
        if (pause === undefined) begin();
        else this.waitOut(pause, attempts, begin);
      }
      // Added last, so it runs after the teardown of every attempt.
      subscriber.add(() => this.rest(subscriber));
    });
  }

  /** Who comes back within the wait for a dial does not get round it. */
  private waitOut(pause: Pause, attempts: Subscription, begin: () => void): void {
    const { ms, attempt, cause, over$ } = pause;
    attach(attempts, over$, { complete: begin }); // first: who is told may wake it, or leave
    this.setState('RECONNECTING', { attempt, retryInMs: ms, cause });
  }

  send(message: unknown, onWritten?: (port: Port) => void, onGivenUp?: () => void): Ticket {
    return this.outbox.send(this.hooks.encode(message), onWritten, onGivenUp);
  }

  unsentBytes(): number {
    return this.outbox.bytes();
  }

  takeUnsent(): readonly Data[] {
    return this.outbox.drain();
  }

  discardUnsent(): void {
    this.outbox.clear();
  }

  drop(error: unknown): void {
    const isWished = classifyByDefault(error) === 'requested';
    this.dropped = error;
    if (isWished) this.recovery.nextDial.wish(); // first: who is told may begin the next run, which makes it
    this.liveDials.tell((dial) => dial.drop(error));
    if (isWished) this.recovery.nextDial.wake();
  }

  wake(): void {
    this.recovery.nextDial.wake();
  }

  rested(): void {
    this.recovery.nextDial.rested();
  }

  giveUp(error: unknown): void {
    const { running } = this;
    this.recovery.giveUpFor(error);
    this.drop(error);
    if (running?.closed !== false) return;
    // There was nothing to drop: it waits for the next dial, and so does whoever starts it again.
    this.recovery.nextDial.beginEnd();
    this.tellGaveUp(running, error, 0);
    running.error(error);
  }

  rotate(): void {
    if (this.inCharge !== undefined && !this.isLast) this.line.rotate();
  }

  close({ timeoutMs = farewellMs, ...words }: Farewell): void {
    const { running } = this;
    const closing = (this.closing = { words, deadline: asyncScheduler.now() + timeoutMs });
    this.isLast = true;
    this.liveDials.tell((dial) => dial.stopIntake());
    this.stops$?.next();
    this.inCharge?.port.release(); // who closes it as he is told that it is ready may have sent before
    // eslint-disable-next-line rxjs-x/no-ignored-error -- neither of them errors
    concat(this.outbox.flushed$.pipe(takeUntil(timer(timeoutMs))), of(undefined)).subscribe(() => {
      if (running?.closed === false) running.complete();
      else this.forget();
      if (this.closing === closing) this.closing = undefined;
    });
  }

  resumed(): void {
    this.liveDials.tell((dial) => dial.resumed());
  }

  sockets(): ReturnType<LiveSockets['now']> {
    return this.live.now();
  }

  // The outbox's hooks.

  onLost(...lost: Parameters<OutboxHooks['onLost']>): void {
    this.hooks.onUnsent(...lost);
  }

  /** They die with each connection, but with the last one they were to be sent first. */
  onForgotten(count: number): void {
    if (this.closing !== undefined) this.hooks.onUnsent('closed', count);
  }

  /** A socket that cannot be written to is of no use, and its message is lost. */
  onWriteError(error: unknown): void {
    this.drop(error);
  }

  /** A close has begun that the peer may never finish. */
  onRefused(port: Port): void {
    this.liveDials.tell((dial) => dial.refused(port));
  }

  // The delivery's hook.

  onDelivered(session: OpenSession): void {
    this.unread = this.unread.filter((other) => other !== session);
  }

  // The hooks of the line of sessions.

  get stop$(): Observable<unknown> {
    return (this.stops$ ??= new Subject());
  }

  dial(
    welcome: (session: OpenSession) => Observable<OpenSession>,
    before?: OpenSession,
  ): Observable<OpenSession> {
    return defer(() => {
      const generation = ++this.dials;
      this.live.terminateBut(before?.generation);
      this.recovery.nextDial.begin(before !== undefined);
      if (before === undefined) {
        const { running } = this;
        this.generation = generation;
        this.setState('CONNECTING', { attempt: this.status$.value.attempt });
        if (!this.isOver(running)) this.recovery.nextDial.granted(); // whoever was told asked for what is being made
      }
      return dialSession(new Dial(this, generation, before === undefined), welcome);
    });
  }

  /** From here on the session is the one that subscribers and senders deal with. */
  lead(session: OpenSession, before?: OpenSession): Observable<OpenSession> {
    const { hooks, readyState } = this;
    const isReconnect = this.readyCount++ > 0;
    const { protocol, extensions, url } = session.socket;
    this.generation = session.generation;
    this.inCharge = session;
    this.inChargeSince = asyncScheduler.now();
    this.isLast = false;
    session.start();
    this.endpoints.onReady();
    this.unread = this.unread.concat(session);
    before?.retire();
    this.setState(readyState);
    // Whoever is told may close or drop it.
    if (before !== undefined && !session.isOver) {
      hooks.tell({ type: 'rotated', from: before.generation, ...this.stamp() });
    }
    if (!session.isOver) {
      hooks.tell({ type: 'connected', isReconnect, url, protocol, extensions, ...this.stamp() });
    }
    if (session.isOver || this.isEnding()) return EMPTY;
    hooks.onReady(session);
    if (before === undefined) session.topics = hooks.join(session);
    else session.topics?.takeCharge();
    const greeted$ = before === undefined ? runOnConnected(this.config, session, isReconnect, this) : EMPTY;
    const release$ = defer(() => {
      session.port.release();
      return EMPTY;
    });
    const led$ = defer(() => (this.isEnding() ? EMPTY : of(session)));
    return merge(greeted$, led$, release$);
  }

  greet(session: OpenSession): Observable<never> {
    return runOnConnected(this.config, session, true, this);
  }

  join(session: OpenSession): Observable<never> {
    return defer(() => {
      const refused$ = new Subject<never>();
      // eslint-disable-next-line rxjs-x/throw-error -- a SubscriptionRefusedError
      session.topics = this.hooks.join(session, (_topic, error) => refused$.error(error));
      return session.topics === undefined ? EMPTY : session.topics.settled$.pipe(raceWith(refused$));
    });
  }

  retrying(hasLed: () => boolean): MonoTypeOperatorFunction<OpenSession> {
    return this.recovery.retryingRotation(
      hasLed,
      ({ error, delayMs }) =>
        this.hooks.tell({ type: 'rotateFailed', error, retryInMs: delayMs, ...this.stamp() }),
      ({ error }) => this.onFailed(error),
    );
  }

  onStart(): void {
    this.endpoints.prefer();
    this.hooks.tell({ type: 'rotating', ...this.stamp() });
  }

  onFailed(error: unknown): void {
    this.hooks.tell({ type: 'rotateFailed', error, ...this.stamp() });
  }

  onOutlived(error: unknown): boolean {
    if (error === this.dropped) return false;
    const { running } = this;
    const upMs = Math.max(0, asyncScheduler.now() - this.inChargeSince);
    const name = this.recovery.classify(error);
    if (this.isOver(running)) return false; // ended by who was asked
    this.hooks.tell({ type: 'disconnected', error, class: name, upMs, ...this.stamp() });
    return true;
  }

  // What a dial asks and tells.

  farewell(): Farewell {
    const { closing } = this;
    if (closing === undefined) return {};
    return { ...closing.words, timeoutMs: Math.max(0, closing.deadline - asyncScheduler.now()) };
  }

  isRead(session: OpenSession): boolean {
    return session === this.inCharge || session.isRetired;
  }

  makeRoom(session: OpenSession): void {
    const { hooks } = this;
    if (session.phase !== 'ready') {
      hooks.onLost(1, session);
      return;
    }
    // It waits for the last frames of the one before it, and can wait no longer.
    this.cut$?.next();
    const lost = session.trim();
    if (lost > 0) hooks.onLost(lost, session);
  }

  onEnd(session: OpenSession, error: unknown): void {
    if (this.inCharge === session) this.inCharge = undefined;
    this.hooks.onEnded(session, error);
  }

  drained$(): Observable<unknown> {
    const { drainMs = 1_000 } = this.config.rotate ?? {};
    this.cut$ ??= new Subject();
    return merge(this.cut$, this.stop$, afterReading(drainMs, this.hooks));
  }

  parted$(): Observable<unknown> {
    return afterReading(farewellMs, this.hooks);
  }

  /** Asked anew: the compiler does not see that whoever was told may have closed it. */
  private isEnding(): boolean {
    return this.isLast;
  }

  /** A run is over. */
  private rest(run: Subscriber<never>): void {
    const { unread, hooks } = this;
    this.unread = [];
    for (const session of unread) hooks.onLost(session.abandon(), session);
    if (run === this.running) this.running = undefined; // else the next run began while this one told of its end
    const { closing } = this;
    this.closing = undefined;
    // Before anybody hears that it is over: who does may send on the next one.
    if (closing !== undefined) this.forget();
  }

  /** Closed, it begins anew. */
  private forget(): void {
    this.outbox.clear();
    this.recovery.nextDial.forget();
    this.recovery.nextDial.rested();
  }
}
