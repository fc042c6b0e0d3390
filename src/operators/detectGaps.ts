import { defer, type MonoTypeOperatorFunction, type Observable, tap } from 'rxjs';
import { maxTimerMs } from './backoff.js';
import type { Missing } from './missing.js';
import { checkRecovery, type Recover, type RecoveryConfig, type RecoveryHooks } from './recoverGaps.js';
import { reorder } from './reorder.js';
import { createScopes, type Scopes, type Used } from './scopes.js';

/** A hole in a sequence: the numbers `after + 1 … before - 1` are missing. */
export interface Gap {
  /** The last number seen before the hole. */
  readonly after: number;
  /** The number at which the sequence goes on. */
  readonly before: number;
  /** How many numbers are missing; 0 where a `previous` link is broken though it points to nothing newer than `after`. */
  readonly missing: number;
}

/** How a value stands to the sequence before it: it goes on, is older, or leaves a hole. */
export type Standing = 'next' | 'late' | Gap;

/** Where one scope's sequence stands. */
export interface Sequence extends Used {
  readonly scope: unknown;
  /** `NaN` before its first value: where only numbers are, storing one makes no garbage. */
  last: number;
  /** The number of the value just before, if that was late. */
  late: number | undefined;
  /** What was never seen, where that is kept. */
  missing: Missing | undefined;
}

/** What watching and reordering ask about values. */
export interface Sequencing<T> {
  readonly numberOf: (value: T) => number;
  /** The number a value begins at: with links, the one after that it links to. */
  readonly startOf: (value: T, number: number) => number;
  /** How a value stands to a sequence that has begun. */
  readonly standing: (value: T, number: number, sequence: Sequence) => Standing;
  readonly isReset: ((value: T) => boolean) | undefined;
  readonly scopeOf: (value: T) => unknown;
  /** An empty table of the scopes' sequences. */
  readonly createTable: (onForgotten: (sequence: Sequence) => void) => Scopes<Sequence>;
}

export interface DetectGapsConfig<T> extends RecoveryHooks<T> {
  /** The number a value begins at, where values cover ranges (`U` to `u`); an overlap is no gap. @default `of` */
  readonly first?: (value: T) => number;
  /**
   * The number of the value before this one, where values are linked (`pu`, `prevSeqId`): a link that is not the last
   * number seen is a gap, and a link that is continues the sequence, even at a smaller number or at the same (a
   * keep-alive). Where the value that stepped down was lost, the second late value in a row that links to the one before
   * it is followed, with a gap of 0 missing. `undefined`: this value does not tell, and no gap is looked for. Takes the
   * place of `first`.
   */
  readonly previous?: (value: T) => number | undefined;
  /** Values of one scope share a sequence. @default all do */
  readonly scope?: (value: T) => unknown;
  /** Scopes remembered, 1 to 2 ** 24; the least recently seen is forgotten first. @default 10_000 */
  readonly maxScopes?: number;
  /** Told of each scope forgotten because there were too many; its next value begins a new sequence. */
  readonly onScopeForgotten?: (scope: unknown) => void;
  /** Whether a new sequence begins at this value (a snapshot, say), at any number and without a gap. */
  readonly isReset?: (value: T) => boolean;
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
  /** Told of each gap, just before `value`, the one behind it, is emitted. */
  readonly onGap?: (gap: Gap, value: T) => void;
  /** Told of each value that is not newer than the last, just before it is emitted all the same. */
  readonly onLate?: (value: T, expected: number) => void;
  /** With `recover`: told of each value dropped because it was emitted before, or was recovered and not asked for. */
  readonly onDuplicate?: (value: T) => void;
  /** With `reorder` or `recover`: told of each value still held when the stream is left or fails. */
  readonly onDrop?: (value: T) => void;
  /** With `reorder` or `recover`: gives up all holes whenever it emits; what is held comes out in order, with its gaps. */
  readonly flush$?: Observable<unknown>;
  /** Told after each flush, when all of it is out: at once, or after what is just coming out. */
  readonly onFlushed?: () => void;
}

/** A `Map` of V8 holds no more entries. */
const MOST_SCOPES = 2 ** 24;

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
 */
export function detectGaps<T>(
  of: (value: T) => number,
  config: DetectGapsConfig<T> = {},
): MonoTypeOperatorFunction<T> {
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

/** Watches the sequences of some scopes. */
export interface GapWatch<T> {
  /**
   * @param taken The number of the sequence of the value's scope, if it was taken out.
   * @throws {RangeError} If a number is no safe integer; and what a hook throws.
   */
  watch(value: T, taken?: TakenSequence): void;
  /** Numbers a scope's sequence: until it is put back it is neither forgotten nor found, so its number must come with each value. */
  take(scope: unknown): TakenSequence;
  /** Whether another was forgotten for it, which `onScopeForgotten` is not told: whoever is may ask for this one at once. */
  put(taken: TakenSequence): boolean;
}

/** The place of a sequence among those taken out. */
export type TakenSequence = number;

/** Who is told of what a watch finds: its hooks are called as methods of this. */
export type GapHooks<T> = Pick<DetectGapsConfig<T>, 'onGap' | 'onLate' | 'onScopeForgotten'>;

/**
 * `detectGaps` for one value, where nothing is held back: `onGap` and `onLate` are told before it returns, and what they or
 * the other hooks throw is thrown here. Each hook is asked at most once; `reorder` and `recover` are ignored.
 *
 * @param of The number a value has, or ends at.
 * @throws {RangeError} If `maxScopes` is out of its range.
 */
export const createGapWatch = <T>(
  of: (value: T) => number,
  config: DetectGapsConfig<T> = {},
  hooks: GapHooks<T> = config,
): GapWatch<T> => new Watch(of, config, hooks);

/** A class, since each stream has one: closures of its own took four times the memory. */
class Watch<T> implements GapWatch<T> {
  private readonly table: Scopes<Sequence>;
  /** Whether what is one above the last is sure to go on. */
  private readonly isCounted: boolean;
  private readonly scopeOf: DetectGapsConfig<T>['scope'];
  private readonly isReset: DetectGapsConfig<T>['isReset'];
  /** Those taken out, by place. */
  private readonly taken: (Sequence | undefined)[] = [];
  /** By place: the last number; NaN where the sequence itself must be asked. */
  private readonly lasts: number[] = [];
  private readonly free: number[] = [];

  constructor(
    private readonly of: (value: T) => number,
    private readonly config: DetectGapsConfig<T>,
    private readonly hooks: GapHooks<T>,
  ) {
    this.table = tableOf(config, ({ scope }) => hooks.onScopeForgotten?.(scope));
    this.isCounted = config.first === undefined && config.previous === undefined;
    this.scopeOf = config.scope;
    this.isReset = config.isReset;
  }

  watch(value: T, taken?: TakenSequence): void {
    // Handed to no function unless it must be: that could make garbage of it.
    const number = this.of(value);
    if (!Number.isSafeInteger(number)) integer('of', number);
    if (taken === undefined) this.advance(this.table.of(this.scopeOf?.(value)), value, number);
    else if (this.isCounted && number === (this.lasts[taken] as number) + 1) this.lasts[taken] = number;
    else {
      const sequence = this.settled(taken);
      this.lasts[taken] = NaN; // a hook may put it back
      this.advance(sequence, value, number);
      if (this.taken[taken] === sequence) this.lasts[taken] = lastOf(sequence);
    }
  }

  private advance(sequence: Sequence, value: T, number: number): void {
    const { last } = sequence;
    if (Number.isNaN(last) || this.isReset?.(value) || (this.isCounted && number === last + 1)) {
      sequence.last = number;
      sequence.late = undefined;
      return;
    }
    const place = standingOf(this.config, value, number, sequence);
    if (place === 'late') {
      sequence.late = number;
      this.hooks.onLate?.(value, last + 1);
      return;
    }
    sequence.last = number;
    sequence.late = undefined;
    if (place !== 'next') this.hooks.onGap?.(place, value);
  }

  take(scope: unknown): TakenSequence {
    const sequence = this.table.take(scope);
    const place = this.free.pop() ?? this.taken.length;
    this.taken[place] = sequence;
    this.lasts[place] = lastOf(sequence);
    return place;
  }

  put(taken: TakenSequence): boolean {
    const sequence = this.settled(taken);
    this.taken[taken] = undefined;
    this.free.push(taken);
    return this.table.put(sequence.scope, sequence) !== undefined;
  }

  /** The one taken out, up to date. */
  private settled(taken: TakenSequence): Sequence {
    const sequence = this.taken[taken] as Sequence;
    const last = this.lasts[taken] as number;
    if (!Number.isNaN(last)) sequence.last = last;
    return sequence;
  }
}

/** Where the next number is all there is to ask for. */
const lastOf = ({ last, late }: Sequence): number => (late === undefined ? last : NaN);

/** @throws {RangeError} If `maxScopes` is out of its range. */
function sequencingOf<T>(of: (value: T) => number, config: DetectGapsConfig<T>): Sequencing<T> {
  const { first, previous, scope, isReset } = config;
  checkScopes(config);
  return {
    numberOf: (value) => integer('of', of(value)),
    startOf(value, number) {
      if (previous) return (linkOf(config, value) ?? number - 1) + 1;
      return first ? integer('first', first(value)) : number;
    },
    isReset,
    scopeOf: (value) => scope?.(value),
    standing: (value, number, sequence) => standingOf(config, value, number, sequence),
    createTable: (onForgotten) => tableOf(config, onForgotten),
  };
}

function linkOf<T>({ previous }: DetectGapsConfig<T>, value: T): number | undefined {
  const link = previous?.(value);
  return link === undefined ? undefined : integer('previous', link);
}

function standingOf<T>(
  config: DetectGapsConfig<T>,
  value: T,
  number: number,
  { last, late }: Sequence,
): Standing {
  const { first, previous } = config;
  if (previous) {
    const link = linkOf(config, value);
    if (link !== undefined && link === last) return 'next';
    const isFollowed = link !== undefined && link === late;
    if (number <= last && !isFollowed) return 'late';
    if (link === undefined) return 'next';
    return { after: last, before: link + 1, missing: Math.max(0, link - last) };
  }
  if (number <= last) return 'late';
  const start = first ? integer('first', first(value)) : number;
  return start <= last + 1 ? 'next' : { after: last, before: start, missing: start - last - 1 };
}

/** @throws {RangeError} If `maxScopes` is out of its range. */
function tableOf<T>(
  config: DetectGapsConfig<T>,
  onForgotten: (sequence: Sequence) => void,
): Scopes<Sequence> {
  const maxScopes = checkScopes(config);
  return config.scope ? createScopes(maxScopes, begin, onForgotten) : new OneScope();
}

/** The table where all values share a sequence. */
class OneScope implements Scopes<Sequence> {
  private readonly whole = begin(undefined);

  of(): Sequence {
    return this.whole;
  }

  take(): Sequence {
    return this.whole;
  }

  put(): undefined {
    return undefined;
  }
}

function checkScopes<T>({ maxScopes = 10_000 }: DetectGapsConfig<T>): number {
  if (Number.isInteger(maxScopes) && maxScopes > 0 && maxScopes <= MOST_SCOPES) return maxScopes;
  throw new RangeError(
    `detectGaps: maxScopes must be a whole number from 1 to ${MOST_SCOPES}, got ${maxScopes}`,
  );
}

const begin = (scope: unknown): Sequence => ({
  scope,
  last: NaN,
  late: undefined,
  missing: undefined,
  usedAt: 0,
});

function integer(name: string, number: number): number {
  if (Number.isSafeInteger(number)) return number;
  throw new RangeError(`detectGaps: ${name} must give a safe integer, got ${String(number)}`);
}

function checkReorder({ maxItems, maxMs }: { readonly maxItems: number; readonly maxMs: number }): void {
  if (!(Number.isSafeInteger(maxItems) && maxItems > 0)) {
    throw new RangeError(`detectGaps: reorder.maxItems must be a whole number above 0, got ${maxItems}`);
  }
  if (!(maxMs > 0 && maxMs <= maxTimerMs)) {
    throw new RangeError(`detectGaps: reorder.maxMs must be above 0 and at most ${maxTimerMs}, got ${maxMs}`);
  }
}
