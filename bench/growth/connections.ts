import type { BenchSuite } from '../suite.js';
import { chosen, type ContestantName } from '../throughput/contestants.js';
import { race, told } from '../throughput/race.js';
import { barsOf, toMarkdown } from '../throughput/report.js';

const names: readonly ContestantName[] = ['ws + JSON.parse', 'reference', 'millrace'];

/** The same messages of 500 streams over 1 to 500 connections, which all begin at once. */
export const connections: BenchSuite = {
  name: 'connections',
  run: async ({ quick, contestants, profileDir }) => {
    const heats = (quick ? [1, 100] : [1, 10, 100, 500]).map((lines) => ({
      suite: lines === 1 ? '1 connection' : `${lines} connections`,
      course: { kind: 'trade', streams: 500, lines } as const,
      // No more than the reference remembers: lines have no common order, and a copy may come behind nearly all the others.
      frames: quick ? 40_000 : 100_000,
      seed: 1,
      names: chosen(names, contestants),
    }));
    const runs = await race(heats, { rounds: quick ? 1 : 5, profileDir });
    return {
      name: 'connections',
      title: 'Connections that share the traffic',
      runs,
      markdown: toMarkdown(runs, ['reference']),
      targets: [],
      wrong: runs.filter(({ isRight }) => !isRight).map(told),
      bars: [...new Set(runs.map(({ suite }) => suite))].flatMap((suite) =>
        barsOf(
          'connections',
          runs.filter((run) => run.suite === suite),
          [],
        )
          .filter(({ label }) => label === 'millrace')
          .map((bar) => ({ ...bar, label: `millrace, ${suite}` })),
      ),
    };
  },
};
