import { createSameness } from './sameSource.js';
import { type Nil, type Others, type SchemaNode } from './schemaNode.js';
import { defaultOf, isOwnName, misfit, missingDefaultOf, runAsValibot } from './schemaRun.js';

/** Nodes written into one function; what is left beyond that becomes a function of its own. V8 does not optimize very long ones. */
const MAX_NODES = 250;

type NodeOf<K extends SchemaNode['kind']> = Extract<SchemaNode, { kind: K }>;

/**
 * The text of a function that does what a node does, and the constants it is closed over. Nothing of the schema gets into the
 * text but keys and short literals, each through `JSON.stringify`.
 *
 * @param isOwn Its input is what `JSON.parse` made, and nobody else has it: what would be copied as it is, is handed on.
 */
export function schemaSource(
  root: SchemaNode,
  isOwn = false,
): {
  readonly text: string;
  readonly constants: readonly unknown[];
} {
  const constants: unknown[] = [misfit, isOwnName, Object.hasOwn, defaultOf, missingDefaultOf, runAsValibot];
  const [MISFIT, IS_OWN_NAME, HAS_OWN, DEFAULT_OF, MISSING_DEFAULT_OF, RUN_AS_VALIBOT] = constants.map(
    (_constant, at) => nameOf(at),
  );
  const names = new Map<unknown, string>();
  const bind = (constant: unknown): string => {
    const known = names.get(constant); // 0 for -0 too: no test tells them apart
    if (known !== undefined) return known;
    const name = nameOf(constants.push(constant) - 1);
    names.set(constant, name);
    return name;
  };

  const functions: string[] = [];
  const sameName = createSameness({ bind, add: (text) => functions.push(text) });
  const own = new Map<SchemaNode, string>();
  const copied = new Map<SchemaNode, string>();
  /** A function of its own for a node; each is written once for inputs of one's own, and once for others. */
  const functionOf = (node: SchemaNode, isOwn: boolean): string => {
    const names = isOwn ? own : copied;
    const known = names.get(node);
    if (known !== undefined) return known;
    const name = `f${own.size + copied.size}`;
    names.set(node, name);
    functions.push(writeFunction(name, node, isOwn));
    return name;
  };

  const writeFunction = (name: string, root: SchemaNode, isOwn: boolean): string => {
    let mayKeep = isOwn;
    const lines: string[] = [];
    let count = 0;
    let nodes = 0;
    const put = (line: string): void => void lines.push(line);
    const fresh = (): string => `v${(count += 1)}`;
    const keep = (expression: string): string => {
      if (/^v\d+$/.test(expression)) return expression;
      const name = fresh();
      put(`const ${name} = ${expression};`);
      return name;
    };

    /** Writes what a node checks; gives an expression for its output, to be evaluated once. `fail` is a statement. */
    const write = (node: SchemaNode, value: string, fail: string): string => {
      nodes += 1;
      if (nodes > MAX_NODES && node.kind !== 'leaf') {
        const output = keep(`${functionOf(node, mayKeep)}(${value})`);
        put(`if (${output} === ${MISFIT}) ${fail}`);
        return output;
      }
      const same = mayKeep ? sameName(node) : undefined;
      if (same === undefined) return writers[node.kind](node as never, value, fail);
      const output = fresh();
      put(`let ${output} = ${value}; if (!${same}(${value})) {`);
      put(`${output} = ${writers[node.kind](node as never, value, fail)}; }`);
      return output;
    };
    /** As `write`, for what is somebody else's, or will be: a default is the schema's, and a step of a pipe may be anything. */
    const writeCopy: typeof write = (...of) => {
      const before = mayKeep;
      mayKeep = false;
      const output = write(...of);
      mayKeep = before;
      return output;
    };

    const writers: {
      readonly [K in SchemaNode['kind']]: (node: NodeOf<K>, value: string, fail: string) => string;
    } = {
      leaf: ({ test }, value, fail) => {
        const source = test.source(value, bind);
        if (source !== 'true') put(`if (!(${source})) ${fail}`);
        return value;
      },
      predicate: ({ owner, method }, value, fail) => {
        put(`if (!${bind(owner)}.${method}(${value})) ${fail}`);
        return value;
      },
      transform: ({ owner }, value) => keep(`${bind(owner)}.operation(${value})`),
      nil: ({ nil, inner, schema }, value, fail) => {
        let input = value;
        const hasDefault = schema['default'] !== undefined;
        if (hasDefault)
          input = keep(`${isNil(nil, value)} ? ${DEFAULT_OF}(${bind(schema)}, ${value}) : ${value}`);
        const output = fresh();
        put(`let ${output} = ${input}; if (!(${isNil(nil, input)})) {`);
        put(`${output} = ${(hasDefault ? writeCopy : write)(inner, input, fail)}; }`);
        return output;
      },
      nonNil: ({ nil, inner }, value, fail) => {
        put(`if (${isNil(nil, value)}) ${fail}`);
        const output = keep(write(inner, value, fail));
        put(`if (${isNil(nil, output)}) ${fail}`);
        return output;
      },
      object: (node, input, fail) => {
        put(`if (typeof ${input} !== 'object' || ${input} === null) ${fail}`);
        const fields = node.entries.map(({ key, node: entry, absent, schema }) => {
          const name = JSON.stringify(key);
          if (absent === 'omit') {
            const isThere = fresh();
            const output = fresh();
            put(`const ${isThere} = ${name} in ${input}; let ${output}; if (${isThere}) {`);
            put(`${output} = ${write(entry, keep(`${input}[${name}]`), fail)}; }`);
            return { name, output, isThere };
          }
          if (absent === 'refuse') put(`if (!(${name} in ${input})) ${fail}`);
          const value = `${input}[${name}]`;
          if (absent === 'refuse')
            return { name, output: write(entry, keep(value), fail), isThere: undefined };
          const found = `${name} in ${input} ? ${value} : ${MISSING_DEFAULT_OF}(${bind(schema)})`;
          return { name, output: writeCopy(entry, keep(found), fail), isThere: undefined };
        });
        if (node.others === 'refuse')
          put(`for (const k in ${input}) if (!${HAS_OWN}(${bind(node.known)}, k)) ${fail}`);
        const output = writeObject(fields);
        if (node.others === 'strip' || node.others === 'refuse') return output;
        const object = keep(output);
        const key = fresh();
        put(`for (const ${key} in ${input})`);
        put(`if (${IS_OWN_NAME}(${input}, ${key}) && !${HAS_OWN}(${bind(node.known)}, ${key})) {`);
        put(`${object}[${key}] = ${writeOther(node.others, `${input}[${key}]`, fail)}; }`);
        return object;
      },
      tuple: ({ items, others }, input, fail) => {
        put(`if (!Array.isArray(${input})) ${fail}`);
        const outputs = items.map((item, at) => write(item, keep(`${input}[${at}]`), fail));
        if (others === 'refuse') put(`if (${items.length} < ${input}.length) ${fail}`);
        const output = `[${outputs.join(', ')}]`;
        if (others === 'strip' || others === 'refuse') return output;
        return writeRest(keep(output), input, items.length, others, fail);
      },
      array: ({ item }, input, fail) => {
        put(`if (!Array.isArray(${input})) ${fail}`);
        return writeRest(keep('[]'), input, 0, item, fail);
      },
      record: ({ key, value }, input, fail) => {
        put(`if (typeof ${input} !== 'object' || ${input} === null) ${fail}`);
        const output = keep('{}');
        const name = fresh();
        put(`for (const ${name} in ${input}) if (${IS_OWN_NAME}(${input}, ${name})) {`);
        const entry = keep(`${input}[${name}]`);
        const outputKey = keep(write(key, name, fail));
        put(`${output}[${outputKey}] = ${write(value, entry, fail)}; }`);
        return output;
      },
      union: ({ options }, value, fail) => {
        const output = fresh();
        const done = `u${output}`;
        put(`let ${output}; ${done}: {`);
        options.forEach((option, at) => {
          put(`${done}_${at}: {`);
          put(`${output} = ${write(option, value, `break ${done}_${at};`)}; break ${done}; }`);
        });
        put(`${fail} }`);
        return output;
      },
      variant: ({ key, options, schema }, input, fail) => {
        const name = JSON.stringify(key);
        const output = fresh();
        const done = `u${output}`;
        put(`if (typeof ${input} !== 'object' || ${input} === null) ${fail}`);
        put(`let ${output} = ${MISFIT}; ${done}: {`);
        options.forEach(({ when, node }, at) => {
          put(`${done}_${at}: { if (!(${name} in ${input})) break ${done}_${at};`);
          write(when, keep(`${input}[${name}]`), `break ${done}_${at};`);
          put(`${output} = ${functionOf(node, mayKeep)}(${input});`);
          // Another option may fit, or none: which of them counts depends on how each fails.
          put(`if (${output} === ${MISFIT}) ${output} = ${RUN_AS_VALIBOT}(${bind(schema)}, ${input});`);
          put(`break ${done}; }`);
        });
        put(`} if (${output} === ${MISFIT}) ${fail}`);
        return output;
      },
      pipe: ({ steps }, value, fail) => {
        const onlyLook = steps.slice(1).every(({ kind }) => kind === 'leaf');
        return steps.reduce((input, step) => keep((onlyLook ? write : writeCopy)(step, input, fail)), value);
      },
      valibot: ({ run }, value, fail) => {
        const output = keep(`${RUN_AS_VALIBOT}(${bind(run)}, ${value})`);
        put(`if (${output} === ${MISFIT}) ${fail}`);
        return output;
      },
    };

    const writeOther = (others: Others, value: string, fail: string): string =>
      typeof others === 'object' ? write(others, keep(value), fail) : value;

    const writeRest = (output: string, input: string, from: number, others: Others, fail: string): string => {
      const at = fresh();
      put(`for (let ${at} = ${from}; ${at} < ${input}.length; ${at}++) {`);
      put(`${output}.push(${writeOther(others, `${input}[${at}]`, fail)}); }`);
      return output;
    };

    /** One literal where all is there, and one where nothing is that may be missing: their objects are all of one shape. */
    const writeObject = (
      fields: readonly {
        readonly name: string;
        readonly output: string;
        readonly isThere: string | undefined;
      }[],
    ): string => {
      const literal = (some: typeof fields): string =>
        `{${some.map(({ name, output }) => `${name}: ${output}`).join(', ')}}`;
      const flags = fields.flatMap(({ isThere }) => isThere ?? []);
      if (flags.length === 0) return literal(fields);
      const plain = fields.map((field) => ({ ...field, output: keep(field.output) }));
      const from = plain.findIndex(({ isThere }) => isThere !== undefined);
      const output = fresh();
      put(`let ${output}; if (${flags.join(' && ')}) ${output} = ${literal(plain)};`);
      put(
        `else if (!(${flags.join(' || ')})) ${output} = ${literal(plain.filter(({ isThere }) => isThere === undefined))};`,
      );
      put(`else { ${output} = ${literal(plain.slice(0, from))};`);
      for (const { name, output: value, isThere } of plain.slice(from))
        put(`${isThere === undefined ? '' : `if (${isThere}) `}${output}[${name}] = ${value};`);
      put('}');
      return output;
    };

    const output = write(root, 'v0', `return ${MISFIT};`);
    return `function ${name}(v0) {\n${lines.join('\n')}\nreturn ${output};\n}`;
  };

  const main = functionOf(root, isOwn);
  return { text: `'use strict';\n${functions.join('\n')}\nreturn ${main};`, constants };
}

/** Under which name generated code finds the constant of this number. */
export const nameOf = (at: number): string => `c${at}`;

const isNil = (nil: Nil, value: string): string =>
  ({
    null: `${value} === null`,
    undefined: `${value} === void 0`,
    nullish: `${value} === null || ${value} === void 0`,
  })[nil];
