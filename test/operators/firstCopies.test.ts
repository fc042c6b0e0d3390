import { firstByKey, firstByNumber } from '../../src/operators/firstCopies.js';

describe('firstByKey', () => {
  it('knows a value again by its key, and how many it forgot', () => {
    const copies = firstByKey((value: string) => value, 1);
    const replays = ['a', 'a', 'b', 'a'].map((value) => copies.see(value).replay);

    expect(replays).toStrictEqual(['new', 'seen', 'new', 'new']);
    expect(copies.forgotten).toBe(2);
  });
});

describe('firstByNumber', () => {
  const seen = (values: readonly (readonly [scope: unknown, number: number])[], forget?: unknown[]) => {
    const copies = firstByNumber<readonly [unknown, number]>(
      ([, number]) => number,
      ([scope]) => scope,
      32,
    );
    return values.map((value, index) => {
      if (index === values.length - 1) forget?.forEach((scope) => copies.forget(scope));
      return copies.see(value).replay;
    });
  };

  it('knows a value again by its number, in its scope', () => {
    expect(
      seen([
        ['A', 1],
        ['B', 1],
        ['A', 1],
        ['A', 40],
        ['A', 2],
      ]),
    ).toStrictEqual(['new', 'new', 'seen', 'new', 'tooOld']);
  });

  it('takes null and undefined for one scope, which can be forgotten by either name', () => {
    const values = [
      [null, 1],
      [undefined, 1],
      [null, 1],
    ] as const;

    expect(seen(values)).toStrictEqual(['new', 'seen', 'seen']);
    expect(seen(values, [undefined])).toStrictEqual(['new', 'seen', 'new']);
    expect(seen(values, [null])).toStrictEqual(['new', 'seen', 'new']);
  });

  it('keeps the copies of each scope apart', () => {
    const copies = firstByNumber<string>(Number, (value) => value.length, 32);
    const [one, ten, again] = ['1', '10', '1'].map((value) => copies.see(value));

    expect(one!.among).not.toBe(ten!.among);
    expect(again!.among).toBe(one!.among);
  });

  it.each([NaN, 1.5, 2 ** 53])('refuses %d for a number', (number) => {
    expect(() => seen([['A', number]])).toThrow(
      new RangeError(`arbitrate: sequence.of must give a safe integer, got ${number}`),
    );
  });
});
