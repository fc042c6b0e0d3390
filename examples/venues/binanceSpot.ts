import type { FeedConfig, TopicRef } from 'millrace';
import * as v from 'valibot';

/** Price and quantity; a quantity of 0 removes the level. */
const Level = v.tuple([v.string(), v.string()]);

const schemas = {
  /** What changed in the book between the updates `U` and `u`, both included. */
  depth: v.object({
    e: v.literal('depthUpdate'),
    E: v.number(),
    s: v.string(),
    U: v.number(),
    u: v.number(),
    b: v.array(Level),
    a: v.array(Level),
  }),
  /** The best bid and ask as of the book's update `u`. */
  bookTicker: v.object({
    u: v.number(),
    s: v.string(),
    b: v.string(),
    B: v.string(),
    a: v.string(),
    A: v.string(),
  }),
  /** What one taker order traded at one price; `a` counts by one per symbol. */
  aggTrade: v.object({
    e: v.literal('aggTrade'),
    E: v.number(),
    s: v.string(),
    a: v.number(),
    p: v.string(),
    q: v.string(),
    T: v.number(),
    m: v.boolean(),
  }),
  /** A candle so far; `x` once it is closed. */
  kline: v.object({
    e: v.literal('kline'),
    E: v.number(),
    s: v.string(),
    k: v.object({
      t: v.number(),
      T: v.number(),
      i: v.string(),
      o: v.string(),
      c: v.string(),
      h: v.string(),
      l: v.string(),
      v: v.string(),
      x: v.boolean(),
    }),
  }),
};

const channels: Readonly<Record<string, string>> = {
  depth: 'depth@100ms',
  bookTicker: 'bookTicker',
  aggTrade: 'aggTrade',
  kline: 'kline_1m',
};
const streamOfEvent: Readonly<Record<string, string>> = {
  depthUpdate: 'depth',
  aggTrade: 'aggTrade',
  kline: 'kline',
};

/**
 * Binance spot, public market streams, combined (`{ stream, data }`) or raw. Topics are symbols in capitals; the whole
 * stream stands for all of `symbols`.
 */
export function binanceSpot({
  symbols,
  url = 'wss://stream.binance.com:9443/stream',
}: {
  readonly symbols: readonly string[];
  readonly url?: string;
}): FeedConfig<typeof schemas> {
  const wireNames = ({ stream, topic }: TopicRef): string[] =>
    (topic === undefined ? symbols : [topic]).map((symbol) => `${symbol.toLowerCase()}@${channels[stream]}`);

  return {
    url,
    unpack: (decoded) => [(decoded as { readonly data?: unknown }).data ?? decoded],
    // A bookTicker is the only one that does not say what it is.
    route: (message) => {
      const { e, B } = message as { readonly e?: string; readonly B?: string };
      return e === undefined ? B && 'bookTicker' : streamOfEvent[e];
    },
    subscriptions: {
      subscribe: (topics, id) => ({ method: 'SUBSCRIBE', params: topics.flatMap(wireNames), id }),
      unsubscribe: (topics, id) => ({ method: 'UNSUBSCRIBE', params: topics.flatMap(wireNames), id }),
      ack: (message) => {
        const { id, error } = message as { readonly id?: number; readonly error?: unknown };
        return id === undefined ? undefined : { id, ok: error === undefined, error };
      },
    },
    // More than five messages a second, pings included, and the server hangs up.
    outbox: { rate: { max: 5, perMs: 1_000 } },
    // Losing one update breaks a book, so a burst makes the server wait instead.
    buffer: { overflow: 'pause' },
    streams: {
      depth: {
        schema: schemas.depth,
        key: ({ s, u }) => `${s}-${u}`,
        topic: ({ s }) => s,
        sequence: { of: ({ u }) => u, first: ({ U }) => U, scope: 'topic' },
        sourceTime: ({ E }) => E,
        staleAfterMs: 10_000,
      },
      bookTicker: {
        schema: schemas.bookTicker,
        key: ({ s, u }) => `${s}-${u}`,
        topic: ({ s }) => s,
        staleAfterMs: 10_000,
      },
      aggTrade: {
        schema: schemas.aggTrade,
        key: ({ s, a }) => `${s}-${a}`,
        topic: ({ s }) => s,
        sequence: { of: ({ a }) => a, scope: 'topic' },
        sourceTime: ({ E }) => E,
        allowSilence: true,
      },
      kline: { schema: schemas.kline, topic: ({ s }) => s, sourceTime: ({ E }) => E, allowSilence: true },
    },
  };
}
