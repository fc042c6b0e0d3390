import { asyncScheduler, Observable, type Observer, Subscription } from 'rxjs';
import type { Dispatch } from './dispatch.js';
import {
  type BoundedLine,
  type BoundedLineConfig,
  createBoundedLine,
  type Failure,
  type Overflow,
} from './operators/boundedLine.js';
import type { TurnBudget, Worker } from './operators/turnBudget.js';
import type { Backlog } from './sinks/backlog.js';
import type { Ledger } from './sinks/ledger.js';
import type { LossReport } from './sinks/lossReport.js';
import { reportErrors } from './sinks/reportErrors.js';
import type { Connection } from './streams/connection.js';
import type { Reading } from './streams/reading.js';
import type { Frame } from './streams/session.js';

/** Somebody for whom a feed runs. */
export interface RunUser {
  /** The run has ended; with a failure if the feed gave up. */
  ended(failure: Failure | undefined): void;
}

/** The parts of the feed that runs. */
export interface RunParts {
  readonly connection: Pick<Connection, 'run' | 'giveUp'>;
  readonly dispatch: Pick<Dispatch, 'receive'>;
  readonly backlog: Pick<Backlog, 'came' | 'done' | 'turnedAway'>;
  readonly ledger: Pick<Ledger, 'receive' | 'settle'>;
  readonly reading: Pick<Reading, 'hold' | 'letGo' | 'yieldTurn' | 'takeTurn'>;
  readonly losses: Pick<LossReport, 'count' | 'tell'>;
  readonly turns: TurnBudget;
  readonly maxItems: number;
  readonly sliceMs: number;
  readonly overflow: Overflow;
  /** For `conflate`. */
  readonly frameKey: ((frame: Frame) => unknown) | undefined;
  readonly lingerMs: number;
}

/**
 * Who hears how a run goes, in this order: `begun`; `ending`, if its connection ends while something waits; `over`; one of
 * `finished` and `abandoned`; and `rested`.
 */
export interface RunHooks {
  /** Before anything else of the run. */
  begun(run: FeedRun): void;
  /** Its connection has come to its end, and what waits is still delivered. */
  ending(run: FeedRun): void;
  /**
   * Nothing more comes of it; told before its users, and before the connection goes. Yields what is to be told of it when that is gone.
   *
   * @param why In the words of an error.
   */
  over(run: FeedRun, why: string): () => void;
  /** What it has delivered is all there will be, or what made it fail; told before its users. */
  finished(run: FeedRun, failure: Failure | undefined): void;
  /** Its last user has left, so nobody else is told; its connection is gone. */
  abandoned(run: FeedRun): void;
  /** It is over, and everybody has been told. */
  rested(): void;
}

/** By these the first in a full line goes; by the others the one that comes does. */
const MAKES_ROOM: readonly Overflow[] = ['drop-oldest', 'conflate'];

/**
 * One run of a feed, from the first who wants it to its end, or until `lingerMs` after the last one left: socket → line → decode,
 * route → the streams' own chains. Frames are handed on by calls. It is to its users what rxjs's `share` would be, and is by
 * hand, as an idle feed took 6 kB more with operators.
 */
export class FeedRun implements BoundedLineConfig<Frame> {
  readonly maxItems: number;
  readonly overflow: Overflow;
  readonly key: ((frame: Frame) => unknown) | undefined;
  private readonly users = new Set<RunUser>();
  /** Of the connection. */
  private frames = Subscription.EMPTY;
  private readonly line: BoundedLine<Frame>;
  private linger: Subscription | undefined = undefined;
  /** The frames and the line, which may end in either order. */
  private going = 2;
  private haveFramesEnded = false;
  private isGivingUp = false;
  /** Frames dropped as nobody takes them any more, which is told when it is over. */
  private untaken = 0;
  private failure: Failure | undefined = undefined;
  /** Nothing more comes of it, though it may still be telling so. */
  isOver = false;

  constructor(
    private readonly feed: RunParts,
    private readonly hooks: RunHooks,
  ) {
    ({ maxItems: this.maxItems, overflow: this.overflow, frameKey: this.key } = feed);
    this.line = createBoundedLine<Frame>(this);
  }

  enter(user: RunUser): void {
    this.linger?.unsubscribe();
    this.users.add(user);
  }

  /** Harmless for who has left, or was told of the end. */
  leave(user: RunUser): void {
    if (!this.users.delete(user) || this.users.size > 0) return;
    const { lingerMs } = this.feed;
    // Who leaves because it ends lingers for nothing.
    if (lingerMs === 0 || this.isOver) this.abandon();
    else this.linger = asyncScheduler.schedule(() => this.abandon(), lingerMs);
  }

  /** Connects. Whoever wants to hear of the end has entered. */
  start(): void {
    this.hooks.begun(this);
    if (this.isOver) return; // ended by who was told
    new Observable<never>((frames) => {
      this.frames = frames;
      this.feed.connection.run(this.receive).subscribe(frames);
    }).subscribe(new EndOfFrames(this));
  }

  /** Takes nothing more, not even what waits in line, and ends for all its users. */
  complete(): void {
    this.finish(undefined);
  }

  private readonly receive = (frame: Frame, at: number): void => {
    const { backlog, ledger } = this.feed;
    backlog.came();
    ledger.receive();
    if (this.line.accept(frame, at)) return;
    const { failure } = this.line;
    if (failure !== undefined && !this.haveFramesEnded && !this.isOver) {
      if (this.isGivingUp) return; // a frame that was held comes out as its connection is dropped
      this.isGivingUp = true;
      this.feed.connection.giveUp(failure.error);
    }
    this.framesEnded(failure);
  };

  /** The connection hands over no more; told once or more, and what it is told of first, it ends with. */
  framesEnded(failure?: Failure): void {
    if (this.haveFramesEnded || this.isOver) return;
    this.haveFramesEnded = true;
    this.failure = failure;
    this.line.end();
    this.oneEnded();
    if (this.going === 0) return;
    this.hangUp();
    this.hooks.ending(this);
  }

  private oneEnded(): void {
    this.going -= 1;
    if (this.going === 0) this.finish(this.failure);
  }

  private finish(failure: Failure | undefined): void {
    if (this.isOver) return;
    this.beOver(failure === undefined ? 'the feed was closed' : 'the feed gave up');
    this.hooks.finished(this, failure);
    this.linger?.unsubscribe();
    const users = [...this.users];
    this.users.clear();
    for (const user of users) reportErrors(() => user.ended(failure));
    this.hooks.rested();
  }

  /** Ends it, with nobody to tell. */
  private abandon(): void {
    this.beOver('the last subscriber of the feed left');
    this.hooks.abandoned(this);
    this.hooks.rested();
  }

  /** First of all, as whoever is told of what ends with it comes for the next run, which shares no connection with this one. */
  private beOver(why: string): void {
    this.isOver = true;
    const tell = this.hooks.over(this, why);
    this.line.leave();
    this.hangUp();
    if (this.untaken > 0) this.feed.losses.tell('buffer', 'closed', this.untaken);
    tell();
  }

  /** What is the user's, and throws as it is left, keeps nobody from hearing of the end. */
  private hangUp(): void {
    reportErrors(() => this.frames.unsubscribe());
  }

  // What the line asks and tells. Between socket and parser: what comes faster than it is worked off waits there, and the event
  // loop gets its turn.

  join(onTurn: () => void): Worker {
    return this.feed.turns.join(this.feed.sliceMs, onTurn);
  }

  keep({ session, data, held }: Frame): Frame {
    return { session, data, held };
  }

  take(frame: Frame, at: number): void {
    this.feed.dispatch.receive(frame, at);
    if (!this.isOver) this.feed.backlog.done(); // the next run may count by now
  }

  onDrop(_frame: Frame, reason: 'overflow' | 'conflated' | 'ended'): void {
    const { backlog, ledger, losses } = this.feed;
    if (reason === 'ended' || (reason === 'overflow' && MAKES_ROOM.includes(this.overflow))) backlog.done();
    else backlog.turnedAway();
    ledger.settle(reason === 'conflated' ? 'conflated' : 'dropped');
    if (reason === 'overflow') losses.count('buffer', this.overflow);
    if (reason === 'ended') this.untaken += 1;
  }

  onPause(): void {
    this.feed.reading.hold();
  }

  onResume(): void {
    this.feed.reading.letGo();
  }

  onYield(): void {
    this.feed.reading.yieldTurn();
  }

  onTurn(): void {
    this.feed.reading.takeTurn();
  }

  onDone(): void {
    this.oneEnded();
  }

  onError(error: unknown): void {
    this.finish({ error });
  }
}

/** Hears of the connection, which hands over its frames by calls, only the end. */
class EndOfFrames implements Observer<never> {
  constructor(private readonly run: FeedRun) {}

  next(): void {
    // Never.
  }

  error(error: unknown): void {
    this.run.framesEnded({ error });
  }

  complete(): void {
    this.run.framesEnded();
  }
}
