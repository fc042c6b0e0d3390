import { defer, type MonoTypeOperatorFunction, type Observable, tap } from 'rxjs';
import { maxTimerMs } from './backoff.js';
import { createGapWatch, type GapHooks } from './gapWatch.js';
import { checkRecovery, type Recover, type RecoveryConfig, type RecoveryHooks } from './recoverGaps.js';
import { reorder } from './reorder.js';
import { type OptionNames, refuseUnknown } from './refuseUnknown.js';
import { type Sequence, type SequenceRules, sequencingOf } from './sequence.js';

export interface DetectGapsConfig<T> extends SequenceRules<T>, GapHooks<T>, RecoveryHooks<T> {
  /**
   * Holds values back behind a hole, per scope, until it is filled; then they come out in order. After `maxMs`
   * milliseconds, or once more than `maxItems` wait, the gap is reported and the sequence goes on. @default off
   */
  readonly reorder?: { readonly maxItems: number; readonly maxMs: number };
  /**
   * Asked for what a hole lacks, once `reorder` has waited for it. Values behind it are held, per scope, until the answer
   * is complete; the answer comes out before them, in order. What then is still missing is reported as a gap. Of late
   * values only those that were missing are emitted. @default off
   */
  readonly recover?: Recover<T>;
  readonly recovery?: RecoveryConfig;
  /**
   * With `recover`: asked of each recovered value that would be emitted, in its turn. One that is not new is dropped, and told
   * to `onDuplicate`; its numbers are no gap. @default all are
   */
  readonly isNew?: (value: T) => boolean;
  /** With `recover`: told of each value dropped because it was emitted before, or was recovered and not asked for or not new. */
  readonly onDuplicate?: (value: T) => void;
  /** With `reorder` or `recover`: told of each value still held when the stream is left or fails. */
  readonly onDrop?: (value: T) => void;
  /** With `reorder` or `recover`: gives up all holes whenever it emits; what is held comes out in order, with its gaps. */
  readonly flush$?: Observable<unknown>;
  /** Told after each flush, when all of it is out: at once, or after what is just coming out. */
  readonly onFlushed?: () => void;
}

const OPTIONS: OptionNames<DetectGapsConfig<never>> = {
  first: true,
  previous: true,
  scope: true,
  maxScopes: true,
  isReset: true,
  onGap: true,
  onLate: true,
  onScopeForgotten: true,
  onRecovering: true,
  onRecovered: true,
  onRecoveryFailed: true,
  reorder: true,
  recover: true,
  recovery: true,
  isNew: true,
  onDuplicate: true,
  onDrop: true,
  flush$: true,
  onFlushed: true,
};

const REORDER: OptionNames<NonNullable<DetectGapsConfig<never>['reorder']>> = {
  maxItems: true,
  maxMs: true,
};

const RECOVERY: OptionNames<RecoveryConfig> = {
  timeoutMs: true,
  maxWaitMs: true,
  maxHeld: true,
  maxConcurrent: true,
};

/**
 * Watches a sequence of rising numbers and reports what is missing; every value is emitted, a late one too.
 *
 *     source                   -1-2-5-3-4-6-|
 *     detectGaps(self)         -1-2-5-3-4-6-|      onGap at 5: { after: 2, before: 5, missing: 2 }; onLate at 3 and 4
 *     with reorder             -1-2-----(345)-6-|  no gap: the hole was filled in time
 *     with recover, in 2 ms    -1-2---(345)---6-|  no gap; the live 3 and 4 are dropped, told to onDuplicate
 *
 * The first value of a scope begins its sequence. When the source completes or errors, held values come out first.
 * If a callback throws, or a number is no safe integer (`RangeError`), the stream errors; if `recover` throws or errors,
 * only its hole is given up. Memory is bounded by `maxScopes`, and per scope by what may be held and the 100 newest holes
 * given up.
 *
 * @param of The number a value has, or ends at.
 * @throws {RangeError} On creation, if `maxScopes` or a bound of `reorder` or `recovery` is out of its range.
 * @throws {TypeError} On creation, if `of` is no function, or an option is misspelt.
 */
export function detectGaps<T>(
  of: (value: T) => number,
  config: DetectGapsConfig<T> = {},
): MonoTypeOperatorFunction<T> {
  if (typeof of !== 'function') throw new TypeError(`detectGaps: of must be a function, got ${typeof of}`);
  refuseUnknown('detectGaps', config, OPTIONS);
  refuseUnknown('detectGaps', config.reorder ?? {}, REORDER, 'reorder');
  refuseUnknown('detectGaps', config.recovery ?? {}, RECOVERY, 'recovery');
  const sequencing = sequencingOf(of, config);
  const { reorder: bounds, recover, recovery, onScopeForgotten } = config;
  if (bounds) checkReorder(bounds);
  if (recovery) checkRecovery(recovery);
  if (bounds ?? recover) {
    const onForgotten = ({ scope }: Sequence): void => onScopeForgotten?.(scope);
    return reorder(sequencing, { maxItems: 0, maxMs: 0, ...bounds, ...config, onForgotten });
  }
  return (source) =>
    defer(() => {
      const gaps = createGapWatch(of, config);
      return source.pipe(tap((value) => gaps.watch(value)));
    });
}

function checkReorder({ maxItems, maxMs }: { readonly maxItems: number; readonly maxMs: number }): void {
  if (!(Number.isSafeInteger(maxItems) && maxItems > 0)) {
    throw new RangeError(`detectGaps: reorder.maxItems must be a whole number above 0, got ${maxItems}`);
  }
  if (!(maxMs > 0 && maxMs <= maxTimerMs)) {
    throw new RangeError(`detectGaps: reorder.maxMs must be above 0 and at most ${maxTimerMs}, got ${maxMs}`);
  }
}
