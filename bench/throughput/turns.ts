import type { Course } from './course.js';
import type { SuiteName } from './suites.js';

/** Frames of a turn: some tenths of a second, in which a machine that others use too hardly changes. */
const frames = { trade: 20_000, depth: 4_000 } satisfies Record<SuiteName, number>;

/** A short race has smaller ones, if it can: how they alternate is what it is for. */
const atLeast = 8;

/** When contestants take turns. */
export interface Turns {
  /** Frames sent when each turn ends. */
  readonly ends: readonly number[];
  /** Turns of the warm-up. */
  readonly warmUp: number;
}

/**
 * Divides a course into turns of about the same length. They end with whole thousands of frames (of each line, if all carry the same),
 * as of each thousand the same number is delivered.
 *
 * @param count Frames of the course, but for what redundant lines send last.
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
  const ends = Array.from({ length: turns }, (_, turn) => unit * Math.round((units * (turn + 1)) / turns));
  return { ends, warmUp: Math.min(turns - 1, Math.max(1, Math.round(turns * share))) };
}

/**
 * What is delivered when each turn ends.
 *
 * @param delivered In all.
 */
export function deliveredBy(
  { ends }: Turns,
  { lines = 1, isRedundant = false }: Course,
  delivered: number,
): number[] {
  const last = isRedundant ? lines : 0; // one of each line, at the very end
  const count = ends.at(-1) ?? NaN;
  return ends.map((end) => (end === count ? delivered : ((delivered - last) * end) / count));
}
