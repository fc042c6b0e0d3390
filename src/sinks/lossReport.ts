import type { FeedEvent } from '../streams/events.js';

type Loss = Pick<Extract<FeedEvent, { type: 'overflow' }>, 'of' | 'policy' | 'count'>;

/** Reports what a bound cost without turning a flood of losses into a flood of events. */
export interface LossReport {
  /** One more is lost: told at the 1st, 2nd, 4th, 8th … since the last reset. */
  count(of: Loss['of'], policy: string): void;
  reset(): void;
}

export function createLossReport(tell: (loss: Loss) => void): LossReport {
  /** Made for the first loss, which most feeds never have. */
  let counts: Map<Loss['of'], number> | undefined;
  return {
    count(of, policy) {
      counts ??= new Map();
      const count = (counts.get(of) ?? 0) + 1;
      counts.set(of, count);
      if (Number.isInteger(Math.log2(count))) tell({ of, policy, count });
    },
    reset: () => counts?.clear(),
  };
}
