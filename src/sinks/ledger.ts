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
  /** Belong to no stream. */
  readonly unrouted: number;
  /** Carry a key that was seen before. */
  readonly duplicate: number;
  /** Lost to the bound of a buffer. */
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

type Page = { -readonly [Count in keyof Counts]: number };

/** One shape for every page, so that counting stays a plain increment. */
const blankPage = (): Page => ({
  received: 0,
  delivered: 0,
  control: 0,
  rejected: 0,
  unrouted: 0,
  duplicate: 0,
  dropped: 0,
  conflated: 0,
  held: 0,
});

/**
 * Keeps the counts of a feed, such that they add up at every instant, also inside a callback: what is on its way is
 * counted as `held`, and moves to its outcome in one step. Nothing resets them.
 *
 * @param streams The names of the streams; the table never grows beyond them.
 */
export function createLedger(streams: readonly string[]): Ledger {
  const feed = blankPage();
  const pages = new Map(streams.map((name) => [name, blankPage()]));
  const accounts = new Map(Array.from(pages, ([name, page]) => [name, createAccount(page, feed)]));

  const settle = (outcome: Outcome, count = 1): void => enter(feed, outcome, count);

  return {
    receive(count = 1) {
      feed.received += count;
      feed.held += count;
    },
    unpack(count) {
      if (count === 0) {
        settle('control');
        return;
      }
      feed.received += count - 1;
      feed.held += count - 1;
    },
    settle,
    stream(name) {
      const account = accounts.get(name);
      if (account === undefined) throw new TypeError(`createLedger: no stream is called ${name}`);
      return account;
    },
    stats: () => ({
      ...feed,
      streams: Object.fromEntries(Array.from(pages, ([name, page]) => [name, { ...page }])),
    }),
  };
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

function createAccount(page: Page, feed: Page): StreamLedger {
  const account = {
    // A plain property: with a getter each account would be a dictionary to the engine, and slower to call.
    received: 0,
    route() {
      page.received += 1;
      page.held += 1;
      account.received = page.received;
    },
    deliver() {
      page.held -= 1;
      page.delivered += 1;
      feed.held -= 1;
      feed.delivered += 1;
    },
    settle(outcome: Outcome) {
      enter(page, outcome, 1);
      enter(feed, outcome, 1);
    },
  };
  return account;
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
