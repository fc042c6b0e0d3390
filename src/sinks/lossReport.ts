import type { FeedEvent } from '../streams/events.js';

export type Loss = Pick<Extract<FeedEvent, { type: 'overflow' }>, 'of' | 'policy' | 'count'>;

/** Who is told. */
export interface LossHooks {
  onLoss(loss: Loss): void;
}

/** What may come in floods: losses, and messages of no stream. */
type Flood = Loss['of'] | 'unrouted';

/** Reports what a bound cost, and whatever else comes in floods, without turning them into floods of events. */
export class LossReport {
  /** Made for the first of them, which most feeds never have. */
  private counts: Map<Flood, number> | undefined = undefined;

  constructor(private readonly hooks: LossHooks) {}

  /** One more is lost: told at the 1st, 2nd, 4th, 8th and so on since the last reset. */
  count(of: Loss['of'], policy: string): void {
    const count = this.notice(of);
    if (count !== undefined) this.hooks.onLoss({ of, policy, count });
  }

  /** So many are lost at once, as something ends: told as one. */
  tell(of: Loss['of'], policy: string, count: number): void {
    this.hooks.onLoss({ of, policy, count });
  }

  /** One more has come: how many there are by now, if it is the 1st, 2nd, 4th, 8th and so on since the last reset. */
  notice(of: Flood): number | undefined {
    const counts = (this.counts ??= new Map<Flood, number>());
    const count = (counts.get(of) ?? 0) + 1;
    counts.set(of, count);
    return Number.isInteger(Math.log2(count)) ? count : undefined;
  }

  reset(): void {
    this.counts?.clear();
  }
}
