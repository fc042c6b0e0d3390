import { count, duration, rate } from './figures.js';
import { fit, type Line, type Tone } from './paint.js';

/** `waiting`: no value yet, and not too late for it. `quiet`: silence is allowed. `unjudged`: nobody said how often it should speak. */
export type Verdict = 'fresh' | 'stale' | 'waiting' | 'quiet' | 'unjudged';

/** One stream, or one topic of it, as the table shows it; what is absent is shown as a dash. */
export interface Row {
  readonly name: string;
  readonly perSecond: number;
  /** Since the last value, ms. */
  readonly ageMs?: number;
  readonly verdict: Verdict;
  readonly duplicates?: number;
  readonly gaps?: number;
  readonly rejects?: number;
  readonly drops?: number;
  /** Values delivered. */
  readonly total: number;
}

const marks: Record<Verdict, readonly [text: string, tone: Tone]> = {
  fresh: ['● fresh', 'good'],
  stale: ['▲ stale', 'bad'],
  waiting: ['○ waiting', 'warn'],
  quiet: ['○ quiet', 'dim'],
  unjudged: ['–', 'dim'],
};

/** Cells of the columns right of the name, the space before each included. */
const widths = { rate: 8, age: 7, health: 11, duplicates: 7, gaps: 6, rejects: 8, drops: 7, total: 8 };
const others = Object.values(widths).reduce((sum, width) => sum + width, 0);
const MIN_NAME = 10;
const MAX_NAME = 32;

/** The table of streams, a header and one line a row; below 72 cells the columns on the right are cut off. */
export function table(rows: readonly Row[], width: number): Line[] {
  const nameWidth = Math.min(MAX_NAME, Math.max(MIN_NAME, width - others));
  const header = [
    fit('stream', nameWidth, 'left'),
    right('msg/s', widths.rate),
    right('age', widths.age),
    fit('  health', widths.health, 'left'),
    right('dups', widths.duplicates),
    right('gaps', widths.gaps),
    right('rejects', widths.rejects),
    right('drops', widths.drops),
    right('total', widths.total),
  ].join('');
  return [[[header, 'strong']], ...rows.map((row) => line(row, nameWidth))];
}

function line(row: Row, nameWidth: number): Line {
  const [mark, tone] = marks[row.verdict];
  return [
    fit(row.name, nameWidth, 'left'),
    right(rate(row.perSecond), widths.rate),
    [
      right(row.ageMs === undefined ? '–' : duration(row.ageMs), widths.age),
      row.verdict === 'stale' ? 'bad' : 'plain',
    ],
    [fit(`  ${mark}`, widths.health, 'left'), tone],
    figure(row.duplicates, widths.duplicates, 'plain'),
    figure(row.gaps, widths.gaps, 'bad'),
    figure(row.rejects, widths.rejects, 'warn'),
    figure(row.drops, widths.drops, 'warn'),
    right(count(row.total), widths.total),
  ];
}

/** A count that takes a tone once it is above 0. */
const figure = (n: number | undefined, width: number, above0: Tone): Line[number] => [
  right(n === undefined ? '–' : count(n), width),
  n === undefined || n === 0 ? 'dim' : above0,
];

const right = (text: string, width: number): string => fit(text, width, 'right');
