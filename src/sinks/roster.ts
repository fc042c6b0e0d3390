import type { Subscriber } from 'rxjs';

/** Subscribers in the order they came. */
export interface Roster<T> {
  /** How many are in. */
  readonly size: number;
  /**
   * The one who is in, if it is only one: `next` called on it is `next` of the roster. With thousands of topics that have one
   * each, what counts is how many places in memory a value leads to.
   */
  readonly only: Subscriber<T> | undefined;
  /** Takes one in, who hears of what comes from now on, and yields the way out, to be taken once. Both O(1), amortised. */
  add(subscriber: Subscriber<T>): () => void;
  /** Hands the value to each who was in before it came, and is still in when it gets there. */
  next(value: T): void;
  /** As `next`, for their end. */
  end(finish: (subscriber: Subscriber<T>) => void): void;
}

interface Seat<T> {
  subscriber: Subscriber<T> | undefined;
}

/**
 * A list that is neither searched nor copied when somebody comes or leaves, as that of rxjs's `Subject` is: who leaves
 * leaves an empty seat, and the empty seats are taken away when they are the greater part.
 */
export function createRoster<T>(): Roster<T> {
  // Never put in order in place, so that a call on its way keeps the list it began with; the seats are the same.
  let seats: Seat<T>[] = [];

  // A plain property: with a getter each roster would be a dictionary to the engine, and three times as large.
  const roster = {
    size: 0,
    only: undefined as Subscriber<T> | undefined,
    add(subscriber: Subscriber<T>) {
      const seat: Seat<T> = { subscriber };
      seats.push(seat);
      roster.size += 1;
      roster.only = roster.size === 1 ? subscriber : undefined;
      return () => {
        seat.subscriber = undefined;
        roster.size -= 1;
        // The empty seats before the last one in are few: they are the smaller part.
        roster.only =
          roster.size === 1 ? seats.find((each) => each.subscriber !== undefined)?.subscriber : undefined;
        if (seats.length > 2 * roster.size + SPARE_SEATS) {
          seats = seats.filter((each) => each.subscriber !== undefined);
        }
      };
    },
    next(value: T) {
      const called = seats;
      const end = called.length;
      for (let at = 0; at < end; at += 1) {
        const { subscriber } = called[at] as Seat<T>;
        if (subscriber !== undefined) subscriber.next(value);
      }
    },
    end(finish: (subscriber: Subscriber<T>) => void) {
      for (const { subscriber } of [...seats]) if (subscriber !== undefined) finish(subscriber);
    },
  };
  return roster;
}

/** So that a short list is not put in order at every departure. */
const SPARE_SEATS = 8;
