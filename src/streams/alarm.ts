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
export function createAlarm(ring: () => void): Alarm {
  let wallMs = asyncScheduler.now();
  let nowMs = 0;
  let setFor = Infinity;
  let timer: Subscription | undefined;
  let readings = 0;

  const now = (): number => {
    readings += 1;
    const before = wallMs;
    wallMs = asyncScheduler.now();
    if (wallMs > before) nowMs += wallMs - before;
    return nowMs;
  };

  // A plain property: with a getter it would be a dictionary to the engine, and three times as large.
  const alarm = {
    now,
    isSet: false,
    set(at: number) {
      if (at >= setFor && at !== Infinity) return;
      timer?.unsubscribe();
      timer = undefined;
      alarm.isSet = false;
      setFor = at;
      if (at === Infinity) return;
      const from = now();
      const delayMs = Math.min(Math.max(0, at - from), maxTimerMs);
      const readingsBefore = readings;
      alarm.isSet = true;
      timer = asyncScheduler.schedule(() => {
        timer = undefined;
        alarm.isSet = false;
        setFor = Infinity;
        if (readings === readingsBefore) nowMs = Math.max(now(), from + delayMs);
        ring();
      }, delayMs);
    },
  };
  return alarm;
}
