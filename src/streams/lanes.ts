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

export interface LanesHooks<E> {
  /** The exit takes more just now. */
  hasRoom(exit: E): boolean;
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
  /** The first whose exit is of that kind. */
  find(is: (exit: E) => boolean): Way<E> | undefined;
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
export const createLanes = <E, U extends Message<E>>(hooks: LanesHooks<E>): Lanes<E, U> =>
  new FairLanes<E, U>(hooks);

/** A class, since every idle connection keeps one: closures of its own took four times the memory. */
class FairLanes<E, U extends Message<E>> implements Lanes<E, U> {
  readonly users = createQueue<U>();
  carrier: Way<E> | undefined = undefined;
  /** The one whose turn comes next first. */
  private ways: readonly Way<E>[] = [];
  private isTopicsTurn = true;

  constructor(private readonly hooks: LanesHooks<E>) {}

  open(exit: E): Way<E> {
    const way: Way<E> = { exit, session: createQueue(), ping: createQueue(), topics: createQueue() };
    this.ways = this.ways.concat(way); // a spread would keep room for 16 more
    return way;
  }

  isOpen(way: Way<E>): boolean {
    return this.ways.includes(way);
  }

  carry(way: Way<E>): void {
    this.carrier = way;
  }

  close(way: Way<E>): void {
    this.ways = this.others(way);
    if (this.carrier === way) this.carrier = undefined;
  }

  find(is: (exit: E) => boolean): Way<E> | undefined {
    return this.ways.find(({ exit }) => is(exit));
  }

  next(): Turn<E> | undefined {
    const { carrier, users } = this;
    for (const lane of urgent) {
      const way = this.wayWith(lane);
      if (way !== undefined) return { way, lane };
    }
    const asking = this.wayWith('topics');
    const carrying =
      users.size > 0 && carrier !== undefined && this.hooks.hasRoom(carrier.exit) ? carrier : undefined;
    if (asking !== undefined && (this.isTopicsTurn || carrying === undefined))
      return { way: asking, lane: 'topics' };
    return carrying && { way: carrying, lane: 'user' };
  }

  take({ way, lane }: Turn<E>): Message<E> {
    if (lane === 'topics' || lane === 'user') this.isTopicsTurn = lane === 'user';
    if (lane !== 'user' && this.ways.length > 1) this.ways = [...this.others(way), way];
    return (lane === 'user' ? this.users : way[lane]).shift() as Message<E>;
  }

  isWaiting(): boolean {
    return (
      (this.users.size > 0 && this.carrier !== undefined) ||
      this.ways.some(({ session, ping, topics }) => session.size + ping.size + topics.size > 0)
    );
  }

  private others(way: Way<E>): readonly Way<E>[] {
    return this.ways.filter((other) => other !== way);
  }

  private wayWith(lane: Lane): Way<E> | undefined {
    for (const way of this.ways) {
      if (way[lane].size > 0 && (lane === 'ping' || this.hooks.hasRoom(way.exit))) return way;
    }
    return undefined;
  }
}
