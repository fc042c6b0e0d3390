import fc from 'fast-check';

const digitsText = fc.stringMatching(/^[0-9]{1,20}$/);
const whole = fc.oneof(
  fc.constantFrom('0', '9007199254740991', '9007199254740992'),
  fc.stringMatching(/^[1-9][0-9]{0,20}$/),
);

/** A number as JSON can write it, more digits than a double holds included. */
const numberText = fc
  .tuple(
    fc.constantFrom('', '', '-'),
    whole,
    fc.option(digitsText, { nil: undefined }),
    fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'E-'), fc.stringMatching(/^[0-9]{1,3}$/)), {
      nil: undefined,
      freq: 4,
    }),
  )
  .map(([sign, int, fraction, exponent]) =>
    [sign, int, fraction === undefined ? '' : `.${fraction}`, ...(exponent ?? [])].join(''),
  );

/** Strings with what might fool a scanner: brackets, numbers, quotes, backslashes, and escapes that need not be. */
const stringText = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
  fc
    .array(fc.constantFrom('\\"', '\\\\', '\\u0041', '\\/', '#', ',', ':', '{', ']', '-0.10', 'e'), {
      maxLength: 6,
    })
    .map((parts) => `"${parts.join('')}"`),
);
const keyText = fc.oneof(fc.constantFrom('"__proto__"', '"a"', '"1"', '"constructor"'), stringText);
const space = fc.constantFrom('', '', '', ' ', '\n', '\t', ' \r\n ');
const spaced = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(space, text, space).map((parts) => parts.join(''));

/** Any text that is JSON, however oddly it is written: names that come twice, or `__proto__`, spaces, superfluous digits. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: spaced(
    fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('true', 'false', 'null'),
      numberText,
      stringText,
      fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
      fc
        .array(fc.tuple(spaced(keyText), tie('value')), { maxLength: 4 })
        .map((entries) => `{${entries.map(([key, value]) => `${key}:${value}`).join(',')}}`),
    ),
  ),
})).value;

/** Almost JSON: a character of it was left out, put in or changed. Now and then it is JSON again. */
export const brokenJsonText: fc.Arbitrary<string> = fc
  .tuple(
    jsonText,
    fc.nat(),
    fc.constantFrom('', '"', '0', '.', '-', 'e', ',', ':', '[', '}', '\\', ' ', '\u0000', '+1', 'ť'),
    fc.boolean(),
  )
  .map(([text, at, put, isChange]) => {
    const index = at % (text.length + 1);
    return text.slice(0, index) + put + text.slice(index + (isChange ? 1 : 0));
  });
