import type { SeenKeys } from './seenKeys.js';

/**
 * A memory that never throws. Where the one given does, the key is taken for new, so that what it cannot tell apart is
 * delivered, and at worst twice.
 *
 * @param onError Told of each throw of `add` and `has`. What `stats()` throws is its caller's.
 */
export function guardKeys(memory: SeenKeys, onError: (error: unknown) => void): SeenKeys {
  return {
    add(key) {
      try {
        return memory.add(key);
      } catch (error) {
        onError(error);
        return true;
      }
    },
    has(key) {
      try {
        return memory.has(key);
      } catch (error) {
        onError(error);
        return false;
      }
    },
    stats: () => memory.stats(),
  };
}
