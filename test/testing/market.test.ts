import * as fc from 'fast-check';
import { createMarket, type MarketConfig, type TelemetryReading } from '../../src/testing/market.js';
import type { Message } from './testClient.js';

const config = { seed: 1, symbols: ['A', 'B'], firstSeq: 1 };
const readings: readonly TelemetryReading[] = [
  { mote: 7, humidity: 45.93, temperature: 27.97, label: 0 },
  { mote: 9, humidity: 50, temperature: 20, label: 1 },
];

/** All that happens in so many ticks. */
const run = (marketConfig: MarketConfig, ticks: number): Message[] => {
  const market = createMarket(marketConfig);
  return Array.from({ length: ticks }, (_, time) =>
    market.tick().map((channel) => channel.message(time) as Message),
  ).flat();
};
const of = (type: string, messages: readonly Message[]): Message[] =>
  messages.filter((message) => message.type === type);

describe('createMarket', () => {
  it('is decided by its seed, byte for byte', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const text = JSON.stringify(run({ ...config, seed }, 50));
        expect(JSON.stringify(run({ ...config, seed }, 50))).toBe(text);
        expect(JSON.stringify(run({ ...config, seed: seed + 1 }, 50))).not.toBe(text);
      }),
    );
  });

  it('numbers each stream per symbol or mote from firstSeq on, without a hole', () => {
    const market = createMarket({ ...config, firstSeq: 10 });
    expect(market.channels.map(({ stream, topic }) => `${stream} ${topic}`)).toStrictEqual([
      'trade A',
      'ticker A',
      'book A',
      'trade B',
      'ticker B',
      'book B',
      'order ',
      'telemetry 1',
      'telemetry 2',
      'telemetry 3',
      'telemetry 4',
    ]);
    for (const channel of market.channels) {
      const [one, two] = [channel.message(0) as Message, channel.message(1) as Message];
      expect(one.first ?? one.seq).toBe(10);
      expect(two.first ?? two.seq).toBe(one.seq! + 1);
    }
  });

  it('lets a book message stand for one to three changes, each linked to the last', () => {
    const books = of('book', run({ ...config, symbols: ['A'] }, 100));
    const widths = new Set(books.map(({ first, seq }) => seq! - first! + 1));

    expect(books.map(({ first }) => first)).toStrictEqual([
      1,
      ...books.slice(0, -1).map(({ seq }) => seq! + 1),
    ]);
    expect(widths).toStrictEqual(new Set([1, 2, 3]));
  });

  it('writes the fields in the order of the protocol, prices and sizes as decimal strings', () => {
    const messages = run(config, 500);
    const shapes = new Set(messages.map((message) => Object.keys(message).join()));

    expect([...shapes].sort()).toStrictEqual([
      'type,mote,seq,humidity,temperature,label,time',
      'type,seq,orderId,updateId,symbol,status,time',
      'type,symbol,first,seq,bids,asks,time',
      'type,symbol,seq,bid,ask,last,time',
      'type,symbol,seq,id,price,size,side,time',
    ]);
    for (const { price, size, side } of of('trade', messages)) {
      expect(price).toMatch(/^\d+\.\d\d$/);
      expect(Number(size)).toBeGreaterThan(0);
      expect(['buy', 'sell']).toContain(side);
    }
    for (const { bid, ask } of of('ticker', messages)) expect(Number(bid)).toBeLessThan(Number(ask));
  });

  it('gives every trade an id of its own, across symbols', () => {
    const ids = of('trade', run({ ...config, firstSeq: 100 }, 200)).map(({ id }) => id);

    expect(ids).toStrictEqual(Array.from({ length: 200 }, (_, index) => 100 + index));
  });

  it('tells of orders once in about 100 ticks, each from NEW to FILLED on one symbol', () => {
    const orders = of('order', run(config, 30_000));
    expect(orders.length).toBeGreaterThan(200);
    expect(orders.length).toBeLessThan(400);
    for (let index = 0; index + 2 < orders.length; index += 3) {
      const life = orders.slice(index, index + 3);
      expect(life.map(({ status }) => status)).toStrictEqual(['NEW', 'PARTIALLY_FILLED', 'FILLED']);
      expect(life.map(({ updateId }) => updateId)).toStrictEqual([1, 2, 3]);
      expect(new Set(life.map(({ orderId }) => orderId))).toStrictEqual(new Set([1 + index / 3]));
      expect(new Set(life.map(({ symbol }) => symbol)).size).toBe(1);
    }
  });

  it('tells readings it was handed in their order, over and over', () => {
    const told = of('telemetry', run({ ...config, telemetry: readings }, 6));

    expect(told.map(({ mote, seq, label }) => [mote, seq, label])).toStrictEqual([
      [7, 1, 0],
      [9, 1, 1],
      [7, 2, 0],
    ]);
    expect(told[0]).toMatchObject({ humidity: 45.93, temperature: 27.97 });
  });

  it('skips a number without a message', () => {
    const [trades] = createMarket(config).channels;
    trades!.skip();

    expect(trades!.message(0)).toMatchObject({ type: 'trade', seq: 2, id: 1 });
  });

  it('trades the symbols in turn', () => {
    const market = createMarket(config);

    expect([market.trade(), market.trade(), market.trade()].map(({ topic }) => topic)).toStrictEqual([
      'A',
      'B',
      'A',
    ]);
  });
});
