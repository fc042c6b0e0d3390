import type { BenchSuite } from '../suite.js';
import { chosen, type ContestantName } from './contestants.js';
import type { Course } from './course.js';
import { LONG_WARM_UP, race, told } from './race.js';
import { barsOf, type Goal, targetsOf, toMarkdown } from './report.js';

interface Plan {
  readonly name: string;
  readonly title: string;
  readonly course: Course;
  /** Of the whole run, and of a quick one. */
  readonly frames: readonly [full: number, quick: number];
  readonly rounds: readonly [full: number, quick: number];
  readonly names: readonly ContestantName[];
  readonly bases?: readonly string[];
  readonly goals: readonly Goal[];
}

/** A race of one course as a suite. */
export const raceSuite = ({
  name,
  title,
  course,
  frames,
  rounds,
  names,
  bases,
  goals,
}: Plan): BenchSuite => ({
  name,
  run: async ({ quick, contestants, profileDir }) => {
    const at = quick ? 1 : 0;
    const runs = await race(
      [{ suite: name, course, frames: frames[at], seed: 1, names: chosen(names, contestants) }],
      { rounds: rounds[at], warmUp: LONG_WARM_UP, profileDir },
    );
    return {
      name,
      title,
      runs,
      markdown: toMarkdown(runs, bases),
      targets: targetsOf(name, runs, goals),
      wrong: runs.filter(({ isRight }) => !isRight).map(told),
      bars: barsOf(name, runs, goals),
    };
  },
});

const everybody: readonly ContestantName[] = [
  'ws, count only',
  'ws + JSON.parse',
  'reference',
  'partysocket',
  'reconnecting-websocket',
  'websocket-ts',
  'rxjs idiom',
  'queue and promise',
  'millrace',
  'millrace, reader',
];

/** What a contestant is to reach, and what it never falls to. */
const goalsOf = (
  contestant: ContestantName,
  ...bounds: readonly (readonly [base: string, atLeast: number, floor: number])[]
): Goal[] => bounds.map(([base, atLeast, floor]) => ({ contestant, base, atLeast, floor }));

const trade = raceSuite({
  name: 'trade',
  title: 'Trades of 216 bytes',
  course: { kind: 'trade' },
  frames: [1_600_000, 60_000],
  rounds: [5, 3],
  names: everybody,
  goals: [
    ...goalsOf('millrace', ['reference', 1.9, 1], ['rxjs idiom', 2.5, 1.2], ['ws + JSON.parse', 0.8, 0.35]),
    ...goalsOf('millrace, reader', ['ws + JSON.parse', 1, 0.4]),
  ],
});

const depth = raceSuite({
  name: 'depth',
  title: 'Books of 1.5 kB',
  course: { kind: 'depth' },
  frames: [320_000, 16_000],
  rounds: [5, 3],
  names: everybody,
  goals: [
    ...goalsOf(
      'millrace',
      ['reference', 1.3, 0.9],
      ['rxjs idiom', 1.4, 0.95],
      ['ws + JSON.parse', 0.88, 0.6],
    ),
    ...goalsOf('millrace, reader', ['ws + JSON.parse', 1.5, 0.8]),
  ],
});

const both: readonly ContestantName[] = [
  'ws + JSON.parse',
  'reference',
  'rxjs idiom',
  'millrace',
  'millrace, skim',
];

const redundantTrade = raceSuite({
  name: 'redundant trade',
  title: 'Trades over two lines that carry the same',
  course: { kind: 'trade', lines: 2, isRedundant: true },
  frames: [1_200_000, 40_000],
  rounds: [5, 2],
  names: both,
  goals: goalsOf('millrace, skim', ['reference', 2.2, 0.7]),
});

const redundantDepth = raceSuite({
  name: 'redundant depth',
  title: 'Books over two lines that carry the same',
  course: { kind: 'depth', lines: 2, isRedundant: true },
  frames: [320_000, 14_000],
  rounds: [5, 2],
  names: both,
  goals: goalsOf('millrace, skim', ['reference', 1.8, 0.7]),
});

/** How fast messages are taken, from the socket to whoever listens. */
export const throughputSuites: readonly BenchSuite[] = [trade, depth, redundantTrade, redundantDepth];
