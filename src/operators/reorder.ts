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
  type Subscription,
  takeUntil,
  tap,
} from 'rxjs';
import type { Gap, Sequence, Sequencing, Standing } from './sequence.js';
import { createMissing } from './missing.js';
import {
  type AbandonReason,
  createRecovery,
  type Recover,
  recoverGaps,
  type Recovery,
  RecoveryAbandonedError,
  type RecoveryConfig,
  type RecoveryHooks,
} from './recoverGaps.js';

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

interface Held<T> {
  readonly value: T;
  readonly number: number;
  /** The number it begins at: what is held is sorted by it. */
  readonly start: number;
  readonly at: number;
  readonly isRecovered: boolean;
}

/** What waits behind the first hole of a sequence and those after it, in order. */
interface Hole<T> {
  readonly held: Held<T>[];
  /** The timer of the first hole; `undefined` until it is set. */
  overdue: Subscription | undefined;
  /** That of the first hole, until it is filled or given up. */
  recovery: Recovery<T> | undefined;
  /** What is missing below this number was asked for, and is not asked for again. */
  askedBelow: number;
}

/** Work on the sequences that emits as it goes; one step is over before the next begins. */
type Step<T> = () => Iterable<T>;

/**
 * The part of `detectGaps` that holds values back behind a hole; it has a timer per sequence with a hole that is waited
 * for, and none while nothing is held. A value in sequence passes straight through.
 *
 *     source                -1-3-2-5------6-|
 *     maxMs: ----           -1---(23)---5-6-|  onGap just before 5
 */
export function reorder<T>(
  { numberOf, startOf, scopeOf, standing, isReset, createTable }: Sequencing<T>,
  {
    maxItems,
    maxMs,
    followsLate = true,
    recover,
    recovery: bounds = {},
    isNew,
    onGap,
    onLate,
    onDuplicate,
    onDrop,
    onForgotten,
    onRecovering,
    onRecovered,
    onRecoveryFailed,
    flush$ = EMPTY,
    onFlushed,
  }: ReorderConfig<T>,
): MonoTypeOperatorFunction<T> {
  const { maxHeld = 10_000 } = bounds;
  return (source) =>
    defer(() => {
      const holes = new Map<Sequence, Hole<T>>();
      const forgotten: Sequence[] = [];
      /** Not placed yet: the value being looked at, and those that came meanwhile. */
      const arriving: T[] = [];
      const table = createTable((sequence) => forgotten.push(sequence));
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

      const begin = (sequence: Sequence, number: number, start: number): void => {
        sequence.last = number;
        sequence.late = undefined;
        if (recover) sequence.missing = createMissing(Math.min(start, number));
      };

      /** Whether a value goes on where its sequence is, with nothing else to do for it. */
      const goesOn = (value: T): boolean => {
        const number = numberOf(value);
        const sequence = table.of(scopeOf(value));
        const { last } = sequence;
        if (Number.isNaN(last) || number < last || holes.has(sequence)) return false;
        if (isReset?.(value) || standing(value, number, sequence) !== 'next') return false;
        sequence.last = number;
        sequence.late = undefined;
        return true;
      };

      const passesThrough = (value: T): boolean => {
        arriving.push(value);
        if (pending === 0 && goesOn(value)) {
          arriving.pop();
          return true;
        }
        enqueue(() => arrive(value));
        return false;
      };

      function* arrive(value: T): Iterable<T> {
        const number = numberOf(value);
        const start = startOf(value, number);
        const sequence = table.of(scopeOf(value));
        for (const lost of forgotten.splice(0)) {
          yield* giveUp(lost, 'forgotten');
          onForgotten?.(lost);
        }
        if (Number.isNaN(sequence.last) || isReset?.(value)) {
          yield* giveUp(sequence, 'reset');
          begin(sequence, number, start);
          arriving.shift();
          yield value;
          return;
        }
        // What steps down, or links to nothing that may still come, leaves nothing to wait for.
        const isBreak = start > number + 1 || isBroken(standing(value, number, sequence));
        if (isBreak) {
          const { late } = sequence;
          yield* giveUp(sequence, 'reset');
          sequence.late = late; // what was held came before it
        }
        const place = standing(value, number, sequence);
        const item = { value, number, start, at: asyncScheduler.now(), isRecovered: false };
        if (opensHole(place) && !isBreak) {
          arriving.shift();
          hold(sequence, item);
        } else {
          const isDue = pass(sequence, place, item);
          arriving.shift();
          if (isDue) yield value;
          else onDuplicate?.(value);
        }
        yield* advance(sequence);
      }

      /** Emits what goes on from here; gives up the holes seen at `seenUntil` or before, and any with too many behind. */
      function* advance(sequence: Sequence, seenUntil = -Infinity, isOver = false): Iterable<T> {
        const hole = holes.get(sequence);
        if (hole === undefined) return;
        const { held } = hole;
        let isSameHole = hole.overdue !== undefined;
        for (;;) {
          settle(sequence, hole);
          const next = held[0];
          if (next === undefined) break;
          const place = standing(next.value, next.number, sequence);
          if (opensHole(place) && !isOver && staysOpen(sequence, hole, place, seenUntil)) break;
          const isDue = pass(sequence, place, next);
          isSameHole = false;
          if (!next.isRecovered) settle(sequence, hole);
          else if (isDue && hole.recovery) hole.recovery.count += 1;
          // Last: whoever was told so far and leaves is told that it is dropped, and of no more.
          if (held.shift() === undefined) return;
          if (isDue) yield next.value;
          else onDuplicate?.(next.value);
        }
        if (!isSameHole) watch(sequence, hole);
      }

      function* giveUp(sequence: Sequence, reason: AbandonReason): Iterable<T> {
        const hole = holes.get(sequence);
        if (hole) abandon(hole, new RecoveryAbandonedError(reason));
        yield* advance(sequence, Infinity, true);
      }

      const staysOpen = (sequence: Sequence, hole: Hole<T>, gap: Gap, seenUntil: number): boolean => {
        const { held, recovery } = hole;
        if (gap.after < hole.askedBelow) {
          if (recovery === undefined || recovery.isOver) return false;
          if (held.length <= maxHeld) return true;
          abandon(hole, new RecoveryAbandonedError('overflow'));
          return false;
        }
        const isOverdue = seenUntil > -Infinity && seenAt(held) <= seenUntil;
        if (held.length <= maxItems && !isOverdue) return true;
        if (recover === undefined) return false;
        hole.askedBelow = gap.before;
        hole.recovery = createRecovery(sequence, gap, (held[0] as Held<T>).value);
        asks$.next(hole.recovery);
        return true;
      };

      /** Enters a value into its sequence; false if it is not to be emitted, having been before. */
      const pass = (sequence: Sequence, place: Standing, item: Held<T>): boolean => {
        const { last, missing } = sequence;
        const { value, number, start } = item;
        if (place === 'late') {
          if (followsLate) sequence.late = number;
          if (missing?.lacks(start, number) === false || !isWanted(item)) return false;
          missing?.fill(start, number);
          onLate?.(value, last + 1);
          return true;
        }
        if (number < last) begin(sequence, number, start);
        else if (place !== 'next') missing?.add(place);
        sequence.last = number;
        sequence.late = undefined;
        if (place !== 'next') onGap?.(place, value);
        if (isWanted(item)) return true;
        if (number > last) missing?.add({ after: Math.max(last, start - 1), before: number + 1 });
        return false;
      };

      /** Asks about a recovered value in its turn. If it is not, another with its numbers that is new may still come. */
      const isWanted = ({ value, isRecovered }: Held<T>): boolean => !isRecovered || isNew?.(value) !== false;

      const holeOf = (sequence: Sequence): Hole<T> => {
        const known = holes.get(sequence);
        if (known) return known;
        const hole: Hole<T> = { held: [], overdue: undefined, recovery: undefined, askedBelow: -Infinity };
        holes.set(sequence, hole);
        return hole;
      };

      const hold = (sequence: Sequence, item: Held<T>): void => {
        const { held } = holeOf(sequence);
        held.splice(placeOf(held, item), 0, item);
      };

      /** Sets the timer of a sequence's first hole, or ends it with the last one. */
      const watch = (sequence: Sequence, hole: Hole<T>): void => {
        hole.overdue?.unsubscribe();
        hole.overdue = undefined;
        if (hole.held.length === 0) holes.delete(sequence);
        else if (hole.recovery === undefined) {
          const since = seenAt(hole.held);
          const waitMs = Math.min(maxMs, Math.max(0, since + maxMs - asyncScheduler.now()));
          hole.overdue = asyncScheduler.schedule(() => enqueue(() => advance(sequence, since)), waitMs);
        }
      };

      /** Ends the recovery of a hole that is behind us. */
      const settle = ({ last }: Sequence, hole: Hole<T>): void => {
        const { recovery } = hole;
        if (recovery === undefined || last < recovery.gap.before - 1) return;
        endRecovery(hole, recovery, () => onRecovered?.(recovery.gap, recovery.value, recovery.count));
      };

      const abandon = (hole: Hole<T>, error: unknown): void => {
        const { recovery } = hole;
        if (recovery === undefined) return;
        endRecovery(hole, recovery, () => onRecoveryFailed?.(recovery.gap, recovery.value, error));
      };

      /** Told before another recovery takes its turn. */
      const endRecovery = (hole: Hole<T>, recovery: Recovery<T>, tellEnd: () => void): void => {
        hole.recovery = undefined;
        recovery.isOver = true;
        tellEnd();
        recovery.over$.next();
      };

      function* takeIn(recovery: Recovery<T>, page: readonly T[]): Iterable<T> {
        const { sequence, gap } = recovery;
        for (const value of page) {
          if (arriving.length === 0) return; // who was told of the one before has left
          const number = numberOf(value);
          const start = startOf(value, number);
          const isAskedFor = number > gap.after && start < gap.before && scopeOf(value) === sequence.scope;
          arriving.shift();
          if (recovery.isOver) onDrop?.(value);
          else if (isAskedFor) {
            hold(sequence, { value, number, start, at: asyncScheduler.now(), isRecovered: true });
          } else onDuplicate?.(value);
        }
        yield* advance(sequence);
      }

      function* finish(recovery: Recovery<T>, failure?: { readonly error: unknown }): Iterable<T> {
        const { sequence, isOver } = recovery;
        const hole = holes.get(sequence);
        if (isOver || hole === undefined) return;
        recovery.isOver = true;
        if (failure) abandon(hole, failure.error);
        yield* advance(sequence);
      }

      function* giveUpAll(): Iterable<T> {
        for (const sequence of [...holes.keys()]) yield* giveUp(sequence, 'ended');
      }

      function* flush(): Iterable<T> {
        yield* giveUpAll();
        onFlushed?.();
      }

      function* end(failure?: { readonly error: unknown }): Iterable<T> {
        yield* giveUpAll();
        if (failure) throw failure.error;
        done$.next();
      }

      const recoveries = recover
        ? recoverGaps(
            recover,
            bounds,
            {
              onPage: (recovery, page) => {
                for (const value of page) arriving.push(value);
                enqueue(() => takeIn(recovery, page));
              },
              onAnswered: (recovery) => enqueue(() => finish(recovery)),
              onFailed: (recovery, error) => enqueue(() => finish(recovery, { error })),
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
          filter(passesThrough),
        ),
      ).pipe(
        takeUntil(done$),
        finalize(() => {
          const left = [...holes.values()];
          holes.clear();
          for (const { overdue } of left) overdue?.unsubscribe();
          const held = left.flatMap((hole) => hole.held.splice(0));
          const lost = [...held.map(({ value }) => value), ...arriving.splice(0)];
          for (const value of lost) onDrop?.(value);
        }),
      );
    });
}

const opensHole = (place: Standing): place is Gap => typeof place === 'object' && place.missing > 0;

/** A link to what can neither come nor be asked for. */
const isBroken = (place: Standing): boolean => typeof place === 'object' && place.missing === 0;

/** The hole in front was seen when the first of those behind it arrived. */
const seenAt = (held: readonly Held<unknown>[]): number =>
  held.reduce((earliest, { at }) => Math.min(earliest, at), Infinity);

/** Behind all that begin before it, and those that begin where it does and end no later. */
function placeOf(held: readonly Held<unknown>[], item: Held<unknown>): number {
  let [from, to] = [0, held.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (isBehind(item, held[middle] as Held<unknown>)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Of two copies the one that was recovered is: by the other it is no longer new. */
function isBehind(item: Held<unknown>, other: Held<unknown>): boolean {
  if (item.start !== other.start) return item.start > other.start;
  if (item.number !== other.number) return item.number > other.number;
  return item.isRecovered || !other.isRecovered;
}
