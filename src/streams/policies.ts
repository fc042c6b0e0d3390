import { type BackoffConfig, defaultInitialMs, type Jitter } from '../operators/backoff.js';
import type { RetryFailure, RetryPolicy } from '../operators/retryBackoff.js';
import { AuthenticationError, classify, type FailureClass } from './failure.js';
import {
  checkPolicy,
  defaultPolicies,
  type PolicyClass,
  type ReconnectPolicy,
  show,
} from './reconnectPolicy.js';

/** How a lost connection is made again. */
export interface ReconnectConfig extends Omit<BackoffConfig, 'random'> {
  /**
   * How clients that failed together are spread in time; `'none'` turns it off. Where a function yields no delay, that is told as
   * `hookFailed`, and the default draws. @default 'wide'
   */
  readonly jitter?: Jitter;
  /** Retries in a row before `MaxReconnectsExceededError`; a wait for a host that was not dialled is none. @default Infinity */
  readonly maxAttempts?: number;
  /** Milliseconds a ready connection must last before the counts and the delays start again; `Infinity`: never. @default 5_000 */
  readonly stableMs?: number;
  /** The first retry of a row goes out at once. @default false */
  readonly immediateFirst?: boolean;
  /**
   * Gives a failure its class; `defaultClass` is what the library would say, and what counts if this throws or yields no
   * class, which is told as `hookFailed`.
   */
  readonly classify?: (error: unknown, defaultClass: PolicyClass) => PolicyClass;
  /**
   * Overrides the policy of a class, field by field. A function is asked at each failure, with the error, the counts and
   * the time elapsed: `null` gives up, `undefined` takes the default, and so does what it throws, told as `hookFailed`.
   */
  readonly policies?: {
    readonly [K in PolicyClass]?:
      ReconnectPolicy | ((failure: RetryFailure) => ReconnectPolicy | null | undefined);
  };
}

export interface PolicyHooks {
  /** The user's `classify`, or the function of a policy, threw or yielded what means nothing: the default was used. */
  readonly onHookFailed?: (hook: string, error: unknown) => void;
  /** The policy of a failure asks that the next connection start without a resume position; told before the retry is. */
  readonly onForgetPositions?: (failure: RetryFailure) => void;
}

export interface ResolvedPolicies {
  readonly classify: (error: unknown) => FailureClass;
  readonly policy: (failure: RetryFailure) => RetryPolicy;
}

/**
 * Turns what the user configured into what `retryBackoff` asks for. No mistake in a function of the user ends a feed: it
 * is told, and the default is used.
 *
 * @throws {TypeError | RangeError} On creation, if a class, a field or an action has a name that means nothing, or a number is out of its range.
 */
export function resolvePolicies(
  { classify: classifyOwn, policies = {}, initialMs = defaultInitialMs }: ReconnectConfig,
  { onHookFailed, onForgetPositions }: PolicyHooks = {},
): ResolvedPolicies {
  if (classifyOwn !== undefined && typeof classifyOwn !== 'function') {
    throw new TypeError(`reconnect: classify must be a function, got ${typeof classifyOwn}`);
  }
  for (const [name, own] of Object.entries<unknown>(policies)) {
    if (!isClass(name)) {
      throw new TypeError(`reconnect: policies are for the classes ${classes.join(', ')}, got ${show(name)}`);
    }
    if (own !== undefined && typeof own !== 'function') checkPolicy(`policies.${name}`, own);
  }

  const ask = <T>(hook: string, question: () => T, otherwise: T): T => {
    try {
      return question();
    } catch (error) {
      onHookFailed?.(hook, error);
      return otherwise;
    }
  };

  const ownPolicy = (name: PolicyClass, failure: RetryFailure): ReconnectPolicy => {
    const option = `policies.${name}`;
    return ask(
      `reconnect.${option}`,
      () => {
        const { [name]: given } = policies;
        const own = typeof given === 'function' ? given(failure) : given;
        return own === null ? { action: 'giveUp' } : checkPolicy(option, own ?? {});
      },
      {},
    );
  };

  return {
    classify(error) {
      const byDefault = classify(error);
      if (byDefault === 'requested' || classifyOwn === undefined) return byDefault;
      return ask(
        'reconnect.classify',
        () => {
          const name: unknown = classifyOwn(error, byDefault);
          if (isClass(name)) return name;
          throw new TypeError(
            `reconnect: classify must yield one of ${classes.join(', ')}, got ${show(name)}`,
          );
        },
        byDefault,
      );
    },

    policy(failure) {
      const name = failure.class as FailureClass;
      if (name === 'requested') return { action: 'now' };
      const own = ownPolicy(name, failure);
      const { forgetPositions, ...policy } = { ...defaultPolicies(initialMs)[name], ...own };
      if (forgetPositions) onForgetPositions?.(failure);
      const retryAfter = retryAfterOf(failure.error);
      return {
        ...policy,
        ...(retryAfter !== undefined && { floorMs: Math.max(retryAfter, own.floorMs ?? 0) }),
        ...(name === 'auth' && { toError: toAuthenticationError }),
      };
    },
  };
}

const classes = Object.keys(defaultPolicies(0));
const isClass = (name: unknown): name is PolicyClass => typeof name === 'string' && classes.includes(name);

/** What the server asked for, ms; an error that is not ours may hold anything under that name. */
function retryAfterOf(error: unknown): number | undefined {
  const { retryAfterMs } = (error ?? {}) as { readonly retryAfterMs?: unknown };
  return typeof retryAfterMs === 'number' && retryAfterMs > 0 ? retryAfterMs : undefined;
}

const toAuthenticationError = ({ error, classAttempt: attempts }: RetryFailure): AuthenticationError =>
  new AuthenticationError(`authentication failed ${attempts} ${attempts === 1 ? 'time' : 'times in a row'}`, {
    cause: error,
    attempts,
  });
