import {
  asyncScheduler,
  catchError,
  defer,
  EMPTY,
  finalize,
  from,
  ignoreElements,
  map,
  merge,
  mergeMap,
  noop,
  type Observable,
  type ObservableInput,
  type OperatorFunction,
  Subject,
  switchMap,
  takeUntil,
  takeWhile,
  tap,
  timer,
} from 'rxjs';
import { maxTimerMs } from './backoff.js';
import { createBoundedLine, type Failure, type Overflow } from './boundedLine.js';
import { type OptionNames, refuseUnknown } from './refuseUnknown.js';
import { createTurnBudget, type Worker } from './turnBudget.js';

export { BufferOverflowError, type Overflow } from './boundedLine.js';

export interface BufferBoundedConfig<T, R = T> {
  /**
   * `drop-oldest`: the first in line makes room. `drop-newest`: the new one is dropped. `conflate`: the newest of each
   * `key` waits in the place of the one it replaces, also in a line that is not full; a new key in a full line drops
   * the oldest. `error`: nothing more is taken in, and `BufferOverflowError` follows the values in line. `pause`:
   * `onPause` is asked to stop the source. @default 'drop-oldest'
   */
  readonly overflow?: Overflow;
  /** What `conflate` tells values apart by; a value whose key is `undefined` is never conflated. */
  readonly key?: (value: T) => unknown;
  /** The slow sink: like `mergeMap`, with a bound on what waits. @default values pass through */
  readonly project?: (value: T) => ObservableInput<R>;
  /** How many `project`s run at once. @default 1 */
  readonly concurrency?: number;
  /**
   * Without `project`: after this many milliseconds of work in one turn of the event loop the rest waits for
   * `settled`, so that a burst starves no timer. `Infinity` turns it off. @default 5
   */
  readonly sliceMs?: number;
  /** Emits, or completes, on the next turn of the event loop; asked at most once a turn. @default timer(0) */
  readonly settled?: Observable<unknown>;
  /**
   * Told of each value that will never come out: it met a full line (`overflow`), a newer one took its place
   * (`conflated`), or it still waited when the stream was left or failed (`ended`). If it throws, the stream errors;
   * on `ended` the error reaches whoever unsubscribed.
   */
  readonly onDrop?: (value: T, reason: 'overflow' | 'conflated' | 'ended') => void;
  /**
   * With `pause`: the line has passed `maxItems`. What the source sends all the same still waits, up to
   * 2 × `maxItems` + 10_000 values (`ws` delivers up to 64 KiB after a pause); beyond that the newest is dropped.
   */
  readonly onPause?: () => void;
  /**
   * With `pause`: the line has drained to half of `maxItems`, or the source has ended, or the stream is left or errors before
   * that: whoever was told `onPause`, even if it threw, is told this once. If it throws, the stream errors; as the stream is
   * left, the error reaches whoever unsubscribed; and after an error of the stream it may reach nobody.
   */
  readonly onResume?: () => void;
  /**
   * With `pause`: milliseconds after which a pause is an error, `BufferPauseTimeoutError`; `Infinity` turns it off. A source
   * that has ended is not paused any more. @default 30_000
   */
  readonly maxPauseMs?: number;
}

/** The line did not drain to half within `maxPauseMs`. */
export class BufferPauseTimeoutError extends Error {
  override readonly name = 'BufferPauseTimeoutError';
  constructor(readonly maxPauseMs: number) {
    super(`the line did not drain to half within ${maxPauseMs} ms`);
  }
}

const OVERFLOWS: readonly Overflow[] = ['drop-oldest', 'drop-newest', 'conflate', 'error', 'pause'];

const OPTIONS: OptionNames<BufferBoundedConfig<never>> = {
  overflow: true,
  key: true,
  project: true,
  concurrency: true,
  sliceMs: true,
  settled: true,
  onDrop: true,
  onPause: true,
  onResume: true,
  maxPauseMs: true,
};

/**
 * Holds at most `maxItems` values between a fast source and a slow sink, in order of arrival.
 *
 *     source                        -(abcd)-----|
 *     project: x => timer(3)        ----x|
 *     bufferBounded(2, { project }) ----a--c--d-|    b was dropped: the oldest in a full line
 *
 * With nothing waiting a value passes straight through, synchronously. When the source completes or errors, what
 * waits comes out first.
 *
 * @throws {RangeError} On creation, if an option is out of its range.
 * @throws {TypeError} On creation, if `conflate` has no `key`, `project` is no function, or an option is misspelt.
 */
export function bufferBounded<T, R = T>(
  maxItems: number,
  config: BufferBoundedConfig<T, R> = {},
): OperatorFunction<T, R> {
  refuseUnknown('bufferBounded', config, OPTIONS);
  const { overflow = 'drop-oldest', key, project, onDrop, onPause, onResume } = config;
  const { concurrency = 1, sliceMs = 5, settled = timer(0), maxPauseMs = 30_000 } = config;
  if (!(Number.isSafeInteger(maxItems) && maxItems > 0)) {
    throw new RangeError(`bufferBounded: maxItems must be a whole number above 0, got ${maxItems}`);
  }
  if (!OVERFLOWS.includes(overflow)) {
    throw new RangeError(
      `bufferBounded: overflow must be one of ${OVERFLOWS.join(', ')}, got ${overflow as string}`,
    );
  }
  if (overflow === 'conflate' && typeof key !== 'function') {
    throw new TypeError(`bufferBounded: key must be a function for conflate, got ${typeof key}`);
  }
  if (project !== undefined && typeof project !== 'function') {
    throw new TypeError(`bufferBounded: project must be a function, got ${typeof project}`);
  }
  if (!(Number.isSafeInteger(concurrency) && concurrency > 0)) {
    throw new RangeError(`bufferBounded: concurrency must be a whole number above 0, got ${concurrency}`);
  }
  if (!(sliceMs > 0)) throw new RangeError(`bufferBounded: sliceMs must be above 0, got ${sliceMs}`);
  if (!(maxPauseMs > 0 && (maxPauseMs <= maxTimerMs || maxPauseMs === Infinity))) {
    throw new RangeError(
      `bufferBounded: maxPauseMs must be above 0 and at most ${maxTimerMs}, got ${maxPauseMs}`,
    );
  }

  return (source) =>
    defer(() => {
      const out$ = new Subject<T>();
      const done$ = new Subject<void>();
      const pauses$ = new Subject<boolean>();
      let running = 0;
      let goOn = noop;
      let failure: Failure | undefined;
      let isTaken = false;
      /** `onPause` was told, `onResume` not yet. */
      let isPaused = false;

      const joinSink = (onTurn: () => void): Worker => {
        goOn = onTurn;
        const mayWork = (): boolean => running < concurrency;
        return { mayWork, enter: mayWork, exit: noop, wait: noop, leave: noop };
      };
      const joinTurns = (onTurn: () => void): Worker =>
        createTurnBudget(
          settled.pipe(
            catchError((error: unknown) => {
              fail(error);
              return EMPTY;
            }),
          ),
        ).join(sliceMs, onTurn);

      const fail = (error: unknown): void => {
        done$.error(error); // eslint-disable-line rxjs-x/throw-error -- an error is passed on as it came
      };

      const finish = (): void => {
        if (!isTaken || running > 0) return;
        if (failure) fail(failure.error);
        else done$.next();
      };

      const resume = (): void => {
        if (!isPaused) return;
        isPaused = false;
        pauses$.next(false);
        onResume?.();
      };

      const line = createBoundedLine<T>({
        maxItems,
        overflow,
        ...(key && { key }),
        join: project ? joinSink : joinTurns,
        take: (value) => {
          out$.next(value);
          if (!out$.observed) line.leave(); // a source that is still being subscribed to is told of it only later
        },
        onDone: (by) => {
          failure = by;
          isTaken = true;
          finish();
        },
        onError: fail,
        ...(onDrop && { onDrop }),
        onPause: () => {
          isPaused = true;
          pauses$.next(true);
          onPause?.();
        },
        onResume: resume,
      });

      const run = (value: T): Observable<R> => {
        running++;
        return from((project as (value: T) => ObservableInput<R>)(value)).pipe(
          tap({
            complete: () => {
              running--;
              goOn();
              finish();
            },
          }),
        );
      };

      return merge(
        project ? out$.pipe(mergeMap(run)) : (out$ as Observable<unknown> as Observable<R>),
        merge(
          pauses$.pipe(
            switchMap((isHeld) => (isHeld && maxPauseMs < Infinity ? timer(maxPauseMs) : EMPTY)),
            map(() => {
              throw new BufferPauseTimeoutError(maxPauseMs);
            }),
          ),
          source.pipe(
            catchError((error: unknown) => {
              failure = { error };
              return EMPTY;
            }),
            takeWhile((value) => line.accept(value, asyncScheduler.now())),
            tap({
              complete: () => {
                resume(); // nothing is held back any more: what waits has all the time it needs
                line.end(failure);
              },
            }),
          ),
        ).pipe(ignoreElements()),
      ).pipe(
        takeUntil(done$),
        finalize(() => {
          try {
            line.leave();
          } finally {
            resume(); // else what others read, too, would be held for ever
          }
        }),
      );
    });
}
