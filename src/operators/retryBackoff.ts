import { LRUCache } from 'lru-cache';
import {
  asyncScheduler,
  auditTime,
  defer,
  EMPTY,
  merge,
  type MonoTypeOperatorFunction,
  NEVER,
  Observable,
  type Observer,
  Subscription,
  throwError,
  timer,
} from 'rxjs';
import { BACKOFF_OPTIONS, type BackoffConfig, delaysBy, maxTimerMs } from './backoff.js';
import { attach } from './attach.js';
import { type OptionNames, refuseUnknown } from './refuseUnknown.js';

/** A failure in its row: the failures since the source last proved stable. */
export interface RetryFailure {
  readonly error: unknown;
  /** What `classify` said. */
  readonly class: string;
  /** Failures in a row, this one included. */
  readonly attempt: number;
  /** Failures of this class in the row, this one included: those of other classes between them change nothing. */
  readonly classAttempt: number;
  /** Milliseconds since the first failure of the row; 0 at the first. */
  readonly elapsedMs: number;
  /** Milliseconds from the first value of the attempt to its failure; `undefined` if it emitted none. */
  readonly upMs: number | undefined;
}

/** What to do about a failure. */
export interface RetryPolicy {
  /**
   * `wait` retries after the delay and counts for nothing, as where nothing was tried; `now` does so at once. `giveUp` errors,
   * `complete` completes. @default 'retry'
   */
  readonly action?: 'retry' | 'wait' | 'now' | 'giveUp' | 'complete';
  /** The `classAttempt` at which to give up: 3 makes the third failure the last, 1 allows no retry. @default Infinity */
  readonly maxFailures?: number;
  /** Milliseconds the delay must not fall below; the jittered delay goes on top. @default 0 */
  readonly floorMs?: number;
  /** The error to give up with, in place of the original or of `MaxReconnectsExceededError`. */
  readonly toError?: (failure: RetryFailure) => unknown;
}

/** Every input of one retry: with the same `random`, a run can be reproduced exactly. For `wait` and `now` the counts leave it out. */
export interface RetryDecision extends RetryFailure {
  /** The jittered delay before this one, ms; 0 at first. */
  readonly previousMs: number;
  readonly jitteredMs: number;
  readonly floorMs: number;
  /** `floorMs + jitteredMs`, at most the 2^31 - 1 ms a timer can hold. */
  readonly delayMs: number;
}

export interface RetryBackoffConfig extends BackoffConfig {
  /** Retries in a row: 0 allows none. @default Infinity */
  readonly maxAttempts?: number;
  /**
   * Milliseconds an attempt must last after its first value for the counts and delays to start again: a source that
   * accepts and drops meets growing delays. It is timed, so a clock that is set back changes nothing. 0 trusts any value, Infinity
   * none. @default 5_000
   */
  readonly stableMs?: number;
  /** Makes the first retry of a row at once, a policy's `floorMs` apart. @default false */
  readonly immediateFirst?: boolean;
  /** Gives an error its class; of a row, the counts of the 100 classes seen last are kept. @default () => 'unknown' */
  readonly classify?: (error: unknown) => string;
  /** Decides on a failure; `null` gives up, `undefined` retries. @default () => undefined */
  readonly policy?: (failure: RetryFailure) => RetryPolicy | null | undefined;
  /** Told of each retry when its wait begins; `wake$` may already end the wait from within. */
  readonly onRetry?: (decision: RetryDecision) => void;
  /** Told of the error the stream is about to end with. */
  readonly onGiveUp?: (error: unknown, failure: RetryFailure) => void;
  /** Told of the failure by which a policy completes the stream. */
  readonly onComplete?: (failure: RetryFailure) => void;
  /** A value ends the current wait at once, its floor included; outside a wait it does nothing. If it errors during a wait, the stream does. */
  readonly wake$?: Observable<unknown>;
}

const OPTIONS: OptionNames<RetryBackoffConfig> = {
  ...BACKOFF_OPTIONS,
  maxAttempts: true,
  stableMs: true,
  immediateFirst: true,
  classify: true,
  policy: true,
  onRetry: true,
  onGiveUp: true,
  onComplete: true,
  wake$: true,
};

/** The classes of which a row keeps count. */
const MAX_CLASSES = 100;

/** All retries allowed in a row were made; `cause` is the last error. */
export class MaxReconnectsExceededError extends Error {
  override readonly name = 'MaxReconnectsExceededError';
  /** @param attempts Retries made in a row. */
  constructor(
    readonly attempts: number,
    options?: ErrorOptions,
  ) {
    super(`gave up after ${attempts} ${attempts === 1 ? 'retry' : 'retries'} in a row`, options);
  }
}

/** What a row of failures leaves for the next decision. */
export interface RetryRow {
  readonly attempt: number;
  /** By class. Told by what is used of it: the types of `lru-cache` ask for those of Node. */
  readonly classAttempts: Pick<Map<string, number>, 'get'> & { set(name: string, attempts: number): unknown };
  /** Its last failure, and how long it was since the first. */
  readonly at: number;
  readonly elapsedMs: number;
  readonly previousMs: number;
}

/**
 * Resubscribes to a source that failed, after a classified and jittered delay; the source's completion completes.
 *
 *     source        --a# --a#   --a-...
 *     retryBackoff  --a----a------a-...    delays of 2, then 4
 *
 * A retry always waits for a timer, be it of 0 ms, so a source that fails at once cannot exhaust the stack. Whatever
 * a callback throws ends the stream; so does, as a `RangeError`, a policy whose `maxFailures` or `floorMs` is out of range.
 *
 * @throws {RangeError} On creation, if a number is out of its range, those of `backoff` included.
 * @throws {TypeError} On creation, if a callback is not a function, or an option is misspelt.
 */
export function retryBackoff<T>(config: RetryBackoffConfig = {}): MonoTypeOperatorFunction<T> {
  refuseUnknown('retryBackoff', config, OPTIONS);
  return retryBy(retryRules(config));
}

/** The operator, of rules that are checked. */
export const retryBy =
  <T>(rules: RetryRules): MonoTypeOperatorFunction<T> =>
  (source) =>
    new Observable((subscriber) =>
      retryInto(source, { row: undefined, rules: () => rules }, subscriber, subscriber),
    );

/** Whose failures they are: it may outlive a subscription, and its row then goes on in the next. */
export interface RetryOwner {
  row: RetryRow | undefined;
  /** Asked for at a failure, so that who never fails need not keep them. */
  rules(): RetryRules;
}

/** What the operator does, for one subscription that ends with `whole`. */
export function retryInto<T>(
  source: Observable<T>,
  owner: RetryOwner,
  whole: Subscription,
  observer: Observer<T>,
): void {
  new Retrying(source, owner, whole, observer).begin();
}

/** As `retryBackoff` checks its options, and with what it throws. */
export function retryRules(config: RetryBackoffConfig): RetryRules {
  const { maxAttempts = Infinity, stableMs = 5_000, immediateFirst = false, wake$ = NEVER } = config;
  const { classify = () => 'unknown', policy = () => undefined, onRetry, onGiveUp, onComplete } = config;
  if (!(maxAttempts === Infinity || (Number.isInteger(maxAttempts) && maxAttempts >= 0))) {
    throw new RangeError(
      `retryBackoff: maxAttempts must be a whole number from 0, or Infinity, got ${maxAttempts}`,
    );
  }
  if (!(typeof stableMs === 'number' && stableMs >= 0)) {
    throw new RangeError(`retryBackoff: stableMs must be a number of at least 0, got ${String(stableMs)}`);
  }
  if (typeof immediateFirst !== 'boolean') {
    throw new TypeError(`retryBackoff: immediateFirst must be a boolean, got ${typeof immediateFirst}`);
  }
  for (const [name, callback] of Object.entries({ classify, policy, onRetry, onGiveUp, onComplete })) {
    if (callback !== undefined && typeof callback !== 'function') {
      throw new TypeError(`retryBackoff: ${name} must be a function, got ${typeof callback}`);
    }
  }
  return {
    maxAttempts,
    stableMs,
    skipped: immediateFirst ? 1 : 0,
    delayAfter: delaysBy(config),
    wake$,
    classify,
    policy,
    ...(onRetry && { onRetry }),
    ...(onGiveUp && { onGiveUp }),
    ...(onComplete && { onComplete }),
  };
}

/** The options, checked and complete. */
export interface RetryRules
  extends
    Required<Pick<RetryBackoffConfig, 'maxAttempts' | 'stableMs' | 'wake$' | 'classify' | 'policy'>>,
    Pick<RetryBackoffConfig, 'onRetry' | 'onGiveUp' | 'onComplete'> {
  /** Retries at the start of a row that wait for no delay. */
  readonly skipped: number;
  readonly delayAfter: (attempt: number, previousMs: number) => number;
}

/** One subscription. A class, and by hand: as `defer`, `tap` and `retry` every idle connection kept 2 kB more. */
class Retrying<T> implements Observer<T> {
  private firstValueAt: number | undefined = undefined;
  /** The attempt has lasted so long that it ends the row: timed, since a wall clock may be set back. */
  private isStable = false;
  private proof = Subscription.EMPTY;

  constructor(
    private readonly source: Observable<T>,
    private readonly owner: RetryOwner,
    private readonly whole: Subscription,
    private readonly observer: Observer<T>,
  ) {}

  begin(): void {
    this.firstValueAt = undefined;
    this.isStable = false;
    attach(this.whole, this.source, this);
  }

  next(value: T): void {
    if (this.firstValueAt === undefined) this.came();
    this.observer.next(value);
  }

  complete(): void {
    this.proof.unsubscribe();
    this.observer.complete();
  }

  error(error: unknown): void {
    const { observer } = this;
    this.proof.unsubscribe();
    try {
      const rules = this.owner.rules();
      const waiting = attach(this.whole, this.decide(error, rules), {
        // After a timer at least, so never while it subscribes.
        next: () => {
          waiting.unsubscribe();
          this.begin();
        },
        error: (reason: unknown) => observer.error(reason),
        complete: () => observer.complete(),
      });
    } catch (thrown) {
      observer.error(thrown);
    }
  }

  /** Without a row there is nothing to end, so who never fails needs no timer. */
  private came(): void {
    this.firstValueAt = asyncScheduler.now();
    if (this.owner.row === undefined) return;
    const { stableMs } = this.owner.rules();
    if (stableMs > maxTimerMs) return;
    this.proof = asyncScheduler.schedule(() => {
      this.isStable = true;
      this.proof.unsubscribe();
    }, stableMs);
    this.whole.add(this.proof);
  }

  /** Emits when to retry; or errors, or completes, as the stream is to. */
  private decide(error: unknown, rules: RetryRules): Observable<unknown> {
    const { maxAttempts, stableMs, skipped, delayAfter, classify, policy, onComplete } = rules;
    const { owner, firstValueAt } = this;
    const now = asyncScheduler.now();
    const leastMs = this.isStable ? stableMs : 0;
    const upMs = firstValueAt === undefined ? undefined : Math.max(leastMs, now - firstValueAt);
    if (upMs !== undefined && upMs >= stableMs) owner.row = undefined;

    const { attempt = 0, previousMs = 0, at = now, elapsedMs: beforeMs = 0 } = owner.row ?? {};
    const elapsedMs = beforeMs + Math.max(0, now - at);
    const classAttempts = owner.row?.classAttempts ?? new LRUCache({ max: MAX_CLASSES });
    const name = classify(error);
    const failure: RetryFailure = {
      error,
      class: name,
      attempt: attempt + 1,
      classAttempt: (classAttempts.get(name) ?? 0) + 1,
      elapsedMs,
      upMs,
    };
    const decided = policy(failure);
    if (this.whole.closed) return EMPTY; // left by who was asked
    const { action = 'retry', maxFailures = Infinity, floorMs = 0, toError } = decided ?? {};
    if (!(maxFailures >= 1)) {
      throw new RangeError(`retryBackoff: policy.maxFailures must be at least 1, got ${maxFailures}`);
    }
    if (!(floorMs >= 0)) {
      throw new RangeError(`retryBackoff: policy.floorMs must not be negative, got ${floorMs}`);
    }

    if (action === 'complete') {
      onComplete?.(failure);
      return EMPTY;
    }
    const uncounted = { attempt, classAttempt: failure.classAttempt - 1, previousMs };
    if (action === 'now') {
      return waitFor({ ...failure, ...uncounted, jitteredMs: 0, floorMs: 0, delayMs: 0 }, rules);
    }
    if (decided === null || action === 'giveUp') return giveUp(toError?.(failure) ?? error, failure, rules);
    const isCounted = action === 'retry';
    const exceeded = new MaxReconnectsExceededError(attempt, { cause: error });
    if (isCounted && failure.classAttempt >= maxFailures)
      return giveUp(toError?.(failure) ?? exceeded, failure, rules);
    if (isCounted && attempt >= maxAttempts) return giveUp(exceeded, failure, rules);

    const jitteredMs = attempt < skipped ? 0 : delayAfter(attempt - skipped, previousMs);
    const delayMs = Math.min(maxTimerMs, floorMs + jitteredMs);
    if (!isCounted) return waitFor({ ...failure, ...uncounted, jitteredMs, floorMs, delayMs }, rules);
    classAttempts.set(name, failure.classAttempt);
    owner.row = { attempt: failure.attempt, classAttempts, at: now, elapsedMs, previousMs: jitteredMs };
    return waitFor({ ...failure, previousMs, jitteredMs, floorMs, delayMs }, rules);
  }
}

function giveUp(error: unknown, failure: RetryFailure, { onGiveUp }: RetryRules): Observable<never> {
  onGiveUp?.(error, failure);
  // eslint-disable-next-line rxjs-x/throw-error -- the source's own error is passed on, whatever its type
  return throwError(() => error);
}

function waitFor(decision: RetryDecision, { wake$, onRetry }: RetryRules): Observable<unknown> {
  // wake$ first: whoever is told may wake.
  return merge(
    wake$.pipe(auditTime(0)),
    defer(() => {
      onRetry?.(decision);
      return timer(decision.delayMs);
    }),
  );
}
