import type { Scopes } from './scopes.js';
import { type Gap, integer, type Sequence, type SequenceRules, standingOf, tableOf } from './sequence.js';

/** Watches the sequences of some scopes. */
export interface GapWatch<T> {
  /**
   * @param place Of the sequence of the value's scope, if it was taken out; one where none is makes no difference.
   * @throws {RangeError} If a number is no safe integer; and what a hook throws.
   */
  watch(value: T, place?: SequencePlace): void;
  /**
   * Takes out a scope's sequence: until it is put back it is neither forgotten nor found, so its place must come with each value. Without
   * scopes, neither this nor `put` makes a difference.
   *
   * @param place Where one is already, it stays.
   */
  take(scope: unknown, place: SequencePlace): void;
  /**
   * Puts back the one in a place, if one is there. Whether another was forgotten for it, which `onScopeForgotten` is not told: whoever
   * is may ask for this one at once.
   */
  put(place: SequencePlace): boolean;
}

/** Where a sequence stands that was taken out: a whole number from 0, so small that a list may be as long. */
export type SequencePlace = number;

/** Who is told of what a watch finds: its hooks are called as methods of this. */
export interface GapHooks<T> {
  /** Told of each gap, just before `value`, the one behind it, is emitted. */
  readonly onGap?: (gap: Gap, value: T) => void;
  /** Told of each value that is not newer than the last, just before it is emitted all the same. */
  readonly onLate?: (value: T, expected: number) => void;
  /** Told of each scope forgotten because there were too many; its next value begins a new sequence. */
  readonly onScopeForgotten?: (scope: unknown) => void;
}

/**
 * `detectGaps` for one value, where nothing is held back: `onGap` and `onLate` are told before it returns, and what they or
 * the other hooks throw is thrown here. Each hook is asked at most once.
 *
 * @param of The number a value has, or ends at.
 * @throws {RangeError} If `maxScopes` is out of its range.
 */
export const createGapWatch = <T>(
  of: (value: T) => number,
  config: SequenceRules<T> & GapHooks<T> = {},
  hooks: GapHooks<T> = config,
): GapWatch<T> => new Watch(of, config, hooks);

/** A class, since each stream has one: closures of its own took four times the memory. */
class Watch<T> implements GapWatch<T> {
  private readonly table: Scopes<Sequence>;
  /** Whether what is one above the last is sure to go on. */
  private readonly isCounted: boolean;
  private readonly scopeOf: SequenceRules<T>['scope'];
  private readonly isReset: SequenceRules<T>['isReset'];
  /** The place of the sequence that all values share, which is never put back; absent where each scope has its own. */
  private readonly shared: SequencePlace | undefined;
  /** Those taken out, by place. */
  private readonly taken: (Sequence | undefined)[];
  /** By place: the last number; NaN where the sequence itself must be asked, or none is. */
  private readonly lasts: number[];

  constructor(
    private readonly of: (value: T) => number,
    private readonly config: SequenceRules<T>,
    private readonly hooks: GapHooks<T>,
  ) {
    this.table = tableOf(config, ({ scope }) => hooks.onScopeForgotten?.(scope));
    this.isCounted = config.first === undefined && config.previous === undefined;
    this.scopeOf = config.scope;
    this.isReset = config.isReset;
    this.shared = config.scope === undefined ? 0 : undefined;
    this.taken = this.shared === undefined ? [] : [this.table.of(undefined)];
    this.lasts = this.shared === undefined ? [] : [NaN];
  }

  watch(value: T, given?: SequencePlace): void {
    const place = this.shared ?? given;
    // Handed to no function unless it must be: that could make garbage of it.
    const number = this.of(value);
    if (!Number.isSafeInteger(number)) integer('of', number);
    if (place !== undefined && this.isCounted && number === (this.lasts[place] as number) + 1) {
      this.lasts[place] = number;
      return;
    }
    const sequence = place === undefined ? undefined : this.settled(place);
    if (place === undefined || sequence === undefined) {
      this.advance(this.table.of(this.scopeOf?.(value)), value, number);
      return;
    }
    this.lasts[place] = NaN; // a hook may put it back
    this.advance(sequence, value, number);
    // If a hook let in what went on from here, it is right already.
    if (this.taken[place] === sequence && Number.isNaN(this.lasts[place]))
      this.lasts[place] = lastOf(sequence);
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

  take(scope: unknown, place: SequencePlace): void {
    if (this.taken[place] !== undefined) return;
    const sequence = this.table.take(scope);
    this.taken[place] = sequence;
    this.lasts[place] = lastOf(sequence);
  }

  put(place: SequencePlace): boolean {
    const sequence = this.shared === undefined ? this.settled(place) : undefined;
    if (sequence === undefined) return false;
    this.taken[place] = undefined;
    this.lasts[place] = NaN;
    return this.table.put(sequence.scope, sequence) !== undefined;
  }

  /** The one taken out, up to date. */
  private settled(place: SequencePlace): Sequence | undefined {
    const sequence = this.taken[place];
    if (sequence === undefined) return undefined;
    const last = this.lasts[place] as number;
    if (!Number.isNaN(last)) sequence.last = last;
    return sequence;
  }
}

/** Where the next number is all there is to ask for. */
const lastOf = ({ last, late }: Sequence): number => (late === undefined ? last : NaN);
