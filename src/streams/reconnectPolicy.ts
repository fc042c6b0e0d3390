import type { FailureClass } from './failure.js';

/** The classes that the user owns; a requested reconnect always goes out at once. */
export type PolicyClass = Exclude<FailureClass, 'requested'>;

/** What to do about the failures of one class. */
export interface ReconnectPolicy {
  /** `complete` ends the feed as if its source had ended. @default 'retry', for `config` 'giveUp' */
  readonly action?: 'retry' | 'giveUp' | 'complete';
  /**
   * Failures of this class since a connection was last stable that make the feed give up: 1 allows no retry. Those of
   * other classes between them neither count nor start the count again. @default Infinity, for `auth` 3, for `protocol` 5
   */
  readonly maxFailures?: number;
  /**
   * What the delay must not fall below, ms; the jitter goes on top. It is that of the host which failed: with several URLs another
   * is tried meanwhile. Whatever the action is, who starts the feed again waits for it too. @default 0, for `rateLimited` 10 ×
   * `initialMs`
   */
  readonly floorMs?: number;
  /** The next connection starts without a resume position: for a server that calls invalid what the client knows. @default false */
  readonly forgetPositions?: boolean;
}

/** The table of the defaults: where a class has no line of its own, it is retried for ever. */
export function defaultPolicies(initialMs: number): Readonly<Record<PolicyClass, Required<ReconnectPolicy>>> {
  const retry = { action: 'retry', maxFailures: Infinity, floorMs: 0, forgetPositions: false } as const;
  return {
    network: retry,
    normal: retry,
    rateLimited: { ...retry, floorMs: 10 * initialMs },
    auth: { ...retry, maxFailures: 3 },
    protocol: { ...retry, maxFailures: 5 },
    config: { ...retry, action: 'giveUp' },
    unknown: retry,
  };
}

const actions: readonly unknown[] = ['retry', 'giveUp', 'complete'];
const isFrom = (least: number) => (value: unknown) => typeof value === 'number' && value >= least;

/** What each field of a policy must be, in code and in words. */
const fields: Readonly<Record<keyof ReconnectPolicy, readonly [(value: unknown) => boolean, string]>> = {
  action: [(value) => actions.includes(value), `one of ${actions.join(', ')}`],
  maxFailures: [isFrom(1), 'at least 1'],
  floorMs: [isFrom(0), 'at least 0'],
  forgetPositions: [(value) => typeof value === 'boolean', 'a boolean'],
};

/**
 * Yields a policy if it is one, without the fields that are undefined.
 *
 * @param name Of the option, for the message.
 * @throws {TypeError | RangeError} If it is none, has a field that means nothing, or one with a wrong value.
 */
export function checkPolicy(name: string, policy: unknown): ReconnectPolicy {
  const { then, subscribe } = (policy ?? {}) as { readonly then?: unknown; readonly subscribe?: unknown };
  if (typeof then === 'function' || typeof subscribe === 'function') {
    throw new TypeError(`reconnect: ${name} must yield its policy at once, got a Promise or an Observable`);
  }
  if (typeof policy !== 'object' || policy === null || Array.isArray(policy)) {
    throw new TypeError(`reconnect: ${name} must be a policy or a function, got ${show(policy)}`);
  }
  const given = Object.entries(policy).filter(([, value]) => value !== undefined);
  for (const [field, value] of given) {
    if (!Object.hasOwn(fields, field)) {
      throw new TypeError(`reconnect: ${name} has no field ${field}, only ${Object.keys(fields).join(', ')}`);
    }
    const [isRight, rule] = fields[field as keyof ReconnectPolicy];
    if (isRight(value)) continue;
    const message = `reconnect: ${name}.${field} must be ${rule}, got ${show(value)}`;
    throw typeof value === 'number' ? new RangeError(message) : new TypeError(message);
  }
  return Object.fromEntries(given);
}

/** A value as a message shows it; of what is neither number nor string, its type. */
export const show = (value: unknown): string => {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? JSON.stringify(value) : typeof value;
};
