/** A length of time in at most six characters: `12ms`, `3.4s`, `5m07s`, `2h05m`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))}ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${twoDigits(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h${twoDigits(minutes % 60)}m`;
}

/** Time since the start, to read along: `00:12.3`. */
export function clock(ms: number): string {
  const tenths = Math.max(0, Math.floor(ms / 100));
  const seconds = Math.floor(tenths / 10);
  return `${twoDigits(Math.floor(seconds / 60))}:${twoDigits(seconds % 60)}.${tenths % 10}`;
}

/** A count in at most six characters: `999999`, `1.2M`. */
export const count = (n: number): string =>
  n < 1e6 ? String(n) : n < 1e9 ? `${(n / 1e6).toFixed(1)}M` : `${(n / 1e9).toFixed(1)}G`;

/** Messages per second: one decimal where it tells something. */
export const rate = (perSecond: number): string =>
  perSecond < 99.95 ? perSecond.toFixed(1) : count(Math.round(perSecond));

/** `1 gap`, `2 gaps`. */
export const plural = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

const twoDigits = (n: number): string => String(n).padStart(2, '0');
