import {
  asyncScheduler,
  concatMap,
  concatWith,
  defer,
  filter,
  finalize,
  from,
  ignoreElements,
  merge,
  type Observable,
  of,
  Subject,
  tap,
} from 'rxjs';
import type { GenericSchema } from 'valibot';
import { type ChainConfig, composedChain, readItems, sequenceOf, straightChain, type Why } from './chain.js';
import type { StreamConfig } from './feedConfig.js';
import { type Arrival, gapRules, type Item } from './feedItem.js';
import { createGapWatch, type DetectGapsConfig, type Sequence } from './operators/detectGaps.js';
import { fromYielded } from './operators/fromYielded.js';
import { guardKeys } from './operators/guardKeys.js';
import type { Recover } from './operators/recoverGaps.js';
import { createKeyMemory, type Key, type SeenKeys } from './operators/seenKeys.js';
import { Channel } from './sinks/channel.js';
import { checkFanOut } from './sinks/fanOut.js';
import type { HealthMonitor, WatchedTopic } from './sinks/healthMonitor.js';
import { Hub } from './sinks/hub.js';
import type { Ledger, StreamLedger } from './sinks/ledger.js';
import type { FeedEvent, RejectReason, TopicRef } from './streams/events.js';

/** All that is kept of a topic while somebody listens to it, in the one place where a message of it looks. */
class TopicChannel extends Channel<unknown> {
  freshness: WatchedTopic | undefined = undefined;
  /** Absent where topics are not numbered apart. */
  sequence: Sequence | undefined = undefined;
}

/** One stream's own chain, from a routed message to its subscribers. */
export interface Outlet {
  /** Takes a message that was routed here, and may be known to fit. */
  readonly take: (message: unknown, isValid: boolean) => void;
  readonly schema: GenericSchema;
  readonly hub: Hub<unknown, TopicChannel>;
  /** Ends the stream, after what just comes out of its chain. */
  readonly complete: () => void;
  readonly account: StreamLedger;
  /** Which keys it delivered; absent without a `key`. */
  readonly memory: SeenKeys | undefined;
}

export interface OutletHooks {
  readonly ledger: Pick<Ledger, 'stream' | 'receive'>;
  readonly health: Pick<HealthMonitor, 'recorder'>;
  readonly lingerMs: number;
  /** The first subscriber of the stream, or of a topic, has come. */
  readonly onOpen: (topic: string | undefined) => void;
  /** The last one has left. */
  readonly onClose: (topic: string | undefined) => void;
  /** How the message being worked on came. */
  readonly arrival: Arrival;
  /** A message of the stream was found to have this key. */
  readonly onRead: ((stream: string, key: Key) => void) | undefined;
  /** Gives up all holes of the numbering. */
  readonly flush$: Observable<void>;
  readonly tell: (event: FeedEvent) => void;
  readonly reject: (reason: RejectReason, why: Why) => void;
  /** A position was reached that a server may be asked to resume from; absent where none is asked. */
  readonly saw: ((topic: string | undefined, sequence: number) => void) | undefined;
  readonly onScopeForgotten: () => void;
}

/** What a hook must yield. */
export function listOf(hook: string, list: unknown): readonly unknown[] {
  if (Array.isArray(list)) return list as unknown[];
  throw new TypeError(`${hook} must yield an array, got ${list === null ? 'null' : typeof list}`);
}

export const refOf = (stream: string, topic: string | undefined): TopicRef =>
  topic === undefined ? { stream } : { stream, topic };

/** One that the user brings may fail, which costs the stream no more than what it would have told apart. */
const memoryOf = (
  { key, dedupe }: StreamConfig<GenericSchema>,
  onFailed: (error: unknown) => void,
): SeenKeys | undefined => {
  if (key === undefined) return undefined;
  return dedupe?.memory === undefined ? createKeyMemory(dedupe) : guardKeys(dedupe.memory, onFailed);
};

/** Makes the chain of one stream: parse → dedupe → gaps → fan-out, and tells the feed's books, health and events of it. */
export function createOutlet(
  name: string,
  definition: StreamConfig<GenericSchema>,
  {
    ledger,
    health,
    lingerMs,
    onOpen,
    onClose,
    arrival,
    onRead,
    flush$,
    tell,
    reject,
    saw,
    onScopeForgotten,
  }: OutletHooks,
): Outlet {
  const { sequence } = definition;
  const account = ledger.stream(name);
  const freshness = health.recorder(name);
  const memory = memoryOf(definition, (error) =>
    tell({
      type: 'hookFailed',
      hook: 'dedupe.memory',
      error,
      generation: arrival.generation,
      at: asyncScheduler.now(),
    }),
  );
  const { replay = 0 } = definition;
  checkFanOut({ replay, lingerMs });
  const hub = new Hub<unknown, TopicChannel>({
    create: (...made) => new TopicChannel(...made),
    replay,
    lingerMs,
    maxTopics: 10_000,
    onOpen(topic, channel) {
      onOpen(topic);
      if (topic === undefined) return;
      channel.freshness = freshness.find(topic);
      if (areNumbered) channel.sequence = watch?.take(topic);
    },
    onClose(topic, { sequence: taken }) {
      const isOneForgotten = taken !== undefined && watch?.put(taken) === true;
      onClose(topic);
      if (isOneForgotten) onScopeForgotten(); // last: who is told may open the topic again
    },
  });
  const channelOf = (topic: string | undefined): TopicChannel | undefined =>
    topic === undefined ? undefined : hub.find(topic);
  const completed$ = new Subject<void>();
  let isCompleting = false;
  /** The last value that came late, until it is delivered: a server is not asked to resume from it. */
  let late: Item | undefined;

  const about = ({
    topic,
    generation,
    at,
  }: Item): { stream: string; topic?: string; generation: number; at: number } =>
    topic === undefined ? { stream: name, generation, at } : { stream: name, topic, generation, at };
  /** Of what came earlier and was held. */
  const aboutNow = (item: Item) => ({ ...about(item), at: asyncScheduler.now() });
  const onDuplicate = (item: Item): void => {
    account.settle('duplicate');
    if (!item.isRecovered) tell({ type: 'duplicate', ...about(item) });
  };
  const finish = (): void => {
    if (isCompleting) hub.endAll();
    isCompleting = false;
  };

  const chain: Omit<ChainConfig, 'gaps'> = {
    definition,
    arrival,
    memory,
    refuse: (reason, why) => {
      account.settle('rejected');
      reject(reason, { stream: name, ...why });
    },
    onRead: onRead && (({ key }) => onRead(name, key)),
    onDuplicate,
    onFresh: ({ at, topic, sourceTime }) => {
      const ofTopic = channelOf(topic)?.freshness;
      freshness.record(at, ofTopic);
      if (sourceTime !== undefined) freshness.recordLag(sourceTime, at, ofTopic);
    },
  };

  /** What was recovered and has a known key came under another number. */
  const isNotDelivered = ({ key }: Item): boolean => {
    if (memory?.has(key) !== true) return true;
    account.settle('duplicate');
    return false;
  };
  const { recover, reorder } = sequence ?? {};
  const recovering: Recover<Item> = (gap, behind) =>
    fromYielded(recover?.({ ...refOf(name, behind.topic), ...gap })).pipe(
      concatMap((messages) => {
        const page: Item[] = [];
        return from(listOf('recover', messages)).pipe(
          tap(() => {
            ledger.receive();
            account.route();
          }),
          readItems(chain, { generation: behind.generation, at: asyncScheduler.now() }),
          filter((item) => isNotDelivered(item)),
          tap((item) => page.push(item)),
          ignoreElements(),
          concatWith(defer(() => of(page.splice(0)))),
          // Who is told of a rejected one may end the recovery in the middle of a page.
          finalize(() => {
            page.forEach(() => account.settle('dropped'));
          }),
        );
      }),
    );
  const gaps: DetectGapsConfig<Item> | undefined = sequence && {
    ...gapRules(sequence, definition.topic !== undefined),
    flush$: merge(flush$, completed$),
    onFlushed: finish,
    ...(recover && { recover: recovering }),
    onRecovering: (gap, behind) => tell({ type: 'gapRecovering', ...gap, ...aboutNow(behind) }),
    onRecovered: (gap, behind, count) => tell({ type: 'gapRecovered', count, ...gap, ...aboutNow(behind) }),
    onRecoveryFailed: (gap, behind, error) =>
      tell({ type: 'gapRecoveryFailed', error, ...gap, ...aboutNow(behind) }),
    onDuplicate,
    // A connection that is over is forgotten as it should be.
    ...(sequence.scope !== 'connection' && { onScopeForgotten }),
    onGap: (gap, item) => tell({ type: 'gap', ...gap, ...about(item) }),
    onLate: (item, expected) => {
      late = item;
      tell({ type: 'late', sequence: item.sequence, expected, ...about(item) });
    },
    onDrop: () => account.settle('dropped'),
  };

  const deliver = (item: Item): void => {
    account.deliver();
    if (item.isRecovered) memory?.add(item.key);
    if (saw !== undefined && sequence !== undefined && item !== late) saw(item.topic, item.sequence);
    late = undefined;
    hub.next(item.value, item.topic);
  };

  /** What holds values back has a life of its own; all else is done when the call returns. */
  const holdingBack = (): Outlet['take'] => {
    const input$ = new Subject<unknown>();
    input$.pipe(composedChain({ ...chain, gaps })).subscribe({
      next: deliver,
      // Every rule is asked in fillItem, so there is none; but a stream must never die in silence.
      error: (error: unknown) => hub.endAll({ error }),
    });
    return (message) => input$.next(message);
  };
  const isHoldingBack = (recover ?? reorder) !== undefined;
  const watch = isHoldingBack ? undefined : gaps && createGapWatch(sequenceOf, gaps);
  const areNumbered = sequence !== undefined && (sequence.scope ?? 'topic') === 'topic';
  const take = isHoldingBack
    ? holdingBack()
    : straightChain(chain, watch, ({ topic }) => channelOf(topic)?.sequence, deliver);

  return {
    take,
    schema: definition.schema,
    hub,
    complete() {
      isCompleting = true;
      if (isHoldingBack) completed$.next();
      else finish();
    },
    account,
    memory,
  };
}
