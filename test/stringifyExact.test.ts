import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { parseExact } from '../src/exactJson.js';
import { asWritten } from '../src/exactNumber.js';
import { stringifyExact } from '../src/stringifyExact.js';
import { jsonText } from './jsonTexts.js';

const parse = (text: string): unknown => parseExact(text, asWritten);
const numbersOf = (text: string): string[] =>
  [...text.matchAll(/"(?:[^"\\]|\\.)*"|(-?\d[-+.\deE]*)/g)].flatMap(([, number]) => number ?? []);

describe('stringifyExact', () => {
  it('writes back what was read, digit by digit', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const once = stringifyExact(parse(text))!;
        deepStrictEqual(JSON.parse(once), JSON.parse(text));
        expect(stringifyExact(parse(once))).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps every number of a list as it stands', () => {
    fc.assert(
      fc.property(fc.array(jsonText), (texts) => {
        // Objects may drop names that come twice; in lists everything stays.
        const list = `[${texts.filter((text) => !text.includes('{')).join(',')}]`;
        expect(numbersOf(stringifyExact(parse(list))!)).toStrictEqual(numbersOf(list));
      }),
      { numRuns: 1_000 },
    );
  });

  it('writes a bigint as a number also where a program gave bigints a toJSON', () => {
    const prototype = BigInt.prototype as { toJSON?: (this: bigint) => string };
    prototype.toJSON = function () {
      return String(this);
    };
    try {
      expect(stringifyExact({ id: 2n ** 60n })).toBe('{"id":1152921504606846976}');
    } finally {
      delete prototype.toJSON;
    }
  });

  it('writes what holds no exact number as JSON.stringify does', () => {
    fc.assert(
      fc.property(fc.anything({ withDate: true, withMap: true, withObjectString: true }), (value) => {
        expect(stringifyExact(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it('writes a bigint as the integer it is', () => {
    expect(stringifyExact({ id: 2n ** 63n, list: [-1n] })).toBe('{"id":9223372036854775808,"list":[-1]}');
  });

  it.each(['#', '#0', '##0', '##', '"#0"', '####0', '#0##1###2'])(
    'is not fooled by %j in a text or a name',
    (text) => {
      const value = { [text]: [text, 0n, asWritten('1.0'), text], last: asWritten('-0') };

      expect(stringifyExact(value)).toBe(
        `{${JSON.stringify(text)}:[${JSON.stringify(text)},0,1.0,${JSON.stringify(text)}],"last":-0}`,
      );
    },
  );

  it('writes what a toJSON gives', () => {
    expect(stringifyExact({ price: { toJSON: () => asWritten('1.50') } })).toBe('{"price":1.50}');
  });

  it('has no words for a function', () => {
    expect(stringifyExact(() => 1)).toBeUndefined();
  });
});
