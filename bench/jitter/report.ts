import { idealMs, outages } from './outages.js';
import { type Figures, slotMs } from './simulate.js';

/** One outage played once: a line of `bench/results/jitter.json`. */
export interface Run extends Figures {
  readonly outage: string;
  readonly variant: string;
  readonly seed: number;
}

const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);
const median = (values: readonly number[]): number => sorted(values)[values.length >> 1] ?? NaN;

const count = (value: number): string => value.toLocaleString('en-US').replaceAll(',', ' ');
const seconds = (ms: number): string =>
  (ms / 1_000)
    .toLocaleString('en-US', { maximumFractionDigits: 1, minimumFractionDigits: 1 })
    .replaceAll(',', ' ');

/** The median, and the range where the seeds differ. */
const spread = (values: readonly number[], show: (value: number) => string): string => {
  const [least = NaN, ...more] = sorted(values);
  const [low, high] = [show(least), show(more.at(-1) ?? least)];
  return low === high ? low : `${show(median(values))} (${low}–${high})`;
};

const columns = [
  'how long a client waits',
  'peak while down',
  'peak after',
  'dials',
  'of them refused after',
  'half back, s',
  '99 % back, s',
  'all back, s',
  '× ideal',
];

const row = (variant: string, runs: readonly Run[], ideal: number): string => {
  const of = (figure: keyof Figures): number[] => runs.map((run) => run[figure]);
  return [
    variant,
    ...(['peakDown', 'peakUp', 'dials', 'refused'] as const).map((figure) => count(median(of(figure)))),
    seconds(median(of('halfMs'))),
    seconds(median(of('p99Ms'))),
    spread(of('allMs'), seconds),
    (median(of('allMs')) / ideal).toFixed(2),
  ].join(' | ');
};

/** The runs as Markdown: a table for each outage, a line for each way to wait, medians of the seeds. */
export const toMarkdown = (runs: readonly Run[]): string =>
  Object.entries(outages)
    .map(([name, outage]) => {
      const here = runs.filter((run) => run.outage === name);
      const variants = [...new Set(here.map(({ variant }) => variant))];
      const ideal = idealMs(outage, slotMs);
      const lines = [
        columns.join(' | '),
        columns.map((_, index) => (index === 0 ? '---' : '--:')).join(' | '),
        ...variants.map((variant) =>
          row(
            variant,
            here.filter((run) => run.variant === variant),
            ideal,
          ),
        ),
      ];
      return `### ${outage.title}\n\nIdeal: ${seconds(ideal)} s.\n\n${lines.map((line) => `| ${line} |\n`).join('')}`;
    })
    .join('\n');
