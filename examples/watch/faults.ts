import type { ScheduledFault } from 'millrace/testing';

const every = 60_000;

/** The everyday faults within thirteen seconds, the rarer ones after them, and all of it again each minute. */
export const faultSchedule: readonly ScheduledFault[] = [
  { atMs: 1_500, every, fault: { type: 'skip', stream: 'trade' } },
  { atMs: 2_000, every, fault: { type: 'misfit', stream: 'ticker' } },
  { atMs: 3_000, every, fault: { type: 'drop', code: 1006 } },
  { atMs: 7_000, every, fault: { type: 'silence', stream: 'ticker', forMs: 4_000 } },
  { atMs: 13_000, every, fault: { type: 'repeat' } },
  { atMs: 22_000, every, fault: { type: 'malformed' } },
  { atMs: 25_000, every, fault: { type: 'reorder' } },
  { atMs: 30_000, every, fault: { type: 'vanish' } },
  { atMs: 40_000, every, fault: { type: 'flood', messages: 20_000 } },
  { atMs: 50_000, every, fault: { type: 'refuse', status: 503, forMs: 1_500, retryAfterSeconds: 1 } },
  { atMs: 50_010, every, fault: { type: 'drop', code: 1012, reason: 'service restart' } },
];
