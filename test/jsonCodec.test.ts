import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import * as v from 'valibot';
import { digits, exactNumber } from '../src/exactNumber.js';
import { exactJsonCodec, InvalidUtf8Error, jsonCodec } from '../src/jsonCodec.js';
import { jsonText } from './jsonTexts.js';

describe.each([
  ['jsonCodec', jsonCodec],
  ['exactJsonCodec', exactJsonCodec()],
])('%s', (name, codec) => {
  it('decodes text and bytes alike', () => {
    const text = '{"a":[1,"ü"]}';

    expect([codec.decode(text), codec.decode(Buffer.from(text))]).toStrictEqual([
      { a: [1, 'ü'] },
      { a: [1, 'ü'] },
    ]);
  });

  it('gives back what it encoded', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const sent = codec.encode(value);
        expect(jsonCodec.decode(sent)).toStrictEqual(JSON.parse(JSON.stringify(value)));
        expect(codec.encode(codec.decode(sent))).toBe(sent);
      }),
    );
  });

  it('throws on what is no JSON', () => {
    expect(() => codec.decode('{')).toThrow(SyntaxError);
  });

  it.each([
    ['a byte of Latin-1', [0xfc]],
    ['a character cut off', [0xe2, 0x82]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
  ])('throws on bytes that are no UTF-8: %s', (_what, bytes) => {
    const frame = Buffer.concat([Buffer.from('"'), Buffer.from(bytes), Buffer.from('"')]);
    const act = (): unknown => codec.decode(frame);

    expect(act).toThrow(InvalidUtf8Error);
    expect(act).toThrow(`a binary frame of ${frame.length} bytes is no UTF-8`);
    expect(codec.decode(Buffer.from('"\uFFFD ü"'))).toBe('\uFFFD ü');
  });

  it.each([undefined, () => 1])('throws on what has none: %p', (message) => {
    expect(() => codec.encode(message)).toThrow(
      new TypeError(`${name}: a message must have JSON, got ${typeof message}`),
    );
  });
});

describe('jsonCodec', () => {
  it('is plain JSON.parse', () => {
    fc.assert(fc.property(jsonText, (text) => deepStrictEqual(jsonCodec.decode(text), JSON.parse(text))));
  });
});

describe('exactJsonCodec', () => {
  // The shape of a level in Kraken's book, whose checksum is made of the digits.
  const text =
    '{"id":9007199254740993,"asks":[{"price":45285.20,"qty":0.00100000},{"price":45286,"qty":1e-8}]}';

  it('keeps the digits that a schema asks for, and writes them back', () => {
    const Book = v.object({
      id: digits(),
      asks: v.array(v.object({ price: digits(), qty: digits() })),
    });
    const codec = exactJsonCodec();

    expect(v.parse(Book, codec.decode(text))).toStrictEqual({
      id: '9007199254740993',
      asks: [
        { price: '45285.20', qty: '0.00100000' },
        { price: '45286', qty: '1e-8' },
      ],
    });
    expect(codec.encode(codec.decode(text))).toBe(text);
    expect(codec.encode({ price: exactNumber('1.10'), id: 2n ** 60n })).toBe(
      '{"price":1.10,"id":1152921504606846976}',
    );
  });

  it('asks the hook for every number that is no safe integer', () => {
    const asked: string[] = [];
    const codec = exactJsonCodec({ number: (digit) => asked.push(digit) });

    expect(codec.decode('[1,1.0,"2.0",12345678901234567890]')).toStrictEqual([1, 1, '2.0', 2]);
    expect(asked).toStrictEqual(['1.0', '12345678901234567890']);
  });

  it('refuses a hook that is none', () => {
    expect(() => exactJsonCodec({ number: 'exact' as never })).toThrow(
      new TypeError('exactJsonCodec: number must be a function, got string'),
    );
  });
});
