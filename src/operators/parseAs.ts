import { filter, map, type OperatorFunction } from 'rxjs';
import {
  type BaseIssue,
  type GenericSchema,
  type InferOutput,
  safeParse,
  type SafeParseResult,
} from 'valibot';

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
 * @throws {TypeError} On creation, if `schema` is no valibot schema, or an asynchronous one: its answers could
 * overtake each other.
 */
export function parseAs<const S extends GenericSchema, In = unknown>(
  schema: S,
  { onReject, onError }: ParseAsConfig<In> = {},
): OperatorFunction<In, InferOutput<S>> {
  checkSchema(schema);
  const parse = (message: In): SafeParseResult<S> | undefined => {
    try {
      return safeParse(schema, message);
    } catch (error) {
      if (!onError) throw error;
      onError(message, error);
      return undefined;
    }
  };

  return (source) =>
    source.pipe(
      map((message) => {
        const result = parse(message);
        if (result?.success === false) onReject?.(message, result.issues);
        return result;
      }),
      filter((result) => result?.success === true),
      map((result) => result.output),
    );
}

/** The types allow nothing else, but JavaScript may hand in anything. */
function checkSchema(schema: unknown): void {
  const { kind, type, async } = (schema ?? {}) as { readonly [name: string]: unknown };
  if (kind !== 'schema')
    throw new TypeError(`parseAs: schema must be a valibot schema, got ${typeof schema}`);
  if (async === true)
    throw new TypeError(`parseAs: schema must be synchronous, got an async ${String(type)}`);
}
