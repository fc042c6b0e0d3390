import type { FeedConfig, TopicRef } from 'millrace';
import * as v from 'valibot';

const Level = v.object({ price: v.string(), size: v.string() });

const schemas = {
  /** The whole book of a symbol, or what changed in it. */
  book: v.object({
    method: v.picklist(['snapshotOrderbook', 'updateOrderbook']),
    symbol: v.string(),
    sequence: v.number(),
    timestamp: v.pipe(v.string(), v.isoTimestamp()),
    ask: v.array(Level),
    bid: v.array(Level),
  }),
};

interface Message {
  readonly method?: string;
  readonly params?: object;
  readonly id?: number;
  readonly error?: unknown;
}

/**
 * HitBTC, version 2: the books. `sequence` counts by one for each symbol, and a snapshot may come again, with the number of the
 * last update: it begins the numbering anew. Topics are symbols; the whole stream stands for
 * all of `symbols`.
 */
export function hitbtcV2({
  symbols,
  url = 'wss://api.hitbtc.com/api/2/ws',
}: {
  readonly symbols: readonly string[];
  readonly url?: string;
}): FeedConfig<typeof schemas> {
  /** A message holds one symbol. */
  const request = (method: string) => (topics: readonly TopicRef[], id: number) =>
    topics
      .flatMap(({ topic }) => (topic === undefined ? symbols : [topic]))
      .map((symbol) => ({ method, params: { symbol }, id }));

  return {
    url,
    unpack: (decoded) => [{ ...(decoded as Message), ...(decoded as Message).params }],
    route: (message) => ((message as Message).method?.endsWith('Orderbook') === true ? 'book' : undefined),
    isControl: (message) => (message as Message).method === undefined,
    subscriptions: {
      subscribe: request('subscribeOrderbook'),
      unsubscribe: request('unsubscribeOrderbook'),
      batch: 1, // an ack names only the request
      ack: (message) => {
        const { id, error } = message as Message;
        return id === undefined ? undefined : { id, ok: error === undefined, error };
      },
    },
    buffer: { overflow: 'pause' },
    streams: {
      book: {
        schema: schemas.book,
        topic: ({ symbol }) => symbol,
        sequence: { of: ({ sequence }) => sequence, isReset: ({ method }) => method === 'snapshotOrderbook' },
        sourceTime: ({ timestamp }) => Date.parse(timestamp),
        allowSilence: true,
      },
    },
  };
}
