import type { Course } from './course.js';
import type { SuiteName } from './suites.js';

/** Frames of a turn: about a tenth of a second, in which a machine that others use too hardly changes. */
const frames = { trade: 20_000, depth: 4_000 } satisfies Record<SuiteName, number>;

/** A short race has smaller ones, if it can: how they alternate is what it is for. */
const atLeast = 8;

/** When contestants take turns. */
export interface Turns {
  /** Frames that were sent when each turn ends, the last one with all of them. */
  readonly sentBy: readonly number[];
  /** Turns of the warm-up. */
  readonly warmUp: number;
}

/**
 * Divides a course into turns of about the same length. They end with whole thousands of frames (of each line, if all carry the same),
 * as of each thousand the same number is delivered.
 *
 * @param count Frames of the course.
 * @param share Of the frames, to warm up.
 */
export function turnsOf(
  { kind, lines = 1, isRedundant = false }: Course,
  count: number,
  share: number,
): Turns {
  const unit = isRedundant ? 1_000 * lines : 1_000;
  const units = count / unit;
  if (!(units >= 2)) throw new RangeError(`turnsOf: count must be at least ${2 * unit}, got ${count}`);
  const turns = Math.min(units, Math.max(atLeast, Math.round(count / frames[kind])));
  const sentBy = Array.from({ length: turns }, (_, turn) => unit * Math.round((units * (turn + 1)) / turns));
  return { sentBy, warmUp: Math.min(turns - 1, Math.max(1, Math.round(turns * share))) };
}

/**
 * What is delivered when each turn ends.
 *
 * @param delivered In all.
 */
export const deliveredByTurn = ({ sentBy }: Turns, delivered: number): number[] =>
  sentBy.map((sent) => (delivered * sent) / (sentBy.at(-1) ?? NaN));
