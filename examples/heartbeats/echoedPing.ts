import { gunzipSync } from 'node:zlib';
import { type FeedConfig, jsonCodec, type Schemas } from 'millrace';

interface ServerPing {
  readonly ping?: number;
}

/**
 * The server sends a ping as a message, and drops who does not send its number back: HTX, every 5 s, with all that it
 * sends in gzip.
 *
 * `reply` makes the answer, and so keeps the ping from being taken for data.
 */
export const echoedPing = <S extends Schemas>(config: FeedConfig<S>): FeedConfig<S> => ({
  ...config,
  codec: {
    ...jsonCodec,
    decode: (data) => jsonCodec.decode(typeof data === 'string' ? data : gunzipSync(data)),
  },
  heartbeat: {
    everyMs: 10_000,
    timeoutMs: 5_000,
    reply: (message) => {
      const { ping } = message as ServerPing;
      return ping === undefined ? undefined : { pong: ping };
    },
    ...config.heartbeat,
  },
});
