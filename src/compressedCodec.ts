import type { Codec } from './feedConfig.js';
import { type OptionNames, refuseUnknown } from './operators/refuseUnknown.js';

export interface CompressedCodecConfig {
  /**
   * Undoes the compression of one binary frame: `gunzipSync`, `inflateSync` or `inflateRawSync` of `node:zlib`, whichever
   * the server's frames need, or what a browser has for it. It must stop at `maxOutputLength` bytes.
   */
  readonly inflate: (data: Uint8Array, bound: { readonly maxOutputLength: number }) => Uint8Array;
  /** Compresses what is sent: `gzipSync`, say. @default messages are sent as the inner codec encodes them */
  readonly deflate?: (data: Uint8Array) => Uint8Array;
  /** Bytes that a frame may inflate to; one that exceeds them is a rejected message. @default 8 MiB */
  readonly maxBytes?: number;
}

const OPTIONS: OptionNames<CompressedCodecConfig> = { inflate: true, deflate: true, maxBytes: true };

/** A frame would have inflated to more than `maxBytes`. */
export class InflatedTooLargeError extends Error {
  override readonly name = 'InflatedTooLargeError';
  constructor(
    readonly maxBytes: number,
    options?: ErrorOptions,
  ) {
    super(`a frame inflates to more than ${maxBytes} bytes`, options);
  }
}

/**
 * A codec for servers that compress their messages themselves: binary frames are inflated before the inner codec decodes
 * them, text frames are left as they are. Each frame stands for itself; a compressed stream that runs on from frame to frame
 * cannot be read so.
 *
 *     compressedCodec(jsonCodec, { inflate: gunzipSync })
 *
 * `decode` throws what `inflate` throws for bytes it cannot read, and `InflatedTooLargeError` beyond `maxBytes`.
 *
 * @throws {TypeError | RangeError} On creation, if an option is wrong or misspelt.
 */
export function compressedCodec(inner: Codec, config: CompressedCodecConfig): Codec {
  refuseUnknown('compressedCodec', config, OPTIONS);
  const { inflate, deflate, maxBytes = 8 * 1024 * 1024 } = config;
  for (const [name, value] of Object.entries({ inflate, deflate: deflate ?? inflate })) {
    if (typeof value !== 'function') {
      throw new TypeError(`compressedCodec: ${name} must be a function, got ${typeof value}`);
    }
  }
  if (!(Number.isSafeInteger(maxBytes) && maxBytes > 0)) {
    throw new RangeError(`compressedCodec: maxBytes must be a whole number above 0, got ${maxBytes}`);
  }
  return {
    decode(data) {
      if (typeof data === 'string') return inner.decode(data);
      const inflated = inflateWithin(inflate, data, maxBytes);
      return inner.decode(inflated);
    },
    encode(message) {
      const data = inner.encode(message);
      if (deflate === undefined) return data;
      return deflate(typeof data === 'string' ? encoder.encode(data) : data);
    },
  };
}

const encoder = new TextEncoder();

function inflateWithin(
  inflate: CompressedCodecConfig['inflate'],
  data: Uint8Array,
  maxBytes: number,
): Uint8Array {
  let inflated: Uint8Array;
  try {
    inflated = inflate(data, { maxOutputLength: maxBytes });
  } catch (cause) {
    // What zlib throws at its bound; by its code, for errors of Node are not always of our realm's classes.
    const { code } = (cause ?? {}) as { readonly code?: unknown };
    throw code === 'ERR_BUFFER_TOO_LARGE' ? new InflatedTooLargeError(maxBytes, { cause }) : cause;
  }
  // Some inflaters know no bound.
  if (inflated.length > maxBytes) throw new InflatedTooLargeError(maxBytes);
  return inflated;
}
