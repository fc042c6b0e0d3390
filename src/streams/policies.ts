import { type BackoffConfig } from '../operators/backoff.js';
import type { RetryBackoffConfig, RetryFailure, RetryPolicy } from '../operators/retryBackoff.js';
import { AuthenticationError, classify, type FailureClass } from './failure.js';

/** What to do about the failures of one class. */
export interface ReconnectPolicy {
  /** `complete` ends the feed as if its source had ended. @default 'retry' */
  readonly action?: 'retry' | 'giveUp' | 'complete';
  /** Failures of this class in a row, without a stable connection between, that make the feed give up. @default Infinity */
  readonly maxFailures?: number;
  /** What the delay must not fall below, ms; the jitter goes on top. @default 0, for `rateLimited` 10 × `initialMs` */
  readonly floorMs?: number;
}

/** How a lost connection is made again. */
export interface ReconnectConfig extends Omit<BackoffConfig, 'random'> {
  /** Retries in a row before `MaxReconnectsExceededError`. @default Infinity */
  readonly maxAttempts?: number;
  /** Milliseconds a ready connection must last before the count and the delays start again. @default 5_000 */
  readonly stableMs?: number;
  /** The first retry of a row goes out at once. @default false */
  readonly immediateFirst?: boolean;
  /** Gives a failure its class; `defaultClass` is what the library would say. */
  readonly classify?: (error: unknown, defaultClass: FailureClass) => FailureClass;
  /** Overrides the policy of a class, field by field. */
  readonly policies?: Partial<Record<FailureClass, ReconnectPolicy>>;
}

const defaults: Readonly<Partial<Record<FailureClass, ReconnectPolicy>>> = {
  auth: { maxFailures: 3 },
  protocol: { maxFailures: 5 },
  config: { action: 'giveUp' },
};

/** Turns what the user configured into what `retryBackoff` asks for. */
export function resolvePolicies({
  classify: classifyOwn = (_error, defaultClass) => defaultClass,
  policies = {},
  initialMs = 1_000,
}: ReconnectConfig): {
  readonly classify: (error: unknown) => FailureClass;
  readonly policy: NonNullable<RetryBackoffConfig['policy']>;
} {
  for (const [name, { maxFailures = 1, floorMs = 0 }] of Object.entries(policies)) {
    if (!(maxFailures >= 1)) {
      throw new RangeError(`reconnect: policies.${name}.maxFailures must be at least 1, got ${maxFailures}`);
    }
    if (!(floorMs >= 0))
      throw new RangeError(`reconnect: policies.${name}.floorMs must not be negative, got ${floorMs}`);
  }

  return {
    classify: (error) => {
      const byDefault = classify(error);
      return byDefault === 'requested' ? byDefault : classifyOwn(error, byDefault);
    },
    policy: (failure: RetryFailure): RetryPolicy => {
      const name = failure.class as FailureClass;
      if (name === 'requested') return { action: 'now' };
      const { retryAfterMs } = (failure.error ?? {}) as { readonly retryAfterMs?: number };
      return {
        ...(name === 'rateLimited' && { floorMs: 10 * initialMs }),
        ...defaults[name],
        ...policies[name],
        ...(retryAfterMs !== undefined && { floorMs: Math.max(retryAfterMs, policies[name]?.floorMs ?? 0) }),
        ...(name === 'auth' && { toError: toAuthenticationError }),
      };
    },
  };
}

const toAuthenticationError = ({ error, classAttempt }: RetryFailure): unknown =>
  new AuthenticationError(`authentication failed ${classAttempt} times in a row`, { cause: error });
