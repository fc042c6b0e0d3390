import { shown, table } from '../lib/table.js';
import type { BenchSuite, Target } from '../suite.js';
import { chosen, type ContestantName } from '../throughput/contestants.js';
import { LONG_WARM_UP, race, type Run, told } from '../throughput/race.js';
import { medianOf, ratioOf, speedOf } from '../throughput/report.js';

const names: readonly ContestantName[] = ['ws + JSON.parse + callbacks', 'reference', 'millrace'];
const suiteOf = (topics: number): string => `topics ${topics}`;

/** How fast a contestant still is with so many topics, where with one it is 1. */
const shareOf = (runs: readonly Run[], topics: number, name: string): number => {
  const of = (size: number): readonly Run[] =>
    runs.filter(
      ({ suite, contestant, isRight }) => suite === suiteOf(size) && contestant === name && isRight,
    );
  return speedOf(of(topics), of(1));
};

/** Ratios to the reference, and speeds relative to that with one topic, a line for each number of topics. */
export const topicsTable = (runs: readonly Run[], sizes: readonly number[]): string =>
  table(
    [
      'topics',
      'millrace × reference',
      ...names.map((name) => `${name}, µs`),
      ...names.map((name) => `${name}, × one topic`),
    ],
    sizes.map((size) => {
      const here = runs.filter(({ suite }) => suite === suiteOf(size));
      return [
        shown(size, 0),
        shown(ratioOf(here, 'millrace', 'reference')),
        ...names.map((name) => shown(medianOf(here, name, 'cpuUs'))),
        ...names.map((name) => shown(shareOf(runs, size, name))),
      ];
    }),
  );

/** One stream of 1 to 10 000 topics with a subscriber each. */
export const topics: BenchSuite = {
  name: 'topics',
  run: async ({ quick, contestants, profileDir }) => {
    const sizes = quick ? [1, 10_000] : [1, 10, 100, 1_000, 10_000];
    // The sizes are compared with each other, so they too take turns.
    const heats = sizes.map((size) => ({
      suite: suiteOf(size),
      course: { kind: 'trade', streams: size, byTopic: true } as const,
      frames: quick ? 80_000 : 600_000,
      seed: 1,
      names: chosen(names, contestants),
    }));
    const runs = await race(heats, { rounds: quick ? 2 : 5, warmUp: LONG_WARM_UP, profileDir });
    const most = Math.max(...sizes);
    const ratio = (size: number): number =>
      ratioOf(
        runs.filter(({ suite }) => suite === suiteOf(size)),
        'millrace',
        'reference',
      );
    const targets: readonly Target[] = [
      {
        what: 'topics: × reference with 10 000, over × reference with 1',
        value: ratio(most) / ratio(1),
        atLeast: 1,
        floor: 0.2,
      },
      {
        what: 'topics: speed with 10 000, over speed with 1',
        value: shareOf(runs, most, 'millrace'),
        atLeast: 0.75,
        floor: 0.2,
      },
    ];
    return {
      name: 'topics',
      title: 'Topics of one stream',
      runs,
      markdown: topicsTable(runs, sizes),
      targets: targets.filter(({ value }) => !Number.isNaN(value)),
      wrong: runs.filter(({ isRight }) => !isRight).map(told),
      bars: sizes
        .map((size) => ({ group: 'topics', label: `millrace, ${size}`, ratio: ratio(size) }))
        .filter(({ ratio: value }) => !Number.isNaN(value)),
    };
  },
};
