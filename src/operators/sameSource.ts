import type { SchemaNode } from './schemaNode.js';

/** What the text of a test may be closed over, and where it is put. */
export interface SameHost {
  /** Names a constant. */
  readonly bind: (constant: unknown) => string;
  /** Takes the text of a function. */
  readonly add: (text: string) => void;
}

/**
 * Writes tests that say of an object, a tuple or an array whether it comes out of a node as it went in: it fits, and nothing is
 * stripped from it, filled in, made over or put in another order. Only of what `JSON.parse` makes can that be told by a look at
 * its keys. So what is nobody else's may be handed on, where a copy of it would be no different.
 *
 * @returns The name of a node's test; `undefined` where there is none, as what comes out of it may be something else.
 */
export function createSameness({ bind, add }: SameHost): (node: SchemaNode) => string | undefined {
  const names = new Map<SchemaNode, string | undefined>();

  const nameOf = (node: SchemaNode): string | undefined => {
    if (names.has(node)) return names.get(node);
    const name = `s${names.size}`;
    names.set(node, undefined); // for nodes that lead back to themselves
    const body = bodyOf(node);
    if (body === undefined) return undefined;
    add(`function ${name}(v) {\n${body}\nreturn true;\n}`);
    names.set(node, name);
    return name;
  };

  /** An expression that is true if a value comes out of a node as it is. */
  const test = (node: SchemaNode, value: string): string | undefined => {
    if (node.kind === 'leaf') return node.test.sourceOfJson?.(value) ?? node.test.source(value, bind);
    if (node.kind === 'nil') return node.schema['default'] === undefined ? orNil(node, value) : undefined;
    // Of objects an earlier option might strip what a later one leaves as it is.
    if (node.kind === 'union')
      return anyOf(node.options.map((option) => (option.kind === 'leaf' ? test(option, value) : undefined)));
    const name = nameOf(node);
    return name && `${name}(${value})`;
  };

  const orNil = (node: Extract<SchemaNode, { kind: 'nil' }>, value: string): string | undefined =>
    anyOf([
      { null: `${value} === null`, undefined: `${value} === void 0`, nullish: `${value} == null` }[node.nil],
      test(node.inner, value),
    ]);

  const bodyOf = (node: SchemaNode): string | undefined => {
    if (node.kind === 'object') return objectBody(node);
    if (node.kind === 'tuple') {
      const lines = checks(node.items.map((item, at) => ({ item, place: `v[${at}]` })));
      return lines && `if (!Array.isArray(v) || v.length !== ${node.items.length}) return false;\n${lines}`;
    }
    if (node.kind !== 'array') return undefined;
    const lines = checks([{ item: node.item, place: 'v[at]' }]);
    return (
      lines && `if (!Array.isArray(v)) return false;\nfor (let at = 0; at < v.length; at++) {\n${lines}\n}`
    );
  };

  const objectBody = ({ entries }: Extract<SchemaNode, { kind: 'object' }>): string | undefined => {
    const keys = entries.map(({ key }) => key);
    // An array has no keys either; a number comes before all other keys; and `__proto__` is a key of its own kind.
    if (keys.length === 0 || keys.some((key) => /^\d+$/.test(key) || key === '__proto__')) return undefined;
    const lines = checks(
      entries.map(({ key, node }) => ({ item: node, place: `v[${JSON.stringify(key)}]` })),
    );
    return (
      lines &&
      `if (typeof v !== 'object' || v === null) return false;
let n = 0;
for (const k in v) if (k !== ${bind(keys)}[n++]) return false;
if (n !== ${keys.length}) return false;
${lines}`
    );
  };

  const checks = (
    parts: readonly { readonly item: SchemaNode; readonly place: string }[],
  ): string | undefined => {
    const lines = parts.map(({ item, place }, at) => {
      const condition = test(item, `e${at}`);
      return condition === undefined
        ? undefined
        : `const e${at} = ${place}; if (!(${condition})) return false;`;
    });
    return lines.includes(undefined) ? undefined : lines.join('\n') || undefined;
  };

  return nameOf;
}

/** One of them holds; none is `false`. */
const anyOf = (tests: readonly (string | undefined)[]): string | undefined =>
  tests.includes(undefined) ? undefined : ['false', ...tests.map((each) => `(${each})`)].join(' || ');
