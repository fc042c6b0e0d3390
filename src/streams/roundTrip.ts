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
  /**
   * Milliseconds until an answer is overdue, 0 or less if it is. `Infinity` if none is waited for: no ping is out, or nobody has
   * answered one yet, or since it was last given up, so that nobody might ever.
   */
  overdueInMs(): number;
  /** The answer is overdue: none is waited for until one comes. Returns how long it was, ms. */
  giveUp(): number;
  /** The answer may have come, unread: it is waited for from the next ping on. */
  excuse(): void;
}

/**
 * Measures from when a ping left to its answer, and rather tells nothing than something wrong: answers come in the order
 * of the pings, but a server may leave one out (RFC 6455 section 5.5.3).
 *
 * @param lostAfterMs A ping that is unanswered for so long is taken for lost as soon as the next is due: a round trip
 * that takes longer is told only if no other ping left meanwhile.
 */
export const createRoundTrip = (lostAfterMs: number): RoundTrip => new PingsOut(lostAfterMs);

/** A class, since every connection has one: closures took five times the memory. */
class PingsOut implements RoundTrip {
  /** Pings that left and may still be answered. */
  private owed = 0;
  /** When the last of them left. */
  private leftAt = 0;
  private isSpoilt = false;
  /** When the first ping left after the last answer; `Infinity` if none has, `NaN` if no answer is waited for. */
  private unansweredSince = NaN;

  constructor(private readonly lostAfterMs: number) {}

  left(): void {
    const now = asyncScheduler.now();
    if (this.isLost(now)) this.owed = 0;
    if (this.owed === 0) this.isSpoilt = false;
    this.owed += 1;
    this.leftAt = now;
    if (this.unansweredSince === Infinity) this.unansweredSince = now;
  }

  answered(): number | undefined {
    if (this.owed === 0) return undefined;
    this.owed -= 1;
    this.unansweredSince = Infinity;
    if (this.owed > 0 || this.isSpoilt) return undefined;
    return Math.max(0, asyncScheduler.now() - this.leftAt);
  }

  spoil(): void {
    this.isSpoilt = true;
    this.excuse();
  }

  isOut(): boolean {
    return this.owed > 0 && !this.isLost(asyncScheduler.now());
  }

  overdueInMs(): number {
    const { unansweredSince, lostAfterMs } = this;
    // In either direction, as below.
    return Number.isFinite(unansweredSince)
      ? lostAfterMs - Math.abs(asyncScheduler.now() - unansweredSince)
      : Infinity;
  }

  giveUp(): number {
    const waitedMs = asyncScheduler.now() - this.unansweredSince;
    this.unansweredSince = NaN;
    // As long as it was waited for at least, though the clock was set back meanwhile.
    return Math.max(this.lostAfterMs, waitedMs);
  }

  excuse(): void {
    if (Number.isFinite(this.unansweredSince)) this.unansweredSince = Infinity;
  }

  /** In either direction: a wall clock may be set back. */
  private isLost(now: number): boolean {
    return Math.abs(now - this.leftAt) >= this.lostAfterMs;
  }
}
