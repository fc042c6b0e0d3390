import { gunzipSync } from 'node:zlib';
import { compressedCodec, type FeedConfig, jsonCodec, type TopicRef } from 'millrace';
import * as v from 'valibot';

const schemas = {
  trade: v.object({
    symbol: v.string(),
    ts: v.number(),
    tradeId: v.number(),
    amount: v.number(),
    price: v.number(),
    direction: v.picklist(['buy', 'sell']),
  }),
};

interface Message {
  readonly ch?: string;
  readonly ping?: number;
  readonly id?: string;
  readonly status?: 'ok' | 'error';
  readonly subbed?: string;
  readonly unsubbed?: string;
  readonly 'err-msg'?: string;
  readonly tick?: { readonly data: readonly object[] };
}

const channelOf = (symbol = ''): string => `market.${symbol}.trade.detail`;
const symbolOf = (channel: string): string => channel.split('.')[1] ?? '';

/**
 * HTX, public trades: what the server sends is gzip, what it is sent is text, and its pings are messages to be answered.
 * Topics are symbols.
 */
export function htx({ url = 'wss://api.huobi.pro/ws' }: { readonly url?: string } = {}): FeedConfig<
  typeof schemas
> {
  const ask = (verb: 'sub' | 'unsub') => (topics: readonly TopicRef[], id: number) =>
    topics.map(({ topic }) => ({ [verb]: channelOf(topic), id: String(id) }));

  return {
    url,
    codec: compressedCodec(jsonCodec, { inflate: gunzipSync, maxBytes: 1024 * 1024 }),
    heartbeat: {
      reply: (message) => {
        const { ping } = message as Message;
        return ping === undefined ? undefined : { pong: ping };
      },
    },
    unpack: (decoded) => {
      const { ch, tick } = decoded as Message;
      if (ch === undefined || tick === undefined) return [decoded];
      return tick.data.map((trade) => ({ type: 'trade', symbol: symbolOf(ch), ...trade }));
    },
    subscriptions: {
      subscribe: ask('sub'),
      unsubscribe: ask('unsub'),
      batch: 1, // a refusal names its request, and no symbol
      ack: (message) => {
        const { id, status, subbed, unsubbed, 'err-msg': error } = message as Message;
        if (id === undefined || status === undefined || unsubbed !== undefined) return undefined;
        if (subbed === undefined) return { id: Number(id), ok: false, error };
        return { topics: [{ stream: 'trade', topic: symbolOf(subbed) }], ok: true };
      },
    },
    isControl: (message) => (message as Message).status !== undefined,
    streams: {
      trade: {
        schema: schemas.trade,
        key: ({ symbol, tradeId }) => `${symbol}-${tradeId}`,
        topic: ({ symbol }) => symbol,
        sourceTime: ({ ts }) => ts,
        allowSilence: true,
      },
    },
  };
}
