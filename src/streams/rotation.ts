import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  exhaustMap,
  filter,
  ignoreElements,
  merge,
  mergeMap,
  type MonoTypeOperatorFunction,
  noop,
  Observable,
  of,
  repeat,
  Subject,
  type Subscriber,
  Subscription,
  take,
  takeUntil,
  tap,
  throwError,
  timeout,
  timer,
} from 'rxjs';
import { backoff, type BackoffConfig } from '../operators/backoff.js';
import { attach } from '../operators/attach.js';
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
  /** Asks for a rotation; not where nobody is in charge, nor after `stop$`. */
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
export const lineOfSessions = (config: LineConfig): Observable<OpenSession> =>
  new Observable((subscriber) => new SessionLine(config, subscriber).begin());

/** One subscription. A class, and the way of its sessions by hand: with operators every idle connection kept 5 kB more. */
class SessionLine {
  private readonly orphaned$ = new Subject<void>();
  private leader: OpenSession | undefined = undefined;
  /** The next one, once it is logged in. */
  private heir: OpenSession | undefined = undefined;
  /** The one before the leader, which may still deliver its last frames. */
  private retiree: OpenSession | undefined = undefined;
  private ledAt = 0;
  /** Notices in a row that came to a leader before it was stable. */
  private hasty = 0;
  private previousMs = 0;
  /** The leader's, until it hands over. */
  private asks = Subscription.EMPTY;
  /** Dials that have not ended: that of the leader, of its heir, and of one that retired. */
  private going = 0;

  constructor(
    private readonly config: LineConfig,
    private readonly subscriber: Subscriber<OpenSession>,
  ) {}

  begin(): void {
    this.follow(this.config.dial((session) => this.takeOver(session)));
  }

  /** Emits the session that a dial leads to; the line ends with the last dial, or with an error of the leader's. */
  private follow(dialled$: Observable<OpenSession>, onEnd = noop): void {
    const { subscriber } = this;
    let mine: OpenSession | undefined;
    const ended = (): void => {
      onEnd();
      this.going -= 1;
      if (this.going === 0) subscriber.complete();
    };
    this.going += 1;
    attach(subscriber, dialled$, {
      next: (session) => {
        mine = session;
        subscriber.next(session);
        this.heed(session);
      },
      error: (error: unknown) => {
        try {
          if (!this.isOutlived(mine, error)) subscriber.error(error);
          else ended();
        } catch (thrown) {
          subscriber.error(thrown);
        }
      },
      complete: ended,
    });
  }

  /** Begins a rotation when asked to, one at a time. */
  private heed(leader: OpenSession): void {
    const { subscriber } = this;
    let isRotating = false;
    this.asks = attach(subscriber, this.asksOf(leader), {
      next: () => {
        if (isRotating) return;
        isRotating = true;
        this.follow(this.successor(leader), () => (isRotating = false));
      },
      error: (error: unknown) => subscriber.error(error),
      complete: noop,
    });
  }

  private asksOf({ noticed$ }: OpenSession): Observable<unknown> {
    const { rotate$, stop$, everyMs, when, random } = this.config;
    if (everyMs === undefined && when === undefined) return rotate$;
    const aged$ =
      everyMs === undefined ? EMPTY : defer(() => timer(everyMs - 0.1 * everyMs * random())).pipe(repeat());
    const heeded$ = when === undefined ? EMPTY : noticed$.pipe(exhaustMap(() => this.untilHeeded()));
    return merge(rotate$, merge(aged$, heeded$).pipe(takeUntil(stop$)));
  }

  /** A server that gives notice on every connection must not be followed without a pause. */
  private untilHeeded(): Observable<unknown> {
    const { stableMs = 5_000 } = this.config;
    const isHasty = this.retiree !== undefined && asyncScheduler.now() - this.ledAt < stableMs;
    this.previousMs = isHasty ? backoff(this.config)(this.hasty, this.previousMs) : 0;
    this.hasty = isHasty ? this.hasty + 1 : 0;
    return isHasty ? timer(this.previousMs) : of(undefined);
  }

  /** A leader that ends while its heir is there leaves the line to it. */
  private isOutlived(ended: OpenSession | undefined, error: unknown): boolean {
    if (ended !== this.leader || this.heir === undefined || !this.config.onOutlived(error)) return false;
    this.orphaned$.next();
    return true;
  }

  private takeOver(session: OpenSession, before?: OpenSession): Observable<OpenSession> {
    this.asks.unsubscribe();
    this.leader = session;
    this.retiree = before;
    this.heir = undefined;
    this.ledAt = asyncScheduler.now();
    return this.config.lead(session, before);
  }

  private successor(before: OpenSession): Observable<OpenSession> {
    const { dial, onStart, greet, join, retrying, onFailed, stop$, timeoutMs = 300_000 } = this.config;
    let hasLed = false;
    const welcome = (session: OpenSession): Observable<OpenSession> => {
      const greeted$ = new Subject<never>();
      this.heir = session;
      session.join();
      const ready$ = concat(merge(join(session), greeted$), of(undefined));
      return merge(
        merge(ready$, this.orphaned$).pipe(
          take(1),
          timeout({ first: timeoutMs, with: () => throwError(() => new RotationTimeoutError(timeoutMs)) }),
          mergeMap(() => {
            hasLed = true;
            return this.takeOver(session, before);
          }),
        ),
        greet(session).pipe(tap({ complete: () => greeted$.complete() })),
      ).pipe(
        tap({
          finalize: () => {
            if (this.heir === session) this.heir = undefined;
          },
        }),
      );
    };
    const next$ = defer(() => {
      onStart();
      return dial(welcome, before).pipe(retrying(() => hasLed));
    });
    // What the leader itself never got must not come from its heir first: their topics overlap from here on.
    const settled$ = (before.topics?.settled$ ?? EMPTY).pipe(takeUntil(timer(timeoutMs)));
    // Nor are there ever three sockets.
    const gone$ = this.retiree?.isOver === false ? this.retiree.messages$.pipe(ignoreElements()) : EMPTY;
    return concat(gone$, settled$, next$).pipe(
      catchError((error: unknown) => {
        // eslint-disable-next-line rxjs-x/throw-error -- told as it came
        if (hasLed) return throwError(() => error);
        onFailed(error);
        return EMPTY;
      }),
      takeUntil(stop$.pipe(filter(() => !hasLed))),
    );
  }
}
