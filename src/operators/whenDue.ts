import { asyncScheduler, type Observable, type SchedulerAction, Subscription } from 'rxjs';
import { attach } from './attach.js';

/** Something to be done now and then. */
export interface Due {
  /** Milliseconds until it is due, 0 or less for now. */
  waitMs(): number;
  /** Does it. */
  run(): Observable<unknown>;
  /** `waitMs` threw, or what was run errored: it is not asked again. */
  failed(error: unknown): void;
}

/**
 * Runs each of the `dues` whenever it is due, and asks anew when that is after each wait and each run, until the `whole` ends.
 *
 *     waitMs   3--2-0-3--…
 *     run           --|
 *
 * By hand, as each idle connection has two: `defer`, `timer` and `repeat` take three times the memory, closures twice. They share
 * one timer, so one that is not due yet may be asked in between.
 */
export const whenDue = (whole: Subscription, ...dues: readonly Due[]): void => new Rota(whole, dues).look();

class Rota {
  private readonly turns: readonly Turn[];
  private timer = Subscription.EMPTY;

  constructor(
    private readonly whole: Subscription,
    dues: readonly Due[],
  ) {
    this.turns = dues.map((due) => new Turn(whole, due, this));
  }

  look(): void {
    this.timer.unsubscribe();
    let soonestMs = Infinity;
    for (const turn of this.turns) {
      const ms = turn.look();
      if (ms === undefined) return; // it ran to its end at once: that has looked at all, and set the timer
      soonestMs = Math.min(soonestMs, ms);
    }
    if (soonestMs < Infinity) this.whole.add((this.timer = asyncScheduler.schedule(ring, soonestMs, this)));
  }
}

/** One of the dues, and the observer of its run. */
class Turn {
  /** It runs, or has failed. */
  private isOut = false;

  constructor(
    private readonly whole: Subscription,
    private readonly due: Due,
    private readonly rota: Rota,
  ) {}

  /** Runs it if it is due; returns how long it is until then, or `undefined` if it ran at once and all were looked at anew. */
  look(): number | undefined {
    if (this.isOut || this.whole.closed) return Infinity;
    try {
      const ms = this.due.waitMs();
      if (ms > 0) return ms;
      this.isOut = true;
      attach(this.whole, this.due.run(), this);
    } catch (failure) {
      this.error(failure);
    }
    return this.isStillOut() ? Infinity : undefined;
  }

  complete(): void {
    this.isOut = false;
    this.rota.look();
  }

  error(failure: unknown): void {
    this.isOut = true;
    this.due.failed(failure);
  }

  /** Asked anew: the compiler does not see that a run may end at once. */
  private isStillOut(): boolean {
    return this.isOut;
  }
}

function ring(this: SchedulerAction<Rota>, rota?: Rota): void {
  rota?.look();
}
