import { asyncScheduler } from 'rxjs';

/** A wait that has begun. */
export interface BegunWait {
  /** 0 once a timer has waited for it, whatever the clock says. */
  ms: number;
  /** When it began, epoch ms; brought forward when the clock was set back. */
  since: number;
}

/**
 * What is left of a wait, ms; 0 if there is none. A clock that was set back makes it no longer than it was, and it counts on from
 * where that is noticed.
 */
export const leftMs = (wait?: BegunWait): number => {
  if (wait === undefined) return 0;
  const now = asyncScheduler.now();
  wait.since = Math.min(wait.since, now);
  return Math.max(0, wait.ms - (now - wait.since));
};
