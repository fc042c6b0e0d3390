import { InvalidProtocolsError, InvalidUrlError } from './streams/failure.js';

/** Where the options of a part stand in the config of a feed. */
const places = new Map([
  ['heartbeat', 'heartbeat.'],
  ['timeoutHeartbeat', 'heartbeat.'],
  ['reconnect', 'reconnect.'],
  ['retryBackoff', 'reconnect.'],
  ['backoff', 'reconnect.'],
  ['outbox', 'outbox.'],
  ['subscriptions', 'subscriptions.'],
  ['fromSocket', ''],
  ['authenticate', ''],
]);

/** What a part refuses an option with; the first that fits is of an error's own class. */
const refusals = [InvalidUrlError, InvalidProtocolsError, TypeError, RangeError];

/**
 * Makes a feed of its parts. An option that a part refuses as its own, as `backoff: maxMs …`, is told by its path in the config that
 * the user wrote, as `createFeed: reconnect.maxMs …`.
 */
export function byOptionPath<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    const Refusal = refusals.find((kind) => error instanceof kind);
    const [, part = '', refusal = ''] =
      /^(\w+): (.*)/s.exec((error as Error | undefined)?.message ?? '') ?? [];
    const place = places.get(part);
    if (Refusal === undefined || place === undefined) throw error;
    // Another error, as the stack of this one begins with its message.
    throw new Refusal(`createFeed: ${place}${refusal}`);
  }
}
