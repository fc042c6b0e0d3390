import { isObservable, type Observable } from 'rxjs';
import { maxTimerMs } from './backoff.js';
import type { Gap } from './sequence.js';
import { MOST_LINES } from './lineTally.js';
import { type OptionNames, refuseUnknown } from './refuseUnknown.js';
import { type Key, MOST_KEYS } from './seenKeys.js';

/** A line with its name. */
export interface NamedLine<T> {
  readonly name: string;
  readonly values$: Observable<T>;
}

/** One of several lines that carry the same values; without a name it is called by its place, from `'1'`. */
export type LineSource<T> = Observable<T> | NamedLine<T>;

/** A line that ended; the others go on without it. */
export interface LineEnd {
  readonly line: string;
  /** What it failed with; absent if it completed. */
  readonly error?: unknown;
}

/** A value that came when its gap had been given up. */
export interface Lateness {
  readonly line: string;
  /** Whether it was withheld, because it would break the order, or is too old to tell from a copy. */
  readonly isDropped: boolean;
}

interface LinesConfig {
  /**
   * Milliseconds that a value's other copies are awaited, and a hole in the numbers may stay open; at most 2 ** 31 - 1.
   * @default 1_000
   */
  readonly windowMs?: number;
  /** Keys remembered, 1 to 2 ** 24; with `sequence`, how many numbers back a copy is recognised, in each scope. @default 10_000 */
  readonly maxKeys?: number;
  /** Told of each line that ends. If a callback throws, the output errors. */
  readonly onLineEnd?: (end: LineEnd) => void;
}

/** Copies are known by their key. Nothing is known of an order, so nothing waits and no gap is seen. */
export interface ArbitrateByKey<T> extends LinesConfig {
  readonly key: (value: T) => Key;
  readonly sequence?: undefined;
}

/** How the values are numbered: the same on all lines. */
export interface LineSequence<T> {
  /** The number of a value, or the one it ends at. */
  readonly of: (value: T) => number;
  /** The number it begins at, for values that span a range. @default of */
  readonly first?: (value: T) => number;
  /** The number of the value before it, for servers that link instead of counting. */
  readonly previous?: (value: T) => number | undefined;
  /**
   * What shares one numbering: the topic, and with it whatever changes when the server begins to count again (a session, a
   * day); otherwise the new numbers are taken for copies of the old. @default all values
   */
  readonly scope?: (value: T) => unknown;
  /** Scopes remembered, 1 to 2 ** 24; the least recently seen is forgotten first. @default 10_000 */
  readonly maxScopes?: number;
}

/** Copies are known by their number. */
export interface ArbitrateBySequence<T> extends LinesConfig {
  readonly key?: undefined;
  readonly sequence: LineSequence<T>;
  /** `'sequence'` holds values behind a hole until a line fills it; `'arrival'` passes each first copy at once. @default 'sequence' */
  readonly order?: 'sequence' | 'arrival';
  /** Values that wait behind holes, in each scope; with more, the first hole is given up before its time. @default 1_000 */
  readonly maxItems?: number;
  /** Told once of each gap that no line filled in time; `value` is the one behind it. */
  readonly onGap?: (gap: Gap, value: T) => void;
  /** Told of each value that comes after its gap was given up, or before the first of its scope. */
  readonly onLate?: (value: T, lateness: Lateness) => void;
  /** Told of each scope forgotten because there were too many; its next value begins it anew. */
  readonly onScopeForgotten?: (scope: unknown) => void;
}

export type ArbitrateConfig<T> = ArbitrateByKey<T> | ArbitrateBySequence<T>;

const OPTIONS: OptionNames<
  Omit<ArbitrateByKey<never>, 'sequence'> & Omit<ArbitrateBySequence<never>, 'key'>
> = {
  windowMs: true,
  maxKeys: true,
  onLineEnd: true,
  key: true,
  sequence: true,
  order: true,
  maxItems: true,
  onGap: true,
  onLate: true,
  onScopeForgotten: true,
};

const SEQUENCE: OptionNames<LineSequence<never>> = {
  of: true,
  first: true,
  previous: true,
  scope: true,
  maxScopes: true,
};

/** @throws {RangeError | TypeError} If there are too few or too many lines, or two of one name. */
export function nameLines<T>(lines: readonly LineSource<T>[]): readonly NamedLine<T>[] {
  if (!(lines.length > 0 && lines.length <= MOST_LINES)) {
    throw new RangeError(`arbitrate: lines must be 1 to ${MOST_LINES}, got ${lines.length}`);
  }
  const named = lines.map((line, index) =>
    isObservable(line) ? { name: String(index + 1), values$: line } : line,
  );
  const names = named.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new TypeError(`arbitrate: two lines are called ${JSON.stringify(twice)}`);
  return named;
}

/** @throws {RangeError | TypeError} Naming the first option that cannot be, and its value. */
export function checkArbitration<T>(config: ArbitrateConfig<T>): void {
  refuseUnknown('arbitrate', config, OPTIONS);
  const { windowMs = 1_000, maxKeys = 10_000, key, sequence, ...rest } = config;
  if ((key === undefined) === (sequence === undefined)) {
    throw new TypeError(`arbitrate: one of key and sequence must be given, got ${key ? 'both' : 'neither'}`);
  }
  refuseUnknown('arbitrate', sequence ?? {}, SEQUENCE, 'sequence');
  const [name, rule]: readonly [string, unknown] = sequence ? ['sequence.of', sequence.of] : ['key', key];
  if (typeof rule !== 'function') {
    throw new TypeError(`arbitrate: ${name} must be a function, got ${typeof rule}`);
  }
  if (!(windowMs > 0 && windowMs <= maxTimerMs)) {
    throw new RangeError(`arbitrate: windowMs must be above 0 and at most ${maxTimerMs}, got ${windowMs}`);
  }
  const count = (name: string, value: number, most: number): void => {
    if (Number.isInteger(value) && value > 0 && value <= most) return;
    throw new RangeError(`arbitrate: ${name} must be a whole number from 1 to ${most}, got ${value}`);
  };
  count('maxKeys', maxKeys, MOST_KEYS);
  count('sequence.maxScopes', sequence?.maxScopes ?? 1, MOST_KEYS);
  count('maxItems', 'maxItems' in rest ? (rest.maxItems ?? 1) : 1, Number.MAX_SAFE_INTEGER);
}
