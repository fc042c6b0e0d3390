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
import { whenDue } from './whenDue.js';

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
 */
export function timeoutHeartbeat<T>({
  everyMs = 15_000,
  timeoutMs = 10_000,
  ping,
  alive$ = NEVER,
  settled = of(undefined),
  isSuspended = () => false,
}: TimeoutHeartbeatConfig = {}): MonoTypeOperatorFunction<T> {
  for (const [name, ms] of Object.entries({ everyMs, timeoutMs })) {
    if (!(ms > 0 && ms <= maxTimerMs)) {
      throw new RangeError(`timeoutHeartbeat: ${name} must be above 0 and at most ${maxTimerMs}, got ${ms}`);
    }
  }

  // By hand, as each idle connection has one: `tap` and two of `takeUntil` take twice the memory.
  return (source) =>
    new Observable((subscriber) => {
      let lastSignAt = asyncScheduler.now();
      /** Of the probe that is out. */
      let answer$: Subject<void> | undefined;

      const sign = (): void => {
        lastSignAt = asyncScheduler.now();
        if (answer$ === undefined) return;
        const answered$ = answer$;
        answer$ = undefined;
        answered$.next();
      };

      const verdict = (): Observable<unknown> => {
        // One that ends while this waits has not let in yet what it held back.
        const wasSuspended = isSuspended();
        return concat(
          settled.pipe(take(1)),
          defer(() => {
            if (wasSuspended || isSuspended()) return EMPTY;
            return throwError(() => new HeartbeatTimeoutError(asyncScheduler.now() - lastSignAt));
          }),
        );
      };

      const probe$ = defer(() => {
        const answered$ = (answer$ = new Subject<void>());
        // The answer may come before `ping` returns.
        return concat(
          defer(() => departure(ping?.())).pipe(take(1)),
          answered$.pipe(timeout({ first: timeoutMs, with: verdict })),
        ).pipe(takeUntil(answered$));
      });

      const waitMs = (): number => {
        const now = asyncScheduler.now();
        // A wall clock that was set back must not put off the verdict by as much.
        lastSignAt = isSuspended() ? now : Math.min(lastSignAt, now);
        return lastSignAt + everyMs - now;
      };

      attach(subscriber, alive$, { next: sign, error: (failure) => subscriber.error(failure) });
      if (!subscriber.closed) whenDue(waitMs, probe$).subscribe(subscriber); // emits nothing and never completes
      if (subscriber.closed) return;
      source
        .pipe(
          map((value) => {
            sign();
            return value;
          }),
        )
        .subscribe(subscriber);
    });
}

/** When a ping has left: at once, unless what its hook returned says otherwise. */
function departure(pinged: unknown): Observable<unknown> {
  if (isObservable(pinged)) return pinged;
  return typeof (pinged as PromiseLike<unknown> | undefined)?.then === 'function'
    ? from(pinged as PromiseLike<unknown>)
    : EMPTY;
}
