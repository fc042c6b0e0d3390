import type { Subscriber } from 'rxjs';

/** The last values of a stream, for those who come late. */
export interface LastValues<T> {
  /** Keeps a value, in place of the oldest when there are as many as may be. O(1). */
  push(value: T): void;
  /** Hands over what is kept, oldest first, until the subscriber has had enough. */
  replayTo(subscriber: Subscriber<T>): void;
  /** Forgets all of them. */
  clear(): void;
}

/**
 * A ring of at most `max` values that grows as they come. (rxjs's `ReplaySubject` moves all it keeps for each value that comes, and
 * notes the time of each.)
 */
export function createLastValues<T>(max: number): LastValues<T> {
  const ring: T[] = [];
  let oldest = 0;

  return {
    push(value) {
      if (ring.length < max) {
        ring.push(value);
        return;
      }
      ring[oldest] = value;
      oldest = (oldest + 1) % max;
    },
    replayTo(subscriber) {
      for (const value of [...ring.slice(oldest), ...ring.slice(0, oldest)]) {
        if (subscriber.closed) return;
        subscriber.next(value);
      }
    },
    clear() {
      ring.length = oldest = 0;
    },
  };
}
