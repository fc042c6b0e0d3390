import { median } from '../lib/median.js';
import { type Measured, pairedRatio } from '../lib/pairedRatio.js';
import { shown, table } from '../lib/table.js';
import type { Bar, Target } from '../suite.js';
import type { Run } from './race.js';

type Figure = 'cpuUs' | 'wallUs' | 'loopDelayMaxMs' | 'peakMb';

const rightOf = (runs: readonly Run[], contestant: string): readonly Run[] =>
  runs.filter((run) => run.contestant === contestant && run.isRight);

/** Of all turns, or runs, that are right, the one in the middle; NaN without any. */
export const medianOf = (runs: readonly Run[], contestant: string, figure: Figure): number =>
  median(rightOf(runs, contestant).flatMap((run) => run[figure]));

/** What falls into few turns, as a full collection does, is in the mean only. */
const meanOf = (runs: readonly Run[], contestant: string): number => {
  const turns = rightOf(runs, contestant).flatMap(({ cpuUs }) => cpuUs);
  return turns.reduce((sum, cpuUs) => sum + cpuUs, 0) / turns.length;
};

const cpuOf = (runs: readonly Run[]): Measured[] => runs.map(({ round, cpuUs }) => ({ round, turns: cpuUs }));

/** How many times as fast one is as another, by CPU time per frame. */
export const speedOf = (own: readonly Run[], base: readonly Run[]): number =>
  pairedRatio(cpuOf(base), cpuOf(own));

/** How many times as fast a contestant is as another, in the runs that are right. */
export const ratioOf = (runs: readonly Run[], contestant: string, base: string): number =>
  speedOf(rightOf(runs, contestant), rightOf(runs, base));

const row = (runs: readonly Run[], contestant: string, bases: readonly string[]): string[] => {
  const own = runs.filter((run) => run.contestant === contestant);
  const of = (figure: Figure): number => medianOf(runs, contestant, figure);
  return [
    contestant,
    ...bases.map((base) => shown(ratioOf(runs, contestant, base))),
    shown(of('cpuUs')),
    shown(meanOf(runs, contestant)),
    shown(1e6 / of('wallUs'), 0),
    shown(of('loopDelayMaxMs'), 1),
    shown(of('peakMb'), 0),
    `${own.filter((run) => run.isRight).length} of ${own.length}`,
  ];
};

const namesOf = (runs: readonly Run[]): string[] => [
  ...new Set(runs.filter(({ round }) => round === 0).map(({ contestant }) => contestant)),
];

/**
 * The runs as Markdown: a table for each suite, a line for each contestant.
 *
 * @param bases What the others are measured against, a column each: below 1 is slower.
 */
export const toMarkdown = (
  runs: readonly Run[],
  bases: readonly string[] = ['reference', 'rxjs idiom', 'ws + JSON.parse'],
): string =>
  [...new Set(runs.map(({ suite }) => suite))]
    .map((suite) => {
      const here = runs.filter((run) => run.suite === suite);
      const columns = [
        'contestant',
        ...bases.map((base) => `× ${base}`),
        'CPU a message, µs',
        'mean, µs',
        'messages a second',
        'loop delay, ms',
        'peak, MB',
        'right',
      ];
      return `### ${suite}\n\n${table(
        columns,
        namesOf(here).map((name) => row(here, name, bases)),
      )}`;
    })
    .join('\n');

/** A ratio that is to be reached. */
export interface Goal {
  readonly contestant: string;
  readonly base: string;
  readonly atLeast: number;
  readonly floor: number;
}

/** The goals whose contestants ran. */
export const targetsOf = (suite: string, runs: readonly Run[], goals: readonly Goal[]): Target[] =>
  goals
    .map(({ contestant, base, ...bounds }) => ({
      what: `${suite}: ${contestant} × ${base}`,
      value: ratioOf(runs, contestant, base),
      ...bounds,
    }))
    .filter(({ value }) => !Number.isNaN(value));

/** The ratios to the reference. Who only counts does too little to stand beside the others. */
export const barsOf = (group: string, runs: readonly Run[], goals: readonly Goal[]): Bar[] =>
  namesOf(runs)
    .map((label) => ({ group, label, ratio: ratioOf(runs, label, 'reference') }))
    .filter(({ label, ratio }) => label !== 'ws, count only' && !Number.isNaN(ratio))
    .map((bar) => {
      const goal = goals.find(({ contestant, base }) => contestant === bar.label && base === 'reference');
      return { ...bar, ...(goal && { target: goal.atLeast }) };
    });
