import type { FeedConfig, TopicRef } from 'millrace';
import * as v from 'valibot';

const Level = v.tuple([v.string(), v.string()]);

const schemas = {
  /** What changed in the book up to `u`; the update before it ended at `pu`. */
  depth: v.object({
    e: v.literal('depthUpdate'),
    E: v.number(),
    s: v.string(),
    U: v.number(),
    u: v.number(),
    pu: v.number(),
    b: v.array(Level),
    a: v.array(Level),
  }),
};

/**
 * Binance futures (USD-M), the books. Their updates are linked: `U` of one is not `u + 1` of the one before, so only `pu`
 * tells a hole.
 */
export function binanceFutures({
  symbols,
  url = 'wss://fstream.binance.com/stream',
}: {
  readonly symbols: readonly string[];
  readonly url?: string;
}): FeedConfig<typeof schemas> {
  const wireNames = ({ topic }: TopicRef): string[] =>
    (topic === undefined ? symbols : [topic]).map((symbol) => `${symbol.toLowerCase()}@depth@100ms`);

  return {
    url,
    unpack: (decoded) => [(decoded as { readonly data?: unknown }).data ?? decoded],
    route: (message) => ((message as { readonly e?: string }).e === 'depthUpdate' ? 'depth' : undefined),
    subscriptions: {
      subscribe: (topics, id) => ({ method: 'SUBSCRIBE', params: topics.flatMap(wireNames), id }),
      unsubscribe: (topics, id) => ({ method: 'UNSUBSCRIBE', params: topics.flatMap(wireNames), id }),
      ack: (message) => {
        const { id, error } = message as { readonly id?: number; readonly error?: unknown };
        return id === undefined ? undefined : { id, ok: error === undefined, error };
      },
    },
    outbox: { rate: { max: 10, perMs: 1_000 } },
    buffer: { overflow: 'pause' },
    streams: {
      depth: {
        schema: schemas.depth,
        key: ({ s, u }) => `${s}-${u}`,
        topic: ({ s }) => s,
        sequence: { of: ({ u }) => u, previous: ({ pu }) => pu },
        sourceTime: ({ E }) => E,
        staleAfterMs: 10_000,
      },
    },
  };
}
