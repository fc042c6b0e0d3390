import { LRUCache } from 'lru-cache';
import { asyncScheduler, defer, filter, type MonoTypeOperatorFunction } from 'rxjs';

export interface DedupeByConfig<T> {
  /** Keys remembered, 1 to 2 ** 24; the least recently seen is forgotten first. @default 10_000 */
  readonly maxKeys?: number;
  /** Milliseconds since its last sighting after which a key counts as new. @default Infinity */
  readonly windowMs?: number;
  /** Told of each value dropped. If it throws, the stream errors. */
  readonly onDuplicate?: (value: T) => void;
}

/** A `Map` of V8 holds no more entries. */
const MOST_KEYS = 2 ** 24;

/**
 * Drops a value whose key was seen before; each subscription remembers for itself.
 *
 *     source    --a--b--a--c--|
 *     dedupeBy  --a--b-----c--|
 *
 * A dropped value counts as a sighting: a key repeated without pause stays out however small `windowMs` is.
 *
 * @param key Identity of a value. If it throws, the stream errors.
 * @throws {RangeError} On creation, if `maxKeys` is no whole number from 1 to 2 ** 24, or `windowMs` is not above 0.
 */
export function dedupeBy<T>(
  key: (value: T) => string | number,
  { maxKeys = 10_000, windowMs = Infinity, onDuplicate }: DedupeByConfig<T> = {},
): MonoTypeOperatorFunction<T> {
  if (!(Number.isInteger(maxKeys) && maxKeys > 0 && maxKeys <= MOST_KEYS)) {
    throw new RangeError(`dedupeBy: maxKeys must be a whole number from 1 to ${MOST_KEYS}, got ${maxKeys}`);
  }
  if (!(windowMs > 0)) throw new RangeError(`dedupeBy: windowMs must be above 0, got ${windowMs}`);

  return (source) =>
    defer(() => {
      // lru-cache's own ttl reads the real clock, so the last sighting is kept as the value.
      const seenAt = new LRUCache<string | number, number>({ max: maxKeys });
      return source.pipe(
        filter((value) => {
          const id = key(value);
          const now = asyncScheduler.now();
          const before = seenAt.get(id);
          seenAt.set(id, now);
          if (before === undefined || now - before > windowMs) return true;
          onDuplicate?.(value);
          return false;
        }),
      );
    });
}
