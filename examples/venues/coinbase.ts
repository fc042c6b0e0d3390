import type { FeedConfig } from 'millrace';
import * as v from 'valibot';

const schemas = {
  /** Any message: they are numbered together, whatever their channel. */
  message: v.object({
    channel: v.string(),
    sequence_num: v.number(),
    timestamp: v.pipe(v.string(), v.isoTimestamp()),
    events: v.array(v.unknown()),
  }),
};

/**
 * Coinbase Advanced Trade. `sequence_num` counts all messages of a connection, heartbeats and confirmations too, and begins
 * anew with the next: so all of them are one stream, whose topics are the channels, and nothing is left out as control.
 *
 * @param channels As they are asked for: `level2`, which comes as the topic `l2_data`, `market_trades`, …
 */
export function coinbase({
  products,
  channels,
  url = 'wss://advanced-trade-ws.coinbase.com',
}: {
  readonly products: readonly string[];
  readonly channels: readonly string[];
  readonly url?: string;
}): FeedConfig<typeof schemas> {
  return {
    url,
    route: (message) => ('sequence_num' in (message as object) ? 'message' : undefined),
    // A quiet product is no reason for the server to hang up while heartbeats flow.
    onConnected: (session) => {
      for (const channel of [...channels, 'heartbeats']) {
        session.send({ type: 'subscribe', product_ids: products, channel });
      }
    },
    buffer: { overflow: 'pause' },
    streams: {
      message: {
        schema: schemas.message,
        topic: ({ channel }) => channel,
        sequence: { of: ({ sequence_num: number }) => number, scope: 'connection' },
        sourceTime: ({ timestamp }) => Date.parse(timestamp),
        staleAfterMs: 5_000,
      },
    },
  };
}
