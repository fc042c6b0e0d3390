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
export const createRoundTrip = (lostAfterMs: number): RoundTrip => new PingsOut(lostAfterMs);

/** A class, since every connection has one: closures took five times the memory. Nor has it a getter, as V8 is slow with those. */
class PingsOut implements RoundTrip {
  latencyMs: number | undefined = undefined;
  /** Pings that left and may still be answered. */
  private owed = 0;
  /** When the last of them left. */
  private leftAt = 0;
  private isSpoilt = false;

  constructor(private readonly lostAfterMs: number) {}

  left(): void {
    const now = asyncScheduler.now();
    if (this.isLost(now)) this.owed = 0;
    if (this.owed === 0) this.isSpoilt = false;
    this.owed += 1;
    this.leftAt = now;
  }

  answered(): number | undefined {
    if (this.owed === 0) return undefined;
    this.owed -= 1;
    if (this.owed > 0 || this.isSpoilt) return undefined;
    this.latencyMs = Math.max(0, asyncScheduler.now() - this.leftAt);
    return this.latencyMs;
  }

  spoil(): void {
    this.isSpoilt = true;
  }

  isOut(): boolean {
    return this.owed > 0 && !this.isLost(asyncScheduler.now());
  }

  /** In either direction: a wall clock may be set back. */
  private isLost(now: number): boolean {
    return Math.abs(now - this.leftAt) >= this.lostAfterMs;
  }
}
