import { defer, noop, Observable, type Subscriber, Subscription } from 'rxjs';
import { attach } from '../operators/attach.js';
import { authenticated, type AuthenticateConfig } from './authenticate.js';
import { createArrivalClock } from './arrivalClock.js';
import { SocketClosedError } from './failure.js';
import { type Farewell, fromSocket, type FromSocketConfig, type OpenSocket } from './fromSocket.js';
import { createHeartbeat, type HeartbeatConfig } from './heartbeat.js';
import type { Outbox } from './outbox.js';
import { createSession, type OpenSession } from './session.js';
import type { Data, Socket, Transport } from './transport.js';

export interface DialSessionConfig extends FromSocketConfig, AuthenticateConfig {
  readonly transport: Transport;
  readonly heartbeat?: HeartbeatConfig;
  readonly outbox: Pick<Outbox, 'open'>;
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
  readonly resumed$: Observable<unknown>;
  /** An error from outside that ends this connection now. */
  readonly drop$: Observable<unknown>;
  /** Nothing more is to be taken in. */
  readonly stopIntake$: Observable<unknown>;
  /** Ends the wait for the last frames of a session that has retired. */
  readonly drained$: Observable<unknown>;
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
export function dialSession<T>(
  config: DialSessionConfig,
  welcome: (session: OpenSession) => Observable<T>,
): Observable<T> {
  // By hand, as each idle connection has one: with `merge` and the operators that each part took, it took twice the memory.
  return new Observable((subscriber) => {
    /** The socket, and whatever else ends with the connection. */
    const parts = new Subscription();
    let dialled: Socket | undefined;
    let session: OpenSession | undefined;
    let failure: unknown;
    let hasFailed = false;

    const end = (): void => {
      if (parts.closed) return;
      try {
        parts.unsubscribe();
      } finally {
        if (session !== undefined) {
          session.port.close();
          config.onLost(session.end(), session);
          config.onEnd?.(session, failure);
        }
      }
    };
    /** The session has ended by the time anybody hears why. */
    const fail = (error: unknown): void => {
      if (hasFailed || parts.closed) return;
      hasFailed = true;
      failure = error;
      try {
        if (!isRefused(error)) dialled?.terminate();
        end();
      } finally {
        if (session?.isRetired === true) subscriber.complete();
        else subscriber.error(error);
      }
    };
    /** Its error, and what `next` throws, ends the connection. */
    const add = <V>(part$: Observable<V>, next: (value: V) => void): void =>
      void attach(parts, part$, {
        next: (value) => {
          try {
            next(value);
          } catch (error) {
            fail(error);
          }
        },
        error: fail,
      });

    const run = (socket: OpenSocket): void => {
      const port = config.outbox.open(socket);
      const heartbeat = createHeartbeat(config.heartbeat ?? {}, {
        socket: socket.ping === undefined ? {} : { ping: () => socket.ping?.() },
        write: (message) => socket.send(config.encode(message)),
        post: (send, lane) => port.send(send, lane),
        settled: config.transport.settled,
        isPaused: () => config.isPaused(mine),
        isYielding: () => config.isYielding?.(mine) === true,
        resumed$: config.resumed$,
        onHookFailed: config.onHookFailed,
      });
      const mine: OpenSession = createSession({
        generation: config.generation,
        maxHeld: config.maxHeld,
        peek: config.peek,
        onHeld: config.onHeld,
        socket,
        heartbeat,
        port,
        canDrain: config.transport.can?.drain !== false,
        write: (message) => {
          const data = config.encode(message);
          port.send(() => socket.send(data));
        },
        onRetired: () => add(config.drained$, () => fail(new SocketClosedError(1006, 'rotated'))),
      });
      session = mine;
      config.onOpen?.(mine);
      if (parts.closed) return; // ended by who was told

      let sign: Subscriber<unknown> | undefined;
      const signs$ = new Observable<unknown>((subscriber) => {
        sign = subscriber;
        attach(subscriber, config.stopIntake$, {
          next: () => subscriber.complete(),
          error: (error) => subscriber.error(error),
        });
        if (subscriber.closed) return;
        let beatAt: number | undefined;
        const clock = createArrivalClock();
        const receive = (data: Data): void => {
          const at = clock.now();
          // Thinned to one a millisecond: as exact a sign of life, and most frames cost no more than a comparison.
          if (at !== beatAt) {
            beatAt = at;
            subscriber.next(at);
          }
          if (!mine.receive(data, at)) config.onNoRoom(mine);
        };
        socket.divert(receive, () => clock.chunk());
        subscriber.add(() => socket.divert(noop));
      });
      attach(parts, signs$.pipe(heartbeat.watch), { error: fail });
      add(socket.control$, (kind) => {
        if (sign?.closed === false) sign.next(kind);
        if (kind === 'pong') config.onPong(mine);
      });
      add(authenticated(mine, config), () => {
        add(
          defer(() => welcome(mine)),
          (value) => subscriber.next(value),
        );
      });
    };

    subscriber.add(end);
    add(
      fromSocket({
        ...config,
        farewell: () => (isRefused(failure) ? REFUSED : (config.farewell?.() ?? {})),
        onDial: (socket) => {
          dialled = socket;
          config.onDial?.(socket);
        },
      }),
      run,
    );
    attach(parts, config.drop$, { next: fail, error: fail });
  });
}
