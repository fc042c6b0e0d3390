import * as fc from 'fast-check';
import { createSeenNumbers, type SeenNumbers } from '../../src/operators/seenNumbers.js';

/** What two generations of `maxKeys` do, with sets instead of tables. */
const createModel = (maxKeys: number) => {
  let young = new Map<number, number>();
  let old = new Map<number, number>();
  let evictions = 0;
  return {
    get size() {
      return new Set([...young.keys(), ...old.keys()]).size;
    },
    get evictions() {
      return evictions;
    },
    find: (key: number) => young.get(key) ?? old.get(key),
    see(key: number, at: number) {
      const seen = young.get(key) ?? old.get(key);
      if (young.size === maxKeys && !young.has(key)) {
        evictions += [...old.keys()].filter((lost) => lost !== key && !young.has(lost)).length;
        old = young;
        young = new Map();
      }
      young.set(key, at);
      return seen;
    },
  };
};

/** What either says of a number, and of those near it. */
const told = (
  memory: SeenNumbers | ReturnType<typeof createModel>,
  key: number,
  at: number,
  near: readonly number[],
): (number | undefined)[] => [
  memory.find(key),
  memory.see(key, at),
  ...near.map((by) => memory.find(key + by)),
  memory.size,
  memory.evictions,
];

/** How many words of the table of the young ones it takes to find a number. */
const countReads = (numbers: SeenNumbers): ((key: number) => number) => {
  let reads = 0;
  const inside = numbers as unknown as { young: Int32Array };
  inside.young = new Proxy(inside.young, {
    get: (words, word) => {
      if (word !== 'length') reads += 1;
      return words[word as never];
    },
  });
  return (key) => {
    reads = 0;
    numbers.find(key);
    return reads;
  };
};

const step = 2 ** 32;
const keys = fc.oneof(
  fc.integer({ min: -8, max: 8 }),
  fc.maxSafeInteger(),
  fc.integer({ min: 0, max: 20 }).map((n) => n * step),
  fc.constantFrom(-0, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 31, -(2 ** 31), 1 - step),
);

describe('createSeenNumbers', () => {
  it('keeps two generations, whatever is seen', () => {
    fc.assert(
      fc.property(
        fc.array(keys, { maxLength: 100, size: 'max' }),
        fc.integer({ min: 1, max: 40 }),
        (seen, maxKeys) => {
          const numbers = createSeenNumbers(maxKeys, true);
          const model = createModel(maxKeys);
          for (const [at, key] of seen.entries()) {
            expect(told(numbers, key, at, [0])).toStrictEqual(told(model, key, at, [0]));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('keeps two generations of neighbours too, which share their slots where no times are kept', () => {
    const starts = fc.constantFrom(
      -40,
      0,
      2 ** 31 - 20,
      2 ** 32 - 20,
      -(2 ** 32) - 20,
      2 ** 53 - 60,
      60 - 2 ** 53,
    );
    const near = fc.tuple(starts, fc.integer({ min: -30, max: 55 }));
    fc.assert(
      fc.property(
        fc.array(near, { maxLength: 150, size: 'max' }),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        (seen, maxKeys, keepTimes) => {
          const numbers = createSeenNumbers(maxKeys, keepTimes);
          const model = createModel(maxKeys);
          for (const [index, [start, offset]] of seen.entries()) {
            const key = start + offset;
            const at = keepTimes ? index : 0;
            expect(told(numbers, key, at, [-1, 1])).toStrictEqual(told(model, key, at, [-1, 1]));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('keeps two generations of runs, which are in no table until a larger number is seen', () => {
    const starts = fc.constantFrom(0, -20, 2 ** 32 - 10, -(2 ** 32) - 10, 2 ** 53 - 200, 1 - 2 ** 53);
    const step = fc.oneof(
      { weight: 12, arbitrary: fc.constant(1) },
      { weight: 4, arbitrary: fc.integer({ min: -12, max: 3 }) },
      { weight: 1, arbitrary: fc.integer({ min: -200, max: 200 }) },
    );
    const near = [-9, -1, 0, 1, 9];
    let neighbours = 0;
    fc.assert(
      fc.property(
        starts,
        fc.array(step, { minLength: 1, maxLength: 150, size: 'max' }),
        fc.integer({ min: 1, max: 40 }),
        (start, steps, maxKeys) => {
          const numbers = createSeenNumbers(maxKeys, false);
          const model = createModel(maxKeys);
          let key = start;
          for (const by of steps) {
            if (!Number.isSafeInteger(key + by)) continue;
            key += by;
            neighbours += by === 1 ? 1 : 0;
            expect(told(numbers, key, 0, near)).toStrictEqual(told(model, key, 0, near));
          }
        },
      ),
      { numRuns: 200 },
    );
    expect(neighbours).toBeGreaterThan(5_000);
  });

  it('remembers the last maxKeys, and never more than twice as many', () => {
    fc.assert(
      fc.property(
        fc.array(keys, { maxLength: 100, size: 'max' }),
        fc.integer({ min: 1, max: 20 }),
        (seen, maxKeys) => {
          const numbers = createSeenNumbers(maxKeys, false);
          const lastFirst: number[] = [];
          for (const key of seen) {
            numbers.see(key, 0);
            const before = lastFirst.indexOf(key);
            if (before >= 0) lastFirst.splice(before, 1);
            lastFirst.unshift(key);

            expect(
              lastFirst.slice(0, maxKeys).filter((known) => numbers.find(known) === undefined),
            ).toStrictEqual([]);
            expect(numbers.size).toBeLessThanOrEqual(2 * maxKeys);
          }
        },
      ),
    );
  });

  it('a number at which the generations change places is in the young one, though its neighbours are in the old', () => {
    const numbers = createSeenNumbers(3, false);
    for (const key of [1_000, 0, 1, 2, 100, 200, 300]) numbers.see(key, 0);

    expect([1, 2, 100, 300].map((key) => numbers.find(key))).toStrictEqual([undefined, 0, 0, 0]);
  });

  /** How long the tables are that are made meanwhile, in words. */
  const tablesOf = (act: () => void): number[] => {
    const lengths: number[] = [];
    const real = globalThis.Int32Array;
    globalThis.Int32Array = class extends real {
      constructor(length: number) {
        super(length);
        lengths.push(length);
      }
    } as unknown as Int32ArrayConstructor;
    try {
      act();
    } finally {
      globalThis.Int32Array = real;
    }
    return lengths;
  };

  it.each([false, true])(
    'its tables stay as large as maxKeys needs, however long it runs (times: %p)',
    (keepTimes) => {
      const lengths = tablesOf(() => {
        const numbers = createSeenNumbers(100, keepTimes);
        for (let key = 0; key < 5_000; key += 1) numbers.see(key * 8, 0);
      });

      const twoWordsASlot = [16, 32, 64, 128, 256].map((slots) => slots * 2);
      expect(lengths).toStrictEqual([...twoWordsASlot, ...twoWordsASlot]);
    },
  );

  it('has no tables while each number follows the last', () => {
    const numbers = createSeenNumbers(100, false);
    const lengths = tablesOf(() => {
      for (let key = 0; key < 5_000; key += 1) numbers.see(key, 0);
    });

    expect(lengths).toStrictEqual([]);
    expect([4_799, 4_800, 4_900, 4_999].map((key) => numbers.find(key))).toStrictEqual([undefined, 0, 0, 0]);
  });

  it('puts a run into the table once it is so long that it would take a while', () => {
    const numbers = createSeenNumbers(200_000, false);
    let next = 0;
    const seeUpTo = (end: number) => (): void => {
      for (; next < end; next += 1) numbers.see(next, 0);
    };
    const inTable = 2 * 2 ** 14; // words: an eighth of the numbers, at most half full

    expect(tablesOf(seeUpTo(2 ** 16))).toStrictEqual([]);
    expect(Math.max(...tablesOf(seeUpTo(2 ** 16 + 1)))).toBe(inTable);
    seeUpTo(200_000)();
    numbers.see(-9, 0); // the generations change places
    seeUpTo(200_000 + 2 ** 16)();
    expect(Math.max(...tablesOf(seeUpTo(200_000 + 2 ** 16 + 1)))).toBe(2 * inTable); // -9 is one too many for half

    expect([numbers.size, numbers.evictions]).toStrictEqual([next + 1, 0]);
    const around = Array.from({ length: next + 20 }, (_, at) => at - 10);
    expect(around.filter((key) => (key >= 0 && key < next) || key === -9)).toStrictEqual(
      around.filter((key) => numbers.find(key) === 0),
    );
  });

  it('has runs again when a number that is far too large is forgotten', () => {
    const numbers = createSeenNumbers(10, false);
    numbers.see(2 ** 50, 0);
    for (let key = 0; key < 30; key += 1) numbers.see(key, 0);

    expect(numbers.find(29)).toBe(0);
    expect(countReads(numbers)(29)).toBe(0);
  });

  it('keeps no times where none are wanted', () => {
    const numbers = createSeenNumbers(10, false);
    for (const key of [1, 5, 1]) numbers.see(key, 500);

    expect([numbers.see(1, 600), numbers.find(1), numbers.find(5)]).toStrictEqual([0, 0, 0]);
  });

  /** Ids as servers give them: the nth of each kind. */
  const kindsOfIds: Readonly<Record<string, (n: number) => number>> = {
    neighbours: (n) => n,
    'neighbours, far from 0': (n) => 81_000_000_000 + n,
    'negative multiples': (n) => -4_096 * n,
    'multiples of 8': (n) => 8 * n,
    'multiples of 1 000': (n) => 1_000 * n,
    'multiples of 2 ** 16': (n) => n * 2 ** 16,
    'multiples of 2 ** 20': (n) => n * 2 ** 20,
    'multiples of 2 ** 32': (n) => n * 2 ** 32,
    'multiples of 2 ** 32 + 1': (n) => n * (2 ** 32 + 1),
    'times in microseconds, to the millisecond': (n) => 1.7e15 + 1_000 * n,
    'times in seconds, shifted, and four of each': (n) => (1.7e9 + Math.floor(n / 4)) * 2 ** 22 + (n % 4),
    'twenty numberings': (n) => (n % 20) * 1e9 + Math.floor(n / 20),
  };

  it.each(
    Object.entries(kindsOfIds).flatMap(([name, idOf]) =>
      [false, true].map((keepTimes) => ({ name, idOf, keepTimes })),
    ),
  )('looks at one slot and a half for $name, times kept: $keepTimes', ({ idOf, keepTimes }) => {
    const numbers = createSeenNumbers(100_000, keepTimes);
    const ids = Array.from({ length: 16_000 }, (_, n) => idOf(n));
    for (const id of ids) numbers.see(id, 0);
    numbers.see(Number.MAX_SAFE_INTEGER, 0); // no run is left

    const readsOf = countReads(numbers);
    const looks = ids.map((id) => (readsOf(id) - 1) / 2); // the bits, then of each slot two words
    expect(ids.filter((id) => numbers.find(id) !== 0)).toStrictEqual([]);
    // A table half of which is taken at random needs 1.5 (Knuth, The Art of Computer Programming, vol. 3, 6.4), and 20 to 40 at most.
    expect(looks.reduce((sum, look) => sum + look) / looks.length).toBeLessThan(1.8);
    expect(Math.max(...looks)).toBeLessThan(60);
    expect(Math.min(...looks)).toBeGreaterThanOrEqual(1);
  });
});
