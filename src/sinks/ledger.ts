import type { ReaderStats } from '../operators/createReaders.js';
import type { SeenKeysStats } from '../operators/seenKeys.js';

/** What became of the messages that arrived; see `isBalanced` for the sum that always holds. */
export interface Counts {
  /** Messages that arrived. */
  readonly received: number;
  /** Handed to the stream's subscribers, of whom there may be none. */
  readonly delivered: number;
  /** Heartbeats, acks, replies, and frames that carry no message at all. */
  readonly control: number;
  /** Could not be used: undecodable, of a wrong shape, or a callback threw on them. */
  readonly rejected: number;
  /** Belong to no stream: told by the event `unrouted`. */
  readonly unrouted: number;
  /** Carry a key that was seen before. */
  readonly duplicate: number;
  /** Lost to the bound of a buffer, or in it at the end: told by the event `overflow`. */
  readonly dropped: number;
  /** Replaced by a newer one of the same key while they waited. */
  readonly conflated: number;
  /** Still on their way. */
  readonly held: number;
}

/** What can become of a message, once and for good. */
export type Outcome = Exclude<keyof Counts, 'received' | 'held'>;

/** The counts of a stream. */
export interface StreamStats extends Counts {
  /** What its memory of keys did; absent for a stream without a `key`. */
  readonly dedupe?: SeenKeysStats;
}

/** The counts of a feed, and of each of its streams from routing on. */
export interface FeedStats extends Counts {
  readonly streams: Readonly<Record<string, StreamStats>>;
  /** How often the readers were of use; absent without `reader`, or where no schema has one. */
  readonly reader?: ReaderStats;
}

/** The page of one stream. */
export interface StreamLedger {
  /** Messages routed here so far. */
  readonly received: number;
  /** A message that the feed holds was routed to this stream. */
  route(): void;
  /** As `settle('delivered')`, for what becomes of most messages: plain increments. */
  deliver(): void;
  /** Settles one message that was routed here, in the stream and in the feed. */
  settle(outcome: Outcome): void;
}

/** The books of a feed. They trust their caller: a message must be received before it is routed or settled. */
export interface Ledger {
  /** Messages arrived, and are held. @default 1 */
  receive(count?: number): void;
  /** A held frame, so far counted as one message, turned out to be `count` of them; with 0 it counts as control. */
  unpack(count: number): void;
  /** Settles held messages that were not routed to a stream. `count` is 1 by default. */
  settle(outcome: Outcome, count?: number): void;
  /**
   * The page of a stream: ask once, not per message.
   *
   * @throws {TypeError} If the ledger was made without that stream.
   */
  stream(name: string): StreamLedger;
  /** The counts as they are now; later messages do not change what was returned. */
  stats(): FeedStats;
}

/**
 * Keeps the counts of a feed, such that they add up at every instant, also inside a callback: what is on its way is
 * counted as `held`, and moves to its outcome in one step. Nothing resets them.
 *
 * @param streams The names of the streams; the table never grows beyond them.
 */
export function createLedger(streams: readonly string[]): Ledger {
  const books = new Books(streams);
  const accounts = new Map(streams.map((name) => [name, accountOf(books.stream(name))]));
  return {
    receive: (count) => books.receive(count),
    unpack: (count) => books.unpack(count),
    settle: (outcome, count) => books.settle(outcome, count),
    stream(name) {
      return accounts.get(name) ?? books.stream(name);
    },
    stats: () => books.stats(),
  };
}

/** What may be taken apart. */
function accountOf(page: StreamLedger): StreamLedger {
  const account = {
    // A plain property: with a getter each account would be a dictionary to the engine, and slower to call.
    received: 0,
    route() {
      page.route();
      account.received = page.received;
    },
    deliver: () => page.deliver(),
    settle: (outcome: Outcome) => page.settle(outcome),
  };
  return account;
}

/** As `createLedger`, for who does not take it apart: a quarter of the memory, as its methods are not its own. */
export class Books implements Ledger {
  private readonly feed = new Page('', undefined);
  private readonly pages: readonly Page[];

  constructor(streams: readonly string[]) {
    this.pages = Array.from(new Set(streams), (name) => new Page(name, this.feed));
  }

  receive(count = 1): void {
    const { feed } = this;
    feed.received += count;
    feed.held += count;
  }

  unpack(count: number): void {
    if (count === 0) this.settle('control');
    else this.receive(count - 1);
  }

  settle(outcome: Outcome, count = 1): void {
    enter(this.feed, outcome, count);
  }

  stream(name: string): StreamLedger {
    const page = this.pages.find((each) => each.name === name);
    if (page === undefined) throw new TypeError(`createLedger: no stream is called ${name}`);
    return page;
  }

  stats(): FeedStats {
    return {
      ...this.feed.counts(),
      streams: Object.fromEntries(this.pages.map((page) => [page.name, page.counts()])),
    };
  }
}

/** The counts of a stream, or of the feed: one shape for all, so that counting stays a plain increment. */
class Page implements StreamLedger {
  received = 0;
  delivered = 0;
  control = 0;
  rejected = 0;
  unrouted = 0;
  duplicate = 0;
  dropped = 0;
  conflated = 0;
  held = 0;

  constructor(
    readonly name: string,
    /** That of the feed, of a stream's. */
    private readonly feed: Page | undefined,
  ) {}

  route(): void {
    this.received += 1;
    this.held += 1;
  }

  deliver(): void {
    const { feed } = this;
    this.held -= 1;
    this.delivered += 1;
    if (feed === undefined) return;
    feed.held -= 1;
    feed.delivered += 1;
  }

  settle(outcome: Outcome): void {
    enter(this, outcome, 1);
    if (this.feed !== undefined) enter(this.feed, outcome, 1);
  }

  counts(): Counts {
    const { received, delivered, control, rejected, unrouted, duplicate, dropped, conflated, held } = this;
    return { received, delivered, control, rejected, unrouted, duplicate, dropped, conflated, held };
  }
}

/** Name by name: `page[outcome]` is looked up each time, at ten times the price. */
function enter(page: Page, outcome: Outcome, count: number): void {
  page.held -= count;
  switch (outcome) {
    case 'delivered':
      page.delivered += count;
      break;
    case 'duplicate':
      page.duplicate += count;
      break;
    case 'control':
      page.control += count;
      break;
    case 'conflated':
      page.conflated += count;
      break;
    case 'dropped':
      page.dropped += count;
      break;
    case 'rejected':
      page.rejected += count;
      break;
    case 'unrouted':
      page.unrouted += count;
      break;
  }
}

/**
 * Whether every message is accounted for: `received = delivered + control + rejected + unrouted + duplicate + dropped +
 * conflated + held`, and none was settled that was never received.
 */
export function isBalanced(counts: Counts): boolean {
  const { received, delivered, control, rejected, unrouted, duplicate, dropped, conflated, held } = counts;
  const settled = delivered + control + rejected + unrouted + duplicate + dropped + conflated;
  return held >= 0 && received === settled + held;
}
