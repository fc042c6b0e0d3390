import { machineLine } from '../../bench/lib/machine.js';
import { ratiosSvg } from '../../bench/lib/ratiosSvg.js';
import { shown, table } from '../../bench/lib/table.js';
import { isBeyondFloor, isMet, targetTable } from '../../bench/lib/targets.js';
import { expectedOf } from '../../bench/growth/subscribers.js';
import { topicsTable } from '../../bench/growth/topics.js';
import type { Target } from '../../bench/suite.js';
import type { Run } from '../../bench/throughput/race.js';
import { barsOf, type Goal, targetsOf } from '../../bench/throughput/report.js';

const run = (suite: string, contestant: string, cpuUs: number, isRight = true): Run => ({
  suite,
  contestant,
  round: 0,
  isRight,
  outcome: { delivered: 1, checksum: 1, duplicates: 0, rejected: 0 },
  cpuUs: [cpuUs],
  wallUs: cpuUs,
  loopDelayMaxMs: 2,
  peakMb: 50,
});

const least = (value: number): Target => ({ what: 'speed', value, atLeast: 2, floor: 1 });
const most = (value: number): Target => ({ what: 'delay', value, atMost: 2, floor: 3 });

describe('a target', () => {
  it.each([
    [least(2), true],
    [least(1.99), false],
    [most(2), true],
    [most(2.01), false],
    [least(NaN), false],
  ])('%j is met: %s', (target, met) => {
    expect(isMet(target)).toBe(met);
  });

  it.each([
    [least(1), false],
    [least(0.99), true],
    [most(3), false],
    [most(3.01), true],
    [most(NaN), true],
    [{ what: 'without a floor', value: 0, atLeast: 2 }, false],
  ])('%j is beyond its floor: %s', (target, beyond) => {
    expect(isBeyondFloor(target)).toBe(beyond);
  });

  it('is shown with its bound', () => {
    expect(
      targetTable([least(2.5), most(2.5)])
        .split('\n')
        .slice(2),
    ).toStrictEqual(['| speed | 2.50 | ≥ 2 | yes |', '| delay | 2.50 | ≤ 2 | **no** |', '']);
  });
});

describe('shown', () => {
  it.each([
    [1_234_567.891, 0, '1 234 568'],
    [1_234.567, 2, '1 234.57'],
    [0.123456, 5, '0.12346'],
    [12.5, 1, '12.5'],
    [NaN, 2, '–'],
    [Infinity, 2, '–'],
  ])('%s with %s digits is %s', (value, digits, text) => {
    expect(shown(value, digits)).toBe(text);
  });
});

describe('table', () => {
  it('sets figures right', () => {
    expect(table(['name', 'µs'], [['a', 1]])).toBe('| name | µs |\n| --- | --: |\n| a | 1 |\n');
  });
});

describe('the goals of a race', () => {
  const goals: Goal[] = [
    { contestant: 'millrace', base: 'reference', atLeast: 2, floor: 1 },
    { contestant: 'millrace', base: 'rxjs idiom', atLeast: 3, floor: 1 },
  ];
  const runs = [
    run('trade', 'ws, count only', 1),
    run('trade', 'reference', 6),
    run('trade', 'partysocket', 1, false),
    run('trade', 'millrace', 4),
  ];

  it('are targets, if those they name ran', () => {
    expect(targetsOf('trade', runs, goals)).toStrictEqual([
      { what: 'trade: millrace × reference', value: 1.5, atLeast: 2, floor: 1 },
    ]);
  });

  it('are ticks at the bars of those who did at least parse, and were right', () => {
    expect(barsOf('trade', runs, goals)).toStrictEqual([
      { group: 'trade', label: 'reference', ratio: 1 },
      { group: 'trade', label: 'millrace', ratio: 1.5, target: 2 },
    ]);
  });
});

describe('topicsTable', () => {
  it('compares each size with the reference, and with one topic', () => {
    const runs = [
      run('topics 1', 'reference', 4),
      run('topics 1', 'millrace', 2),
      run('topics 10000', 'reference', 5),
      run('topics 10000', 'millrace', 4),
    ];

    expect(topicsTable(runs, [1, 10_000]).split('\n').slice(2)).toStrictEqual([
      '| 1 | 2.00 | – | 4.00 | 2.00 | – | 1.00 | 1.00 |',
      '| 10 000 | 1.25 | – | 5.00 | 4.00 | – | 0.80 | 0.50 |',
      '',
    ]);
  });
});

describe('what the subscribers get in all', () => {
  it('is each message once for each, weighed by their places', () => {
    expect(expectedOf(2, 3)).toStrictEqual({ delivered: 6, checksum: 1 + 2 + 2 + 4 });
  });
});

describe('ratiosSvg', () => {
  const svg = ratiosSvg([
    { group: 'trade', label: 'a < b & c', ratio: 1 },
    { group: 'trade', label: 'millrace', ratio: 2, target: 2.5 },
    { group: 'depth', label: 'millrace', ratio: 0.5 },
  ]);
  const widths = [...svg.matchAll(/<rect[^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width));

  it('draws a bar as long as its ratio, the longest mark as wide as there is room', () => {
    expect(widths[0]! / widths[1]!).toBeCloseTo(1 / 2, 2);
    expect(widths[2]! / widths[1]!).toBeCloseTo(0.5 / 2, 2);
    expect(widths[1]! / 490).toBeCloseTo(2 / 2.5, 2);
  });

  it('marks a target, and the reference once a group', () => {
    expect(svg.match(/class="target"/g)).toHaveLength(1);
    expect(svg.match(/class="unit"/g)).toHaveLength(2);
    expect(svg).toContain('<line class="target" x1="700.0" x2="700.0"');
  });

  it('stands out ours, and is well-formed whatever the names', () => {
    expect(svg.match(/class="bar own"/g)).toHaveLength(2);
    expect(svg).toContain('a &lt; b &amp; c');
    expect(svg).not.toContain('NaN');
  });

  it('has colours for light and for dark', () => {
    expect(svg).toContain('prefers-color-scheme: dark');
  });

  it('draws nothing of nothing', () => {
    expect(ratiosSvg([])).not.toContain('<rect');
  });
});

describe('machineLine', () => {
  it('tells cores, versions and the day, and nothing else', () => {
    expect(machineLine()).toMatch(
      /^\d+ cores \(\w+ \w+\) · Node [\d.]+( · [a-z-]+ [\d.]+)+ · \d{4}-\d{2}-\d{2}$/,
    );
  });
});
