/** The smallest of the values, sorted by size, that at least this share of them do not exceed; of none NaN. */
export const quantile = (sorted: ArrayLike<number>, share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
