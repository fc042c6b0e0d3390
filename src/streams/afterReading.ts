import { mergeMap, type Observable, of, take, timer } from 'rxjs';
import type { ConnectionHooks } from './connectionConfig.js';

/**
 * Emits once after that many milliseconds of reading: what a pause holds back is yet to come, so where they end in one they
 * begin again when reading goes on.
 */
export function afterReading(
  ms: number,
  reading: Pick<ConnectionHooks, 'isPaused' | 'resumed$'>,
): Observable<unknown> {
  const passed$: Observable<unknown> = timer(ms).pipe(
    mergeMap(() =>
      reading.isPaused()
        ? reading.resumed$.pipe(
            take(1),
            mergeMap(() => passed$),
          )
        : of(undefined),
    ),
  );
  return passed$;
}
