import { walkQuote } from './quote.js';
import { seededRandom } from './random.js';

/** The streams of the simulated exchange. */
export type ExchangeStream = 'trade' | 'ticker' | 'book' | 'order' | 'telemetry';

/** One measurement of a sensor mote. */
export interface TelemetryReading {
  readonly mote: number;
  /** Relative, in percent. */
  readonly humidity: number;
  /** In °C. */
  readonly temperature: number;
  /** 1 where the reading is an anomaly, else 0. */
  readonly label: number;
}

export interface MarketConfig {
  readonly seed: number;
  readonly symbols: readonly string[];
  /** Told in order, over and over; absent: synthetic readings of four motes. */
  readonly telemetry?: readonly TelemetryReading[] | undefined;
  /** What every sequence begins with, and the ids of trades and orders too. */
  readonly firstSeq: number;
}

/** One numbered sequence of messages: a symbol or mote of a stream, or all orders. */
export interface Channel {
  readonly stream: ExchangeStream;
  /** The symbol or mote; '' for orders, which share one sequence. */
  readonly topic: string;
  /** The present state as the next message, with the next number. */
  message(time: number): object;
  /** Uses up a number without a message. */
  skip(): void;
}

/** What happens on the simulated exchange. It has no clock: but for `time`, all of it follows from the seed and the calls. */
export interface Market {
  readonly channels: readonly Channel[];
  /** One thing more happens; tells which channels have news of it. */
  tick(): readonly Channel[];
  /** One thing more happens to the symbol whose turn it is; tells its channel of trades. */
  trade(): Channel;
}

const ORDER_STATUSES = ['NEW', 'PARTIALLY_FILLED', 'FILLED'] as const;

/** One tick in so many is about an order: the stream is silent most of the time. */
const TICKS_PER_ORDER = 100;

export function createMarket({ seed, symbols, telemetry, firstSeq }: MarketConfig): Market {
  const random = seededRandom(seed);
  const fork = (): (() => number) => seededRandom(random() * 2 ** 32);
  const readings = telemetry ?? syntheticReadings(fork());
  let ticks = 0;
  let turn = 0;
  let trades = firstSeq - 1;
  let orderEvents = -1;
  let orderSymbol = '';

  const channel = (
    stream: ExchangeStream,
    topic: string,
    message: (next: (by?: number) => number, time: number) => object,
  ): Channel => {
    let seq = firstSeq - 1;
    const next = (by = 1): number => (seq += by);
    return { stream, topic, message: (time) => message(next, time), skip: () => next() };
  };

  const instruments = symbols.map((symbol) => {
    const walk = walkQuote(fork());
    let quote = walk();
    let moves = 0;
    return {
      symbol,
      /** True every other time: then there is a new ticker. */
      move: (): boolean => {
        quote = walk();
        return ++moves % 2 === 0;
      },
      trade: channel('trade', symbol, (next, time) => {
        const { price, size, side } = quote;
        return { type: 'trade', symbol, seq: next(), id: ++trades, price, size, side, time };
      }),
      ticker: channel('ticker', symbol, (next, time) => {
        const { bid, ask, price: last } = quote;
        return { type: 'ticker', symbol, seq: next(), bid, ask, last, time };
      }),
      book: channel('book', symbol, (next, time) => {
        const { updates, bids, asks } = quote;
        return { type: 'book', symbol, first: next(), seq: next(updates - 1), bids, asks, time };
      }),
    };
  });

  const order = channel('order', '', (next, time) => {
    const step = orderEvents % ORDER_STATUSES.length;
    const orderId = firstSeq + (orderEvents - step) / ORDER_STATUSES.length;
    const status = ORDER_STATUSES[step];
    return { type: 'order', seq: next(), orderId, updateId: step + 1, symbol: orderSymbol, status, time };
  });

  const latest = new Map(readings.map((reading) => [reading.mote, reading]));
  const motes = [...latest.keys()].map((mote) =>
    channel('telemetry', String(mote), (next, time) => {
      const { humidity, temperature, label } = latest.get(mote) ?? {};
      return { type: 'telemetry', mote, seq: next(), humidity, temperature, label, time };
    }),
  );

  return {
    channels: [...instruments.flatMap(({ trade, ticker, book }) => [trade, ticker, book]), order, ...motes],
    tick() {
      const { symbol, move, trade, book, ticker } = pick(
        instruments,
        Math.floor(random() * instruments.length),
      );
      const news: Channel[] = move() ? [trade, book, ticker] : [trade, book];
      if (random() < 1 / TICKS_PER_ORDER) {
        orderEvents += 1;
        if (orderEvents % ORDER_STATUSES.length === 0) orderSymbol = symbol;
        news.push(order);
      }
      // On average a reading for each trade of one symbol.
      if (ticks % instruments.length === 0) {
        const reading = pick(readings, ticks / instruments.length);
        latest.set(reading.mote, reading);
        news.push(...motes.filter(({ topic }) => topic === String(reading.mote)));
      }
      ticks += 1;
      return news;
    },
    trade() {
      const { move, trade } = pick(instruments, turn++);
      move();
      return trade;
    },
  };
}

/** The lists picked from are never empty. */
const pick = <T>(items: readonly T[], index: number): T => items[index % items.length] as T;

/** Four motes in turn, 100 readings each: slow waves, and now and then a spike that is labelled as one. */
function syntheticReadings(random: () => number): TelemetryReading[] {
  return Array.from({ length: 400 }, (_, index) => {
    const wave = Math.sin((index / 400) * 2 * Math.PI);
    const label = random() < 0.02 ? 1 : 0;
    return {
      mote: 1 + (index % 4),
      humidity: Number((45 + 5 * wave + random() + 30 * label).toFixed(2)),
      temperature: Number((26 - 3 * wave + random() / 2 + 15 * label).toFixed(2)),
      label,
    };
  });
}
