import {
  asyncScheduler,
  auditTime,
  merge,
  type MonoTypeOperatorFunction,
  type Observable,
  Subject,
  take,
  timer,
} from 'rxjs';
import { maxTimerMs } from '../operators/backoff.js';
import {
  retryBackoff,
  type RetryBackoffConfig,
  type RetryDecision,
  type RetryFailure,
  type RetryOwner,
  type RetryPolicy,
  type RetryRow,
  type RetryRules,
  retryRules,
} from '../operators/retryBackoff.js';
import type { Endpoints } from './endpoints.js';
import type { FailureClass } from './failure.js';
import type { Floor } from './floors.js';
import { type BegunWait, leftMs } from '../operators/leftMs.js';
import { type ReconnectConfig, type ResolvedPolicies, resolvePolicies } from './policies.js';

export interface RecoveryConfig {
  readonly reconnect?: ReconnectConfig;
  readonly random?: () => number;
}

/** What a failure leads to is told to; called as methods. */
export interface RecoveryHooks {
  /** A function of the user threw, or yielded what means nothing. */
  onHookFailed(hook: string, error: unknown): void;
  /** The positions reached in the topics are void. */
  onForgetPositions(): void;
  /** The wait for the next dial begins. */
  onRetry(decision: RetryDecision): void;
  /** A policy ends it all without an error. */
  onComplete(failure: RetryFailure): void;
  /** It is about to end with this error. */
  onGiveUp(error: unknown, failure: RetryFailure): void;
  /** Milliseconds that the session which failed had been in charge. */
  upMsOf(failure: RetryFailure): number;
}

/** What to do about a failure of the connection, or of a rotation: the policies, and the URL to dial next. */
export interface Recovery extends RetryOwner {
  /** Tries the next connection of a rotation again, until it has taken over: then its end is that of the line. */
  retryingRotation<T>(
    hasLed: () => boolean,
    onRetry: (decision: RetryDecision) => void,
    onComplete: (failure: RetryFailure) => void,
  ): MonoTypeOperatorFunction<T>;
  classify(error: unknown): FailureClass;
  /** This failure, when it comes, is given up for: no policy is asked. */
  giveUpFor(error: unknown): void;
  /**
   * The user wants the next connection now: whatever fails from here on is followed at once, until that is begun. As a run tells that it
   * has ended it is of no effect.
   */
  wish(): void;
  /** Ends the wait for the next dial that the user wants now, unless that has begun meanwhile. */
  wake(): void;
  /** The same, but what a server asked for is waited out. */
  wakeIfDue(): void;
  /**
   * A run begins: what is left of the wait that the last failure led to, whose row then goes on; or that began as the run before gave up.
   * If that is over, of a floor that leaves no URL to dial, with new jitter on top: until then only a wish of the user's dials.
   */
  pause(): Pause | undefined;
  /** The row of failures has come to an end, and so has its wait; floors have not. */
  forget(): void;
  /** The next connection is being made, of a rotation where the one before it is still in charge. */
  onDial(isRotation: boolean): void;
  /** A server has let us in: what it asked for before is over. */
  onReady(): void;
  /** A run is over, and all is told. */
  rested(): void;
}

/** A wait that a failure led to. */
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

/** @throws {TypeError | RangeError} If an option of `reconnect` is wrong. */
export const createRecovery = (
  config: RecoveryConfig,
  endpoints: Endpoints,
  hooks: RecoveryHooks,
): Recovery => new PolicyRecovery(config, endpoints, hooks);

/** A class that makes what it needs at the first failure: most connections do not fail for long, and each keeps one. */
class PolicyRecovery implements Recovery {
  private policies: ResolvedPolicies | undefined = undefined;
  private made: RetryRules | undefined = undefined;
  private wake$: Subject<void> | undefined = undefined;
  private final: unknown = undefined;
  /** Of the run, and of the next if that begins within the wait which the last failure led to. */
  row: RetryRow | undefined = undefined;
  /** For the next connection, until that is begun. */
  private wait: Wait | undefined = undefined;
  /** Of runs that gave up, or that a policy completed, each begun within the wait for the one before it. */
  private ends: Pick<RetryRow, 'attempt' | 'previousMs'> | undefined = undefined;
  /** The floor that the next dial waits for. */
  private awaited: Floor | undefined = undefined;
  /** The user wants the next connection now, and it has not been begun. */
  private isWished = false;
  /** A run tells that it gave up, or was completed: who asks for the next connection then waits like who subscribes. */
  private isEnding = false;

  constructor(
    private readonly config: RecoveryConfig,
    private readonly endpoints: Endpoints,
    private readonly hooks: RecoveryHooks,
  ) {
    const { reconnect = {}, random = Math.random } = config;
    // Made for their checks, so that a wrong option throws here.
    const { classify } = resolvePolicies(reconnect);
    void retryRules({ ...reconnect, classify, random });
  }

  rules(): RetryRules {
    if (this.made !== undefined) return this.made;
    const { hooks } = this;
    const config: RetryBackoffConfig = {
      ...this.common(),
      policy: (failure) => this.decide(failure),
      wake$: (this.wake$ = new Subject()),
      onRetry: (decision) => {
        const { attempt, delayMs: ms, error: cause } = decision;
        this.waitsFor(decision);
        this.moveOn(decision);
        this.wait = { ms, since: asyncScheduler.now(), attempt, cause };
        hooks.onRetry(decision);
      },
      onComplete: (failure) => {
        this.moveOn(failure);
        this.holdNext(failure);
        hooks.onComplete(failure);
      },
      onGiveUp: (error, failure) => {
        this.moveOn(failure);
        this.holdNext(failure);
        hooks.onGiveUp(error, failure);
      },
    };
    this.made = retryRules(config);
    return this.made;
  }

  retryingRotation<T>(
    hasLed: () => boolean,
    onRetry: (decision: RetryDecision) => void,
    onComplete: (failure: RetryFailure) => void,
  ): MonoTypeOperatorFunction<T> {
    return retryBackoff({
      ...this.common(),
      policy: (failure) => (hasLed() ? null : this.decide(failure)),
      onRetry: (decision) => {
        this.waitsFor(decision);
        this.endpoints.failed(false);
        onRetry(decision);
      },
      onComplete,
    });
  }

  classify(error: unknown): FailureClass {
    return this.resolved().classify(error);
  }

  giveUpFor(error: unknown): void {
    this.final = error;
  }

  wish(): void {
    if (!this.isEnding) this.isWished = true;
  }

  wake(): void {
    if (this.isWished) this.wake$?.next();
  }

  wakeIfDue(): void {
    if (this.endpoints.floor() === undefined) this.wake$?.next();
  }

  pause(): Pause | undefined {
    const { wait, isWished } = this;
    const waitMs = isWished ? 0 : leftMs(wait);
    if (waitMs > 0) return this.pauseFor(waitMs, wait);
    this.forget();
    const floor = (this.awaited = this.endpoints.floor());
    if (floor === undefined) return undefined;
    return this.pauseFor(leftMs(floor) + this.rules().delayAfter(0, 0), floor);
  }

  forget(): void {
    this.row = undefined;
    this.wait = undefined;
    this.ends = undefined;
  }

  onDial(isRotation: boolean): void {
    // A timer has waited for it, so a clock that was set back changes nothing.
    if (!this.isWished && this.awaited !== undefined) this.awaited.ms = 0;
    this.awaited = undefined;
    this.endpoints.begin(!this.isWished);
    if (isRotation) return;
    this.isWished = false;
    this.wait = undefined;
  }

  onReady(): void {
    this.endpoints.onReady();
  }

  rested(): void {
    this.isEnding = false;
  }

  private pauseFor(waitMs: number, { attempt = 0, cause }: Partial<Wait> = {}): Pause {
    const { wake$ } = this.rules();
    const ms = Math.min(maxTimerMs, waitMs);
    return { ms, attempt, cause, over$: merge(wake$.pipe(auditTime(0)), timer(ms)).pipe(take(1)) };
  }

  private common(): RetryBackoffConfig {
    const { reconnect, random = Math.random } = this.config;
    return { ...reconnect, random, classify: (error) => this.classify(error) };
  }

  private isFinal({ error }: RetryFailure): boolean {
    return this.final !== undefined && error === this.final;
  }

  private waitsFor({ floorMs }: RetryDecision): void {
    this.awaited = floorMs > 0 ? this.endpoints.floor() : undefined;
  }

  /** To the next URL: also where it ends, as who starts it again dials that. */
  private moveOn(failure: RetryFailure): void {
    if (failure.class === 'requested' || this.isFinal(failure)) return;
    this.endpoints.failed(this.wasStable(failure));
  }

  /** It ends, so the next run waits as this one would have: who resubscribes whenever it ends is no storm. */
  private holdNext(failure: RetryFailure): void {
    const { attempt = 0, previousMs = 0 } = this.ends ?? {};
    const jitteredMs = this.rules().delayAfter(attempt, previousMs);
    const floor = (this.awaited = this.endpoints.floor());
    const ms = Math.min(maxTimerMs, leftMs(floor) + jitteredMs);
    this.row = undefined;
    this.isWished = false;
    this.isEnding = true;
    this.wait = { ms, since: asyncScheduler.now(), attempt: 0, cause: failure.error };
    this.ends = { attempt: attempt + 1, previousMs: jitteredMs };
  }

  private wasStable(failure: RetryFailure): boolean {
    const { stableMs = 5_000 } = this.config.reconnect ?? {};
    return failure.upMs !== undefined && this.hooks.upMsOf(failure) >= stableMs;
  }

  private decide(failure: RetryFailure): RetryPolicy {
    if (this.wasStable(failure)) this.ends = undefined;
    if (this.isFinal(failure)) return { action: 'giveUp' };
    const rule = this.resolved().policy(failure); // where one is wished for, too: it may void the positions
    const { endpoints, isWished } = this; // the policy may have wished for it
    // One URL that can never work says nothing of the others.
    const isOneOfMore =
      rule.action === 'giveUp' && failure.class === 'config' && !isWished && !endpoints.ruleOut();
    const { action = 'retry', floorMs = 0 }: RetryPolicy = isOneOfMore ? { ...rule, action: 'retry' } : rule;
    // Whatever it does: who starts the feed again is to wait as well.
    if (floorMs > 0) endpoints.raiseFloor(floorMs, failure.error, failure.upMs !== undefined);
    if (isWished) return { action: 'now' };
    if (action !== 'retry') return rule;
    return { ...rule, action: isPaused(failure) ? 'wait' : action, floorMs: this.floorAfter(failure) };
  }

  /** The floor that this failure raised is told whole, though a millisecond may have passed since. */
  private floorAfter({ error }: RetryFailure): number {
    const floor = this.endpoints.floor();
    return floor !== undefined && floor.cause === error ? floor.ms : leftMs(floor);
  }

  private resolved(): ResolvedPolicies {
    this.policies ??= resolvePolicies(this.config.reconnect ?? {}, {
      onHookFailed: (hook, error) => this.hooks.onHookFailed(hook, error),
      onForgetPositions: () => this.hooks.onForgetPositions(),
    });
    return this.policies;
  }
}

/** Nobody was dialled, so it was no attempt. */
const isPaused = ({ error }: RetryFailure): boolean =>
  error instanceof Error && error.name === 'HostPausedError';
