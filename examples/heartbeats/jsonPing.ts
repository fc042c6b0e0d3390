import type { FeedConfig, Schemas } from 'millrace';

interface Answer {
  readonly op?: string;
  readonly ret_msg?: string;
}

/**
 * The client sends a ping as a message like any other: Bybit, which wants one every 20 s, also on a connection that is
 * busy: hence `latencyEveryMs`. (KuCoin: `{ id, type: 'ping' }`, answered by `{ id, type: 'pong' }`.)
 *
 * A public connection answers with the operation and `pong` as its message, a private one with the operation `pong`.
 */
export const jsonPing = <S extends Schemas>(config: FeedConfig<S>): FeedConfig<S> => ({
  ...config,
  heartbeat: {
    everyMs: 10_000,
    timeoutMs: 5_000,
    latencyEveryMs: 20_000,
    ping: () => ({ op: 'ping' }),
    isPong: (message) => {
      const { op, ret_msg } = message as Answer;
      return op === 'pong' || ret_msg === 'pong';
    },
    ...config.heartbeat,
  },
});
