import type { FeedConfig, TopicRef } from 'millrace';
import { asyncScheduler } from 'rxjs';
import * as v from 'valibot';

const Level = v.tuple([v.string(), v.string()]);

const schemas = {
  /** What changed in the book between the updates `U` and `u`, both included. */
  depth: v.object({
    t: v.number(),
    s: v.string(),
    U: v.number(),
    u: v.number(),
    b: v.array(Level),
    a: v.array(Level),
  }),
};

interface Message {
  readonly channel: string;
  readonly event: string;
  readonly id?: number;
  readonly error?: unknown;
  readonly result: object;
}

/**
 * Gate.io spot, version 4: the books. Their updates cover ranges, as Binance's do. Topics are pairs; the whole stream stands for
 * all of `pairs`.
 */
export function gateioV4({
  pairs,
  url = 'wss://api.gateio.ws/ws/v4/',
}: {
  readonly pairs: readonly string[];
  readonly url?: string;
}): FeedConfig<typeof schemas> {
  const channel = 'spot.order_book_update';
  /** A message holds one pair. */
  const request = (event: string) => (topics: readonly TopicRef[], id: number) => {
    const time = Math.floor(asyncScheduler.now() / 1_000);
    return topics
      .flatMap(({ topic }) => (topic === undefined ? pairs : [topic]))
      .map((pair) => ({ time, id, channel, event, payload: [pair, '100ms'] }));
  };

  return {
    url,
    unpack: (decoded) => {
      const { event, result, ...rest } = decoded as Message;
      return [event === 'update' ? { ...rest, ...result } : decoded];
    },
    route: (message) => ((message as Message).channel === channel ? 'depth' : undefined),
    isControl: (message) => (message as Partial<Message>).event !== undefined,
    subscriptions: {
      subscribe: request('subscribe'),
      unsubscribe: request('unsubscribe'),
      batch: 1, // an ack names only the request
      ack: (message) => {
        const { id, event, error } = message as Message;
        return id === undefined || event !== 'subscribe' ? undefined : { id, ok: !error, error };
      },
    },
    buffer: { overflow: 'pause' },
    streams: {
      depth: {
        schema: schemas.depth,
        key: ({ s, u }) => `${s}-${u}`,
        topic: ({ s }) => s,
        sequence: { of: ({ u }) => u, first: ({ U }) => U },
        sourceTime: ({ t }) => t,
        allowSilence: true,
      },
    },
  };
}
