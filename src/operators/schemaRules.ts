import * as v from 'valibot';
import { misfit } from './schemaRun.js';

/** One question about one value, told twice: as a function, and as an expression in generated code. */
export interface ValueTest {
  readonly holds: (value: unknown) => boolean;
  /** The same with an output, for the commonest: one call is saved. */
  readonly run?: (value: unknown) => unknown;
  /** @param value An expression without effects. @param bind Gives the name under which generated code finds a constant. */
  readonly source: (value: string, bind: (constant: unknown) => string) => string;
  /** The same for what `JSON.parse` made, where that leaves less to ask. */
  readonly sourceOfJson?: (value: string) => string;
}

type Facts = Readonly<Record<string, unknown>>;

interface TestRule {
  /** The genuine article, whose code a schema's or an action's must equal to be known. */
  readonly sample: () => { readonly '~run': unknown };
  /** Undefined if this one cannot be told in advance. */
  readonly test: (facts: Facts) => ValueTest | undefined;
}

/** The spelling of a constant where it is short and exact; any other is bound. */
const spell = (constant: unknown, bind: (constant: unknown) => string): string =>
  typeof constant === 'string' ||
  (typeof constant === 'number' && Number.isSafeInteger(constant) && constant > 0)
    ? JSON.stringify(constant)
    : bind(constant);

const ofType = (name: string): (() => ValueTest) => {
  // Each has a function of its own: one that compares with `name` is slower by half.
  const holds = {
    string: (value: unknown) => typeof value === 'string',
    boolean: (value: unknown) => typeof value === 'boolean',
    bigint: (value: unknown) => typeof value === 'bigint',
    symbol: (value: unknown) => typeof value === 'symbol',
    function: (value: unknown) => typeof value === 'function',
  }[name];
  if (!holds) throw new TypeError(`schemaRules: no such type: ${name}`);
  return () => ({
    holds,
    ...(name === 'string' && { run: (value: unknown) => (typeof value === 'string' ? value : misfit) }),
    source: (value) => `typeof ${value} === '${name}'`,
  });
};

const exactly = (constant: null | undefined) => (): ValueTest => ({
  holds: (value) => value === constant,
  source: (value) => `${value} === ${constant === null ? 'null' : 'void 0'}`,
});

const anything = (): ValueTest => ({ holds: () => true, source: () => 'true' });

/** As `Array.prototype.includes` compares, which is how valibot does. */
function oneOf(options: unknown): ValueTest | undefined {
  if (!Array.isArray(options)) return undefined;
  const isSpelled =
    options.length > 0 && options.length <= 12 && options.every((option) => typeof option === 'string');
  return {
    holds: (value) => options.includes(value),
    source: (value, bind) =>
      isSpelled
        ? `(${options.map((option) => `${value} === ${JSON.stringify(option)}`).join(' || ')})`
        : `${bind(options)}.includes(${value})`,
  };
}

/** Schemas that let a value through as it is, or not at all. */
export const leafRules: Readonly<Record<string, TestRule>> = {
  any: { sample: v.any, test: anything },
  unknown: { sample: v.unknown, test: anything },
  string: { sample: () => v.string(), test: ofType('string') },
  boolean: { sample: () => v.boolean(), test: ofType('boolean') },
  bigint: { sample: () => v.bigint(), test: ofType('bigint') },
  symbol: { sample: () => v.symbol(), test: ofType('symbol') },
  function: { sample: () => v.function(), test: ofType('function') },
  null: { sample: () => v.null(), test: exactly(null) },
  undefined: { sample: () => v.undefined(), test: exactly(undefined) },
  void: { sample: () => v.void(), test: exactly(undefined) },
  never: { sample: () => v.never(), test: () => ({ holds: () => false, source: () => 'false' }) },
  number: {
    sample: () => v.number(),
    test: () => ({
      holds: (value) => typeof value === 'number' && value === value,
      run: (value) => (typeof value === 'number' && value === value ? value : misfit),
      source: (value) => `typeof ${value} === 'number' && ${value} === ${value}`,
      // There is no NaN in JSON. That it is a number the object's shape tells V8; which one, it would have to fetch from memory.
      sourceOfJson: (value) => `typeof ${value} === 'number'`,
    }),
  },
  nan: {
    sample: () => v.nan(),
    test: () => ({
      holds: Number.isNaN,
      source: (value) => `typeof ${value} === 'number' && ${value} !== ${value}`,
    }),
  },
  date: {
    sample: () => v.date(),
    test: () => ({
      holds: (value) => value instanceof Date && !isNaN(value as unknown as number),
      source: (value) => `${value} instanceof Date && !isNaN(${value})`,
    }),
  },
  instance: {
    sample: () => v.instance(Object),
    test: (facts) => {
      const type = facts['class'] as typeof Object;
      return {
        holds: (value) => value instanceof type,
        source: (value, bind) => `${value} instanceof ${bind(type)}`,
      };
    },
  },
  literal: {
    sample: () => v.literal(0),
    test: ({ literal }) => ({
      holds: (value) => value === literal || (value !== value && literal !== literal),
      source: (value, bind) =>
        literal !== literal ? `${value} !== ${value}` : `${value} === ${spell(literal, bind)}`,
    }),
  },
  picklist: { sample: () => v.picklist([]), test: ({ options }) => oneOf(options) },
  enum: { sample: () => v.enum({}), test: ({ options }) => oneOf(options) },
};

interface Comparison<A, B> {
  (
    sample: () => { readonly '~run': unknown },
    holds: (value: A, requirement: B) => boolean,
    source: (value: string, requirement: string) => string,
  ): TestRule;
}
/** An action that compares with its requirement. */
const against: Comparison<never, never> = (sample, holds, source) => ({
  sample,
  test: ({ requirement }) => ({
    holds: (value) => holds(value as never, requirement as never),
    source: (value, bind) => source(value, spell(requirement, bind)),
  }),
});
const byValue: Comparison<number, number> = against;
const byLength: Comparison<{ readonly length: number }, number> = against;
const byText: Comparison<string, string> = against;

/** An action that asks a pattern. One that remembers where it stopped has to be asked by valibot alone. */
const pattern = (sample: () => { readonly '~run': unknown }): TestRule => ({
  sample,
  test: ({ requirement }) =>
    requirement instanceof RegExp && !requirement.global && !requirement.sticky
      ? {
          holds: (value) => requirement.test(value as string),
          source: (value, bind) => `${bind(requirement)}.test(${value})`,
        }
      : undefined,
});

const numeric = (sample: () => { readonly '~run': unknown }, name: string): TestRule => ({
  sample,
  test: ({ requirement }) => ({
    holds: (value) => (requirement as (value: unknown) => boolean)(value),
    source: (value, bind) =>
      requirement === Reflect.get(Number, name)
        ? `Number.${name}(${value})`
        : `${bind(requirement)}(${value})`,
  }),
});

/** Actions that only look. */
export const actionRules: Readonly<Record<string, TestRule>> = {
  min_value: byValue(
    () => v.minValue(0),
    (a, b) => a >= b,
    (a, b) => `${a} >= ${b}`,
  ),
  max_value: byValue(
    () => v.maxValue(0),
    (a, b) => a <= b,
    (a, b) => `${a} <= ${b}`,
  ),
  gt_value: byValue(
    () => v.gtValue(0),
    (a, b) => a > b,
    (a, b) => `${a} > ${b}`,
  ),
  lt_value: byValue(
    () => v.ltValue(0),
    (a, b) => a < b,
    (a, b) => `${a} < ${b}`,
  ),
  // Loosely, as valibot compares: the rest of a bigint is 0n.
  multiple_of: byValue(
    () => v.multipleOf(1),
    (a, b) => a % b == 0,
    (a, b) => `${a} % ${b} == 0`,
  ),
  min_length: byLength(
    () => v.minLength(0),
    (a, b) => !(a.length < b),
    (a, b) => `!(${a}.length < ${b})`,
  ),
  max_length: byLength(
    () => v.maxLength(0),
    (a, b) => !(a.length > b),
    (a, b) => `!(${a}.length > ${b})`,
  ),
  length: byLength(
    () => v.length(0),
    (a, b) => a.length === b,
    (a, b) => `${a}.length === ${b}`,
  ),
  not_length: byLength(
    () => v.notLength(0),
    (a, b) => a.length !== b,
    (a, b) => `${a}.length !== ${b}`,
  ),
  non_empty: byLength(
    () => v.nonEmpty(),
    (a) => a.length !== 0,
    (a) => `${a}.length !== 0`,
  ),
  empty: byLength(
    () => v.empty(),
    (a) => !(a.length > 0),
    (a) => `!(${a}.length > 0)`,
  ),
  starts_with: byText(
    () => v.startsWith(''),
    (a, b) => a.startsWith(b),
    (a, b) => `${a}.startsWith(${b})`,
  ),
  ends_with: byText(
    () => v.endsWith(''),
    (a, b) => a.endsWith(b),
    (a, b) => `${a}.endsWith(${b})`,
  ),
  includes: byText(
    () => v.includes(''),
    (a, b) => a.includes(b),
    (a, b) => `${a}.includes(${b})`,
  ),
  excludes: byText(
    () => v.excludes(''),
    (a, b) => !a.includes(b),
    (a, b) => `!${a}.includes(${b})`,
  ),
  integer: numeric(() => v.integer(), 'isInteger'),
  safe_integer: numeric(() => v.safeInteger(), 'isSafeInteger'),
  finite: numeric(() => v.finite(), 'isFinite'),
  regex: pattern(() => v.regex(/x/)),
  decimal: pattern(() => v.decimal()),
  digits: pattern(() => v.digits()),
  email: pattern(() => v.email()),
  hexadecimal: pattern(() => v.hexadecimal()),
  ip: pattern(() => v.ip()),
  ipv4: pattern(() => v.ipv4()),
  ipv6: pattern(() => v.ipv6()),
  iso_date: pattern(() => v.isoDate()),
  iso_date_time: pattern(() => v.isoDateTime()),
  iso_time: pattern(() => v.isoTime()),
  iso_timestamp: pattern(() => v.isoTimestamp()),
  nanoid: pattern(() => v.nanoid()),
  slug: pattern(() => v.slug()),
  ulid: pattern(() => v.ulid()),
  uuid: pattern(() => v.uuid()),
};
