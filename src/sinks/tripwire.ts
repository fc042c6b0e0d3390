import { asyncScheduler, Subscription, tap, timer } from 'rxjs';
import { maxTimerMs } from '../operators/backoff.js';

/** When so many messages are rejected that it is no accident any more. */
export interface TripwireConfig {
  /**
   * The share of the messages that may be rejected, from 0 to 1; 1 turns it off. A schema that no longer fits rejects
   * nearly all, an odd message here and there nearly none: half is far from both. @default 0.5
   */
  readonly maxShare?: number;
  /** Messages before their share means anything. A window with fewer goes on until they are there. @default 20 */
  readonly minMessages?: number;
  /** Milliseconds over which they are counted, from 1 to 2^31 - 1. @default 60_000 */
  readonly perMs?: number;
}

/** What a tripwire tells. */
export interface Poison {
  /** Too many are rejected; or, after that, no longer. */
  readonly type: 'poisoned' | 'cured';
  readonly rejects: number;
  /** The messages they are among. */
  readonly of: number;
  /** How long those took to arrive, ms. */
  readonly inMs: number;
}

export interface Tripwire {
  /** A message was rejected; it is counted in `received` already. O(1). */
  reject(): void;
  /** Forgets the window and the verdict, and leaves no timer. */
  reset(): void;
}

/**
 * Tells when the share of rejected messages passes a limit, at the very message, and when it is back below it, at the end
 * of a window. A message that is not rejected costs nothing here: how many there were is asked of a count kept anyway.
 * There is one timer, and only while it is poisoned.
 *
 *     rejects   --x-x-xx-x-----------
 *     verdicts  ---------p---------c-    p: poisoned, c: cured, perMs 10
 *
 * @param received How many messages have come so far, rejected or not; never falls.
 * @throws {RangeError} On creation, if an option is out of its range.
 */
export function createTripwire(
  config: TripwireConfig = {},
  received: () => number,
  tell: (poison: Poison) => void,
): Tripwire {
  const { maxShare = 0.5, minMessages = 20, perMs = 60_000 } = config;
  checkTripwire(config);

  let isPoisoned = false;
  let beganAt = -Infinity;
  let receivedBefore = 0;
  let rejects = 0;
  let watch = Subscription.EMPTY;

  const begin = (now: number, before: number): void => {
    beganAt = now;
    receivedBefore = before;
    rejects = 0;
  };

  const judge = (now: number): void => {
    const of = received() - receivedBefore;
    const isTooMuch = rejects > maxShare * of;
    if (of < minMessages || isTooMuch === isPoisoned) return;
    const poison = {
      type: isTooMuch ? 'poisoned' : 'cured',
      rejects,
      of,
      inMs: Math.max(0, now - beganAt),
    } as const;
    isPoisoned = isTooMuch;
    begin(now, received());
    watch.unsubscribe();
    if (isPoisoned) watch = timer(perMs, perMs).pipe(tap(endWindow)).subscribe();
    tell(poison);
  };

  const endWindow = (): void => {
    const now = asyncScheduler.now();
    judge(now);
    if (isPoisoned && received() - receivedBefore >= minMessages) begin(now, received());
  };

  return {
    reject() {
      const now = asyncScheduler.now();
      // A clock that was set back ends the window, rather than making it last.
      const isOver = now < beganAt || now - beganAt >= perMs;
      const before = received() - 1;
      const isFull = before - receivedBefore >= minMessages;
      // A window begins with a reject: with none, nobody counts.
      if (!isPoisoned && (rejects === 0 || (isOver && isFull))) begin(now, before);
      rejects += 1;
      if (!isPoisoned) judge(now);
    },
    reset() {
      isPoisoned = false;
      watch.unsubscribe();
      begin(-Infinity, received());
    },
  };
}

/** @throws {RangeError} If an option is out of its range. */
export function checkTripwire({
  maxShare = 0.5,
  minMessages = 20,
  perMs = 60_000,
}: TripwireConfig = {}): void {
  if (!(maxShare >= 0 && maxShare <= 1)) {
    throw new RangeError(`createTripwire: maxShare must be from 0 to 1, got ${maxShare}`);
  }
  if (!(Number.isSafeInteger(minMessages) && minMessages > 0)) {
    throw new RangeError(`createTripwire: minMessages must be a whole number above 0, got ${minMessages}`);
  }
  if (!(perMs >= 1 && perMs <= maxTimerMs)) {
    throw new RangeError(`createTripwire: perMs must be from 1 to ${maxTimerMs}, got ${perMs}`);
  }
}
