import { LRUCache } from 'lru-cache';
import { safeParse } from 'valibot';
import type { Findings, Job } from './job.js';

/**
 * What a good engineer writes without a library, given the text of each frame: parse, validate, drop what was seen before, note
 * that the stream is alive, call who listens.
 */
export function byHand({ suite: { schema }, callbacks }: Job): {
  readonly take: (text: string) => void;
  readonly findings: () => Findings;
} {
  const seen = new LRUCache<string, true>({ max: 100_000 });
  const heardAt = new Map<string, number>();
  let duplicates = 0;
  let rejected = 0;
  return {
    take: (text) => {
      const result = safeParse(schema, JSON.parse(text));
      if (!result.success) {
        rejected += 1;
        return;
      }
      const value = result.output;
      const key = `${value.type}:${value.id}`;
      if (seen.get(key) === true) {
        duplicates += 1;
        return;
      }
      seen.set(key, true);
      heardAt.set(value.type, Date.now());
      callbacks.get(value.type)?.(value);
    },
    findings: () => ({ duplicates, rejected }),
  };
}
