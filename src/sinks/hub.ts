import { LRUCache } from 'lru-cache';
import { asyncScheduler, Observable, type Subscriber } from 'rxjs';
import type { Channel, ChannelOwner } from './channel.js';
import { createLastValues, type LastValues } from './lastValues.js';
import { reportErrors } from './reportErrors.js';

/** The bounds of a hub, and who is told of its channels: its hooks are called as methods of this. */
export interface HubConfig<T, C extends Channel<T> = Channel<T>> {
  /** Makes a channel, given what its constructor takes. */
  create(...made: ConstructorParameters<typeof Channel<T>>): C;
  /** As those of `FanOutConfig`, all of them checked. */
  readonly replay: number;
  readonly lingerMs: number;
  readonly maxTopics: number;
  /** As `onOpen` and `onClose` of `FanOutConfig`, with the channel. */
  readonly onOpen?: ((topic: string | undefined, channel: C) => void) | undefined;
  readonly onClose?: ((topic: string | undefined, channel: C) => void) | undefined;
}

/**
 * The core of `createFanOut`, for who hands it each message of a feed. It is a class, as the methods of a class are the same in
 * all hubs: a feed has one for each stream.
 */
export class Hub<T, C extends Channel<T> = Channel<T>> implements ChannelOwner<T> {
  /** In the order they were opened. Made for the first topic: until then there is none but the whole. */
  private channels: Map<string | undefined, C> | undefined = undefined;
  /** The one of `undefined`. */
  private whole: C | undefined = undefined;
  private wholeKept: LastValues<T> | undefined;
  /** The topics nobody listens to; without `replay` there is nothing to keep of them. */
  private readonly unheard: LRUCache<string, LastValues<T>> | undefined;
  /** What is sent meanwhile waits here. */
  private waiting: Set<() => void> | undefined = undefined;
  private isBusy = false;
  /** The last topic looked up since one was opened or closed, and its channel: each value asks for it more than once. */
  private sought: string | undefined = undefined;
  private found: C | undefined = undefined;

  constructor(private readonly config: HubConfig<T, C>) {
    const { replay, maxTopics } = config;
    this.wholeKept = this.keep();
    this.unheard = replay > 0 ? new LRUCache<string, LastValues<T>>({ max: maxTopics }) : undefined;
  }

  /** The topic's channel, if anybody listens to it. */
  find(topic: string): C | undefined {
    if (topic !== this.sought) {
      // With no topic open there is none to look up, which is most of what a value costs.
      const { channels } = this;
      if (channels === undefined || channels.size === (this.whole === undefined ? 0 : 1)) return undefined;
      this.sought = topic;
      this.found = channels.get(topic);
    }
    return this.found;
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
    return new Observable((subscriber) => this.join(topic, subscriber, () => subscriber.complete()));
  }

  /** Lets in a subscriber, until its end; of the stream's completion `onComplete` is told instead. */
  join(topic: string | undefined, subscriber: Subscriber<T>, onComplete: () => void): void {
    const channel = this.at(topic) ?? this.open(topic);
    channel.linger?.unsubscribe();
    channel.add(subscriber, onComplete);
    const { kept } = channel;
    if (kept !== undefined) this.now(() => kept.replayTo(subscriber));
    // Whom the values kept were enough for opens nothing, nor does who ended the stream at one of them.
    if (channel.isTold || channel.size === 0 || !channel.isOpen) return;
    channel.isTold = true;
    try {
      this.config.onOpen?.(topic, channel);
    } catch (error) {
      this.end(channel, { error });
    }
  }

  /** Completes the present subscribers, or errors them, cancels what lingers, and forgets every value kept. */
  endAll(failure?: { readonly error: unknown }): void {
    this.inTurn(() => {
      this.forgetAll();
      for (const channel of this.present()) this.end(channel, failure);
    });
  }

  errorTopic(topic: string | undefined, error: unknown): void {
    this.inTurn(() => {
      const channel = this.at(topic);
      if (channel !== undefined) this.end(channel, { error });
    });
  }

  /** What is open, lingering included; `undefined` is the whole stream. */
  topics(): (string | undefined)[] {
    return this.present().map(({ topic }) => topic);
  }

  letGo(left: Channel<T>): void {
    const { lingerMs } = this.config;
    const channel = left as C; // `create` made it, so it is one
    if (!channel.isOpen) return;
    if (lingerMs === 0 || !channel.isTold) this.close(channel);
    else if (lingerMs < Infinity) {
      channel.linger = asyncScheduler.schedule(() => this.close(channel), lingerMs);
    }
  }

  private at(topic: string | undefined): C | undefined {
    return topic === undefined ? this.whole : this.channels?.get(topic);
  }

  private present(): C[] {
    if (this.channels !== undefined) return [...this.channels.values()];
    return this.whole === undefined ? [] : [this.whole];
  }

  private deliver(value: T, topic: string | undefined): void {
    const { whole, wholeKept } = this;
    wholeKept?.push(value);
    if (whole !== undefined) whole.next(value);
    if (topic === undefined) return;
    const channel = this.find(topic);
    if (channel === undefined) {
      if (this.unheard !== undefined) this.remembered(this.unheard, topic).push(value);
      return;
    }
    channel.kept?.push(value);
    channel.next(value);
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
    this.wholeKept = this.keep();
    this.unheard?.clear();
  }

  private open(topic: string | undefined): C {
    const kept = topic === undefined ? this.wholeKept : (this.unheard?.get(topic) ?? this.keep());
    const channel = this.config.create(topic, kept, this);
    if (topic === undefined) {
      this.whole = channel;
      this.channels?.set(topic, channel);
    } else {
      this.channels ??= new Map(this.present().map((whole) => [undefined, whole]));
      this.channels.set(topic, channel);
      this.unheard?.delete(topic);
      this.sought = undefined;
    }
    return channel;
  }

  private close(channel: C): void {
    const { topic, kept, isTold, linger } = channel;
    channel.isOpen = false;
    this.channels?.delete(topic);
    if (topic === undefined) this.whole = undefined;
    else this.sought = undefined;
    linger?.unsubscribe();
    if (isTold) {
      if (topic === undefined) this.forgetAll();
      reportErrors(() => this.config.onClose?.(topic, channel));
    } else if (topic !== undefined && kept !== undefined) this.unheard?.set(topic, kept);
  }

  private end(channel: C, failure: { readonly error: unknown } | undefined): void {
    if (!channel.isOpen) return;
    this.close(channel);
    channel.end(failure);
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
