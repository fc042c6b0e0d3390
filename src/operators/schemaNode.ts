import * as v from 'valibot';
import { actionRules, leafRules, type ValueTest } from './schemaRules.js';

/** What `getGlobalConfig()` gives: valibot's own functions take it. */
export type RunConfig = ReturnType<typeof v.getGlobalConfig>;
interface Dataset {
  readonly typed?: boolean;
  readonly value: unknown;
  readonly issues?: unknown;
}
/** A schema or an action, as valibot runs it. */
export interface Runnable {
  readonly kind: unknown;
  readonly type: string;
  readonly '~run': (dataset: Dataset, config: RunConfig) => Dataset;
  readonly [fact: string]: unknown;
}

export type Nil = 'null' | 'undefined' | 'nullish';
export type Others = 'strip' | 'keep' | 'refuse' | SchemaNode;
export interface EntryNode {
  readonly key: string;
  readonly node: SchemaNode;
  readonly schema: Runnable;
  /** What becomes of an object without the key. */
  readonly absent: 'refuse' | 'omit' | 'default';
}

type Shape =
  | { readonly kind: 'leaf'; readonly test: ValueTest }
  | { readonly kind: 'predicate'; readonly owner: Runnable; readonly method: string }
  | { readonly kind: 'transform'; readonly owner: Runnable }
  | { readonly kind: 'nil'; readonly nil: Nil; readonly inner: SchemaNode; readonly schema: Runnable }
  | { readonly kind: 'nonNil'; readonly nil: Nil; readonly inner: SchemaNode }
  | {
      readonly kind: 'object';
      readonly entries: readonly EntryNode[];
      readonly known: object;
      readonly others: Others;
    }
  | { readonly kind: 'tuple'; readonly items: readonly SchemaNode[]; readonly others: Others }
  | { readonly kind: 'array'; readonly item: SchemaNode }
  | { readonly kind: 'record'; readonly key: SchemaNode; readonly value: SchemaNode }
  | { readonly kind: 'union'; readonly options: readonly SchemaNode[] }
  | {
      readonly kind: 'variant';
      readonly key: string;
      readonly options: readonly { readonly when: SchemaNode; readonly node: SchemaNode }[];
      readonly schema: Runnable;
    }
  | { readonly kind: 'pipe'; readonly steps: readonly SchemaNode[] }
  /** Left to valibot. */
  | { readonly kind: 'valibot'; readonly run: Runnable };

/** What a schema does, free of valibot's objects: both back ends are written from it. */
export type SchemaNode = Shape & {
  /** Whether functions of the user run in it. */
  readonly calls: boolean;
  /** Whether to stop at the first misfit could skip functions of the user which valibot runs. */
  readonly skips: boolean;
};

/** Of schemas within schemas: entries may be getters that go round for ever. */
const MAX_DEPTH = 64;
/** Of schemas: those that getters make anew each time, two in each, would be without number long before they are too deep. */
const MAX_NODES = 10_000;

type Facts = Readonly<Record<string, unknown>>;

/** Found in a schema that has to be asked once and whole: by a pattern that remembers where it stopped, or asynchronously. */
class Unsplittable extends Error {}

/** @returns A node of kind `valibot` where the schema as a whole is better left to it. */
export function schemaNode(schema: Runnable): SchemaNode {
  try {
    return nodesOf()(schema);
  } catch (error) {
    if (error instanceof Unsplittable) return leftToValibot(schema);
    throw error;
  }
}

const leftToValibot = (run: Runnable): SchemaNode => ({ kind: 'valibot', run, calls: true, skips: true });

/** The schemas and actions told in this file. */
const samples: Readonly<Record<string, () => { readonly '~run': unknown }>> = {
  array: () => v.array(v.any()),
  custom: () => v.custom(() => true),
  exact_optional: () => v.exactOptional(v.any()),
  loose_object: () => v.looseObject({}),
  loose_tuple: () => v.looseTuple([]),
  non_nullable: () => v.nonNullable(v.any()),
  non_nullish: () => v.nonNullish(v.any()),
  non_optional: () => v.nonOptional(v.any()),
  nullable: () => v.nullable(v.any()),
  nullish: () => v.nullish(v.any()),
  object: () => v.object({}),
  object_with_rest: () => v.objectWithRest({}, v.any()),
  optional: () => v.optional(v.any()),
  pipe: () => v.pipe(v.any()),
  record: () => v.record(v.string(), v.any()),
  strict_object: () => v.strictObject({}),
  strict_tuple: () => v.strictTuple([]),
  tuple: () => v.tuple([]),
  tuple_with_rest: () => v.tupleWithRest([], v.any()),
  undefinedable: () => v.undefinedable(v.any()),
  union: () => v.union([]),
  variant: () => v.variant('type', []),
  // Actions
  brand: () => v.brand(''),
  check: () => v.check(() => true),
  flavor: () => v.flavor(''),
  readonly: () => v.readonly(),
  transform: () => v.transform(() => 0),
};

/** Left to valibot, but known to run nothing of the user's. */
const pureActions: typeof samples = {
  normalize: () => v.normalize(),
  to_bigint: () => v.toBigint(),
  to_boolean: () => v.toBoolean(),
  to_date: () => v.toDate(),
  to_lower_case: () => v.toLowerCase(),
  to_number: () => v.toNumber(),
  to_string: () => v.toString(),
  to_upper_case: () => v.toUpperCase(),
  trim: () => v.trim(),
  trim_end: () => v.trimEnd(),
  trim_start: () => v.trimStart(),
  url: () => v.url(),
};

const texts = new Map<string, string>();
const textOf = (run: unknown): string =>
  typeof run === 'function' ? Function.prototype.toString.call(run) : '';

/**
 * Whether a schema or an action runs the very code that valibot's own of this type runs: `config`, `message`, `fallback`, `cache`
 * and whoever spreads a schema keep its type and give it other code. That code reads what it needs from `this`, so its text
 * tells all there is to know, also of a second copy of valibot.
 */
function runsAs(type: string, item: Facts): boolean {
  let text = texts.get(type);
  if (text === undefined) {
    const sample = leafRules[type]?.sample ?? actionRules[type]?.sample ?? samples[type] ?? pureActions[type];
    if (!sample) return false;
    text = textOf(sample()['~run']);
    texts.set(type, text);
  }
  return text !== '' && text === textOf(item['~run']);
}

const nils: Readonly<Record<string, Nil>> = {
  nullable: 'null',
  optional: 'undefined',
  undefinedable: 'undefined',
  nullish: 'nullish',
  non_nullable: 'null',
  non_optional: 'undefined',
  non_nullish: 'nullish',
};
const omittable = new Set(['exact_optional', 'optional', 'nullish']);
const hasMessage = (item: Facts): boolean => typeof item['message'] === 'function';

function nodesOf(): (schema: Runnable) => SchemaNode {
  const nodes = new Map<unknown, SchemaNode>();

  let depth = 0;

  const nodeOf = (schema: Runnable): SchemaNode => {
    let node = nodes.get(schema);
    if (!node) {
      if (schema['async'] !== false) throw new Unsplittable();
      depth += 1;
      node = depth > MAX_DEPTH || nodes.size > MAX_NODES ? leftToValibot(schema) : build(schema);
      depth -= 1;
      nodes.set(schema, node);
    }
    return node;
  };

  /** Of one made of others: what they run is skipped once one before them does not fit. */
  const composite = (shape: Shape, schema: Facts, children: readonly SchemaNode[]): SchemaNode => {
    const calls = hasMessage(schema) || children.some((child) => child.calls);
    return { ...shape, calls, skips: calls };
  };
  /** Of one that asks another, and no more. */
  const around = (shape: Shape, schema: Facts, inner: SchemaNode, callsItself = false): SchemaNode => ({
    ...shape,
    calls: inner.calls || callsItself || hasMessage(schema),
    skips: inner.skips || hasMessage(schema),
  });

  const build = (schema: Runnable): SchemaNode => {
    if ('pipe' in schema && runsAs('pipe', schema)) return pipeNode(schema['pipe'] as readonly Runnable[]);
    const { type } = schema;
    if (!runsAs(type, schema)) return leftToValibot(schema);
    const leaf = leafRules[type]?.test(schema);
    if (leaf) {
      const calls = hasMessage(schema);
      return { kind: 'leaf', test: leaf, calls, skips: calls };
    }
    const child = (name: string): SchemaNode => nodeOf(schema[name] as Runnable);
    const children = (name: string): SchemaNode[] => (schema[name] as readonly Runnable[]).map(nodeOf);
    switch (type) {
      case 'custom':
        return { kind: 'predicate', owner: schema, method: 'check', calls: true, skips: hasMessage(schema) };
      case 'exact_optional':
        return child('wrapped');
      case 'nullable':
      case 'nullish':
      case 'optional':
      case 'undefinedable': {
        const inner = child('wrapped');
        const shape = { kind: 'nil', nil: nils[type] ?? 'nullish', inner, schema } as const;
        return around(shape, schema, inner, typeof schema['default'] === 'function');
      }
      case 'non_nullable':
      case 'non_nullish':
      case 'non_optional': {
        const inner = child('wrapped');
        return around({ kind: 'nonNil', nil: nils[type] ?? 'nullish', inner }, schema, inner);
      }
      case 'object':
        return objectNode(schema, 'strip');
      case 'loose_object':
        return objectNode(schema, 'keep');
      case 'strict_object':
        return objectNode(schema, 'refuse');
      case 'object_with_rest':
        return objectNode(schema, child('rest'));
      case 'tuple':
        return tupleNode(schema, 'strip');
      case 'loose_tuple':
        return tupleNode(schema, 'keep');
      case 'strict_tuple':
        return tupleNode(schema, 'refuse');
      case 'tuple_with_rest':
        return tupleNode(schema, child('rest'));
      case 'array': {
        const item = child('item');
        return composite({ kind: 'array', item }, schema, [item]);
      }
      case 'record': {
        const shape = { kind: 'record', key: child('key'), value: child('value') } as const;
        return composite(shape, schema, [shape.key, shape.value]);
      }
      case 'union': {
        const options = children('options');
        // An option that fails is run to its end by valibot, with all that it calls.
        if (hasMessage(schema) || options.some((option) => option.skips)) return leftToValibot(schema);
        return composite({ kind: 'union', options }, schema, options);
      }
      case 'variant':
        return variantNode(schema);
      default:
        return leftToValibot(schema);
    }
  };

  const objectNode = (schema: Runnable, others: Others): SchemaNode => {
    const known = schema['entries'] as Readonly<Record<string, Runnable>>;
    const entries: EntryNode[] = [];
    for (const key in known) {
      const entry = known[key];
      // A key that sets the prototype, one that is inherited, a fallback for one that is missing: too odd to be told twice.
      if (!entry || key === '__proto__' || !Object.hasOwn(known, key) || entry['fallback'] !== undefined)
        return leftToValibot(schema);
      const isOmittable = omittable.has(entry.type);
      const absent = !isOmittable ? 'refuse' : entry['default'] === undefined ? 'omit' : 'default';
      entries.push({ key, node: nodeOf(entry), schema: entry, absent });
    }
    const asked = entries.map(({ node }) => node);
    const node = composite({ kind: 'object', entries, known, others }, schema, [
      ...asked,
      ...(typeof others === 'object' ? [others] : []),
    ]);
    const defaults = entries.some(({ schema: entry }) => typeof entry['default'] === 'function');
    return defaults ? { ...node, calls: true, skips: true } : node;
  };

  const tupleNode = (schema: Runnable, others: Others): SchemaNode => {
    const items = (schema['items'] as readonly Runnable[]).map(nodeOf);
    const asked = typeof others === 'object' ? [...items, others] : items;
    return composite({ kind: 'tuple', items, others }, schema, asked);
  };

  const variantNode = (schema: Runnable): SchemaNode => {
    const key = schema['key'] as string;
    const options: { readonly when: SchemaNode; readonly node: SchemaNode }[] = [];
    for (const option of schema['options'] as readonly Runnable[]) {
      const known = option['entries'] as Readonly<Record<string, Runnable>> | undefined;
      const entry = option.type === 'variant' ? undefined : known?.[key];
      const when = entry && !omittable.has(entry.type) ? nodeOf(entry) : undefined;
      if (when?.kind !== 'leaf' || when.calls) return leftToValibot(schema);
      options.push({ when, node: nodeOf(option) });
    }
    if (typeof key !== 'string' || hasMessage(schema)) return leftToValibot(schema);
    // Where the chosen option does not fit, valibot is asked for the whole variant, so nothing is skipped but before that.
    const nodes = options.map(({ node }) => node);
    return composite({ kind: 'variant', key, options, schema }, schema, nodes);
  };

  const pipeNode = (items: readonly Runnable[]): SchemaNode => {
    const steps: SchemaNode[] = [];
    for (const item of items) {
      if (item.kind === 'schema') steps.push(nodeOf(item));
      else if (item.kind !== 'metadata') {
        const step = actionNode(item);
        if (step) steps.push(step);
      }
    }
    const [first] = steps;
    if (first && steps.length === 1) return first;
    return {
      kind: 'pipe',
      steps,
      calls: steps.some(({ calls }) => calls),
      // After a check that failed valibot asks the next; it transforms nothing more.
      skips: steps.some(
        ({ skips, calls, kind }, at) =>
          skips || (at > 0 && calls && (kind === 'predicate' || kind === 'valibot')),
      ),
    };
  };

  return nodeOf;
}

/** Undefined for an action that does nothing. */
function actionNode(action: Runnable): SchemaNode | undefined {
  const { type } = action;
  if (action['async'] !== false) throw new Unsplittable();
  if (!runsAs(type, action)) return leftToValibot(action);
  const rule = actionRules[type];
  if (rule) {
    const test = rule.test(action);
    if (!test) throw new Unsplittable();
    return { kind: 'leaf', test, calls: hasMessage(action), skips: hasMessage(action) };
  }
  if (type === 'transform') return { kind: 'transform', owner: action, calls: true, skips: false };
  if (type === 'check')
    return {
      kind: 'predicate',
      owner: action,
      method: 'requirement',
      calls: true,
      skips: hasMessage(action),
    };
  if (!(type in pureActions)) return undefined;
  return { kind: 'valibot', run: action, calls: hasMessage(action), skips: hasMessage(action) };
}
