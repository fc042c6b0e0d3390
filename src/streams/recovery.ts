import type { MonoTypeOperatorFunction } from 'rxjs';
import { leftMs } from '../operators/leftMs.js';
import {
  retryBy,
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
import { NextDial } from './nextDial.js';
import { type ReconnectConfig, type ResolvedPolicies, resolvePolicies } from './policies.js';

export interface RecoveryConfig {
  readonly reconnect?: ReconnectConfig;
  readonly random?: () => number;
}

/** What a failure leads to is told to; called as methods. */
export interface RecoveryHooks {
  /** A function of the user threw, or yielded what means nothing. */
  /** @param generation Of the connection that the hook served, if it is not the one in charge. */
  onHookFailed(hook: string, error: unknown, generation?: number): void;
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
  /** When the next connection may be made. */
  readonly nextDial: Omit<NextDial, 'row'>;
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
  private final: unknown = undefined;
  readonly nextDial: NextDial;

  constructor(
    private readonly config: RecoveryConfig,
    private readonly endpoints: Endpoints,
    private readonly hooks: RecoveryHooks,
  ) {
    const { reconnect = {}, random = Math.random } = config;
    // Made for their checks, so that a wrong option throws here.
    const { classify } = resolvePolicies(reconnect);
    void retryRules({ ...reconnect, classify, random });
    this.nextDial = new NextDial(endpoints, this);
  }

  get row(): RetryRow | undefined {
    return this.nextDial.row;
  }

  set row(row: RetryRow | undefined) {
    this.nextDial.row = row;
  }

  rules(): RetryRules {
    if (this.made !== undefined) return this.made;
    const { hooks, nextDial } = this;
    const config: RetryBackoffConfig = {
      ...this.common(),
      policy: (failure) => this.decide(failure),
      wake$: nextDial.woken$,
      onRetry: (decision) => {
        nextDial.wait(decision);
        this.moveOn(decision);
        hooks.onRetry(decision);
      },
      onComplete: (failure) => {
        this.moveOn(failure);
        nextDial.holdBack(failure);
        hooks.onComplete(failure);
      },
      onGiveUp: (error, failure) => {
        this.moveOn(failure);
        nextDial.holdBack(failure);
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
    const rules = retryRules({
      ...this.common(),
      policy: (failure) => (hasLed() ? null : this.decide(failure)),
      onRetry: (decision) => {
        this.nextDial.awaitFloor(decision);
        this.endpoints.failed(false);
        onRetry(decision);
      },
      onComplete,
    });
    return retryBy(rules);
  }

  classify(error: unknown): FailureClass {
    return this.resolved().classify(error);
  }

  giveUpFor(error: unknown): void {
    this.final = error;
  }

  private common(): RetryBackoffConfig {
    const { reconnect, random = Math.random } = this.config;
    return { ...reconnect, random, classify: (error) => this.classify(error) };
  }

  private isFinal({ error }: RetryFailure): boolean {
    return this.final !== undefined && error === this.final;
  }

  /** To the next URL: also where it ends, as who starts it again dials that. */
  private moveOn(failure: RetryFailure): void {
    if (failure.class === 'requested' || this.isFinal(failure)) return;
    this.endpoints.failed(this.wasStable(failure));
  }

  private wasStable(failure: RetryFailure): boolean {
    const { stableMs = 5_000 } = this.config.reconnect ?? {};
    return failure.upMs !== undefined && this.hooks.upMsOf(failure) >= stableMs;
  }

  private decide(failure: RetryFailure): RetryPolicy {
    if (this.wasStable(failure)) this.nextDial.endRow();
    if (this.isFinal(failure)) return { action: 'giveUp' };
    const rule = this.resolved().policy(failure); // where one is wished for, too: it may void the positions
    const { endpoints } = this;
    const { isWished } = this.nextDial; // the policy may have wished for it
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
