import * as v from 'valibot';

export type Random = () => number;
export const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
const upTo = (random: Random, n: number): number => Math.floor(random() * (n + 1));

class Point {
  x = 1;
}
const mark = Symbol('mark');
const KEYS = [
  'a',
  'b',
  'id',
  'type',
  '0',
  '7',
  '',
  'toString',
  'constructor',
  'prototype',
  'k"\\\n\u2028',
  '\ud800',
  '${x}',
];
const TEXTS = ['', 'a', 'B', 'S', '12', '1.5', 'abcdef', '\u2028"', '2020-01-01'];
const NUMBERS = [0, -0, 1, 7, -3, 1.5, 2 ** 53, Infinity, -Infinity, NaN];

/** A random schema, and values that fit it: mostly, for a pipe may still refuse them. */
export interface RandomSchema {
  readonly schema: v.GenericSchema;
  readonly valid: (random: Random) => unknown;
}

/** Values of every sort. */
export function anyValue(random: Random, depth = 2): unknown {
  const roll = random();
  if (roll < 0.2) return pick(random, TEXTS);
  if (roll < 0.4) return pick(random, NUMBERS);
  if (roll < 0.7 || depth === 0)
    return pick<() => unknown>(random, [
      () => null,
      () => undefined,
      () => true,
      () => false,
      () => 5n,
      () => mark,
      () => new Date(5),
      () => new Date(NaN),
      () => new Point(),
      () => anyValue,
      () => new Map([['a', 1]]),
      () => [],
      () => ({}),
    ])();
  if (roll < 0.8) return Array.from({ length: upTo(random, 3) }, () => anyValue(random, depth - 1));
  return Object.fromEntries(
    Array.from({ length: upTo(random, 4) }, () => [pick(random, KEYS), anyValue(random, depth - 1)]),
  );
}

const leaf = (random: Random): RandomSchema =>
  pick<() => RandomSchema>(random, [
    () => ({ schema: v.string(), valid: (r) => pick(r, TEXTS) }),
    () => ({ schema: v.number(), valid: (r) => pick(r, NUMBERS) }),
    () => ({ schema: v.boolean(), valid: (r) => r() < 0.5 }),
    () => ({ schema: v.bigint(), valid: () => 5n }),
    () => ({ schema: v.symbol(), valid: () => mark }),
    () => ({ schema: v.function(), valid: () => anyValue }),
    () => ({ schema: v.date(), valid: () => new Date(1) }),
    () => ({ schema: v.nan(), valid: () => NaN }),
    () => ({ schema: v.null(), valid: () => null }),
    () => ({ schema: v.undefined(), valid: () => undefined }),
    () => ({ schema: v.void(), valid: () => undefined }),
    () => ({ schema: v.never(), valid: () => 1 }),
    () => ({ schema: v.any(), valid: anyValue }),
    () => ({ schema: v.unknown(), valid: anyValue }),
    () => ({ schema: v.instance(Point), valid: () => new Point() }),
    () => {
      const literal = pick<string | number | bigint | boolean | symbol>(random, [
        ...TEXTS,
        ...NUMBERS,
        5n,
        true,
        mark,
      ]);
      return { schema: v.literal(literal), valid: () => literal };
    },
    () => {
      const options = pick<(string | number | bigint)[]>(random, [
        ['B', 'S'],
        [1, 'a', -0],
        [NaN, 5n],
        [],
        TEXTS,
      ]);
      return { schema: v.picklist(options), valid: (r) => pick(r, options) };
    },
    () => ({ schema: v.enum({ A: 'a', B: 7, 7: 'B' }), valid: (r) => pick(r, ['a', 7, 'B']) }),
  ])();

const thrower = (x: unknown): unknown => {
  if (x === 'B' || x === 7) throw new Error(`thrown at ${x}`);
  return x;
};
const fn = (x: unknown): unknown => (typeof x === 'string' ? x.length : x);
const piped = (random: Random, depth: number): RandomSchema => {
  const text = { schema: v.string(), valid: (r: Random) => pick(r, TEXTS) };
  const number = { schema: v.number(), valid: (r: Random) => pick(r, NUMBERS) };
  const asText = (...actions: unknown[]): RandomSchema => ({
    schema: v.pipe(text.schema, ...(actions as [])),
    valid: text.valid,
  });
  const asNumber = (...actions: unknown[]): RandomSchema => ({
    schema: v.pipe(number.schema, ...(actions as [])),
    valid: number.valid,
  });
  const n = pick(random, [0, 1, 2, 7, -0, 1.5, -3]);
  // Often, for much has to come together until it shows that one was skipped.
  if (random() < 0.2) return asText(v.transform(thrower));
  if (random() < 0.1)
    return asNumber(
      v.minValue(n),
      v.check((x) => thrower(x) !== 1),
    );
  const s = pick(random, TEXTS);
  return pick<() => RandomSchema>(random, [
    () => asNumber(v.minValue(n), v.maxValue(8)),
    () => asNumber(v.gtValue(n)),
    () => asNumber(v.ltValue(n), v.title('t')),
    () => asNumber(v.multipleOf(n)),
    () => asNumber(v.integer()),
    () => asNumber(v.safeInteger(), v.brand('n')),
    () => asNumber(v.finite(), v.transform(String), v.string(), v.minLength(n)),
    () => asText(v.minLength(n), v.maxLength(3)),
    () => asText(v.length(n)),
    () => asText(v.notLength(n), v.empty()),
    () => asText(v.nonEmpty(), v.readonly()),
    () => asText(v.startsWith(s)),
    () => asText(v.endsWith(s)),
    () => asText(v.includes(s)),
    () => asText(v.excludes(s)),
    () => asText(v.regex(/^[a-z]*$/u)),
    () => asText(v.decimal(), v.transform(Number)),
    () => asText(v.isoDate()),
    () => asText(v.trim(), v.toUpperCase()),
    () => asText(v.toNumber()),
    () => asText(v.check((x) => x !== 'a')),
    () => asText(v.url()),
    () => {
      const inner = randomSchema(random, depth - 1);
      return { schema: v.pipe(inner.schema, v.transform(fn)), valid: inner.valid };
    },
    () => {
      const inner = randomSchema(random, depth - 1);
      return {
        schema: v.pipe(
          inner.schema,
          v.check((x) => x !== 7),
        ),
        valid: inner.valid,
      };
    },
    () => {
      const inner = randomSchema(random, depth - 1);
      return { schema: v.pipe(v.unknown(), inner.schema, v.brand('b')), valid: inner.valid };
    },
    () => {
      const inner = randomSchema(random, depth - 1);
      const fixed = Object.freeze(inner.valid(random));
      return asText(
        v.transform(() => fixed),
        inner.schema,
      );
    },
  ])();
};

const wrapped = (random: Random, depth: number): RandomSchema => {
  const { schema, valid } = randomSchema(random, depth - 1);
  // The schema's own: a copy is told from it.
  const fixed = Object.freeze(valid(random));
  const fallback = pick<unknown>(random, [
    undefined,
    undefined,
    'a',
    7,
    null,
    fixed,
    fixed,
    () => 'a',
    () => undefined,
  ]) as never;
  const or =
    (other: unknown) =>
    (r: Random): unknown =>
      r() < 0.3 ? other : valid(r);
  return pick<() => RandomSchema>(random, [
    () => ({ schema: v.optional(schema, fallback), valid: or(undefined) }),
    () => ({ schema: v.nullable(schema, fallback), valid: or(null) }),
    () => ({ schema: v.nullish(schema, fallback), valid: or(null) }),
    () => ({ schema: v.undefinedable(schema, fallback), valid: or(undefined) }),
    () => ({ schema: v.exactOptional(schema, fallback), valid }),
    () => ({ schema: v.nonOptional(schema), valid }),
    () => ({ schema: v.nonNullable(schema), valid }),
    () => ({ schema: v.nonNullish(schema), valid }),
    // What is left to valibot.
    () => ({ schema: v.fallback(schema, 'f' as never), valid }),
    () => ({ schema: v.lazy(() => schema), valid }),
    () => ({ schema: v.config(schema, { abortEarly: true }), valid }),
    () => ({ schema: v.message(schema, 'm'), valid }),
    () => ({ schema: v.custom((x) => x !== 7), valid: anyValue }),
  ])();
};

const entriesOf = (random: Random, depth: number) => {
  const keys = [...new Set(Array.from({ length: upTo(random, 5) }, () => pick(random, KEYS)))];
  const parts = keys.map((key) => [key, randomSchema(random, depth - 1)] as const);
  return {
    entries: Object.fromEntries(parts.map(([key, part]) => [key, part.schema])),
    valid: (r: Random): object =>
      Object.fromEntries(
        parts
          .filter(([, { schema }]) => !/optional|nullish/.test(schema.type) || r() < 0.6)
          .map(([key, part]) => [key, part.valid(r)]),
      ),
  };
};

const object = (random: Random, depth: number): RandomSchema => {
  const { entries, valid } = entriesOf(random, depth);
  const rest = randomSchema(random, depth - 1);
  const more =
    (value: (r: Random) => unknown) =>
    (r: Random): unknown => ({
      ...valid(r),
      ...(r() < 0.6 && { [pick(r, KEYS)]: value(r), extra: value(r) }),
    });
  return pick<() => RandomSchema>(random, [
    () => ({ schema: v.object(entries), valid: more(anyValue) }),
    () => ({ schema: v.object(entries), valid }),
    () => ({ schema: v.looseObject(entries), valid: more(anyValue) }),
    () => ({ schema: v.strictObject(entries), valid }),
    () => ({ schema: v.objectWithRest(entries, rest.schema), valid: more(rest.valid) }),
  ])();
};

const list = (random: Random, depth: number): RandomSchema => {
  const items = Array.from({ length: upTo(random, 3) }, () => randomSchema(random, depth - 1));
  const schemas = items.map(({ schema }) => schema);
  const rest = randomSchema(random, depth - 1);
  const valid = (r: Random): unknown[] => items.map((item) => item.valid(r));
  const some = (r: Random, one: (r: Random) => unknown): unknown[] =>
    Array.from({ length: upTo(r, 3) }, () => one(r));
  return pick<() => RandomSchema>(random, [
    () => ({ schema: v.array(rest.schema), valid: (r) => some(r, rest.valid) }),
    () => ({ schema: v.pipe(v.array(rest.schema), v.minLength(1)), valid: (r) => some(r, rest.valid) }),
    () => ({ schema: v.tuple(schemas), valid: (r) => [...valid(r), ...some(r, anyValue)] }),
    () => ({ schema: v.strictTuple(schemas), valid }),
    () => ({ schema: v.looseTuple(schemas), valid: (r) => [...valid(r), ...some(r, anyValue)] }),
    () => ({
      schema: v.tupleWithRest(schemas, rest.schema),
      valid: (r) => [...valid(r), ...some(r, rest.valid)],
    }),
    () => ({
      schema: v.record(
        pick(random, [v.string(), v.pipe(v.string(), v.minLength(1)), v.picklist(['a', 'b'])]),
        rest.schema,
      ),
      valid: (r) => Object.fromEntries(some(r, (q) => [pick(q, KEYS), rest.valid(q)]) as [string, unknown][]),
    }),
  ])();
};

/** A union or a variant. */
export const randomChoice = (random: Random, depth: number): RandomSchema => {
  const options = Array.from({ length: upTo(random, 3) }, () => randomSchema(random, depth - 1));
  // One that takes it all shows what the others skipped when they failed.
  if (random() < 0.3) options.push({ schema: v.unknown(), valid: anyValue });
  const either = {
    schema: v.union(options.map(({ schema }) => schema)),
    valid: (r: Random) => (options.length ? pick(r, options).valid(r) : 1),
  };
  if (random() < 0.5) return either;
  const kinds = ['x', 'y', 'x', 'z'].slice(0, 1 + upTo(random, 3)).map((kind) => {
    const { entries, valid } = entriesOf(random, depth);
    const all = { ...entries, type: v.literal(kind) };
    const schema =
      random() < 0.5
        ? v.object(all)
        : v.pipe(
            v.strictObject(all),
            v.check((o) => Object.keys(o).length > 1),
          );
    return { schema, valid: (r: Random) => ({ ...valid(r), type: kind }) };
  });
  return {
    schema: v.variant('type', kinds.map(({ schema }) => schema) as never),
    valid: (r) => pick(r, kinds).valid(r),
  };
};

export function randomSchema(random: Random, depth: number): RandomSchema {
  const roll = random();
  if (depth <= 0 || roll < 0.25) return leaf(random);
  if (roll < 0.4) return piped(random, depth);
  if (roll < 0.52) return wrapped(random, depth);
  if (roll < 0.75) return object(random, depth);
  if (roll < 0.86) return list(random, depth);
  return randomChoice(random, depth);
}
