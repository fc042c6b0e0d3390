import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  deflateRawSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateRawSync,
  inflateSync,
} from 'node:zlib';
import fc from 'fast-check';
import {
  compressedCodec,
  type CompressedCodecConfig,
  InflatedTooLargeError,
} from '../src/compressedCodec.js';
import { InvalidUtf8Error, jsonCodec } from '../src/jsonCodec.js';

const thrownBy = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};

describe('compressedCodec', () => {
  it.each([
    ['gzip', gzipSync, gunzipSync],
    ['deflate', deflateSync, inflateSync],
    ['raw deflate', deflateRawSync, inflateRawSync],
    ['brotli', brotliCompressSync, brotliDecompressSync],
  ])('reads back the %s it wrote', (_format, deflate, inflate) => {
    const codec = compressedCodec(jsonCodec, { inflate, deflate });
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const sent = codec.encode(value);
        expect(typeof sent).toBe('object');
        expect(jsonCodec.encode(codec.decode(sent))).toBe(jsonCodec.encode(value));
      }),
      { numRuns: 50 },
    );
  });

  it('decodes no frame that inflates to what is no UTF-8', () => {
    const codec = compressedCodec(jsonCodec, { inflate: gunzipSync });
    const frame = gzipSync(Uint8Array.of(0x22, 0xfc, 0x22));

    expect(thrownBy(() => codec.decode(frame))).toStrictEqual(
      new InvalidUtf8Error(3, { cause: expect.any(TypeError) as TypeError }),
    );
  });

  it('leaves text frames as they are, and what is sent, unless it is told to deflate', () => {
    const codec = compressedCodec(jsonCodec, { inflate: gunzipSync });

    expect(codec.decode('{"pong":1}')).toStrictEqual({ pong: 1 });
    expect(codec.encode({ pong: 1 })).toBe('{"pong":1}');
  });

  it('compresses what an inner codec encodes as bytes', () => {
    const bytes = {
      decode: (data: unknown) => [...(data as Uint8Array)],
      encode: () => Uint8Array.of(1, 2, 3),
    };
    const codec = compressedCodec(bytes, { inflate: inflateSync, deflate: deflateSync });

    expect(codec.decode(codec.encode(undefined))).toStrictEqual([1, 2, 3]);
  });

  it('joins the members of a frame that holds several', () => {
    const codec = compressedCodec(jsonCodec, { inflate: gunzipSync });

    expect(codec.decode(Buffer.concat([gzipSync('{"a":'), gzipSync('1}')]))).toStrictEqual({ a: 1 });
  });

  it('reads frames that are flushed but not finished, given an inflate for them', () => {
    const flushed = deflateRawSync('{"a":1}', { finishFlush: constants.Z_SYNC_FLUSH });
    const lenient: CompressedCodecConfig['inflate'] = (data, bound) =>
      inflateRawSync(data, { ...bound, finishFlush: constants.Z_SYNC_FLUSH });

    expect(() => compressedCodec(jsonCodec, { inflate: inflateRawSync }).decode(flushed)).toThrow(
      'unexpected end',
    );
    expect(compressedCodec(jsonCodec, { inflate: lenient }).decode(flushed)).toStrictEqual({ a: 1 });
  });

  it('throws what inflate throws for bytes it cannot read', () => {
    const codec = compressedCodec(jsonCodec, { inflate: gunzipSync });

    expect(() => codec.decode(Buffer.from('{"a":1}'))).toThrow('incorrect header check');
    expect(() => codec.decode(gzipSync('{"a":1}').subarray(0, -9))).toThrow('unexpected end of file');
    expect(() => codec.decode(gzipSync('{'))).toThrow(SyntaxError);
  });

  describe('with a frame that inflates beyond maxBytes', () => {
    // 64 MiB of one byte, in 64 KiB.
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 32));
    const message = 'a frame inflates to more than 8388608 bytes';

    it('stops inflating there', () => {
      const codec = compressedCodec(jsonCodec, { inflate: gunzipSync });
      const before = process.memoryUsage().arrayBuffers;
      const error = thrownBy(() => codec.decode(bomb)) as InflatedTooLargeError;

      expect(error).toStrictEqual(new InflatedTooLargeError(8 * 1024 * 1024));
      expect(error).toMatchObject({ name: 'InflatedTooLargeError', maxBytes: 8 * 1024 * 1024, message });
      expect((error.cause as { code: string }).code).toBe('ERR_BUFFER_TOO_LARGE');
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
    });

    it('stops there also with an inflate that knows no bound', () => {
      const codec = compressedCodec(jsonCodec, { inflate: () => new Uint8Array(11), maxBytes: 10 });

      expect(thrownBy(() => codec.decode(new Uint8Array(1)))).toStrictEqual(new InflatedTooLargeError(10));
    });

    it('takes maxBytes itself', () => {
      const frame = gzipSync('"12345678"');

      expect(compressedCodec(jsonCodec, { inflate: gunzipSync, maxBytes: 10 }).decode(frame)).toBe(
        '12345678',
      );
      expect(
        thrownBy(() => compressedCodec(jsonCodec, { inflate: gunzipSync, maxBytes: 9 }).decode(frame)),
      ).toStrictEqual(new InflatedTooLargeError(9));
    });
  });

  it.each<[string, object, Error]>([
    ['inflate', {}, new TypeError('compressedCodec: inflate must be a function, got undefined')],
    [
      'inflate',
      { inflate: 'gzip' },
      new TypeError('compressedCodec: inflate must be a function, got string'),
    ],
    [
      'deflate',
      { inflate: gunzipSync, deflate: true },
      new TypeError('compressedCodec: deflate must be a function, got boolean'),
    ],
    [
      'maxBytes',
      { inflate: gunzipSync, maxBytes: 0 },
      new RangeError('compressedCodec: maxBytes must be a whole number above 0, got 0'),
    ],
    [
      'maxBytes',
      { inflate: gunzipSync, maxBytes: Infinity },
      new RangeError('compressedCodec: maxBytes must be a whole number above 0, got Infinity'),
    ],
  ])('refuses a wrong %s', (_name, config, error) => {
    expect(thrownBy(() => compressedCodec(jsonCodec, config as CompressedCodecConfig))).toStrictEqual(error);
  });
});
