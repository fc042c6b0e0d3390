import {
  asyncScheduler,
  catchError,
  defer,
  distinctUntilChanged,
  endWith,
  finalize,
  take,
  ignoreElements,
  map,
  merge,
  NEVER,
  type Observable,
  of,
  switchMap,
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
  /**
   * Milliseconds that `authenticate` may take, without those in which the outbox's rate holds back what it has sent: the
   * server cannot answer that yet. While the socket is full they count, until the outbox finds room. @default 10_000
   */
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
 *
 * @param isHeld$ Whether what the hook sent is held back: its time stands still meanwhile. Begins with how it is now.
 */
export function authenticated(
  session: Session,
  { authenticate, authenticateTimeoutMs = 10_000 }: AuthenticateConfig,
  isHeld$: Observable<boolean> = of(false),
): Observable<void> {
  if (authenticate === undefined) return of(undefined);
  const done$ = defer(() => fromYielded(authenticate(shownSession(session)))).pipe(
    ignoreElements(),
    endWith(undefined),
  );
  const tooLate$ = unheld(authenticateTimeoutMs, isHeld$).pipe(
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

/** Emits when it was not held for so long, all in all. */
const unheld = (ms: number, isHeld$: Observable<boolean>): Observable<unknown> =>
  defer(() => {
    let leftMs = ms;
    return isHeld$.pipe(
      distinctUntilChanged(),
      switchMap((isHeld) => {
        if (isHeld) return NEVER;
        const from = asyncScheduler.now();
        // A wall clock may be set back: what was left never grows.
        const count = (): number => (leftMs -= Math.max(0, asyncScheduler.now() - from));
        return timer(leftMs).pipe(finalize(count));
      }),
    );
  });
