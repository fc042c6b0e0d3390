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
export const createScopes = <Entry extends Used>(
  maxScopes: number,
  begin: (scope: unknown) => Entry,
  onForgotten: (entry: Entry) => void,
): Scopes<Entry> => new ScopeTable(maxScopes, begin, onForgotten);

/** A class, since each stream has one, and the methods of a class are the same in all of them. */
class ScopeTable<Entry extends Used> implements Scopes<Entry> {
  private readonly unordered = new Map<unknown, Entry>();
  private ordered: LRUCache<object, Entry> | undefined = undefined;
  private uses = 0;

  constructor(
    private readonly maxScopes: number,
    private readonly begin: (scope: unknown) => Entry,
    private readonly onForgotten: (entry: Entry) => void,
  ) {}

  of(scope: unknown): Entry {
    const key = scope ?? NO_SCOPE;
    if (this.ordered !== undefined) return this.ordered.get(key) ?? this.start(key, scope);
    const known = this.unordered.get(key);
    if (known === undefined) return this.start(key, scope);
    known.usedAt = this.uses++;
    return known;
  }

  take(scope: unknown): Entry {
    const { unordered, ordered, begin } = this;
    const key = scope ?? NO_SCOPE;
    const known = ordered === undefined ? unordered.get(key) : ordered.get(key);
    unordered.delete(key);
    ordered?.delete(key);
    return known ?? begin(scope);
  }

  put(scope: unknown, entry: Entry): Entry | undefined {
    return this.add(scope ?? NO_SCOPE, entry);
  }

  private start(key: unknown, scope: unknown): Entry {
    const { begin, onForgotten } = this;
    const entry = begin(scope);
    const forgotten = this.add(key, entry);
    if (forgotten) onForgotten(forgotten);
    return entry;
  }

  /** One that is not there; yields the one that had to make room for it. */
  private add(key: unknown, entry: Entry): Entry | undefined {
    const { unordered, maxScopes } = this;
    if (this.ordered === undefined && unordered.size === Math.min(maxScopes, MOST_UNORDERED)) this.order();
    const { ordered } = this;
    if (ordered === undefined) {
      entry.usedAt = this.uses++;
      unordered.set(key, entry);
      return undefined;
    }
    const forgotten = ordered.size === maxScopes ? ordered.pop() : undefined;
    ordered.set(key as object, entry);
    return forgotten;
  }

  private order(): void {
    const entries = [...this.unordered].sort(([, a], [, b]) => a.usedAt - b.usedAt);
    this.unordered.clear();
    this.ordered = new LRUCache<object, Entry>({ max: this.maxScopes });
    for (const [key, entry] of entries) this.ordered.set(key as object, entry);
  }
}
