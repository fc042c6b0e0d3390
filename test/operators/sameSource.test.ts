import * as v from 'valibot';
import { compileSchema, misfit } from '../../src/operators/compileSchema.js';
import { createSameness } from '../../src/operators/sameSource.js';
import { type Runnable, schemaNode } from '../../src/operators/schemaNode.js';

const Level = v.tuple([v.string(), v.string()]);
const Book = v.object({
  type: v.literal('book'),
  id: v.number(),
  side: v.nullable(v.union([v.literal('B'), v.literal('S')])),
  bids: v.array(Level),
});
const book = '{"type":"book","id":1,"side":"B","bids":[["1","2"],["3","4"]]}';
const parsed = (text: string): unknown => JSON.parse(text);
const own = compileSchema(Book, { isOwn: true });

/** What comes out of a text, and which parts of it are those of the input. */
const passed = (text: string) => {
  const input = JSON.parse(text) as v.InferOutput<typeof Book>;
  const output = own(input);
  if (output === misfit) return misfit;
  return {
    output,
    whole: output === input,
    bids: output.bids === input.bids,
    first: output.bids[0] === input.bids[0],
  };
};

describe('a compiled schema whose input is its own', () => {
  it('hands on what would be copied as it is', () => {
    expect(passed(book)).toStrictEqual({ output: parsed(book), whole: true, bids: true, first: true });
  });

  it('makes a new object of one with a key too many, in another order, or with one that may be missing; not of what is in it', () => {
    const others = [
      book.replace('"id"', '"more":0,"id"'),
      book.replace('}', ',"more":0}'),
      '{"id":1,"type":"book","side":"B","bids":[["1","2"],["3","4"]]}',
    ];
    for (const text of others) {
      expect(passed(text)).toStrictEqual({ output: parsed(book), whole: false, bids: true, first: true });
      expect(JSON.stringify((passed(text) as { output: unknown }).output)).toBe(book);
    }
  });

  it('copies a list of which one is too long, and hands on the others in it', () => {
    expect(passed(book.replace('"4"]', '"4","5"]'))).toStrictEqual({
      output: parsed(book),
      whole: false,
      bids: false,
      first: true,
    });
  });

  it.each(['{}', '[]', '7', 'null', book.replace('"4"', '4'), book.replace('"B"', '"C"')])(
    'lets %s through no more than any other',
    (text) => {
      expect(own(JSON.parse(text))).toBe(misfit);
    },
  );

  it('copies a default each time, as it is the schema’s', () => {
    const list = v.array(v.string());
    for (const entry of [v.nullish(list, []), v.exactOptional(list, []), v.pipe(v.optional(list, []))]) {
      const compiled = compileSchema(v.object({ list: entry }), { isOwn: true });
      const [one, other] = [compiled({}), compiled({})] as { readonly list: unknown }[];

      expect([one, other]).toStrictEqual([{ list: [] }, { list: [] }]);
      expect(one?.list).not.toBe(other?.list);
    }
    const bare = compileSchema(v.nullable(list, []), { isOwn: true });
    expect(bare(null)).toStrictEqual([]);
    expect(bare(null)).not.toBe(bare(null));
  });

  it('copies what a transform makes, as it may be anything', () => {
    class Point {
      x = 1;
    }
    const point = new Point();
    const schema = v.pipe(
      v.string(),
      v.transform(() => point),
      v.object({ x: v.number() }),
    );

    expect(compileSchema(schema, { isOwn: true })('here')).toStrictEqual({ x: 1 });
  });

  it('copies what a function in a pipe is given, as that may change it and the message be asked about again', () => {
    const Count = v.object({ n: v.number() });
    const schema = v.union([
      v.pipe(
        Count,
        v.transform((count) => (count.n += 1)),
        v.maxValue(5),
      ),
      Count,
    ]);
    const compiled = compileSchema(schema, { isOwn: true });

    expect(compiled({ n: 5 })).toStrictEqual({ n: 5 });
  });

  it('hands on the one and copies the other where a schema stands both in a pipe and by itself', () => {
    const Count = v.variant('type', [v.object({ type: v.literal('count'), n: v.number() })]);
    const reset = v.pipe(
      Count,
      v.transform((count) => (count.n = 0)),
    );
    const schema = v.object({ a: Count, b: reset, c: Count });
    const input = JSON.parse(
      '{"a":{"type":"count","n":1},"b":{"type":"count","n":2},"c":{"type":"count","n":3}}',
    ) as v.InferInput<typeof schema>;
    const output = compileSchema(schema, { isOwn: true })(input) as v.InferOutput<typeof schema>;

    expect([output.a === input.a, input.b.n, output.b, output.c === input.c]).toStrictEqual([
      true,
      2,
      0,
      true,
    ]);
  });

  it('hands on what the further steps of a pipe but look at', () => {
    const input: unknown = JSON.parse('["1"]');
    const schema = v.pipe(v.array(v.string()), v.minLength(1), v.readonly());

    expect(compileSchema(schema, { isOwn: true })(input)).toBe(input);
  });

  it('copies as ever without being told, and where no code may be generated', () => {
    const input: unknown = JSON.parse(book);
    const outputs = [
      compileSchema(Book)(input),
      compileSchema(Book, { generate: false, isOwn: true })(input),
    ];

    for (const output of outputs) {
      expect(output).toStrictEqual(input);
      expect(output).not.toBe(input);
    }
  });

  it.each([
    ['a transform', v.object({ a: v.pipe(v.string(), v.trim()) })],
    ['a default', v.object({ a: v.nullable(v.string(), 'x') })],
    [
      'a choice of objects, as an earlier one may strip',
      v.array(v.union([v.object({ a: v.number() }), v.object({ a: v.number(), b: v.number() })])),
    ],
    [
      'a pipe, of which a step may be anything',
      v.object({
        a: v.pipe(
          v.number(),
          v.check(() => true),
        ),
      }),
    ],
    ['a record', v.array(v.record(v.string(), v.number()))],
    ['a key that is a number, which comes first', v.object({ b: v.number(), 1: v.number() })],
    ['no keys, as arrays have none', v.object({})],
  ])('has no test for %s', (_name, schema) => {
    const texts: string[] = [];
    const nameOf = createSameness({ bind: () => 'c', add: (text) => texts.push(text) });

    expect([nameOf(schemaNode(schema as unknown as Runnable)), texts]).toStrictEqual([undefined, []]);
  });

  it('does not look for NaN, which JSON has not, as for that it would have to fetch each number', () => {
    const texts: string[] = [];
    const nameOf = createSameness({ bind: () => 'c', add: (text) => texts.push(text) });
    nameOf(schemaNode(v.object({ n: v.number() }) as unknown as Runnable));

    expect(texts.join()).toMatch(/if \(!\(typeof e0 === 'number'\)\) return false;/);
  });

  it('finds the NaN that a step of a pipe makes of what JSON.parse made', () => {
    const schema = v.object({ n: v.pipe(v.string(), v.transform(Number), v.number()) });

    expect(compileSchema(schema, { isOwn: true })({ n: 'none' })).toBe(misfit);
    expect(compileSchema(schema, { isOwn: true })({ n: '7' })).toStrictEqual({ n: 7 });
  });
});
