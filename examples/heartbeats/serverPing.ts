import type { FeedConfig, Schemas } from 'millrace';

/**
 * The server sends ping frames, and drops who does not answer: Binance, every 20 s.
 *
 * There is nothing to do but to wait long enough: the transport answers by itself with the same payload, and each ping
 * is a sign of life. (`socket: { autoPong: false }` would leave them unanswered.)
 */
export const serverPing = <S extends Schemas>(config: FeedConfig<S>): FeedConfig<S> => ({
  ...config,
  heartbeat: { everyMs: 30_000, timeoutMs: 10_000, ...config.heartbeat },
});
