import { asyncScheduler } from 'rxjs';

/** The headers of an answer that matter here. */
interface Answer {
  readonly 'retry-after'?: string | undefined;
  readonly date?: string | undefined;
}

/**
 * Reads `Retry-After`: seconds or an HTTP date (RFC 9110 section 10.2.3), as milliseconds from now; `undefined` if it asks for no wait.
 *
 * @param headers Of the whole answer: a date counts from the server's own `Date`, where there is one, as our clock may be wrong.
 */
export function retryAfterMs({ 'retry-after': after = '', date = '' }: Answer): number | undefined {
  const sentAt = instant(date);
  const now = Number.isNaN(sentAt) ? asyncScheduler.now() : sentAt;
  const ms = /^\s*\d+\s*$/.test(after) ? Number(after) * 1000 : instant(after) - now;
  return ms > 0 ? ms : undefined;
}

/** An HTTP date as epoch ms, or NaN. */
function instant(date: string): number {
  // `Date.parse` takes almost anything with a number in it for a date, and asctime's, which names no zone, for a local one.
  if (!/^\s*(mon|tue|wed|thu|fri|sat|sun)/i.test(date)) return NaN;
  return Date.parse(/GMT\s*$/i.test(date) ? date : `${date} GMT`);
}
