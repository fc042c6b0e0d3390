import type { FeedEvent } from '../../../src/streams/events.js';
import { describeTally, emptyTally, tally } from '../../../examples/watch/tally.js';

const told = { generation: 1, at: 0 };
const silent = { silentMs: 2_000, since: 0 };
const error = new Error('gone');
const disconnected: FeedEvent = { ...told, type: 'disconnected', error, class: 'network', upMs: 1 };
const retry = (delayMs: number): FeedEvent => ({
  ...told,
  type: 'retry',
  error,
  class: 'network',
  attempt: 1,
  classAttempt: 1,
  previousMs: 0,
  jitteredMs: delayMs,
  floorMs: 0,
  delayMs,
});
const connected = (isReconnect: boolean): FeedEvent => ({
  ...told,
  type: 'connected',
  isReconnect,
  url: 'ws://a/',
  protocol: '',
  extensions: '',
});
const unhealthy: FeedEvent = { ...told, ...silent, type: 'unhealthy', stream: 'ticker' };
const recovered: FeedEvent = { ...told, ...silent, type: 'recovered', stream: 'ticker' };
const of = (...events: FeedEvent[]) => events.reduce(tally, emptyTally);

describe('tally', () => {
  it('counts drops, reconnects with their delays, and gaps by stream', () => {
    const gap: FeedEvent = { ...told, type: 'gap', stream: 'trade', after: 1, before: 4, missing: 2 };
    expect(of(connected(false), disconnected, retry(1_200), connected(true), gap, gap)).toMatchObject({
      drops: 1,
      reconnects: 1,
      delaysMs: [1_200],
      gaps: { trade: 2 },
      missing: 4,
    });
  });

  it('remembers the last five delays', () => {
    expect(of(...[1, 2, 3, 4, 5, 6].map(retry)).delaysMs).toStrictEqual([2, 3, 4, 5, 6]);
  });

  it('tells a stream that recovered by itself from one that recovered with the connection', () => {
    const twice = of(connected(false), unhealthy, recovered, unhealthy, disconnected, recovered);
    expect(twice).toMatchObject({ stale: 2, recovered: 2, recoveredConnected: 1 });
  });

  it('does not give a new connection what went stale between two', () => {
    const between = of(connected(false), disconnected, unhealthy, connected(true), recovered);
    expect(between).toMatchObject({ stale: 1, recovered: 1, recoveredConnected: 0 });
  });

  it('does not take a dial that failed for a lost connection', () => {
    expect(of(disconnected, connected(true), disconnected, disconnected).drops).toBe(1);
  });

  it('keeps topics of a stream apart', () => {
    const eth = { ...unhealthy, topic: 'ETH' } as FeedEvent;
    expect(of(connected(false), unhealthy, eth, recovered).staleNow).toStrictEqual(
      new Set(['["ticker","ETH"]']),
    );
  });

  it('leaves the tally before as it was', () => {
    const before = of(connected(false), unhealthy);
    tally(before, recovered);
    expect([before.staleNow.size, emptyTally.staleNow.size]).toStrictEqual([1, 0]);
  });

  it('ignores what the ledger counts', () => {
    expect(tally(emptyTally, { ...told, type: 'duplicate', stream: 'trade' })).toBe(emptyTally);
  });
});

describe('describeTally', () => {
  it('says in one line what happened', () => {
    const t = of(connected(false), unhealthy, recovered, disconnected, retry(1_203.4), connected(true));
    expect(describeTally(t, { duplicate: 45, rejected: 1 })).toBe(
      '1 drop, 1 reconnect (delays 1203 ms), 45 duplicates removed, 0 gaps (0 messages missing), 1 reject, ' +
        '1 gone stale, 1 recovered (1 while the connection stayed up)',
    );
  });
});
