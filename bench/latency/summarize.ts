import { quantile } from './quantile.js';

/** How long trades took, once the client had warmed up, µs. */
export interface Delays {
  /** Turn by turn. */
  readonly p50Us: readonly number[];
  /** Of all turns together. */
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

/**
 * @param tookUs Of every trade that came, in order.
 * @param each Trades of a turn; a turn that was not ended has no p50.
 * @param warmUp Turns.
 */
export function summarize(tookUs: Float64Array, each: number, warmUp: number): Delays {
  const measured = tookUs.slice(warmUp * each);
  const p50Us = Array.from({ length: Math.floor(measured.length / each) }, (_, turn) =>
    quantile(measured.slice(turn * each, (turn + 1) * each).sort(), 0.5),
  );
  const sorted = measured.sort();
  return {
    p50Us,
    p99Us: quantile(sorted, 0.99),
    p999Us: quantile(sorted, 0.999),
    maxUs: quantile(sorted, 1),
  };
}
