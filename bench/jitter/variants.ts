import { backoff, type BackoffConfig, type JitterName, jitters } from '../../src/operators/backoff.js';
import { seededRandom } from '../../src/testing/random.js';
import { type Figures, type Outage, simulate } from './simulate.js';

/** The jitters of the library, with its own defaults for all the rest. */
export const jittered: Readonly<Record<string, BackoffConfig>> = Object.fromEntries(
  (Object.keys(jitters) as JitterName[])
    .filter((jitter) => jitter !== 'none')
    .map((jitter) => [jitter, { jitter }]),
);

/** What clients without jitter commonly do. */
export const unjittered: Readonly<Record<string, BackoffConfig>> = {
  'none: 1 s, ×2 to 30 s': { jitter: 'none' },
  'at once, then 1 s, ×2 to 30 s': {
    jitter: ({ attempt, initialMs }) => (attempt === 0 ? 0 : initialMs * 2 ** (attempt - 1)),
  },
  '1 s, ×1.3 to 10 s': { jitter: 'none', multiplier: 1.3, maxMs: 10_000 },
  '1 s, 2 s, 3 s … 30 s': { jitter: ({ attempt, initialMs }) => initialMs * (attempt + 1) },
  'always 1 s': { jitter: 'none', multiplier: 1 },
  'always 5 s': { jitter: 'none', multiplier: 1, initialMs: 5_000 },
};

/** Plays an outage for clients that wait as the library's own `backoff` says; the seed decides all of it. */
export const play = (outage: Outage, config: BackoffConfig, seed: number): Figures => {
  const random = seededRandom(seed);
  return simulate(outage, backoff({ ...config, random }), random);
};
