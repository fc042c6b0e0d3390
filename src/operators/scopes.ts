import { LRUCache } from 'lru-cache';

/** What is kept of a scope. */
export interface Used {
  /** Which use of the table its last one was. */
  usedAt: number;
}

/** A table of what is kept of each scope. */
export interface Scopes<Entry> {
  /** Finds what is kept of a scope, or begins it. */
  of(scope: unknown): Entry;
  /** The same, and takes it out of the table, where it could be forgotten: until it is put back, `of` begins a new one. */
  take(scope: unknown): Entry;
  /** Puts back what was taken, as used just now; yields the one that is forgotten for it, of which nobody else is told. */
  put(scope: unknown, entry: Entry): Entry | undefined;
}

/** The key of values whose scope is `undefined` or `null`. */
const NO_SCOPE = Symbol('no scope');
/** So many are put in order within some milliseconds. */
const MOST_UNORDERED = 10_000;

/**
 * Finds what is kept of a scope, or begins it; of those in the table the least recently used of more than `maxScopes` is forgotten.
 *
 * Which one that is matters only when the table is full, so until then each entry notes when it was used, in a plain Map:
 * less work for each value than an LRU makes, and memory for the scopes there are rather than for all there may be. Then the
 * entries move into an LRU, once, in order.
 *
 * @param onForgotten Told by `of`, when the new scope is in the table.
 */
export function createScopes<Entry extends Used>(
  maxScopes: number,
  begin: (scope: unknown) => Entry,
  onForgotten: (entry: Entry) => void,
): Scopes<Entry> {
  const most = Math.min(maxScopes, MOST_UNORDERED);
  const unordered = new Map<unknown, Entry>();
  let ordered: LRUCache<object, Entry> | undefined;
  let uses = 0;

  const order = (): LRUCache<object, Entry> => {
    const entries = [...unordered].sort(([, a], [, b]) => a.usedAt - b.usedAt);
    unordered.clear();
    const lru = new LRUCache<object, Entry>({ max: maxScopes });
    for (const [key, entry] of entries) lru.set(key as object, entry);
    return lru;
  };

  /** One that is not there; yields the one that had to make room for it. */
  const add = (key: unknown, entry: Entry): Entry | undefined => {
    if (ordered === undefined && unordered.size === most) ordered = order();
    if (ordered === undefined) {
      entry.usedAt = uses++;
      unordered.set(key, entry);
      return undefined;
    }
    const forgotten = ordered.size === maxScopes ? ordered.pop() : undefined;
    ordered.set(key as object, entry);
    return forgotten;
  };

  const start = (key: unknown, scope: unknown): Entry => {
    const entry = begin(scope);
    const forgotten = add(key, entry);
    if (forgotten) onForgotten(forgotten);
    return entry;
  };

  return {
    of(scope) {
      const key = scope ?? NO_SCOPE;
      if (ordered) return ordered.get(key) ?? start(key, scope);
      const known = unordered.get(key);
      if (known === undefined) return start(key, scope);
      known.usedAt = uses++;
      return known;
    },
    take(scope) {
      const key = scope ?? NO_SCOPE;
      const known = ordered === undefined ? unordered.get(key) : ordered.get(key);
      unordered.delete(key);
      ordered?.delete(key);
      return known ?? begin(scope);
    },
    put: (scope, entry) => add(scope ?? NO_SCOPE, entry),
  };
}
