import { LRUCache } from 'lru-cache';
import { asyncScheduler, type Observable, type Subscriber } from 'rxjs';
import { Channel, type ChannelOwner, type Listening, type Seat } from './channel.js';
import { DirectObservable, handTo, type Taker } from './directObservable.js';
import { createLastValues, type LastValues } from './lastValues.js';
import { NO_PLACE, OpenTopics } from './openTopics.js';
import { reportErrors } from './reportErrors.js';

/** The bounds of a hub, and who is told of its channels: its hooks are called as methods of this. */
export interface HubConfig {
  /** As those of `FanOutConfig`, all of them checked. */
  readonly replay: number;
  readonly lingerMs: number;
  readonly maxTopics: number;
  /** As `onOpen` and `onClose` of `FanOutConfig`, with the place of the topic; the stream as a whole has none. */
  readonly onOpen?: ((topic: string | undefined, place: number) => void) | undefined;
  readonly onClose?: ((topic: string | undefined, place: number) => void) | undefined;
}

/**
 * The core of `createFanOut`, for who hands it each message of a feed. It is a class, as the methods of a class are the same in
 * all hubs: a feed has one for each stream.
 */
export class Hub<T> implements ChannelOwner<T> {
  /** Made for the first topic: until then there is none but the whole. */
  private topics: OpenTopics<T> | undefined = undefined;
  private whole: Channel<T> | undefined = undefined;
  private wholeKept: LastValues<T> | undefined;
  /** The topics nobody listens to; without `replay` there is nothing to keep of them. */
  private readonly unheard: LRUCache<string, LastValues<T>> | undefined;
  /** What is sent meanwhile waits here. */
  private waiting: Set<() => void> | undefined = undefined;
  private isBusy = false;
  /** Counts the ends that there may be. */
  private era = 0;
  /** Who came before this one is to be ended, or has been. */
  private endedEra = 0;
  /** What is kept is to be forgotten. */
  private isBetween = false;

  constructor(private readonly config: HubConfig) {
    const { replay, maxTopics } = config;
    this.wholeKept = this.keep();
    this.unheard = replay > 0 ? new LRUCache<string, LastValues<T>>({ max: maxTopics }) : undefined;
  }

  /** The topic's place, its own while it is open: from the first subscriber to `onClose`. */
  find(topic: string): number | undefined {
    return this.topics?.find(topic);
  }

  next(value: T, topic?: string): void {
    if (this.isBusy) {
      this.wait(() => this.deliver(value, topic));
      return;
    }
    this.isBusy = true;
    try {
      this.deliver(value, topic);
      if (this.waiting !== undefined) this.catchUp(this.waiting);
    } finally {
      this.isBusy = false;
    }
  }

  stream(topic?: string): Observable<T> {
    return new DirectObservable((subscriber, taker) => {
      this.join(topic, subscriber, taker, subscriber);
    });
  }

  /** Lets in a subscriber, until its end; of the stream's completion the `listener` is told instead. */
  join(topic: string | undefined, subscriber: Subscriber<T>, taker: Taker<T>, listener: Listening): Seat<T> {
    const channel = this.at(topic) ?? this.open(topic);
    channel.linger?.unsubscribe();
    const seat = channel.add(subscriber, taker, listener, this.era);
    const { kept } = channel;
    if (kept !== undefined && !this.isBetween) this.now(() => kept.replayTo(subscriber));
    // Whom the values kept were enough for opens nothing, nor does who ended the stream at one of them.
    if (channel.isTold || channel.size === 0 || !channel.isOpen) return seat;
    channel.isTold = true;
    try {
      this.config.onOpen?.(topic, channel.place);
    } catch (error) {
      this.end(channel, { error });
    }
    return seat;
  }

  /** Completes the present subscribers, or errors them, cancels what lingers, and forgets every value kept. */
  endAll(failure?: { readonly error: unknown }): void {
    this.era += 1;
    this.announceEnd();
    this.endEarlier(failure);
  }

  /** Who joins from here on is not meant by an end that is announced later, and until `forget` gets nothing that is kept. */
  beginEra(): void {
    this.era += 1;
    this.isBetween = true;
  }

  /** Forgets every value kept, once all that was sent is delivered. */
  forget(): void {
    this.inTurn(() => {
      this.forgetAll();
      for (const { kept } of this.channels()) kept?.clear();
      this.isBetween = false;
    });
  }

  /** Who joined before the last `beginEra` is to be ended, by `endEarlier`. */
  announceEnd(): void {
    this.endedEra = this.era;
  }

  /** Whether its end was announced. */
  isPast(seat: Seat<T>): boolean {
    return seat.era < this.endedEra;
  }

  /** As `endAll`, for those whose end was announced. */
  endEarlier(failure?: { readonly error: unknown }): void {
    const { endedEra } = this;
    this.inTurn(() => {
      this.forgetAll();
      for (const channel of this.channels()) this.end(channel, failure, endedEra);
    });
  }

  errorTopic(topic: string | undefined, error: unknown): void {
    this.inTurn(() => {
      const channel = this.at(topic);
      if (channel !== undefined) this.end(channel, { error });
    });
  }

  /** What is open, lingering included; `undefined` is the whole stream. */
  present(): (string | undefined)[] {
    return this.channels().map(({ topic }) => topic);
  }

  letGo(channel: Channel<T>): void {
    const { lingerMs } = this.config;
    if (!channel.isOpen) return;
    if (lingerMs === 0 || !channel.isTold) this.close(channel);
    else if (lingerMs < Infinity) {
      channel.linger = asyncScheduler.schedule(() => this.close(channel), lingerMs);
    }
  }

  lead(channel: Channel<T>): void {
    this.topics?.lead(channel);
  }

  private at(topic: string | undefined): Channel<T> | undefined {
    if (topic === undefined) return this.whole;
    const place = this.find(topic);
    return place === undefined ? undefined : this.topics?.channelOf(place);
  }

  private channels(): Channel<T>[] {
    const { whole, topics } = this;
    return Array.from(topics?.all() ?? [NO_PLACE], (place) =>
      place === NO_PLACE ? whole : topics?.channelOf(place),
    ).filter((channel) => channel !== undefined);
  }

  private deliver(value: T, topic: string | undefined): void {
    const { whole, wholeKept } = this;
    wholeKept?.push(value);
    if (whole !== undefined) whole.next(value);
    if (topic === undefined) return;
    const { topics } = this;
    const place = topics?.find(topic);
    if (topics === undefined || place === undefined) {
      if (this.unheard !== undefined) this.remembered(this.unheard, topic).push(value);
      return;
    }
    const next = topics.nextOf(place);
    if (next !== undefined) handTo(next, topics.takerOf(place), value);
    else topics.channelOf(place)?.take(value);
  }

  private remembered(unheard: LRUCache<string, LastValues<T>>, topic: string): LastValues<T> {
    let values = unheard.get(topic);
    if (values === undefined) unheard.set(topic, (values = createLastValues(this.config.replay)));
    return values;
  }

  private keep(): LastValues<T> | undefined {
    const { replay } = this.config;
    return replay > 0 ? createLastValues(replay) : undefined;
  }

  private forgetAll(): void {
    this.wholeKept?.clear();
    this.unheard?.clear();
  }

  private open(topic: string | undefined): Channel<T> {
    if (topic === undefined) {
      this.whole = new Channel(topic, this.wholeKept, NO_PLACE, this);
      this.topics?.add(this.whole);
      return this.whole;
    }
    const kept = this.unheard?.get(topic) ?? this.keep();
    this.unheard?.delete(topic);
    const topics = (this.topics ??= this.beginTopics());
    const channel = new Channel(topic, kept, topics.take(), this);
    topics.add(channel);
    return channel;
  }

  private beginTopics(): OpenTopics<T> {
    const topics = new OpenTopics<T>();
    if (this.whole !== undefined) topics.add(this.whole);
    return topics;
  }

  private close(channel: Channel<T>): void {
    const { topic, place, kept, isTold, linger } = channel;
    channel.isOpen = false;
    this.topics?.delete(channel);
    if (topic === undefined) this.whole = undefined;
    linger?.unsubscribe();
    if (isTold) {
      if (topic === undefined) this.forgetAll();
      reportErrors(() => this.config.onClose?.(topic, place));
    } else if (topic !== undefined && kept !== undefined) this.unheard?.set(topic, kept);
    // Last: until its owner has been told, its place is nobody else's.
    if (topic !== undefined) this.topics?.leave(place);
  }

  private end(channel: Channel<T>, failure: { readonly error: unknown } | undefined, era = Infinity): void {
    if (!channel.isOpen) return;
    if (channel.hasSince(era)) channel.kept?.clear();
    else this.close(channel);
    channel.end(failure, era);
  }

  /** At once, even from inside a delivery; what is sent from inside the task waits for its end. */
  private now(task: () => void): void {
    if (this.isBusy) {
      task();
      return;
    }
    this.isBusy = true;
    try {
      task();
      if (this.waiting !== undefined) this.catchUp(this.waiting);
    } finally {
      this.isBusy = false;
    }
  }

  private inTurn(task: () => void): void {
    if (this.isBusy) this.wait(task);
    else this.now(task);
  }

  private wait(task: () => void): void {
    this.waiting ??= new Set();
    this.waiting.add(task);
  }

  private catchUp(waiting: Set<() => void>): void {
    for (const task of waiting) {
      waiting.delete(task);
      task();
    }
  }
}
