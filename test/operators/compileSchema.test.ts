import { inspect } from 'node:util';
import * as v from 'valibot';
import {
  compileKnown,
  type CompiledSchema,
  compileSchema,
  misfit,
} from '../../src/operators/compileSchema.js';

afterEach(() => {
  v.deleteGlobalConfig();
  jest.restoreAllMocks();
});

const item = v.object({ n: v.number() });
const fallbackOf = jest.fn(() => 'made');

/** A schema, what fits it and what does not; what comes out is what valibot says. */
const kinds: readonly (readonly [
  name: string,
  schema: v.GenericSchema,
  fit: readonly unknown[],
  misfits: readonly unknown[],
])[] = [
  ['any', v.any(), [1, undefined, item], []],
  ['array', v.array(v.number()), [[], [1, -0]], [[1, '2'], {}, 'ab']],
  ['bigint', v.bigint(), [5n], [5]],
  ['boolean', v.boolean(), [true, false], [0, 'true']],
  ['date', v.date(), [new Date(0)], [new Date(NaN), 0]],
  ['enum', v.enum({ A: 'a', B: 7, 7: 'B' } as const), ['a', 7], ['B', 'A']],
  ['exactOptional', v.object({ a: v.exactOptional(v.string()) }), [{}, { a: 'x' }], [{ a: undefined }]],
  ['literal', v.literal(0), [0, -0], ['0', NaN]],
  ['literal NaN', v.literal(NaN), [NaN], [0]],
  ['looseObject', v.looseObject({ a: v.number() }), [{ b: 2, a: 1 }], [{ b: 2 }]],
  ['looseTuple', v.looseTuple([v.number()]), [[1], [1, 'x']], [[], ['x']]],
  ['nonNullable', v.nonNullable(v.nullable(v.string())), ['a'], [null]],
  ['nonNullish', v.nonNullish(v.nullish(v.string())), ['a'], [null, undefined]],
  ['nonOptional', v.nonOptional(v.optional(v.string())), ['a'], [undefined]],
  ['nullable', v.nullable(v.string(), 'd'), [null, 'a'], [undefined]],
  ['nullish', v.object({ a: v.nullish(v.number(), 7) }), [{}, { a: null }, { a: 1 }], [{ a: 'x' }]],
  ['number', v.number(), [0, -0, Infinity], [NaN, '1']],
  [
    'object',
    v.object({ a: v.string(), b: item }),
    [{ b: { n: 1, m: 2 }, c: 3, a: 'x' }],
    [null, [], {}, { a: 'x' }],
  ],
  ['object of what may be missing', v.object({ x: v.any() }), [{ x: undefined }], [{}]],
  [
    'objectWithRest',
    v.objectWithRest({ a: v.string() }, v.number()),
    [{ z: 1, a: 'x' }],
    [{ z: 'x', a: 'x' }],
  ],
  [
    'optional',
    v.object({ a: v.optional(v.string()), b: v.number(), c: v.optional(v.number()) }),
    [{ b: 1 }, { b: 1, a: 'x' }, { c: 1, b: 1 }, { c: 1, b: 1, a: 'x' }, { a: undefined, b: 1 }],
    [{ a: 'x' }, { b: 1, a: 1 }],
  ],
  [
    'optional with a default',
    v.object({ a: v.optional(v.string(), fallbackOf) }),
    [{}, { a: undefined }],
    [{ a: 1 }],
  ],
  ['picklist', v.picklist(['B', 'S']), ['B', 'S'], ['b', 1]],
  ['record', v.record(v.string(), item), [{}, { b: { n: 1 }, constructor: { n: 2 } }], [{ b: 1 }, 'x']],
  ['strictObject', v.strictObject({ a: v.number() }), [{ a: 1 }], [{ a: 1, b: 2 }, {}]],
  ['strictTuple', v.strictTuple([v.number(), v.string()]), [[1, 'x']], [[1, 'x', 2], [1]]],
  ['symbol', v.symbol(), [Symbol.iterator], ['x']],
  ['tuple', v.tuple([v.number(), v.optional(v.string(), 'd')]), [[1, 'x', 2], [1]], [['x'], {}]],
  ['tupleWithRest', v.tupleWithRest([v.number()], v.string()), [[1], [1, 'x', 'y']], [[1, 2], []]],
  ['undefinedable', v.object({ a: v.undefinedable(v.string(), 'd') }), [{ a: undefined }], [{}]],
  ['union', v.union([item, v.string(), v.null()]), [{ n: 1 }, 'x', null], [1, { n: 'x' }]],
  [
    'variant',
    v.variant('type', [
      v.object({ type: v.literal('a'), x: v.number() }),
      v.object({ type: v.picklist(['b', 'c']), y: v.string() }),
    ]),
    [
      { type: 'a', x: 1, y: 2 },
      { type: 'c', y: '' },
    ],
    [{ type: 'a', y: '' }, { type: 'd' }, {}, 'a'],
  ],
  [
    'pipe',
    v.pipe(v.string(), v.decimal(), v.transform(Number), v.minValue(2), v.brand('p')),
    ['2'],
    ['x', '1', 2],
  ],
  [
    'check',
    v.pipe(
      item,
      v.check(({ n }) => n > 1),
    ),
    [{ n: 2, m: 1 }],
    [{ n: 1 }],
  ],
  ['custom', v.object({ a: v.custom((a) => a === 7) }), [{ a: 7 }], [{ a: 8 }]],
  ['fallback', v.object({ a: v.fallback(v.number(), 3) }), [{ a: 'x' }, { a: 1 }, {}], [null]],
  ['lazy', v.object({ a: v.lazy(() => item) }), [{ a: { n: 1, m: 1 } }], [{ a: 1 }]],
  [
    'intersect',
    v.object({ a: v.intersect([item, v.object({ m: v.number() })]) }),
    [{ a: { m: 1, n: 1 } }],
    [{ a: { m: 1 } }],
  ],
  ['config', v.object({ a: v.config(v.number(), { abortEarly: true }) }), [{ a: 1 }], [{ a: 'x' }]],
];

describe.each([
  ['generated', true],
  ['of closures', false],
])('compileSchema, %s', (_name, generate) => {
  const compile = <const S extends v.GenericSchema>(schema: S): CompiledSchema<v.InferOutput<S>> =>
    compileSchema(schema, { generate });

  it.each(kinds)('tells %s as valibot does', (_kind, schema, fits, misfits) => {
    const run = compile(schema);
    for (const input of fits) {
      const { success, output } = v.safeParse(schema, input);
      expect(success).toBe(true);
      expect(run(input)).toStrictEqual(output);
      expect(inspect(run(input))).toBe(inspect(output)); // the order of keys
    }
    for (const input of misfits) {
      expect(v.safeParse(schema, input).success).toBe(false);
      expect(run(input)).toBe(misfit);
    }
  });

  it('keeps the very object where valibot keeps it, and makes a new one where it does', () => {
    const input = { kept: { a: 1 }, copied: { n: 1 } };
    const output = compile(v.object({ kept: v.any(), copied: item }))(input);
    expect(output).toStrictEqual(input);
    expect((output as typeof input).kept).toBe(input.kept);
    expect((output as typeof input).copied).not.toBe(input.copied);
  });

  it('reads what is inherited, and nothing twice', () => {
    const get = jest.fn(() => 1);
    const input = Object.create(Object.defineProperty({}, 'n', { get })) as unknown;
    expect(compile(item)(input)).toStrictEqual({ n: 1 });
    expect(get).toHaveBeenCalledTimes(1);
  });

  it('takes a key for a key and a literal for a literal, whatever is in them', () => {
    const odd = [
      '");globalThis.hacked=1;("',
      "'+globalThis.hacked+'",
      '`${hacked}`',
      '\\',
      '\n\u2028\u2029',
      '\ud800',
      '0',
    ];
    const schema = v.object(Object.fromEntries(odd.map((text) => [text, v.picklist([text])])));
    const input = Object.fromEntries(odd.map((text) => [text, text]));
    expect(compile(schema)(input)).toStrictEqual(input);
    expect(compile(v.union(odd.map((text) => v.literal(text))))(odd[0])).toBe(odd[0]);
    expect(globalThis).not.toHaveProperty('hacked');
  });

  it('sets no prototype but where valibot does', () => {
    const entries = JSON.parse('{"__proto__": 0, "n": 0}') as Record<string, number>;
    for (const key of Object.keys(entries)) Object.defineProperty(entries, key, { value: v.any() });
    const schema = v.object(entries as never);
    const input = JSON.parse('{"__proto__": {"evil": 1}, "n": 1}') as unknown;
    const expected = v.parse(schema, input);
    expect(Object.getPrototypeOf(compile(schema)(input))).toBe(Object.getPrototypeOf(expected));
    expect(compile(v.looseObject({}))(input)).toStrictEqual({ n: 1 });
    expect(compile(v.record(v.string(), v.any()))(input)).toStrictEqual({ n: 1 });
  });

  it('tells 0 from -0 among its defaults', () => {
    const schema = v.object({ a: v.optional(v.number(), 0), b: v.optional(v.number(), -0) });
    expect(compile(schema)({})).toStrictEqual({ a: 0, b: -0 });
  });

  it('calls a default as valibot does', () => {
    const calls: string[] = [];
    const make = (...facts: readonly unknown[]): string => {
      calls.push(inspect(facts)); // as text: valibot goes on to write into what it hands over
      return 'made';
    };
    const schema = v.object({ a: v.optional(v.string(), make) });
    const run = compile(schema);
    for (const input of [{ a: undefined }, {}]) {
      expect(run(input)).toStrictEqual(v.parse(schema, input));
      expect(calls).toHaveLength(2);
      expect(calls[0]).toBe(calls[1]);
      calls.length = 0;
    }
  });

  it.each([true, false])(
    'chooses an option of a variant as valibot does, with abortEarly %s',
    (abortEarly) => {
      v.setGlobalConfig({ abortEarly });
      const type = v.literal('a');
      const schema = v.variant('type', [
        v.object({ type, n: v.pipe(v.number(), v.minValue(5)) }),
        v.object({ type, n: v.number() }),
      ]);
      // A first option that is typed, but refused, hides the second, unless it was left early.
      expect(compile(schema)({ type: 'a', n: 1 })).toStrictEqual(abortEarly ? { type: 'a', n: 1 } : misfit);
    },
  );

  it('throws what an option of a union throws in valibot, though it failed before', () => {
    const throwing = v.transform<string, number>(() => {
      throw new Error('boom');
    });
    const schema = v.union([v.object({ a: v.number(), b: v.pipe(v.string(), throwing) }), v.any()]);
    expect(() => void compile(schema)({ a: 'x', b: '' })).toThrow('boom');
  });

  it('tells of thousands of fields, in schemas that hold one another', () => {
    let schema: v.GenericSchema = v.number();
    let value: unknown = 1;
    for (let depth = 0; depth < 12; depth++) {
      schema = v.object({ a: schema, b: v.tuple([schema]) });
      value = { a: value, b: [value] };
    }
    expect(compile(schema)(value)).toStrictEqual(value);
    expect(compile(schema)({ ...(value as object), b: [1] })).toBe(misfit);
  });

  it('leaves to valibot what goes round for ever', () => {
    const tree = () =>
      v.object({
        n: v.number(),
        get next(): v.GenericSchema {
          return v.optional(tree());
        },
      });
    expect(compile(tree())({ n: 1, next: { n: 2 } })).toStrictEqual({ n: 1, next: { n: 2 } });
    expect(compile(tree())({ n: 1, next: { n: '2' } })).toBe(misfit);
  });

  it('leaves to valibot what branches for ever', () => {
    let made = 0;
    const tree = (): v.GenericSchema => {
      if ((made += 1) > 100_000) throw new Error('too many');
      return v.object({
        n: v.number(),
        get left() {
          return v.optional(tree());
        },
        get right() {
          return v.optional(tree());
        },
      });
    };
    const run = compile(tree());
    expect(run({ n: 1, right: { n: 2 } })).toStrictEqual({ n: 1, right: { n: 2 } });
    expect(run({ n: 1, right: { n: '2' } })).toBe(misfit);
  });

  it('makes one function of a schema', () => {
    expect(compile(item)).toBe(compile(item));
  });
});

describe('compileSchema', () => {
  it('gives objects of one shape, with the keys in the order of the schema', () => {
    const run = compileSchema(v.object({ a: v.number(), b: v.optional(v.number()), c: v.number() }));
    expect(Object.keys(run({ c: 1, b: 2, a: 3 }) as object)).toStrictEqual(['a', 'b', 'c']);
    expect(Object.keys(run({ c: 1, a: 3 }) as object)).toStrictEqual(['a', 'c']);
  });

  it.each([
    ['a pattern that remembers where it stopped', v.object({ a: v.pipe(v.string(), v.regex(/a/g)) })],
    ['code of its own', v.message(item, 'no item')],
    ['getters', v.lazy(() => item)],
  ])('leaves a schema with %s to valibot as a whole', (_what, schema) => {
    expect(compileKnown(schema)).toBeUndefined();
    expect(compileSchema(schema)({})).toBe(misfit);
  });

  it('does without generated code where the platform forbids it', () => {
    jest.isolateModules(() => {
      const forbidden = jest.spyOn(globalThis, 'Function').mockImplementation(() => {
        throw new EvalError('refused by the Content Security Policy');
      });
      try {
        // eslint-disable-next-line @typescript-eslint/no-require-imports -- a second copy, which has tried nothing yet
        const fresh = require('../../src/operators/compileSchema.js') as {
          compileSchema: typeof compileSchema;
        };
        expect(fresh.compileSchema(v.object({ n: v.number() }))({ n: 1, m: 2 })).toStrictEqual({ n: 1 });
        expect(forbidden).toHaveBeenCalledTimes(1);
      } finally {
        forbidden.mockRestore();
      }
    });
  });

  it('infers the output', () => {
    const output: { n: number } | typeof misfit = compileSchema(item)({ n: 1 });
    // @ts-expect-error -- n is a number
    const wrong: { n: string } | typeof misfit = compileSchema(item)({ n: 1 });
    expect([output, wrong]).toHaveLength(2);
  });
});
