import type { GenericSchema, InferOutput } from 'valibot';
import { readerNumber } from './readerNumber.js';
import { planReader } from './readerPlan.js';
import { writeReader } from './writeReader.js';

/** What a reader gives for a text that is not exactly as it expects: `JSON.parse` and the schema decide. */
export const surprise: unique symbol = Symbol('surprise');

/** Takes the text of a whole message. */
export type Reader<T> = (text: string) => T | typeof surprise;

/**
 * Characters of all expressions of a reader. V8 compiles them with the first message: 230 000 took 0.1 s, 50 million more memory
 * than there was, and the process with it.
 */
const MAX_PATTERNS = 100_000;

/**
 * A function that reads the messages of one schema without `JSON.parse`, or `undefined` if the schema holds what cannot be
 * read so, or too much of it, or if code may not be generated here (a CSP can forbid it).
 *
 * It expects a message as a program writes it over and over: the keys of the schema, all of them, no others, in this order,
 * without spaces between, without escapes in the strings. What it yields is exactly the output of the schema for what
 * `JSON.parse` makes of the text; anything else is a `surprise`, above all a text that is no JSON or does not fit.
 *
 * A string of 13 characters or more is a window on the text of its message and keeps the whole of it in memory, so long
 * as it is itself kept.
 */
export function compileReader<const S extends GenericSchema>(schema: S): Reader<InferOutput<S>> | undefined {
  const plan = planReader(schema);
  if (!plan) return undefined;
  const { regexps, body } = writeReader(plan);
  if (regexps.reduce((length, { source }) => length + source.length, 0) > MAX_PATTERNS) return undefined;
  try {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- all of it is ours, but for keys and constants, which are written as JSON
    const make = new Function('regexps', 'number', 'surprise', body) as (
      ...parts: [readonly RegExp[], typeof readerNumber, typeof surprise]
    ) => Reader<InferOutput<S>>;
    return make(regexps, readerNumber, surprise);
  } catch {
    return undefined;
  }
}
