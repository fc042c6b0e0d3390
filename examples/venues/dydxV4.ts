import type { FeedConfig } from 'millrace';
import * as v from 'valibot';

const schemas = {
  /** Any message: they are numbered together, the greeting and the confirmations too. */
  message: v.object({
    type: v.string(),
    message_id: v.number(),
    channel: v.optional(v.string()),
    id: v.optional(v.string()),
    contents: v.optional(v.unknown()),
  }),
};

/**
 * dYdX v4, the indexer's feed. `message_id` counts the messages of a connection, but they may overtake each other: nothing is
 * missing, so they are held for a moment and put in order. Topics are `channel/id`.
 *
 * @param channels What to ask for: `{ channel: 'v4_trades', id: 'BTC-USD' }`
 */
export function dydxV4({
  channels,
  url = 'wss://indexer.dydx.trade/v4/ws',
}: {
  readonly channels: readonly { readonly channel: string; readonly id: string }[];
  readonly url?: string;
}): FeedConfig<typeof schemas> {
  return {
    url,
    route: (message) => ('message_id' in (message as object) ? 'message' : undefined),
    onConnected: (session) => {
      for (const channel of channels) session.send({ type: 'subscribe', ...channel });
    },
    buffer: { overflow: 'pause' },
    streams: {
      message: {
        schema: schemas.message,
        topic: ({ type, channel, id = '' }) => (channel === undefined ? type : `${channel}/${id}`),
        sequence: {
          of: ({ message_id: number }) => number,
          scope: 'connection',
          reorder: { maxItems: 100, maxMs: 500 },
        },
        staleAfterMs: 30_000,
      },
    },
  };
}
