import {
  asyncScheduler,
  catchError,
  defer,
  EMPTY,
  filter,
  ignoreElements,
  map,
  merge,
  mergeMap,
  noop,
  Observable,
  switchMap,
  takeUntil,
  tap,
  throwError,
} from 'rxjs';
import { authenticated, type AuthenticateConfig } from './authenticate.js';
import { SocketClosedError } from './failure.js';
import { type Farewell, fromSocket, type FromSocketConfig, type OpenSocket } from './fromSocket.js';
import { createHeartbeat, type HeartbeatConfig } from './heartbeat.js';
import type { Outbox } from './outbox.js';
import { createSession, type OpenSession } from './session.js';
import type { Data, Transport } from './transport.js';

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
  /** A frame that found no room. */
  readonly onNoRoom: (session: OpenSession, data: Data, at: number) => void;
  /** Held frames that nobody will ever read. */
  readonly onLost: (frames: number, session: OpenSession) => void;
  /** The session is over; `error` is `undefined` if it was unsubscribed. */
  readonly onEnd?: (session: OpenSession, error: unknown) => void;
  /** Reading this session's socket is paused on purpose: no verdict of silence. */
  readonly isPaused: (session: OpenSession) => boolean;
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
  return defer(() => {
    let session: OpenSession | undefined;
    let terminate = (): void => undefined;
    let failure: unknown;

    const run = (socket: OpenSocket): Observable<T> => {
      const port = config.outbox.open(socket);
      const write = (message: unknown): void => socket.send(config.encode(message));
      const heartbeat = createHeartbeat(config.heartbeat ?? {}, {
        socket,
        write,
        post: (send, lane) => port.send(send, lane),
        settled: config.transport.settled,
        isPaused: () => config.isPaused(mine),
        resumed$: config.resumed$,
        onHookFailed: config.onHookFailed,
      });
      const mine: OpenSession = createSession({
        ...config,
        socket,
        heartbeat,
        port,
        canDrain: config.transport.can?.drain !== false,
        write: (message) => {
          const data = config.encode(message);
          port.send(() => socket.send(data));
        },
      });
      session = mine;

      /** Frames, thinned to one a millisecond: as exact a sign of life, and most frames cost no more than a comparison. */
      const beats$ = new Observable<unknown>((subscriber) => {
        let beatAt: number | undefined;
        socket.divert((data) => {
          const at = asyncScheduler.now();
          if (at !== beatAt) {
            beatAt = at;
            subscriber.next(at);
          }
          if (!mine.receive(data, at)) config.onNoRoom(mine, data, at);
        });
        subscriber.add(() => socket.divert(noop));
        socket.data$.subscribe(subscriber); // from here on but its end
      });
      const intake$ = beats$.pipe(heartbeat.watch, ignoreElements(), takeUntil(config.stopIntake$));
      const pongs$ = socket.control$.pipe(
        filter((kind): kind is never => {
          if (kind === 'pong') config.onPong(mine);
          return false;
        }),
      );
      const drained$ = mine.retired$.pipe(
        switchMap(() =>
          config.drained$.pipe(
            map(() => {
              throw new SocketClosedError(1006, 'rotated');
            }),
          ),
        ),
      );

      config.onOpen?.(mine);
      const login$ = authenticated(mine, config).pipe(mergeMap(() => welcome(mine)));
      return merge(intake$, pongs$, drained$, login$).pipe(
        // Not finalize(): that waits for a subscribe that is still going on, and a listener may end it from within.
        tap({
          finalize: () => {
            port.close();
            config.onLost(mine.end(), mine);
            config.onEnd?.(mine, failure);
          },
        }),
      );
    };

    const dialled$ = fromSocket({
      ...config,
      farewell: () => (isRefused(failure) ? REFUSED : (config.farewell?.() ?? {})),
      onDial: (socket) => {
        terminate = () => socket.terminate();
        config.onDial?.(socket);
      },
    }).pipe(switchMap(run));
    // By hand: `merge` and an operator that throws take 3 kB more on every connection.
    const untilDropped$ = new Observable<T>((subscriber) => {
      const fail = (error: unknown): void => subscriber.error(error);
      dialled$.subscribe(subscriber);
      if (!subscriber.closed) subscriber.add(config.drop$.subscribe({ next: fail, error: fail }));
    });

    return untilDropped$.pipe(
      // It unsubscribes what failed before it passes the error on: the session has ended by the time anybody hears why.
      catchError((error: unknown) => {
        failure = error;
        if (!isRefused(error)) terminate();
        return session?.isRetired === true ? EMPTY : throwError(() => error); // eslint-disable-line rxjs-x/throw-error -- told as it came
      }),
    );
  });
}
