import type { FeedConfig, Input, TopicRef } from 'millrace';
import * as v from 'valibot';

/** Price, quantity and the number of the change; a quantity of 0 removes the level. */
const Change = v.tuple([v.string(), v.string(), v.string()]);

const schemas = {
  /** What changed in the book between two numbers, both included. */
  level2: v.object({
    topic: v.string(),
    symbol: v.string(),
    sequenceStart: v.number(),
    sequenceEnd: v.number(),
    changes: v.object({ asks: v.array(Change), bids: v.array(Change) }),
  }),
  ticker: v.object({
    topic: v.string(),
    sequence: v.string(),
    price: v.string(),
    size: v.string(),
    bestAsk: v.string(),
    bestAskSize: v.string(),
    bestBid: v.string(),
    bestBidSize: v.string(),
    time: v.number(),
  }),
  match: v.object({
    topic: v.string(),
    symbol: v.string(),
    sequence: v.string(),
    side: v.picklist(['buy', 'sell']),
    price: v.string(),
    size: v.string(),
    tradeId: v.string(),
    /** Nanoseconds, as text: a number cannot hold them. */
    time: v.pipe(v.string(), v.digits()),
  }),
  candles: v.object({
    topic: v.string(),
    symbol: v.string(),
    /** Start in seconds, open, close, high, low, volume, turnover. */
    candles: v.tuple([v.string(), v.string(), v.string(), v.string(), v.string(), v.string(), v.string()]),
    /** Nanoseconds, which JSON has already rounded to some hundreds. */
    time: v.number(),
  }),
};

interface Push {
  readonly type: string;
  readonly topic: string;
  readonly data: object;
}

/**
 * KuCoin, public channels. Topics are symbols, and `SYMBOL_1min` for candles; the whole stream stands for all of
 * `symbols`.
 *
 * @param url With the token of `POST /api/v1/bullet-public`: give a function, so that each dial asks for a fresh one.
 */
export function kucoin({
  symbols,
  url,
}: {
  readonly symbols: readonly string[];
  readonly url: Input<string>;
}): FeedConfig<typeof schemas> {
  /** One message a topic, or for a whole stream one for all its symbols; candles take one symbol a message. */
  const request = (type: string) => (topics: readonly TopicRef[], id: number) =>
    topics
      .flatMap(({ stream, topic }) => {
        if (topic !== undefined) return [`/market/${stream}:${topic}`];
        if (stream === 'candles') return symbols.map((symbol) => `/market/candles:${symbol}_1min`);
        return [`/market/${stream}:${symbols.join(',')}`];
      })
      .map((topic) => ({ id, type, topic, privateChannel: false, response: true }));

  return {
    url,
    heartbeat: {
      everyMs: 18_000,
      ping: () => ({ id: 'ping', type: 'ping' }),
      isPong: (message) => (message as { readonly type?: string }).type === 'pong',
    },
    // `/market/level2:BTC-USDT` tells the stream and its topic.
    unpack: (decoded) => {
      const { type, topic, data } = decoded as Push;
      if (type !== 'message') return [decoded];
      const [channel = '', name = ''] = topic.replace('/market/', '').split(':');
      return [{ ...data, channel, topic: name }];
    },
    route: (message) => (message as { readonly channel?: string }).channel,
    isControl: (message) => (message as { readonly type?: string }).type === 'welcome',
    subscriptions: {
      subscribe: request('subscribe'),
      unsubscribe: request('unsubscribe'),
      // One topic a request: an ack names only the request.
      batch: 1,
      ack: (message) => {
        const { id, type, ...error } = message as { readonly id?: string; readonly type?: string };
        if (id === undefined) return undefined;
        if (type === 'ack') return { id, ok: true };
        return type === 'error' ? { id, ok: false, error } : undefined;
      },
    },
    outbox: { rate: { max: 100, perMs: 10_000 } },
    buffer: { overflow: 'pause' },
    streams: {
      level2: {
        schema: schemas.level2,
        key: ({ symbol, sequenceEnd }) => `${symbol}-${sequenceEnd}`,
        topic: ({ topic }) => topic,
        sequence: {
          of: ({ sequenceEnd }) => sequenceEnd,
          first: ({ sequenceStart }) => sequenceStart,
          scope: 'topic',
        },
        staleAfterMs: 10_000,
      },
      ticker: {
        schema: schemas.ticker,
        topic: ({ topic }) => topic,
        sourceTime: ({ time }) => time,
        allowSilence: true,
      },
      match: {
        schema: schemas.match,
        key: ({ symbol, tradeId }) => `${symbol}-${tradeId}`,
        topic: ({ topic }) => topic,
        sourceTime: ({ time }) => Number(time) / 1e6,
        allowSilence: true,
      },
      candles: {
        schema: schemas.candles,
        topic: ({ topic }) => topic,
        sourceTime: ({ time }) => time / 1e6,
        allowSilence: true,
      },
    },
  };
}
