import { asyncScheduler, noop as ignore, Observable, ReplaySubject, Subject } from 'rxjs';
import { createLine } from '../operators/line.js';
import { checkFarewell, type OpenSocket } from './fromSocket.js';
import type { Heartbeat } from './heartbeat.js';
import type { Port } from './outbox.js';
import type { SessionTopics } from './subscriptions.js';
import type { Data } from './transport.js';

/** What a hook gets of one open connection. After the connection's end it sends nothing and emits nothing. */
export interface Session {
  readonly generation: number;
  /** Sends a message, encoded by the codec, on this connection only; after its end it does nothing. */
  send(message: unknown): void;
  /** The decoded messages of this connection as they arrive, heartbeats and acks included; completes at its end. */
  readonly messages$: Observable<unknown>;
  /** Starts the close handshake; the feed then reconnects as its policies say. @default code 1000 */
  close(code?: number, reason?: string): void;
  /** The last round trip of a heartbeat, ms. */
  readonly latencyMs: number | undefined;
}

/** One received frame on its way down the pipeline. */
export interface Frame {
  readonly session: OpenSession;
  readonly data: Data;
  /** It was held until its session took charge. */
  readonly held: Held | undefined;
}

/** Takes a frame at the time now, epoch ms. */
export type TakeFrame = (frame: Frame, at: number) => void;

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
   * Hands over the frames, each with the time now: on subscription those that were held, in order, then each as it comes. A
   * call, not an emission, since this is the way of every message. Completes at the session's end, emits nothing.
   */
  deliver(take: TakeFrame): Observable<never>;
  /**
   * Takes a frame from the socket at the time now: held until it is delivered. `false` if there was no room to hold it; while
   * joining it is held all the same, in the place of the oldest, which the connection in charge has delivered long ago,
   * and in charge nobody has heard it yet.
   */
  receive(data: Data, at: number): boolean;
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
  readonly write: (message: unknown) => void;
  /** Takes a held frame apart; `undefined` if it cannot be decoded, which is told later, in line. */
  readonly peek: (data: Data) => readonly unknown[] | undefined;
  /** Acts on a held message if it concerns the connection: an ack, a pong, a ping to answer. */
  readonly onHeld: (message: unknown, session: OpenSession) => boolean;
}

export function createSession({
  generation,
  socket,
  heartbeat,
  port,
  maxHeld,
  canDrain,
  write,
  peek,
  onHeld,
}: SessionConfig): OpenSession {
  const messages$ = new Subject<unknown>();
  const retired$ = new ReplaySubject<void>(1);
  const noticed$ = new ReplaySubject<void>(1);
  const held = createLine<Frame>();
  /** Who takes the frames, once those held are out. */
  let takeFrame: TakeFrame | undefined;
  const ended$ = new Subject<never>();

  const abandon = (): number => {
    const count = held.size;
    while (held.size > 0) held.shift();
    return count;
  };

  const session: OpenSession = {
    generation,
    socket,
    heartbeat,
    port,
    topics: undefined,
    messages$: messages$.asObservable(),
    deliver: (take) =>
      new Observable((subscriber) => {
        // What comes meanwhile joins the line.
        while (held.size > 0 && !subscriber.closed) take(held.shift(), asyncScheduler.now());
        if (subscriber.closed) return;
        takeFrame = take;
        subscriber.add(() => (takeFrame = ignore));
        if (session.isOver) subscriber.complete();
        else subscriber.add(ended$.subscribe(subscriber));
      }),
    latencyMs: undefined,
    phase: 'login',
    isRetired: false,
    isOver: false,
    send(message) {
      if (!session.isOver) write(message);
    },
    close(code, reason) {
      checkFarewell({ ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) });
      if (!session.isOver) socket.close(code, reason);
    },
    receive(data, at) {
      if (takeFrame !== undefined) {
        takeFrame({ session, data, held: undefined }, at);
        return true;
      }
      const hasRoom = held.size < maxHeld;
      const { phase } = session;
      if (!hasRoom && phase === 'ready') return false;
      const isKept = hasRoom || phase === 'joining';
      if (!hasRoom && isKept) held.shift();
      const acted: boolean[] = [];
      // In line before anybody hears it: who does may be told of the next one at once.
      if (isKept) held.push({ session, data, held: { phase, acted } });
      for (const message of peek(data) ?? []) {
        session.hear(message);
        acted.push(onHeld(message, session));
      }
      return hasRoom;
    },
    isHeard: () => messages$.observed,
    hear(message) {
      if (!session.isOver && messages$.observed) messages$.next(message);
    },
    notice() {
      noticed$.next();
    },
    noticed$: noticed$.asObservable(),
    join() {
      session.phase = 'joining';
    },
    start() {
      session.phase = 'ready';
    },
    retire() {
      if (session.isRetired) return;
      session.isRetired = true;
      port.close();
      retired$.next();
      if (canDrain) socket.close(1000, 'rotated');
    },
    retired$: retired$.asObservable(),
    end() {
      session.isOver = true;
      retired$.next();
      retired$.complete();
      noticed$.complete();
      messages$.complete();
      ended$.complete();
      return session.phase === 'ready' ? 0 : abandon();
    },
    abandon,
  };
  return session;
}
