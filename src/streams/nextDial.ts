import { asyncScheduler, auditTime, merge, type Observable, Subject, take, timer } from 'rxjs';
import { maxTimerMs } from '../operators/backoff.js';
import { type BegunWait, leftMs } from '../operators/leftMs.js';
import type { RetryDecision, RetryFailure, RetryOwner, RetryRow } from '../operators/retryBackoff.js';
import type { Endpoints } from './endpoints.js';
import type { Floor } from './floors.js';

/** A wait before a dial. */
export interface Pause {
  readonly ms: number;
  /** Failures in the row. */
  readonly attempt: number;
  readonly cause: unknown;
  /** Emits when it is over, or at `wake`. */
  readonly over$: Observable<unknown>;
}

/** The wait for the next dial, as it was decided. */
interface Wait extends BegunWait {
  readonly attempt: number;
  readonly cause: unknown;
}

/**
 * When the next connection may be made: the wait that a failure led to, a floor that a server set, and the wish of the user, which heeds
 * neither. It lives as long as the feed, so that whoever leaves and comes back gets round none of them.
 */
export class NextDial {
  /** Of the run, and of the next if that begins within the wait which the last failure led to. */
  row: RetryRow | undefined = undefined;
  /** The user wants the next connection now, and it has not been begun. */
  isWished = false;
  /** Made when somebody waits. */
  private wakes$: Subject<void> | undefined = undefined;
  /** For the next connection, until that is begun. */
  private waiting: Wait | undefined = undefined;
  /** The floor that the next dial waits for. */
  private awaited: Floor | undefined = undefined;
  /** Of runs that gave up, or that a policy completed, each begun within the wait for the one before it. */
  private ends: Pick<RetryRow, 'attempt' | 'previousMs'> | undefined = undefined;
  /** A run tells that it gave up, or was completed: who asks for the next connection then waits like who subscribes. */
  private isEnding = false;

  constructor(
    private readonly endpoints: Pick<Endpoints, 'begin' | 'floor'>,
    private readonly owner: Pick<RetryOwner, 'rules'>,
  ) {}

  /**
   * The user wants the next connection now: whatever fails from here on is followed at once, until that is begun. As a run tells that it
   * has ended it is of no effect.
   */
  wish(): void {
    if (!this.isEnding) this.isWished = true;
  }

  /** Ends the wait for the next dial that the user wants now, unless that has begun meanwhile. */
  wake(): void {
    if (this.isWished) this.wakes$?.next();
  }

  /** The same, but what a server asked for is waited out. */
  wakeIfDue(): void {
    if (this.endpoints.floor() === undefined) this.wakes$?.next();
  }

  /** Emits as a wait is ended early. */
  get woken$(): Observable<void> {
    return (this.wakes$ ??= new Subject());
  }

  /** A failure is to be followed by a dial. */
  wait(decision: RetryDecision): void {
    const { attempt, delayMs: ms, error: cause } = decision;
    this.awaitFloor(decision);
    this.waiting = { ms, since: asyncScheduler.now(), attempt, cause };
  }

  /** The same, of a rotation, beside whose dials the connection goes on. */
  awaitFloor({ floorMs }: Pick<RetryDecision, 'floorMs'>): void {
    this.awaited = floorMs > 0 ? this.endpoints.floor() : undefined;
  }

  /** A failure ends the run, so the next one waits as this one would have: who resubscribes whenever it ends is no storm. */
  holdBack({ error: cause }: Pick<RetryFailure, 'error'>): void {
    const { attempt = 0, previousMs = 0 } = this.ends ?? {};
    const jitteredMs = this.owner.rules().delayAfter(attempt, previousMs);
    const floor = (this.awaited = this.endpoints.floor());
    const ms = leftMs(floor) + jitteredMs;
    this.row = undefined;
    this.beginEnd();
    this.waiting = { ms, since: asyncScheduler.now(), attempt: 0, cause };
    this.ends = { attempt: attempt + 1, previousMs: jitteredMs };
  }

  /** A run is about to tell that it has ended, with the wait that there is. */
  beginEnd(): void {
    this.isWished = false;
    this.isEnding = true;
  }

  /** A run is over, and everybody has been told. */
  rested(): void {
    this.isEnding = false;
  }

  /** A connection was stable: runs that end later are no row with those that ended before. */
  endRow(): void {
    this.ends = undefined;
  }

  /**
   * A run begins: what is left of the wait that the last failure led to, whose row then goes on; or that began as the run before gave up.
   * If that is over, of a floor that leaves no URL to dial, with new jitter on top: until then only a wish of the user's dials.
   */
  pause(): Pause | undefined {
    const { waiting, isWished } = this;
    const waitMs = isWished ? 0 : leftMs(waiting);
    if (waitMs > 0) return this.pauseFor(waitMs, waiting);
    this.forget();
    const floor = (this.awaited = this.endpoints.floor());
    if (floor === undefined) return undefined;
    return this.pauseFor(leftMs(floor) + this.owner.rules().delayAfter(0, 0), floor);
  }

  /** The row of failures has come to an end, and so has its wait; floors have not. */
  forget(): void {
    this.row = undefined;
    this.waiting = undefined;
    this.ends = undefined;
  }

  /** The next connection is being made, of a rotation where the one before it is still in charge. */
  begin(isRotation: boolean): void {
    // A timer has waited for it, so a clock that was set back changes nothing.
    if (!this.isWished && this.awaited !== undefined) this.awaited.ms = 0;
    this.awaited = undefined;
    this.endpoints.begin(!this.isWished);
    if (isRotation) return;
    this.granted();
    this.waiting = undefined;
  }

  /** What the user wants is being made. */
  granted(): void {
    this.isWished = false;
  }

  private pauseFor(waitMs: number, { attempt = 0, cause }: Partial<Wait> = {}): Pause {
    const ms = Math.min(maxTimerMs, waitMs);
    return { ms, attempt, cause, over$: merge(this.woken$.pipe(auditTime(0)), timer(ms)).pipe(take(1)) };
  }
}
