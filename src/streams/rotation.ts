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
  Observable,
  type Observer,
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
import { type BackoffConfig, delaysBy } from '../operators/backoff.js';
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
   * once; but on a new connection within `stableMs`, or once a rotation of this one was given up, after the growing delays of
   * `reconnect`.
   */
  readonly when?: (message: unknown) => boolean;
  /**
   * Milliseconds that a new connection has, once logged in, to get its topics confirmed. It bounds how long there are two
   * connections, so the time counts in which the outbox's rate holds them back, too. @default 300_000
   */
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

/** How a line does what it leaves to others; called as methods. */
export interface LineHooks {
  /** Dials, logs in, and goes on with `welcome`; `before` is in charge meanwhile, and absent for the first of a line. */
  dial(
    welcome: (session: OpenSession) => Observable<OpenSession>,
    before?: OpenSession,
  ): Observable<OpenSession>;
  /** A rotation begins. */
  onStart(): void;
  /** Puts a session in charge, after `before` if it follows one, and emits it. */
  lead(session: OpenSession, before: OpenSession | undefined): Observable<OpenSession>;
  /** What the user wants done on a new connection; goes on after the session took charge. */
  greet(session: OpenSession): Observable<never>;
  /** Asks for the topics on a session that is not in charge; completes when they are confirmed, errors if they never will be. */
  join(session: OpenSession): Observable<never>;
  /** Tries the next connection again, until `hasLed`. */
  retrying(hasLed: () => boolean): MonoTypeOperatorFunction<OpenSession>;
  /** The next connection could not be made, and none is tried any more until asked for. */
  onFailed(error: unknown): void;
  /** The session in charge ended while the next one was logged in, and takes over unless this says no. */
  onOutlived(error: unknown): boolean;
  /** From here on none begins by itself, and one that has not taken over is given up. */
  readonly stop$: Observable<unknown>;
}

/** As the user's. */
export interface LineConfig {
  readonly rotate?: RotateConfig;
  readonly reconnect?: Omit<BackoffConfig, 'random'> & { readonly stableMs?: number };
  readonly random?: () => number;
}

/** Sessions that follow one another. */
export interface LineOfSessions {
  /**
   * The first takes charge when it is logged in, and each may hand over to the next. Errors with whichever is in charge.
   *
   *     rotate()   ----x---x--------------    while one is on its way, further calls change nothing
   *     sessions$  -A----------B----------    A, B take charge
   */
  readonly sessions$: Observable<OpenSession>;
  /**
   * Asks for a rotation of the line subscribed to last: asked as a session takes charge, it follows that one. Where nobody is in charge
   * it does nothing.
   */
  rotate(): void;
}

export const createLineOfSessions = (hooks: LineHooks, config: LineConfig = {}): LineOfSessions =>
  new RenewedLine(hooks, config);

class RenewedLine implements LineOfSessions {
  private current: RunningLine | undefined = undefined;
  readonly sessions$ = new Observable<OpenSession>((subscriber) => {
    this.current = new RunningLine(this.hooks, this.config, subscriber);
    this.current.begin();
  });

  constructor(
    private readonly hooks: LineHooks,
    private readonly config: LineConfig,
  ) {}

  rotate(): void {
    this.current?.rotate();
  }
}

/** One subscription to a line. A class, and the way of its sessions by hand: with operators every idle connection kept 5 kB more. */
class RunningLine {
  /** Emits when the leader ends while its heir is there; made for each heir. */
  private orphaned$: Subject<void> | undefined = undefined;
  private leader: OpenSession | undefined = undefined;
  /** The next one, once it is logged in. */
  private heir: OpenSession | undefined = undefined;
  /** The one before the leader, which may still deliver its last frames. */
  private retiree: OpenSession | undefined = undefined;
  private ledAt = 0;
  /** A rotation of the leader was given up. */
  private hasGivenUp = false;
  /** Notices in a row that had to wait. */
  private hasty = 0;
  private previousMs = 0;
  /** The leader, from the moment that it is known until it hands over: a rotation follows it when asked for. */
  private heeded: OpenSession | undefined = undefined;
  /** The leader for which a rotation was asked before that moment, by who is told of it, say. */
  private asked: OpenSession | undefined = undefined;
  /** What the leader's age and its server's notices ask for. */
  private asks = Subscription.EMPTY;
  /** The leader that a rotation is to follow: one at a time. */
  private rotating: OpenSession | undefined = undefined; // kept after the hand-over: then it is not heeded, and blocks nothing
  /** Dials that have not ended: that of the leader, of its heir, and of one that retired. */
  private going = 0;

  constructor(
    private readonly hooks: LineHooks,
    private readonly config: LineConfig,
    private readonly subscriber: Subscriber<OpenSession>,
  ) {}

  begin(): void {
    this.follow(this.hooks.dial((session) => this.takeOver(session)));
  }

  rotate(): void {
    const { heeded, subscriber } = this;
    if (heeded === undefined) this.asked = this.leader;
    if (heeded === undefined || heeded === this.rotating || subscriber.closed) return;
    this.rotating = heeded;
    this.follow(this.successor(heeded), heeded);
  }

  /** A dial led to this session, which it emits. */
  came(session: OpenSession): void {
    const { subscriber } = this;
    subscriber.next(session);
    this.heeded = session;
    if (this.asked === session) this.rotate();
    this.asked = undefined;
    const asks$ = this.asksOf(session);
    if (asks$ === undefined) return;
    this.asks = attach(subscriber, asks$, {
      next: () => this.rotate(),
      error: (error: unknown) => subscriber.error(error),
    });
  }

  /** A dial, after this leader if it was a rotation's, came to its end; so does the line with the last one. */
  ended(before: OpenSession | undefined): void {
    if (this.rotating === before) this.rotating = undefined;
    if (before === this.leader) this.hasGivenUp = true; // it did not hand over
    this.going -= 1;
    if (this.going === 0) this.subscriber.complete();
  }

  /** An error of the leader's is the line's, unless its heir takes over. */
  failed(error: unknown, session: OpenSession | undefined, before: OpenSession | undefined): void {
    const { subscriber } = this;
    try {
      if (this.isOutlived(session, error)) this.ended(before);
      else subscriber.error(error);
    } catch (thrown) {
      subscriber.error(thrown);
    }
  }

  private follow(dialled$: Observable<OpenSession>, before?: OpenSession): void {
    this.going += 1;
    attach(this.subscriber, dialled$, new Followed(this, before));
  }

  private asksOf({ noticed$ }: OpenSession): Observable<unknown> | undefined {
    const { rotate: { everyMs, when } = {}, random = Math.random } = this.config;
    if (everyMs === undefined && when === undefined) return undefined;
    const aged$ =
      everyMs === undefined ? EMPTY : defer(() => timer(everyMs - 0.1 * everyMs * random())).pipe(repeat());
    const heeded$ = when === undefined ? EMPTY : noticed$.pipe(exhaustMap(() => this.untilHeeded()));
    return merge(aged$, heeded$).pipe(takeUntil(this.hooks.stop$));
  }

  /** A server that gives notice on every connection, or again and again, must not be followed without a pause. */
  private untilHeeded(): Observable<unknown> {
    if (this.heeded === this.rotating) return EMPTY; // one is on its way
    const { reconnect = {}, random = Math.random } = this.config;
    const { stableMs = 5_000 } = reconnect;
    const ageMs = asyncScheduler.now() - this.ledAt;
    // A clock that was set back must not put it off: a server that gives notice means to go.
    const isYoung = this.retiree !== undefined && ageMs >= 0 && ageMs < stableMs;
    const isHasty = isYoung || this.hasGivenUp;
    this.previousMs = isHasty ? delaysBy({ ...reconnect, random })(this.hasty, this.previousMs) : 0;
    this.hasty = isHasty ? this.hasty + 1 : 0;
    return isHasty ? timer(this.previousMs) : of(undefined);
  }

  /** A leader that ends while its heir is there leaves the line to it. */
  private isOutlived(ended: OpenSession | undefined, error: unknown): boolean {
    if (ended !== this.leader || this.heir === undefined || !this.hooks.onOutlived(error)) return false;
    this.orphaned$?.next();
    return true;
  }

  private takeOver(session: OpenSession, before?: OpenSession): Observable<OpenSession> {
    this.heeded = undefined;
    this.asks.unsubscribe();
    this.leader = session;
    this.retiree = before;
    this.heir = undefined;
    this.hasGivenUp = false;
    this.ledAt = asyncScheduler.now();
    return this.hooks.lead(session, before);
  }

  private successor(before: OpenSession): Observable<OpenSession> {
    const { hooks } = this;
    const { timeoutMs = 300_000 } = this.config.rotate ?? {};
    let hasLed = false;
    const welcome = (session: OpenSession): Observable<OpenSession> => {
      const greeted$ = new Subject<never>();
      const orphaned$ = (this.orphaned$ = new Subject());
      this.heir = session;
      session.join();
      const ready$ = concat(merge(hooks.join(session), greeted$), of(undefined));
      return merge(
        merge(ready$, orphaned$).pipe(
          take(1),
          timeout({ first: timeoutMs, with: () => throwError(() => new RotationTimeoutError(timeoutMs)) }),
          mergeMap(() => {
            hasLed = true;
            return this.takeOver(session, before);
          }),
        ),
        hooks.greet(session).pipe(tap({ complete: () => greeted$.complete() })),
      ).pipe(
        tap({
          finalize: () => {
            if (this.heir === session) this.heir = undefined;
          },
        }),
      );
    };
    const next$ = defer(() => {
      hooks.onStart();
      return hooks.dial(welcome, before).pipe(hooks.retrying(() => hasLed));
    });
    // What the leader itself never got must not come from its heir first: their topics overlap from here on.
    const settled$ = (before.topics?.settled$ ?? EMPTY).pipe(takeUntil(timer(timeoutMs)));
    // Nor are there ever three sockets.
    const gone$ = this.retiree?.isOver === false ? this.retiree.messages$.pipe(ignoreElements()) : EMPTY;
    // Who ends the line may end both first, and would not have another one.
    const turn$ = timer(0).pipe(ignoreElements());
    return concat(gone$, settled$, turn$, next$).pipe(
      catchError((error: unknown) => {
        // eslint-disable-next-line rxjs-x/throw-error -- told as it came
        if (hasLed) return throwError(() => error);
        hooks.onFailed(error);
        return EMPTY;
      }),
      takeUntil(hooks.stop$.pipe(filter(() => !hasLed))),
    );
  }
}

/** Hears of one dial for its line. */
class Followed implements Observer<OpenSession> {
  private session: OpenSession | undefined = undefined;

  constructor(
    private readonly line: RunningLine,
    private readonly before: OpenSession | undefined,
  ) {}

  next(session: OpenSession): void {
    this.session = session;
    this.line.came(session);
  }

  error(error: unknown): void {
    this.line.failed(error, this.session, this.before);
  }

  complete(): void {
    this.line.ended(this.before);
  }
}
