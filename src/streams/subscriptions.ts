import { asapScheduler, asyncScheduler, type Subscription } from 'rxjs';
import { maxTimerMs } from '../operators/backoff.js';
import type { TopicRef } from './events.js';

/** A topic that somebody listens to. */
export interface WantedTopic extends TopicRef {
  /** The last sequence number seen of it, for servers that can resume. */
  readonly lastSequence?: number;
}

/** What an answer of the server says of topics: which by name, or which request by its id. */
export type Ack = ({ readonly topics: readonly TopicRef[] } | { readonly id: string | number }) & {
  readonly ok: boolean;
  readonly error?: unknown;
};

export interface SubscriptionsConfig {
  /** The message, or messages, that ask for these topics; `id` is new for each call, for servers that answer by id. */
  readonly subscribe: (topics: readonly WantedTopic[], id: number) => unknown;
  /** The message, or messages, that give these topics up. */
  readonly unsubscribe: (topics: readonly TopicRef[], id: number) => unknown;
  /** Reads a message as an ack; `undefined` if it is none. Absent: a topic is confirmed by being asked for. */
  readonly ack?: (message: unknown) => Ack | undefined;
  /** Milliseconds the server has for its ack; data does not extend it. @default 10_000 */
  readonly ackTimeoutMs?: number;
  /** Topics in one call of `subscribe`. @default 100 */
  readonly batch?: number;
}

/** A server refused a topic; its subscribers get this, and nobody else. */
export class SubscriptionRefusedError extends Error {
  override readonly name = 'SubscriptionRefusedError';
  constructor(
    readonly stream: string,
    readonly topic: string | undefined,
    options: ErrorOptions,
  ) {
    super(`subscription to ${stream}${topic === undefined ? '' : `/${topic}`} was refused`, options);
  }
}

export interface SubscriptionsHooks {
  /** Sends one message on the open session. */
  readonly send: (message: unknown) => void;
  readonly tell: (
    type: 'subscribing' | 'subscribed' | 'unsubscribed' | 'ackOverdue',
    topic: TopicRef,
  ) => void;
  readonly onRefused: (topic: TopicRef, error: SubscriptionRefusedError) => void;
  /** `subscribe` or `unsubscribe` threw, or what it gave cannot be encoded. */
  readonly onHookFailed: (hook: string, error: unknown) => void;
}

/** Keeps what the server was asked for equal to what is wanted. */
export interface Subscriptions {
  want(topic: TopicRef): void;
  unwant(topic: TopicRef): void;
  /** Remembers how far a topic has come. */
  saw(topic: TopicRef, sequence: number): void;
  /** A new session is ready: every wanted topic is asked for, once. */
  connected(): void;
  disconnected(): void;
  /** Takes a message if it is an ack. */
  hear(message: unknown): boolean;
}

interface Entry {
  readonly ref: TopicRef;
  state: 'wanted' | 'asked' | 'confirmed';
  /** The id of the call that asked. */
  id: number;
  lastSequence: number | undefined;
}

const keyOf = ({ stream, topic }: TopicRef): string =>
  topic === undefined ? stream : `${stream}\u0000${topic}`;

/** @throws {RangeError} On creation, if `ackTimeoutMs` or `batch` is not above 0. */
export function createSubscriptions(
  { subscribe, unsubscribe, ack, ackTimeoutMs = 10_000, batch = 100 }: SubscriptionsConfig,
  { send, tell, onRefused, onHookFailed }: SubscriptionsHooks,
): Subscriptions {
  for (const [name, hook] of Object.entries({ subscribe, unsubscribe })) {
    if (typeof hook !== 'function')
      throw new TypeError(`subscriptions: ${name} must be a function, got ${typeof hook}`);
  }
  if (!(ackTimeoutMs > 0 && ackTimeoutMs <= maxTimerMs))
    throw new RangeError(
      `subscriptions: ackTimeoutMs must be above 0 and at most ${maxTimerMs}, got ${ackTimeoutMs}`,
    );
  if (!(Number.isInteger(batch) && batch > 0)) {
    throw new RangeError(`subscriptions: batch must be a whole number above 0, got ${batch}`);
  }

  const wanted = new Map<string, Entry>();
  /** Asked for on this session and no longer wanted: to be given up with the next flush. */
  const unwanted = new Map<string, Entry>();
  /** Everything that dies with the session: the flush under way and the ack deadlines. */
  const deadlines = new Set<Subscription>();
  let isOpen = false;
  let flushing: Subscription | undefined;
  let lastId = 0;

  /** Sends what a hook gives; a hook that throws is told, and costs its own batch only. */
  const post = (hook: string, make: () => unknown): void => {
    try {
      const messages = make();
      for (const message of Array.isArray(messages) ? (messages as unknown[]) : [messages]) send(message);
    } catch (error) {
      onHookFailed(`subscriptions.${hook}`, error);
    }
  };

  const confirm = (entry: Entry): void => {
    if (entry.state === 'confirmed') return;
    entry.state = 'confirmed';
    tell('subscribed', entry.ref);
  };

  const ask = (entries: readonly Entry[]): void => {
    const id = ++lastId;
    for (const entry of entries) {
      entry.state = 'asked';
      entry.id = id;
      tell('subscribing', entry.ref);
    }
    post('subscribe', () =>
      subscribe(
        entries.map(({ ref, lastSequence }) => (lastSequence === undefined ? ref : { ...ref, lastSequence })),
        id,
      ),
    );
    if (ack === undefined) {
      entries.forEach(confirm);
      return;
    }
    const deadline = asyncScheduler.schedule(() => {
      deadlines.delete(deadline);
      for (const entry of entries)
        if (entry.state === 'asked' && entry.id === id) tell('ackOverdue', entry.ref);
    }, ackTimeoutMs);
    deadlines.add(deadline);
  };

  const flush = (): void => {
    flushing = undefined;
    const gone = [...unwanted.values()].map(({ ref }) => ref);
    unwanted.clear();
    for (let at = 0; at < gone.length; at += batch) {
      const refs = gone.slice(at, at + batch);
      post('unsubscribe', () => unsubscribe(refs, ++lastId));
      for (const ref of refs) tell('unsubscribed', ref);
    }
    const fresh = [...wanted.values()].filter(({ state }) => state === 'wanted');
    for (let at = 0; at < fresh.length; at += batch) ask(fresh.slice(at, at + batch));
  };

  /** Topics that come and go in one turn are asked for, or given up, together. */
  const flushSoon = (): void => {
    if (isOpen) flushing ??= asapScheduler.schedule(flush);
  };

  const settle = (entry: Entry, { ok, error }: { readonly ok: boolean; readonly error?: unknown }): void => {
    if (ok) {
      confirm(entry);
      return;
    }
    wanted.delete(keyOf(entry.ref));
    const { stream, topic } = entry.ref;
    onRefused(entry.ref, new SubscriptionRefusedError(stream, topic, { cause: error }));
  };

  return {
    want(ref) {
      const key = keyOf(ref);
      if (wanted.has(key)) return;
      const entry = unwanted.get(key) ?? { ref, state: 'wanted', id: 0, lastSequence: undefined };
      unwanted.delete(key);
      wanted.set(key, entry);
      if (entry.state === 'wanted') flushSoon();
    },
    unwant(ref) {
      const key = keyOf(ref);
      const entry = wanted.get(key);
      if (entry === undefined) return;
      wanted.delete(key);
      if (!isOpen || entry.state === 'wanted') return;
      unwanted.set(key, entry);
      flushSoon();
    },
    saw(ref, sequence) {
      const entry = wanted.get(keyOf(ref));
      if (entry !== undefined) entry.lastSequence = sequence;
    },
    connected() {
      isOpen = true;
      for (const entry of wanted.values()) entry.state = 'wanted';
      flush();
    },
    disconnected() {
      isOpen = false;
      unwanted.clear();
      flushing?.unsubscribe();
      flushing = undefined;
      for (const deadline of deadlines) deadline.unsubscribe();
      deadlines.clear();
      for (const entry of wanted.values()) entry.state = 'wanted';
    },
    hear(message) {
      const answer = ack?.(message);
      if (answer === undefined) return false;
      const entries =
        'id' in answer
          ? [...wanted.values()].filter(
              ({ id, state }) => state === 'asked' && String(id) === String(answer.id),
            )
          : answer.topics.map((ref) => wanted.get(keyOf(ref))).filter((entry) => entry !== undefined);
      for (const entry of entries) if (entry.state === 'asked') settle(entry, answer);
      return true;
    },
  };
}
