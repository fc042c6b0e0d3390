import { type FeedConfig, jsonCodec, type Schemas } from 'millrace';

/**
 * The client sends the text `ping` and the server answers `pong`, neither of them JSON: OKX, which drops a connection
 * that was silent for 30 s.
 *
 * The codec lets the two words through as they are; the quotes of JSON would make the server hang up.
 */
export const textPing = <S extends Schemas>(config: FeedConfig<S>): FeedConfig<S> => ({
  ...config,
  codec: {
    encode: (message) => (message === 'ping' ? message : jsonCodec.encode(message)),
    decode: (data) => (data === 'pong' ? data : jsonCodec.decode(data)),
  },
  heartbeat: {
    everyMs: 20_000,
    timeoutMs: 9_000,
    ping: () => 'ping',
    isPong: (message) => message === 'pong',
    ...config.heartbeat,
  },
});
