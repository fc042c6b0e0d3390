import fc from 'fast-check';
import * as v from 'valibot';
import { compileReader, surprise } from '../../src/operators/compileReader.js';

/** What `JSON.parse` and the schema make of a text; `surprise` also stands for whatever either refuses. */
export function parsed(schema: v.GenericSchema, text: string): unknown {
  try {
    const result = v.safeParse(schema, JSON.parse(text));
    return result.success ? result.output : surprise;
  } catch {
    return surprise;
  }
}

/** The same value by everything that can be told of one: class, keys in order, holes, -0. */
export function isSame(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || one === null || typeof other !== 'object' || other === null)
    return Object.is(one, other);
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  const ours = Object.entries(one);
  const theirs = Object.entries(other);
  return (
    ours.length === theirs.length &&
    ours.every(([key, value], index) => key === theirs[index]?.[0] && isSame(value, theirs[index][1]))
  );
}

/** What a reader does with a text: nothing, the right thing, or never: the wrong one. */
export function verdict(
  read: (text: string) => unknown,
  schema: v.GenericSchema,
  text: string,
): 'surprise' | 'read' {
  const value = read(text);
  if (value === surprise) return 'surprise';
  const expected = parsed(schema, text);
  if (isSame(value, expected)) return 'read';
  throw new Error(
    `${JSON.stringify(text)} was read as ${JSON.stringify(value)}, and is ${expected === surprise ? 'refused' : JSON.stringify(expected)}`,
  );
}

/** Each kind of schema that a reader knows, with texts of values that fit, as a program would write them. */
interface Sample {
  readonly schema: v.GenericSchema;
  readonly text: fc.Arbitrary<string>;
  /** Whether all these texts are sure to be read. */
  readonly isRead: boolean;
}

const json = (value: unknown): string => JSON.stringify(value);
const whole = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.nat(9),
  fc.constantFrom(0, 1e9 - 1, 1e9, 1e15 - 1, 1e15, 2 ** 53, 2 ** 31, 2 ** 32, -1),
);
const numberText = fc.oneof(
  { weight: 3, arbitrary: whole.map(json) },
  { weight: 2, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map(json) },
  fc.constantFrom('-0', '0.0', '1e3', '1E400', '-1.50', '12345678901234567890', '0.1', '1e-7', '5e-324'),
);
const plainCharacter = fc
  .oneof(
    fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom(',', ':', '{', '}', '[', ']', ' ', '\u2028', '\ud800', '\udc00', '\u007f', 'é', '🚀'),
  )
  .filter((one) => !/["\\\u0000-\u001f]/u.test(one));
const plainText = fc.array(plainCharacter, { maxLength: 24 }).map((characters) => `"${characters.join('')}"`);

const leaf: fc.Arbitrary<Sample> = fc.oneof(
  fc.constant({ schema: v.string(), text: plainText, isRead: true }),
  fc.constant({ schema: v.number(), text: numberText, isRead: true }),
  fc.constant({ schema: v.boolean(), text: fc.constantFrom('true', 'false'), isRead: true }),
  fc.constant({ schema: v.null(), text: fc.constant('null'), isRead: true }),
  fc
    .uniqueArray(fc.constantFrom('B', 'S', 'BS', '', 'B.', 'a|b', '(', 'é', '"', '\n'), {
      minLength: 1,
      maxLength: 4,
    })
    .map((options) => ({
      schema: v.picklist(options),
      text: fc.constantFrom(...options).map(json),
      isRead: options.every((option) => !/["\n]/u.test(option)),
    })),
  fc.constantFrom('x', '$^', 'a"b', 0, -1, 1.5, 1e21, -0, true, false).map((constant) => ({
    schema: v.literal(constant),
    text: fc.constant(json(constant)),
    isRead: true,
  })),
  fc.constant({ schema: v.enum({ Up: 'U', Down: 'D' }), text: fc.constantFrom('"U"', '"D"'), isRead: true }),
);

const key = fc.oneof(
  fc.constantFrom('a', 'id', 'a.b', '$', 'x y', 'ключ', '1', '0', 'toString', 'constructor', '\u2028', '\n'),
  fc.string({ maxLength: 4 }).filter((name) => name !== '__proto__'),
);

/** How an entry's schema is wrapped, and whether it may then be missing or null. */
type Presence = 'required' | 'optional' | 'exactOptional' | 'nullish';
const presence = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Presence>('required') },
  fc.constantFrom<Presence>('optional', 'exactOptional', 'nullish'),
);

const wrap = (presence: Presence, schema: v.GenericSchema): v.GenericSchema => {
  switch (presence) {
    case 'required':
      return schema;
    case 'optional':
      return v.optional(schema);
    case 'exactOptional':
      return v.exactOptional(schema);
    case 'nullish':
      return v.nullish(schema);
  }
};

type MakeObject = (entries: Record<string, v.GenericSchema>) => v.GenericSchema;
type MakeTuple = (items: v.GenericSchema[]) => v.GenericSchema;

const objectOf = (value: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> =>
  fc
    .tuple(
      fc.uniqueArray(fc.tuple(key, presence, value), {
        maxLength: 6,
        selector: ([name]) => name,
      }),
      fc.constantFrom<MakeObject>(v.object, v.strictObject, v.looseObject),
    )
    .map(([fields, make]) => {
      const entries: Record<string, v.GenericSchema> = Object.fromEntries(
        fields.map(([name, presence, { schema }]) => [name, wrap(presence, schema)]),
      );
      const byName = new Map(fields.map((field) => [field[0], field]));
      const texts = Object.keys(entries).map((name) => {
        const [, presence, { text }] = byName.get(name) as (typeof fields)[number];
        const full = text.map((one) => `${json(name)}:${one}`);
        if (presence === 'required') return full;
        const absent = name in {} ? full : fc.constant('');
        return presence === 'nullish'
          ? fc.oneof(full, absent, fc.constant(`${json(name)}:null`))
          : fc.oneof(full, absent);
      });
      return {
        schema: make(entries),
        text: fc.tuple(...texts).map((parts) => `{${parts.filter((part) => part !== '').join(',')}}`),
        isRead: fields.every(
          ([name, presence, { isRead }]) => isRead && (presence === 'required' || !(name in {})),
        ),
      };
    });

const tupleOf = (value: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> =>
  fc
    .tuple(
      fc.array(value, { maxLength: 4 }),
      fc.constantFrom<MakeTuple>(v.tuple, v.strictTuple, v.looseTuple),
    )
    .map(([items, make]) => ({
      schema: make(items.map((item) => item.schema)),
      text: fc.tuple(...items.map((item) => item.text)).map((texts) => `[${texts.join(',')}]`),
      isRead: items.every((item) => item.isRead),
    }));

const arrayOf = (value: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> =>
  value.map(({ schema, text, isRead }) => ({
    schema: v.array(schema),
    text: fc
      .oneof(fc.array(text, { maxLength: 3 }), fc.array(text, { minLength: 6, maxLength: 18 }))
      .map((texts) => `[${texts.join(',')}]`),
    isRead,
  }));

const nullableOf = (value: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> =>
  value.map(({ schema, text, isRead }) => ({
    schema: v.nullable(schema),
    text: fc.oneof(text, fc.constant('null')),
    isRead,
  }));

/** Schemas with texts that fit; one in some has arrays where a reader cannot have them. */
export const sample: fc.Arbitrary<Sample> = fc.letrec<{ value: Sample; message: Sample }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 6, arbitrary: leaf },
    { weight: 2, arbitrary: objectOf(tie('value')) },
    { weight: 2, arbitrary: tupleOf(tie('value')) },
    { weight: 2, arbitrary: arrayOf(tie('value')) },
    { weight: 1, arbitrary: nullableOf(tie('value')) },
  ),
  message: fc.oneof({ weight: 5, arbitrary: objectOf(tie('value')) }, tie('value')),
})).message;

const inserts = [
  ...[
    '',
    ' ',
    '\n',
    '\t',
    '"',
    '\\',
    '\\"',
    '\\u0041',
    '\u0000',
    '\u001f',
    '\u0080',
    '\ufeff',
    '\ud800',
    'é',
  ],
  ...[
    '0',
    '1',
    '-',
    '+',
    '.',
    'e',
    'E5',
    ',',
    ':',
    '{',
    '}',
    '[',
    ']',
    'null',
    'true',
    '__proto__',
    '"a":1,',
  ],
];

/** A text with one place changed: left out, put in, changed, repeated or cut off. */
export const damage: fc.Arbitrary<(text: string) => string> = fc
  .tuple(fc.nat(), fc.nat(5), fc.constantFrom(...inserts), fc.nat(4))
  .map(([where, length, insert, how]) => (text: string) => {
    const at = where % (text.length + 1);
    switch (how) {
      case 0:
        return text.slice(0, at) + insert + text.slice(at);
      case 1:
        return text.slice(0, at) + insert + text.slice(at + 1);
      case 2:
        return text.slice(0, at) + text.slice(at, at + length) + text.slice(at);
      case 3:
        return text.slice(0, at) + text.slice(at + length);
      default:
        return text.slice(0, at);
    }
  });

/** Texts that fit, told in another way than a program does. */
export const retellings: readonly ((text: string) => string)[] = [
  (text) => ` ${text}`,
  (text) => `${text}\n`,
  (text) => `${text}${text}`,
  (text) => `\ufeff${text}`,
  (text) => text.replaceAll(',', ', '),
  (text) => text.replaceAll(':', ': '),
  (text) => text.replace('{', '{"extra":0,'),
  (text) => text.replace('{', '{"__proto__":null,'),
  (text) => text.replace(/\}$/u, ',"extra":[1]}'),
  (text) =>
    text.replace(/"(\w)/u, (_, one: string) => `"\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`),
  (text) => text.replace(/\{("[^"]*":[^,{}]*),/u, '{$1,$1,'),
  (text) => text.replace(/\{("[^"]*":[^,{}]*),("[^"]*":[^,{}]*)/u, '{$2,$1'),
  (text) => text.replaceAll(/\d+/gu, '0$&'),
  (text) => text.replaceAll('}', ',}'),
];

/** How texts fared: all of them, those read, and the schemas for which there was no reader. */
export interface Tally {
  texts: number;
  read: number;
  schemas: number;
  unreadable: number;
}

/** Tries one schema with texts that fit, these retold, and these damaged. */
export function tryReader(
  { schema, isRead }: Sample,
  texts: readonly string[],
  damages: readonly ((text: string) => string)[],
  tally: Tally,
): void {
  tally.schemas += 1;
  const read = compileReader(schema);
  if (!read) {
    tally.unreadable += 1;
    return;
  }
  const count = (text: string): boolean => {
    tally.texts += 1;
    const isReadNow = verdict(read, schema, text) === 'read';
    if (isReadNow) tally.read += 1;
    return isReadNow;
  };
  for (const text of texts) {
    if (!count(text) && isRead) throw new Error(`${JSON.stringify(text)} was not read`);
    for (const retell of retellings) count(retell(text));
    for (const hurt of damages) count(hurt(text));
  }
}
