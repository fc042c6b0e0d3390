import { createFeed, type Feed, type FeedConfig } from 'millrace';
import { suites } from '../throughput/suites.js';
import type { Stamped } from './batch.js';

type Trades = Record<string, (typeof suites.trade)['schema']>;
export type TradeFeed = Feed<Trades>;

export interface TradeFeedConfig extends Partial<Omit<FeedConfig<Trades>, 'streams'>> {
  /** @default all of the suite */
  readonly names?: readonly string[];
  /** @default 60_000 */
  readonly staleAfterMs?: number;
}

/** A feed of trades with every default, whose streams are deduplicated and watched for gaps and for silence. */
export function tradeFeed(
  url: string,
  { names = suites.trade.streams, staleAfterMs = 60_000, ...more }: TradeFeedConfig = {},
): TradeFeed {
  const stream: FeedConfig<Trades>['streams'][string] = {
    schema: suites.trade.schema,
    key: ({ id }) => id,
    sequence: { of: ({ id }) => id },
    staleAfterMs,
  };
  return createFeed({ url, streams: Object.fromEntries(names.map((name) => [name, stream])), ...more });
}

/** Listens to streams, each with a subscriber of its own; tells only of an error that ends the feed. */
export function takeAll(
  feed: TradeFeed,
  take: (trade: Stamped) => void,
  names: readonly string[] = suites.trade.streams,
): void {
  const next = take as unknown as (value: unknown) => void; // the suite's type leaves out what it does not need
  for (const name of names) feed.stream(name).subscribe({ next, error: console.error });
}
