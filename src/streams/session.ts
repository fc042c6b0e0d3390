import { asyncScheduler, Observable, Subject } from 'rxjs';
import { checkFarewell, type OpenSocket } from './fromSocket.js';
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
  /** Came while the session was authenticating: `messages$` has had it. */
  readonly early: boolean;
}

/** A session as the feed's own stages see it. */
export interface OpenSession extends Session {
  readonly socket: OpenSocket;
  /** The frames: on subscription those that were held, in order, then each as it comes. */
  readonly frames$: Observable<Frame>;
  /** Takes a frame from the socket: held until `frames$` is subscribed. `false` if there is no room to hold it. */
  receive(data: Data): boolean;
  /** Tells `messages$`. */
  hear(message: unknown): void;
  /** A ping went out: the next `pong()` measures from here. */
  pinged(): void;
  /** An answer to the ping came; returns the round trip in ms, or `undefined` if no ping was out. */
  pong(): number | undefined;
  /** It has ended: whoever acts for it later acts for nobody. */
  readonly isOver: boolean;
  /** Ends the session and returns how many held frames die with it. */
  end(): number;
}

export interface SessionConfig {
  readonly generation: number;
  readonly socket: OpenSocket;
  /** Frames held at most while authenticating. */
  readonly maxHeld: number;
  readonly write: (message: unknown) => void;
  /** Decodes an early frame for `messages$`; `undefined` if it cannot be decoded, which is told later, in line. */
  readonly peek: (data: Data) => readonly unknown[] | undefined;
}

export function createSession({ generation, socket, maxHeld, write, peek }: SessionConfig): OpenSession {
  const messages$ = new Subject<unknown>();
  const frames$ = new Subject<Frame>();
  let held: Data[] | undefined = [];
  let ended = false;
  let pingedAt: number | undefined;
  let latencyMs: number | undefined;

  const session: OpenSession = {
    generation,
    socket,
    messages$: messages$.asObservable(),
    frames$: new Observable((subscriber) => {
      const subscription = frames$.subscribe(subscriber);
      // What comes meanwhile joins the line; what is left when the session ends is counted by `end`.
      while (!ended && held !== undefined && held.length > 0) {
        frames$.next({ session, data: held.shift() as Data, early: true });
      }
      if (!ended) held = undefined;
      return subscription;
    }),
    get latencyMs() {
      return latencyMs;
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
      if (held === undefined) {
        frames$.next({ session, data, early: false });
        return true;
      }
      const hasRoom = held.length < maxHeld;
      if (hasRoom) held.push(data);
      if (messages$.observed) for (const message of peek(data) ?? []) messages$.next(message);
      return hasRoom;
    },
    hear(message) {
      if (!ended && messages$.observed) messages$.next(message);
    },
    pinged() {
      pingedAt ??= asyncScheduler.now();
    },
    pong() {
      if (ended || pingedAt === undefined) return undefined;
      latencyMs = asyncScheduler.now() - pingedAt;
      pingedAt = undefined;
      return latencyMs;
    },
    end() {
      ended = true;
      messages$.complete();
      frames$.complete();
      return held?.length ?? 0;
    },
  };
  return session;
}
