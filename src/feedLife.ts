import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
  from,
  ignoreElements,
  merge,
  noop,
  Observable,
  Subscription,
} from 'rxjs';
import { FeedRun, type RunHooks, type RunParts, type RunUser } from './feedRun.js';
import type { Failure } from './operators/boundedLine.js';
import type { Outlet } from './outlet.js';
import type { Connection } from './streams/connection.js';
import type { ConnectionState } from './streams/events.js';
import { ReconnectRequestedError } from './streams/failure.js';
import { checkFarewell, type Farewell, farewellMs } from './streams/farewell.js';

/** The feed that lives. */
export interface LifeOwner extends RunParts {
  readonly connection: Pick<
    Connection,
    | 'run'
    | 'giveUp'
    | 'status$'
    | 'readyState'
    | 'setState'
    | 'drop'
    | 'wake'
    | 'rested'
    | 'close'
    | 'sockets'
    | 'discardUnsent'
  >;
  readonly outlets: ReadonlyMap<string, Pick<Outlet, 'complete'>>;
  /** Milliseconds between a run that gave up and one that was asked for as it did. */
  readonly initialMs: number;
  /** A run begins: on a clean slate. */
  onRunBegun(): void;
  /**
   * Nothing more comes of the run; told once, before its streams end and its users hear of it. Yields what is to be told of that when
   * its connection is gone.
   *
   * @param why In the words of an error.
   */
  onRunOver(why: string): () => void;
}

/** Keeps a feed running without a subscriber. */
const holder: RunUser = { ended: noop };

/** `open()` was called, and the feed was closed before it was ready, or a policy completed it. */
export class FeedClosedError extends Error {
  override readonly name = 'FeedClosedError';
  constructor() {
    super('open: the feed was closed before it was ready');
  }
}

/** A `close()` under way, and its deadline. */
class Closing {
  private endsAt = Infinity;
  private deadline = Subscription.EMPTY;

  constructor(
    readonly done: Promise<void>,
    /** What it closes. */
    public run: FeedRun | undefined,
    private readonly cut: () => void,
  ) {}

  /** Brings the deadline forward, if that is later than in `timeoutMs`. */
  hurry(timeoutMs: number): void {
    const endsAt = asyncScheduler.now() + timeoutMs;
    if (endsAt >= this.endsAt) return;
    this.endsAt = endsAt;
    this.deadline.unsubscribe();
    this.deadline = asyncScheduler.schedule(this.cut, timeoutMs);
  }

  /** Leaves no timer. */
  rest(): void {
    this.deadline.unsubscribe();
  }
}

/**
 * The life of a feed: its runs, of which the next may begin while one still tells of its end, and its state between them. It begins
 * with the first who wants it, by `enter`, and again with whoever comes after it ended.
 */
export class FeedLife implements RunHooks {
  /** The run that whoever wants the feed enters, unless it is over. */
  private run: FeedRun | undefined = undefined;
  /** The last that has begun, which may be telling of its end while it is asked for the next. */
  private latest: FeedRun | undefined = undefined;
  private isRunning = false;
  private closing: Closing | undefined = undefined;
  /** What `reconnect()` or `open()`, called while it closes, is to do then. */
  private opensAgain: (() => void) | undefined = undefined;
  /** The last connection or dial that `reconnect()` was called on. */
  private askedAt = -1;
  /** The wait for a run that `reconnect()` asked for as the one before it gave up. */
  private again: Subscription | undefined = undefined;

  constructor(private readonly feed: LifeOwner) {}

  get state(): ConnectionState {
    return this.feed.connection.status$.value.state;
  }

  /** One more for whom the feed is to run. */
  enter(user: RunUser): FeedRun {
    // Who was told how the last one ends may come before that is told.
    if (this.run?.isOver === true) this.tellDisconnected();
    const { run } = this;
    if (run?.isOver === false) {
      run.enter(user);
      return run;
    }
    const begun = (this.run = new FeedRun(this.feed, this));
    begun.enter(user);
    begun.start();
    return begun;
  }

  /**
   * Runs it until it is closed; resolves when it is ready, and rejects if it gives up before that, or ends. While it closes it is
   * opened when that is done. As who closes it knows of it, a `FeedClosedError` is no unhandled rejection.
   */
  open(): Promise<void> {
    const opened = new Promise<void>((resolve, reject) => {
      this.whenReady(resolve, (error) => {
        if (error instanceof FeedClosedError) queueMicrotask(() => void opened.catch(noop));
        reject(error); // eslint-disable-line @typescript-eslint/prefer-promise-reject-errors -- whatever it gave up for
      });
    });
    return opened;
  }

  private whenReady(resolve: () => void, reject: (error: unknown) => void): void {
    const { closing } = this;
    if (closing !== undefined) {
      this.opensAgain ??= () => void this.enter(holder);
      // Unless it was closed again.
      void closing.done.then(() =>
        this.isRunning && this.closing === undefined
          ? this.whenReady(resolve, reject)
          : reject(new FeedClosedError()),
      );
      return;
    }
    const { status$, readyState } = this.feed.connection;
    const whole = new Subscription();
    const opener: RunUser = {
      ended: (failure) => {
        whole.unsubscribe();
        reject(failure === undefined ? new FeedClosedError() : failure.error);
      },
    };
    const run = this.enter(opener);
    if (whole.closed) return;
    run.enter(holder);
    whole.add(() => run.leave(opener));
    // As it is now: who was told before may have ended it.
    const isReady$ = status$.pipe(filter(() => status$.value.state === readyState));
    whole.add(
      isReady$.subscribe({
        next: () => {
          whole.unsubscribe();
          resolve();
        },
        error: noop, // it has none
      }),
    );
  }

  /**
   * Makes a new connection now, whatever a server asked; while it closes, as soon as it is closed, and as it gives up, `initialMs` after
   * that and after what a server asked: who always asks then is no storm.
   */
  reconnect(reason?: string): void {
    const { connection } = this.feed;
    const { closing, isRunning } = this;
    if (closing !== undefined) {
      // What begins meanwhile is a new connection.
      this.opensAgain = () => {
        if (this.isRunning) this.enter(holder);
        else this.reconnect(reason);
      };
      return;
    }
    if (isRunning) this.askedAt = connection.status$.value.generation;
    connection.drop(new ReconnectRequestedError(reason)); // without a run it still ends the wait of the next one
    if (isRunning) return;
    this.enter(holder);
    connection.wake(); // it begins with what a server asked to wait
  }

  /**
   * Ends it, by the deadline; resolves when the run has ended and its sockets are gone. Called again meanwhile, it ends what began
   * since, and the earlier deadline holds.
   *
   * @throws {RangeError} If the code or the reason cannot be sent, or the time is negative.
   */
  close(farewell: Farewell = {}): Promise<void> {
    checkFarewell(farewell);
    const { timeoutMs = farewellMs } = farewell;
    const { closing: before } = this;
    this.opensAgain = undefined;
    this.askedAt = -1;
    this.again?.unsubscribe();
    if (before === undefined) {
      if (this.isRunning || this.state !== 'CLOSED') return this.end(farewell).done;
      const parted = this.parted(timeoutMs); // first: who is told may start it again
      this.feed.connection.discardUnsent(); // it gave up, say, and nothing of that is for who does
      return parted;
    }
    before.hurry(timeoutMs);
    if (before.run === this.latest) return before.done;
    return Promise.all([before.done, this.end(farewell).done]).then(noop);
  }

  /** Resolves when the sockets that a run left behind are gone, by the deadline. */
  private parted(timeoutMs: number): Promise<void> {
    const sockets = this.feed.connection.sockets();
    return new Promise((resolve) => {
      const deadline = asyncScheduler.schedule(() => sockets.terminate(), timeoutMs);
      sockets.gone$.subscribe({
        complete: () => {
          deadline.unsubscribe();
          resolve();
        },
        error: noop, // it has none
      });
    });
  }

  private end(farewell: Farewell): Closing {
    const { timeoutMs = farewellMs } = farewell;
    const { connection } = this.feed;
    let finish = noop;
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const sockets = connection.sockets();
    const closing = new Closing(done, this.latest, () => {
      closing.run?.complete();
      sockets.terminate();
    });
    this.closing = closing;
    closing.hurry(timeoutMs);
    if (this.state !== 'CLOSING') connection.setState('CLOSING');
    concat(this.ending$(closing, farewell), sockets.gone$).subscribe({
      complete: () => {
        closing.rest();
        if (this.closing === closing) this.closing = undefined;
        if (closing.run === this.latest) this.rest();
        finish();
        const { opensAgain } = this;
        if (opensAgain === undefined || this.closing !== undefined) return;
        this.opensAgain = undefined;
        opensAgain();
      },
      error: noop, // there is none: what ends in one is caught above
    });
    return closing;
  }

  private ending$(closing: Closing, farewell: Farewell): Observable<never> {
    const { closing: other } = this;
    // Who was told closed it, too, and may have begun the next run since, which is not meant.
    if (other !== closing) return other === undefined ? EMPTY : from(other.done).pipe(ignoreElements());
    closing.run = this.latest; // or begun one
    const ended$ = this.isRunning ? this.running$().pipe(catchError(() => EMPTY)) : EMPTY;
    const farewell$ = defer(() => {
      this.feed.connection.close(farewell);
      return EMPTY;
    });
    return merge(ended$, farewell$); // the farewell second, as it may end the run at once
  }

  /** Emits nothing, and ends as the run does, which begins with it if there is none. */
  private running$(): Observable<never> {
    return new Observable((subscriber) => {
      const user: RunUser = {
        ended: (failure) => {
          if (failure === undefined) subscriber.complete();
          else subscriber.error(failure.error);
        },
      };
      const run = this.enter(user);
      return () => run.leave(user);
    });
  }

  /** The streams end before it is told that all has: whoever hears of that may listen again. */
  private rest(): void {
    const { connection, outlets } = this.feed;
    for (const outlet of outlets.values()) outlet.complete();
    if (this.state !== 'CLOSED') connection.setState('CLOSED');
  }

  // What a run tells.

  begun(run: FeedRun): void {
    this.latest = run;
    this.isRunning = true;
    this.askedAt = -1;
    this.again?.unsubscribe();
    this.feed.onRunBegun();
  }

  ending(run: FeedRun): void {
    const isTold = this.state === 'CLOSING' || this.state === 'CLOSED';
    if (run === this.latest && !isTold) this.feed.connection.setState('CLOSING');
  }

  over(run: FeedRun, why: string): () => void {
    if (run !== this.latest || !this.isRunning) return noop;
    this.isRunning = false;
    return this.feed.onRunOver(why);
  }

  finished(run: FeedRun, failure: Failure | undefined): void {
    const { connection, outlets } = this.feed;
    const { askedAt } = this;
    if (failure === undefined) for (const outlet of outlets.values()) outlet.complete();
    if (run !== this.latest) return; // who was told has begun the next one
    const isTold = this.state === 'CLOSED' || (this.isClosing && failure === undefined);
    if (!isTold) connection.setState('CLOSED', failure && { cause: failure.error });
    // Asked when it had nothing to drop any more, nor did it dial again.
    if (run !== this.latest || askedAt !== connection.status$.value.generation) return;
    this.again = asyncScheduler.schedule(() => void this.enter(holder), this.feed.initialMs);
  }

  abandoned(run: FeedRun): void {
    if (run === this.latest) this.tellDisconnected();
  }

  rested(): void {
    this.feed.connection.rested();
  }

  /** By `close()`; it is CLOSING, too, while what waits is delivered after a policy has completed it. */
  private get isClosing(): boolean {
    return this.closing !== undefined && this.state === 'CLOSING';
  }

  private tellDisconnected(): void {
    const isTold = this.state === 'DISCONNECTED' || this.state === 'CLOSED' || this.isClosing;
    if (!isTold) this.feed.connection.setState('DISCONNECTED');
  }
}
