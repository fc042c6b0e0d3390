import type { FeedConfig, TopicRef } from 'millrace';
import * as v from 'valibot';

/** Price and quantity; a quantity of 0 removes the level. */
const Level = v.tuple([v.string(), v.string()]);

const schemas = {
  /** A change of the book, or the whole of it; `lastId` is the `id` of the one before. */
  book_lv2: v.object({
    action: v.picklist(['snapshot', 'update']),
    symbol: v.string(),
    createTime: v.number(),
    asks: v.array(Level),
    bids: v.array(Level),
    lastId: v.number(),
    id: v.number(),
    ts: v.number(),
  }),
  trades: v.object({
    symbol: v.string(),
    id: v.string(),
    price: v.string(),
    quantity: v.string(),
    amount: v.string(),
    takerSide: v.picklist(['buy', 'sell']),
    createTime: v.number(),
    ts: v.number(),
  }),
};

interface Push {
  readonly channel?: string;
  readonly action?: string;
  readonly data?: readonly object[];
}

interface Notice {
  readonly event?: string;
  readonly channel?: string;
  readonly symbols?: readonly string[];
}

/** Poloniex, public channels. Topics are symbols; the whole stream stands for all of `symbols`. */
export function poloniex({
  symbols,
  url = 'wss://ws.poloniex.com/ws/public',
}: {
  readonly symbols: readonly string[];
  readonly url?: string;
}): FeedConfig<typeof schemas> {
  /** One message a stream: it holds many symbols, but one channel. */
  const request = (event: string) => (topics: readonly TopicRef[]) =>
    [...new Set(topics.map(({ stream }) => stream))].map((channel) => ({
      event,
      channel: [channel],
      symbols: topics
        .filter(({ stream }) => stream === channel)
        .flatMap(({ topic }) => (topic === undefined ? symbols : [topic])),
    }));

  return {
    url,
    heartbeat: {
      ping: () => ({ event: 'ping' }),
      isPong: (message) => (message as Notice).event === 'pong',
    },
    unpack: (decoded) => {
      const { channel, action, data } = decoded as Push;
      return data?.map((item) => ({ ...item, channel, action })) ?? [decoded];
    },
    route: (message) => (message as Push).channel,
    isControl: (message) => (message as Notice).event !== undefined,
    subscriptions: {
      subscribe: request('subscribe'),
      unsubscribe: request('unsubscribe'),
      // A refusal names neither topic nor request, so a refused topic is one whose ack is overdue.
      ack: (message) => {
        const { event, channel: stream, symbols: topics } = message as Notice;
        if (event !== 'subscribe' || stream === undefined || topics === undefined) return undefined;
        return { topics: [...topics.map((topic) => ({ stream, topic })), { stream }], ok: true };
      },
    },
    buffer: { overflow: 'pause' },
    streams: {
      book_lv2: {
        schema: schemas.book_lv2,
        topic: ({ symbol }) => symbol,
        sequence: {
          of: ({ id }) => id,
          previous: ({ lastId }) => lastId,
          isReset: ({ action }) => action === 'snapshot',
          scope: 'topic',
        },
        sourceTime: ({ ts }) => ts,
        staleAfterMs: 30_000,
      },
      trades: {
        schema: schemas.trades,
        key: ({ symbol, id }) => `${symbol}-${id}`,
        topic: ({ symbol }) => symbol,
        sourceTime: ({ ts }) => ts,
        allowSilence: true,
      },
    },
  };
}
