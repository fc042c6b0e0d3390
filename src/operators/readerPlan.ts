import {
  array,
  boolean,
  enum as enum_,
  exactOptional,
  type GenericSchema,
  literal,
  looseObject,
  looseTuple,
  null as null_,
  nullable,
  nullish,
  number,
  object,
  optional,
  picklist,
  strictObject,
  strictTuple,
  string,
  tuple,
} from 'valibot';

/** How one value stands in a text, as far as a reader cares. */
export type ReaderPlan =
  | { readonly kind: 'string' | 'number' | 'boolean' }
  /** One spelling. */
  | { readonly kind: 'constant'; readonly json: string }
  /** One of some strings, none of which needs an escape. */
  | { readonly kind: 'choice'; readonly texts: readonly string[] }
  | { readonly kind: 'nullable'; readonly inner: ReaderPlan }
  | { readonly kind: 'object'; readonly entries: readonly ReaderEntry[] }
  | { readonly kind: 'tuple'; readonly items: readonly ReaderPlan[] }
  | { readonly kind: 'array'; readonly item: ReaderPlan };

export interface ReaderEntry {
  readonly key: string;
  readonly plan: ReaderPlan;
  readonly isOptional: boolean;
}

/** Schemas that run a function of the user, directly or by a default, are never planned: it would see a message twice. */
interface Node {
  readonly type: string;
  readonly entries?: Readonly<Record<string, GenericSchema>>;
  readonly items?: readonly GenericSchema[];
  readonly item?: GenericSchema;
  readonly wrapped?: GenericSchema;
  readonly default?: unknown;
  readonly literal?: unknown;
  readonly options?: readonly unknown[];
}

/** Beyond this, generated code and expressions grow too large to be fast. */
const MAX_NODES = 256;

/**
 * What a reader needs to know of a schema, or `undefined` if it holds anything but objects, tuples, arrays, strings,
 * numbers, booleans, null and choices among constants, of which entries may be optional and values nullable.
 */
export function planReader(schema: GenericSchema): ReaderPlan | undefined {
  let nodes = 0;

  const all = (schemas: readonly GenericSchema[]): ReaderPlan[] | undefined => {
    const plans = schemas.map(plan);
    return plans.every((one) => one !== undefined) ? plans : undefined;
  };

  const planObject = (schemas: Readonly<Record<string, GenericSchema>>): ReaderPlan | undefined => {
    const entries: ReaderEntry[] = [];
    for (const key in schemas) {
      const { isOptional, value } = withoutOptional(schemas[key] as GenericSchema);
      const entry = value && plan(value);
      if (!entry || key === '__proto__' || !Object.hasOwn(schemas, key)) return undefined;
      // An array cannot be a part of what is there or not, and a comma is what tells where such a part begins.
      if (isOptional && (!isFlat(entry) || entries.length === 0)) return undefined;
      entries.push({ key, plan: entry, isOptional });
    }
    return entries[0]?.isOptional ? undefined : { kind: 'object', entries };
  };

  const plan = (node: GenericSchema): ReaderPlan | undefined => {
    nodes += 1;
    if (nodes > MAX_NODES || !isPlain(node)) return undefined;
    const { type, entries, items, item, wrapped, literal: constant, options } = node as unknown as Node;
    switch (type) {
      case 'string':
      case 'number':
      case 'boolean':
        return { kind: type };
      case 'null':
        return { kind: 'constant', json: 'null' };
      case 'literal':
        return planConstant(constant);
      case 'enum':
      case 'picklist':
        return planChoice(options ?? []);
      case 'nullable': {
        const inner = hasDefault(node) ? undefined : plan(wrapped as GenericSchema);
        return inner && isFlat(inner) ? { kind: 'nullable', inner } : undefined;
      }
      case 'object':
      case 'strict_object':
      case 'loose_object':
        return planObject(entries ?? {});
      case 'tuple':
      case 'strict_tuple':
      case 'loose_tuple': {
        const plans = all(items ?? []);
        return plans && { kind: 'tuple', items: plans };
      }
      case 'array': {
        const itemPlan = plan(item as GenericSchema);
        return itemPlan && { kind: 'array', item: itemPlan };
      }
      default:
        return undefined;
    }
  };

  return plan(schema);
}

/** Whether a value has no array inside, so that one expression with groups describes it. */
export function isFlat(plan: ReaderPlan): boolean {
  switch (plan.kind) {
    case 'array':
      return false;
    case 'tuple':
      return plan.items.every(isFlat);
    case 'object':
      return plan.entries.every((entry) => isFlat(entry.plan));
    default:
      return true;
  }
}

function planConstant(value: unknown): ReaderPlan | undefined {
  const isSpeltOneWay =
    typeof value === 'boolean' || typeof value === 'string' || (typeof value === 'number' && isFinite(value));
  return isSpeltOneWay ? { kind: 'constant', json: JSON.stringify(value) } : undefined;
}

/** Strings that need no escape; a message with another option of the list is left to the schema. */
function planChoice(options: readonly unknown[]): ReaderPlan | undefined {
  const texts = options.filter(
    (option): option is string => typeof option === 'string' && JSON.stringify(option) === `"${option}"`,
  );
  return texts.length === 0 || texts.length > MAX_NODES ? undefined : { kind: 'choice', texts };
}

/** An optional entry, once it is there, is read as what it wraps. */
function withoutOptional(schema: GenericSchema): { isOptional: boolean; value: GenericSchema | undefined } {
  const { type, wrapped } = schema as unknown as Node;
  if (type !== 'optional' && type !== 'exact_optional' && type !== 'nullish')
    return { isOptional: false, value: schema };
  if (hasDefault(schema) || !isPlain(schema)) return { isOptional: true, value: undefined };
  return { isOptional: true, value: type === 'nullish' ? nullable(wrapped as GenericSchema) : wrapped };
}

const hasDefault = (schema: GenericSchema): boolean => (schema as unknown as Node).default !== undefined;

let plainRuns: ReadonlyMap<string, string> | undefined;

/** The text of what each kind of schema runs. Made with the first reader, so that importing costs nothing. */
function sourcesOfPlain(): ReadonlyMap<string, string> {
  const text = string();
  const samples: GenericSchema[] = [
    ...[text, number(), boolean(), null_(), literal(''), picklist(['']), enum_({ a: 'a' })],
    ...[nullable(text), nullish(text), optional(text), exactOptional(text), array(text)],
    ...[object({}), looseObject({}), strictObject({}), tuple([]), looseTuple([]), strictTuple([])],
  ];
  return new Map(samples.map((sample) => [sample.type, String(sample['~run'])]));
}

/**
 * Whether a schema is exactly what its type says. `pipe`, `fallback` and `config` copy a schema with its type and put a
 * function of theirs where the schema's own was; that every schema has a function of its own leaves its text to compare.
 */
function isPlain(schema: GenericSchema): boolean {
  plainRuns ??= sourcesOfPlain();
  return !('fallback' in schema) && String(schema['~run']) === plainRuns.get(schema.type);
}
