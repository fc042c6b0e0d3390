import { performance } from 'node:perf_hooks';

/** A stamp has 13 digits whatever the time is, so that a frame keeps its length; it begins anew after eleven days. */
const span = 1e12;

const offsetUs = Number(process.hrtime.bigint() / 1_000n) - performance.now() * 1_000;

/**
 * Microseconds on the clock that all processes of a machine share: that of `process.hrtime`, which on Linux is
 * `CLOCK_MONOTONIC` and counts from the start of the machine. `performance.now` reads the same clock from the start of the
 * process, and makes no BigInt.
 */
export const stampUs = (): number => span + ((offsetUs + performance.now() * 1_000) % span);
