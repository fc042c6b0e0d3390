import { noop, type Subscriber, type Subscription, type Unsubscribable } from 'rxjs';
import { hand, type Taker } from './directObservable.js';
import type { LastValues } from './lastValues.js';

/** Who keeps a channel. */
export interface ChannelOwner<T> {
  /** The last one in the channel has left. */
  letGo(channel: Channel<T>): void;
  /** `only` has changed. */
  lead(channel: Channel<T>): void;
}

/**
 * A stream, or one topic of it, while somebody listens: its subscribers, in the order they came.
 *
 * The list is neither searched nor copied when somebody comes or leaves, as that of rxjs's `Subject` is: who leaves leaves an
 * empty seat, and the empty seats are taken away when they are the greater part.
 */
export class Channel<T> {
  /** How many are in. */
  size = 0;
  /** The one who is in, if it is only one, which is nearly always: a value gets there without the list. */
  only: Taker<T> | undefined = undefined;
  /** Whoever finds it by its topic finds this one. */
  isOpen = true;
  /** Its opening was told. */
  isTold = false;
  linger: Subscription | undefined = undefined;
  // Never put in order in place, so that a call on its way keeps the list it began with; the seats are the same.
  private seats: Seat<T>[] = [];
  // Not `private`: who prints a subscription, however deep, is to see no URL and no header.
  readonly #owner: ChannelOwner<T>;

  constructor(
    readonly topic: string | undefined,
    /** Absent without `replay`. */
    readonly kept: LastValues<T> | undefined,
    /** Where the owner keeps it while it is open. */
    readonly place: number,
    owner: ChannelOwner<T>,
  ) {
    this.#owner = owner;
  }

  /** Takes one in, who hears of what comes from now on, until it closes. O(1), amortised. */
  add(subscriber: Subscriber<T>, taker: Taker<T>, listener: Listening, era = 0): Seat<T> {
    const seat = new Seat(this, subscriber, taker, listener, era);
    if (this.seats.length === 0) this.seats = [seat];
    else this.seats.push(seat);
    this.size += 1;
    this.leadWith(this.size === 1 ? taker : undefined);
    subscriber.add(seat);
    return seat;
  }

  /** Of its seat: what comes is for the others. */
  mute(): void {
    if (this.size === 1) this.leadWith(undefined);
  }

  /** Of its seat; O(1), amortised. */
  leave(): void {
    this.size -= 1;
    // The empty seats before the last one in are few: they are the smaller part.
    this.leadWith(this.size === 1 ? this.seats.find((each) => each.taker !== undefined)?.taker : undefined);
    if (this.seats.length > 2 * this.size + SPARE_SEATS) {
      this.seats = this.seats.filter((each) => each.subscriber !== undefined);
    }
    if (this.size === 0) this.#owner.letGo(this);
  }

  /** Keeps the value if values are kept, and hands it on. */
  take(value: T): void {
    this.kept?.push(value);
    this.next(value);
  }

  /** Hands the value to each who was in before it came, and is still in when it gets there. */
  next(value: T): void {
    if (this.only !== undefined) {
      hand(this.only, value);
      return;
    }
    const called = this.seats;
    const end = called.length;
    for (let at = 0; at < end; at += 1) {
      const { taker } = called[at] as Seat<T>;
      if (taker !== undefined) hand(taker, value);
    }
  }

  /** Whether somebody is in who came in this era, or later. */
  hasSince(era: number): boolean {
    return this.seats.some((seat) => seat.subscriber !== undefined && seat.era >= era);
  }

  /** As `next`, to who came before this era: an error, or the completion, of which the one who let it in is told instead. */
  end(failure: { readonly error: unknown } | undefined, era = Infinity): void {
    for (const seat of [...this.seats]) {
      const { subscriber, taker, listener } = seat;
      if (subscriber === undefined || seat.era >= era) continue;
      seat.mute();
      if (failure !== undefined) subscriber.error(failure.error);
      else if (taker !== undefined) listener.complete(); // once
    }
  }

  private leadWith(only: Taker<T> | undefined): void {
    this.only = only;
    this.#owner.lead(this);
  }
}

/** Who is told of the completion in the subscriber's place. */
export interface Listening {
  complete(): void;
}

const NOBODY: Listening = { complete: noop };

/** So that a short list is not put in order at every departure. */
const SPARE_SEATS = 8;

/** A subscriber's seat; the subscriber's end empties it, once. */
export class Seat<T> implements Unsubscribable {
  // Not `private`: who prints a subscription, however deep, is not to see the others.
  readonly #channel: Channel<T>;

  constructor(
    channel: Channel<T>,
    /** Absent when it has left. */
    public subscriber: Subscriber<T> | undefined,
    /** Absent for who gets no more values. */
    public taker: Taker<T> | undefined,
    public listener: Listening,
    /** Its owner's, when it came. */
    readonly era: number,
  ) {
    this.#channel = channel;
  }

  /** It is about to be told of its end, after which no value may come, though it is still in. */
  mute(): void {
    if (this.taker === undefined) return;
    this.taker = undefined;
    this.#channel.mute();
  }

  unsubscribe(): void {
    if (this.subscriber === undefined) return;
    // An empty seat holds nobody.
    this.subscriber = undefined;
    this.taker = undefined;
    this.listener = NOBODY;
    this.#channel.leave();
  }
}
