import { asapScheduler, EMPTY, type Observable, type Subscription, take } from 'rxjs';
import { maxTimerMs } from '../operators/backoff.js';
import type { Reads } from './afterReading.js';
import { keyOf } from './asks.js';
import type { TopicRef } from './events.js';
import { Refusals } from './refusals.js';
import { createSessionTopics, type SessionTopics } from './sessionTopics.js';
import type { Wanted } from './topicTable.js';

export type { SessionTopics };

/** A topic that somebody listens to. */
export interface WantedTopic extends TopicRef {
  /** The last sequence number seen of it, for servers that can resume; none where numbers are those of one connection. */
  readonly lastSequence?: number;
}

/**
 * What an answer of the server says of topics: which by name, or which request by its id, or both. With both, an id that
 * was not given to the topic is passed over, as some servers answer everything with the same one.
 */
export type Ack = (
  | { readonly topics: readonly TopicRef[]; readonly id?: string | number }
  | { readonly topics?: readonly TopicRef[]; readonly id: string | number }
) & {
  readonly ok: boolean;
  /** Why not: the `cause` of the `SubscriptionRefusedError`. */
  readonly error?: unknown;
  /** What it answers. An answer to an unsubscribe changes nothing. @default 'subscribe' */
  readonly of?: 'subscribe' | 'unsubscribe';
  /** With `ok: false`: the server cannot resume from `lastSequence`; the topic is asked for again without. @default false */
  readonly restart?: boolean;
};

export interface SubscriptionsConfig {
  /**
   * Yields the message, or an array of messages, that asks for these topics; `undefined` or `null` for none, and then they count as
   * confirmed, as no answer is to come. `id` is new for each call, for servers that answer by id. If it fails, or yields
   * nothing within `ackTimeoutMs`, its topics are asked for again later.
   */
  readonly subscribe: (topics: readonly WantedTopic[], id: number) => unknown;
  /** Yields the message, or messages, that give these topics up. */
  readonly unsubscribe: (topics: readonly TopicRef[], id: number) => unknown;
  /**
   * Reads a message as an ack, synchronously; `undefined`, `null` or `false` if it is none. Absent: a topic is confirmed when its
   * message has left.
   */
  readonly ack?: (message: unknown) => Ack | undefined | null | false;
  /**
   * Milliseconds the server has for its ack, from when the message left; data does not extend it, but reading that is paused then does:
   * they begin again when it goes on. A topic that is
   * overdue is asked for again, after a delay that doubles from here to a minute. @default 10_000
   */
  readonly ackTimeoutMs?: number;
  /** Topics in one call of `subscribe` or `unsubscribe`. @default 100 */
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
  readonly tell: (
    type: 'subscribing' | 'subscribed' | 'unsubscribed' | 'ackOverdue',
    topic: TopicRef,
    generation: number,
  ) => void;
  /** On the connection of this generation `subscribe`, `unsubscribe` or `ack` threw, or what it gave cannot be encoded. */
  readonly onHookFailed: (hook: string, error: unknown, generation: number) => void;
  /** A topic was refused on a session that has no say of its own about it; it is wanted no more. */
  readonly onRefused: (topic: TopicRef, error: SubscriptionRefusedError) => void;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Whether messages are read: an ack that a pause holds back is not overdue. @default always */
  readonly reading?: Reads;
}

const alwaysRead: Reads = { isPaused: () => false, resumed$: EMPTY };

/** A session that may be asked for topics. */
export interface TopicSession {
  readonly generation: number;
  /** Sends one message; `onWritten` runs when it has really left. `false` if there is no room for it. */
  readonly post: (message: unknown, onWritten: () => void) => boolean;
  /** Emits when the session is asked for nothing more: it leaves by itself. @default never */
  readonly over$?: Observable<unknown>;
  /** Told of a refusal on this session instead of the topic's subscribers, until it takes charge. @default none: it is in charge */
  readonly onRefused?: (topic: TopicRef, error: SubscriptionRefusedError) => void;
}

/** Knows what is wanted, and keeps what each session was asked for equal to it. */
export interface Subscriptions {
  want(topic: TopicRef): void;
  unwant(topic: TopicRef): void;
  /**
   * Gives a topic up and asks for it anew, wherever it is confirmed; `false` if it is nowhere: then it is being asked for
   * already, or not wanted.
   */
  again(topic: TopicRef): boolean;
  /** Remembers how far a topic has come, by a value of this connection. */
  saw(stream: string, topic: string | undefined, sequence: number, generation: number): void;
  /** The positions reached are void, and so are those of values that still wait: topics are asked for from now on without `lastSequence`. */
  forget(): void;
  /** Asks a session for every wanted topic, once, and keeps it equal to what is wanted until it leaves. */
  join(session: TopicSession): SessionTopics;
}

/**
 * Makes the reconciler of topics: what is wanted lives as long as the feed, what was asked for and confirmed as long as
 * one session, of which there may be two during a rotation. What comes and goes before the next microtask cancels out.
 *
 * @throws {TypeError} On creation, if a hook is not a function.
 * @throws {RangeError} On creation, if `ackTimeoutMs` or `batch` is not above 0.
 */
export function createSubscriptions(
  { subscribe, unsubscribe, ack, ackTimeoutMs = 10_000, batch = 100 }: SubscriptionsConfig,
  { tell, onHookFailed, onRefused, random, reading = alwaysRead }: SubscriptionsHooks,
): Subscriptions {
  for (const [name, hook] of Object.entries({ subscribe, unsubscribe, ...(ack !== undefined && { ack }) })) {
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

  const wanted = new Map<string, Wanted>();
  /** The same by stream and topic: asked with each value, and making a key of both costs several times as much. */
  const byStream = new Map<string, Map<string | undefined, Wanted>>();
  /** What began or ceased to be wanted in this turn, or is to be renewed, while there is a session to tell. */
  const touched = new Map<string, Wanted>();
  const sessions = new Set<ReturnType<typeof createSessionTopics>>();
  const refusals = new Refusals(random);
  let turn: Subscription | undefined;
  let lastId = 0;
  let lastGeneration = 0;
  /** Positions of connections up to this one are void. */
  let forgottenUntil = 0;

  const touch = (key: string, entry: Wanted): void => {
    if (sessions.size === 0) return;
    touched.set(key, entry);
    turn ??= asapScheduler.schedule(() => {
      turn = undefined;
      const keys = [...touched.keys()];
      touched.clear();
      for (const session of [...sessions]) session.update(keys);
    });
  };

  const unwant = (ref: TopicRef): void => {
    const key = keyOf(ref);
    const entry = wanted.get(key);
    if (entry === undefined) return;
    wanted.delete(key);
    byStream.get(ref.stream)?.delete(ref.topic);
    touch(key, entry);
  };

  return {
    want(ref) {
      const key = keyOf(ref);
      if (wanted.has(key)) return;
      refusals.want(key);
      // A topic that returns in the turn it left goes on from where it was.
      const entry = touched.get(key) ?? { ref, lastSequence: undefined };
      wanted.set(key, entry);
      const byTopic = byStream.get(ref.stream) ?? new Map<string | undefined, Wanted>();
      byStream.set(ref.stream, byTopic.set(ref.topic, entry));
      touch(key, entry);
    },
    unwant,
    again(ref) {
      const key = keyOf(ref);
      const entry = wanted.get(key);
      if (entry === undefined) return false;
      const renewed = [...sessions].filter((session) => session.renew(key));
      if (renewed.length > 0) touch(key, entry);
      return renewed.length > 0;
    },
    saw(stream, topic, sequence, generation) {
      if (generation <= forgottenUntil) return;
      const entry = byStream.get(stream)?.get(topic);
      if (entry !== undefined) entry.lastSequence = sequence;
    },
    forget() {
      forgottenUntil = lastGeneration;
      for (const entry of wanted.values()) entry.lastSequence = undefined;
    },
    join({ generation, post, over$ = EMPTY, onRefused: onRefusedHere }) {
      lastGeneration = generation;
      const session = createSessionTopics({
        subscribe,
        unsubscribe,
        ack,
        ackTimeoutMs,
        batch,
        generation,
        post,
        wanted,
        tell,
        onHookFailed,
        random,
        reading,
        nextId: () => ++lastId,
        isInCharge: onRefusedHere === undefined,
        onRefused(ref, cause, isInCharge) {
          const error = new SubscriptionRefusedError(ref.stream, ref.topic, { cause });
          if (isInCharge) {
            refusals.add(keyOf(ref));
            unwant(ref);
            onRefused(ref, error);
          } else onRefusedHere?.(ref, error);
        },
        refusedMs: (key) => refusals.leftMs(key),
        onConfirmed: (key) => refusals.forget(key),
        onWaited: (key) => refusals.waited(key),
        onLeft() {
          sessions.delete(session);
          if (sessions.size > 0) return;
          turn?.unsubscribe();
          turn = undefined;
          touched.clear();
        },
      });
      sessions.add(session);
      // First: whoever is told of what is asked for may end the session.
      over$.pipe(take(1)).subscribe(() => session.leave()); // eslint-disable-line rxjs-x/no-ignored-error -- it has none
      session.update([...wanted.keys()]);
      return session;
    },
  };
}
