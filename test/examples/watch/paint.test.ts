import fc from 'fast-check';
import { stripVTControlCharacters } from 'node:util';
import { fit, type Line, paint, printable, type Tone, wrap } from '../../../examples/watch/paint.js';

const tone = fc.constantFrom<Tone>('plain', 'dim', 'strong', 'good', 'warn', 'bad');
const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const line: fc.Arbitrary<Line> = fc.array(fc.oneof(text, fc.tuple(text, tone)), { maxLength: 6 });

describe('paint', () => {
  it('leaves a line that fits as it is', () => {
    expect(paint(['state ', ['OPEN', 'good']], { width: 10, colour: false })).toBe('state OPEN');
  });

  it('gives a tone its colour and ends it', () => {
    expect(paint(['state ', ['OPEN', 'good']], { width: 80, colour: true })).toBe(
      'state \u001B[32mOPEN\u001B[0m',
    );
  });

  it('cuts a longer line and says so', () => {
    expect(paint(['state ', ['OPEN', 'good']], { width: 9, colour: false })).toBe('state OP…');
    expect(paint(['state ', 'OPEN'], { width: 0, colour: false })).toBe('');
  });

  it('counts wide characters as two cells and combining marks as none', () => {
    expect(paint(['日本語'], { width: 6, colour: false })).toBe('日本語');
    expect(paint(['日本語'], { width: 5, colour: false })).toBe('日本…');
    expect(paint(['e\u0301e\u0301'], { width: 2, colour: false })).toBe('e\u0301e\u0301');
  });

  it('lets nothing through that moves the cursor', () => {
    expect(paint(['a\u001B[2Jb\r\nc\u0007\u202Ed'], { width: 80, colour: false })).toBe('a·[2Jb··c··d');
  });

  it('looks the same with and without colour, whatever the text', () => {
    fc.assert(
      fc.property(line, fc.integer({ min: 0, max: 120 }), (pieces, width) => {
        const plain = paint(pieces, { width, colour: false });
        expect(stripVTControlCharacters(paint(pieces, { width, colour: true }))).toBe(plain);
        expect(printable(plain)).toBe(plain);
      }),
    );
  });
});

describe('fit', () => {
  it.each([
    ['left', 'ab', 'ab   '],
    ['right', 'ab', '   ab'],
    ['left', 'abcdefg', 'abcd…'],
    ['right', '日本語', '日本…'],
  ] as const)('aligns to the %s: %s', (align, given, expected) => {
    expect(fit(given, 5, align)).toBe(expected);
  });

  it('fills exactly the width, for any ASCII text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), fc.integer({ min: 0, max: 40 }), (given, width) => {
        expect(fit(given, width, 'right')).toHaveLength(width);
      }),
    );
  });
});

describe('wrap', () => {
  it('breaks at spaces', () => {
    expect(wrap('received 12 = delivered 10 + control 2', 20)).toStrictEqual([
      'received 12 =',
      'delivered 10 +',
      'control 2',
    ]);
  });

  it('keeps every word and breaks only where it must', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,10}$/), { minLength: 1 });
    fc.assert(
      fc.property(words, fc.integer({ min: 10, max: 60 }), (given, width) => {
        const lines = wrap(given.join(' '), width);
        expect(lines.join(' ')).toBe(given.join(' '));
        for (const each of lines) expect(each.length).toBeLessThanOrEqual(width);
      }),
    );
  });
});
