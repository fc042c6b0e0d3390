import {
  createFeed,
  type FeedConfig,
  type FeedEvent,
  type FeedStats,
  type Rejected,
  type Schemas,
} from 'millrace';
import { lastValueFrom, merge, tap } from 'rxjs';
import { binanceSpot } from '../../examples/venues/binanceSpot.js';
import { krakenV1 } from '../../examples/venues/krakenV1.js';
import { kucoin } from '../../examples/venues/kucoin.js';
import { okxV5 } from '../../examples/venues/okxV5.js';
import { poloniex } from '../../examples/venues/poloniex.js';
import { signalK } from '../../examples/venues/signalK.js';

/** A value as read from the file, without any code of ours. */
export interface Expected {
  readonly stream: string;
  /** What tells the value from any other; looked up in the delivered one by the same names. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** The numbers of its sequence that it covers, for streams that have one. */
  readonly span?: {
    readonly scope: string;
    readonly from: number;
    readonly to: number;
    readonly isReset: boolean;
  };
}

/** What came out of a feed until its server closed the connection. */
export interface Outcome {
  readonly values: ReadonlyMap<string, readonly unknown[]>;
  readonly events: readonly FeedEvent[];
  readonly rejected: readonly Rejected[];
  readonly stats: FeedStats;
}

export interface Capture {
  readonly file: string;
  /** The streams whose values have a key. */
  readonly keyed: readonly string[];
  /** The streams that the recorded acks confirm, when each is asked for as a whole. */
  readonly confirmed: readonly string[];
  /** Reads one frame of the server; an empty list is no data. */
  readonly read: (frame: unknown) => readonly Expected[];
  /** Runs the example on a server, with the symbols its recorded client asked for. */
  readonly play: (url: string, out: readonly unknown[]) => Promise<Outcome>;
  /** The streams whose subscribe messages stand in the recording, with the position of the first among what was sent. */
  readonly asks?: readonly (readonly [at: number, streams: readonly string[]])[];
  readonly subscribe?: (streams: readonly string[], out: readonly unknown[]) => unknown;
}

/** Subscribes to every stream; the server's own close with 1000 is the end. */
async function play<S extends Schemas>(config: FeedConfig<S>): Promise<Outcome> {
  const feed = createFeed({ ...config, reconnect: { policies: { normal: { action: 'complete' } } } });
  const values = new Map<string, unknown[]>();
  const events: FeedEvent[] = [];
  const rejected: Rejected[] = [];
  feed.events$.pipe(tap((event) => events.push(event))).subscribe(reporting);
  feed.rejected$.pipe(tap((told) => rejected.push(told))).subscribe(reporting);
  const streams = Object.keys(config.streams).map((name) => {
    const got: unknown[] = [];
    values.set(name, got);
    return feed.stream(name).pipe(tap((value) => got.push(value)));
  });
  await lastValueFrom(merge(...streams), { defaultValue: undefined });
  await feed.close();
  return { values, events, rejected, stats: feed.stats() };
}

const reporting = {
  error: (error: unknown): never => {
    throw error;
  },
};

/** What the example would send to ask for whole streams. */
const asking =
  <S extends Schemas>(make: (out: readonly unknown[]) => FeedConfig<S>) =>
  (streams: readonly string[], out: readonly unknown[]): unknown =>
    make(out).subscriptions?.subscribe(
      streams.map((stream) => ({ stream })),
      1,
    );

const pick = (from: object, names: string): Readonly<Record<string, unknown>> =>
  Object.fromEntries(names.split(' ').map((name) => [name, (from as Record<string, unknown>)[name]]));

interface BinanceFrame {
  readonly stream?: string;
  readonly data?: BinanceFrame;
  readonly e?: string;
  readonly s: string;
  readonly U: number;
  readonly u: number;
}

export function readBinance(frame: unknown): Expected[] {
  const { stream: name, data = frame as BinanceFrame } = frame as BinanceFrame;
  if (name?.endsWith('@bookTicker')) return [{ stream: 'bookTicker', facts: pick(data, 's u b B a A') }];
  if (data.e === 'aggTrade') return [{ stream: 'aggTrade', facts: pick(data, 's a p q E T m') }];
  if (data.e === 'kline') return [{ stream: 'kline', facts: pick(data, 's E') }];
  const span = { scope: data.s, from: data.U, to: data.u, isReset: false };
  return [{ stream: 'depth', facts: pick(data, 's U u b a E'), span }];
}

interface OkxFrame {
  readonly arg: { readonly channel: string; readonly instId: string };
  readonly action?: string;
  readonly data?: readonly object[];
}
const okxFacts: Readonly<Record<string, string>> = {
  books: 'asks bids ts checksum',
  trades: 'instId tradeId px sz side ts',
  tickers: 'instId last askPx bidPx ts',
};

function readOkx(frame: unknown): Expected[] {
  const { arg, action, data = [] } = frame as OkxFrame;
  return data.map((item) => ({
    stream: arg.channel,
    facts: {
      ...pick(item, okxFacts[arg.channel]!),
      instId: arg.instId,
      ...(arg.channel === 'books' && { action }),
    },
  }));
}

interface KucoinFrame {
  readonly type: string;
  readonly topic: string;
  readonly data: { readonly sequenceStart: number; readonly sequenceEnd: number };
}
const kucoinFacts: Readonly<Record<string, string>> = {
  level2: 'symbol sequenceStart sequenceEnd changes',
  ticker: 'sequence price size bestAsk bestAskSize bestBid bestBidSize time',
  match: 'symbol sequence side price size tradeId time',
  candles: 'symbol candles time',
};

export function readKucoin(frame: unknown): Expected[] {
  const { type, topic, data } = frame as KucoinFrame;
  if (type !== 'message') return [];
  const [, stream = '', name = ''] = /^\/market\/(\w+):(.*)$/.exec(topic) ?? [];
  const facts = { ...pick(data, kucoinFacts[stream]!), topic: name };
  if (stream !== 'level2') return [{ stream, facts }];
  return [
    { stream, facts, span: { scope: name, from: data.sequenceStart, to: data.sequenceEnd, isReset: false } },
  ];
}

function readKraken(frame: unknown): Expected[] {
  if (!Array.isArray(frame)) return [];
  const [, data, stream, pair] = frame as [number, unknown, string, string];
  if (stream === 'ticker') return [{ stream, facts: { pair, ...(data as object) } }];
  return (data as string[][]).map(([price, volume, time, side, orderType, misc]) => ({
    stream,
    facts: { pair, price, volume, time, side, orderType, misc },
  }));
}

interface PoloniexFrame {
  readonly channel: string;
  readonly action?: string;
  readonly data?: readonly { readonly symbol: string; readonly lastId: number; readonly id: number }[];
}

export function readPoloniex(frame: unknown): Expected[] {
  const { channel: stream, action, data = [] } = frame as PoloniexFrame;
  return data.map((item) => {
    if (stream === 'trades')
      return { stream, facts: pick(item, 'symbol id price quantity amount takerSide ts') };
    return {
      stream,
      facts: { ...pick(item, 'symbol lastId id asks bids ts createTime'), action },
      span: { scope: item.symbol, from: item.lastId + 1, to: item.id, isReset: action === 'snapshot' },
    };
  });
}

interface SignalKFrame {
  readonly context?: string;
  readonly updates?: readonly {
    readonly $source: string;
    readonly timestamp: string;
    readonly values: readonly { readonly path: string; readonly value: unknown }[];
  }[];
}

function readSignalK(frame: unknown): Expected[] {
  const { context, updates = [] } = frame as SignalKFrame;
  return updates.flatMap(({ $source: source, timestamp, values }) =>
    values.map(({ path, value }) => ({
      stream: 'value',
      facts: { context, path, value, source, timestamp },
    })),
  );
}

/** The symbols of the last message that asked for any. */
const okxSymbols = (out: readonly unknown[]): string[] => [
  ...new Set(
    out.flatMap((frame) => (frame as { args: { instId: string }[] }).args.map(({ instId }) => instId)),
  ),
];
const kucoinSymbols = (out: readonly unknown[]): string[] =>
  (out[0] as { topic: string }).topic.replace(/^.*:/, '').split(',');
const krakenSymbols = (out: readonly unknown[]): string[] => (out[0] as { pair: string[] }).pair;
const poloniexSymbols = (out: readonly unknown[]): string[] => (out[0] as { symbols: string[] }).symbols;

/** The recordings that an example was written for. */
export const captures: readonly Capture[] = [
  ...['binance-spot', 'binance-spot-2026-short'].map((name) => ({
    file: `${name}.ndjson`,
    keyed: ['depth', 'bookTicker', 'aggTrade'],
    confirmed: [],
    read: readBinance,
    play: (url: string) => play(binanceSpot({ url, symbols: ['BTCUSDT'] })),
  })),
  {
    file: 'okx-v5.ndjson',
    keyed: ['trades'],
    confirmed: ['books', 'trades', 'tickers'],
    read: readOkx,
    play: (url, out) => play(okxV5({ url, symbols: okxSymbols(out), hasSeqId: false })),
    asks: [
      [0, ['tickers']],
      [1, ['tickers', 'trades']],
      [2, ['tickers', 'trades', 'books']],
    ],
    subscribe: asking((out) => okxV5({ symbols: okxSymbols(out) })),
  },
  {
    file: 'kucoin.ndjson',
    keyed: ['level2', 'match'],
    // The recorded client gave all its requests the id 1, which is our first.
    confirmed: ['level2'],
    read: readKucoin,
    play: (url, out) => play(kucoin({ url, symbols: kucoinSymbols(out) })),
    asks: [[0, ['match', 'candles', 'ticker', 'level2']]],
    subscribe: asking((out) => kucoin({ url: 'ws://unused', symbols: kucoinSymbols(out) })),
  },
  ...['trade', 'ticker'].map((stream) => ({
    file: `kraken-v1-${stream}.ndjson`,
    keyed: [],
    confirmed: [stream],
    read: readKraken,
    play: (url: string, out: readonly unknown[]) => play(krakenV1({ url, symbols: krakenSymbols(out) })),
    asks: [[0, [stream]]] as const,
    subscribe: asking((out) => krakenV1({ symbols: krakenSymbols(out) })),
  })),
  {
    file: 'poloniex.ndjson',
    keyed: ['trades'],
    confirmed: ['book_lv2', 'trades'],
    read: readPoloniex,
    play: (url, out) => play(poloniex({ url, symbols: poloniexSymbols(out) })),
    asks: [
      [0, ['trades']],
      [1, ['book_lv2']],
    ],
    subscribe: asking((out) => poloniex({ symbols: poloniexSymbols(out) })),
  },
  {
    file: 'signalk-1-subscribe-none.ndjson',
    keyed: [],
    // Without an ack in the protocol a topic is confirmed by being asked for.
    confirmed: ['value'],
    read: readSignalK,
    play: (url) => play(signalK({ url })),
    asks: [[1, ['value']]],
    subscribe: asking(() => signalK({ url: 'ws://unused', context: '*' })),
  },
];
