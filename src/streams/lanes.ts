import { createQueue, type Queue } from './queue.js';

/** `session`: a login, a reply. `ping`: one at a time. `topics`: what asks for topics, which may be a long line. */
export type Lane = 'session' | 'ping' | 'topics';

/** Something that waits to leave by an exit. */
export interface Message<E> {
  readonly run: (exit: E) => void;
}

/** The lanes of one open connection, which die with it. */
export interface Way<E, M extends Message<E> = Message<E>> extends Readonly<Record<Lane, Queue<M>>> {
  readonly exit: E;
}

/** Who goes next. */
export interface Turn<E> {
  readonly way: Way<E>;
  readonly lane: Lane | 'user';
}

/** What waits to be sent, and in which order it goes. */
export interface Lanes<E, U extends Message<E>> {
  /** The user's lane, which outlives connections. */
  readonly users: Queue<U>;
  open(exit: E): Way<E>;
  isOpen(way: Way<E>): boolean;
  /** The user's messages go this way from now on. */
  carry(way: Way<E>): void;
  /** What waits there is forgotten. */
  close(way: Way<E>): void;
  /** Where the user's messages go; `undefined` while they have no way to go. */
  readonly carrier: Way<E> | undefined;
  /** `undefined` if nobody waits whose exit has room. */
  next(): Turn<E> | undefined;
  take(turn: Turn<E>): Message<E>;
  /** Something waits that has a way to go. */
  isWaiting(): boolean;
}

const urgent = ['session', 'ping'] as const;

/**
 * A session's lane goes first, for a login must not wait behind what needs it. Then its ping, which goes into a full exit
 * too: one that will never have room again is found out by what does not answer. A way's topics and the user's messages
 * take turns, so that neither starves behind a long line of the other; so do the ways among each other.
 */
export function createLanes<E, U extends Message<E>>(hasRoom: (exit: E) => boolean): Lanes<E, U> {
  const users = createQueue<U>();
  /** The one whose turn comes next first. */
  const ways: Way<E>[] = [];
  let isTopicsTurn = true;

  const wayWith = (lane: Lane): Way<E> | undefined => {
    for (const way of ways) if (way[lane].size > 0 && (lane === 'ping' || hasRoom(way.exit))) return way;
    return undefined;
  };

  // A plain property: with a getter it would be a dictionary to the engine, and three times as large.
  const lanes = {
    users,
    carrier: undefined as Way<E> | undefined,
    open(exit: E) {
      const way: Way<E> = { exit, session: createQueue(), ping: createQueue(), topics: createQueue() };
      ways.push(way);
      return way;
    },
    isOpen: (way: Way<E>) => ways.includes(way),
    carry(way: Way<E>) {
      lanes.carrier = way;
    },
    close(way: Way<E>) {
      ways.splice(ways.indexOf(way), 1);
      if (lanes.carrier === way) lanes.carrier = undefined;
    },
    next(): Turn<E> | undefined {
      const { carrier } = lanes;
      for (const lane of urgent) {
        const way = wayWith(lane);
        if (way !== undefined) return { way, lane };
      }
      const asking = wayWith('topics');
      const carrying = users.size > 0 && carrier !== undefined && hasRoom(carrier.exit) ? carrier : undefined;
      if (asking !== undefined && (isTopicsTurn || carrying === undefined))
        return { way: asking, lane: 'topics' };
      return carrying && { way: carrying, lane: 'user' };
    },
    take({ way, lane }: Turn<E>) {
      if (lane === 'topics' || lane === 'user') isTopicsTurn = lane === 'user';
      if (lane !== 'user' && ways.length > 1) ways.push(...ways.splice(ways.indexOf(way), 1));
      return (lane === 'user' ? users : way[lane]).shift() as Message<E>;
    },
    isWaiting: () =>
      (users.size > 0 && lanes.carrier !== undefined) ||
      ways.some(({ session, ping, topics }) => session.size + ping.size + topics.size > 0),
  };
  return lanes;
}
