import type { Channel } from './channel.js';
import type { Taker } from './directObservable.js';
import { PlaceTable } from './placeTable.js';

/** The place of the stream as a whole, which is none. */
export const NO_PLACE = -1;

/**
 * The topics of a stream that are open. Each has a number of its own, its place: what a value needs of its topic stands in lists, by
 * place, here and with whoever else keeps something of topics. Thousands of objects lie far apart in memory, and to fetch one
 * takes longer than all that is done with it.
 */
export class OpenTopics<T> {
  private readonly places = new PlaceTable();
  /** In the order they were opened, the stream as a whole among them, with their places. */
  private readonly opened = new Map<string | undefined, number>();
  /** Those of topics. */
  private count = 0;
  /** All the rest is by place. */
  private readonly channels: (Channel<T> | undefined)[] = [];
  /**
   * Who takes the topic's values alone, where none is kept, which is nearly always; and just before it its own `next`, so that not
   * even the taker need be fetched to call it.
   */
  private readonly takers: (Taker<T>['next'] | Taker<T> | undefined)[] = [];
  /** Places that are nobody's. */
  private readonly free: number[] = [];
  /** The last topic looked up since one came or went, and its place: each value asks for it more than once. */
  private sought: string | undefined = undefined;
  private found: number | undefined = undefined;

  find(topic: string): number | undefined {
    if (topic !== this.sought) {
      // With no topic open there is none to look up, which is most of what a value costs.
      if (this.count === 0) return undefined;
      this.sought = topic;
      this.found = this.places.get(topic);
    }
    return this.found;
  }

  /** Who gets the values of a place alone; otherwise its channel knows. */
  nextOf(place: number): Taker<T>['next'] | undefined {
    return this.takers[2 * place] as Taker<T>['next'] | undefined;
  }

  takerOf(place: number): Taker<T> | undefined {
    return this.takers[2 * place + 1] as Taker<T> | undefined;
  }

  channelOf(place: number): Channel<T> | undefined {
    return this.channels[place];
  }

  /** A place for a topic that is about to open. */
  take(): number {
    return this.free.pop() ?? this.channels.length;
  }

  /** With a place taken, or `NO_PLACE`. */
  add(channel: Channel<T>): void {
    const { topic, place } = channel;
    this.opened.set(topic, place);
    if (topic === undefined) return;
    this.places.set(topic, place);
    this.channels[place] = channel;
    this.count += 1;
    this.sought = undefined;
  }

  /** It is found no more; its place is its own until `leave`. */
  delete({ topic }: Channel<T>): void {
    if (!this.opened.delete(topic) || topic === undefined) return;
    this.places.delete(topic);
    this.count -= 1;
    this.sought = undefined;
  }

  leave(place: number): void {
    this.channels[place] = undefined;
    this.putTaker(place, undefined);
    this.free.push(place);
  }

  /** `only` of a channel has changed; of one whose place is another's by now it is of no interest. */
  lead(channel: Channel<T>): void {
    const { place, kept, only } = channel;
    if (this.channels[place] !== channel || kept !== undefined) return;
    this.putTaker(place, only);
  }

  /** The places in the order they were opened. */
  all(): Iterable<number> {
    return this.opened.values();
  }

  private putTaker(place: number, taker: Taker<T> | undefined): void {
    this.takers[2 * place] = taker?.next;
    this.takers[2 * place + 1] = taker;
  }
}
