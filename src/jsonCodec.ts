import { parseExact } from './exactJson.js';
import { asWritten } from './exactNumber.js';
import type { Codec } from './feedConfig.js';
import { stringifyExact } from './stringifyExact.js';
import type { Data } from './streams/transport.js';

/** The default codec: JSON text, in text or binary frames. `encode` throws a `TypeError` for `undefined` and functions. */
export const jsonCodec: Codec = {
  decode: (data): unknown => JSON.parse(toText(data)),
  encode: (message) => written('jsonCodec', message, JSON.stringify(message)),
};

export interface ExactJsonConfig {
  /**
   * What becomes of a number with a fraction, an exponent, or beyond ±(2^53 − 1), given as it was written. What it
   * throws makes the frame a rejected one. @default an `ExactNumber`, which `encode` writes back digit by digit
   */
  readonly number?: (text: string) => unknown;
}

/**
 * JSON whose numbers keep their digits, for order ids beyond 2^53 and checksums over `0.00100000`. Safe integers stay
 * numbers, so that sequences and times need no thought; every other number is kept as text in an `ExactNumber`, also
 * where a double would do: a field has one type, whatever its digits happen to be. Describe it with the schema `digits()`.
 *
 * `encode` writes an `ExactNumber` and a bigint as numbers, and everything else as JSON does.
 *
 * @throws {TypeError} On creation, if `number` is not a function.
 */
export function exactJsonCodec({ number = asWritten }: ExactJsonConfig = {}): Codec {
  if (typeof number !== 'function') {
    throw new TypeError(`exactJsonCodec: number must be a function, got ${typeof number}`);
  }
  return {
    decode: (data) => parseExact(toText(data), number),
    encode: (message) => written('exactJsonCodec', message, stringifyExact(message)),
  };
}

const decoder = new TextDecoder();

const toText = (data: Data): string => (typeof data === 'string' ? data : decoder.decode(data));

function written(codec: string, message: unknown, text: string | undefined): string {
  if (text !== undefined) return text;
  throw new TypeError(`${codec}: a message must have JSON, got ${typeof message}`);
}
