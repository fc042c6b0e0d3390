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
export const createLine = <T>(): Line<T> => new Ring<T>();

const NOTHING: readonly never[] = [];

/** A class, since every idle connection keeps one: closures of its own took six times the memory. */
class Ring<T> implements Line<T> {
  /** A plain property: with a getter of its own each line would be a dictionary to the engine. */
  size = 0;
  /** The number of a value, counted from the first ever, gives its slot; there are a power of two of them, once there is one. */
  private values: (T | undefined)[] = NOTHING as never[];
  private first = 0;
  private next = 0;
  /** Made for the first key: of each slot, and the number of each key's value. */
  private keys: unknown[] | undefined = undefined;
  private numbers: Map<unknown, number> | undefined = undefined;

  isEmpty(): boolean {
    return this.size === 0;
  }

  push(value: T, key?: unknown): void {
    if (this.size === this.values.length) this.resize(Math.max(FIRST_SLOTS, 2 * this.values.length));
    const { values } = this;
    const slot = this.next & (values.length - 1);
    values[slot] = value;
    if (key !== undefined) {
      this.keys ??= new Array<unknown>(values.length);
      this.numbers ??= new Map();
      this.keys[slot] = key;
      this.numbers.set(key, this.next);
    }
    this.next += 1;
    this.size += 1;
  }

  has(key: unknown): boolean {
    return this.numbers?.has(key) === true;
  }

  replace(value: T, key: unknown): T {
    const { values } = this;
    const slot = (this.numbers?.get(key) as number) & (values.length - 1);
    const replaced = values[slot] as T;
    values[slot] = value;
    return replaced;
  }

  shift(): T {
    const { values, keys } = this;
    const slot = this.first & (values.length - 1);
    const value = values[slot] as T;
    values[slot] = undefined;
    this.first += 1;
    this.size -= 1;
    const key = keys?.[slot];
    if (keys !== undefined && key !== undefined) {
      keys[slot] = undefined;
      this.numbers?.delete(key);
    }
    if (values.length > KEPT_SLOTS && this.size <= values.length / 8)
      this.resize(Math.max(KEPT_SLOTS, values.length / 4));
    return value;
  }

  private resize(slots: number): void {
    if (this.keys !== undefined) this.keys = this.moved(this.keys, slots);
    this.values = this.moved(this.values, slots);
  }

  private moved<V>(from: readonly V[], slots: number): V[] {
    const to = new Array<V>(slots);
    for (let n = this.first; n < this.next; n += 1) to[n & (slots - 1)] = from[n & (from.length - 1)] as V;
    return to;
  }
}
