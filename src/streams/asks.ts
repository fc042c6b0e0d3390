import { asyncScheduler } from 'rxjs';
import type { TopicRef } from './events.js';
import type { Ack } from './subscriptions.js';

/** One call of `subscribe` or `unsubscribe`, remembered for as long as an answer to it may come. */
export interface Ask {
  /** Every topic it named. */
  readonly keys: ReadonlySet<string>;
  /** Those of them whose answer is still to come and would change something. */
  readonly open: Set<string>;
  forgetAt: number;
}

/** What was asked on one connection and not yet answered: tells which ask an answer belongs to. */
export interface Asks {
  add(hook: 'subscribe' | 'unsubscribe', id: number, keys: readonly string[]): Ask;
  /** The messages of the ask have left: the time for its answer begins. */
  sent(ask: Ask): void;
  /** No answer will come to an ask that did not get out. */
  forget(ask: Ask): void;
  /** What was asked of a topic until now is settled or given up: an answer to it changes nothing. */
  dismiss(key: string): void;
  /** The deadline of an ask has passed: yields the topics it still matters to, for which a late answer still counts. */
  expire(ask: Ask): string[];
  /** The topics that this answer settles. */
  settledBy(ack: Ack): string[];
}

export const keyOf = ({ stream, topic }: TopicRef): string =>
  topic === undefined ? stream : `${stream}\u0000${topic}`;

/**
 * Matches answers to asks. An id that is known and names the topic decides; so a repeated or outdated answer never hits a
 * newer ask. An answer without an id, or with one that was not given to that topic (some servers answer everything with
 * the id 1), belongs to the first ask of the topic that is not answered yet, as servers answer one client in order.
 *
 * @param memoryMs How long an ask is remembered from when it left.
 */
export function createAsks(memoryMs: number): Asks {
  const byId = new Map<string, Ask>();
  /** The asks for each topic, oldest first, that an answer by topic alone may belong to. */
  const lines = new Map<string, Ask[]>();

  /** `false` if the ask had its answer for this topic before. */
  const take = (key: string, ask: Ask): boolean => {
    const line = lines.get(key);
    const at = line?.indexOf(ask) ?? -1;
    if (line === undefined || at < 0) return false;
    line.splice(at, 1);
    if (line.length === 0) lines.delete(key);
    return true;
  };

  const forget = (id: string, ask: Ask): void => {
    byId.delete(id);
    for (const key of ask.keys) take(key, ask);
  };

  return {
    add(hook, id, names) {
      for (const [oldId, old] of byId) {
        if (old.forgetAt > asyncScheduler.now()) break;
        forget(oldId, old);
      }
      const keys = new Set(names);
      const ask: Ask = { keys, open: new Set(), forgetAt: Infinity };
      byId.set(String(id), ask);
      if (hook === 'unsubscribe') return ask;
      for (const key of keys) {
        ask.open.add(key);
        const line = lines.get(key);
        if (line === undefined) lines.set(key, [ask]);
        else line.push(ask);
      }
      return ask;
    },
    sent(ask) {
      ask.forgetAt = asyncScheduler.now() + memoryMs;
    },
    forget(ask) {
      ask.forgetAt = -Infinity;
      for (const key of ask.keys) take(key, ask);
    },
    dismiss(key) {
      for (const ask of lines.get(key) ?? []) ask.open.delete(key);
    },
    expire(ask) {
      for (const key of ask.keys) if (!ask.open.has(key)) take(key, ask);
      return [...ask.open];
    },
    settledBy({ topics, id }) {
      const named = id === undefined ? undefined : byId.get(String(id));
      const keys = topics === undefined ? (named?.keys ?? []) : new Set(topics.map(keyOf));
      return [...keys].filter((key) => {
        const ask = named?.keys.has(key) === true ? named : lines.get(key)?.[0];
        return ask !== undefined && take(key, ask) && ask.open.delete(key);
      });
    },
  };
}
