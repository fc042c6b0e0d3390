import { asyncScheduler, type Subscription } from 'rxjs';
import { maxTimerMs } from '../operators/backoff.js';

/** One timer over a clock that never goes back. */
export interface Alarm {
  /** Milliseconds since the alarm was made, less what the wall clock was set back by. */
  now(): number;
  /**
   * Rings once at this instant at the latest: one that is set for earlier already stays, and whoever hears it looks
   * what is due. `Infinity` turns it off.
   */
  set(at: number): void;
  readonly isSet: boolean;
}

/**
 * A wall clock may be set back, by an hour even: then the clock here misses what passed since it was read last. A timer
 * that rings knows better, but is believed only if nobody read the clock meanwhile: between an instant that was told and
 * `now()` there must never be more time than has truly passed.
 */
export const createAlarm = (ring: () => void): Alarm => new SteadyAlarm(ring);

/** A class, since every idle connection keeps one: closures of its own took three times the memory. */
class SteadyAlarm implements Alarm {
  private wallMs = asyncScheduler.now();
  private nowMs = 0;
  private setFor = Infinity;
  private timer: Subscription | undefined = undefined;
  private readings = 0;

  constructor(private readonly ring: () => void) {}

  get isSet(): boolean {
    return this.timer !== undefined;
  }

  now(): number {
    this.readings += 1;
    const before = this.wallMs;
    this.wallMs = asyncScheduler.now();
    if (this.wallMs > before) this.nowMs += this.wallMs - before;
    return this.nowMs;
  }

  set(at: number): void {
    if (at >= this.setFor && at !== Infinity) return;
    this.timer?.unsubscribe();
    this.timer = undefined;
    this.setFor = at;
    if (at === Infinity) return;
    const from = this.now();
    const delayMs = Math.min(Math.max(0, at - from), maxTimerMs);
    const readingsBefore = this.readings;
    this.timer = asyncScheduler.schedule(() => {
      this.timer = undefined;
      this.setFor = Infinity;
      if (this.readings === readingsBefore) this.nowMs = Math.max(this.now(), from + delayMs);
      this.ring();
    }, delayMs);
  }
}
