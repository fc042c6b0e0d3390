import { asyncScheduler } from 'rxjs';

/** Reads a `Retry-After` header: seconds or an HTTP date (RFC 9110 section 10.2.3), as milliseconds from now, never below 0. */
export function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  // `Date.parse` takes almost anything with a number in it for a date, and asctime's, which names no zone, for a local one.
  if (!/^\s*(mon|tue|wed|thu|fri|sat|sun)/i.test(header)) return undefined;
  const at = Date.parse(/GMT\s*$/i.test(header) ? header : `${header} GMT`);
  return Number.isNaN(at) ? undefined : Math.max(0, at - asyncScheduler.now());
}
