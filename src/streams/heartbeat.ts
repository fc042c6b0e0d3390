import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
  map,
  mergeMap,
  Observable,
  of,
  share,
  Subject,
  Subscription,
  switchMap,
  take,
  takeUntil,
  tap,
  throwError,
  timeout,
  timer,
} from 'rxjs';
import { attach } from '../operators/attach.js';
import { maxTimerMs } from '../operators/backoff.js';
import {
  createSilence,
  type Silence,
  type SilenceHooks,
  timeoutHeartbeat,
} from '../operators/timeoutHeartbeat.js';
import { type Due, whenDue } from '../operators/whenDue.js';
import { fromYielded } from './input.js';
import type { OpenSocket } from './openSocket.js';
import { createRoundTrip, type RoundTrip } from './roundTrip.js';
import type { Transport } from './transport.js';

export interface HeartbeatConfig {
  /** Milliseconds without any frame after which a ping goes out. @default 15_000 */
  readonly everyMs?: number;
  /**
   * Milliseconds within which some frame must come, from when the ping has left. Where others come and its pong does not, that is
   * told as `pongOverdue`, and the connection stays. @default 10_000
   */
  readonly timeoutMs?: number;
  /**
   * A ping frame; or a function that makes the message of a ping of the application, or a Promise or an Observable of it.
   *
   * Where no ping can be sent, silence alone is judged, because a connection that is cut for nothing heals and is seen,
   * and one that is frozen does neither. So it is without a function where the transport has no ping frames (a
   * browser), as soon as a heartbeat is given, be it `reply` alone: give a function, or make `everyMs` longer than the server is
   * ever quiet. So it is with a function that yields `undefined` or nothing, and with one that throws, rejects or takes longer
   * than `timeoutMs`, which is told as `hookFailed`. @default 'frame'
   */
  readonly ping?: 'frame' | (() => unknown);
  /**
   * Recognises the answer to `ping()`: it is not data, and gives the round trip. A heartbeat that comes by itself is no
   * answer and belongs in `isControl` where `ping` is a function; beside ping frames it may stand here too.
   */
  readonly isPong?: (message: unknown) => boolean;
  /**
   * Recognises a ping of the server's application, or a challenge, and makes the answer, or a Promise or an Observable of
   * it; `undefined`, `null` or `false` if the message is none. (So it cannot be an `async` function: that would claim every message.)
   */
  readonly reply?: (message: unknown) => unknown;
  /**
   * Milliseconds between pings on a busy connection, so that the round trip is known; `Infinity` turns them off. With a `ping`
   * function and no `isPong` there is nothing to know, but a server that wants a ping whatever the traffic gets it if this is
   * given. @default 30_000, or Infinity with a `ping` function and no `isPong`
   */
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
  /** A `ping` or a `reply` failed: the connection goes on without that one. */
  readonly onHookFailed: (hook: 'heartbeat.ping' | 'heartbeat.reply', error: unknown) => void;
  /** Pings were answered, and the one that left so long ago is not; told once, until an answer comes. */
  readonly onPongOverdue: (waitedMs: number) => void;
  /** The peer is silent for too long: a `HeartbeatTimeoutError`. Or `settled` errored. */
  readonly onDead: (error: unknown) => void;
}

/** The pings and pongs of one connection. */
export interface Heartbeat {
  /** Pings and judges from here on, until what it returns is unsubscribed, which is who is told of `onDead` to do. */
  watch(): Subscription;
  /** A frame came, of data or of control. */
  sign(): void;
  /** A pause of reading has ended, which may have kept back any frame. */
  resumed(): void;
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
export const createHeartbeat = (config: HeartbeatConfig, link: HeartbeatLink): Heartbeat =>
  new Beat(config, link);

/** A class, and what only a ping or a reply needs is made with it: closures and operators took four times the memory of an idle connection. */
class Beat implements Heartbeat, SilenceHooks, Due {
  readonly everyMs: number;
  readonly timeoutMs: number;
  private readonly trip: RoundTrip;
  /** The watch: whatever a hook yields after it is for nobody. */
  private readonly life = new Subscription();
  private silence: Silence | undefined = undefined;
  private askedAt = asyncScheduler.now();
  /** The ping that is on its way out. */
  private ping$: Observable<never> | undefined = undefined;

  constructor(
    private readonly config: HeartbeatConfig,
    private readonly link: HeartbeatLink,
  ) {
    ({ everyMs: this.everyMs = 15_000, timeoutMs: this.timeoutMs = 10_000 } = config);
    this.trip = createRoundTrip(this.timeoutMs);
  }

  get settled(): Observable<unknown> {
    return this.link.settled;
  }

  watch(): Subscription {
    const { config, life, link } = this;
    const { ping = 'frame', off = false } = config;
    if (off) return life;
    const canPing = ping !== 'frame' || link.socket.ping !== undefined;
    const silence = (this.silence = createSilence(this));
    if (canPing && (this.canMeasure() || this.latencyEveryMs() !== Infinity)) whenDue(life, this, silence);
    else whenDue(life, silence);
    return life;
  }

  sign(): void {
    this.silence?.sign();
  }

  resumed(): void {
    this.trip.spoil();
    this.sign();
  }

  answered(by: 'frame' | 'message'): number | undefined {
    const { ping = 'frame' } = this.config;
    const isAnswer = (by === 'frame') === (ping === 'frame') && this.canMeasure();
    return isAnswer ? this.trip.answered() : undefined;
  }

  reply(message: unknown): boolean {
    const { config, link } = this;
    const yielded = config.reply?.(message);
    if (yielded === undefined || yielded === null || yielded === false) return false;
    const failed = (error: unknown): void => link.onHookFailed('heartbeat.reply', error);
    const send = (answer: unknown): void => {
      try {
        link.write(answer);
      } catch (error) {
        failed(error); // it may be said from the outbox, whose other messages must go on
      }
    };
    attach(this.life, made('reply', yielded, this.timeoutMs), {
      next: (answer) => void link.post(() => send(answer), 'session'),
      error: failed,
    });
    return true;
  }

  /** One at a time: who asks while a ping is held back waits for that one, and leaving does not take it back. */
  ping(): Observable<never> {
    this.ping$ ??= defer(() => this.make()).pipe(
      mergeMap((send) => this.leaves(send)),
      catchError((error: unknown) => {
        this.link.onHookFailed('heartbeat.ping', error);
        return EMPTY;
      }),
      tap({ complete: () => (this.ping$ = undefined) }),
      takeUntil(this.over()),
      share({ resetOnRefCountZero: false }),
    );
    return this.ping$;
  }

  isSuspended(): boolean {
    return this.link.isPaused() || this.link.isYielding?.() === true;
  }

  failed(error: unknown): void {
    this.link.onDead(error);
  }

  /** When to ping whatever comes, or to see that an answer did not. */
  waitMs(): number {
    const now = asyncScheduler.now();
    // A wall clock that was set back must not put off the next ping by as much.
    this.askedAt = Math.min(this.askedAt, now);
    return Math.min(this.askedAt + this.latencyEveryMs() - now, this.trip.overdueInMs());
  }

  run(): Observable<unknown> {
    if (this.trip.overdueInMs() <= 0) return this.overdue();
    this.askedAt = asyncScheduler.now();
    const isAwaited = this.canMeasure() && this.trip.isOut();
    return isAwaited || this.link.isPaused() ? EMPTY : this.ping();
  }

  /** Told as a verdict is reached: what has already arrived, or waits in a pause, is no sign of anything. */
  private overdue(): Observable<unknown> {
    const { link, trip } = this;
    const wasSuspended = this.isSuspended();
    return concat(
      link.settled.pipe(take(1)),
      defer(() => {
        if (wasSuspended || this.isSuspended()) trip.excuse();
        else if (trip.overdueInMs() <= 0) link.onPongOverdue(trip.giveUp());
        return EMPTY;
      }),
    );
  }

  /** An answer to a ping can be told from what else comes. */
  private canMeasure(): boolean {
    const { ping = 'frame', isPong } = this.config;
    return ping === 'frame' || isPong !== undefined;
  }

  private latencyEveryMs(): number {
    return this.config.latencyEveryMs ?? (this.canMeasure() ? 30_000 : Infinity);
  }

  /** Emits how to send a ping, once it is made. */
  private make(): Observable<() => void> {
    const { config, link } = this;
    const { ping = 'frame' } = config;
    this.askedAt = asyncScheduler.now();
    if (ping !== 'frame') {
      return made('ping', ping(), this.timeoutMs).pipe(map((message) => () => link.write(message)));
    }
    return link.socket.ping === undefined ? EMPTY : of(() => link.socket.ping?.());
  }

  /** Completes when the ping has left; while the outbox has no room it asks again. */
  private leaves(send: () => void): Observable<never> {
    return defer(() => {
      const left$ = new Subject<never>();
      const hasRoom = this.link.post(() => {
        try {
          send();
          this.trip.left();
          left$.complete();
        } catch (error) {
          left$.error(error); // eslint-disable-line rxjs-x/throw-error -- told as it came
        }
      }, 'ping');
      return hasRoom ? left$ : timer(this.timeoutMs).pipe(switchMap(() => this.leaves(send)));
    });
  }

  /** Emits when the watch is over. */
  private over(): Observable<void> {
    return new Observable((subscriber) => {
      const told = new Subscription(() => subscriber.next());
      this.life.add(told);
      return () => this.life.remove(told);
    });
  }
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
