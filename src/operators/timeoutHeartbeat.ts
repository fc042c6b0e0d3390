import {
  asyncScheduler,
  concat,
  defer,
  EMPTY,
  from,
  isObservable,
  map,
  type MonoTypeOperatorFunction,
  NEVER,
  noop,
  Observable,
  of,
  Subject,
  take,
  takeUntil,
  throwError,
  timeout,
} from 'rxjs';
import { attach } from './attach.js';
import { maxTimerMs } from './backoff.js';
import { type OptionNames, refuseUnknown } from './refuseUnknown.js';
import { type Due, whenDue } from './whenDue.js';

export interface TimeoutHeartbeatConfig {
  /** Milliseconds without a sign of life after which to ping. Above 0, at most 2^31 - 1. @default 15_000 */
  readonly everyMs?: number;
  /** Milliseconds after that within which a sign of life must come. Above 0, at most 2^31 - 1. @default 10_000 */
  readonly timeoutMs?: number;
  /**
   * Sends the ping; without it silence alone is judged. An Observable or a Promise that it returns says when the ping
   * has left: `timeoutMs` begins when it emits or completes, because a ping that a rate limit holds back cannot have
   * been answered. Meanwhile nothing is judged, and a sign of life ends the wait, and the subscription. If `ping`
   * throws, or what it returns errors, the stream errors.
   */
  readonly ping?: () => unknown;
  /** Signs of life beside the source's own values: ping and pong frames. Its completion changes nothing, its error is the stream's. */
  readonly alive$?: Observable<unknown>;
  /**
   * Asked before a verdict: emits or completes once everything that had already arrived was handed over, so that a
   * blocked event loop is not taken for a dead peer. While it does neither, there is no verdict. @default of(undefined)
   */
  readonly settled?: Observable<unknown>;
  /**
   * While true nothing is pinged or judged, and the clock starts again. It is asked only when a timer fires, which does
   * not see a suspension that came and went in between: let `alive$` emit when one ends. @default () => false
   */
  readonly isSuspended?: () => boolean;
}

const OPTIONS: OptionNames<TimeoutHeartbeatConfig> = {
  everyMs: true,
  timeoutMs: true,
  ping: true,
  alive$: true,
  settled: true,
  isSuspended: true,
};

/** The other side gave no sign of life. */
export class HeartbeatTimeoutError extends Error {
  override readonly name = 'HeartbeatTimeoutError';
  /** @param silentMs Milliseconds since the last sign of life. */
  constructor(readonly silentMs: number) {
    super(`no sign of life for ${silentMs} ms`);
  }
}

/**
 * Errors with `HeartbeatTimeoutError` when neither the source nor `alive$` gives a sign of life for
 * `everyMs + timeoutMs`; values, completion and errors pass through.
 *
 *     source            a-b------------
 *     ping                     p          everyMs 5
 *     timeoutHeartbeat  a-b---------#     timeoutMs 4
 *
 * A value costs a timestamp and a comparison: the timer is armed anew only when it fires.
 *
 * @throws {RangeError} On creation, if `everyMs` or `timeoutMs` is out of its range.
 * @throws {TypeError} On creation, if an option is misspelt.
 */
export function timeoutHeartbeat<T>(config: TimeoutHeartbeatConfig = {}): MonoTypeOperatorFunction<T> {
  refuseUnknown('timeoutHeartbeat', config, OPTIONS);
  const { everyMs = 15_000, timeoutMs = 10_000, ping = noop } = config;
  const { alive$ = NEVER, settled = of(undefined), isSuspended = () => false } = config;
  for (const [name, ms] of Object.entries({ everyMs, timeoutMs })) {
    if (!(ms > 0 && ms <= maxTimerMs)) {
      throw new RangeError(`timeoutHeartbeat: ${name} must be above 0 and at most ${maxTimerMs}, got ${ms}`);
    }
  }

  return (source) =>
    new Observable((subscriber) => {
      const failed = (error: unknown): void => subscriber.error(error);
      const silence = createSilence({ everyMs, timeoutMs, settled, ping, isSuspended, failed });
      attach(subscriber, alive$, { next: () => silence.sign(), error: failed });
      if (!subscriber.closed) whenDue(subscriber, silence);
      if (subscriber.closed) return;
      source
        .pipe(
          map((value) => {
            silence.sign();
            return value;
          }),
        )
        .subscribe(subscriber);
    });
}

/** The options of `timeoutHeartbeat`, all of them, and who is told. */
export interface SilenceHooks extends Required<
  Pick<TimeoutHeartbeatConfig, 'everyMs' | 'timeoutMs' | 'settled'>
> {
  ping(): unknown;
  isSuspended(): boolean;
  /** There was silence, or a hook failed. */
  failed(error: unknown): void;
}

/** What `timeoutHeartbeat` does, for who has signs of life to tell of but no Observable of them: the watch itself is `whenDue`. */
export interface Silence extends Due {
  /** The other side lives. */
  sign(): void;
}

export const createSilence = (hooks: SilenceHooks): Silence => new WatchedSilence(hooks);

/** A class, as each idle connection has one: closures took four times the memory. */
class WatchedSilence implements Silence {
  private lastSignAt = asyncScheduler.now();
  /** Of the probe that is out. */
  private answer$: Subject<void> | undefined = undefined;

  constructor(private readonly hooks: SilenceHooks) {}

  sign(): void {
    this.lastSignAt = asyncScheduler.now();
    const { answer$ } = this;
    if (answer$ === undefined) return;
    this.answer$ = undefined;
    answer$.next();
  }

  waitMs(): number {
    const { hooks, lastSignAt } = this;
    const now = asyncScheduler.now();
    // A wall clock that was set back must not put off the verdict by as much.
    this.lastSignAt = hooks.isSuspended() ? now : Math.min(lastSignAt, now);
    return this.lastSignAt + hooks.everyMs - now;
  }

  /** Probes. */
  run(): Observable<unknown> {
    const { hooks } = this;
    const answer$ = (this.answer$ = new Subject<void>());
    // The answer may come before `ping` returns.
    return concat(
      defer(() => departure(hooks.ping())).pipe(take(1)),
      answer$.pipe(timeout({ first: hooks.timeoutMs, with: () => this.verdict() })),
    ).pipe(takeUntil(answer$));
  }

  failed(error: unknown): void {
    this.hooks.failed(error);
  }

  private verdict(): Observable<unknown> {
    const { hooks } = this;
    // One that ends while this waits has not let in yet what it held back.
    const wasSuspended = hooks.isSuspended();
    return concat(
      hooks.settled.pipe(take(1)),
      defer(() => {
        if (wasSuspended || hooks.isSuspended()) return EMPTY;
        const silentMs = asyncScheduler.now() - this.lastSignAt;
        // As long as it was waited for at least, though the clock was set back meanwhile.
        return throwError(() => new HeartbeatTimeoutError(Math.max(hooks.timeoutMs, silentMs)));
      }),
    );
  }
}

/** When a ping has left: at once, unless what its hook returned says otherwise. */
function departure(pinged: unknown): Observable<unknown> {
  if (isObservable(pinged)) return pinged;
  return typeof (pinged as PromiseLike<unknown> | undefined)?.then === 'function'
    ? from(pinged as PromiseLike<unknown>)
    : EMPTY;
}
