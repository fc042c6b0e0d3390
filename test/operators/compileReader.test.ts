import * as v from 'valibot';
import { suites } from '../../bench/throughput/suites.js';
import { compileReader, type Reader, surprise } from '../../src/operators/compileReader.js';
import { verdict } from './readerTexts.js';

const tick = v.object({
  type: v.string(),
  id: v.number(),
  side: v.picklist(['B', 'S']),
  isBlock: v.boolean(),
  note: v.optional(v.string()),
  fee: v.nullable(v.number()),
  levels: v.array(v.tuple([v.string(), v.number()])),
});
const text =
  '{"type":"t","id":17,"side":"B","isBlock":false,"note":"n","fee":0.25,"levels":[["1.5",2],["1.6",-3]]}';

const readerOf = <const S extends v.GenericSchema>(schema: S): Reader<v.InferOutput<S>> => {
  const read = compileReader(schema);
  if (!read) throw new Error('there is no reader');
  return read;
};

const message = (name: keyof typeof suites): string =>
  suites[name].write(`${name}.BTC-USD`, 42, () => 0.7, true);

const strange = [
  ...Array.from('\u0000\u001f "\\,:{}[]-+.019eEtn'),
  '\u007f',
  'é',
  '\ud800',
  '\u2028',
  '\ufeff',
  '',
];

describe('compileReader', () => {
  it('reads what is written as expected', () => {
    expect(readerOf(tick)(text)).toStrictEqual({
      type: 't',
      id: 17,
      side: 'B',
      isBlock: false,
      note: 'n',
      fee: 0.25,
      levels: [
        ['1.5', 2],
        ['1.6', -3],
      ],
    });
  });

  it('leaves out an optional entry that is not there, and yields null where it is allowed', () => {
    const value = readerOf(tick)('{"type":"t","id":1,"side":"S","isBlock":true,"fee":null,"levels":[]}');
    expect(value).toStrictEqual({ type: 't', id: 1, side: 'S', isBlock: true, fee: null, levels: [] });
  });

  it.each([
    ['a space', text.replace(',', ', ')],
    ['a line break at the end', `${text}\n`],
    ['a byte order mark', `\ufeff${text}`],
    ['an escape', text.replace('"t"', '"\\u0074"')],
    ['an escaped key', text.replace('"id"', '"\\u0069d"')],
    ['an extra key', text.replace('{', '{"extra":1,')],
    ['an extra key at the end', text.replace(/\}$/u, ',"extra":1}')],
    ['a prototype', text.replace('{', '{"__proto__":{},')],
    ['a key twice', text.replace('"id":17', '"id":17,"id":18')],
    ['another order', text.replace('"type":"t","id":17', '"id":17,"type":"t"')],
    ['a missing key', text.replace('"id":17,', '')],
    ['an item too many in a tuple', text.replace('"1.5",2', '"1.5",2,3')],
    ['a constant that is not in the list', text.replace('"B"', '"X"')],
    ['a value of another type', text.replace('17', '"17"')],
    ['a raw control character', text.replace('"t"', '"\t"')],
    ['a raw NUL', text.replace('"t"', '"\u0000"')],
    ['a leading zero', text.replace('17', '017')],
    ['a plus', text.replace('17', '+17')],
    ['a point without digits', text.replace('17', '17.')],
    ['a fraction without a whole', text.replace('17', '.5')],
    ['an exponent without digits', text.replace('17', '1e')],
    ['a sign alone', text.replace('17', '-')],
    ['a hexadecimal number', text.replace('17', '0x11')],
    ['NaN', text.replace('17', 'NaN')],
    ['a literal in capitals', text.replace('false', 'False')],
    ['a comma too many', text.replace(']]', '],]')],
    ['a comma too few', text.replace('],[', '][')],
    ['text behind', `${text}}`],
    ['two messages', text + text],
    ['nothing', ''],
    ['more than a mebi of characters', text.replace('"t"', `"${'t'.repeat(2 ** 20)}"`)],
  ])('is surprised by %s', (_, other) => {
    expect(other).not.toBe(text);
    expect(readerOf(tick)(other)).toBe(surprise);
  });

  it.each([
    ...['0', '-0', '7', '-7', '999999999', '1000000000', '2147483648', '4294967296', '1700000000001'],
    ...['999999999999999', '1000000000000000', '9007199254740993', '12345678901234567890', '-0.0', '0.1'],
    ...[
      '1.5e300',
      '1E400',
      '-1E400',
      '5e-324',
      '1e-400',
      '10e+2',
      '0.30000000000000004',
      '1.7976931348623157e308',
    ],
    ...['123456789.1', '1234567890.5', '1e10', '100000000E1', '12345678901e1'],
  ])('reads the number %s as JSON.parse does', (number) => {
    expect(readerOf(v.tuple([v.number()]))(`[${number}]`)).toStrictEqual(JSON.parse(`[${number}]`));
  });

  it.each(['', ' !#[]', 'é', '🚀', '\ud800', '\u2028\u2029', '\u007f\u0080', 'x'.repeat(40)])(
    'reads the string %j',
    (string) => {
      expect(readerOf(v.tuple([v.string()]))(`["${string}"]`)).toStrictEqual([string]);
    },
  );

  it('reads arrays of every length, of items that may look like nothing, and arrays in arrays', () => {
    const schema = v.object({
      pairs: v.array(v.tuple([v.string(), v.number()])),
      flags: v.array(v.boolean()),
      nulls: v.array(v.null()),
      rows: v.array(v.array(v.nullable(v.number()))),
    });
    const read = readerOf(schema);
    for (let length = 0; length < 40; length += 1) {
      const fill = <T>(make: (index: number) => T): T[] => Array.from({ length }, (_, index) => make(index));
      const value = {
        pairs: fill((index) => [String(index), index]),
        flags: fill((index) => index % 3 === 0),
        nulls: fill(() => null),
        rows: fill((row) => Array.from({ length: row }, (_, index) => (index % 4 ? index : null))),
      };
      expect(read(JSON.stringify(value))).toStrictEqual(value);
    }
  });

  it('yields entries in the order that the schema yields them, which is not always that of its text', () => {
    const schema = v.object({ b: v.number(), 10: v.number(), 2: v.number() });
    expect(Object.keys(readerOf(schema)('{"2":1,"10":2,"b":3}'))).toStrictEqual(['2', '10', 'b']);
  });

  it('takes keys and constants as they are, whatever they would mean in code or in an expression', () => {
    const keys = [
      'a.b',
      '(',
      '[x]',
      '$&',
      '\\',
      '"',
      '`${x}`',
      '"];throw 1//',
      '\u2028',
      '\n',
      '{1}',
      'a/b',
      '^|*+?',
    ];
    const schema = v.object(Object.fromEntries(keys.map((key) => [key, v.literal(key)])));
    const value = Object.fromEntries(keys.map((key) => [key, key]));
    expect(readerOf(schema)(JSON.stringify(value))).toStrictEqual(value);
    expect(readerOf(schema)(JSON.stringify(value).replace('a.b', 'axb'))).toBe(surprise);
  });

  it('is surprised where valibot would find a missing optional entry in the prototype', () => {
    const schema = v.object({ a: v.number(), toString: v.optional(v.string()) });
    expect(readerOf(schema)('{"a":1}')).toBe(surprise);
  });

  it.each(['trade', 'depth'] as const)('reads %s of the benchmark whole', (name) => {
    const { schema } = suites[name];
    expect(verdict(readerOf(schema), schema, message(name))).toBe('read');
  });

  it.each(['trade', 'depth'] as const)('never reads a wrong value where %s is cut off anywhere', (name) => {
    const read = readerOf(suites[name].schema);
    const whole = message(name);
    for (let at = 0; at < whole.length; at += 1) expect(read(whole.slice(0, at))).toBe(surprise);
  });

  it('never reads a wrong value, whatever one character becomes', () => {
    const counts = { surprise: 0, read: 0 };
    const attempt = (schema: v.GenericSchema, whole: string): void => {
      const read = readerOf(schema);
      for (let at = 0; at < whole.length; at += 1)
        for (const other of strange) {
          counts[verdict(read, schema, whole.slice(0, at) + other + whole.slice(at + 1))] += 1;
          counts[verdict(read, schema, whole.slice(0, at) + other + whole.slice(at))] += 1;
        }
    };
    attempt(tick, text);
    attempt(suites.trade.schema, message('trade'));
    expect(counts.read).toBeGreaterThan(2_000);
    expect(counts.surprise).toBeGreaterThan(2_000);
  });

  it('reads one message after another, whatever the one before was', () => {
    const read = readerOf(tick);
    const other = '{"type":"longer than before","id":1,"side":"S","isBlock":true,"fee":null,"levels":[]}';
    for (const each of [text, other, `${text} `, other, text.slice(0, 90), text, 'é', other])
      verdict(read, tick, each);
    expect(read(other)).not.toBe(surprise);
    expect(read(text)).not.toBe(surprise);
  });

  it.each<[string, v.GenericSchema]>([
    ['a pipe', v.object({ a: v.pipe(v.string(), v.minLength(1)) })],
    ['a transform', v.object({ a: v.pipe(v.string(), v.transform(Number)) })],
    ['a fallback', v.object({ a: v.fallback(v.string(), '') })],
    [
      'a fallback put in by hand',
      v.object({ a: v.number(), b: Object.assign(v.optional(v.string()), { fallback: '' }) }),
    ],
    ['a configuration', v.object({ a: v.config(v.string(), {}) })],
    ['a default', v.object({ a: v.number(), b: v.optional(v.string(), '') })],
    ['a default for null', v.object({ a: v.nullable(v.string(), '') })],
    ['an optional entry that comes first', v.object({ a: v.optional(v.string()) })],
    ['an optional array', v.object({ a: v.number(), b: v.optional(v.array(v.string())) })],
    ['anything', v.object({ a: v.unknown() })],
    ['a union', v.union([v.object({ a: v.string() }), v.object({ a: v.number() })])],
    ['a record', v.record(v.string(), v.number())],
    ['a prototype as a key', v.object({ ['__proto__']: v.string() })],
    ['no option at all', v.object({ a: v.picklist([]) })],
    ['a constant that JSON cannot tell', v.object({ a: v.literal(1n) })],
    [
      'too many entries',
      v.object(Object.fromEntries(Array.from({ length: 300 }, (_, key) => [`k${key}`, v.null()]))),
    ],
    [
      'choices too long for an expression',
      v.object({ a: v.picklist(Array.from({ length: 200 }, (_, at) => `${at}`.padEnd(600, '.'))) }),
    ],
    ['a schema made late', v.object({ a: v.lazy(() => v.string()) })],
    [
      'a function put in by hand',
      {
        ...v.string(),
        '~run': (dataset) => ({ ...dataset, typed: false, issues: [] as never }),
      },
    ],
  ])('does not read a schema with %s', (_, schema) => {
    expect(compileReader(schema)).toBeUndefined();
  });

  it('gives nothing where code may not be generated', () => {
    const { Function: original } = globalThis;
    globalThis.Function = (() => {
      throw new EvalError('Code generation from strings disallowed for this context');
    }) as unknown as FunctionConstructor;
    try {
      expect(compileReader(tick)).toBeUndefined();
    } finally {
      globalThis.Function = original;
    }
    expect(compileReader(tick)).toBeDefined();
  });

  it('has the type of what the schema yields', () => {
    const value = readerOf(tick)(text);
    if (value === surprise) throw new Error('surprised');
    // @ts-expect-error -- an id is a number
    const id: string = value.id;
    expect(id).toBe(17);
  });
});
