import { Observable, ReplaySubject, Subject } from 'rxjs';
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

/** What a session did with a frame that it held: its hooks have heard it. */
interface Held {
  readonly phase: OpenSession['phase'];
  /** Of each message in it, whether it concerned the connection and was acted on. */
  readonly acted: readonly boolean[];
}

/** A session as the feed's own stages see it. */
export interface OpenSession extends Session {
  readonly socket: OpenSocket;
  readonly heartbeat: Heartbeat;
  /** Its own way out. */
  readonly port: Port;
  /** What the server was asked for on this connection; absent before that, and without `subscriptions`. */
  topics: SessionTopics | undefined;
  /** The frames: on subscription those that were held, in order, then each as it comes. Completes at the session's end. */
  readonly frames$: Observable<Frame>;
  /**
   * Takes a frame from the socket: held until `frames$` is subscribed. `false` if there was no room to hold it; while
   * joining it is held all the same, in the place of the oldest, which the connection in charge has delivered long ago,
   * and in charge nobody has heard it yet.
   */
  receive(data: Data): boolean;
  /** Tells `messages$`. */
  hear(message: unknown): void;
  /** The server gave notice that it will cut this connection. */
  notice(): void;
  /** Emits at each notice, the last one again to who comes later; completes at the session's end. */
  readonly noticed$: Observable<void>;
  readonly phase: 'login' | 'joining' | 'ready';
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
  readonly isRetired: boolean;
  /** It has ended: whoever acts for it later acts for nobody. */
  readonly isOver: boolean;
  /** Ends the session and returns how many held frames die with it: all of one that was never in charge. */
  end(): number;
  /** Nobody will read `frames$`: forgets what is held, and returns how many that were. */
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
  const frames$ = new Subject<Frame>();
  const retired$ = new ReplaySubject<void>(1);
  const noticed$ = new ReplaySubject<void>(1);
  const held = createLine<Frame>();
  let phase: OpenSession['phase'] = 'login';
  let isHolding = true;
  let isRetired = false;
  let ended = false;

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
    frames$: new Observable((subscriber) => {
      const subscription = frames$.subscribe(subscriber);
      // What comes meanwhile joins the line.
      while (held.size > 0 && !subscriber.closed) frames$.next(held.shift());
      if (!subscriber.closed) isHolding = false;
      if (ended) frames$.complete();
      return subscription;
    }),
    get latencyMs() {
      return heartbeat.latencyMs;
    },
    get isOver() {
      return ended;
    },
    send(message) {
      if (!ended) write(message);
    },
    close(code, reason) {
      checkFarewell({ ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) });
      if (!ended) socket.close(code, reason);
    },
    receive(data) {
      if (!isHolding) {
        frames$.next({ session, data, held: undefined });
        return true;
      }
      const hasRoom = held.size < maxHeld;
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
    hear(message) {
      if (!ended && messages$.observed) messages$.next(message);
    },
    notice() {
      noticed$.next();
    },
    noticed$: noticed$.asObservable(),
    get phase() {
      return phase;
    },
    join() {
      phase = 'joining';
    },
    start() {
      phase = 'ready';
    },
    retire() {
      if (isRetired) return;
      isRetired = true;
      port.close();
      retired$.next();
      if (canDrain) socket.close(1000, 'rotated');
    },
    retired$: retired$.asObservable(),
    get isRetired() {
      return isRetired;
    },
    end() {
      ended = true;
      retired$.next();
      retired$.complete();
      noticed$.complete();
      messages$.complete();
      if (!isHolding) frames$.complete();
      return phase === 'ready' ? 0 : abandon();
    },
    abandon,
  };
  return session;
}
