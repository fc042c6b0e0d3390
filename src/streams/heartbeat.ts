import {
  asyncScheduler,
  catchError,
  defer,
  EMPTY,
  filter,
  identity,
  map,
  mergeMap,
  type MonoTypeOperatorFunction,
  Observable,
  of,
  ReplaySubject,
  share,
  Subject,
  switchMap,
  take,
  takeUntil,
  tap,
  throwError,
  timeout,
  timer,
} from 'rxjs';
import { maxTimerMs } from '../operators/backoff.js';
import { timeoutHeartbeat } from '../operators/timeoutHeartbeat.js';
import { whenDue } from '../operators/whenDue.js';
import type { OpenSocket } from './fromSocket.js';
import { fromYielded } from './input.js';
import { createRoundTrip } from './roundTrip.js';
import type { Transport } from './transport.js';

export interface HeartbeatConfig {
  /** Milliseconds without any frame after which a ping goes out. @default 15_000 */
  readonly everyMs?: number;
  /** Milliseconds within which some frame must come, from when the ping has left. @default 10_000 */
  readonly timeoutMs?: number;
  /**
   * A ping frame; or a function that makes the message of a ping of the application, or a Promise or an Observable of it.
   *
   * Where no ping can be sent, silence alone is judged, because a connection that is cut for nothing heals and is seen,
   * and one that is frozen does neither. So it is with `'frame'` where the platform has no ping frames (a browser: give a
   * function there, or a longer `everyMs`), with a function that yields `undefined` or nothing, and with one that throws,
   * rejects or takes longer than `timeoutMs`, which is told as `hookFailed`. @default 'frame'
   */
  readonly ping?: 'frame' | (() => unknown);
  /**
   * Recognises the answer to `ping()`: it is not data, and gives the round trip. A heartbeat that comes by itself is no
   * answer and belongs in `isControl` where `ping` is a function; beside ping frames it may stand here too.
   */
  readonly isPong?: (message: unknown) => boolean;
  /**
   * Recognises a ping of the server's application, or a challenge, and makes the answer, or a Promise or an Observable of
   * it; `undefined` if the message is none. (So it cannot be an `async` function: that would claim every message.)
   */
  readonly reply?: (message: unknown) => unknown;
  /** Milliseconds between pings on a busy connection, so that the round trip is known; `Infinity` turns them off. @default 30_000 */
  readonly latencyEveryMs?: number;
  /** Turns the pings and the verdict off; `isPong` and `reply` still recognise what is not data. @default false */
  readonly off?: boolean;
}

export interface HeartbeatLink {
  readonly socket: Pick<OpenSocket, 'ping'>;
  /** Runs `write` when the outbox allows it, now or later. `false` if there is no room. */
  readonly post: (write: () => void, lane: 'session' | 'ping') => boolean;
  /** Encodes a message and hands it to the socket now. */
  readonly write: (message: unknown) => void;
  /** As the transport's. */
  readonly settled: Observable<unknown>;
  /** Reading is paused on purpose: nothing is pinged or judged. */
  readonly isPaused: () => boolean;
  /** Reading waits for its turn of the event loop: nothing is judged. @default never */
  readonly isYielding?: () => boolean;
  /** Emits when a pause ends. */
  readonly resumed$: Observable<unknown>;
  /** A `ping` or a `reply` failed: the connection goes on without that one. */
  readonly onHookFailed: (hook: 'heartbeat.ping' | 'heartbeat.reply', error: unknown) => void;
}

/** The pings and pongs of one connection. */
export interface Heartbeat {
  /** The last round trip, ms. Like all that a message passes, no getter: V8 is slow with objects that have one. */
  latencyMs: number | undefined;
  /** Passes the frames through, those of control too; errors with `HeartbeatTimeoutError` when the peer is silent for too long. */
  readonly watch: MonoTypeOperatorFunction<unknown>;
  /** A pong came, as a frame or as a message; the round trip as in `RoundTrip`, if it is what answers this kind of ping. */
  answered(by: 'frame' | 'message'): number | undefined;
  /** Answers a ping of the server's application; `false` if the message is none. Throws what the `reply` hook throws. */
  reply(message: unknown): boolean;
}

/** @throws {RangeError | TypeError} If an option is wrong, or asks for ping frames of a transport that has none. */
export function checkHeartbeat(
  {
    everyMs = 15_000,
    timeoutMs = 10_000,
    latencyEveryMs = 30_000,
    ping,
    off = false,
    ...hooks
  }: HeartbeatConfig,
  { can }: Pick<Transport, 'can'> = {},
): void {
  timeoutHeartbeat({ everyMs, timeoutMs });
  // Timers cut fractions off, so that half a millisecond would ping without a pause.
  for (const [name, ms] of Object.entries({ everyMs, timeoutMs })) {
    if (!Number.isInteger(ms)) throw new RangeError(`heartbeat: ${name} must be a whole number, got ${ms}`);
  }
  const isTimer = Number.isInteger(latencyEveryMs) && latencyEveryMs > 0 && latencyEveryMs <= maxTimerMs;
  if (!isTimer && latencyEveryMs !== Infinity) {
    throw new RangeError(
      `heartbeat: latencyEveryMs must be a whole number above 0 and at most ${maxTimerMs}, or Infinity, got ${latencyEveryMs}`,
    );
  }
  if (ping === 'frame' && can?.ping === false) {
    throw new TypeError(
      `heartbeat: ping must be a function, as the transport has no ping frames, got 'frame'`,
    );
  }
  if (ping !== undefined && ping !== 'frame' && typeof ping !== 'function') {
    throw new TypeError(`heartbeat: ping must be 'frame' or a function, got ${JSON.stringify(ping)}`);
  }
  for (const name of ['isPong', 'reply'] as const) {
    if (hooks[name] === undefined || typeof hooks[name] === 'function') continue;
    throw new TypeError(`heartbeat: ${name} must be a function, got ${typeof hooks[name]}`);
  }
  if (typeof off !== 'boolean')
    throw new TypeError(`heartbeat: off must be true or false, got ${typeof off}`);
}

/** Keeps one connection alive and known to be alive: pings it in silence, now and then in traffic too, and measures. */
export function createHeartbeat(
  {
    everyMs = 15_000,
    timeoutMs = 10_000,
    latencyEveryMs = 30_000,
    ping: make = 'frame',
    isPong,
    reply,
    off = false,
  }: HeartbeatConfig,
  { socket, post, write, settled, isPaused, isYielding = () => false, resumed$, onHookFailed }: HeartbeatLink,
): Heartbeat {
  const kind = make === 'frame' ? 'frame' : 'message';
  const canPing = make !== 'frame' || socket.ping !== undefined;
  const canMeasure = canPing && (make === 'frame' || isPong !== undefined);
  /** The watch has ended: whatever a hook yields after it is for nobody. */
  const over$ = new ReplaySubject<void>(1);
  const trip = createRoundTrip(timeoutMs);
  let askedAt = asyncScheduler.now();

  const send = (): Observable<() => void> => {
    askedAt = asyncScheduler.now();
    if (!canPing) return EMPTY;
    if (make === 'frame') return of(() => socket.ping?.());
    return made('ping', make(), timeoutMs).pipe(map((message) => () => write(message)));
  };

  /** Completes when the ping has left; while the outbox has no room it asks again. */
  const leaves = (send: () => void): Observable<never> =>
    defer(() => {
      const left$ = new Subject<never>();
      const hasRoom = post(() => {
        try {
          send();
          trip.left();
          left$.complete();
        } catch (error) {
          left$.error(error); // eslint-disable-line rxjs-x/throw-error -- told as it came
        }
      }, 'ping');
      return hasRoom ? left$ : timer(timeoutMs).pipe(switchMap(() => leaves(send)));
    });

  /** One at a time: who asks while a ping is held back waits for that one, and leaving does not take it back. */
  let ping$: Observable<never> | undefined;
  const ping = (): Observable<never> =>
    (ping$ ??= defer(send).pipe(
      mergeMap(leaves),
      catchError((error: unknown) => {
        onHookFailed('heartbeat.ping', error);
        return EMPTY;
      }),
      tap({ complete: () => (ping$ = undefined) }),
      takeUntil(over$),
      share({ resetOnRefCountZero: false }),
    ));

  const judge = (): MonoTypeOperatorFunction<unknown> =>
    timeoutHeartbeat({
      everyMs,
      timeoutMs,
      ping,
      alive$: resumed$.pipe(map(() => trip.spoil())),
      settled,
      isSuspended: () => isPaused() || isYielding(),
    });

  /** Pings now and then, whatever comes. */
  const measure = (): Observable<never> => {
    const waitMs = (): number => {
      const now = asyncScheduler.now();
      // A wall clock that was set back must not put off the next ping by as much.
      askedAt = Math.min(askedAt, now);
      return askedAt + latencyEveryMs - now;
    };
    const measure$ = defer(() => {
      askedAt = asyncScheduler.now();
      return trip.isOut() || isPaused() ? EMPTY : ping();
    });
    return whenDue(waitMs, measure$);
  };

  const heartbeat: Heartbeat = {
    watch: (source) =>
      new Observable((subscriber) => {
        if (!off && canMeasure && latencyEveryMs !== Infinity) measure().subscribe(subscriber); // emits nothing
        subscriber.add(() => over$.next());
        if (!subscriber.closed) source.pipe(off ? identity : judge()).subscribe(subscriber);
      }),
    answered(by) {
      const latencyMs = by === kind ? trip.answered() : undefined;
      if (latencyMs !== undefined) heartbeat.latencyMs = latencyMs;
      return latencyMs;
    },
    latencyMs: undefined,
    reply(message) {
      const yielded = reply?.(message);
      if (yielded === undefined) return false;
      const failed = (error: unknown): void => onHookFailed('heartbeat.reply', error);
      const send = (answer: unknown): void => {
        try {
          write(answer);
        } catch (error) {
          failed(error); // it may be said from the outbox, whose other messages must go on
        }
      };
      made('reply', yielded, timeoutMs)
        .pipe(takeUntil(over$))
        .subscribe({ next: (answer) => void post(() => send(answer), 'session'), error: failed });
      return true;
    },
  };
  return heartbeat;
}

/** The message that a hook yields, if it does so in time. */
const made = (hook: string, yielded: unknown, timeoutMs: number): Observable<unknown> =>
  fromYielded(yielded).pipe(
    take(1),
    timeout({
      first: timeoutMs,
      with: () => throwError(() => new Error(`${hook} yielded nothing within ${timeoutMs} ms`)),
    }),
    filter((message) => message !== undefined),
  );
