import type { Missing } from './missing.js';
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

/** What numbers mean, and which of them belong together. */
export interface SequenceRules<T> {
  /** The number a value begins at, where values cover ranges (`U` to `u`); an overlap is no gap. @default `of` */
  readonly first?: (value: T) => number;
  /**
   * The number of the value before this one, where values are linked (`pu`, `prevSeqId`): a link that is not the last
   * number seen is a gap, and a link that is continues the sequence, even at a smaller number or at the same (a
   * keep-alive). Where the value that stepped down was lost, the second late value in a row that links to the one before
   * it is followed, with a gap of 0 missing, unless it fills a hole of which `recover` keeps track. `undefined`: this value
   * does not tell, and no gap is looked for. Takes the place of `first`.
   */
  readonly previous?: (value: T) => number | undefined;
  /** Values of one scope share a sequence. @default all do */
  readonly scope?: (value: T) => unknown;
  /** Scopes remembered, 1 to 2 ** 24; the least recently seen is forgotten first. @default 10_000 */
  readonly maxScopes?: number;
  /**
   * Whether a new sequence begins at this value (a snapshot, say), at any number and without a gap. Not always asked of a value that goes
   * on anyway.
   */
  readonly isReset?: (value: T) => boolean;
}

/** A `Map` of V8 holds no more entries. */
const MOST_SCOPES = 2 ** 24;

/** @throws {RangeError} If `maxScopes` is out of its range. */
export function sequencingOf<T>(of: (value: T) => number, config: SequenceRules<T>): Sequencing<T> {
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

function linkOf<T>({ previous }: SequenceRules<T>, value: T): number | undefined {
  const link = previous?.(value);
  return link === undefined ? undefined : integer('previous', link);
}

/** How a value with this number stands to a sequence that has begun. */
export function standingOf<T>(
  config: SequenceRules<T>,
  value: T,
  number: number,
  { last, late, missing }: Sequence,
): Standing {
  const { first, previous } = config;
  if (previous) {
    const link = linkOf(config, value);
    if (link !== undefined && link === last) return 'next';
    // What is known to be missing is late for sure, as long as it fills a hole.
    const isFollowed = link !== undefined && link === late && missing?.has(link + 1, number) !== true;
    if (number <= last && !isFollowed) return 'late';
    if (link === undefined) return 'next';
    return { after: last, before: link + 1, missing: Math.max(0, link - last) };
  }
  if (number <= last) return 'late';
  const start = first ? integer('first', first(value)) : number;
  return start <= last + 1 ? 'next' : { after: last, before: start, missing: start - last - 1 };
}

/** @throws {RangeError} If `maxScopes` is out of its range. */
export function tableOf<T>(
  config: SequenceRules<T>,
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

function checkScopes<T>({ maxScopes = 10_000 }: SequenceRules<T>): number {
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

/** @throws {RangeError} If it is no safe integer; `name` is the rule that gave it. */
export function integer(name: string, number: number): number {
  if (Number.isSafeInteger(number)) return number;
  throw new RangeError(`detectGaps: ${name} must give a safe integer, got ${String(number)}`);
}
