import { type ConnectionStatus, type Counts, isBalanced } from 'millrace';
import { describeError } from './describeEvent.js';
import { clock, duration } from './figures.js';
import { type LogEntry, logLine } from './log.js';
import { type Line, type Look, paint, type Tone, wrap } from './paint.js';
import { type Row, table } from './table.js';
import { describeTally, type Tally } from './tally.js';

/** Everything one screen shows, at one instant. */
export interface View {
  readonly title: string;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly now: number;
  readonly status: ConnectionStatus;
  /** The last round trip, ms. */
  readonly latencyMs: number | undefined;
  readonly rows: readonly Row[];
  /** What is missing in the rows, in words. */
  readonly note: string | undefined;
  readonly counts: Counts;
  /** The newest last. */
  readonly log: readonly LogEntry[];
}

/** A terminal's whole screen: at most `height` lines of at most `width` cells. */
export function screenOf(view: View, { height, ...look }: Look & { readonly height: number }): string[] {
  const top = [...statusOf(view, look), ...ledgerOf(view, look)];
  const below = Math.max(0, height - top.length - 2);
  const log = below === 0 ? [] : view.log.slice(-below).map((entry) => logLine(entry, view.startedAt));
  const bottom: Line[] = [
    [],
    [
      ['events', 'strong'],
      ['   Ctrl-C to stop', 'dim'],
    ],
    ...log,
  ];
  const all = [...top, ...bottom];
  return all.slice(0, Math.max(0, height)).map((line) => paint(line, look));
}

/** The status block alone, for a pipe or a file. */
export const blockOf = (view: View, look: Look): string[] =>
  [...statusOf(view, look), ...ledgerOf(view, look)].map((line) => paint(line, look));

/** The last word: where it ended, what happened in words, and the whole ledger. */
export function summaryOf(view: View, tally: Tally, look: Look): string[] {
  const words = `ran ${duration(view.now - view.startedAt)}: ${describeTally(tally, view.counts)}`;
  const text = [...wrap(words, look.width), ...wrap(ledger(view.counts, { zeros: true }), look.width)];
  return [...statusOf(view, look), [], ...text.map((line): Line => [line])].map((line) => paint(line, look));
}

const statusOf = (view: View, { width }: Look): Line[] => [
  [
    [view.title, 'strong'],
    [`  ${clock(view.now - view.startedAt)}`, 'dim'],
  ],
  connection(view),
  [],
  ...table(view.rows, width),
  ...(view.note === undefined ? [] : [[[view.note, 'warn'] as const]]),
];

const ledgerOf = ({ counts }: View, { width }: Look): Line[] => [
  [],
  ...wrap(ledger(counts, { zeros: false }), width).map((text): Line => [[text, 'dim']]),
];

const tones: Record<ConnectionStatus['state'], Tone> = {
  DISCONNECTED: 'dim',
  CONNECTING: 'warn',
  CONNECTED: 'good',
  AUTHENTICATED: 'good',
  RECONNECTING: 'bad',
  CLOSING: 'warn',
  CLOSED: 'dim',
};

function connection({ status, now, latencyMs = status.latencyMs }: View): Line {
  const { state, generation, attempt, since, retryInMs, cause } = status;
  const figure =
    retryInMs === undefined
      ? `latency ${latencyMs === undefined ? '–' : duration(latencyMs)}`
      : `next retry in ${duration(Math.max(0, since + retryInMs - now))}`;
  return [
    [`● ${state}`, tones[state]],
    ` for ${duration(now - since)}  generation ${generation}  attempt ${attempt}  ${figure}`,
    ...(cause === undefined ? [] : [[`  ${describeError(cause)}`, 'bad'] as const]),
  ];
}

const parts = [
  'delivered',
  'control',
  'rejected',
  'unrouted',
  'duplicate',
  'dropped',
  'conflated',
  'held',
] as const;

/** The ledger as the sum it has to be, and whether it is. */
export function ledger(counts: Counts, { zeros }: { readonly zeros: boolean }): string {
  const shown = parts.filter((part) => zeros || part === 'delivered' || counts[part] > 0);
  const sum = shown.map((part) => `${part} ${counts[part]}`).join(' + ');
  return `ledger: received ${counts.received} = ${sum} ${isBalanced(counts) ? '✓ balanced' : '✗ NOT balanced'}`;
}
