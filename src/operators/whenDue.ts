import { asyncScheduler, Observable, Subscription } from 'rxjs';
import { attach } from './attach.js';

/**
 * Runs `due$` whenever it is due, and asks anew when that is after each wait and each run. Emits nothing, never completes.
 *
 *     waitMs   3--2-0-3--…
 *     due$          --|
 *
 * By hand, as each idle connection has two: `defer`, `timer` and `repeat` take three times the memory.
 *
 * @param waitMs Milliseconds until it is due, 0 or less for now. If it throws, or `due$` errors, so does the Observable.
 */
export const whenDue = (waitMs: () => number, due$: Observable<unknown>): Observable<never> =>
  new Observable((subscriber) => {
    let wait = Subscription.EMPTY;
    const look = (): void => {
      wait.unsubscribe();
      try {
        const ms = waitMs();
        if (ms > 0) subscriber.add((wait = asyncScheduler.schedule(look, ms)));
        else attach(subscriber, due$, { error, complete: look });
      } catch (failure) {
        error(failure);
      }
    };
    const error = (failure: unknown): void => subscriber.error(failure);
    look();
  });
