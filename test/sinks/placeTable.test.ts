import fc from 'fast-check';
import { PlaceTable } from '../../src/sinks/placeTable.js';

interface Inside {
  rows: Int32Array;
}

const WORDS_OF_A_ROW = 8;
const insideOf = (table: PlaceTable): Inside => table as unknown as Inside;

/** The rows that are taken, in the order of the table. */
const takenRows = (table: PlaceTable): number[] => {
  const { rows } = insideOf(table);
  return [...Array(rows.length / WORDS_OF_A_ROW).keys()].filter(
    (row) => rows[WORDS_OF_A_ROW * row + 7] !== 0,
  );
};

const ROWS = 1_024;
const withRows = (): PlaceTable => {
  const table = new PlaceTable();
  insideOf(table).rows = new Int32Array(ROWS * WORDS_OF_A_ROW);
  return table;
};
/** Names that are looked for in the last rows of a table, or of one half as large, and so on, and go on at its beginning. */
const colliding = ((): string[] => {
  const table = withRows();
  const found: string[] = [];
  for (let number = 0; found.length < 200; number += 1) {
    const name = `n${number}`;
    table.set(name, 0);
    const at = insideOf(table).rows.indexOf(1, (ROWS - 4) * WORDS_OF_A_ROW);
    if (at >= 0) found.push(name);
    table.delete(name);
  }
  return found;
})();

/** Names a letter apart, of each length around that of a word and of a row, and some whose letters no row can hold. */
const names = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 5 }),
  fc
    .tuple(fc.integer({ min: 0, max: 26 }), fc.constantFrom('a', 'b'))
    .map(([length, last]) => 'a'.repeat(length) + last),
  fc.string({ unit: fc.constantFrom('a', '\0', '\x01', '\xff', 'š', '😀'), maxLength: 5 }),
  fc.constantFrom('bš', 'ca', 'a', '\0a'), // alike, to who takes eight bits of each letter
  fc.nat(99).map((number) => `trade.${number}`),
  fc.constantFrom(...colliding),
);

/** Names come and go, in a table as in a Map. */
const expectAMap = (
  table: PlaceTable,
  steps: readonly (readonly ['set' | 'delete', string, number])[],
): void => {
  const map = new Map<string, number>();
  for (const [kind, name, place] of steps) {
    table[kind](name, place);
    map[kind](name, place);
    if (table.get(name) !== map.get(name)) throw new Error(`after ${kind} of ${name}`);
  }
  for (const [, name] of steps) expect(table.get(name)).toBe(map.get(name));
};
const stepOf = (name: fc.Arbitrary<string>): fc.Arbitrary<['set' | 'delete', string, number]> =>
  fc.tuple(fc.constantFrom('set', 'set', 'delete'), name, fc.nat(1_000));

describe('PlaceTable', () => {
  it('holds what a Map holds, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(stepOf(names), { maxLength: 300 }), (steps) =>
        expectAMap(new PlaceTable(), steps),
      ),
    );
  });

  it('finds each of many names, and none of those that have gone', () => {
    const table = new PlaceTable();
    const all = Array.from({ length: 5_000 }, (_, index) => `stream.${index * 8}`);
    for (const [place, name] of all.entries()) table.set(name, place);
    expect(all.map((name) => table.get(name))).toStrictEqual([...all.keys()]);
    for (const name of all.slice(0, 4_900)) table.delete(name);
    expect(all.map((name) => table.get(name))).toStrictEqual([
      ...Array.from({ length: 4_900 }, () => undefined),
      ...Array.from({ length: 100 }, (_, index) => 4_900 + index),
    ]);
  });

  it('keeps apart what is no string, as a user of JavaScript may bring it', () => {
    const table = new PlaceTable();
    const keys = ['', 1, 2, null, 'null', {}] as string[];
    for (const [place, key] of keys.entries()) table.set(key, place);
    expect(keys.map((key) => table.get(key))).toStrictEqual([0, 1, 2, 3, 4, 5]);
    for (const key of keys) table.delete(key);
    expect(keys.map((key) => table.get(key))).toStrictEqual(keys.map(() => undefined));
  });

  it.each([0, 1, 2, 3])('keeps names apart that differ in letter %i of their last four', (place) => {
    const table = new PlaceTable();
    for (let letter = 0; letter < 26; letter += 1) {
      const [before, after] = ['USDT'.slice(0, place), 'USDT'.slice(place + 1)];
      table.set(`${before}${String.fromCharCode(65 + letter)}${after}`, letter);
    }
    const taken = new Set(takenRows(table));
    const runs = [...taken].map((first) => {
      let next = first;
      while (taken.has(next)) next += 1;
      return next - first;
    });
    expect(Math.max(...runs)).toBeLessThan(13);
  });

  it('looks at 64 rows at most, whoever chose the names, and finds them all', () => {
    const table = withRows();
    for (const [place, name] of colliding.entries()) table.set(name, place);
    const taken = takenRows(table);
    expect(taken.filter((row) => row < ROWS - 4)).toStrictEqual([...Array(63).keys()]);
    expect(taken.filter((row) => row >= ROWS - 4)).toHaveLength(4);
    expect(colliding.map((name) => table.get(name))).toStrictEqual([...colliding.keys()]);
    const others = Array.from({ length: 1_000 }, (_, index) => `other ${index}`);
    for (const [place, name] of others.entries()) table.set(name, place); // it grows
    expect(insideOf(table).rows.length).toBeGreaterThan(ROWS * WORDS_OF_A_ROW);
    expect(colliding.map((name) => table.get(name))).toStrictEqual([...colliding.keys()]);
    for (const name of colliding) table.delete(name);
    expect(colliding.map((name) => table.get(name))).toStrictEqual(colliding.map(() => undefined));
    expect(others.map((name) => table.get(name))).toStrictEqual([...others.keys()]);
    for (const name of others) table.delete(name);
    expect(takenRows(table)).toStrictEqual([]);
  });

  it('holds what a Map holds, though its names collide', () => {
    const name = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...colliding) },
      { weight: 1, arbitrary: fc.nat(2_000).map((number) => `other ${number}`) },
    );
    const steps = fc.array(stepOf(name), { minLength: 200, maxLength: 600, size: 'max' });
    fc.assert(
      fc.property(steps, fc.boolean(), (steps, isLarge) => {
        expectAMap(isLarge ? withRows() : new PlaceTable(), steps);
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });

  it('does not grow while as many names go as come, or the same comes again', () => {
    const table = new PlaceTable();
    const words = (): number => insideOf(table).rows.length;
    table.set('name', 0);
    const before = words();
    for (let index = 0; index < 1_000; index += 1) {
      table.set('name', 0);
      table.set(`name ${index}`, index);
      table.delete(`name ${index}`);
    }
    expect([words(), table.get('name')]).toStrictEqual([before, 0]);
  });
});
