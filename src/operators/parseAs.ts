import { filter, map, type OperatorFunction } from 'rxjs';
import { type BaseIssue, type GenericSchema, type InferOutput, safeParse } from 'valibot';
import { compileKnown, misfit } from './compileSchema.js';

export interface ParseAsConfig<In = unknown> {
  /** Told of each message that does not fit, and why. If it throws, the stream errors. */
  readonly onReject?: (message: In, issues: [BaseIssue<unknown>, ...BaseIssue<unknown>[]]) => void;
  /**
   * Told of each message on which the schema itself threw, in a `check` or a `transform`; the stream goes on without
   * it. If it throws, the stream errors. @default the stream errors with what the schema threw
   */
  readonly onError?: (message: In, error: unknown) => void;
}

/**
 * Lets through what fits a valibot schema, as the schema's output; a misfit goes aside and never ends the stream.
 *
 *     source   --{n:1}--{n:'?'}--{n:2}--|
 *     parseAs  --{n:1}-----------{n:2}--|
 *
 * The schema is compiled: see `compileSchema` for what it asks of functions in a schema.
 *
 * @throws {TypeError} On creation, if `schema` is no valibot schema, or an asynchronous one: its answers could
 * overtake each other.
 */
export function parseAs<const S extends GenericSchema, In = unknown>(
  schema: S,
  config: ParseAsConfig<In> = {},
): OperatorFunction<In, InferOutput<S>> {
  const parse = parserOf(schema, config);
  return (source) =>
    source.pipe(
      map(parse),
      filter((output) => output !== misfit),
    );
}

/**
 * `parseAs` for one message: its output, or `misfit` once a hook was told. What the operator does with hooks that throw, this does
 * by throwing.
 *
 * @param isOwn As `compileSchema`'s.
 * @throws {TypeError} On creation, as `parseAs` does.
 */
export function parserOf<const S extends GenericSchema, In = unknown>(
  schema: S,
  config: ParseAsConfig<In> = {},
  isOwn = false,
): (message: In) => InferOutput<S> | typeof misfit {
  checkSchema(schema);
  const compiled = compileKnown(schema, { isOwn });

  return (message) => {
    let result;
    try {
      const output = compiled ? compiled(message) : misfit;
      if (output !== misfit) return output;
      result = safeParse(schema, message);
    } catch (error) {
      if (!config.onError) throw error;
      config.onError(message, error);
      return misfit;
    }
    if (result.success) return result.output;
    config.onReject?.(message, result.issues);
    return misfit;
  };
}

/**
 * Compiles a schema ahead, which is remembered: for who makes its `parserOf` with the first message only.
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
