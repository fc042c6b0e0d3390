import { median } from '../lib/median.js';
import type { Run } from './race.js';

/** What the others are measured against, a column each: below 1 is slower. */
const bases = ['reference', 'rxjs idiom', 'ws + JSON.parse'];

const columns = [
  'contestant',
  ...bases.map((base) => `× ${base}`),
  'CPU a message, µs',
  'messages a second',
  'loop delay p99, ms',
  'max, ms',
  'peak, MB',
  'right',
];

const count = (value: number): string => Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');

/** Medians of the runs that are right; NaN without any. */
const of = (
  runs: readonly Run[],
  contestant: string,
  figure: 'cpuUs' | 'wallUs' | 'loopDelayP99Ms' | 'loopDelayMaxMs' | 'peakMb',
) => median(runs.filter((run) => run.contestant === contestant && run.isRight).map((run) => run[figure]));

const shown = (value: number, digits: number): string => (Number.isNaN(value) ? '–' : value.toFixed(digits));

const row = (runs: readonly Run[], contestant: string): string[] => {
  const own = runs.filter((run) => run.contestant === contestant);
  const cpuUs = of(runs, contestant, 'cpuUs');
  const perSecond = 1e6 / of(runs, contestant, 'wallUs');
  return [
    contestant,
    ...bases.map((base) => shown(of(runs, base, 'cpuUs') / cpuUs, 2)),
    shown(cpuUs, 2),
    Number.isNaN(perSecond) ? '–' : count(perSecond),
    shown(of(runs, contestant, 'loopDelayP99Ms'), 1),
    shown(of(runs, contestant, 'loopDelayMaxMs'), 1),
    shown(of(runs, contestant, 'peakMb'), 0),
    `${own.filter((run) => run.isRight).length} of ${own.length}`,
  ];
};

/** The runs as Markdown: a table for each suite, a line for each contestant, ratios of medians of CPU time per message. */
export const toMarkdown = (runs: readonly Run[]): string =>
  [...new Set(runs.map(({ suite }) => suite))]
    .map((suite) => {
      const here = runs.filter((run) => run.suite === suite);
      const names = [...new Set(here.filter(({ round }) => round === 0).map(({ contestant }) => contestant))];
      const lines = [
        columns,
        columns.map((_, index) => (index === 0 ? '---' : '--:')),
        ...names.map((name) => row(here, name)),
      ];
      return `### ${suite}\n\n${lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('')}`;
    })
    .join('\n');
