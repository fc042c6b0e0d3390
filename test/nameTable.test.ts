import fc from 'fast-check';
import { createNameTable } from '../src/nameTable.js';

const tableOf = (names: readonly string[]): [ReadonlyMap<string, number>, (name: string) => unknown] => {
  const values = new Map(names.map((name, index) => [name, index]));
  return [values, createNameTable(values)];
};

describe('createNameTable', () => {
  afterEach(() => jest.restoreAllMocks());

  it('finds what a Map finds', () => {
    const name = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary', maxLength: 3 }),
      fc.constantFrom('', 'a', 'ab', 'ba', 'trade.BTC-USD', 'trade.ETH-USD', '__proto__', 'x'.repeat(100)),
      fc.nat(20).map((digit) => `${'same '.repeat(20)}${digit}`),
    );
    fc.assert(
      fc.property(fc.array(name, { maxLength: 40 }), fc.array(name), (names, others) => {
        const [values, find] = tableOf(names);
        for (const each of [...names, ...others]) expect(find(each)).toBe(values.get(each));
      }),
    );
  });

  it('hashes no name of a market, and leaves names that differ in no letter it looks at to the Map', () => {
    const pairs = 'BTC ETH SOL XRP ADA DOT LTC BCH TRX UNI XLM FIL APT ARB ICP NEO EOS XTZ ZEC KSM'.split(
      ' ',
    );
    const [markets, findMarket] = tableOf(pairs.map((symbol) => `trade.${symbol}-USD`));
    const [alike, findAlike] = tableOf(pairs.map((symbol) => `${'trade of '.repeat(10)}${symbol}`));
    const get = jest.spyOn(Map.prototype, 'get');
    const found = [...markets.keys()].map((name) => findMarket(name));
    expect(get).not.toHaveBeenCalled();
    found.push(...[...alike.keys()].map((name) => findAlike(name)));
    expect(get).toHaveBeenCalledTimes(20);
    get.mockRestore();

    expect(found).toStrictEqual([...pairs.keys(), ...pairs.keys()]);
  });

  it('leaves more than 200 names to the Map, as it would look for the letters too long', () => {
    const [names, find] = tableOf(
      Array.from({ length: 201 }, (_, index) => String.fromCharCode(97 + (index >> 4), 97 + (index & 15))),
    );
    const get = jest.spyOn(Map.prototype, 'get');
    const found = [...names.keys()].map((name) => find(name));
    expect(get).toHaveBeenCalledTimes(201);
    get.mockRestore();

    expect(found).toStrictEqual([...names.values()]);
  });
});
