import * as v from 'valibot';
import { digits, exactNumber } from '../src/exactNumber.js';

describe('exactNumber', () => {
  const price = exactNumber('0.00100000');

  it('is its text where a text is asked for, and the nearest number where a number is', () => {
    expect([price.text, String(price), JSON.stringify([price])]).toStrictEqual([
      '0.00100000',
      '0.00100000',
      '["0.00100000"]',
    ]);
    expect([Number(price), price > exactNumber('0.0009'), Math.max(Number(price), 0)]).toStrictEqual([
      0.001,
      true,
      0.001,
    ]);
  });

  it.each(['', ' 1', '01', '1.', '.5', '+1', '0x10', 'NaN', '1,2', '1}', '1e'])('refuses %j', (text) => {
    expect(() => exactNumber(text)).toThrow(
      new TypeError(`exactNumber: text must be a JSON number, got ${JSON.stringify(text)}`),
    );
  });
});

describe('digits', () => {
  it.each([
    [exactNumber('0.10'), '0.10'],
    [7, '7'],
    [2n ** 64n, '18446744073709551616'],
  ])('takes a number of any kind for its text', (input, text) => {
    expect(v.parse(digits(), input)).toBe(text);
  });

  it.each(['1', null, undefined, {}, { text: '1' }, [1]])('refuses %j', (input) => {
    expect(v.safeParse(digits(), input).issues?.[0].message).toBe('Invalid type: Expected a number');
  });

  it('is typed as text', () => {
    const text: string = v.parse(digits(), 1);
    // @ts-expect-error a text is no number
    const number: number = v.parse(digits(), 1);

    expect([text, number]).toStrictEqual(['1', '1']);
  });
});
