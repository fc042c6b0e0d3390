import { defer, EMPTY, finalize, merge, type MonoTypeOperatorFunction, Subject, switchMap, take } from 'rxjs';

/**
 * Lets at most `max` of the sources it is applied to be subscribed at a time; the others wait, first come first served, and who
 * unsubscribes gives up its place. What waits is held nowhere else, so there are never more than there are subscribers.
 *
 *     max: 1    a  --x|        b  -y|       both subscribed in the first frame
 *               --x|           ----y|
 */
export function createTurns<T>(max: number): MonoTypeOperatorFunction<T> {
  const waiting = new Set<Subject<void>>();
  let free = max;
  let isCalling = false;

  // A loop, not a recursion: sources that end at once would nest as deep as the queue is long.
  const call = (): void => {
    if (isCalling) return;
    isCalling = true;
    for (const turn$ of waiting) {
      if (free === 0) break;
      free -= 1;
      waiting.delete(turn$);
      turn$.next();
    }
    isCalling = false;
  };

  const release = (): void => {
    free += 1;
    call();
  };

  return (source) =>
    defer(() => {
      const turn$ = new Subject<void>();
      waiting.add(turn$);
      const inTurn$ = turn$.pipe(
        take(1),
        // Here, and not at the end, it runs after the source is torn down.
        switchMap(() => source.pipe(finalize(release))),
      );
      return merge(
        inTurn$,
        defer(() => {
          call();
          return EMPTY;
        }),
      ).pipe(finalize(() => waiting.delete(turn$)));
    });
}
