import { type OptionNames, refuseUnknown } from './operators/refuseUnknown.js';
import { parseExact } from './exactJson.js';
import { asWritten } from './exactNumber.js';
import type { Codec } from './feedConfig.js';
import { stringifyExact } from './stringifyExact.js';
import type { Data } from './streams/transport.js';

/** The bytes of a binary frame are no UTF-8, so its text is not known. */
export class InvalidUtf8Error extends Error {
  override readonly name = 'InvalidUtf8Error';
  constructor(
    readonly bytes: number,
    options?: ErrorOptions,
  ) {
    super(`a binary frame of ${bytes} bytes is no UTF-8`, options);
  }
}

/**
 * The default codec: JSON text, in text or binary frames. `decode` throws an `InvalidUtf8Error` for bytes that are no text, `encode` a
 * `TypeError` for `undefined` and functions.
 */
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

const OPTIONS: OptionNames<ExactJsonConfig> = { number: true };

/**
 * JSON whose numbers keep their digits, for order ids beyond 2^53 and checksums over `0.00100000`. Safe integers stay
 * numbers, so that sequences and times need no thought; every other number is kept as text in an `ExactNumber`, also
 * where a double would do: a field has one type, whatever its digits happen to be. Describe it with the schema `digits()`.
 *
 * `encode` writes an `ExactNumber` and a bigint as numbers, and everything else as JSON does.
 *
 * @throws {TypeError} On creation, if `number` is not a function, or an option is misspelt.
 */
export function exactJsonCodec(config: ExactJsonConfig = {}): Codec {
  refuseUnknown('exactJsonCodec', config, OPTIONS);
  const { number = asWritten } = config;
  if (typeof number !== 'function') {
    throw new TypeError(`exactJsonCodec: number must be a function, got ${typeof number}`);
  }
  return {
    decode: (data) => parseExact(toText(data), number),
    encode: (message) => written('exactJsonCodec', message, stringifyExact(message)),
  };
}

/** One that is not fatal would put U+FFFD in place of what it cannot read, and tell nobody. */
const decoder = new TextDecoder('utf-8', { fatal: true });

const toText = (data: Data): string => (typeof data === 'string' ? data : bytesToText(data));

function bytesToText(data: Uint8Array): string {
  try {
    return decoder.decode(data);
  } catch (cause) {
    throw new InvalidUtf8Error(data.byteLength, { cause });
  }
}

function written(codec: string, message: unknown, text: string | undefined): string {
  if (text !== undefined) return text;
  throw new TypeError(`${codec}: a message must have JSON, got ${typeof message}`);
}
