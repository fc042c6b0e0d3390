import type { FeedEvent } from 'millrace';
import { bufferTime, concatMap, filter, type OperatorFunction, pipe } from 'rxjs';
import { describeEvent } from './describeEvent.js';
import { clock } from './figures.js';
import { type Line, type Tone } from './paint.js';

export interface LogEntry {
  /** Epoch ms. */
  readonly at: number;
  readonly text: string;
  readonly tone: Tone;
}

/** A longer text than this is cut: a server's words may be any length. */
const MAX_TEXT = 300;

/**
 * Turns events into log entries, a quarter of a second's worth at a time; events of one kind that come together become one
 * entry with a count, or the duplicates of one replay would push everything else off the screen.
 *
 *     events  -dddddg----|
 *     toLog   -----(Dg)--|
 */
export const toLog = (): OperatorFunction<FeedEvent, LogEntry> =>
  pipe(
    filter(isNotable),
    bufferTime(250, null, 10_000),
    concatMap((events) => entriesOf(events)),
  );

function entriesOf(events: readonly FeedEvent[]): LogEntry[] {
  const kinds = new Map<unknown, FeedEvent[]>();
  for (const event of events) {
    const kind = kindOf(event);
    const alike = kinds.get(kind);
    if (alike === undefined) kinds.set(kind, [event]);
    else alike.push(event);
  }
  return [...kinds.values()].map(([event, ...alike]) => {
    const text = describeEvent(event!).slice(0, MAX_TEXT);
    return {
      at: event!.at,
      text: alike.length === 0 ? text : `${text} (and ${alike.length} alike)`,
      tone: toneOf(event!),
    };
  });
}

/** Round trips stand in the table, and every other state is told by a better event beside it. */
function isNotable(event: FeedEvent): boolean {
  if (event.type === 'state') return ['CONNECTING', 'CLOSING', 'CLOSED'].includes(event.status.state);
  return event.type !== 'pong';
}

/** Events of the same kind may share an entry; of a connection each is its own kind. */
function kindOf(event: FeedEvent): unknown {
  if (event.type === 'rejected') return `rejected ${event.rejected.reason} ${event.rejected.stream ?? ''}`;
  if (event.type === 'subscribing' || event.type === 'subscribed' || event.type === 'unsubscribed')
    return event.type;
  return 'stream' in event ? `${event.type} ${event.stream}` : event;
}

const bad: readonly FeedEvent['type'][] = [
  'disconnected',
  'gaveUp',
  'gap',
  'unhealthy',
  'hookFailed',
  'subscriptionRefused',
  'poisoned',
];
const warn: readonly FeedEvent['type'][] = [
  'retry',
  'rejected',
  'unrouted',
  'late',
  'overflow',
  'paused',
  'ackOverdue',
  'pongOverdue',
  'remedy',
];
const good: readonly FeedEvent['type'][] = ['connected', 'recovered', 'resumed', 'cured'];

function toneOf({ type }: FeedEvent): Tone {
  if (bad.includes(type)) return 'bad';
  if (warn.includes(type)) return 'warn';
  return good.includes(type) ? 'good' : 'plain';
}

/** A log entry as a line, its time counted from the start of the run. */
export const logLine = ({ at, text, tone }: LogEntry, startedAt: number): Line => [
  [clock(at - startedAt), 'dim'],
  '  ',
  [text, tone],
];
