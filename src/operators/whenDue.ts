import { asyncScheduler, Observable, Subscription } from 'rxjs';

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
    subscriber.add(() => wait.unsubscribe());
    const error = (failure: unknown): void => subscriber.error(failure);
    const look = (): void => {
      if (subscriber.closed) return;
      try {
        const ms = waitMs();
        if (ms > 0) wait = asyncScheduler.schedule(look, ms);
        else subscriber.add(due$.subscribe({ error, complete: look }));
      } catch (failure) {
        error(failure);
      }
    };
    look();
  });
