import type { FeedStats, StreamHealth } from 'millrace';
import { rateOf, type Sample } from './rates.js';
import type { Row, Verdict } from './table.js';

/** What the rows of a feed are made from, all of it of one instant. */
export interface RowSources {
  readonly stats: FeedStats;
  readonly health: readonly StreamHealth[];
  /** Gaps by stream. */
  readonly gaps: Readonly<Record<string, number>>;
  readonly kept: readonly Sample[];
}

/** One row for each stream of a feed: its part of the ledger, beside its health. */
export const rowsOf = ({ stats, health, gaps, kept }: RowSources): Row[] =>
  Object.entries(stats.streams).map(([name, counts]) => {
    const own = health.find(({ stream, topic }) => stream === name && topic === undefined);
    return {
      name,
      perSecond: rateOf(kept, name),
      ...(own?.lastAt === undefined ? {} : { ageMs: own.ageMs }),
      verdict: own === undefined ? 'unjudged' : verdictOf(own),
      duplicates: counts.duplicate,
      gaps: gaps[name] ?? 0,
      rejects: counts.rejected,
      drops: counts.dropped + counts.conflated,
      total: counts.delivered,
    };
  });

/** Values delivered so far, by stream. */
export const totalsOf = ({ streams }: FeedStats): ReadonlyMap<string, number> =>
  new Map(Object.entries(streams).map(([name, { delivered }]) => [name, delivered]));

function verdictOf({ healthy, allowSilence, lastAt, staleAfterMs }: StreamHealth): Verdict {
  if (allowSilence) return 'quiet';
  if (!healthy) return 'stale';
  if (lastAt === undefined) return 'waiting';
  return staleAfterMs === undefined ? 'unjudged' : 'fresh';
}
