import {
  defer,
  EMPTY,
  map,
  noop,
  Observable,
  startWith,
  type Subscriber,
  Subscription,
  type Unsubscribable,
} from 'rxjs';
import { attach } from '../operators/attach.js';
import { authenticated, type AuthenticateConfig } from './authenticate.js';
import { createArrivalClock } from './arrivalClock.js';
import { dialSocket, type SocketOwner } from './dialSocket.js';
import { SocketClosedError } from './failure.js';
import type { Farewell } from './farewell.js';
import type { FromSocketConfig } from './fromSocketConfig.js';
import { createHeartbeat, type Heartbeat, type HeartbeatConfig, type HeartbeatLink } from './heartbeat.js';
import type { LiveDial, LiveDials } from './liveDials.js';
import type { OpenSocket } from './openSocket.js';
import type { Outbox, Port } from './outbox.js';
import { createSession, type OpenSession, type SessionConfig } from './session.js';
import type { Data, Socket, Transport } from './transport.js';

export interface DialSessionConfig extends FromSocketConfig, AuthenticateConfig {
  readonly transport: Transport;
  readonly heartbeat?: HeartbeatConfig;
  readonly outbox: Pick<Outbox, 'open' | 'looked$'>;
  readonly generation: number;
  /** Frames held at most until the session is in charge. */
  readonly maxHeld: number;
  readonly encode: (message: unknown) => Data;
  readonly peek: (data: Data) => readonly unknown[] | undefined;
  readonly onHeld: (message: unknown, session: OpenSession) => boolean;
  /** The socket is open, and the login about to begin. */
  readonly onOpen?: (session: OpenSession) => void;
  /** A pong frame came. */
  readonly onPong: (session: OpenSession) => void;
  /** None comes any more, as in `HeartbeatLink`. */
  readonly onPongOverdue: (session: OpenSession, waitedMs: number) => void;
  readonly onHookFailed: (hook: string, error: unknown) => void;
  /** A frame found no room; in charge it is in line all the same. */
  readonly onNoRoom: (session: OpenSession) => void;
  /** Held frames that nobody will ever read. */
  readonly onLost: (frames: number, session: OpenSession) => void;
  /** The session is over; `error` is `undefined` if it was unsubscribed. */
  readonly onEnd?: (session: OpenSession, error: unknown) => void;
  /** Reading this session's socket is paused on purpose: no verdict of silence. */
  readonly isPaused: (session: OpenSession) => boolean;
  /** It waits for its turn of the event loop: no verdict either. @default never */
  readonly isYielding?: (session: OpenSession) => boolean;
  /** Who calls the dial while it lives. */
  readonly dials: Pick<LiveDials, 'add' | 'delete'>;
  /** Ends the wait for the last frames of a session that has retired. */
  readonly drained$: Observable<unknown>;
  /** Ends the wait for the answer of a peer that is told goodbye by a hook. */
  readonly parted$: Observable<unknown>;
}

/** How a server that refused the login, or left it open, is told goodbye: 3000 is IANA's "Unauthorized". */
const REFUSED: Farewell = { code: 3000, reason: 'authentication failed', timeoutMs: 1_000 };
const isRefused = (error: unknown): boolean => error instanceof Error && error.name === 'AuthenticationError';

/**
 * One connection from its dial to its end, with all that lives as long: the socket, the heartbeat, the login. A cold
 * Observable: one subscription, one connection. Every end is an error, but that of a session that has retired: it completes.
 *
 * @param welcome What follows the login; its values are the Observable's own.
 */
export const dialSession = <T>(
  config: DialSessionConfig,
  welcome: (session: OpenSession) => Observable<T>,
): Observable<T> => new Observable((subscriber) => new SessionDial(config, welcome, subscriber).begin());

const nobody = (): Observable<never> => EMPTY;

/**
 * One subscription. A class, and by hand, as each idle connection has one: with `merge` and the operators that each part took,
 * it took three times the memory.
 */
class SessionDial<T> implements SocketOwner, LiveDial, Unsubscribable {
  /** The socket, and whatever else ends with the connection. */
  private readonly parts = new Subscription();
  private dialled: Socket | undefined = undefined;
  private link: SessionLink | undefined = undefined;
  private failure: unknown = undefined;
  private hasFailed = false;
  /** The close handshake has begun. */
  private isClosing = false;
  /** Dialled; before that it cannot be dropped. */
  private hasDialled = false;

  constructor(
    private readonly config: DialSessionConfig,
    private welcome: (session: OpenSession) => Observable<T>,
    private readonly subscriber: Subscriber<T>,
  ) {}

  begin(): void {
    const { parts, config, subscriber } = this;
    subscriber.add(this);
    if (parts.closed) return;
    config.dials.add(this);
    dialSocket(parts, config, this);
    this.hasDialled = true;
  }

  drop(error: unknown): void {
    if (this.hasDialled) this.onFailed(error);
  }

  stopIntake(): void {
    this.link?.unsubscribe();
  }

  refused(port: Port): void {
    if (this.link?.port === port) this.awaitEnd();
  }

  resumed(): void {
    this.link?.resumed();
  }

  /** Ends the connection. */
  unsubscribe(): void {
    const { parts, link, config } = this;
    if (parts.closed) return;
    // That of a rotation knows the session before it, which would know the one before that, back to the first.
    this.welcome = nobody;
    try {
      parts.unsubscribe();
    } finally {
      config.dials.delete(this);
      if (link !== undefined) {
        const { session } = link;
        link.port.close();
        config.onLost(session.end(), session);
        config.onEnd?.(session, this.failure);
      }
    }
  }

  /** The session has ended by the time anybody hears why. */
  onFailed(error: unknown): void {
    const { subscriber } = this;
    if (this.hasFailed || this.parts.closed) return;
    this.hasFailed = true;
    this.failure = error;
    try {
      if (!isRefused(error)) this.dialled?.terminate();
      this.unsubscribe();
    } finally {
      if (this.link?.session.isRetired === true) subscriber.complete();
      else subscriber.error(error);
    }
  }

  onDial(socket: Socket): void {
    this.dialled = socket;
    this.config.onDial?.(socket);
  }

  onGone(): void {
    this.config.onGone?.();
  }

  farewell(): Farewell {
    return isRefused(this.failure) ? REFUSED : (this.config.farewell?.() ?? {});
  }

  onOpen(socket: OpenSocket): void {
    this.attempt(() => {
      const { parts, config } = this;
      const link = new SessionLink(config, socket, this);
      const { session } = link;
      this.link = link;
      config.onOpen?.(session);
      if (parts.closed) return; // ended by who was told
      link.begin();
      parts.add(link);
      const isHeld$ = defer(() => link.isHeld$); // asked for by a login only
      this.add(authenticated(session, config, isHeld$), () => {
        if (this.isClosing) return; // by the login itself: it goes on until the peer ends it
        this.add(
          defer(() => this.welcome(session)),
          (value) => this.subscriber.next(value),
        );
      });
    });
  }

  onControl(kind: 'ping' | 'pong'): void {
    const { link } = this;
    if (link === undefined) return;
    // First: the sign makes the heartbeat look at what it waits for.
    if (kind === 'pong') this.attempt(() => this.config.onPong(link.session));
    link.sign();
  }

  /** The close handshake has begun, and the session goes on until the peer ends it. */
  awaitEnd(): void {
    this.isClosing = true;
    this.add(this.config.parted$, () =>
      this.onFailed(new SocketClosedError(1006, 'the close was not finished')),
    );
  }

  /** The session has retired. */
  awaitDrained(): void {
    this.add(this.config.drained$, () => this.onFailed(new SocketClosedError(1006, 'rotated')));
  }

  /** Its error, and what `next` throws, ends the connection. */
  private add<V>(part$: Observable<V>, next: (value: V) => void): void {
    attach(this.parts, part$, {
      next: (value) => this.attempt(() => next(value)),
      error: (error) => this.onFailed(error),
    });
  }

  private attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.onFailed(error);
    }
  }
}

/** An open socket with its session, and the heartbeat that it keeps until it takes nothing more in. */
class SessionLink implements SessionConfig, HeartbeatLink, Unsubscribable {
  readonly port: Port;
  readonly heartbeat: Heartbeat;
  readonly session: OpenSession;
  private watching = Subscription.EMPTY;
  private readonly clock = createArrivalClock();
  private beatAt: number | undefined = undefined;
  /** Messages of the session's hooks that have not left. */
  private unsent = 0;

  constructor(
    private readonly config: DialSessionConfig,
    readonly socket: OpenSocket,
    private readonly dial: Pick<SessionDial<unknown>, 'onFailed' | 'awaitEnd' | 'awaitDrained'>,
  ) {
    this.port = config.outbox.open(socket);
    this.heartbeat = createHeartbeat(config.heartbeat ?? {}, this);
    this.session = createSession(this);
  }

  begin(): void {
    this.watching = this.heartbeat.watch();
    this.socket.divert(
      (data) => this.receive(data),
      () => this.clock.chunk(),
    );
  }

  /** Takes nothing more in. */
  unsubscribe(): void {
    this.socket.divert(noop);
    this.watching.unsubscribe(); // last: what a hook yielded may throw as it is left
  }

  /** Something came from the peer. */
  sign(): void {
    if (!this.watching.closed) this.heartbeat.sign();
  }

  resumed(): void {
    if (!this.watching.closed) this.heartbeat.resumed();
  }

  get generation(): number {
    return this.config.generation;
  }

  get maxHeld(): number {
    return this.config.maxHeld;
  }

  get canDrain(): boolean {
    return this.config.transport.can?.drain !== false;
  }

  get settled(): Observable<unknown> {
    return this.config.transport.settled;
  }

  send(message: unknown): void {
    const data = this.config.encode(message);
    this.unsent += 1;
    const isTaken = this.port.send(() => {
      this.unsent -= 1;
      this.socket.send(data);
    });
    if (!isTaken) this.unsent -= 1;
  }

  /** Whether the rate holds back what the session's hooks have sent: now, and whenever the outbox has looked. */
  get isHeld$(): Observable<boolean> {
    return this.config.outbox.looked$.pipe(
      startWith(undefined),
      map(() => this.isHeld()),
    );
  }

  peek(data: Data): readonly unknown[] | undefined {
    return this.config.peek(data);
  }

  onHeld(message: unknown, session: OpenSession): boolean {
    return this.config.onHeld(message, session);
  }

  onClosing(): void {
    this.dial.awaitEnd();
  }

  onRetired(): void {
    this.dial.awaitDrained();
  }

  write(message: unknown): void {
    this.socket.send(this.config.encode(message));
  }

  post(write: () => void, lane: 'session' | 'ping'): boolean {
    return this.port.send(write, lane);
  }

  isPaused(): boolean {
    return this.config.isPaused(this.session);
  }

  isYielding(): boolean {
    return this.config.isYielding?.(this.session) === true;
  }

  onHookFailed(hook: string, error: unknown): void {
    this.config.onHookFailed(hook, error);
  }

  onPongOverdue(waitedMs: number): void {
    this.config.onPongOverdue(this.session, waitedMs);
  }

  onDead(error: unknown): void {
    this.dial.onFailed(error);
  }

  private isHeld(): boolean {
    return this.unsent > 0 && this.port.hasRoom();
  }

  private receive(data: Data): void {
    const at = this.clock.now();
    // Thinned to one a millisecond: as exact a sign of life, and most frames cost no more than a comparison.
    if (at !== this.beatAt) {
      this.beatAt = at;
      this.heartbeat.sign();
    }
    if (!this.session.receive(data, at)) this.config.onNoRoom(this.session);
  }
}
