import { asyncScheduler } from 'rxjs';
import type { GenericSchema } from 'valibot';
import { sequenceOf, StraightChain, type StraightConfig, type Why } from './chain.js';
import type { SequenceConfig, StreamConfig } from './feedConfig.js';
import { type Arrival, type Blank, gapRules, type Item } from './feedItem.js';
import { HoldingChain, type HoldingConfig } from './holdingChain.js';
import { createGapWatch, type GapWatch, type SequencePlace } from './operators/gapWatch.js';
import { guardKeys } from './operators/guardKeys.js';
import { prepareSchema } from './operators/parseAs.js';
import { createKeyMemory, type SeenKeys } from './operators/seenKeys.js';
import type { Gap } from './operators/sequence.js';
import type { Skimmer } from './operators/skim.js';
import { checkFanOut } from './sinks/fanOut.js';
import type { HealthMonitor, StreamRecorder } from './sinks/healthMonitor.js';
import { Hub, type HubConfig } from './sinks/hub.js';
import type { Ledger, StreamLedger } from './sinks/ledger.js';
import type { FeedEvent, RejectReason } from './streams/events.js';
import type { Subscriptions } from './streams/subscriptions.js';

/** One stream's own chain, from a routed message to its subscribers. */
export interface Outlet {
  readonly schema: GenericSchema;
  readonly hub: Hub<unknown>;
  readonly account: StreamLedger;
  /** Which keys it delivered; absent without a `key`. */
  readonly memory: SeenKeys | undefined;
  /** Takes a message that was routed here, and may be known to fit. */
  take(message: unknown, isValid: boolean): void;
  /** Gives up all holes of the numbering: what is held behind them comes out. */
  flush(): void;
  /** Ends the stream for who came before the hub's last `beginEra`, after what just comes out of its chain. */
  complete(): void;
}

/** Who an outlet belongs to; all are called as methods of this. */
export interface OutletHooks {
  readonly ledger: Pick<Ledger, 'stream' | 'receive'>;
  readonly health: Pick<HealthMonitor, 'recorder'>;
  readonly lingerMs: number;
  readonly dispatch: {
    /** How the message being worked on came: one object, written anew for each frame. */
    readonly arrival: Arrival;
    /** What messages are described in, one after another. */
    readonly item: Blank;
    /** Told of the key of each message of the stream; absent where nobody asks. */
    readonly skimmer: Pick<Skimmer, 'parsed'> | undefined;
    /** Each message is made by `JSON.parse`, and nobody else's. */
    readonly makesOwn: boolean;
  };
  /** Told of each position that a server may be asked to resume from; absent where none is asked. */
  readonly subscriptions: Pick<Subscriptions, 'saw'> | undefined;
  /**
   * The first subscriber of the stream, or of a topic, has come. The place is the topic's own until it is closed, and `health` is told
   * of its values by that: so it must be watched there.
   */
  onOpen(stream: string, topic: string | undefined, place: number): void;
  /** The last one has left. */
  onClose(stream: string, topic: string | undefined): void;
  tell(event: FeedEvent): void;
  reject(reason: RejectReason, why: Why): void;
  onScopeForgotten(): void;
}

/** Makes the chain of one stream: parse → dedupe → gaps → fan-out, and tells the feed's books, health and events of it. */
export const createOutlet = (
  name: string,
  definition: StreamConfig<GenericSchema>,
  hooks: OutletHooks,
): Outlet => new StreamOutlet(name, definition, hooks);

/**
 * A class that is told by all its parts itself, since every idle connection keeps one for each stream: parts with closures of
 * their own took five times the memory. For the same reason the chain is made for the first message.
 */
class StreamOutlet implements Outlet, HubConfig, StraightConfig, HoldingConfig {
  readonly hub: Hub<unknown>;
  readonly account: StreamLedger;
  readonly memory: SeenKeys | undefined;
  private readonly freshness: Pick<StreamRecorder, 'record' | 'recordLag'>;
  /** Each topic has a sequence of its own. */
  private readonly areNumbered: boolean;
  /** What holds values back has a life of its own; all else is done when the call returns. */
  private readonly holding: HoldingChain | undefined;
  private straight: StraightChain | undefined = undefined;
  private gapWatch: GapWatch<Item> | undefined = undefined;
  private isCompleting = false;

  constructor(
    readonly name: string,
    readonly definition: StreamConfig<GenericSchema>,
    private readonly hooks: OutletHooks,
  ) {
    const { schema, sequence } = definition;
    this.account = hooks.ledger.stream(name);
    this.freshness = hooks.health.recorder(name);
    this.areNumbered = sequence !== undefined && (sequence.scope ?? 'topic') === 'topic';
    this.memory = this.keyMemory();
    checkFanOut(this);
    this.hub = new Hub<unknown>(this);
    this.holding = (sequence?.recover ?? sequence?.reorder) && new HoldingChain(this);
    prepareSchema(schema, this.isOwn && this.holding === undefined); // one that holds values copies them
  }

  get schema(): GenericSchema {
    return this.definition.schema;
  }

  take(message: unknown, isValid: boolean): void {
    if (this.holding !== undefined) {
      this.holding.take(message);
      return;
    }
    this.straight ??= new StraightChain(this);
    this.straight.take(message, isValid);
  }

  flush(): void {
    this.holding?.flush();
  }

  complete(): void {
    this.hub.announceEnd();
    this.isCompleting = true;
    if (this.holding === undefined) this.onFlushed();
    else this.holding.flush();
  }

  onFlushed(): void {
    if (this.isCompleting) this.hub.endEarlier();
    this.isCompleting = false;
  }

  fail(error: unknown): void {
    this.hub.endAll({ error });
  }

  // The bounds of the hub, and what it tells.

  get replay(): number {
    return this.definition.replay ?? 0;
  }

  get lingerMs(): number {
    return this.hooks.lingerMs;
  }

  get maxTopics(): number {
    return 10_000;
  }

  onOpen(topic: string | undefined, place: number): void {
    this.hooks.onOpen(this.name, topic, place);
    if (topic === undefined || this.hub.find(topic) !== place || !this.areNumbered) return;
    this.watch?.take(topic, place);
  }

  onClose(topic: string | undefined, place: number): void {
    const isOneForgotten = topic !== undefined && this.areNumbered && this.watch?.put(place) === true;
    this.hooks.onClose(this.name, topic);
    if (isOneForgotten) this.hooks.onScopeForgotten(); // last: who is told may open the topic again
  }

  // What the chain is made of, and tells.

  get arrival(): Arrival {
    return this.hooks.dispatch.arrival;
  }

  get item(): Blank {
    return this.hooks.dispatch.item;
  }

  get isOwn(): boolean {
    return this.hooks.dispatch.makesOwn;
  }

  get ledger(): OutletHooks['ledger'] {
    return this.hooks.ledger;
  }

  /** Absent where values are held back, which is watched by who holds them. */
  get watch(): GapWatch<Item> | undefined {
    const { sequence, topic } = this.definition;
    if (sequence === undefined || this.holding !== undefined) return undefined;
    this.gapWatch ??= createGapWatch(sequenceOf, gapRules(sequence, topic !== undefined), this);
    return this.gapWatch;
  }

  placeFor({ topic }: Item): SequencePlace | undefined {
    return topic === undefined ? undefined : this.hub.find(topic);
  }

  refuse(reason: RejectReason, why: Why): void {
    this.account.settle('rejected');
    this.hooks.reject(reason, { stream: this.name, ...why });
  }

  onRead({ key }: Item): void {
    this.hooks.dispatch.skimmer?.parsed(this.name, key);
  }

  onDuplicate(item: Item): void {
    this.account.settle('duplicate');
    // Of redundant lines every second message is one: nothing is spread into it, which takes as long as to tell of it.
    if (!item.isRecovered) this.hooks.tell(this.about('duplicate', item));
  }

  onFresh(item: Item): void {
    const { at, sourceTime } = item;
    const place = this.placeFor(item);
    this.freshness.record(at, place);
    if (sourceTime === undefined) return;
    // Whoever heard of a recovery may have closed the topic: then its place may be another's.
    this.freshness.recordLag(sourceTime, at, this.placeFor(item) === place ? place : undefined);
  }

  onGap(gap: Gap, item: Item): void {
    this.hooks.tell({ ...this.about('gap', item), ...gap });
  }

  onLate(item: Blank, expected: number): void {
    item.isLate = true;
    this.hooks.tell({ ...this.about('late', item), sequence: item.sequence, expected });
  }

  onScopeForgotten(): void {
    // A connection that is over is forgotten as it should be.
    if (this.definition.sequence?.scope !== 'connection') this.hooks.onScopeForgotten();
  }

  onRecovering(gap: Gap, behind: Item): void {
    this.hooks.tell({ ...this.aboutNow('gapRecovering', behind), ...gap });
  }

  onRecovered(gap: Gap, behind: Item, count: number): void {
    this.hooks.tell({ ...this.aboutNow('gapRecovered', behind), ...gap, count });
  }

  onRecoveryFailed(gap: Gap, behind: Item, error: unknown): void {
    this.hooks.tell({ ...this.aboutNow('gapRecoveryFailed', behind), ...gap, error });
  }

  deliver(item: Item): void {
    this.account.deliver();
    const { subscriptions } = this.hooks;
    const { sequence } = this.definition;
    if (subscriptions !== undefined && sequence !== undefined && !item.isLate)
      this.reach(item, sequence.scope, subscriptions);
    this.hub.next(item.value, item.topic);
  }

  /** From where a server may be asked to resume: the number of a connection means nothing to the next one. */
  private reach(
    { topic, sequence, generation }: Item,
    scope: SequenceConfig<unknown>['scope'],
    subscriptions: Pick<Subscriptions, 'saw'>,
  ): void {
    if (scope === 'connection') return;
    subscriptions.saw(this.name, topic, sequence, generation);
    // What all topics share is a position of the stream as a whole, too.
    if (scope === 'stream' && topic !== undefined)
      subscriptions.saw(this.name, undefined, sequence, generation);
  }

  private about<Type extends FeedEvent['type']>(
    type: Type,
    { topic, generation, at }: Item,
  ): { type: Type; stream: string; topic?: string; generation: number; at: number } {
    const { name: stream } = this;
    return topic === undefined ? { type, stream, generation, at } : { type, stream, topic, generation, at };
  }

  /** Of what came earlier and was held. */
  private aboutNow<Type extends FeedEvent['type']>(
    type: Type,
    item: Item,
  ): ReturnType<typeof this.about<Type>> {
    return { ...this.about(type, item), at: asyncScheduler.now() };
  }

  /** One that the user brings may fail, which costs the stream no more than what it would have told apart. */
  private keyMemory(): SeenKeys | undefined {
    const { key, dedupe } = this.definition;
    if (key === undefined) return undefined;
    if (dedupe?.memory === undefined) return createKeyMemory(dedupe);
    return guardKeys(dedupe.memory, (error) => {
      const { generation } = this.arrival;
      this.hooks.tell({
        type: 'hookFailed',
        hook: 'dedupe.memory',
        error,
        generation,
        at: asyncScheduler.now(),
      });
    });
  }
}
