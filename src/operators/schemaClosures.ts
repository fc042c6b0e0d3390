import { type EntryNode, type Nil, type Others, type Runnable, type SchemaNode } from './schemaNode.js';
import { defaultOf, isOwnName, misfit, missingDefaultOf, runAsValibot } from './schemaRun.js';

type Run = (input: unknown) => unknown;
/** Called on their owner, as valibot calls them. */
type Methods = Readonly<Record<string, Run | undefined>>;
type Keyed = Record<string, unknown>;

/** A function made of functions, one for each node: for where no code may be generated. */
export function schemaClosures(root: SchemaNode): Run {
  const runs = new Map<SchemaNode, Run>();

  const runOf = (node: SchemaNode): Run => {
    let run = runs.get(node);
    if (!run) {
      run = build(node);
      runs.set(node, run);
    }
    return run;
  };

  const build = (node: SchemaNode): Run => {
    switch (node.kind) {
      case 'leaf': {
        const { holds, run } = node.test;
        return run ?? ((input) => (holds(input) ? input : misfit));
      }
      case 'predicate': {
        const { owner, method } = node;
        return (input) => ((owner as Methods)[method]?.(input) ? input : misfit);
      }
      case 'transform': {
        const { owner } = node;
        return (input) => (owner as Methods)['operation']?.(input);
      }
      case 'nil':
        return nilRun(isNil(node.nil), node.schema, runOf(node.inner));
      case 'nonNil':
        return nonNilRun(isNil(node.nil), runOf(node.inner));
      case 'object':
        return objectRun(node.entries, node.known, node.others);
      case 'tuple':
        return tupleRun(node.items.map(runOf), node.others);
      case 'array':
        return arrayRun(runOf(node.item));
      case 'record':
        return recordRun(runOf(node.key), runOf(node.value));
      case 'union':
        return unionRun(node.options.map(runOf));
      case 'variant':
        return variantRun(
          node.key,
          node.options.map((option) => [runOf(option.when), runOf(option.node)]),
          node.schema,
        );
      case 'pipe':
        return pipeRun(node.steps.map(runOf));
      case 'valibot': {
        const { run } = node;
        return (input) => runAsValibot(run, input);
      }
    }
  };

  const objectRun = (entries: readonly EntryNode[], known: object, others: Others): Run => {
    const keys = entries.map(({ key }) => key);
    const parts = entries.map(({ node }) => runOf(node));
    const rest = typeof others === 'object' ? runOf(others) : undefined;
    const addOthers = (from: Keyed, output: Keyed): unknown => {
      for (const key in from) {
        if (Object.hasOwn(known, key)) continue;
        if (others === 'refuse') return misfit;
        if (!isOwnName(from, key)) continue;
        const result = rest ? rest(from[key]) : from[key];
        if (result === misfit) return misfit;
        output[key] = result;
      }
      return output;
    };

    return (input) => {
      if (typeof input !== 'object' || input === null) return misfit;
      const from = input as Keyed;
      const output: Keyed = {};
      for (let at = 0; at < keys.length; at++) {
        const key = keys[at] as string;
        const isThere = key in from;
        if (!isThere) {
          const { absent } = entries[at] as EntryNode;
          if (absent === 'omit') continue;
          if (absent === 'refuse') return misfit;
        }
        const value = isThere ? from[key] : missingDefaultOf((entries[at] as EntryNode).schema);
        const result = (parts[at] as Run)(value);
        if (result === misfit) return misfit;
        output[key] = result;
      }
      return others === 'strip' ? output : addOthers(from, output);
    };
  };

  const arrayRun =
    (item: Run): Run =>
    (input) => {
      if (!Array.isArray(input)) return misfit;
      const output: unknown[] = [];
      for (let at = 0; at < input.length; at++) {
        const result = item(input[at]);
        if (result === misfit) return misfit;
        output.push(result);
      }
      return output;
    };

  const tupleRun = (items: readonly Run[], others: Others): Run => {
    const rest = typeof others === 'object' ? runOf(others) : undefined;
    return (input) => {
      if (!Array.isArray(input)) return misfit;
      // Of its length at once: a first push makes room for 17.
      const output = new Array<unknown>(items.length);
      for (let at = 0; at < items.length; at++) {
        const result = (items[at] as Run)(input[at]);
        if (result === misfit) return misfit;
        output[at] = result;
      }
      if (others === 'strip') return output;
      if (others === 'refuse') return items.length < input.length ? misfit : output;
      for (let at = items.length; at < input.length; at++) {
        const result: unknown = rest ? rest(input[at]) : input[at];
        if (result === misfit) return misfit;
        output.push(result);
      }
      return output;
    };
  };

  return runOf(root);
}

const isNil = (nil: Nil): ((value: unknown) => boolean) =>
  ({
    null: (value: unknown) => value === null,
    undefined: (value: unknown) => value === undefined,
    nullish: (value: unknown) => value === null || value === undefined,
  })[nil];

const nilRun = (is: (value: unknown) => boolean, schema: Runnable, inner: Run): Run => {
  const hasDefault = schema['default'] !== undefined;
  return (input) => {
    const value = hasDefault && is(input) ? defaultOf(schema, input) : input;
    return is(value) ? value : inner(value);
  };
};

const nonNilRun =
  (is: (value: unknown) => boolean, inner: Run): Run =>
  (input) => {
    const output = is(input) ? misfit : inner(input);
    return is(output) ? misfit : output;
  };

const recordRun =
  (key: Run, value: Run): Run =>
  (input) => {
    if (typeof input !== 'object' || input === null) return misfit;
    const from = input as Keyed;
    const output: Keyed = {};
    for (const name in from)
      if (isOwnName(from, name)) {
        const entry = from[name];
        const outputKey = key(name);
        if (outputKey === misfit) return misfit;
        const outputValue = value(entry);
        if (outputValue === misfit) return misfit;
        output[outputKey as string] = outputValue;
      }
    return output;
  };

const unionRun =
  (options: readonly Run[]): Run =>
  (input) => {
    for (const option of options) {
      const output = option(input);
      if (output !== misfit) return output;
    }
    return misfit;
  };

const variantRun =
  (key: string, options: readonly (readonly [when: Run, run: Run])[], schema: Runnable): Run =>
  (input) => {
    if (typeof input !== 'object' || input === null) return misfit;
    for (const [when, run] of options)
      if (key in input && when((input as Keyed)[key]) !== misfit) {
        const output = run(input);
        // Another option may fit, or none: which of them counts depends on how each fails.
        return output === misfit ? runAsValibot(schema, input) : output;
      }
    return misfit;
  };

const pipeRun =
  (steps: readonly Run[]): Run =>
  (input) => {
    let value = input;
    for (const step of steps) {
      value = step(value);
      if (value === misfit) return misfit;
    }
    return value;
  };
