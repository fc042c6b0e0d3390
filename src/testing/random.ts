/**
 * A generator of numbers in [0, 1) that a seed decides entirely: the same seed gives the same row on every machine. It is
 * mulberry32 (Tommy Ettinger, public domain): quick and good enough for test traffic, not for secrets.
 *
 * @param seed Its lower 32 bits are used.
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
