import { median } from '../lib/median.js';
import { type Measured, pairedRatio } from '../lib/pairedRatio.js';
import { shown, table } from '../lib/table.js';
import type { Target } from '../suite.js';
import type { LatencyResult } from './client.js';
import type { Arrivals } from './paces.js';
import type { TakerName } from './takers.js';

/** One client's one run. */
export interface LatencyRun extends LatencyResult {
  readonly taker: TakerName;
  readonly arrivals: Arrivals;
  readonly round: number;
  /** Trades sent. */
  readonly total: number;
}

/** All came, in order. */
export const isRight = ({ total, delivered, missing, disordered }: LatencyRun): boolean =>
  delivered === total && missing === 0 && disordered === 0;

const figures = ['p50Us', 'p99Us', 'p999Us', 'maxUs'] as const;
type Figure = (typeof figures)[number];

const rightOf = (runs: readonly LatencyRun[], taker: string): readonly LatencyRun[] =>
  runs.filter((run) => run.taker === taker && isRight(run));

/** The median of the runs, or turns, that are right; NaN without any. */
const of = (runs: readonly LatencyRun[], taker: string, figure: Figure): number =>
  median(rightOf(runs, taker).flatMap((run) => run[figure]));

/** A figure of one by that of another: turn by turn, or of those there is one a round, round by round. */
const ratioOf = (runs: readonly LatencyRun[], figure: Figure, taker: string, base: string): number => {
  const measured = (name: string): Measured[] =>
    rightOf(runs, name).map((run) => ({ round: run.round, turns: [run[figure]].flat() }));
  return pairedRatio(measured(taker), measured(base));
};

const bare = 'ws + JSON.parse';
const columns = ['from write to listener, µs', 'p50', 'p99', 'p99.9', 'max', `p50 × ${bare}`, 'right'];

/** A line for each contestant, medians of what each of its runs, or turns, found. */
const tableOf = (runs: readonly LatencyRun[]): string =>
  table(
    columns,
    [...new Set(runs.filter(({ round }) => round === 0).map(({ taker }) => taker))].map((name) => {
      const own = runs.filter(({ taker }) => taker === name);
      return [
        name,
        ...figures.map((figure) => shown(of(runs, name, figure), 0)),
        shown(ratioOf(runs, 'p50Us', name, bare)),
        `${own.filter(isRight).length} of ${own.length}`,
      ];
    }),
  );

/** How each kind of arrivals is called: above its table, and in what was aimed at. */
const kinds: readonly (readonly [Arrivals, title: string, short: string])[] = [
  ['poisson', 'Each trade alone, at any time (Poisson)', 'each alone'],
  ['bursts', 'Twenty at once, each millisecond', 'twenty at once'],
];

const arriving = (runs: readonly LatencyRun[], kind: Arrivals): LatencyRun[] =>
  runs.filter(({ arrivals }) => arrivals === kind);

/** The runs as Markdown: a table for each kind of arrivals. */
export const toMarkdown = (runs: readonly LatencyRun[]): string =>
  kinds
    .filter(([kind]) => arriving(runs, kind).length > 0)
    .map(([kind, title]) => `### ${title}\n\n${tableOf(arriving(runs, kind))}`)
    .join('\n\n');

/** What issue 5 asks of the delay; nothing where one of the two was not run. */
export const toTargets = (runs: readonly LatencyRun[]): Target[] =>
  kinds
    .flatMap(([kind, , short]) => {
      const own = arriving(runs, kind);
      return [
        {
          what: `latency p50 at 20 000 a second, ${short}, to that of ${bare}`,
          value: ratioOf(own, 'p50Us', 'millrace', bare),
          atMost: 1.1,
          floor: 3,
        },
        {
          what: `latency p99 at 20 000 a second, ${short}, to that of the reference`,
          value: ratioOf(own, 'p99Us', 'millrace', 'reference'),
          atMost: 1,
          floor: 40,
        },
      ];
    })
    .filter(({ value }) => !Number.isNaN(value));
