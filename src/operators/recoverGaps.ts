import {
  catchError,
  defer,
  EMPTY,
  map,
  merge,
  mergeMap,
  type Observable,
  type OperatorFunction,
  Subject,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import { maxTimerMs } from './backoff.js';
import type { Gap, Sequence } from './sequence.js';
import { fromYielded, type Yielded } from './fromYielded.js';
import { createTurns } from './turns.js';

/**
 * Asks for what a hole lacks, once per hole. The answer is an array of values in any order, a Promise of one, or an
 * Observable of one or more: the pages of a long answer.
 *
 * @param value The value behind the hole.
 */
export type Recover<T> = (gap: Gap, value: T) => Yielded<readonly T[]>;

/** The bounds of a recovery. */
export interface RecoveryConfig {
  /** Milliseconds that the hook has for the whole of its answer. @default 10_000 */
  readonly timeoutMs?: number;
  /** Milliseconds that a hole may wait for its turn to be asked about: no topic stands still for longer. @default 60_000 */
  readonly maxWaitMs?: number;
  /** Values held in each scope meanwhile, recovered ones included; with more the hole is given up. @default 10_000 */
  readonly maxHeld?: number;
  /** Holes asked about at a time, each of another scope; the others wait for their turn. @default 10 */
  readonly maxConcurrent?: number;
}

/** What became of recoveries. */
export interface RecoveryHooks<T> {
  /** Told of each hole just before it is asked about. `value` is the one behind it. */
  readonly onRecovering?: (gap: Gap, value: T) => void;
  /** Told once a hole was answered, and `count` recovered values emitted; what is still missing was told by `onGap`. */
  readonly onRecovered?: (gap: Gap, value: T, count: number) => void;
  /** Told of each hole given up before it was answered; `onGap` tells of what is still missing. */
  readonly onRecoveryFailed?: (gap: Gap, value: T, error: unknown) => void;
}

/** Why a recovery was given up although the hook had not failed. */
export type AbandonReason = 'timeout' | 'waiting' | 'overflow' | 'reset' | 'forgotten' | 'ended';

const because: Readonly<Record<AbandonReason, string>> = {
  timeout: 'the hook took too long',
  waiting: 'too many others were asked about first',
  overflow: 'too many values were held meanwhile',
  reset: 'a new sequence began',
  forgotten: 'its scope was forgotten',
  ended: 'the stream was flushed or ended',
};

/** A gap could not be recovered in time. */
export class RecoveryAbandonedError extends Error {
  override readonly name = 'RecoveryAbandonedError';
  constructor(readonly reason: AbandonReason) {
    super(`gap not recovered: ${because[reason]}`);
  }
}

/** The recovery of one hole. */
export interface Recovery<T> {
  readonly sequence: Sequence;
  readonly gap: Gap;
  /** The value behind the hole. */
  readonly value: T;
  /** Values recovered and emitted so far. */
  count: number;
  /** Answered, failed or not wanted any more. */
  isOver: boolean;
  /** Ends it while it is on its way. */
  readonly over$: Subject<void>;
}

/** What a recovery comes to: pages, then one of the two ends, or neither if it is not wanted any more. */
interface RecoveryOutcome<T> {
  readonly onPage: (recovery: Recovery<T>, values: readonly T[]) => void;
  readonly onAnswered: (recovery: Recovery<T>) => void;
  readonly onFailed: (recovery: Recovery<T>, error: unknown) => void;
}

export const createRecovery = <T>(sequence: Sequence, gap: Gap, value: T): Recovery<T> => ({
  sequence,
  gap,
  value,
  count: 0,
  isOver: false,
  over$: new Subject(),
});

/** The part of `detectGaps` that asks for what is missing: at most `maxConcurrent` recoveries at a time, in their order. */
export function recoverGaps<T>(
  recover: Recover<T>,
  { timeoutMs = 10_000, maxWaitMs = 60_000, maxConcurrent = 10 }: RecoveryConfig,
  { onPage, onAnswered, onFailed }: RecoveryOutcome<T>,
  onRecovering?: RecoveryHooks<T>['onRecovering'],
): OperatorFunction<Recovery<T>, unknown> {
  const failure$ = (ms: number, reason: AbandonReason): Observable<never> =>
    timer(ms).pipe(
      map(() => {
        throw new RecoveryAbandonedError(reason);
      }),
    );

  return (source) =>
    defer(() => {
      const inTurn = createTurns<unknown>(maxConcurrent);
      return source.pipe(
        mergeMap((recovery) => {
          const turn$ = new Subject<void>();
          const unlessItFails = catchError<unknown, Observable<never>>((error: unknown) => {
            onFailed(recovery, error);
            return EMPTY;
          });
          const answer$ = defer(() => {
            turn$.next();
            if (recovery.isOver) return EMPTY;
            onRecovering?.(recovery.gap, recovery.value);
            const pages$ = defer(() => fromYielded(recover(recovery.gap, recovery.value))).pipe(
              map(checkPage),
              tap({ next: (page) => onPage(recovery, page), complete: () => onAnswered(recovery) }),
            );
            const inTime$ = pages$.pipe(takeUntil(failure$(timeoutMs, 'timeout')));
            return inTime$.pipe(unlessItFails);
          });
          const tooLong$ = failure$(maxWaitMs, 'waiting').pipe(takeUntil(turn$));
          return merge(tooLong$.pipe(unlessItFails), answer$.pipe(inTurn)).pipe(takeUntil(recovery.over$));
        }),
      );
    });
}

/** The types allow nothing else, but a hook may answer anything. */
function checkPage<T>(page: readonly T[]): readonly T[] {
  const answer: unknown = page;
  if (Array.isArray(answer)) return page;
  throw new TypeError(`recover must yield arrays of values, got ${answer === null ? 'null' : typeof answer}`);
}

/** @throws {RangeError} If a bound is out of its range. */
export function checkRecovery({
  timeoutMs = 1,
  maxWaitMs = 1,
  maxHeld = 1,
  maxConcurrent = 1,
}: RecoveryConfig): void {
  for (const [name, ms] of Object.entries({ timeoutMs, maxWaitMs })) {
    if (ms > 0 && ms <= maxTimerMs) continue;
    throw new RangeError(`detectGaps: recovery.${name} must be above 0 and at most ${maxTimerMs}, got ${ms}`);
  }
  for (const [name, count] of Object.entries({ maxHeld, maxConcurrent })) {
    if (!(Number.isSafeInteger(count) && count > 0)) {
      throw new RangeError(`detectGaps: recovery.${name} must be a whole number above 0, got ${count}`);
    }
  }
}
