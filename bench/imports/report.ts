import { median } from '../lib/median.js';
import { shown, table } from '../lib/table.js';
import type { Target } from '../suite.js';
import { type Form, shipped } from './buildLibrary.js';
import type { ImportsResult } from './client.js';

/** One process. */
export interface ImportsRun extends ImportsResult {
  readonly what: 'dependencies' | Form;
  readonly round: number;
}

/** Something was loaded. */
export const isRight = ({ names }: ImportsRun): boolean => names > 0;

const timesOf = (runs: readonly ImportsRun[], what: ImportsRun['what']): number[] =>
  runs.filter((run) => run.what === what && isRight(run)).map(({ ms }) => ms);

const quickest = (times: readonly number[]): number => Math.min(...times);

/** What the library adds, ms, by medians or by the quickest. */
const added = (
  runs: readonly ImportsRun[],
  form: Form,
  of: (times: readonly number[]) => number = median,
): number => of(timesOf(runs, form)) - of(timesOf(runs, 'dependencies'));

/** The runs as Markdown: what loading takes, and what of it is the library's. */
export const toMarkdown = (runs: readonly ImportsRun[]): string => {
  const needed = timesOf(runs, 'dependencies');
  return table(
    ['import, ms', 'median', 'quickest'],
    [
      ['dependencies', shown(median(needed), 1), shown(quickest(needed), 1)],
      ...(['modules', 'one file'] as const).map((form) => [
        `millrace beside them, ${form}${form === shipped ? ' (shipped)' : ''}`,
        shown(added(runs, form), 1),
        shown(added(runs, form, quickest), 1),
      ]),
    ],
  );
};

/** What issue 5 asks. */
export const toTargets = (runs: readonly ImportsRun[]): Target[] => [
  {
    what: "import 'millrace' over its dependencies, ms",
    value: added(runs, shipped),
    atMost: 15,
    floor: 400,
  },
];
