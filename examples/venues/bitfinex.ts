import type { FeedConfig } from 'millrace';
import * as v from 'valibot';

const schemas = {
  /** What came on a channel; `data` is what stands between its number and the sequence number. */
  message: v.object({ channel: v.number(), data: v.array(v.unknown()), seq: v.number() }),
};

/** Asks the server to number its messages. */
const SEQ_ALL = 65_536;

/**
 * Bitfinex v2, public channels. The number counts the messages of a connection, all channels and their heartbeats together:
 * a detector that does not see the heartbeats would find holes. So they are values of the stream, on the topic `hb`;
 * who listens to a channel, by its number, does not get them.
 *
 * @param channels What to ask for: `{ channel: 'trades', symbol: 'tBTCUSD' }`
 */
export function bitfinex({
  channels,
  url = 'wss://api-pub.bitfinex.com/ws/2',
}: {
  readonly channels: readonly Readonly<Record<string, string>>[];
  readonly url?: string;
}): FeedConfig<typeof schemas> {
  return {
    url,
    // `[channel, …data, seq]`; what is no array (info, subscribed, conf) has no number.
    unpack: (decoded) => {
      if (!Array.isArray(decoded)) return [decoded];
      const [channel, ...data] = decoded as unknown[];
      return [{ channel, seq: data.pop(), data }];
    },
    route: (message) => ('seq' in (message as object) ? 'message' : undefined),
    isControl: (message) => 'event' in (message as object),
    onConnected: (session) => {
      session.send({ event: 'conf', flags: SEQ_ALL });
      for (const channel of channels) session.send({ event: 'subscribe', ...channel });
    },
    buffer: { overflow: 'pause' },
    streams: {
      message: {
        schema: schemas.message,
        topic: ({ channel, data: [first] }) => (first === 'hb' ? 'hb' : String(channel)),
        sequence: { of: ({ seq }) => seq, scope: 'connection' },
        staleAfterMs: 30_000,
      },
    },
  };
}
