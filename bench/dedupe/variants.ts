import { LRUCache } from 'lru-cache';
import { createSeenKeys } from '../../src/operators/seenKeys.js';

/** Remembers keys; tells of each whether it is new. */
export type Memory = (key: number) => boolean;

const cached = (maxKeys: number, keyOf: (key: number) => string | number): Memory => {
  const seen = new LRUCache<string | number, true>({ max: maxKeys });
  return (key) => {
    const id = keyOf(key);
    const isNew = seen.get(id) === undefined;
    seen.set(id, true);
    return isNew;
  };
};

/** The memories that are compared, by name; the first is the one the others are measured against. */
export const variants: Readonly<Record<string, (maxKeys: number) => Memory>> = {
  'lru-cache, whole numbers': (maxKeys) => cached(maxKeys, (key) => key),
  'lru-cache, `stream:id` strings': (maxKeys) => cached(maxKeys, (key) => `trade:${key}`),
  'createSeenKeys, whole numbers': (maxKeys) => {
    const seen = createSeenKeys({ maxKeys });
    return (key) => seen.add(key);
  },
  'createSeenKeys, with windowMs': (maxKeys) => {
    const seen = createSeenKeys({ maxKeys, windowMs: 3_600_000 });
    return (key) => seen.add(key);
  },
  'createSeenKeys, strings': (maxKeys) => {
    const seen = createSeenKeys({ maxKeys });
    return (key) => seen.add(`trade:${key}`);
  },
};

/** Where the `index`-th new id of a server may be. */
const ids: Readonly<Record<string, (index: number) => number>> = {
  'rising by 1': (index) => 7_000_000_000 + index,
  'rising by 4 096': (index) => index * 4_096,
  scattered: (index) => (Math.imul(index, 0x9e3779b1) >>> 0) * 2 ** 20 + (index % 2 ** 20),
};
export const kinds = Object.keys(ids);

/** The keys of `count` messages, of which one in a hundred repeats one of the last fifty. */
export function keysOf(kind: string, count: number): Float64Array {
  const id = ids[kind];
  if (id === undefined) throw new RangeError(`keysOf: there are no ids ${kind}`);
  const keys = new Float64Array(count);
  let next = 0;
  for (let at = 0; at < count; at += 1) {
    const isCopy = at % 100 === 99;
    keys[at] = isCopy ? (keys[at - 1 - (at % 47)] as number) : id(next++);
  }
  return keys;
}
