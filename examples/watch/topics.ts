import type { Row } from './table.js';
import { type Sample, rateOf } from './rates.js';

export interface Topics {
  /** Counts one message. */
  note(topic: string, at: number): void;
  totals(): ReadonlyMap<string, number>;
  rows(kept: readonly Sample[], now: number): Row[];
  /** Messages of topics that found no room. */
  readonly others: number;
}

/** Counts messages by topic, for a server whose topics nobody has named yet; the first `maxTopics` get a row each. */
export function createTopics(maxTopics: number): Topics {
  const seen = new Map<string, { total: number; lastAt: number }>();
  let others = 0;

  return {
    note(topic, at) {
      const entry = seen.get(topic);
      if (entry !== undefined) {
        entry.total++;
        entry.lastAt = at;
      } else if (seen.size < maxTopics) seen.set(topic, { total: 1, lastAt: at });
      else others++;
    },
    totals: () => new Map([...seen].map(([topic, { total }]) => [topic, total])),
    rows: (kept, now) =>
      [...seen].map(([name, { total, lastAt }]) => ({
        name,
        perSecond: rateOf(kept, name),
        ageMs: now - lastAt,
        verdict: 'unjudged',
        total,
      })),
    get others() {
      return others;
    },
  };
}

/** What a message says it is: the text at a dotted path, or `(none)`. */
export function topicAt(path: string): (message: unknown) => string {
  const fields = path.split('.');
  return (message) => {
    let value = message;
    for (const field of fields) {
      if (typeof value !== 'object' || value === null) return '(none)';
      value = (value as Record<string, unknown>)[field];
    }
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : '(none)';
  };
}
