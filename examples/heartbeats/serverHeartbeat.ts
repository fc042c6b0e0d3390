import type { FeedConfig, Schemas } from 'millrace';

/**
 * The server sends a heartbeat message by itself: Kraken, version 1, one a second while there is nothing else to say.
 *
 * It is a sign of life like any frame; `isPong` only keeps it from being taken for data. It answers no ping, so it gives
 * no round trip: the ping frames, which go out when even the heartbeats stop, have their own pongs.
 */
export const serverHeartbeat = <S extends Schemas>(config: FeedConfig<S>): FeedConfig<S> => ({
  ...config,
  heartbeat: {
    everyMs: 5_000,
    timeoutMs: 5_000,
    isPong: (message) => (message as { readonly event?: string }).event === 'heartbeat',
    ...config.heartbeat,
  },
});
