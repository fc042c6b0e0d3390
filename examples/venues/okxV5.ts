import { type FeedConfig, jsonCodec, type SequenceConfig, type TopicRef } from 'millrace';
import * as v from 'valibot';

const Millis = v.pipe(v.string(), v.digits());
/** Price, quantity, a field no longer in use, and the number of orders. */
const Level = v.tuple([v.string(), v.string(), v.string(), v.string()]);

const Book = v.object({
  instId: v.string(),
  action: v.picklist(['snapshot', 'update']),
  asks: v.array(Level),
  bids: v.array(Level),
  ts: Millis,
  checksum: v.number(),
  seqId: v.optional(v.number()),
  prevSeqId: v.optional(v.number()),
});

const schemas = {
  books: Book,
  trades: v.object({
    instId: v.string(),
    tradeId: v.string(),
    px: v.string(),
    sz: v.string(),
    side: v.picklist(['buy', 'sell']),
    ts: Millis,
  }),
  tickers: v.object({
    instId: v.string(),
    instType: v.string(),
    last: v.string(),
    lastSz: v.string(),
    askPx: v.string(),
    askSz: v.string(),
    bidPx: v.string(),
    bidSz: v.string(),
    ts: Millis,
  }),
};

/** Each update names the one before it; a snapshot starts anew. A missing number makes the book a rejected message. */
const linked: SequenceConfig<v.InferOutput<typeof Book>> = {
  of: ({ seqId }) => seqId ?? NaN,
  previous: ({ prevSeqId }) => prevSeqId,
  isReset: ({ action }) => action === 'snapshot',
  scope: 'topic',
};

interface Push {
  readonly arg: { readonly channel: string; readonly instId: string };
  readonly action?: string;
  readonly data?: readonly object[];
}

interface Notice {
  readonly event?: string;
  readonly arg?: Push['arg'];
  readonly id?: string;
  readonly code?: string;
  readonly msg?: string;
}

/**
 * OKX v5, public channels. Topics are instruments; the whole stream stands for all of `symbols`.
 *
 * @param hasSeqId Whether books carry `seqId` and `prevSeqId`, as they do now. Recordings from before have only a
 * checksum, and without a sequence no gap can be told. @default true
 */
export function okxV5({
  symbols,
  url = 'wss://ws.okx.com:8443/ws/v5/public',
  hasSeqId = true,
}: {
  readonly symbols: readonly string[];
  readonly url?: string;
  readonly hasSeqId?: boolean;
}): FeedConfig<typeof schemas> {
  const request = (op: string) => (topics: readonly TopicRef[], id: number) => ({
    id: String(id),
    op,
    args: topics.flatMap(({ stream, topic }) =>
      (topic === undefined ? symbols : [topic]).map((instId) => ({ channel: stream, instId })),
    ),
  });

  return {
    url,
    // The application's ping and pong are bare words, not JSON.
    codec: {
      decode: (data) => (data === 'pong' ? data : jsonCodec.decode(data)),
      encode: (message) => (message === 'ping' ? message : jsonCodec.encode(message)),
    },
    // The server hangs up after 30 s in which nothing was sent either way.
    heartbeat: { everyMs: 20_000, ping: () => 'ping', isPong: (message) => message === 'pong' },
    unpack: (decoded) => {
      const { arg, action, data } = decoded as Push;
      return data?.map((item) => ({ ...arg, action, ...item })) ?? [decoded];
    },
    route: (message) => (message as { readonly channel?: string }).channel,
    isControl: (message) => (message as Notice).event !== undefined,
    subscriptions: {
      subscribe: request('subscribe'),
      unsubscribe: request('unsubscribe'),
      // One topic a request: a refusal names only the request.
      batch: 1,
      ack: (message) => {
        const { event, arg, id, code, msg } = message as Notice;
        if (event === 'error' && id !== undefined) return { id, ok: false, error: { code, msg } };
        if (event !== 'subscribe' || arg === undefined) return undefined;
        return { topics: [{ stream: arg.channel, topic: arg.instId }, { stream: arg.channel }], ok: true };
      },
    },
    buffer: { overflow: 'pause' },
    streams: {
      books: {
        schema: schemas.books,
        topic: ({ instId }) => instId,
        sourceTime: ({ ts }) => Number(ts),
        staleAfterMs: 10_000,
        ...(hasSeqId && { sequence: linked }),
      },
      trades: {
        schema: schemas.trades,
        key: ({ instId, tradeId }) => `${instId}-${tradeId}`,
        topic: ({ instId }) => instId,
        sourceTime: ({ ts }) => Number(ts),
        allowSilence: true,
      },
      tickers: {
        schema: schemas.tickers,
        topic: ({ instId }) => instId,
        sourceTime: ({ ts }) => Number(ts),
        allowSilence: true,
      },
    },
  };
}
