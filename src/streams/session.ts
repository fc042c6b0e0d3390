import { asyncScheduler, defer, EMPTY, noop as ignore, type Observable, ReplaySubject, Subject } from 'rxjs';
import { createLine, type Line } from '../operators/line.js';
import { checkFarewell } from './farewell.js';
import type { Heartbeat } from './heartbeat.js';
import type { OpenSocket } from './openSocket.js';
import type { Port } from './outbox.js';
import type { SessionTopics } from './subscriptions.js';
import type { Data } from './transport.js';

/** What a hook gets of one open connection. After the connection's end it sends nothing and emits nothing. */
export interface Session {
  readonly generation: number;
  /** Sends a message, encoded by the codec, on this connection only; after its end, or `close`, it does nothing. */
  send(message: unknown): void;
  /**
   * The decoded messages of this connection as they arrive, heartbeats and acks included; completes at its end. They must not be
   * changed: one may be the very value that subscribers get.
   */
  readonly messages$: Observable<unknown>;
  /**
   * Starts the close handshake; the feed then reconnects as its policies say. What is sent from then on waits for the next
   * connection, and a peer that does not answer has 5 s before the socket is destroyed. @default code 1000
   */
  close(code?: number, reason?: string): void;
  /** The last round trip of a heartbeat, ms; `undefined` from `pongOverdue` until the next. */
  readonly latencyMs: number | undefined;
}

/** One received frame on its way down the pipeline. */
export interface Frame {
  readonly session: OpenSession;
  readonly data: Data;
  /** It was held until its session took charge. */
  readonly held: Held | undefined;
}

/** Takes a frame at the time now, epoch ms. After the call that object may be another frame: whoever keeps it keeps a copy. */
export type TakeFrame = (frame: Frame, at: number) => void;

/** Who takes the frames of a session. */
export interface FrameReader {
  /** It wants no more of those that were held. */
  readonly closed: boolean;
  /** The session has ended, and all its frames are out; what this throws is reported as unhandled. */
  onEnd(): void;
}

/** What a session did with a frame that it held: its hooks have heard it. */
interface Held {
  readonly phase: OpenSession['phase'];
  /** Of each message in it, whether it concerned the connection and was acted on. */
  readonly acted: readonly boolean[];
}

/**
 * A session as the feed's own stages see it. Every message passes it, so it has no getters: V8 keeps an object that has one as
 * a dictionary, and each call costs more.
 */
export interface OpenSession extends Session {
  /** Kept by who measures it. */
  latencyMs: number | undefined;
  readonly socket: OpenSocket;
  readonly heartbeat: Heartbeat;
  /** Its own way out. */
  readonly port: Port;
  /** What the server was asked for on this connection; absent before that, and without `subscriptions`. */
  topics: SessionTopics | undefined;
  /**
   * Hands over the frames, each with the time now: at once those that were held, in order, then each as it comes, until `leave`. A
   * reader that leaves while the held ones come is `closed`. Throws what `take` throws of a held one. After either nothing more is
   * handed over.
   */
  deliver(take: TakeFrame, reader: FrameReader): void;
  /** Hands over no more, and tells the reader of no end. */
  leave(): void;
  /**
   * Takes a frame from the socket at the time now: held until it is delivered. `false` if there was no room to hold it. During
   * the login it is lost then. While joining it takes the place of the oldest, which the connection in charge has delivered long
   * ago. In charge it joins the line all the same, before anybody is told, who might bring the next one: call `trim` at last.
   */
  receive(data: Data, at: number): boolean;
  /** Gives up the oldest of the frames held without room; how many. */
  trim(): number;
  /** Whether anybody listens to `messages$`. */
  isHeard(): boolean;
  /** Tells `messages$`. */
  hear(message: unknown): void;
  /** The server gave notice that it will cut this connection. */
  notice(): void;
  /** Emits at each notice, the last one again to who comes later; completes at the session's end. */
  readonly noticed$: Observable<void>;
  phase: 'login' | 'joining' | 'ready';
  /** Logged in; another connection is still in charge. */
  join(): void;
  /** In charge: the frames it holds are the subscribers'. */
  start(): void;
  /**
   * Another session is in charge: asks for nothing more, starts the close handshake, and still delivers what the peer
   * sends before its half of it.
   */
  retire(): void;
  /** Emits when it retires or ends, at once if it has. */
  readonly retired$: Observable<void>;
  isRetired: boolean;
  /** It has ended: whoever acts for it later acts for nobody. */
  isOver: boolean;
  /** Ends the session and returns how many held frames die with it: all of one that was never in charge. */
  end(): number;
  /** Nobody will take its frames: forgets what is held, and returns how many that were. */
  abandon(): number;
}

export interface SessionConfig {
  readonly generation: number;
  readonly socket: OpenSocket;
  readonly heartbeat: Heartbeat;
  readonly port: Port;
  /** Frames held at most. */
  readonly maxHeld: number;
  /** What the peer sends before its half of the close handshake still arrives; where it does not, the goodbye waits. */
  readonly canDrain: boolean;
  /** Encodes a message and hands it to the port. */
  readonly send: (message: unknown) => void;
  /** Takes a held frame apart; `undefined` if it cannot be decoded, which is told later, in line. */
  readonly peek: (data: Data) => readonly unknown[] | undefined;
  /** Acts on a held message if it concerns the connection: an ack, a pong, a ping to answer. */
  readonly onHeld: (message: unknown, session: OpenSession) => boolean;
  /** A hook closes it: the close handshake has begun. */
  readonly onClosing?: () => void;
  /** It has retired: told before `retired$`. */
  readonly onRetired?: () => void;
}

export const createSession = (config: SessionConfig): OpenSession => new Connected(config);

/**
 * A class, since each connection has one: closures took twice the memory. Each Observable is made when somebody asks for it, as most
 * connections live without. Hooks of the user get it only as a `shownSession`.
 */
class Connected implements OpenSession {
  readonly generation: number;
  readonly socket: OpenSocket;
  readonly heartbeat: Heartbeat;
  readonly port: Port;
  topics: SessionTopics | undefined = undefined;
  latencyMs: number | undefined = undefined;
  phase: OpenSession['phase'] = 'login';
  isRetired = false;
  isOver = false;
  private heard$: Subject<unknown> | undefined = undefined;
  private notices$: ReplaySubject<void> | undefined = undefined;
  private retirement$: ReplaySubject<void> | undefined = undefined;
  /** `retired$` has emitted. */
  private hasToldRetired = false;
  /** Made for the first frame that has to wait. */
  private held: Line<Frame> | undefined = undefined;
  /** Who takes the frames, once those held are out. */
  private takeFrame: TakeFrame | undefined = undefined;
  /** The frame that is handed over when none is held: one, filled again and again, as a new one costs a twentieth of the whole way. */
  private passing: { -readonly [Part in keyof Frame]: Frame[Part] } | undefined = undefined;
  /** It is on its way. */
  private isPassing = false;

  private reader: FrameReader | undefined = undefined;

  constructor(private readonly config: SessionConfig) {
    ({
      generation: this.generation,
      socket: this.socket,
      heartbeat: this.heartbeat,
      port: this.port,
    } = config);
  }

  send(message: unknown): void {
    if (!this.isOver) this.config.send(message);
  }

  close(code = 1000, reason?: string): void {
    checkFarewell({ code, ...(reason !== undefined && { reason }) });
    if (this.isOver) return;
    const isFirst = this.port.close();
    this.socket.close(code, reason);
    if (isFirst) this.config.onClosing?.();
  }

  get messages$(): Observable<unknown> {
    return (this.heard$ ??= this.untilOver(new Subject<unknown>()));
  }

  get noticed$(): Observable<void> {
    return defer(() => this.notices());
  }

  get retired$(): Observable<void> {
    return defer(() => {
      if (this.retirement$ !== undefined) return this.retirement$;
      const retirement$ = (this.retirement$ = new ReplaySubject<void>(1));
      if (this.hasToldRetired) retirement$.next();
      return this.untilOver(retirement$);
    });
  }

  deliver(take: TakeFrame, reader: FrameReader): void {
    const { held } = this;
    // What comes meanwhile joins the line.
    while (held !== undefined && held.size > 0 && !reader.closed) take(held.shift(), asyncScheduler.now());
    if (reader.closed) return;
    this.takeFrame = take;
    this.reader = reader;
    if (this.isOver) this.tellReader();
  }

  leave(): void {
    if (this.reader === undefined) return;
    this.takeFrame = ignore;
    this.reader = undefined;
  }

  receive(data: Data, at: number): boolean {
    if (this.takeFrame !== undefined) {
      this.pass(this.takeFrame, data, at);
      return true;
    }
    const config = this.config;
    const held = (this.held ??= createLine());
    const hasRoom = held.size < config.maxHeld;
    const { phase } = this;
    const isKept = hasRoom || phase !== 'login';
    if (!hasRoom && phase === 'joining') held.shift();
    const acted: boolean[] = [];
    // In line before anybody hears it: who does may be told of the next one at once.
    if (isKept) held.push({ session: this, data, held: { phase, acted } });
    for (const message of config.peek(data) ?? []) {
      this.hear(message);
      acted.push(config.onHeld(message, this));
    }
    return hasRoom;
  }

  private pass(take: TakeFrame, data: Data, at: number): void {
    // What comes from inside the call has a frame of its own.
    if (this.isPassing) {
      take({ session: this, data, held: undefined }, at);
      return;
    }
    const frame = (this.passing ??= { session: this, data, held: undefined });
    frame.data = data;
    this.isPassing = true;
    take(frame, at);
    this.isPassing = false;
  }

  isHeard(): boolean {
    return this.heard$?.observed === true;
  }

  hear(message: unknown): void {
    if (!this.isOver) this.heard$?.next(message);
  }

  notice(): void {
    this.notices().next();
  }

  join(): void {
    this.phase = 'joining';
  }

  start(): void {
    this.phase = 'ready';
  }

  retire(): void {
    if (this.isRetired) return;
    this.isRetired = true;
    this.port.close();
    this.config.onRetired?.();
    this.tellRetired();
    if (this.config.canDrain) this.socket.close(1000, 'rotated');
  }

  end(): number {
    this.isOver = true;
    this.tellRetired();
    this.retirement$?.complete();
    this.notices$?.complete();
    this.heard$?.complete();
    this.tellReader();
    return this.phase === 'ready' ? 0 : this.abandon();
  }

  trim(): number {
    return this.shorten(this.config.maxHeld);
  }

  abandon(): number {
    return this.shorten(0);
  }

  /** Made with the first notice, or for who waits for it. */
  private notices(): ReplaySubject<void> {
    return (this.notices$ ??= this.untilOver(new ReplaySubject<void>(1)));
  }

  private tellRetired(): void {
    this.hasToldRetired = true;
    this.retirement$?.next();
  }

  private tellReader(): void {
    const reader = this.reader;
    if (reader === undefined) return;
    this.reader = undefined; // it is told once
    this.takeFrame = ignore;
    // An observer, whose errors do not keep the session from its end.
    EMPTY.subscribe({ complete: () => reader.onEnd(), error: ignore });
  }

  /** One that is made after the end completes at once. */
  private untilOver<S extends Pick<Subject<unknown>, 'complete'>>(subject: S): S {
    if (this.isOver) subject.complete();
    return subject;
  }

  private shorten(toSize: number): number {
    const { held } = this;
    let count = 0;
    for (; held !== undefined && held.size > toSize; count += 1) held.shift();
    return count;
  }
}
