import type { FeedConfig, Schemas } from 'millrace';

/**
 * The client sends ping frames: any server that keeps RFC 6455 (section 5.5.2) answers, a Signal K server too, which has
 * nothing to say while no instrument moves.
 *
 * This is what a feed does unless told otherwise. A browser cannot.
 */
export const framePing = <S extends Schemas>(config: FeedConfig<S>): FeedConfig<S> => ({
  ...config,
  heartbeat: { ping: 'frame', everyMs: 15_000, timeoutMs: 10_000, ...config.heartbeat },
});
