import {
  asyncScheduler,
  catchError,
  concatMap,
  defer,
  EMPTY,
  filter,
  finalize,
  identity,
  ignoreElements,
  merge,
  type MonoTypeOperatorFunction,
  type Observable,
  Subject,
  takeUntil,
  tap,
} from 'rxjs';
import { Holes, type Step } from './holes.js';
import {
  type Recover,
  recoverGaps,
  type Recovery,
  type RecoveryConfig,
  type RecoveryHooks,
} from './recoverGaps.js';
import type { Gap, Sequence, Sequencing } from './sequence.js';

export interface ReorderConfig<T> extends RecoveryHooks<T> {
  /** Values held per sequence before its first hole is given up; 0 waits for nothing. */
  readonly maxItems: number;
  /** Milliseconds a hole may stay open, from the moment it was seen. */
  readonly maxMs: number;
  /** Whether late values that link to each other may be a numbering that stepped down, and not only a source that is behind. @default true */
  readonly followsLate?: boolean;
  /** Asked about a hole that would be given up. */
  readonly recover?: Recover<T>;
  readonly recovery?: RecoveryConfig;
  /** Asked of each recovered value that would be emitted. */
  readonly isNew?: (value: T) => boolean;
  readonly onGap?: (gap: Gap, value: T) => void;
  readonly onLate?: (value: T, expected: number) => void;
  readonly onDuplicate?: (value: T) => void;
  readonly onDrop?: (value: T) => void;
  /** Told of a sequence forgotten, after what it held came out. */
  readonly onForgotten?: (sequence: Sequence) => void;
  readonly flush$?: Observable<unknown>;
  readonly onFlushed?: () => void;
}

/**
 * The part of `detectGaps` that holds values back behind a hole; it has a timer per sequence with a hole that is waited
 * for, and none while nothing is held. A value in sequence passes straight through.
 *
 *     source                -1-3-2-5------6-|
 *     maxMs: ----           -1---(23)---5-6-|  onGap just before 5
 */
export const reorder =
  <T>(sequencing: Sequencing<T>, config: ReorderConfig<T>): MonoTypeOperatorFunction<T> =>
  (source) =>
    defer(() => {
      const { recover, recovery: bounds = {}, onRecovering, flush$ = EMPTY, onFlushed } = config;
      const steps$ = new Subject<Step<T>>();
      const asks$ = new Subject<Recovery<T>>();
      const done$ = new Subject<void>();
      /** Steps that are not over. */
      let pending = 0;

      const enqueue = (step: Step<T>): void => {
        pending += 1;
        steps$.next(step);
      };

      function* run(step: Step<T>): Iterable<T> {
        try {
          yield* step();
        } finally {
          pending -= 1;
        }
      }

      const holes = new Holes(sequencing, config, {
        later: (ms, step) => asyncScheduler.schedule(() => enqueue(step), ms),
        ask: (recovery) => asks$.next(recovery),
      });

      const passes = (value: T): boolean => {
        if (holes.passes(value, pending === 0)) return true;
        enqueue(() => holes.arrive(value));
        return false;
      };

      function* flush(): Iterable<T> {
        yield* holes.giveUpAll();
        onFlushed?.();
      }

      function* end(failure?: { readonly error: unknown }): Iterable<T> {
        yield* holes.giveUpAll();
        if (failure) throw failure.error;
        done$.next();
      }

      const recoveries = recover
        ? recoverGaps(
            recover,
            bounds,
            {
              onPage: (recovery, page) => {
                holes.came(page);
                enqueue(() => holes.takeIn(recovery, page));
              },
              onAnswered: (recovery) => enqueue(() => holes.finish(recovery)),
              onFailed: (recovery, error) => enqueue(() => holes.finish(recovery, { error })),
            },
            onRecovering,
          )
        : identity;
      return merge(
        steps$.pipe(concatMap(run)),
        merge(asks$.pipe(recoveries), flush$.pipe(tap(() => enqueue(flush)))).pipe(ignoreElements()),
        source.pipe(
          tap({ complete: () => enqueue(() => end()) }),
          catchError((error: unknown) => {
            enqueue(() => end({ error }));
            return EMPTY;
          }),
          filter(passes),
        ),
      ).pipe(
        takeUntil(done$),
        finalize(() => holes.drop()),
      );
    });
