import * as fc from 'fast-check';
import { from, timer } from 'rxjs';
import { createSeenKeys, dedupeBy, type Key, type SeenKeysConfig } from 'millrace';
import { HOUR_MS, marbles, stepClock } from '../marbles.js';
import { collectGarbage } from '../collectGarbage.js';

/** Which of the keys were new, in order. */
const news = (keys: readonly Key[], config: SeenKeysConfig = {}): Key[] => {
  const seen = createSeenKeys(config);
  return keys.filter((key) => seen.add(key));
};

/** Adds each key at its time, and tells which were new. */
const newsAt = (adds: readonly (readonly [ms: number, key: Key])[], config: SeenKeysConfig): string[] => {
  const told: string[] = [];
  marbles(() => {
    const seen = createSeenKeys(config);
    for (const [ms, key] of adds) {
      timer(ms).subscribe(() => {
        const knew = seen.has(key);
        const isNew = seen.add(key);
        expect(knew).toBe(!isNew);
        if (isNew) told.push(`${ms} ${String(key)}`);
      });
    }
  })();
  return told;
};

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

describe('createSeenKeys', () => {
  it.each<[string, Key]>([
    ['a number', 7],
    ['a string', 'a'],
  ])('does not take %s for known for longer because the clock was set back', (_name, key) => {
    marbles(() => {
      const seen = createSeenKeys({ windowMs: 10 });
      seen.add(key);
      timer(20).subscribe(() => {
        stepClock(-HOUR_MS);
        expect([seen.has(key), seen.add(key), seen.add(key)]).toStrictEqual([false, true, false]);
      });
    })();
    expect.assertions(1);
  });

  it.each<[string, Key]>([
    ['a number', 7],
    ['a string', 'a'],
  ])('does not take %s for known again once a clock that was set back is where it was', (_name, key) => {
    jest.useFakeTimers({ now: 10 * HOUR_MS });
    const seen = createSeenKeys({ windowMs: 60_000 });
    seen.add(key);
    jest.setSystemTime(9 * HOUR_MS);
    seen.add('another');
    jest.advanceTimersByTime(HOUR_MS);
    expect([seen.has(key), seen.add(key), seen.add(key)]).toStrictEqual([false, true, false]);
  });

  it.each<[string, Key[], Key[]]>([
    ['whole numbers', [1, 2, 1, -1, 0, -0, -1], [1, 2, -1, 0]],
    [
      'the largest',
      [2 ** 53 - 1, 1 - 2 ** 53, 2 ** 53 - 1, 2 ** 53, 2 ** 53],
      [2 ** 53 - 1, 1 - 2 ** 53, 2 ** 53],
    ],
    [
      'fractions and what is no number',
      [0.5, NaN, 0.5, NaN, Infinity, -Infinity, Infinity],
      [0.5, NaN, Infinity, -Infinity],
    ],
    ['strings', ['a', '', 'a', ''], ['a', '']],
    ['bigints by value', [2n ** 64n, 1n, 2n ** 64n, 1n], [2n ** 64n, 1n]],
    ['a number, a bigint and a string of the same digits', [1, 1n, '1', 1, 1n, '1'], [1, 1n, '1']],
  ])('knows %s again', (_name, keys, expected) => expect(news(keys)).toStrictEqual(expected));

  it.each<[string, Key, Key]>([
    ['a number', 7, 8],
    ['a string', 'a', 'b'],
  ])('knows %s for exactly windowMs after its last sighting', (_name, key, other) => {
    const adds = [
      [0, key],
      [10, key],
      [20, key],
      [31, key],
      [31, other],
    ] as const;

    expect(newsAt(adds, { windowMs: 10 })).toStrictEqual([`0 ${key}`, `31 ${key}`, `31 ${other}`]);
  });

  it('knows a key again at the time 0, where a virtual clock begins', () => {
    expect(
      newsAt(
        [
          [0, 1],
          [0, 1],
          [0, 'a'],
          [0, 'a'],
        ],
        { windowMs: 5 },
      ),
    ).toStrictEqual(['0 1', '0 a']);
  });

  it('a look is no sighting', () => {
    const seen = createSeenKeys({ maxKeys: 2 });
    seen.add('a');
    seen.add('b');

    expect(seen.has('a')).toBe(true);
    seen.add('c');
    expect([seen.has('a'), seen.has('b'), seen.has(1)]).toStrictEqual([false, true, false]);
    expect(seen.stats()).toStrictEqual({ size: 2, hits: 0, misses: 3, evictions: 1 });
  });

  it('remembers the last maxKeys strings exactly, and of whole numbers at most as many again', () => {
    const adds = fc.array(fc.nat(30), { maxLength: 100 });
    fc.assert(
      fc.property(adds, fc.integer({ min: 1, max: 12 }), (keys, maxKeys) => {
        const strings = createSeenKeys({ maxKeys });
        const numbers = createSeenKeys({ maxKeys });
        const lastFirst: number[] = [];
        for (const key of keys) {
          const isNew = !lastFirst.slice(0, maxKeys).includes(key);
          const isLost = !lastFirst.slice(0, 2 * maxKeys).includes(key);
          expect(strings.add(`id ${key}`)).toBe(isNew);
          const isNewNumber = numbers.add(key);
          if (!isNew) expect(isNewNumber).toBe(false);
          if (isLost) expect(isNewNumber).toBe(true);
          lastFirst.splice(0, lastFirst.length, key, ...lastFirst.filter((other) => other !== key));
        }
      }),
    );
  });

  it.each([63, 64, 65, 256, 1_000])('remembers exactly the last %i strings, growing to that', (maxKeys) => {
    const seen = createSeenKeys({ maxKeys });
    for (let key = 0; key < maxKeys; key += 1) expect(seen.add(`id ${key}`)).toBe(true);
    expect(seen.add('id 0')).toBe(false);
    expect(seen.stats()).toStrictEqual({ size: maxKeys, hits: 1, misses: maxKeys, evictions: 0 });

    expect(seen.add('one more')).toBe(true);
    expect([seen.has('id 0'), seen.has('id 1'), seen.has('id 2')]).toStrictEqual([true, false, true]);
    expect(seen.stats()).toStrictEqual({ size: maxKeys, hits: 1, misses: maxKeys + 1, evictions: 1 });
  });

  it('takes the order of strings along as it grows', () => {
    const seen = createSeenKeys({ maxKeys: 70 });
    for (let key = 0; key < 64; key += 1) seen.add(`id ${key}`);
    seen.add('id 0');
    for (let key = 64; key < 71; key += 1) seen.add(`id ${key}`);

    expect([seen.has('id 0'), seen.has('id 1'), seen.has('id 2')]).toStrictEqual([true, false, true]);
  });

  it.each([Infinity, 1_000])(
    'keeps no message that a text was cut from, with a window of %s ms',
    (windowMs) => {
      const seen = createSeenKeys({ windowMs });
      collectGarbage();
      const before = process.memoryUsage().heapUsed;
      for (let at = 0; at < 500; at += 1) {
        const message = Buffer.from(`${at}`.padStart(36, '0') + 'x'.repeat(50_000)).toString();
        seen.add(message.slice(0, 36));
      }
      collectGarbage();
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
      expect(seen.has('499'.padStart(36, '0'))).toBe(true);
    },
  );

  it('its statistics add up', () => {
    const adds = fc.array(fc.oneof(fc.nat(30), fc.nat(30).map(String)), { maxLength: 200 });
    fc.assert(
      fc.property(adds, fc.integer({ min: 1, max: 12 }), (keys, maxKeys) => {
        const seen = createSeenKeys({ maxKeys });
        for (const key of keys) seen.add(key);
        const { size, hits, misses, evictions } = seen.stats();

        expect(hits + misses).toBe(keys.length);
        expect(size).toBe(misses - evictions);
        expect(size).toBeLessThanOrEqual(3 * maxKeys);
      }),
    );
  });

  it('serves two streams at once: what one has seen is a duplicate in the other', () => {
    const memory = createSeenKeys();
    const seen: string[] = [];
    from([1, 2, 2])
      .pipe(dedupeBy((id) => id, { memory }))
      .subscribe((id) => seen.push(`A ${id}`));
    from([2, 3])
      .pipe(dedupeBy((id) => id, { memory }))
      .subscribe((id) => seen.push(`B ${id}`));

    expect(seen).toStrictEqual(['A 1', 'A 2', 'B 3']);
    expect(memory.stats()).toStrictEqual({ size: 3, hits: 2, misses: 3, evictions: 0 });
  });

  it.each([
    [{ maxKeys: 0 }, 'maxKeys must be a whole number from 1 to 16777216, got 0'],
    [{ maxKeys: 1.5 }, 'maxKeys must be a whole number from 1 to 16777216, got 1.5'],
    [{ maxKeys: 2 ** 24 + 1 }, 'maxKeys must be a whole number from 1 to 16777216, got 16777217'],
    [{ windowMs: 0 }, 'windowMs must be above 0, got 0'],
    [{ windowMs: NaN }, 'windowMs must be above 0, got NaN'],
  ])('refuses %p', (config, message) => {
    expect(() => createSeenKeys(config)).toThrow(new RangeError(`createSeenKeys: ${message}`));
  });

  it('refuses a key that is an object in the types', () => {
    // @ts-expect-error -- an object would be told apart by identity, which no copy keeps
    expect(createSeenKeys().add({})).toBe(true);
  });
});
