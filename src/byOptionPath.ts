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

/**
 * Makes a feed of its parts. An option that a part refuses as its own, as `backoff: maxMs …`, is told by its path in the config that
 * the user wrote, as `createFeed: reconnect.maxMs …`.
 */
export function byOptionPath<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    const [, part = '', refusal = ''] = /^(\w+): (.*)/s.exec(error.message) ?? [];
    const place = places.get(part);
    if (place === undefined) throw error;
    // Another error, as the stack of this one begins with its message.
    const Refusal = error instanceof RangeError ? RangeError : TypeError;
    throw new Refusal(`createFeed: ${place}${refusal}`);
  }
}
