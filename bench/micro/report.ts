import { median } from '../lib/median.js';
import { shown, table } from '../lib/table.js';
import type { Target } from '../suite.js';
import type { CaseName } from './cases.js';
import type { MicroResult } from './client.js';

/** One process. */
export interface MicroRun extends MicroResult {
  readonly name: CaseName;
  readonly round: number;
}

/** As much came out as had to. */
export const isRight = ({ due, done }: MicroRun): boolean => due === done;

const of = (runs: readonly MicroRun[], name: CaseName, figure: 'ns' | 'bytes'): number[] =>
  runs.filter((run) => run.name === name && isRight(run)).flatMap((run) => run[figure]);

/** What disturbs a stretch only makes it slower: the fastest tenth. */
const nsOf = (runs: readonly MicroRun[], name: CaseName): number => {
  const sorted = of(runs, name, 'ns').toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 10)] ?? NaN;
};

/** Half the distance of the quarters, to the median, in per cent. */
export function spread(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const quarter = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
  return (50 * (quarter(0.75) - quarter(0.25))) / median(sorted);
}

/** The runs as Markdown: a line for each thing. */
export const toMarkdown = (runs: readonly MicroRun[]): string =>
  table(
    ['alone', 'ns a message', 'bytes a message', '± %'],
    [...new Set(runs.map(({ name }) => name))].map((name) => {
      const bytes = of(runs, name, 'bytes');
      const middle = median(bytes);
      return [
        name,
        shown(nsOf(runs, name), 1),
        shown(middle, 0),
        middle > 16 ? shown(spread(bytes), 1) : '–',
      ];
    }),
  );

/** What issue 5 asks; nothing where it was not run. */
export const toTargets = (runs: readonly MicroRun[]): Target[] =>
  [
    {
      what: 'fan-out to 1 000 subscribers, speed to that of a Subject',
      value:
        nsOf(runs, 'Subject, each of 1 000 subscribers') / nsOf(runs, 'fan-out, each of 1 000 subscribers'),
      atLeast: 1.4,
      floor: 0.3,
    },
  ].filter(({ value }) => !Number.isNaN(value));
