import {
  asyncScheduler,
  defer,
  EMPTY,
  ignoreElements,
  type Observable,
  Subject,
  type Subscription,
  take,
  timer,
} from 'rxjs';
import { backoff } from '../operators/backoff.js';
import { refusedPromise } from '../operators/refusedPromise.js';
import { afterReading } from './afterReading.js';
import { type Ask, createAsks } from './asks.js';
import { createErrands, type Errand } from './errands.js';
import type { TopicRef } from './events.js';
import type { Ack, SubscriptionsConfig, SubscriptionsHooks, TopicSession } from './subscriptions.js';
import { createTopicTable, type Topic, type TopicHook, type TopicRetry, type Wanted } from './topicTable.js';

/** What one connection was asked for, kept equal to what is wanted. */
export interface SessionTopics {
  /** `true` if the message is an ack, whoever it concerns; after `leave()` it changes nothing. */
  hear(message: unknown): boolean;
  /** The session is asked for nothing more. */
  leave(): void;
  /**
   * Completes as soon as every topic wanted at that moment is confirmed on this session, or on `leave()`; never emits,
   * never errors. A topic that was refused here and is still wanted keeps it waiting.
   */
  readonly settled$: Observable<never>;
  /** From now on a refusal is told to the topic's subscribers, and so is, now, each one from before. */
  takeCharge(): void;
}

export interface SessionTopicsConfig
  extends
    Required<Omit<SubscriptionsConfig, 'ack'>>,
    Pick<SubscriptionsHooks, 'tell' | 'onHookFailed' | 'random'>,
    Required<Pick<SubscriptionsHooks, 'reading'>>,
    Pick<TopicSession, 'generation' | 'post'> {
  readonly ack: SubscriptionsConfig['ack'] | undefined;
  readonly wanted: ReadonlyMap<string, Wanted>;
  /** A new id for each call of a hook. */
  readonly nextId: () => number;
  readonly isInCharge: boolean;
  /** A refusal by a session in charge ends the want. */
  readonly onRefused: (topic: TopicRef, cause: unknown, isInCharge: boolean) => void;
  readonly onLeft: () => void;
  /** Milliseconds until a topic that was refused may be asked for again. */
  readonly refusedMs: (key: string) => number;
  /** The server has confirmed it. */
  readonly onConfirmed: (key: string) => void;
  /** Those milliseconds are over. */
  readonly onWaited: (key: string) => void;
}

/** @throws {TypeError} If it is about nothing: taken for an ack, it would keep every message from the streams. */
const checkAnswer = (answer: Ack): void => {
  const misuse = refusedPromise('subscriptions.ack', answer);
  if (misuse !== undefined) throw misuse;
  const { topics, id } = answer;
  if (topics === undefined ? id === undefined : !Array.isArray(topics))
    throw new TypeError('what subscriptions.ack yields must have topics, a list of them, or an id');
};

/** No topic waits longer than this to be asked for again, unless `ackTimeoutMs` is longer. */
const longestRetryMs = 60_000;

export function createSessionTopics(config: SessionTopicsConfig): SessionTopics & {
  /** Some of these topics may have begun or ceased to be wanted, or are to be renewed. */
  update(keys: readonly string[]): void;
  /** The topic is to be given up and asked for anew at the next `update`; `false` if it is not confirmed here. */
  renew(key: string): boolean;
} {
  const { subscribe, unsubscribe, ack, ackTimeoutMs, batch, generation } = config;
  const { wanted, nextId, onHookFailed, onRefused, random, reading } = config;
  const maxMs = Math.max(longestRetryMs, ackTimeoutMs);
  const retryMs = backoff({ initialMs: ackTimeoutMs, maxMs, multiplier: 2, jitter: 'equal', random });
  const asks = createAsks(ackTimeoutMs + maxMs);
  const table = createTopicTable(wanted, (topic) => holdBack(topic));
  const settledNow$ = new Subject<void>();
  const timers = new Set<Subscription>();
  let hasLeft = false;
  const isOver = (): boolean => hasLeft;
  let { isInCharge } = config;
  /** The last that were held back. */
  let held: { readonly dueAt: number; readonly retry: TopicRetry; readonly group: Topic[] } | undefined;

  const at = (due$: Observable<unknown>, act: () => void): void => {
    if (isOver()) return;
    // eslint-disable-next-line rxjs-x/no-ignored-error -- a timer has none
    const waiting = due$.subscribe(() => {
      timers.delete(waiting);
      act();
    });
    timers.add(waiting);
  };

  const work = (): void => {
    errands.run();
    if (table.isSettled()) settledNow$.next();
  };

  const tell = (type: Parameters<SubscriptionsHooks['tell']>[0], { ref }: Topic): void => {
    if (!isOver()) config.tell(type, ref, generation);
  };

  /** A group that failed together is tried again together, so that it still makes one message. */
  const retryLater = (hook: TopicHook, group: readonly Topic[]): void => {
    if (group.length === 0) return;
    let misses = 0;
    for (const topic of group) misses = Math.max(misses, topic.misses++);
    // Whole milliseconds: a timer knows no other, and virtual time loses its way among fractions.
    const retry: TopicRetry = { hook, isRefusal: false };
    for (const topic of group) topic.retry = retry;
    retryIn(Math.round(retryMs(misses, 0)), retry, group);
  };

  const retryIn = (ms: number, retry: TopicRetry, group: readonly Topic[]): void => {
    at(timer(ms), () => {
      if (retry.isRefusal) for (const { key } of group) config.onWaited(key);
      for (const topic of group) {
        if (topic.retry !== retry) continue;
        topic.retry = undefined;
        table.sort(topic);
      }
      work();
    });
  };

  /** Whoever wants a topic again that was refused waits, whichever connection that was; those that wait for one moment do together. */
  const holdBack = (topic: Topic): TopicRetry | undefined => {
    const ms = config.refusedMs(topic.key);
    if (ms === 0) return undefined;
    const dueAt = asyncScheduler.now() + ms;
    if (held?.dueAt === dueAt) held.group.push(topic);
    else {
      const { retry, group } = (held = {
        dueAt,
        retry: { hook: 'subscribe', isRefusal: true },
        group: [topic],
      });
      retryIn(ms, retry, group);
    }
    return held.retry;
  };

  const confirm = (topic: Topic): void => {
    asks.dismiss(topic.key);
    config.onConfirmed(topic.key);
    topic.state = 'confirmed';
    topic.retry = undefined;
    topic.misses = 0;
    topic.isPositionVoid = false;
    tell('subscribed', topic);
    table.sort(topic);
  };

  /** The server does not hold what it was asked for now; it may still hold what it was asked for before. */
  const deny = (topic: Topic, state: 'none' | 'refused'): void => {
    asks.dismiss(topic.key);
    topic.state = state;
    topic.isHeld = topic.wasHeld;
    topic.retry = undefined;
  };

  const refuse = (topic: Topic, cause: unknown): void => {
    const isWanted = wanted.has(topic.key);
    deny(topic, isWanted && !isInCharge ? 'refused' : 'none');
    topic.cause = cause;
    // In charge, this ends the want, and the topic is sorted when the turn ends.
    if (isWanted) onRefused(topic.ref, cause, isInCharge);
    else table.sort(topic);
  };

  /** The first time a topic is asked for again at once; yields whether it has to wait. */
  const restart = (topic: Topic): boolean => {
    deny(topic, 'none');
    topic.isPositionVoid = true;
    const entry = wanted.get(topic.key);
    if (entry !== undefined) entry.lastSequence = undefined;
    const mustWait = topic.misses > 0;
    if (!mustWait) topic.misses = 1;
    table.sort(topic);
    return mustWait;
  };

  const settle = (answer: Ack): void => {
    const again: Topic[] = [];
    for (const topic of table.pick(asks.settledBy(answer))) {
      if (isOver()) return;
      if (answer.ok) confirm(topic);
      else if (answer.restart !== true) refuse(topic, answer.error);
      else if (restart(topic)) again.push(topic);
    }
    retryLater('subscribe', again);
    again.forEach(table.sort);
    work();
  };

  const lapse = (ask: Ask): void => {
    const late = table.pick(asks.expire(ask));
    for (const topic of late) topic.state = 'none';
    const missed = late.filter(({ key }) => wanted.has(key));
    retryLater('subscribe', missed);
    late.forEach(table.sort);
    for (const topic of missed) tell('ackOverdue', topic);
    work();
  };

  const errandOf = (hook: TopicHook, group: readonly Topic[]): Errand => {
    const id = nextId();
    let ask: Ask | undefined;

    const askedFor = (): unknown =>
      subscribe(
        group.map(({ key, ref, isPositionVoid }) => {
          const lastSequence = isPositionVoid ? undefined : wanted.get(key)?.lastSequence;
          return lastSequence === undefined ? ref : { ...ref, lastSequence };
        }),
        id,
      );
    const givenUp = (): unknown => {
      for (const topic of group) {
        asks.dismiss(topic.key);
        topic.state = 'none';
        topic.isToRenew = false;
      }
      return unsubscribe(
        group.map(({ ref }) => ref),
        id,
      );
    };

    return {
      make: hook === 'subscribe' ? askedFor : givenUp,
      onMade(count) {
        if (ack !== undefined && count > 0)
          ask = asks.add(
            hook,
            id,
            group.map(({ key }) => key),
          );
        if (hook === 'unsubscribe') return;
        for (const topic of group) {
          topic.state = 'asked';
          topic.wasHeld = topic.isHeld;
          topic.isHeld = true;
          tell('subscribing', topic);
        }
      },
      onWritten() {
        for (const topic of group) {
          topic.isUnderWay = false;
          if (hook === 'unsubscribe') {
            topic.isHeld = false;
            topic.retry = undefined;
            topic.misses = 0;
            tell('unsubscribed', topic);
          } else if (ask === undefined) confirm(topic); // no answer is to come
        }
        if (ask !== undefined) {
          const sent = ask;
          asks.sent(sent);
          if (sent.open.size > 0) at(afterReading(ackTimeoutMs, reading), () => lapse(sent));
        }
        group.forEach(table.sort);
        work();
      },
      onFailed(error) {
        if (ask !== undefined) asks.forget(ask);
        for (const topic of group) {
          topic.isUnderWay = false;
          if (topic.state === 'asked') topic.state = 'none';
        }
        retryLater(
          hook,
          group.filter(({ state }) => state === 'none'),
        );
        group.forEach(table.sort);
        onHookFailed(`subscriptions.${hook}`, error, generation);
        work();
      },
    };
  };

  const errands = createErrands({
    post: config.post,
    hookTimeoutMs: ackTimeoutMs,
    next() {
      for (const hook of ['unsubscribe', 'subscribe'] as const) {
        const group = table.take(hook, batch);
        if (group.length > 0) return errandOf(hook, group);
      }
      return undefined;
    },
  });

  const answerOf: SubscriptionsConfig['ack'] = (message) => {
    try {
      const answer = ack?.(message);
      if (answer) checkAnswer(answer);
      return answer;
    } catch (error) {
      onHookFailed('subscriptions.ack', error, generation);
      return undefined;
    }
  };

  return {
    update(keys) {
      if (isOver()) return;
      table.update(keys);
      work();
    },
    renew(key) {
      const renewed = table
        .pick([key])
        .filter(({ state, isUnderWay }) => state === 'confirmed' && !isUnderWay);
      for (const topic of renewed) topic.isToRenew = true;
      return renewed.length > 0;
    },
    hear(message) {
      const answer = answerOf(message);
      if (!answer) return false;
      if (answer.of !== 'unsubscribe') settle(answer);
      return true;
    },
    takeCharge() {
      if (isInCharge) return;
      isInCharge = true;
      for (const topic of table.refused()) {
        topic.state = 'none';
        if (!isOver()) onRefused(topic.ref, topic.cause, true);
      }
    },
    leave() {
      if (isOver()) return;
      hasLeft = true;
      for (const timer of timers) timer.unsubscribe();
      timers.clear();
      errands.stop();
      table.clear();
      settledNow$.next();
      config.onLeft();
    },
    settled$: defer(() => (table.isSettled() ? EMPTY : settledNow$.pipe(take(1), ignoreElements()))),
  };
}
