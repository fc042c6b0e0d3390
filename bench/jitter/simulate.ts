/** One outage of one server, and the clients that lost it. All times in ms; 0 is when the server goes down. */
export interface Outage {
  readonly clients: number;
  /** When the server is back. */
  readonly downMs: number;
  /** Clients lose the server at a time drawn from [0, lossMs); 0: all at once. */
  readonly lossMs: number;
  /** Dials accepted in each slot once it is back; the others are refused. */
  readonly acceptPerSlot: number;
}

/** What an outage cost. */
export interface Figures {
  /** The most dials in one slot while the server was down, and after it was back. */
  readonly peakDown: number;
  readonly peakUp: number;
  /** All dials, and those refused by a server that was back. */
  readonly dials: number;
  readonly refused: number;
  /** From the return of the server until half, 99 % and all of the clients were back. */
  readonly halfMs: number;
  readonly p99Ms: number;
  readonly allMs: number;
}

/** The length of a slot, in which dials are counted and accepted. */
export const slotMs = 100;

/** The length of the wheel of milliseconds: more than a delay can be. */
const wheelMs = 2 ** 16;
const none = -1;

/**
 * Plays an outage until every client is back. Each client waits what `delayAfter` says, dials, and on a refusal waits
 * again; a dial is answered at once. As with real timers, a wait is a whole number of milliseconds, at least 1.
 *
 * The queue of events is a wheel with a list of clients for every millisecond, first come first served, so an event
 * costs the same whatever the number of clients.
 *
 * @param delayAfter A function that `backoff` made.
 * @param random What the times of loss are drawn from.
 * @throws {RangeError} If a delay does not fit the wheel.
 */
export function simulate(
  { clients, downMs, lossMs, acceptPerSlot }: Outage,
  delayAfter: (attempt: number, previousMs: number) => number,
  random: () => number,
): Figures {
  const attempts = new Int32Array(clients);
  const previous = new Float64Array(clients);
  const backAt = new Float64Array(clients);
  const nextInLine = new Int32Array(clients).fill(none);
  const first = new Int32Array(wheelMs).fill(none);
  const last = new Int32Array(wheelMs).fill(none);

  /** The typed arrays are as long as their indices go. */
  const at = (array: Int32Array | Float64Array, index: number): number => array[index] as number;

  const waitFrom = (client: number, now: number): void => {
    const delayMs = delayAfter(at(attempts, client), at(previous, client));
    if (delayMs >= wheelMs)
      throw new RangeError(`simulate: a delay must be below ${wheelMs} ms, got ${delayMs}`);
    attempts[client] = at(attempts, client) + 1;
    previous[client] = delayMs;
    const tick = (now + Math.max(1, Math.round(delayMs))) % wheelMs;
    nextInLine[client] = none;
    if (at(first, tick) === none) first[tick] = client;
    else nextInLine[at(last, tick)] = client;
    last[tick] = client;
  };

  let peakDown = 0;
  let peakUp = 0;
  let dials = 0;
  let refused = 0;
  let back = 0;
  let inSlot = 0;
  let acceptedInSlot = 0;
  for (let client = 0; client < clients; client += 1) waitFrom(client, Math.floor(random() * lossMs));

  for (let now = 0; back < clients; now += 1) {
    if (now % slotMs === 0) inSlot = acceptedInSlot = 0;
    const tick = now % wheelMs;
    let client = at(first, tick);
    if (client === none) continue;
    first[tick] = none;
    const isUp = now >= downMs;
    while (client !== none) {
      const following = at(nextInLine, client);
      dials += 1;
      inSlot += 1;
      if (isUp && acceptedInSlot < acceptPerSlot) {
        acceptedInSlot += 1;
        backAt[back] = now - downMs;
        back += 1;
      } else {
        if (isUp) refused += 1;
        waitFrom(client, now);
      }
      client = following;
    }
    if (isUp) peakUp = Math.max(peakUp, inSlot);
    else peakDown = Math.max(peakDown, inSlot);
  }

  const backAfter = (share: number): number => at(backAt, Math.ceil(share * clients) - 1);
  return {
    peakDown,
    peakUp,
    dials,
    refused,
    halfMs: backAfter(0.5),
    p99Ms: backAfter(0.99),
    allMs: backAfter(1),
  };
}
