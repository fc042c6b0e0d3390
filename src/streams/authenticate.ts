import {
  catchError,
  defer,
  endWith,
  take,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  throwError,
  timer,
} from 'rxjs';
import { maxTimerMs } from '../operators/backoff.js';
import { AuthenticationError } from './failure.js';
import { fromYielded, type Yielded } from './input.js';
import type { Session } from './session.js';
import { shownSession } from './shownSession.js';

export interface AuthenticateConfig {
  /** Runs on every connection before anything is sent or delivered; its completion means AUTHENTICATED. */
  readonly authenticate?: (session: Session) => Yielded<unknown>;
  /** Milliseconds that `authenticate` may take. @default 10_000 */
  readonly authenticateTimeoutMs?: number;
}

/** @throws {RangeError} If the time limit is not above 0. */
export function checkAuthenticate({ authenticateTimeoutMs = 10_000 }: AuthenticateConfig): void {
  if (!(authenticateTimeoutMs > 0 && authenticateTimeoutMs <= maxTimerMs)) {
    throw new RangeError(
      `authenticate: authenticateTimeoutMs must be above 0 and at most ${maxTimerMs}, got ${authenticateTimeoutMs}`,
    );
  }
}

/**
 * Emits once when the hook has finished, at once if there is none; errors with `AuthenticationError`, whose `cause` is
 * what the hook failed with, or that it took too long.
 */
export function authenticated(
  session: Session,
  { authenticate, authenticateTimeoutMs = 10_000 }: AuthenticateConfig,
): Observable<void> {
  if (authenticate === undefined) return of(undefined);
  const done$ = defer(() => fromYielded(authenticate(shownSession(session)))).pipe(
    ignoreElements(),
    endWith(undefined),
  );
  const tooLate$ = timer(authenticateTimeoutMs).pipe(
    map(() => {
      throw new Error(`not authenticated within ${authenticateTimeoutMs} ms`);
    }),
  );
  return merge(done$, tooLate$).pipe(
    take(1),
    catchError((cause: unknown) =>
      throwError(() => new AuthenticationError('authentication failed', { cause })),
    ),
  );
}
