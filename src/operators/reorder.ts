import {
  asyncScheduler,
  catchError,
  concatMap,
  defer,
  EMPTY,
  endWith,
  finalize,
  map,
  merge,
  type MonoTypeOperatorFunction,
  type Observable,
  of,
  Subject,
  type Subscription,
  takeUntil,
} from 'rxjs';
import type { Gap, Sequence, Sequencing, Standing } from './detectGaps.js';

export interface ReorderConfig<T> {
  /** Values held per sequence before its first hole is given up. */
  readonly maxItems: number;
  /** Milliseconds a hole may stay open, from the moment it was seen. */
  readonly maxMs: number;
  readonly onGap?: (gap: Gap, value: T) => void;
  readonly onLate?: (value: T, expected: number) => void;
  readonly onDrop?: (value: T) => void;
  /** Told of a sequence forgotten, after what it held came out. */
  readonly onForgotten?: (sequence: Sequence) => void;
  readonly flush$?: Observable<unknown>;
}

interface Held<T> {
  readonly value: T;
  readonly number: number;
  readonly at: number;
}

/** What waits behind the first hole of a sequence and those after it, by number. */
interface Hole<T> {
  readonly held: Held<T>[];
  /** The timer of the first hole; `undefined` until it is set. */
  overdue: Subscription | undefined;
}

/** Work on the sequences that emits as it goes; one step is over before the next begins. */
type Step<T> = () => Iterable<T>;

/**
 * The part of `detectGaps` that holds values back behind a hole; it has a timer per sequence with a hole, and none
 * while nothing is held.
 *
 *     source                -1-3-2-5------6-|
 *     maxMs: ----           -1---(23)---5-6-|  onGap just before 5
 */
export function reorder<T>(
  { numberOf, standing, isReset, createTable }: Sequencing<T>,
  { maxItems, maxMs, onGap, onLate, onDrop, onForgotten, flush$ = EMPTY }: ReorderConfig<T>,
): MonoTypeOperatorFunction<T> {
  return (source) =>
    defer(() => {
      const holes = new Map<Sequence, Hole<T>>();
      const forgotten: Sequence[] = [];
      /** Not placed yet: the value being looked at, and those that came meanwhile. */
      const arriving: T[] = [];
      const sequenceOf = createTable((sequence) => forgotten.push(sequence));
      const overdue$ = new Subject<Step<T>>();
      const done$ = new Subject<void>();

      function* arrive(value: T): Iterable<T> {
        const number = numberOf(value);
        const sequence = sequenceOf(value);
        for (const lost of forgotten.splice(0)) {
          yield* advance(lost, Infinity);
          onForgotten?.(lost);
        }
        if (sequence.last === undefined || isReset?.(value)) {
          yield* advance(sequence, Infinity);
          sequence.last = number;
          arriving.shift();
          yield value;
          return;
        }
        const { last } = sequence;
        const place = standing(value, number, last);
        const item = { value, number, at: asyncScheduler.now() };
        if (opensHole(place)) {
          arriving.shift();
          hold(sequence, item);
        } else {
          pass(sequence, last, place, item);
          arriving.shift();
          yield value;
        }
        yield* advance(sequence);
      }

      /** Emits what goes on from here; gives up the holes seen at `giveUpSince` or before, and any with too many behind. */
      function* advance(sequence: Sequence, giveUpSince = -Infinity): Iterable<T> {
        const hole = holes.get(sequence);
        if (hole === undefined) return;
        const { held } = hole;
        let isSameHole = hole.overdue !== undefined;
        for (let next = held[0]; next !== undefined; next = held[0]) {
          const last = sequence.last as number;
          const place = standing(next.value, next.number, last);
          if (opensHole(place) && held.length <= maxItems && !isOverdue(held, giveUpSince)) break;
          pass(sequence, last, place, next);
          held.shift();
          isSameHole = false;
          yield next.value;
        }
        if (!isSameHole) watch(sequence, hole);
      }

      const pass = (sequence: Sequence, last: number, place: Standing, { value, number }: Held<T>): void => {
        if (place === 'late') {
          onLate?.(value, last + 1);
          return;
        }
        sequence.last = number;
        if (place !== 'next') onGap?.(place, value);
      };

      const open = (sequence: Sequence): Hole<T> => {
        const hole: Hole<T> = { held: [], overdue: undefined };
        holes.set(sequence, hole);
        return hole;
      };

      const hold = (sequence: Sequence, item: Held<T>): void => {
        const { held } = holes.get(sequence) ?? open(sequence);
        let place = held.length;
        while (place > 0 && (held[place - 1] as Held<T>).number > item.number) place--;
        held.splice(place, 0, item);
      };

      /** Sets the timer of a sequence's first hole, or ends it with the last one. */
      const watch = (sequence: Sequence, hole: Hole<T>): void => {
        hole.overdue?.unsubscribe();
        if (hole.held.length === 0) {
          holes.delete(sequence);
          return;
        }
        const since = seenAt(hole.held);
        const waitMs = Math.min(maxMs, Math.max(0, since + maxMs - asyncScheduler.now()));
        hole.overdue = asyncScheduler.schedule(() => overdue$.next(() => advance(sequence, since)), waitMs);
      };

      function* advanceAll(): Iterable<T> {
        for (const sequence of [...holes.keys()]) yield* advance(sequence, Infinity);
      }

      function* end(failure?: { readonly error: unknown }): Iterable<T> {
        yield* advanceAll();
        if (failure) throw failure.error;
        done$.next();
      }

      const arrival = (value: T): Step<T> => {
        arriving.push(value);
        return () => arrive(value);
      };
      return merge(
        overdue$,
        flush$.pipe(map(() => advanceAll)),
        source.pipe(
          map(arrival),
          endWith(() => end()),
          catchError((error: unknown) => of(() => end({ error }))),
        ),
      ).pipe(
        concatMap((step) => step()),
        takeUntil(done$),
        finalize(() => {
          const left = [...holes.values()];
          holes.clear();
          for (const { overdue } of left) overdue?.unsubscribe();
          const lost = [...left.flatMap(({ held }) => held.map(({ value }) => value)), ...arriving.splice(0)];
          for (const value of lost) onDrop?.(value);
        }),
      );
    });
}

const opensHole = (place: Standing): boolean => typeof place === 'object' && place.missing > 0;

/** The hole in front was seen when the first of those behind it arrived. */
const seenAt = (held: readonly Held<unknown>[]): number =>
  held.reduce((earliest, { at }) => Math.min(earliest, at), Infinity);

const isOverdue = (held: readonly Held<unknown>[], giveUpSince: number): boolean =>
  Number.isFinite(giveUpSince) ? seenAt(held) <= giveUpSince : giveUpSince > 0;
