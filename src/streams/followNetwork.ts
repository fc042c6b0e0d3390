import {
  catchError,
  concat,
  distinctUntilChanged,
  EMPTY,
  ignoreElements,
  NEVER,
  type Observable,
  skip,
  startWith,
  tap,
} from 'rxjs';
import { OfflineError } from './failure.js';
import type { NextDial } from './nextDial.js';
import type { RecoveryHooks } from './recovery.js';

/** Called as methods. */
interface NetworkHooks extends Pick<RecoveryHooks, 'onHookFailed'> {
  /** There is no network any more. */
  drop(error: OfflineError): void;
}

/**
 * Does what the platform says of its network: drops the connection when it is gone, and ends the wait for the next dial when it is
 * back, but for what a server asked for. That it was there from the start is no news. Emits nothing and never ends; an `online$` that errors is told of.
 */
export const followNetwork = (
  online$: Observable<boolean>,
  hooks: NetworkHooks,
  nextDial: Pick<NextDial, 'wakeIfDue'>,
): Observable<never> => {
  const told$ = online$.pipe(
    startWith(true),
    distinctUntilChanged(),
    skip(1),
    tap((isOnline) => {
      if (isOnline) nextDial.wakeIfDue();
      else hooks.drop(new OfflineError());
    }),
    ignoreElements(),
    catchError((error: unknown) => {
      hooks.onHookFailed('online$', error);
      return EMPTY;
    }),
  );
  return concat(told$, NEVER);
};
