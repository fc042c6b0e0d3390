import { WebSocket } from 'ws';
import type { Contestant } from '../throughput/job.js';
import { type Keyed, suites } from '../throughput/suites.js';
import type { Stamped } from './batch.js';

/** Connects and hands over every trade until the process ends; returns who says how many were dropped. */
export type Taker = (url: string, take: (trade: Stamped) => void) => () => number;

const nothingDropped = (): number => 0;

const parseOnly: Taker = (url, take) => {
  new WebSocket(url).on('message', (data: Buffer) => take(JSON.parse(data.toString()) as Stamped));
  return nothingDropped;
};

/** One who does the job of the throughput suite, with one listener for all streams. */
const doing =
  (contestant: Contestant): Taker =>
  (url, take) => {
    const suite = suites.trade;
    const { streams } = suite;
    const listener = take as unknown as (value: Keyed) => void;
    contestant({
      lines: [{ url, streams }],
      course: { kind: 'trade' },
      suite,
      callbacks: new Map(streams.map((name) => [name, listener])),
      tally: () => undefined,
    });
    return nothingDropped;
  };

/** Who takes part, by name, in the order of the table; each client loads one of them. */
export const takers = {
  'ws + JSON.parse': () => Promise.resolve(parseOnly),
  reference: async () => doing((await import('../throughput/contestants/reference.js')).reference),
  'rxjs idiom': async () => doing((await import('../throughput/contestants/rxjsIdiom.js')).rxjsIdiom),
  millrace: async () => {
    const { takeAll, tradeFeed } = await import('./tradeFeed.js');
    return (url, take) => {
      const feed = tradeFeed(url);
      takeAll(feed, take);
      return () => feed.stats().dropped;
    };
  },
} satisfies Record<string, () => Promise<Taker>>;
export type TakerName = keyof typeof takers;
