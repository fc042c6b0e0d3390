import type { FeedConfig, Schemas } from 'millrace';

interface Notice {
  readonly type?: string;
}

/**
 * The server has a channel for heartbeats, for those who ask: Coinbase Exchange, one a second for each product.
 *
 * It must be asked for on every connection, which is what `onConnected` is for.
 */
export const heartbeatChannel = <S extends Schemas>(
  config: FeedConfig<S>,
  products: readonly string[],
): FeedConfig<S> => ({
  ...config,
  onConnected: (session, info) => {
    session.send({ type: 'subscribe', product_ids: products, channels: ['heartbeat'] });
    return config.onConnected?.(session, info);
  },
  heartbeat: {
    everyMs: 5_000,
    timeoutMs: 5_000,
    isPong: (message) => (message as Notice).type === 'heartbeat',
    ...config.heartbeat,
  },
  // The answer to the request.
  isControl: (message) =>
    (message as Notice).type === 'subscriptions' || config.isControl?.(message) === true,
});
