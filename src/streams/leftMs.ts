import { asyncScheduler } from 'rxjs';

/** A wait that has begun. */
export interface BegunWait {
  readonly ms: number;
  /** When it began, epoch ms. */
  readonly since: number;
}

/** What is left of a wait, ms; 0 if there is none. A clock that was set back makes it no longer. */
export const leftMs = ({ ms, since }: BegunWait = { ms: 0, since: 0 }): number =>
  Math.max(0, ms - Math.max(0, asyncScheduler.now() - since));
