import { performance } from 'node:perf_hooks';

/** A stamp has 13 digits whatever the time is, so that a frame keeps its length; it begins anew after eleven days. */
const span = 1e12;

/**
 * How far the two clocks lie apart, µs: read where least time passed between the two readings of one, as whoever is interrupted in between
 * would be a millisecond off for as long as it lives.
 */
export function offsetUsOf(now: () => number, sharedUs: () => number): number {
  const readings = Array.from({ length: 100 }, () => {
    const before = now();
    const shared = sharedUs();
    const after = now();
    return { took: after - before, offsetUs: shared - ((before + after) / 2) * 1_000 };
  });
  return readings.reduce((best, one) => (one.took < best.took ? one : best)).offsetUs;
}

const offsetUs = offsetUsOf(
  () => performance.now(),
  () => Number(process.hrtime.bigint()) / 1_000,
);

/**
 * Microseconds on the clock that all processes of a machine share: that of `process.hrtime`, which on Linux is
 * `CLOCK_MONOTONIC` and counts from the start of the machine. `performance.now` reads the same clock from the start of the
 * process, and makes no BigInt.
 */
export const stampUs = (): number => span + ((offsetUs + performance.now() * 1_000) % span);
