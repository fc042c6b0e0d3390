import { createFeed, type FeedConfig, type Schemas } from 'millrace';
import { scriptedTransport } from 'millrace/testing';
import { timer } from 'rxjs';
import { ascendex } from '../../examples/venues/ascendex.js';
import { binanceFutures } from '../../examples/venues/binanceFutures.js';
import { binanceSpot } from '../../examples/venues/binanceSpot.js';
import { bitfinex } from '../../examples/venues/bitfinex.js';
import { bybitV2 } from '../../examples/venues/bybitV2.js';
import { coinbase } from '../../examples/venues/coinbase.js';
import { dydxV4 } from '../../examples/venues/dydxV4.js';
import { gateioV4 } from '../../examples/venues/gateioV4.js';
import { hitbtcV2 } from '../../examples/venues/hitbtcV2.js';
import { krakenFutures } from '../../examples/venues/krakenFutures.js';
import { kucoin } from '../../examples/venues/kucoin.js';
import { okxV5 } from '../../examples/venues/okxV5.js';
import { poloniex } from '../../examples/venues/poloniex.js';
import { marbles } from '../marbles.js';

type Book = Readonly<Record<string, number>>;

/**
 * What comes through of messages of one a millisecond, in order, and what is told of it.
 *
 * @param number The name of the number that a value is shown by.
 * @param next The messages of a second connection.
 */
const check = <S extends Schemas>(
  config: FeedConfig<S>,
  stream: keyof S & string,
  number: string,
  messages: readonly unknown[],
  expected: { readonly seen: readonly unknown[]; readonly told: readonly string[] },
  next: readonly unknown[] = [],
): (() => void) =>
  marbles(({ flush }) => {
    const letters = 'abcdefghijk'.slice(0, messages.length);
    const later = 'uvwxyz'.slice(0, next.length);
    const frames = Object.fromEntries([
      ...messages.map((message, index) => [letters.charAt(index), message] as const),
      ...next.map((message, index) => [later.charAt(index), message] as const),
    ]);
    const transport = scriptedTransport([`o${letters}${later && '|'}`, `o${later}`], frames);
    const feed = createFeed<S>({ ...config, transport });
    const seen: unknown[] = [];
    const told: string[] = [];
    feed.events$.subscribe((event) => {
      if (event.type === 'gap') told.push(`${event.topic ?? ''} ${event.after}..${event.before}`);
      else if (event.type === 'late' || event.type === 'rejected') told.push(event.type);
    });
    feed.stream(stream).subscribe((value) => seen.push((value as Book)[number]));
    timer(9_000).subscribe(() => void feed.close({ timeoutMs: 0 }));
    flush();

    expect({ seen, told }).toStrictEqual(expected);
  });

describe('Binance spot', () => {
  const depth = (s: string, U: number, u: number) => ({ e: 'depthUpdate', E: 1, s, U, u, b: [], a: [] });
  const config = binanceSpot({ symbols: ['AAA', 'BBB'] });

  it(
    'a book goes on at u + 1, and each symbol counts for itself',
    check(
      config,
      'depth',
      'u',
      [
        depth('AAA', 1, 3),
        depth('BBB', 70, 75),
        depth('AAA', 4, 4),
        depth('AAA', 7, 9),
        depth('BBB', 76, 76),
      ],
      { seen: [3, 75, 4, 9, 76], told: ['AAA 4..7'] },
    ),
  );
});

describe('Binance futures', () => {
  const depth = (pu: number, U: number, u: number) => ({
    ...{ e: 'depthUpdate', E: 1, T: 1, s: 'AAA', b: [], a: [] },
    ...{ pu, U, u },
  });
  const config = binanceFutures({ symbols: ['AAA'] });

  it(
    'a book goes on where pu is the last u, however far apart its numbers',
    check(config, 'depth', 'u', [depth(90, 95, 100), depth(100, 130, 135), depth(135, 136, 140)], {
      seen: [100, 135, 140],
      told: [],
    }),
  );

  it(
    'a pu that was not seen is a gap',
    check(config, 'depth', 'u', [depth(90, 95, 100), depth(120, 121, 135), depth(135, 136, 140)], {
      seen: [100, 135, 140],
      told: ['AAA 100..121'],
    }),
  );
});

describe('KuCoin', () => {
  const level2 = (sequenceStart: number, sequenceEnd: number) => ({
    type: 'message',
    topic: '/market/level2:AAA-BBB',
    data: { symbol: 'AAA-BBB', sequenceStart, sequenceEnd, changes: { asks: [], bids: [] } },
  });

  it(
    'a book goes on at sequenceEnd + 1, and an overlap is no gap',
    check(
      kucoin({ symbols: ['AAA-BBB'], url: 'ws://feed.test' }),
      'level2',
      'sequenceEnd',
      [level2(1, 3), level2(4, 4), level2(4, 8), level2(10, 11)],
      { seen: [3, 4, 8, 11], told: ['AAA-BBB 8..10'] },
    ),
  );
});

describe('OKX', () => {
  const book = (prevSeqId: number, seqId: number, action = 'update') => ({
    arg: { channel: 'books', instId: 'AAA' },
    action,
    data: [{ asks: [], bids: [], ts: '1', checksum: 0, prevSeqId, seqId }],
  });
  const config = okxV5({ symbols: ['AAA'] });

  it(
    'a book goes on where prevSeqId is the last seqId, also by a keep-alive that repeats it',
    check(config, 'books', 'seqId', [book(-1, 10, 'snapshot'), book(10, 15), book(15, 15), book(15, 20)], {
      seen: [10, 15, 15, 20],
      told: [],
    }),
  );

  it(
    'a keep-alive shows that the update before it was lost',
    check(config, 'books', 'seqId', [book(-1, 10, 'snapshot'), book(15, 15), book(15, 20)], {
      seen: [10, 15, 20],
      told: ['AAA 10..16'],
    }),
  );

  it(
    'a snapshot begins anew at any number',
    check(config, 'books', 'seqId', [book(-1, 10, 'snapshot'), book(-1, 4, 'snapshot'), book(4, 6)], {
      seen: [10, 4, 6],
      told: [],
    }),
  );

  it(
    'an update that is numbered lower, after maintenance, goes on where it links to the last',
    check(config, 'books', 'seqId', [book(-1, 10, 'snapshot'), book(10, 3), book(3, 5)], {
      seen: [10, 3, 5],
      told: [],
    }),
  );

  it(
    'the loss of that very update is told as soon as two of the new numbering link',
    check(config, 'books', 'seqId', [book(-1, 10, 'snapshot'), book(3, 5), book(5, 7), book(7, 8)], {
      seen: [10, 5, 7, 8],
      told: ['late', 'AAA 10..6'],
    }),
  );
});

describe('Kraken futures', () => {
  const snapshot = (seq: number) => ({
    ...{ feed: 'book_snapshot', product_id: 'PI_AAA', timestamp: 1, bids: [], asks: [] },
    seq,
  });
  const delta = (seq: number) => ({
    ...{ feed: 'book', product_id: 'PI_AAA', side: 'buy', price: 1, qty: 2, timestamp: 1 },
    seq,
  });

  it(
    'a book counts by one, anew from each snapshot',
    check(
      krakenFutures({ products: ['PI_AAA'] }),
      'book',
      'seq',
      [snapshot(7), delta(8), delta(10), snapshot(3), delta(4)],
      { seen: [7, 8, 10, 3, 4], told: ['PI_AAA 8..10'] },
    ),
  );
});

describe('Coinbase', () => {
  const message = (sequence_num: number, channel: string) => ({
    ...{ channel, client_id: '', timestamp: '2026-01-01T00:00:00.000Z', events: [] },
    sequence_num,
  });
  const config = coinbase({ products: ['AAA-USD'], channels: ['level2'] });

  it(
    'all channels count together, heartbeats and confirmations too',
    check(
      config,
      'message',
      'sequence_num',
      [
        message(0, 'subscriptions'),
        message(1, 'heartbeats'),
        message(2, 'l2_data'),
        message(4, 'heartbeats'),
      ],
      { seen: [0, 1, 2, 4], told: ['heartbeats 2..4'] },
    ),
  );

  it(
    'each connection counts anew',
    check(
      config,
      'message',
      'sequence_num',
      [message(0, 'l2_data'), message(1, 'l2_data')],
      { seen: [0, 1, 0, 2], told: ['l2_data 0..2'] },
      [message(0, 'l2_data'), message(2, 'l2_data')],
    ),
  );
});

describe('Bitfinex', () => {
  const config = bitfinex({ channels: [{ channel: 'trades', symbol: 'tAAAUSD' }] });

  it(
    'all channels count together, and heartbeats with them',
    check(
      config,
      'message',
      'seq',
      [{ event: 'info' }, [17, [[1, 2]], 1], [18, 'hb', 2], [17, 'tu', [1, 2, 3], 3], [18, 'hb', 5]],
      { seen: [1, 2, 3, 5], told: ['hb 3..5'] },
    ),
  );

  it(
    'who listens to a channel does not get its heartbeats, and messages keep their shape',
    marbles(({ flush }) => {
      const transport = scriptedTransport('oab', { a: [17, 'tu', [1, 2], 1], b: [17, 'hb', 2] });
      const feed = createFeed({ ...config, transport });
      const seen: unknown[] = [];
      feed.stream('message', '17').subscribe((value) => seen.push(value));
      const sent: unknown[] = [];
      transport.sends$.subscribe((message) => sent.push(message));
      timer(100).subscribe(() => void feed.close({ timeoutMs: 0 }));
      flush();

      expect(seen).toStrictEqual([{ channel: 17, data: ['tu', [1, 2]], seq: 1 }]);
      expect(sent).toStrictEqual([
        { event: 'conf', flags: 65_536 },
        { event: 'subscribe', channel: 'trades', symbol: 'tAAAUSD' },
      ]);
    }),
  );
});

describe('dYdX', () => {
  const message = (message_id: number, type = 'channel_data') => ({
    ...{ type, connection_id: 'x', channel: 'v4_trades', id: 'AAA-USD', contents: {} },
    message_id,
  });
  const config = dydxV4({ channels: [{ channel: 'v4_trades', id: 'AAA-USD' }] });

  it(
    'messages that overtook each other come out in order, and nothing is missing',
    check(
      config,
      'message',
      'message_id',
      [message(0, 'connected'), message(2), message(1), message(5), message(4), message(3), message(6)],
      { seen: [0, 1, 2, 3, 4, 5, 6], told: [] },
    ),
  );

  it(
    'what has not come after half a second is missing',
    check(config, 'message', 'message_id', [message(0, 'connected'), message(2)], {
      seen: [0, 2],
      told: ['v4_trades/AAA-USD 0..2'],
    }),
  );
});

describe('Gate.io', () => {
  const update = (s: string, U: number, u: number) => ({
    ...{ time: 1, channel: 'spot.order_book_update', event: 'update' },
    result: { t: 1, e: 'depthUpdate', E: 1, s, U, u, b: [], a: [] },
  });

  it(
    'a book goes on at u + 1, and each pair counts for itself',
    check(
      gateioV4({ pairs: ['A_B', 'C_D'] }),
      'depth',
      'u',
      [update('A_B', 1, 3), update('C_D', 70, 75), update('A_B', 4, 6), update('A_B', 9, 9)],
      { seen: [3, 75, 6, 9], told: ['A_B 6..9'] },
    ),
  );
});

describe('Poloniex', () => {
  const book = (lastId: number, id: number, action = 'update') => ({
    ...{ channel: 'book_lv2', action },
    data: [{ symbol: 'A_B', createTime: 1, asks: [], bids: [], lastId, id, ts: 1 }],
  });

  it(
    'a book goes on where lastId is the last id, anew from each snapshot',
    check(
      poloniex({ symbols: ['A_B'] }),
      'book_lv2',
      'id',
      [book(6, 7, 'snapshot'), book(7, 11), book(14, 15), book(3, 4, 'snapshot'), book(4, 5)],
      { seen: [7, 11, 15, 4, 5], told: ['A_B 11..15'] },
    ),
  );
});

describe('HitBTC', () => {
  const book = (sequence: number, method = 'updateOrderbook') => ({
    ...{ jsonrpc: '2.0', method },
    params: { ask: [], bid: [], symbol: 'AAABTC', sequence, timestamp: '2021-07-15T03:06:43.095Z' },
  });

  it(
    'a book counts by one, and a snapshot has the number of the last update',
    check(
      hitbtcV2({ symbols: ['AAABTC'] }),
      'book',
      'sequence',
      [book(7, 'snapshotOrderbook'), book(8), book(8, 'snapshotOrderbook'), book(9), book(11)],
      { seen: [7, 8, 8, 9, 11], told: ['AAABTC 9..11'] },
    ),
  );
});

describe('AscendEX', () => {
  const depth = (seqnum: number, m = 'depth') => ({
    ...{ m, symbol: 'A/B' },
    data: { ts: 1, seqnum, asks: [], bids: [] },
  });

  it(
    'a book counts by one, and the snapshot comes between, with the number of the last update',
    check(
      ascendex({ symbols: ['A/B'] }),
      'depth',
      'seqnum',
      [depth(7), depth(8), depth(8, 'depth-snapshot'), depth(9), depth(11)],
      { seen: [7, 8, 8, 9, 11], told: ['A/B 9..11'] },
    ),
  );
});

describe('Bybit', () => {
  const book = (number: number, type = 'delta') => ({
    ...{ topic: 'orderBookL2_25.AAAUSDT', type, data: {} },
    ...{ cross_seq: String(number), timestamp_e6: '1000' },
  });

  it(
    'a book only rises: what is late is told, and what is missing is not',
    check(
      bybitV2({ symbols: ['AAAUSDT'] }),
      'book',
      'cross_seq',
      [book(7, 'snapshot'), book(9), book(30), book(12), book(31)],
      { seen: ['7', '9', '30', '12', '31'], told: ['late'] },
    ),
  );
});
