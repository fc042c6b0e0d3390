import type { FeedEvent } from 'millrace';
import { plural } from './figures.js';

/** What has happened to a feed so far, as far as its ledger does not tell. */
export interface Tally {
  /** There is a connection, and it carries traffic. */
  readonly isUp: boolean;
  /** Connections lost; a dial that failed is none. */
  readonly drops: number;
  readonly reconnects: number;
  /** The delays before the last few dials, ms. */
  readonly delaysMs: readonly number[];
  /** Gaps by stream. */
  readonly gaps: Readonly<Record<string, number>>;
  readonly missing: number;
  readonly stale: number;
  readonly recovered: number;
  /** Recoveries on the connection that was there all along: the stream was silent, not the line. */
  readonly recoveredConnected: number;
  /** The streams and topics that went stale on the present connection. */
  readonly staleNow: ReadonlySet<string>;
}

export const emptyTally: Tally = {
  isUp: false,
  drops: 0,
  reconnects: 0,
  delaysMs: [],
  gaps: {},
  missing: 0,
  stale: 0,
  recovered: 0,
  recoveredConnected: 0,
  staleNow: new Set(),
};

const MAX_DELAYS = 5;

/** Adds one event to the tally: a reducer for `scan`. */
export function tally(before: Tally, event: FeedEvent): Tally {
  switch (event.type) {
    case 'disconnected':
      return { ...before, isUp: false, drops: before.drops + (before.isUp ? 1 : 0), staleNow: new Set() };
    case 'retry':
      return { ...before, delaysMs: [...before.delaysMs, event.delayMs].slice(-MAX_DELAYS) };
    case 'connected':
      return { ...before, isUp: true, reconnects: before.reconnects + (event.isReconnect ? 1 : 0) };
    case 'gap': {
      const gaps = { ...before.gaps, [event.stream]: (before.gaps[event.stream] ?? 0) + 1 };
      return { ...before, gaps, missing: before.missing + event.missing };
    }
    case 'unhealthy': {
      const staleNow = new Set(before.staleNow);
      if (before.isUp) staleNow.add(keyOf(event));
      return { ...before, stale: before.stale + 1, staleNow };
    }
    case 'recovered': {
      const staleNow = new Set(before.staleNow);
      const recoveredConnected = before.recoveredConnected + (staleNow.delete(keyOf(event)) ? 1 : 0);
      return { ...before, recovered: before.recovered + 1, recoveredConnected, staleNow };
    }
    default:
      return before;
  }
}

/** The tally in words, with what the ledger adds. */
export function describeTally(
  t: Tally,
  { duplicate, rejected }: { readonly duplicate: number; readonly rejected: number },
): string {
  const gaps = Object.values(t.gaps).reduce((sum, n) => sum + n, 0);
  const delays = t.delaysMs.map((ms) => `${Math.round(ms)} ms`).join(', ');
  return [
    plural(t.drops, 'drop'),
    `${plural(t.reconnects, 'reconnect')}${delays === '' ? '' : ` (delays ${delays})`}`,
    `${plural(duplicate, 'duplicate')} removed`,
    `${plural(gaps, 'gap')} (${plural(t.missing, 'message')} missing)`,
    plural(rejected, 'reject'),
    `${t.stale} gone stale, ${t.recovered} recovered (${t.recoveredConnected} while the connection stayed up)`,
  ].join(', ');
}

const keyOf = ({ stream, topic }: { readonly stream: string; readonly topic?: string }): string =>
  JSON.stringify([stream, topic]);
