import type { FeedConfig } from 'millrace';
import * as v from 'valibot';

const schemas = {
  /** One value of one path of one vessel. */
  value: v.object({
    context: v.string(),
    path: v.string(),
    /** Number, text, object, or `null` for a sensor that has nothing to say. */
    value: v.unknown(),
    source: v.optional(v.string()),
    timestamp: v.pipe(v.string(), v.isoTimestamp()),
  }),
};

interface Reading {
  readonly path: string;
  readonly value: unknown;
}

interface Delta {
  readonly context?: string;
  readonly updates?: readonly {
    readonly $source?: string;
    readonly timestamp?: string;
    readonly values?: readonly Reading[];
  }[];
}

/**
 * Signal K telemetry, version 1. Topics are paths; the whole stream stands for all of `paths`.
 *
 * There is no acknowledgement and no number, and the server sends a value again when two subscriptions overlap, so
 * nothing is taken for a duplicate.
 *
 * @param url `ws://HOST/signalk/v1/stream?subscribe=none`
 * @param context The vessels asked for. @default 'vessels.self'
 * @param periodMs How often the server tells a value. @default 1_000
 */
export function signalK({
  url,
  paths = ['*'],
  context = 'vessels.self',
  periodMs = 1_000,
}: {
  readonly url: string;
  readonly paths?: readonly string[];
  readonly context?: string;
  readonly periodMs?: number;
}): FeedConfig<typeof schemas> {
  return {
    url,
    // One delta holds many updates, an update many values.
    unpack: (decoded) => {
      const { context: vessel, updates } = decoded as Delta;
      if (updates === undefined) return [decoded];
      return updates.flatMap(({ $source: source, timestamp, values = [] }) =>
        values.map((reading) => ({ ...reading, context: vessel, source, timestamp })),
      );
    },
    route: (message) => ('path' in (message as object) ? 'value' : undefined),
    // The hello on opening, and complaints about a subscription, which are bare strings.
    isControl: (message) => typeof message === 'string' || 'roles' in (message as object),
    subscriptions: {
      subscribe: (topics) => ({
        context,
        subscribe: topics
          .flatMap(({ topic }) => (topic === undefined ? paths : [topic]))
          .map((path) => ({ path, period: periodMs })),
      }),
      // The server can only stop everything at once, so a path runs on until the connection ends.
      unsubscribe: () => [],
    },
    buffer: { overflow: 'pause' },
    streams: {
      value: { schema: schemas.value, topic: ({ path }) => path, staleAfterMs: 10_000 },
    },
  };
}
