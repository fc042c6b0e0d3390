import type { TopicRef } from './events.js';

/** A topic that somebody listens to, and how far it has come. */
export interface Wanted {
  readonly ref: TopicRef;
  lastSequence: number | undefined;
}

export type TopicHook = 'subscribe' | 'unsubscribe';

/** A wait of topics, until `hook` is tried again. */
export interface TopicRetry {
  readonly hook: TopicHook;
  /** They were refused before: nobody waits for them to be confirmed, and each is kept until it is over, wanted or not. */
  readonly isRefusal: boolean;
}

/** What one connection knows of a topic. */
export interface Topic {
  readonly key: string;
  readonly ref: TopicRef;
  state: 'none' | 'asked' | 'confirmed' | 'refused';
  /** The server may be sending it, so it has to be given up. */
  isHeld: boolean;
  /** The same before it was last asked for: what a refusal falls back to. */
  wasHeld: boolean;
  /** In a message that has not left yet: until then nothing more is said of it. */
  isUnderWay: boolean;
  /** Set while it waits for the time to try `hook` again. */
  retry: TopicRetry | undefined;
  /** Wanted and confirmed, and yet to be given up, to be asked for anew. */
  isToRenew: boolean;
  /** Tries in a row that came to nothing. */
  misses: number;
  /** The server cannot resume from the position reached. */
  isPositionVoid: boolean;
  /** Why it was refused. */
  cause: unknown;
}

/** The topics of one connection, sorted by what is to be done about them. */
export interface TopicTable {
  /** Looks at these topics again: some may have begun or ceased to be wanted. */
  update(keys: Iterable<string>): void;
  /** Puts a topic that has changed where it now belongs; one of no more concern is forgotten. */
  readonly sort: (topic: Topic) => void;
  /** The topics of these keys that are of concern. */
  pick(keys: Iterable<string>): Topic[];
  /** Takes out at most `max` topics to ask for, or to give up; they are under way from here. */
  take(hook: TopicHook, max: number): Topic[];
  /** The topics whose refusal nobody was told who listens to them. */
  refused(): Topic[];
  /** Every wanted topic is confirmed, or was refused before and is yet to be asked for. */
  isSettled(): boolean;
  clear(): void;
}

const isRefusal = ({ retry }: Topic): boolean => retry?.isRefusal === true;

const fresh = (key: string, ref: TopicRef): Topic => ({
  key,
  ref,
  state: 'none',
  isHeld: false,
  wasHeld: false,
  isUnderWay: false,
  retry: undefined,
  isToRenew: false,
  misses: 0,
  isPositionVoid: false,
  cause: undefined,
});

/** @param holdBack Asked of a topic that is due to be asked for: the wait that it begins, if it was refused before. */
export function createTopicTable(
  wanted: ReadonlyMap<string, Wanted>,
  holdBack: (topic: Topic) => TopicRetry | undefined = () => undefined,
): TopicTable {
  const topics = new Map<string, Topic>();
  const due = { subscribe: new Set<Topic>(), unsubscribe: new Set<Topic>() };
  /** Wanted and not confirmed. */
  const open = new Set<Topic>();

  const put = (set: Set<Topic>, topic: Topic, belongs: boolean): void => {
    if (belongs) set.add(topic);
    else set.delete(topic);
  };

  const sort = (topic: Topic): void => {
    const { key, isUnderWay, isHeld } = topic;
    if (topics.get(key) !== topic) return;
    const isWanted = wanted.has(key);
    if (!isWanted && topic.state === 'refused') topic.state = 'none';
    if (isWanted && topic.state === 'none' && !isUnderWay && topic.retry?.hook !== 'subscribe')
      topic.retry = holdBack(topic) ?? topic.retry;
    const may = (hook: TopicHook): boolean => !isUnderWay && topic.retry?.hook !== hook;

    put(open, topic, isWanted && topic.state !== 'confirmed' && !isRefusal(topic));
    put(due.subscribe, topic, isWanted && topic.state === 'none' && may('subscribe'));
    put(due.unsubscribe, topic, (!isWanted || topic.isToRenew) && isHeld && may('unsubscribe'));
    if (!isWanted && !isHeld && !isUnderWay && !isRefusal(topic)) {
      topics.delete(key);
      topic.retry = undefined;
    }
  };

  return {
    update(keys) {
      for (const key of keys) {
        const ref = wanted.get(key)?.ref;
        if (ref !== undefined && !topics.has(key)) topics.set(key, fresh(key, ref));
        const topic = topics.get(key);
        if (topic !== undefined) sort(topic);
      }
    },
    sort,
    pick: (keys) => [...keys].flatMap((key) => topics.get(key) ?? []),
    take(hook, max) {
      const taken: Topic[] = [];
      for (const topic of due[hook]) {
        due[hook].delete(topic);
        // What has changed its mind in this turn is looked at again when the turn ends.
        const isDue =
          hook === 'subscribe' ? wanted.has(topic.key) : !wanted.has(topic.key) || topic.isToRenew;
        if (!isDue) continue;
        topic.isUnderWay = true;
        if (taken.push(topic) === max) break;
      }
      return taken;
    },
    refused: () => [...topics.values()].filter(({ state }) => state === 'refused'),
    isSettled: () => open.size === 0,
    clear() {
      topics.clear();
      open.clear();
      due.subscribe.clear();
      due.unsubscribe.clear();
    },
  };
}
