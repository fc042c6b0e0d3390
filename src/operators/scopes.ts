import { LRUCache } from 'lru-cache';

/** What is kept of a scope. */
export interface Used {
  /** Which use of the table its last one was. */
  usedAt: number;
}

/** The key of values whose scope is `undefined` or `null`. */
const NO_SCOPE = Symbol('no scope');
/** So many are put in order within some milliseconds. */
const MOST_UNORDERED = 10_000;

/**
 * Finds what is kept of a scope, or begins it; the least recently used of more than `maxScopes` is forgotten.
 *
 * Which one that is matters only when the table is full, so until then each entry notes when it was used, in a plain Map:
 * less work for each value than an LRU makes, and memory for the scopes there are rather than for all there may be. Then the
 * entries move into an LRU, once, in order.
 *
 * @param onForgotten Told when the new scope is in the table.
 */
export function createScopes<Entry extends Used>(
  maxScopes: number,
  begin: (scope: unknown) => Entry,
  onForgotten: (entry: Entry) => void,
): (scope: unknown) => Entry {
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

  const replace = (lru: LRUCache<object, Entry>, key: object, scope: unknown): Entry => {
    const forgotten = lru.size === maxScopes ? lru.pop() : undefined;
    const entry = begin(scope);
    lru.set(key, entry);
    if (forgotten) onForgotten(forgotten);
    return entry;
  };

  return (scope) => {
    const key = scope ?? NO_SCOPE;
    if (ordered) return ordered.get(key) ?? replace(ordered, key, scope);
    const known = unordered.get(key);
    if (known) {
      known.usedAt = uses++;
      return known;
    }
    if (unordered.size === most) {
      ordered = order();
      return replace(ordered, key, scope);
    }
    const entry = begin(scope);
    entry.usedAt = uses++;
    unordered.set(key, entry);
    return entry;
  };
}
