import { median } from './median.js';

/** What was measured in each turn of a round. */
export interface Measured {
  readonly round: number;
  readonly turns: readonly number[];
}

/**
 * One by the other: the median over all turns, each divided by the other's same turn of the same round. Those two lie close together,
 * and whoever else uses the machine meets the one as often as the other. NaN without any.
 */
export const pairedRatio = (over: readonly Measured[], under: readonly Measured[]): number =>
  median(
    over.flatMap(({ round, turns }) => {
      const other = under.find((one) => one.round === round);
      return other === undefined ? [] : turns.map((value, turn) => value / (other.turns[turn] ?? NaN));
    }),
  );
