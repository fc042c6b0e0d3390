import { filter, map, type OperatorFunction } from 'rxjs';
import { type BaseIssue, type GenericSchema, type InferOutput, safeParse } from 'valibot';
import { type CompiledSchema, compileKnown, misfit } from './compileSchema.js';
import { type OptionNames, refuseUnknown } from './refuseUnknown.js';

export interface ParseAsConfig<In = unknown> {
  /** Told of each message that does not fit, and why. If it throws, the stream errors. */
  readonly onReject?: (message: In, issues: [BaseIssue<unknown>, ...BaseIssue<unknown>[]]) => void;
  /**
   * Told of each message on which the schema itself threw, in a `check` or a `transform`; the stream goes on without
   * it. If it throws, the stream errors. @default the stream errors with what the schema threw
   */
  readonly onError?: (message: In, error: unknown) => void;
}

const OPTIONS: OptionNames<ParseAsConfig> = {
  onReject: true,
  onError: true,
};

/**
 * Lets through what fits a valibot schema, as the schema's output; a misfit goes aside and never ends the stream.
 *
 *     source   --{n:1}--{n:'?'}--{n:2}--|
 *     parseAs  --{n:1}-----------{n:2}--|
 *
 * The schema is compiled: see `compileSchema` for what it asks of functions in a schema.
 *
 * @throws {TypeError} On creation, if `schema` is no valibot schema, or an asynchronous one, as its answers could
 * overtake each other; or if an option is misspelt.
 */
export function parseAs<const S extends GenericSchema, In = unknown>(
  schema: S,
  config: ParseAsConfig<In> = {},
): OperatorFunction<In, InferOutput<S>> {
  refuseUnknown('parseAs', config, OPTIONS);
  const parser = new Parser(schema, config);
  return (source) =>
    source.pipe(
      map((message) => parser.parse(message)),
      filter((output) => output !== misfit),
    );
}

/**
 * `parseAs` for one message after another. A class: what closures share lies elsewhere in memory, and every message would go there.
 */
export class Parser<const S extends GenericSchema, In = unknown> {
  private readonly compiled: CompiledSchema<InferOutput<S>>;

  /**
   * @param isOwn As `compileSchema`'s.
   * @throws {TypeError} On creation, as `parseAs` does.
   */
  constructor(
    private readonly schema: S,
    private readonly config: ParseAsConfig<In> = {},
    isOwn = false,
  ) {
    checkSchema(schema);
    this.compiled = compileKnown(schema, { isOwn }) ?? noneFits;
  }

  /** Its output, or `misfit` once a hook was told. What the operator does with hooks that throw, this does by throwing. */
  parse(message: In): InferOutput<S> | typeof misfit {
    const { config } = this;
    let result;
    try {
      const output = this.compiled(message);
      // Most are objects, and to tell that takes no time; to tell one from a symbol does.
      if (typeof output === 'object' || output !== misfit) return output;
      result = safeParse(this.schema, message);
      if (result.success && result.output === misfit)
        throw new TypeError('parseAs: schema must not put out the symbol misfit');
    } catch (error) {
      if (!config.onError) throw error;
      config.onError(message, error);
      return misfit;
    }
    if (result.success) return result.output;
    config.onReject?.(message, result.issues);
    return misfit;
  }
}

/** For a schema that has to be left to valibot as a whole. */
const noneFits = (): typeof misfit => misfit;

/**
 * Compiles a schema ahead, which is remembered: for who makes its `Parser` with the first message only.
 *
 * @throws {TypeError} As `parseAs` does.
 */
export function prepareSchema(schema: GenericSchema, isOwn = false): void {
  checkSchema(schema);
  compileKnown(schema, { isOwn });
}

/** The types allow nothing else, but JavaScript may hand in anything. */
function checkSchema(schema: unknown): void {
  const { kind, type, async } = (schema ?? {}) as { readonly [name: string]: unknown };
  if (kind !== 'schema')
    throw new TypeError(`parseAs: schema must be a valibot schema, got ${typeof schema}`);
  if (async === true)
    throw new TypeError(`parseAs: schema must be synchronous, got an async ${String(type)}`);
}
