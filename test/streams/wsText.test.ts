import fc from 'fast-check';
import { utf8Text } from '../../src/streams/wsText.js';

/** The platform's own, which throws. */
const strict = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

/** Texts with a few bytes put in the place of theirs: nearly UTF-8. */
const spoiled = fc
  .tuple(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.array(fc.tuple(fc.nat(80), fc.integer({ min: 0x7f, max: 0xff })), { maxLength: 2 }),
  )
  .map(([text, bytes]) => {
    const all = Buffer.from(text);
    for (const [at, byte] of bytes) if (at < all.length) all[at] = byte;
    return all;
  });

describe('utf8Text', () => {
  it('gives what a strict decoder does, and nothing where that throws', () => {
    let broken = 0;
    fc.assert(
      fc.property(fc.oneof(spoiled, fc.uint8Array({ maxLength: 12 })), (bytes) => {
        const expected = strict(bytes);
        broken += expected === undefined ? 1 : 0;
        expect(utf8Text(Buffer.from(bytes))).toBe(expected);
      }),
      { numRuns: 5_000 },
    );

    expect(broken).toBeGreaterThan(500); // both kinds were there
  });

  it.each([
    ['a replacement character that was sent', [0xef, 0xbf, 0xbd], '\uFFFD'],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x61], '\uFEFFa'],
    ['nothing', [], ''],
    ['half a surrogate pair', [0xed, 0xa0, 0x80], undefined],
    ['a slash in two bytes', [0xc0, 0xaf], undefined],
    ['a letter that is cut off behind one of those', [0xef, 0xbf, 0xbd, 0xe2, 0x82], undefined],
    ['a plane that there is not', [0xf4, 0x90, 0x80, 0x80], undefined],
  ])('knows %s', (_title, bytes, text) => {
    expect(utf8Text(Buffer.from(bytes))).toBe(text);
  });
});
