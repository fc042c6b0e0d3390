import type { Subscriber, Subscription, Unsubscribable } from 'rxjs';
import type { LastValues } from './lastValues.js';

/** Who keeps a channel. */
export interface ChannelOwner<T> {
  /** The last one in the channel has left. */
  letGo(channel: Channel<T>): void;
}

/**
 * A stream, or one topic of it, while somebody listens: its subscribers, in the order they came.
 *
 * The list is neither searched nor copied when somebody comes or leaves, as that of rxjs's `Subject` is: who leaves leaves an
 * empty seat, and the empty seats are taken away when they are the greater part. It is a class, to which its owner may add what
 * else there is to a topic, because with thousands of them what counts is how many places in memory a value leads to.
 */
export class Channel<T> {
  /** How many are in. */
  size = 0;
  /** The one who is in, if it is only one, which is nearly always: a value gets there without the list. */
  private only: Subscriber<T> | undefined = undefined;
  /** Whoever finds it by its topic finds this one. */
  isOpen = true;
  /** Its opening was told. */
  isTold = false;
  linger: Subscription | undefined = undefined;
  // Never put in order in place, so that a call on its way keeps the list it began with; the seats are the same.
  private seats: Seat<T>[] = [];

  constructor(
    readonly topic: string | undefined,
    /** Absent without `replay`. */
    readonly kept: LastValues<T> | undefined,
    private readonly owner: ChannelOwner<T>,
  ) {}

  /** Takes one in, who hears of what comes from now on, until it closes. O(1), amortised. */
  add(subscriber: Subscriber<T>, onComplete: () => void): void {
    const seat = new Seat(this, subscriber, onComplete);
    if (this.seats.length === 0) this.seats = [seat];
    else this.seats.push(seat);
    this.size += 1;
    this.only = this.size === 1 ? subscriber : undefined;
    subscriber.add(seat);
  }

  /** Of its seat; O(1), amortised. */
  leave(): void {
    this.size -= 1;
    // The empty seats before the last one in are few: they are the smaller part.
    this.only =
      this.size === 1 ? this.seats.find((each) => each.subscriber !== undefined)?.subscriber : undefined;
    if (this.seats.length > 2 * this.size + SPARE_SEATS) {
      this.seats = this.seats.filter((each) => each.subscriber !== undefined);
    }
    if (this.size === 0) this.owner.letGo(this);
  }

  /** Hands the value to each who was in before it came, and is still in when it gets there. */
  next(value: T): void {
    if (this.only !== undefined) {
      this.only.next(value);
      return;
    }
    const called = this.seats;
    const end = called.length;
    for (let at = 0; at < end; at += 1) {
      const { subscriber } = called[at] as Seat<T>;
      if (subscriber !== undefined) subscriber.next(value);
    }
  }

  /** As `next`: an error, or the completion, of which the one who let it in is told instead. */
  end(failure: { readonly error: unknown } | undefined): void {
    for (const { subscriber, onComplete } of [...this.seats]) {
      if (subscriber === undefined) continue;
      if (failure === undefined) onComplete();
      else subscriber.error(failure.error);
    }
  }
}

/** So that a short list is not put in order at every departure. */
const SPARE_SEATS = 8;

/** A subscriber's place; the subscriber's end empties it, once. */
class Seat<T> implements Unsubscribable {
  constructor(
    private readonly channel: Channel<T>,
    public subscriber: Subscriber<T> | undefined,
    readonly onComplete: () => void,
  ) {}

  unsubscribe(): void {
    if (this.subscriber === undefined) return;
    this.subscriber = undefined;
    this.channel.leave();
  }
}
