import type { FeedEvent } from '../streams/events.js';

export type Loss = Pick<Extract<FeedEvent, { type: 'overflow' }>, 'of' | 'policy' | 'count'>;

/** Who is told. */
export interface LossHooks {
  onLoss(loss: Loss): void;
}

/** Reports what a bound cost without turning a flood of losses into a flood of events. */
export class LossReport {
  /** Made for the first loss, which most feeds never have. */
  private counts: Map<Loss['of'], number> | undefined = undefined;

  constructor(private readonly hooks: LossHooks) {}

  /** One more is lost: told at the 1st, 2nd, 4th, 8th and so on since the last reset. */
  count(of: Loss['of'], policy: string): void {
    const counts = (this.counts ??= new Map<Loss['of'], number>());
    const count = (counts.get(of) ?? 0) + 1;
    counts.set(of, count);
    if (Number.isInteger(Math.log2(count))) this.hooks.onLoss({ of, policy, count });
  }

  reset(): void {
    this.counts?.clear();
  }
}
