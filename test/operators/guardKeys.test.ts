import { guardKeys } from '../../src/operators/guardKeys.js';
import { createSeenKeys, type Key } from '../../src/operators/seenKeys.js';

const broken = (): never => {
  throw new Error('no memory');
};

describe('guardKeys', () => {
  it('answers as the memory does', () => {
    const memory = createSeenKeys();
    const errors: unknown[] = [];
    const guarded = guardKeys(memory, (error) => errors.push(error));

    expect([guarded.has(1), guarded.add(1), guarded.has(1), guarded.add(1)]).toStrictEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(guarded.stats()).toStrictEqual(memory.stats());
    expect(errors).toStrictEqual([]);
  });

  it('takes the key for new where the memory throws, and tells of it each time', () => {
    const errors: unknown[] = [];
    const guarded = guardKeys({ ...createSeenKeys(), add: broken, has: broken }, (error) =>
      errors.push(error),
    );

    expect([guarded.add(1), guarded.add(1), guarded.has(1)]).toStrictEqual([true, true, false]);
    expect(errors).toStrictEqual([new Error('no memory'), new Error('no memory'), new Error('no memory')]);
  });

  it('calls a memory that is an object of a class as such', () => {
    class Memory {
      readonly #keys = new Set<Key>();
      add(key: Key): boolean {
        return this.#keys.size < this.#keys.add(key).size;
      }
      has(key: Key): boolean {
        return this.#keys.has(key);
      }
      stats() {
        return { size: this.#keys.size, hits: 0, misses: 0, evictions: 0 };
      }
    }
    const guarded = guardKeys(new Memory(), broken);

    expect([guarded.add(1), guarded.has(1), guarded.stats().size]).toStrictEqual([true, true, 1]);
  });
});
