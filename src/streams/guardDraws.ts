import { delaysBy, type Jitter, type JitterContext } from '../operators/backoff.js';
import type { RecoveryConfig } from './recovery.js';

/**
 * The same config, whose `random` and `reconnect.jitter` never fail: where one of the user throws, or yields what means
 * nothing, that is told, and the default draws.
 *
 * @param random Draws where the user's own fails.
 */
export function guardDraws<C extends RecoveryConfig>(
  config: C,
  onHookFailed: (hook: string, error: unknown) => void,
  random = Math.random,
): C {
  const { random: ownRandom, reconnect: { jitter } = {} } = config;
  if (ownRandom === undefined && typeof jitter !== 'function') return config;

  const draw = (hook: string, own: () => number, byDefault: () => number): number => {
    try {
      return own();
    } catch (error) {
      onHookFailed(hook, error);
      return byDefault();
    }
  };
  return {
    ...config,
    ...(ownRandom && { random: () => draw('random', () => checked(ownRandom()), random) }),
    ...(typeof jitter === 'function' && {
      reconnect: {
        ...config.reconnect,
        jitter: (context: JitterContext) =>
          draw(
            'reconnect.jitter',
            () => delayOf(context, { jitter }),
            () => delayOf(context),
          ),
      },
    }),
  };
}

const checked = (value: unknown): number => {
  if (typeof value === 'number' && value >= 0 && value < 1) return value;
  throw new RangeError(`createFeed: random must yield a number in [0, 1), got ${String(value)}`);
};

const delayOf = (context: JitterContext, own?: { readonly jitter: Jitter }): number =>
  delaysBy({ ...context, ...own })(context.attempt, context.previousMs);
