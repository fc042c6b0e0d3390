import { createHealthEntry, toHealthRow, trail } from '../../src/sinks/healthEntry.js';

describe('createHealthEntry', () => {
  it('is told without what nobody knows yet: a last value, a limit, a lag', () => {
    const entry = createHealthEntry('a', undefined, {});
    expect(toHealthRow(entry, entry.since + 5)).toStrictEqual({
      stream: 'a',
      healthy: true,
      ageMs: 5,
      allowSilence: false,
    });
  });

  it('is told with all that is known', () => {
    const entry = createHealthEntry('a', 'x', { expectedIntervalMs: 10, allowSilence: true });
    entry.lastAt = entry.since = 1_000;
    trail(entry, 30, 1_000);
    trail(entry, 50, 1_000);
    expect(toHealthRow(entry, 1_007)).toStrictEqual({
      stream: 'a',
      topic: 'x',
      healthy: true,
      lastAt: 1_000,
      ageMs: 7,
      staleAfterMs: 30,
      allowSilence: true,
      lagMs: 20,
    });
  });

  it('forgets the smallest lag within lagWindowMs', () => {
    const entry = createHealthEntry('a', undefined, { lagWindowMs: 100 });
    trail(entry, 10, 0);
    trail(entry, 30, 100);
    expect(entry.lagMs).toBe(0);
  });

  it('watches a stream from the start, and a topic when it is asked to', () => {
    expect([
      createHealthEntry('a', undefined, {}).watched,
      createHealthEntry('a', 'x', {}).watched,
    ]).toStrictEqual([true, false]);
  });
});
