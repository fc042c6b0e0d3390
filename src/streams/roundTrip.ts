import { asyncScheduler } from 'rxjs';

/** The pings of one connection and their answers, of which neither has a name. */
export interface RoundTrip {
  /** A ping has left. */
  left(): void;
  /**
   * An answer came. Returns the round trip in ms; `undefined` if no ping is out, if several are, so that it may be the
   * answer to any, or if reading was paused since.
   */
  answered(): number | undefined;
  /** Reading was paused, so that an answer may have waited: it will not be measured. */
  spoil(): void;
  /** A ping is out whose answer may still come. */
  isOut(): boolean;
  /** The last round trip, ms. */
  readonly latencyMs: number | undefined;
}

/**
 * Measures from when a ping left to its answer, and rather tells nothing than something wrong: answers come in the order
 * of the pings, but a server may leave one out (RFC 6455 section 5.5.3).
 *
 * @param lostAfterMs A ping that is unanswered for so long is taken for lost as soon as the next is due: a round trip
 * that takes longer is told only if no other ping left meanwhile.
 */
export function createRoundTrip(lostAfterMs: number): RoundTrip {
  /** Pings that left and may still be answered. */
  let owed = 0;
  /** When the last of them left. */
  let leftAt = 0;
  let isSpoilt = false;

  /** In either direction: a wall clock may be set back. */
  const isLost = (now: number): boolean => Math.abs(now - leftAt) >= lostAfterMs;

  // A plain property: with a getter it would be a dictionary to the engine, and three times as large.
  const trip = {
    latencyMs: undefined as number | undefined,
    left() {
      const now = asyncScheduler.now();
      if (isLost(now)) owed = 0;
      if (owed === 0) isSpoilt = false;
      owed += 1;
      leftAt = now;
    },
    answered() {
      if (owed === 0) return undefined;
      owed -= 1;
      if (owed > 0 || isSpoilt) return undefined;
      trip.latencyMs = Math.max(0, asyncScheduler.now() - leftAt);
      return trip.latencyMs;
    },
    spoil() {
      isSpoilt = true;
    },
    isOut: () => owed > 0 && !isLost(asyncScheduler.now()),
  };
  return trip;
}
