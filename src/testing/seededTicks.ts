import { asyncScheduler, defer, mergeMap, type Observable, repeat, timer } from 'rxjs';

/** How far a blocked event loop is made up for, in ticks; what is beyond is left out. */
const MAX_TICKS_AT_ONCE = 1_000;

/**
 * Ticks at a random pace, for ever: the pauses are U(0.5, 1.5) × `meanMs`, and several ticks come at once where a timer would be
 * too coarse. While `isActive` says no, it does not tick and draws nothing, so the same `random` gives the same pauses whenever
 * it begins. Emits the sum of the pauses so far, in milliseconds.
 *
 * @param meanMs Mean milliseconds between two ticks; above 0.
 */
export function seededTicks(
  meanMs: number,
  random: () => number,
  isActive: () => boolean,
): Observable<number> {
  return defer(() => {
    let dueAt = asyncScheduler.now() + meanMs;
    let elapsedMs = 0;

    const takeDue = (): number[] => {
      const now = asyncScheduler.now();
      const ticks: number[] = [];
      if (!isActive()) {
        dueAt = now + meanMs;
        return ticks;
      }
      while (dueAt <= now && ticks.length < MAX_TICKS_AT_ONCE) {
        ticks.push(elapsedMs);
        const pauseMs = meanMs * (0.5 + random());
        elapsedMs += pauseMs;
        dueAt += pauseMs;
      }
      // The wall clock may have jumped, either way.
      dueAt = Math.min(Math.max(dueAt, now), now + 2 * meanMs);
      return ticks;
    };

    return defer(() => timer(Math.max(1, dueAt - asyncScheduler.now()))).pipe(mergeMap(takeDue), repeat());
  });
}
