import { defer, filter, type MonoTypeOperatorFunction } from 'rxjs';
import { type OptionNames, refuseUnknown } from './refuseUnknown.js';
import { checkSeenKeys, createSeenKeys, type Key, type SeenKeys, type SeenKeysConfig } from './seenKeys.js';

export interface DedupeByConfig<T> extends SeenKeysConfig {
  /**
   * A memory to use, with a `maxKeys` and `windowMs` of its own: it outlives the subscription, can be asked for its
   * `stats()`, and where two streams have the same one, each key passes only once in both. @default a new one for each subscription
   */
  readonly memory?: SeenKeys;
  /** Told of each value dropped. If it throws, the stream errors. */
  readonly onDuplicate?: (value: T) => void;
}

const OPTIONS: OptionNames<DedupeByConfig<never>> = {
  maxKeys: true,
  windowMs: true,
  memory: true,
  onDuplicate: true,
};

/**
 * Drops a value whose key was seen before; each subscription remembers for itself, unless it is given a `memory`.
 *
 *     source    --a--b--a--c--|
 *     dedupeBy  --a--b-----c--|
 *
 * A dropped value counts as a sighting: a key repeated without pause stays out however small `windowMs` is.
 *
 * @param key Identity of a value. If it throws, the stream errors.
 * @throws {RangeError} On creation, if `maxKeys` is no whole number from 1 to 2 ** 24, or `windowMs` is not above 0.
 * @throws {TypeError} On creation, if they are given beside a `memory`, which they would not change, an option is misspelt, or `key` is
 *   no function.
 */
export function dedupeBy<T>(
  key: (value: T) => Key,
  config: DedupeByConfig<T> = {},
): MonoTypeOperatorFunction<T> {
  if (typeof key !== 'function') throw new TypeError(`dedupeBy: key must be a function, got ${typeof key}`);
  refuseUnknown('dedupeBy', config, OPTIONS);
  const { memory, onDuplicate, ...bounds } = config;
  checkSeenKeys('dedupeBy', bounds);
  if (memory && (bounds.maxKeys ?? bounds.windowMs) !== undefined) {
    throw new TypeError('dedupeBy: a memory has its own maxKeys and windowMs, which cannot be set beside it');
  }

  return (source) =>
    defer(() => {
      const seen = memory ?? createSeenKeys(bounds);
      return source.pipe(
        filter((value) => {
          if (seen.add(key(value))) return true;
          onDuplicate?.(value);
          return false;
        }),
      );
    });
}
