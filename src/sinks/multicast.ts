import type { Observable } from 'rxjs';
import { Channel, type ChannelOwner } from './channel.js';
import { DirectObservable } from './directObservable.js';
import { NO_PLACE } from './openTopics.js';

/** Whoever comes and goes, there is nothing to open or to close. */
const indifferent: ChannelOwner<unknown> = { letGo: () => undefined, lead: () => undefined };

/**
 * What a `Subject` is for values that have no end: whoever is subscribed gets them, a value sent from inside a subscriber before the
 * rest of the one at hand. A value takes a quarter of the time, and neither a closure nor an iterator.
 */
export class Multicast<T> {
  /** Made for the first who listens. */
  private channel: Channel<T> | undefined = undefined;
  /** Values that wait for what is to run first. */
  private due: T[] | undefined = undefined;

  /** Whoever keeps it keeps nothing but the others who are subscribed. */
  readonly values$: Observable<T> = new DirectObservable((subscriber, taker) => {
    this.channel ??= new Channel<T>(undefined, undefined, NO_PLACE, indifferent);
    this.channel.add(subscriber, taker, subscriber);
  });

  next(value: T): void {
    this.sendDue();
    this.channel?.next(value);
  }

  /** Sends it once `first` has run, and before whatever is sent from inside of that; though it throws, as rxjs may be told to. */
  nextAfter(first: () => void, value: T): void {
    (this.due ??= []).push(value);
    try {
      first();
    } finally {
      this.sendDue();
    }
  }

  private sendDue(): void {
    for (let { due } = this; due !== undefined; { due } = this) {
      const value = due.shift() as T;
      if (due.length === 0) this.due = undefined; // before it is sent: others may be due by then
      this.channel?.next(value);
    }
  }
}
