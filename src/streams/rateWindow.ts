import { maxTimerMs } from '../operators/backoff.js';

export interface RateConfig {
  readonly max: number;
  readonly perMs: number;
  /**
   * Milliseconds by which sends keep clear of that limit, because the network brings some closer together than they left.
   * @default a twentieth of `perMs`
   */
  readonly marginMs?: number;
}

/** A strict rolling window: in no interval of `perMs + marginMs`, wherever it begins, are there more than `max` sends. */
export interface RateWindow {
  /** The instant from which one more fits. */
  readonly freeAt: number;
  /** One was sent at this instant. */
  take(at: number): void;
}

/**
 * Remembers the instants of the last `max` sends. (A token bucket allows up to twice as many in an interval that
 * begins while it is full, and a window that starts anew each second allows as many around the turn of the second.)
 *
 * Clocks tell whole milliseconds: what was noted at 0 may have left at 0.999, so room is one millisecond later.
 *
 * @throws {RangeError} If `max` is not a whole number above 0, or `perMs` or `marginMs` is not one a timer can hold.
 */
export function createRateWindow({ max, perMs, marginMs = Math.floor(perMs / 20) }: RateConfig): RateWindow {
  if (!(Number.isInteger(max) && max > 0)) {
    throw new RangeError(`outbox: rate.max must be a whole number above 0, got ${max}`);
  }
  if (!(perMs > 0 && perMs <= maxTimerMs)) {
    throw new RangeError(`outbox: rate.perMs must be above 0 and at most ${maxTimerMs}, got ${perMs}`);
  }
  if (!(marginMs >= 0 && marginMs <= maxTimerMs)) {
    throw new RangeError(`outbox: rate.marginMs must be from 0 to ${maxTimerMs}, got ${marginMs}`);
  }
  const sentAt: number[] = [];
  let oldest = 0;

  return {
    get freeAt() {
      const at = sentAt[oldest];
      return at === undefined ? -Infinity : at + perMs + marginMs + 1;
    },
    take(at) {
      sentAt[oldest] = at;
      oldest = (oldest + 1) % max;
    },
  };
}
