import type { FeedStats, StreamHealth } from 'millrace';
import { rowsOf, totalsOf } from '../../../examples/watch/rows.js';

const none = {
  received: 0,
  delivered: 0,
  control: 0,
  rejected: 0,
  unrouted: 0,
  duplicate: 0,
  dropped: 0,
  conflated: 0,
  held: 0,
};
const trade = { ...none, received: 20, delivered: 10, duplicate: 4, rejected: 3, dropped: 2, conflated: 1 };
const stats: FeedStats = { ...trade, streams: { trade, order: none } };
const fresh: StreamHealth = {
  stream: 'trade',
  healthy: true,
  lastAt: 900,
  ageMs: 100,
  staleAfterMs: 2_000,
  allowSilence: false,
};

describe('rowsOf', () => {
  it('puts the ledger of a stream beside its health, gaps and rate', () => {
    const kept = [0, 1_000].map((at) => ({ at, totals: new Map([['trade', at / 100]]) }));
    expect(rowsOf({ stats, health: [fresh], gaps: { trade: 1 }, kept })).toStrictEqual([
      {
        name: 'trade',
        perSecond: 10,
        ageMs: 100,
        verdict: 'fresh',
        duplicates: 4,
        gaps: 1,
        rejects: 3,
        drops: 3,
        total: 10,
      },
      {
        name: 'order',
        perSecond: 0,
        verdict: 'unjudged',
        duplicates: 0,
        gaps: 0,
        rejects: 0,
        drops: 0,
        total: 0,
      },
    ]);
  });

  const never: StreamHealth = {
    stream: 'trade',
    healthy: true,
    ageMs: 100,
    staleAfterMs: 2_000,
    allowSilence: false,
  };
  const noDeadline: StreamHealth = {
    stream: 'trade',
    healthy: true,
    lastAt: 900,
    ageMs: 100,
    allowSilence: false,
  };
  it.each<[string, StreamHealth]>([
    ['fresh', fresh],
    ['stale', { ...fresh, healthy: false }],
    ['stale', { ...never, healthy: false }],
    ['waiting', never],
    ['quiet', { ...never, allowSilence: true }],
    ['quiet', { ...fresh, allowSilence: true }],
    ['unjudged', noDeadline],
  ])('says %s of %j', (verdict, health) => {
    const [row] = rowsOf({
      stats,
      health: [{ ...health, topic: 'BTC', healthy: false }, health],
      gaps: {},
      kept: [],
    });
    expect(row?.verdict).toBe(verdict);
  });
});

describe('totalsOf', () => {
  it('counts what was delivered', () => {
    expect(totalsOf(stats)).toStrictEqual(
      new Map([
        ['trade', 10],
        ['order', 0],
      ]),
    );
  });
});
