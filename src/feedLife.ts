import {
  asyncScheduler,
  catchError,
  concat,
  EMPTY,
  endWith,
  filter,
  firstValueFrom,
  map,
  noop,
  Observable,
  takeUntil,
  throwIfEmpty,
} from 'rxjs';
import { FeedRun, type RunHooks, type RunParts, type RunUser } from './feedRun.js';
import type { Failure } from './operators/boundedLine.js';
import type { Outlet } from './outlet.js';
import type { Connection } from './streams/connection.js';
import type { ConnectionState } from './streams/events.js';
import { ReconnectRequestedError } from './streams/failure.js';
import { checkFarewell, type Farewell } from './streams/farewell.js';

/** The feed that lives. */
export interface LifeOwner extends RunParts {
  readonly connection: Pick<
    Connection,
    'run' | 'status$' | 'readyState' | 'setState' | 'drop' | 'close' | 'sockets'
  >;
  readonly outlets: ReadonlyMap<string, Pick<Outlet, 'complete'>>;
  /** A run begins: on a clean slate. */
  onRunBegun(): void;
  /** Nothing more comes of the run; told once, before its streams end and its users hear of it. */
  onRunOver(): void;
}

/** Keeps a feed running without a subscriber. */
const holder: RunUser = { ended: noop };

/**
 * The life of a feed: its runs, of which the next may begin while one still tells of its end, and its state between them. It begins
 * with the first who wants it, by `enter`, and again with whoever comes after it ended.
 */
export class FeedLife implements RunHooks {
  /** The run that whoever wants the feed enters; absent from when its end is told. */
  private run: FeedRun | undefined = undefined;
  /** The last that has begun, which may be telling of its end while it is asked for the next. */
  private latest: FeedRun | undefined = undefined;
  private isRunning = false;
  private closing: Promise<void> | undefined = undefined;
  /** `reconnect()` was called while it closes. */
  private opensAgain = false;

  constructor(private readonly feed: LifeOwner) {}

  get state(): ConnectionState {
    return this.feed.connection.status$.value.state;
  }

  /** One more for whom the feed is to run. */
  enter(user: RunUser): FeedRun {
    const { run } = this;
    if (run !== undefined) {
      run.enter(user);
      return run;
    }
    const begun = (this.run = new FeedRun(this.feed, this));
    begun.enter(user);
    begun.start();
    return begun;
  }

  /** Runs it until it is closed; resolves when it is ready, and rejects if it gives up before that, or is closed. */
  open(): Promise<void> {
    this.enter(holder);
    const { status$, readyState } = this.feed.connection;
    const isReady$ = status$.pipe(filter(({ state }) => state === readyState));
    // eslint-disable-next-line rxjs-x/no-ignored-default-value -- throwIfEmpty says it better
    return firstValueFrom(
      isReady$.pipe(
        map(() => undefined),
        takeUntil(this.running$().pipe(endWith(undefined))),
        throwIfEmpty(() => new Error('open: the feed was closed before it was ready')),
      ),
    );
  }

  /** Makes a new connection now; while it closes, as soon as it is closed. */
  reconnect(reason?: string): void {
    if (this.closing !== undefined) this.opensAgain = true;
    else if (this.isRunning) this.feed.connection.drop(new ReconnectRequestedError(reason));
    else this.enter(holder);
  }

  /**
   * Ends it, by the deadline; resolves when the run has ended and its sockets are gone.
   *
   * @throws {RangeError} If the code or the reason cannot be sent, or the time is negative.
   */
  close(farewell: Farewell = {}): Promise<void> {
    checkFarewell(farewell);
    if (this.closing !== undefined) return this.closing;
    if (!this.isRunning && this.state === 'CLOSED') return Promise.resolve();
    const { timeoutMs = 5_000 } = farewell;
    const { connection } = this.feed;
    let finish = noop;
    const promise = (this.closing = new Promise<void>((resolve) => {
      finish = resolve;
    }));
    const ended$ = this.isRunning ? this.running$().pipe(catchError(() => EMPTY)) : EMPTY;
    const mine = this.latest;
    const sockets = connection.sockets();
    connection.setState('CLOSING');
    const deadline = asyncScheduler.schedule(() => {
      this.latest?.complete();
      sockets.terminate();
    }, timeoutMs);
    concat(ended$, sockets.gone$).subscribe({
      complete: () => {
        this.closing = undefined;
        deadline.unsubscribe();
        if (mine === this.latest) this.rest();
        finish();
        if (this.opensAgain) this.enter(holder);
        this.opensAgain = false;
      },
      error: noop, // there is none: what ends in one is caught above
    });
    connection.close(farewell);
    return promise;
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

  private rest(): void {
    const { connection, outlets } = this.feed;
    connection.setState('CLOSED');
    for (const outlet of outlets.values()) outlet.complete();
  }

  // What a run tells.

  begun(run: FeedRun): void {
    if (this.latest !== undefined) this.over(this.latest); // if it is still telling of its end: this one starts clean
    this.latest = run;
    this.isRunning = true;
    this.feed.onRunBegun();
  }

  over(run: FeedRun): void {
    if (run !== this.latest || !this.isRunning) return;
    this.isRunning = false;
    this.feed.onRunOver();
  }

  finished(failure: Failure | undefined): void {
    const { connection, outlets } = this.feed;
    if (failure !== undefined) {
      if (this.state !== 'CLOSED') connection.setState('CLOSED', { cause: failure.error });
      return;
    }
    if (this.state !== 'CLOSING') connection.setState('CLOSED');
    for (const outlet of outlets.values()) outlet.complete();
  }

  forget(run: FeedRun): void {
    if (this.run === run) this.run = undefined;
  }
}
