import { type OptionNames, refuseUnknown } from './refuseUnknown.js';
import type { GenericSchema, InferOutput } from 'valibot';
import { schemaClosures } from './schemaClosures.js';
import { type Runnable, type SchemaNode, schemaNode } from './schemaNode.js';
import { misfit, runAsValibot } from './schemaRun.js';
import { nameOf, schemaSource } from './schemaSource.js';

/** A schema as one function: the output of what fits, `misfit` for what does not. */
export type CompiledSchema<T> = (input: unknown) => T | typeof misfit;

export interface CompileSchemaConfig {
  /**
   * Whether code may be generated; functions within functions do the same, but take as long as valibot, nearly. @default where the
   * platform allows it: the policy of a page may not
   */
  readonly generate?: boolean;
  /**
   * Its inputs are what `JSON.parse` made, and nobody else has them: what would come out as an equal copy is handed on as it is,
   * which saves a book of forty levels 3 kB of garbage. Needs generated code. @default false
   */
  readonly isOwn?: boolean;
}

const OPTIONS: OptionNames<CompileSchemaConfig> = { generate: true, isOwn: true };

type Compiled = CompiledSchema<unknown> | undefined;
/** What a schema was made into, with generated code, with such for inputs of one's own, and without. */
const made = {
  generated: new WeakMap<object, Compiled>(),
  forOwn: new WeakMap<object, Compiled>(),
  closures: new WeakMap<object, Compiled>(),
};

/**
 * Makes one plain function of a valibot schema: it lets through what `safeParse` does, and gives what `safeParse` puts out, in a
 * fraction of the time; it does not say what is wrong with the rest. What it does not know is left to valibot, node by node.
 *
 * A schema is compiled once and remembered, so it must not be changed afterwards. Functions in a schema (`transform`, `check`, a
 * default) should be pure: about a message that does not fit they may be asked a second time, by whoever wants to know why. Where an
 * option of a union fails, a property that throws or changes as it is read may be read less often than by valibot; and a Proxy is
 * asked once whether it has a key, not twice.
 *
 * @throws {TypeError} If an option is misspelt.
 */
export function compileSchema<const S extends GenericSchema>(
  schema: S,
  config: CompileSchemaConfig = {},
): CompiledSchema<InferOutput<S>> {
  refuseUnknown('compileSchema', config, OPTIONS);
  return compileKnown(schema, config) ?? ((input) => runAsValibot(schema as unknown as Runnable, input));
}

/** As `compileSchema`; undefined for a schema that has to be left to valibot as a whole. */
export function compileKnown<const S extends GenericSchema>(
  schema: S,
  { generate = true, isOwn = false }: CompileSchemaConfig = {},
): CompiledSchema<InferOutput<S>> | undefined {
  const generates = generate && mayGenerate();
  const remembered = !generates ? made.closures : isOwn ? made.forOwn : made.generated;
  if (!remembered.has(schema)) {
    const node = schemaNode(schema as unknown as Runnable);
    const compile = generates ? () => generated(node, isOwn) : () => schemaClosures(node);
    remembered.set(schema, node.kind === 'valibot' ? undefined : compile());
  }
  return remembered.get(schema);
}

/** Makes a function of parameters' names and a body; a Content Security Policy may forbid it. */
const construct = (parameters: readonly string[], body: string): unknown =>
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the purpose: the text is schemaSource's, never a message's
  new Function(...parameters, body);

let isAllowed: boolean | undefined;
/** Tried once, when the first schema is compiled. */
function mayGenerate(): boolean {
  if (isAllowed === undefined)
    try {
      construct([], '');
      isAllowed = true;
    } catch {
      isAllowed = false;
    }
  return isAllowed;
}

function generated(node: SchemaNode, isOwn: boolean): (input: unknown) => unknown {
  const { text, constants } = schemaSource(node, isOwn);
  const make = construct(
    constants.map((_constant, at) => nameOf(at)),
    text,
  ) as (...constants: readonly unknown[]) => (input: unknown) => unknown;
  return make(...constants);
}

export { misfit };
