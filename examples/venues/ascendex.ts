import type { FeedConfig, TopicRef } from 'millrace';
import * as v from 'valibot';

const Level = v.tuple([v.string(), v.string()]);

const schemas = {
  /** The whole book of a symbol, or what changed in it. */
  depth: v.object({
    m: v.picklist(['depth-snapshot', 'depth']),
    symbol: v.string(),
    ts: v.number(),
    seqnum: v.number(),
    asks: v.array(Level),
    bids: v.array(Level),
  }),
};

interface Message {
  readonly m: string;
  readonly ch?: string;
  readonly code?: number;
  readonly data?: object;
}

/**
 * AscendEX, the books. `seqnum` counts by one for each symbol. The snapshot is asked for apart and comes between the updates,
 * with the number of the last that it holds: so it has no key, or it would be taken for that update. Topics are symbols;
 * the whole stream stands for all of `symbols`.
 */
export function ascendex({
  symbols,
  url = 'wss://ascendex.com/0/api/pro/v1/stream',
}: {
  readonly symbols: readonly string[];
  readonly url?: string;
}): FeedConfig<typeof schemas> {
  const namesOf = (topics: readonly TopicRef[]): string[] =>
    topics.flatMap(({ topic }) => (topic === undefined ? symbols : [topic]));
  const request = (op: string, topics: readonly TopicRef[]) => ({
    op,
    ch: `depth:${namesOf(topics).join(',')}`,
  });

  return {
    url,
    heartbeat: { reply: (message) => ((message as Message).m === 'ping' ? { op: 'pong' } : undefined) },
    unpack: (decoded) => [{ ...(decoded as Message), ...(decoded as Message).data }],
    route: (message) => ((message as Message).m.startsWith('depth') ? 'depth' : undefined),
    isControl: (message) => ['connected', 'sub', 'unsub'].includes((message as Message).m),
    subscriptions: {
      subscribe: (topics) => [
        request('sub', topics),
        ...namesOf(topics).map((symbol) => ({ op: 'req', action: 'depth-snapshot', args: { symbol } })),
      ],
      unsubscribe: (topics) => request('unsub', topics),
      ack: (message) => {
        const { m, ch, code } = message as Message;
        if (m !== 'sub' || ch === undefined) return undefined;
        const topics = [{ stream: 'depth', topic: ch.replace('depth:', '') }, { stream: 'depth' }];
        return { topics, ok: code === 0, error: code };
      },
    },
    buffer: { overflow: 'pause' },
    streams: {
      depth: {
        schema: schemas.depth,
        topic: ({ symbol }) => symbol,
        sequence: { of: ({ seqnum }) => seqnum, isReset: ({ m }) => m === 'depth-snapshot' },
        sourceTime: ({ ts }) => ts,
        allowSilence: true,
      },
    },
  };
}
