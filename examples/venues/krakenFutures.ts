import type { FeedConfig, TopicRef } from 'millrace';
import * as v from 'valibot';

const Level = v.object({ price: v.number(), qty: v.number() });

const schemas = {
  /** The whole book of a product, or one level of it that changed; each is numbered one after the other. */
  book: v.variant('feed', [
    v.object({
      feed: v.literal('book_snapshot'),
      product_id: v.string(),
      seq: v.number(),
      timestamp: v.number(),
      bids: v.array(Level),
      asks: v.array(Level),
    }),
    v.object({
      feed: v.literal('book'),
      product_id: v.string(),
      seq: v.number(),
      timestamp: v.number(),
      side: v.picklist(['buy', 'sell']),
      price: v.number(),
      qty: v.number(),
    }),
  ]),
};

/** Kraken futures, the books. `seq` counts by one for each product, and anew from each snapshot. */
export function krakenFutures({
  products,
  url = 'wss://futures.kraken.com/ws/v1',
}: {
  readonly products: readonly string[];
  readonly url?: string;
}): FeedConfig<typeof schemas> {
  const request = (event: string) => (topics: readonly TopicRef[]) => ({
    event,
    feed: 'book',
    product_ids: topics.flatMap(({ topic }) => (topic === undefined ? products : [topic])),
  });

  return {
    url,
    route: (message) =>
      (message as { readonly feed?: string }).feed?.startsWith('book') === true ? 'book' : undefined,
    isControl: (message) => (message as { readonly event?: string }).event !== undefined,
    subscriptions: {
      subscribe: request('subscribe'),
      unsubscribe: request('unsubscribe'),
      ack: (message) => {
        const { event, product_ids: products = [] } = message as {
          readonly event?: string;
          readonly product_ids?: readonly string[];
        };
        if (event !== 'subscribed') return undefined;
        return {
          topics: [...products.map((topic) => ({ stream: 'book', topic })), { stream: 'book' }],
          ok: true,
        };
      },
    },
    buffer: { overflow: 'pause' },
    streams: {
      book: {
        schema: schemas.book,
        topic: (book) => book.product_id,
        sequence: { of: ({ seq }) => seq, isReset: ({ feed }) => feed === 'book_snapshot' },
        sourceTime: ({ timestamp }) => timestamp,
        staleAfterMs: 30_000,
      },
    },
  };
}
