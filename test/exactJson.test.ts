import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { parseExact } from '../src/exactJson.js';
import { brokenJsonText, jsonText } from './jsonTexts.js';

// Jest's own equality is led astray by values that have a `constructor` or `__proto__` of their own.
const outcome = (parse: () => unknown): unknown => {
  try {
    return { value: parse() };
  } catch (error) {
    return String(error);
  }
};
const marked = (text: string): string => `<${text}>`;

describe('parseExact', () => {
  it('yields what JSON.parse does, but for the numbers', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        deepStrictEqual(parseExact(text, Number), JSON.parse(text));
        // With a fraction in it, it is never the answer of JSON.parse itself.
        deepStrictEqual(parseExact(`[0.5,${text}]`, Number), JSON.parse(`[0.5,${text}]`));
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps the order of names', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const whole = `[0.5,${text}]`;
        expect(JSON.stringify(parseExact(whole, Number))).toBe(JSON.stringify(JSON.parse(whole)));
      }),
    );
  });

  it('refuses what JSON.parse refuses, in the same words', () => {
    fc.assert(
      fc.property(brokenJsonText, (text) => {
        const whole = `[0.5,${text}`;
        deepStrictEqual(
          outcome(() => parseExact(text, Number)),
          outcome(() => JSON.parse(text)),
        );
        deepStrictEqual(
          outcome(() => parseExact(whole, Number)),
          outcome(() => JSON.parse(whole)),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['0.00100000', marked('0.00100000')],
    ['-1.0', marked('-1.0')],
    ['1e5', marked('1e5')],
    ['1E-400', marked('1E-400')],
    ['-0', marked('-0')],
    ['0', 0],
    ['-7', -7],
    ['9007199254740991', 9_007_199_254_740_991],
    ['-9007199254740991', -9_007_199_254_740_991],
    ['9007199254740992', marked('9007199254740992')],
    ['9007199254740993', marked('9007199254740993')],
    ['-9007199254740992', marked('-9007199254740992')],
  ])('reads %s, alone and in any place', (text, expected) => {
    expect(parseExact(text, marked)).toBe(expected);
    expect(parseExact(` ${text} `, marked)).toBe(expected);
    expect(parseExact(`{"a":[${text},\n${text}],"b":${text}}`, marked)).toStrictEqual({
      a: [expected, expected],
      b: expected,
    });
  });

  it('leaves strings that look like numbers alone', () => {
    expect(parseExact('["0.10",":0.10,",0.10,"[-0,"]', marked)).toStrictEqual([
      '0.10',
      ':0.10,',
      '<0.10>',
      '[-0,',
    ]);
  });

  it('takes __proto__ for a name like any other', () => {
    const value = parseExact('{"__proto__":{"admin":0.5}}', Number) as Record<string, unknown>;

    expect(Object.keys(value)).toStrictEqual(['__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value.admin).toBeUndefined();
  });

  it('survives any depth that JSON.parse survives', () => {
    const depth = 200_000;
    let value = parseExact(`${'['.repeat(depth)}0.50${']'.repeat(depth)}`, marked);
    let seen = 0;
    for (; Array.isArray(value); seen += 1) [value] = value as unknown[];

    expect([seen, value]).toStrictEqual([depth, '<0.50>']);
  });

  it('throws what the hook throws', () => {
    expect(() =>
      parseExact('0.5', () => {
        throw new Error('bad number');
      }),
    ).toThrow('bad number');
  });
});
