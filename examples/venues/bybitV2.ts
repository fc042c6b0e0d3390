import type { FeedConfig, TopicRef } from 'millrace';
import * as v from 'valibot';

const Digits = v.pipe(v.string(), v.digits());

const schemas = {
  /** The whole book of a symbol, or what changed in it. */
  book: v.object({
    topic: v.string(),
    type: v.picklist(['snapshot', 'delta']),
    data: v.record(v.string(), v.array(v.object({ id: v.string(), side: v.picklist(['Buy', 'Sell']) }))),
    cross_seq: Digits,
    timestamp_e6: Digits,
  }),
};

const CHANNEL = 'orderBookL2_25.';

interface Message {
  readonly topic?: string;
  readonly success?: boolean;
  readonly ret_msg?: string;
  readonly request?: { readonly op: string; readonly args: readonly string[] };
}

/**
 * Bybit, version 2, linear: the books. `cross_seq` rises, but by any number: it tells what came too late, and never a hole. Hence a
 * `previous` that tells nothing. Topics are symbols; the whole stream stands for all of `symbols`.
 */
export function bybitV2({
  symbols,
  url = 'wss://stream.bybit.com/realtime_public',
}: {
  readonly symbols: readonly string[];
  readonly url?: string;
}): FeedConfig<typeof schemas> {
  const request = (op: string) => (topics: readonly TopicRef[]) => ({
    op,
    args: topics
      .flatMap(({ topic }) => (topic === undefined ? symbols : [topic]))
      .map((symbol) => CHANNEL + symbol),
  });

  return {
    url,
    heartbeat: {
      ping: () => ({ op: 'ping' }),
      isPong: (message) => (message as Message).ret_msg === 'pong',
    },
    route: (message) => ((message as Message).topic?.startsWith(CHANNEL) === true ? 'book' : undefined),
    isControl: (message) => (message as Message).success !== undefined,
    subscriptions: {
      subscribe: request('subscribe'),
      unsubscribe: request('unsubscribe'),
      ack: (message) => {
        const { success: ok, ret_msg: error, request } = message as Message;
        if (ok === undefined || request?.op !== 'subscribe') return undefined;
        const topics = request.args.map((arg) => ({ stream: 'book', topic: arg.replace(CHANNEL, '') }));
        return { topics: [...topics, { stream: 'book' }], ok, error };
      },
    },
    buffer: { overflow: 'pause' },
    streams: {
      book: {
        schema: schemas.book,
        topic: ({ topic }) => topic.replace(CHANNEL, ''),
        sequence: {
          of: ({ cross_seq: number }) => Number(number),
          previous: () => undefined,
          isReset: ({ type }) => type === 'snapshot',
        },
        sourceTime: ({ timestamp_e6: micros }) => Number(micros) / 1_000,
        allowSilence: true,
      },
    },
  };
}
