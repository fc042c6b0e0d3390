/** Values waiting their turn, first in first out; every operation takes amortised constant time. */
export interface Line<T> {
  readonly size: number;
  /** For the path of every value. */
  isEmpty(): boolean;
  /** Joins at the end; a `key` makes the value's place known to `replace`. */
  push(value: T, key?: unknown): void;
  /** Whether a value with this key waits. */
  has(key: unknown): boolean;
  /** Puts a value in the place of the waiting one with its key, which is given back. Only where `has(key)`. */
  replace(value: T, key: unknown): T;
  /** Takes the first one out. Only where `size > 0`. */
  shift(): T;
}

/** What an empty line starts with, and what it keeps when it shortens: a burst of some hundred values costs no resizing. */
const FIRST_SLOTS = 16;
const KEPT_SLOTS = 512;

/** An empty line; its memory grows with what waits, and is given back as the line shortens. */
export function createLine<T>(): Line<T> {
  /** A ring: the number of a value, counted from the first ever, gives its slot; there are a power of two of them. */
  let values: (T | undefined)[] = [];
  let first = 0;
  let next = 0;
  /** Made for the first key: of each slot, and the number of each key's value. */
  let keys: unknown[] | undefined;
  let numbers: Map<unknown, number> | undefined;

  const resize = (slots: number): void => {
    const moved = <V>(from: readonly V[]): V[] => {
      const to = new Array<V>(slots);
      for (let n = first; n < next; n += 1) to[n & (slots - 1)] = from[n & (from.length - 1)] as V;
      return to;
    };
    if (keys !== undefined) keys = moved(keys);
    values = moved(values);
  };

  // A plain property: with a getter each line would be a dictionary to the engine, and three times as large.
  const line = {
    size: 0,
    isEmpty: () => next === first,
    push(value: T, key?: unknown) {
      if (next - first === values.length) resize(Math.max(FIRST_SLOTS, 2 * values.length));
      const slot = next & (values.length - 1);
      values[slot] = value;
      if (key !== undefined) {
        keys ??= new Array<unknown>(values.length);
        numbers ??= new Map();
        keys[slot] = key;
        numbers.set(key, next);
      }
      next += 1;
      line.size = next - first;
    },
    has: (key: unknown) => numbers?.has(key) === true,
    replace(value: T, key: unknown) {
      const slot = (numbers?.get(key) as number) & (values.length - 1);
      const replaced = values[slot] as T;
      values[slot] = value;
      return replaced;
    },
    shift() {
      const slot = first & (values.length - 1);
      const value = values[slot] as T;
      values[slot] = undefined;
      first += 1;
      line.size = next - first;
      const key = keys?.[slot];
      if (keys !== undefined && key !== undefined) {
        keys[slot] = undefined;
        numbers?.delete(key);
      }
      if (values.length > KEPT_SLOTS && next - first <= values.length / 8)
        resize(Math.max(KEPT_SLOTS, values.length / 4));
      return value;
    },
  };
  return line;
}
