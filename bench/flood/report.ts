import { median } from '../lib/median.js';
import { shown, table } from '../lib/table.js';
import type { Target } from '../suite.js';
import type { FullSpeedResult } from './fullSpeed.js';
import type { SlowSinkResult } from './slowSink.js';
import type { StallResult } from './stall.js';

interface Round {
  readonly round: number;
}
export type SlowSinkRun = Round & SlowSinkResult & { readonly taker: string; readonly perSecondIn: number };
export type FullSpeedRun = Round & FullSpeedResult & { readonly taker: string; readonly sockets: number };
export type StallRun = Round & StallResult & { readonly traffic: string };
export type FloodRun = SlowSinkRun | FullSpeedRun | StallRun;

/** The line of a feed, by default. */
const maxItems = 10_000;
/** What an age may be over `maxItems / rate`: one turn of the loop, and what TCP holds when it is read that often, ms. */
export const marginMs = 100;

/** Everything came in order, but for what is told as dropped; a stall shows something if trades came before and after. */
export function isRight(run: FloodRun): boolean {
  if (run.kind === 'stall') return run.before > 0 && run.after > 0;
  if (run.kind === 'full speed' && run.sockets === 0) return run.delivered === 0;
  return run.delivered > 0 && run.disordered === 0 && run.missing <= run.dropped;
}

const middle = <T>(runs: readonly T[], of: (run: T) => number): number => median(runs.map(of));

const ofKind = <K extends FloodRun['kind']>(
  runs: readonly FloodRun[],
  kind: K,
): (FloodRun & { readonly kind: K })[] =>
  runs.filter((run): run is FloodRun & { readonly kind: K } => run.kind === kind);

/**
 * Milliseconds that what is delivered may be old: so long ago came the last `maxItems` before it, of which the line holds the newest.
 */
export const boundMs = ({ perSecondIn }: { readonly perSecondIn: number }): number =>
  (maxItems * 1_000) / perSecondIn;

/** A column: its head, the figure of a run, and the digits after the point. */
type Column<T> = readonly [head: string, of: (run: T) => number, digits?: number];

/** A line for each name, in the order of the first round: medians of what its right runs found. */
const tableOf = <T extends FloodRun>(
  title: string,
  runs: readonly T[],
  nameOf: (run: T) => string,
  columns: readonly Column<T>[],
): string =>
  table(
    [title, ...columns.map(([head]) => head), 'right'],
    [...new Set(runs.map(nameOf))].map((name) => {
      const own = runs.filter((run) => nameOf(run) === name);
      const right = own.filter(isRight);
      const figures = columns.map(([, of, digits = 0]) => shown(middle(right, of), digits));
      return [name, ...figures, `${right.length} of ${own.length}`];
    }),
  );

const slowTable = (runs: readonly SlowSinkRun[]): string =>
  tableOf('slow sink', runs, ({ taker }) => taker, [
    ['delivered a second', (run) => run.perSecond],
    ['dropped a second', (run) => (run.dropped * run.perSecond) / run.delivered],
    ['age p50, ms', (run) => run.ageP50Ms],
    ['p99, ms', (run) => run.ageP99Ms],
    ['max, ms', (run) => run.ageMaxMs],
    ['older in a second, ms', (run) => run.ageGrowth],
    ['held, MB', (run) => run.heldMb],
    ['grows in a second, MB', (run) => run.heldGrowth, 2],
    ['peak, MB', (run) => run.peakMb],
  ]);

const speedTable = (runs: readonly FullSpeedRun[]): string =>
  tableOf(
    'full speed',
    runs,
    ({ taker, sockets }) => (sockets === 0 ? 'nothing connected' : `${taker}, sockets: ${sockets}`),
    [
      ['delivered a second', (run) => run.perSecond],
      ['dropped, %', (run) => (100 * run.dropped) / (run.delivered + run.dropped), 1],
      ['loop delay p99, ms', (run) => run.delayP99Ms, 1],
      ['max, ms', (run) => run.delayMaxMs, 1],
      ['peak heap, MB', (run) => run.peakHeapMb],
      ['peak, MB', (run) => run.peakMb],
    ],
  );

const stallTable = (runs: readonly StallRun[]): string =>
  tableOf('loop blocked for 2 s', runs, ({ traffic }) => traffic, [
    ['delivered before', (run) => run.before],
    ['after', (run) => run.after],
    ['false alarms', (run) => run.alarms.length],
  ]);

/** The runs as Markdown: a table for the slow sink, one for full speed, one for the blocked loop. */
export const toMarkdown = (runs: readonly FloodRun[]): string =>
  [
    slowTable(ofKind(runs, 'slow sink')),
    speedTable(ofKind(runs, 'full speed')),
    stallTable(ofKind(runs, 'stall')),
  ].join('\n');

/** What issue 5 asks of a flood; nothing where it was not run. */
export function toTargets(runs: readonly FloodRun[]): Target[] {
  const right = runs.filter(isRight);
  const slow = ofKind(right, 'slow sink').filter(({ taker }) => taker === 'millrace');
  const speed = (taker: string, sockets: number): FullSpeedRun[] =>
    ofKind(right, 'full speed').filter((run) => run.taker === taker && run.sockets === sockets);
  const idle = middle(
    ofKind(right, 'full speed').filter(({ sockets }) => sockets === 0),
    (run) => run.peakMb,
  );
  const peak = (taker: string): number => middle(speed(taker, 1), ({ peakMb }) => peakMb);
  const stalls = ofKind(right, 'stall');
  const oldest = Math.round(middle(slow, boundMs)) + marginMs;
  return [
    {
      what: `slow sink: p99 of the age, ms, to buffer / rate + ${marginMs} ms`,
      value: middle(slow, ({ ageP99Ms }) => ageP99Ms),
      atMost: oldest,
      floor: 10 * oldest,
    },
    {
      what: 'slow sink: what is held grows, MB in a second',
      value: middle(slow, ({ heldGrowth }) => heldGrowth),
      atMost: 0.5,
      floor: 10,
    },
    ...(
      [
        [1, 15],
        [10, 25],
      ] as const
    ).map(([sockets, atMost]) => ({
      what: `event-loop delay, flooding sockets: ${sockets}, max, ms`,
      value: middle(speed('millrace', sockets), ({ delayMaxMs }) => delayMaxMs),
      atMost,
      floor: 20 * atMost,
    })),
    {
      what: 'peak memory in a flood, to that of the reference',
      value: peak('millrace') / peak('reference'),
      atMost: 0.6,
      floor: 1.5,
    },
    {
      what: 'peak memory in a flood over an idle process, to that of the reference',
      value: (peak('millrace') - idle) / (peak('reference') - idle),
      atMost: 0.6,
      floor: 1.5,
    },
    {
      what: 'false alarms after the loop was blocked for 2 s',
      value: stalls.length === 0 ? NaN : stalls.reduce((sum, { alarms }) => sum + alarms.length, 0),
      atMost: 0,
      floor: 0,
    },
  ].filter(({ value }) => !Number.isNaN(value));
}
