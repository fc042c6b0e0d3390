/** Totals by name at one instant. */
export interface Sample {
  /** Epoch ms. */
  readonly at: number;
  readonly totals: ReadonlyMap<string, number>;
}

/** Samples a rate is taken over: at two a second, the last two seconds. */
const MAX_SAMPLES = 5;

/** Keeps the newest few samples: a reducer for `scan`. */
export const samples = (before: readonly Sample[], sample: Sample): readonly Sample[] =>
  [...before, sample].slice(-MAX_SAMPLES);

/** Messages per second of one name, from the oldest sample kept to the newest. */
export function rateOf(kept: readonly Sample[], name: string): number {
  const oldest = kept[0];
  const newest = kept.at(-1);
  if (oldest === undefined || newest === undefined || newest.at <= oldest.at) return 0;
  const more = (newest.totals.get(name) ?? 0) - (oldest.totals.get(name) ?? 0);
  return (more * 1000) / (newest.at - oldest.at);
}
