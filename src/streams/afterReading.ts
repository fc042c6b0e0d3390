import { mergeMap, type Observable, of, take, timer } from 'rxjs';
import type { ConnectionHooks } from './connectionConfig.js';

/** Whether a socket is read, as it is now and from when on again. */
export type Reads = Pick<ConnectionHooks, 'isPaused' | 'resumed$'>;

/**
 * Emits once after that many milliseconds of reading: what a pause holds back is yet to come, so where they end in one they
 * begin again when reading goes on.
 */
export function afterReading(ms: number, reading: Reads): Observable<unknown> {
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
