import { type FeedConfig, jsonCodec, type TopicRef } from 'millrace';
import * as v from 'valibot';

const Seconds = v.pipe(v.string(), v.decimal());
/** Today, and the last 24 hours. */
const Twice = v.tuple([v.string(), v.string()]);
/** Price, whole lots, lots. */
const Quote = v.tuple([v.string(), v.number(), v.string()]);

const schemas = {
  /** Has no identity in this version of the protocol, so none can be told from its repetition. */
  trade: v.pipe(
    v.object({
      pair: v.string(),
      data: v.tuple([
        v.string(),
        v.string(),
        Seconds,
        v.picklist(['b', 's']),
        v.picklist(['m', 'l']),
        v.string(),
      ]),
    }),
    v.transform(({ pair, data: [price, volume, time, side, orderType, misc] }) => ({
      pair,
      price,
      volume,
      time,
      side,
      orderType,
      misc,
    })),
  ),
  ticker: v.pipe(
    v.object({
      pair: v.string(),
      data: v.object({
        a: Quote,
        b: Quote,
        c: Twice,
        v: Twice,
        p: Twice,
        t: v.tuple([v.number(), v.number()]),
        l: Twice,
        h: Twice,
        o: Twice,
      }),
    }),
    v.transform(({ pair, data }) => ({ pair, ...data })),
  ),
};

interface Status {
  readonly event?: string;
  readonly status?: string;
  readonly pair?: string;
  readonly errorMessage?: string;
  readonly subscription?: { readonly name: string };
}

/**
 * Kraken v1, public channels: data in arrays `[id, data, channel, pair]`, and a heartbeat a second while it is silent.
 * Topics are pairs; the whole stream stands for all of `symbols`.
 */
export function krakenV1({
  symbols,
  url = 'wss://ws.kraken.com',
}: {
  readonly symbols: readonly string[];
  readonly url?: string;
}): FeedConfig<typeof schemas> {
  /** One message a stream: it holds many pairs, but one channel. */
  const request = (event: string) => (topics: readonly TopicRef[], reqid: number) =>
    [...new Set(topics.map(({ stream }) => stream))].map((name) => ({
      event,
      reqid,
      pair: topics
        .filter(({ stream }) => stream === name)
        .flatMap(({ topic }) => (topic === undefined ? symbols : [topic])),
      subscription: { name },
    }));

  return {
    url,
    // The connection's id is above 2 ** 53, where JSON's numbers lose digits: it becomes a string.
    codec: {
      ...jsonCodec,
      decode: (data) =>
        jsonCodec.decode(
          typeof data === 'string' && data.startsWith('{')
            ? data.replace(/("connectionID":\s*)(\d+)/, '$1"$2"')
            : data,
        ),
    },
    heartbeat: {
      everyMs: 10_000,
      timeoutMs: 5_000,
      ping: () => ({ event: 'ping' }),
      isPong: (message) => (message as Status).event === 'pong',
    },
    unpack: (decoded) => {
      if (!Array.isArray(decoded)) return [decoded];
      const [, data, channel, pair] = decoded as [number, unknown, string, string];
      const items = channel === 'trade' ? (data as readonly unknown[]) : [data];
      return items.map((item) => ({ channel, pair, data: item }));
    },
    route: (message) => (message as { readonly channel?: string }).channel,
    isControl: (message) => (message as Status).event !== undefined,
    subscriptions: {
      subscribe: request('subscribe'),
      unsubscribe: request('unsubscribe'),
      ack: (message) => {
        const { event, status, pair, errorMessage, subscription } = message as Status;
        if (event !== 'subscriptionStatus' || subscription === undefined || pair === undefined)
          return undefined;
        const { name: stream } = subscription;
        if (status === 'error') return { topics: [{ stream, topic: pair }], ok: false, error: errorMessage };
        if (status !== 'subscribed') return undefined;
        return { topics: [{ stream, topic: pair }, { stream }], ok: true };
      },
    },
    buffer: { overflow: 'pause' },
    streams: {
      trade: {
        schema: schemas.trade,
        topic: ({ pair }) => pair,
        sourceTime: ({ time }) => Number(time) * 1_000,
        allowSilence: true,
      },
      ticker: { schema: schemas.ticker, topic: ({ pair }) => pair, allowSilence: true },
    },
  };
}
