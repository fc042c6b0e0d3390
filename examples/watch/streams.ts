import type { StreamConfig } from 'millrace';
import * as v from 'valibot';

const decimal = v.pipe(v.string(), v.regex(/^\d+(\.\d+)?$/, 'not a decimal'));
const level = v.tuple([decimal, decimal]);
const numbered = { seq: v.number(), time: v.number() };

const Trade = v.object({
  type: v.literal('trade'),
  symbol: v.string(),
  id: v.number(),
  price: decimal,
  size: decimal,
  side: v.picklist(['buy', 'sell']),
  ...numbered,
});

const Ticker = v.object({
  type: v.literal('ticker'),
  symbol: v.string(),
  bid: decimal,
  ask: decimal,
  last: decimal,
  ...numbered,
});

/** Changes `first … seq` of one book in one message. */
const Book = v.object({
  type: v.literal('book'),
  symbol: v.string(),
  first: v.number(),
  bids: v.array(level),
  asks: v.array(level),
  ...numbered,
});

const Order = v.object({
  type: v.literal('order'),
  symbol: v.string(),
  orderId: v.number(),
  updateId: v.number(),
  status: v.string(),
  ...numbered,
});

const Telemetry = v.object({
  type: v.literal('telemetry'),
  mote: v.number(),
  humidity: v.number(),
  temperature: v.number(),
  label: v.picklist([0, 1]),
  ...numbered,
});

/** Gives the callbacks of a stream the type of its schema. */
const stream = <S extends v.GenericSchema>(config: StreamConfig<S>): StreamConfig<S> => config;

/** The streams of the simulated exchange: what a value is, what makes it unique, its order, and how long it may be silent. */
export const streams = {
  trade: stream({
    schema: Trade,
    key: (trade) => trade.id,
    topic: (trade) => trade.symbol,
    sequence: { of: (trade) => trade.seq },
    staleAfterMs: 2_000,
  }),
  ticker: stream({
    schema: Ticker,
    key: (ticker) => `${ticker.symbol}-${ticker.seq}`,
    topic: (ticker) => ticker.symbol,
    sequence: { of: (ticker) => ticker.seq },
    staleAfterMs: 2_000,
  }),
  book: stream({
    schema: Book,
    key: (book) => `${book.symbol}-${book.seq}`,
    topic: (book) => book.symbol,
    sequence: { of: (book) => book.seq, first: (book) => book.first },
    staleAfterMs: 2_000,
  }),
  order: stream({
    schema: Order,
    key: (order) => `${order.orderId}-${order.updateId}`,
    sequence: { of: (order) => order.seq },
    allowSilence: true,
  }),
  telemetry: stream({
    schema: Telemetry,
    key: (reading) => `${reading.mote}-${reading.seq}`,
    topic: (reading) => String(reading.mote),
    sequence: { of: (reading) => reading.seq },
    staleAfterMs: 5_000,
  }),
};
