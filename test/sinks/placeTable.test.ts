import fc from 'fast-check';
import { PlaceTable } from '../../src/sinks/placeTable.js';

/** Names a letter apart, of each length around that of a word and of a row, and some whose letters no row can hold. */
const names = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 5 }),
  fc
    .tuple(fc.integer({ min: 0, max: 26 }), fc.constantFrom('a', 'b'))
    .map(([length, last]) => 'a'.repeat(length) + last),
  fc.string({ unit: fc.constantFrom('a', '\0', '\x01', '\xff', 'š', '😀'), maxLength: 5 }),
  fc.constantFrom('bš', 'ca', 'a', '\0a'), // alike, to who takes eight bits of each letter
  fc.nat(99).map((number) => `trade.${number}`),
);

describe('PlaceTable', () => {
  it('holds what a Map holds, whatever comes and goes', () => {
    const step = fc.tuple(fc.constantFrom('set', 'set', 'delete'), names, fc.nat(1_000));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const table = new PlaceTable();
        const map = new Map<string, number>();
        for (const [kind, name, place] of steps) {
          if (kind === 'set') {
            table.set(name, place);
            map.set(name, place);
          } else {
            table.delete(name);
            map.delete(name);
          }
          expect(table.get(name)).toBe(map.get(name));
        }
        for (const [, name] of steps) expect(table.get(name)).toBe(map.get(name));
      }),
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
    const { rows } = table as unknown as { readonly rows: Int32Array };
    const taken = Array.from({ length: rows.length / 8 }, (_, row) => (rows[8 * row + 7] === 0 ? ' ' : '#'));
    expect(
      Math.max(
        ...taken
          .join('')
          .split(' ')
          .map(({ length }) => length),
      ),
    ).toBeLessThan(13);
  });

  it('does not grow while as many names go as come, or the same comes again', () => {
    const table = new PlaceTable();
    const words = (): number => (table as unknown as { readonly rows: Int32Array }).rows.length;
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
