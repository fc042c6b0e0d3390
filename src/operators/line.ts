/** Values waiting their turn, first in first out; every operation takes amortised constant time. */
export interface Line<T> {
  readonly size: number;
  /** Joins at the end; a `key` makes the value's place known to `replace`. */
  push(value: T, key?: unknown): void;
  /** Whether a value with this key waits. */
  has(key: unknown): boolean;
  /** Puts a value in the place of the waiting one with its key, which is given back. Only where `has(key)`. */
  replace(value: T, key: unknown): T;
  /** Takes the first one out. Only where `size > 0`. */
  shift(): T;
}

interface Place<T> {
  value: T;
  readonly key: unknown;
}

/** An empty line; its memory grows with what waits, and is given back as the line shortens. */
export function createLine<T>(): Line<T> {
  const byKey = new Map<unknown, Place<T>>();
  let places: (Place<T> | undefined)[] = [];
  let first = 0;

  return {
    get size() {
      return places.length - first;
    },
    push(value, key) {
      const place = { value, key };
      places.push(place);
      if (key !== undefined) byKey.set(key, place);
    },
    has: (key) => byKey.has(key),
    replace(value, key) {
      const place = byKey.get(key) as Place<T>;
      const replaced = place.value;
      place.value = value;
      return replaced;
    },
    shift() {
      const { value, key } = places[first] as Place<T>;
      places[first++] = undefined;
      if (key !== undefined) byKey.delete(key);
      // The empty front is cut off once it is the greater half, so each value is moved once at most on average.
      if (first * 2 >= places.length) {
        places = places.slice(first);
        first = 0;
      }
      return value;
    },
  };
}
