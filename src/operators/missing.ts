import type { Gap } from './sequence.js';

/** The numbers of a sequence that were never seen. */
export interface Missing {
  /** A hole was given up. Holes are added in rising order. */
  add(hole: Pick<Gap, 'after' | 'before'>): void;
  /** Whether one of the numbers `start … end` is in a hole that was added. */
  has(start: number, end: number): boolean;
  /** Whether one of the numbers `start … end` is missing. */
  lacks(start: number, end: number): boolean;
  /** Takes the numbers `start … end` out; false if none of them was missing. */
  fill(start: number, end: number): boolean;
}

/** Holes remembered of each sequence; the lowest is forgotten first. */
const MOST_HOLES = 100;

/**
 * Remembers what is missing, so that a late value can be told from a repeated one. Of a forgotten hole it says that
 * nothing is missing.
 *
 * @param beginning Where the sequence begins; everything below is missing.
 */
export function createMissing(beginning: number): Missing {
  let holes: Pick<Gap, 'after' | 'before'>[] = [{ after: -Infinity, before: beginning }];
  const forget = (): void => {
    while (holes.length > MOST_HOLES) holes.shift();
  };

  const lacks = (start: number, end: number): boolean => holes.some((hole) => isHit(hole, start, end));

  return {
    add(hole) {
      const newest = holes.at(-1);
      // What adjoins is one hole: given up number by number, a long one would push all others out.
      if (newest !== undefined && hole.after === newest.before - 1)
        holes[holes.length - 1] = { after: newest.after, before: hole.before };
      else holes.push(hole);
      forget();
    },
    has: (start, end) => holes.some((hole) => hole.after >= beginning && isHit(hole, start, end)),
    lacks,
    fill(start, end) {
      if (!lacks(start, end)) return false;
      holes = holes
        .flatMap(({ after, before }) => [
          { after, before: Math.min(before, Math.max(start, after + 1)) },
          { after: Math.max(after, Math.min(end, before - 1)), before },
        ])
        .filter(({ after, before }) => before - after > 1);
      forget(); // one may have become two
      return true;
    },
  };
}

const isHit = ({ after, before }: Pick<Gap, 'after' | 'before'>, start: number, end: number): boolean =>
  end > after && start < before;
