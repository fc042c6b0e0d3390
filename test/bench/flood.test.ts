import {
  boundMs,
  type FloodRun,
  type FullSpeedRun,
  isRight,
  type SlowSinkRun,
  type StallRun,
  toMarkdown,
  toTargets,
} from '../../bench/flood/report.js';
import { slope } from '../../bench/flood/slope.js';
import { measureFlood } from '../../bench/flood/suite.js';

describe('slope', () => {
  const line = (values: readonly number[]) => values.map((value, at) => ({ at, value }));

  it.each([
    [[5, 5, 5], 0],
    [[1, 3, 5, 7], 2],
    [[4, 3, 2], -1],
    [[0, 4, 0, 4], 0.8],
  ])('of %j is %s', (values, expected) => {
    expect(slope(line(values))).toBeCloseTo(expected);
  });

  it.each([[[1]], [[]]])('of %j is not known', (values) => {
    expect(slope(line(values))).toBeNaN();
  });
});

const slow = (taker: string, more: Partial<SlowSinkRun> = {}): SlowSinkRun => ({
  kind: 'slow sink',
  taker,
  round: 0,
  perSecondIn: 50_000,
  delivered: 100,
  missing: 30,
  disordered: 0,
  dropped: 30,
  perSecond: 10,
  ageP50Ms: 1,
  ageP99Ms: 2,
  ageMaxMs: 3,
  ageGrowth: 4,
  heldMb: 5,
  heldGrowth: 0.25,
  peakMb: 6,
  ...more,
});
const speed = (taker: string, sockets: number, more: Partial<FullSpeedRun> = {}): FullSpeedRun => ({
  kind: 'full speed',
  taker,
  sockets,
  round: 0,
  delivered: sockets * 100,
  missing: 0,
  disordered: 0,
  dropped: 0,
  perSecond: 10,
  delayP99Ms: 1,
  delayMaxMs: 2,
  peakHeapMb: 3,
  peakMb: 40,
  ...more,
});
const stall = (alarms: readonly string[], more: Partial<StallRun> = {}): StallRun => ({
  kind: 'stall',
  traffic: 'full speed',
  round: 0,
  before: 1,
  after: 1,
  alarms,
  ...more,
});

describe('a run', () => {
  it.each<[string, FloodRun, boolean]>([
    ['tells of what it dropped', slow('a'), true],
    ['lost more than it tells', slow('a', { dropped: 29 }), false],
    ['is out of order', speed('a', 1, { disordered: 1 }), false],
    ['got nothing', speed('a', 1, { delivered: 0 }), false],
    ['got nothing from nowhere', speed('a', 0), true],
    ['went on after a stall', stall([]), true],
    ['never came back from a stall', stall([], { after: 0 }), false],
    ['stalled before it had begun', stall([], { before: 0 }), false],
  ])('that %s', (_what, run, right) => {
    expect(isRight(run)).toBe(right);
  });
});

describe('a report', () => {
  const valueOf = (runs: readonly FloodRun[], what: string): number | undefined =>
    toTargets(runs).find((target) => target.what.includes(what))?.value;

  it('allows what is delivered the age of a full line, and a margin', () => {
    expect(boundMs({ perSecondIn: 50_000 })).toBe(200);
    expect(toTargets([slow('millrace')])[0]).toMatchObject({ value: 2, atMost: 300 });
  });

  it('says nothing of the reference as a target', () => {
    expect(toTargets([slow('reference')])).toStrictEqual([]);
  });

  it('compares the peaks, and the peaks over an idle process', () => {
    const runs = [
      speed('ws + JSON.parse', 0, { peakMb: 40 }),
      speed('reference', 1, { peakMb: 140 }),
      speed('millrace', 1, { peakMb: 90 }),
      speed('millrace', 1, { peakMb: 1, disordered: 1 }),
    ];

    expect(valueOf(runs, 'in a flood, to')).toBeCloseTo(90 / 140);
    expect(valueOf(runs, 'over an idle process')).toBeCloseTo(0.5);
  });

  it('keeps the delay of one socket from that of ten', () => {
    const runs = [speed('millrace', 1, { delayMaxMs: 7 }), speed('millrace', 10, { delayMaxMs: 8 })];

    expect([valueOf(runs, 'sockets: 1,'), valueOf(runs, 'sockets: 10,')]).toStrictEqual([7, 8]);
  });

  it('counts every false alarm', () => {
    expect(valueOf([stall(['disconnected']), stall([]), stall(['unhealthy', 'unhealthy'])], 'false')).toBe(3);
    expect(valueOf([stall([])], 'false')).toBe(0);
  });

  it('is three tables', () => {
    const lines = toMarkdown([slow('millrace'), speed('millrace', 10), stall(['x'])]).split('\n');

    expect(lines.filter((line) => /^\| (millrace|full speed \|)/.test(line))).toStrictEqual([
      '| millrace | 10 | 3 | 1 | 2 | 3 | 4 | 5 | 0.25 | 6 | 1 of 1 |',
      expect.stringContaining('loop delay'),
      '| millrace, sockets: 10 | 10 | 0.0 | 1.0 | 2.0 | 3 | 40 | 1 of 1 |',
      '| full speed | 1 | 1 | 1 | 1 of 1 |',
    ]);
  });
});

describe('a small flood', () => {
  it('comes in order, over every socket, and is told where it is too much', async () => {
    const runs = await measureFlood({
      scenes: [
        { kind: 'slow sink', taker: 'millrace' },
        { kind: 'full speed', taker: 'reference', sockets: 0 },
        { kind: 'full speed', taker: 'millrace', sockets: 2 },
        { kind: 'stall', traffic: 'a little', query: '?perSecond=200' },
      ],
      rounds: 1,
      slowSeconds: 0.8,
      fullSeconds: 0.3,
      blockMs: 200,
    });

    expect(runs.map((run) => [run.kind, isRight(run)])).toStrictEqual([
      ['slow sink', true],
      ['full speed', true],
      ['full speed', true],
      ['stall', true],
    ]);
    expect(runs[0]).toMatchObject({ taker: 'millrace', perSecondIn: 60_000 });
    expect((runs[0] as SlowSinkRun).dropped).toBeGreaterThan(0);
    expect((runs[0] as SlowSinkRun).ageP50Ms).toBeGreaterThan(0);
    expect((runs[2] as FullSpeedRun).peakHeapMb).toBeGreaterThan(1);
  }, 60_000);
});
