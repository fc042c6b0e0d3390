/** A figure at a time. */
export interface Sample {
  readonly at: number;
  readonly value: number;
}

/** How much the value grows per unit of time: the slope of the line of least squares; of fewer than two times NaN. */
export function slope(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const meanAt = mean(({ at }) => at);
  const meanValue = mean(({ value }) => value);
  const covariance = mean(({ at, value }) => (at - meanAt) * (value - meanValue));
  return covariance / mean(({ at }) => (at - meanAt) ** 2);
}
