import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  exhaustMap,
  expand,
  filter,
  ignoreElements,
  merge,
  mergeMap,
  type MonoTypeOperatorFunction,
  type Observable,
  of,
  repeat,
  Subject,
  take,
  takeUntil,
  tap,
  throwError,
  timeout,
  timer,
} from 'rxjs';
import { backoff, type BackoffConfig } from '../operators/backoff.js';
import type { OpenSession } from './session.js';

export interface RotateConfig {
  /**
   * Milliseconds after which a connection is replaced, for servers that cut at a fixed age. What is waited is drawn from
   * 90 to 100 % of it, so that clients which came together do not move together. @default never
   */
  readonly everyMs?: number;
  /**
   * Recognises the notice of a server that is about to cut the connection. It is control, no data. It is followed at
   * once, but where a new connection gets one too within `stableMs`, after the growing delays of `reconnect`.
   */
  readonly when?: (message: unknown) => boolean;
  /** Milliseconds that a new connection has, once logged in, to get its topics confirmed. @default 300_000 */
  readonly timeoutMs?: number;
  /**
   * Milliseconds of reading that the old connection has for its last frames and the close handshake; another rotation
   * waits until it is gone. @default 1_000
   */
  readonly drainMs?: number;
}

/** A new connection did not get its topics confirmed, or its `onConnected` done, in time: the old one stays. */
export class RotationTimeoutError extends Error {
  override readonly name = 'RotationTimeoutError';
  constructor(readonly timeoutMs: number) {
    super(`topics not confirmed on the new connection within ${timeoutMs} ms`);
  }
}

export interface LineConfig extends BackoffConfig {
  /** Dials, logs in, and goes on with `welcome`; `before` is in charge meanwhile, and absent for the first of a line. */
  readonly dial: (
    welcome: (session: OpenSession) => Observable<OpenSession>,
    before?: OpenSession,
  ) => Observable<OpenSession>;
  /** A rotation begins. */
  readonly onStart: () => void;
  /** Puts a session in charge, after `before` if it follows one, and emits it. */
  readonly lead: (session: OpenSession, before: OpenSession | undefined) => Observable<OpenSession>;
  /** What the user wants done on a new connection; goes on after the session took charge. */
  readonly greet: (session: OpenSession) => Observable<never>;
  /** Asks for the topics on a session that is not in charge; completes when they are confirmed, errors if they never will be. */
  readonly join: (session: OpenSession) => Observable<never>;
  /** Tries the next connection again, until `hasLed`. */
  readonly retrying: (hasLed: () => boolean) => MonoTypeOperatorFunction<OpenSession>;
  /** The next connection could not be made, and none is tried any more until asked for. */
  readonly onFailed: (error: unknown) => void;
  /** The session in charge ended while the next one was logged in, and takes over unless this says no. */
  readonly onOutlived: (error: unknown) => boolean;
  /** Asks for a rotation. */
  readonly rotate$: Observable<unknown>;
  /** From here on none begins, and one that has not taken over is given up. */
  readonly stop$: Observable<unknown>;
  /** @default 5_000 */
  readonly stableMs?: number;
  readonly everyMs?: number;
  /** Without it there are no notices. */
  readonly when?: RotateConfig['when'];
  /** @default 300_000 */
  readonly timeoutMs?: number;
  readonly random: () => number;
}

/**
 * A line of sessions: the first takes charge when it is logged in, and each may hand over to the next. Errors with
 * whichever is in charge.
 *
 *     rotate$         ----x---x--------------    while one is on its way, further calls change nothing
 *     lineOfSessions  -A----------B----------    A, B take charge
 */
export function lineOfSessions({
  dial,
  onStart,
  lead,
  greet,
  join,
  retrying,
  onFailed,
  onOutlived,
  rotate$,
  stop$,
  stableMs = 5_000,
  everyMs,
  when,
  timeoutMs = 300_000,
  random,
  ...delays
}: LineConfig): Observable<OpenSession> {
  const delayAfter = backoff({ ...delays, random });
  const asked$ =
    everyMs === undefined
      ? rotate$
      : merge(rotate$, defer(() => timer(everyMs - 0.1 * everyMs * random())).pipe(repeat()));

  return defer(() => {
    const orphaned$ = new Subject<void>();
    let leader: OpenSession | undefined;
    /** The next one, once it is logged in. */
    let heir: OpenSession | undefined;
    /** The one before the leader, which may still deliver its last frames. */
    let retiree: OpenSession | undefined;
    let ledAt = 0;
    /** Notices in a row that came to a leader before it was stable. */
    let hasty = 0;
    let previousMs = 0;

    /** A server that gives notice on every connection must not be followed without a pause. */
    const heeded$ = defer(() => {
      const isHasty = retiree !== undefined && asyncScheduler.now() - ledAt < stableMs;
      previousMs = isHasty ? delayAfter(hasty, previousMs) : 0;
      hasty = isHasty ? hasty + 1 : 0;
      return isHasty ? timer(previousMs) : of(undefined);
    });

    /** A leader that ends while its heir is there leaves the line to it. */
    const outlived: MonoTypeOperatorFunction<OpenSession> = (source) => {
      let mine: OpenSession | undefined;
      return source.pipe(
        tap((session) => {
          mine = session;
        }),
        catchError((error: unknown) => {
          // eslint-disable-next-line rxjs-x/throw-error -- told as it came
          if (mine !== leader || heir === undefined || !onOutlived(error)) return throwError(() => error);
          orphaned$.next();
          return EMPTY;
        }),
      );
    };

    const takeOver = (session: OpenSession, before?: OpenSession): Observable<OpenSession> => {
      leader = session;
      retiree = before;
      heir = undefined;
      ledAt = asyncScheduler.now();
      return lead(session, before);
    };

    const successor = (before: OpenSession): Observable<OpenSession> => {
      let hasLed = false;
      const welcome = (session: OpenSession): Observable<OpenSession> => {
        const greeted$ = new Subject<never>();
        heir = session;
        session.join();
        const ready$ = concat(merge(join(session), greeted$), of(undefined));
        return merge(
          merge(ready$, orphaned$).pipe(
            take(1),
            timeout({ first: timeoutMs, with: () => throwError(() => new RotationTimeoutError(timeoutMs)) }),
            mergeMap(() => {
              hasLed = true;
              return takeOver(session, before);
            }),
          ),
          greet(session).pipe(tap({ complete: () => greeted$.complete() })),
        ).pipe(
          tap({
            finalize: () => {
              if (heir === session) heir = undefined;
            },
          }),
        );
      };
      const next$ = defer(() => {
        onStart();
        return dial(welcome, before).pipe(
          retrying(() => hasLed),
          outlived,
        );
      });
      // What the leader itself never got must not come from its heir first: their topics overlap from here on.
      const settled$ = (before.topics?.settled$ ?? EMPTY).pipe(takeUntil(timer(timeoutMs)));
      // Nor are there ever three sockets.
      const gone$ = retiree?.isOver === false ? retiree.messages$.pipe(ignoreElements()) : EMPTY;
      return concat(gone$, settled$, next$).pipe(
        catchError((error: unknown) => {
          // eslint-disable-next-line rxjs-x/throw-error -- told as it came
          if (hasLed) return throwError(() => error);
          onFailed(error);
          return EMPTY;
        }),
        takeUntil(stop$.pipe(filter(() => !hasLed))),
      );
    };

    return dial((session) => takeOver(session)).pipe(
      outlived,
      expand((session) =>
        (when === undefined ? asked$ : merge(asked$, session.noticed$.pipe(exhaustMap(() => heeded$)))).pipe(
          takeUntil(stop$),
          takeUntil(session.retired$), // eslint-disable-line rxjs-x/no-unsafe-takeuntil -- ends the calls, not the successor
          exhaustMap(() => successor(session)),
        ),
      ),
    );
  });
}
