import { createFeed, type Feed, type FeedConfig, type FeedEvent, type Schemas } from 'millrace';
import { scriptedTransport, type ScriptedTransportConfig } from 'millrace/testing';
import { from, map, type Observable, takeUntil, timer } from 'rxjs';
import { binanceSpot } from '../../examples/venues/binanceSpot.js';
import { krakenV1 } from '../../examples/venues/krakenV1.js';
import { kucoin } from '../../examples/venues/kucoin.js';
import { okxV5 } from '../../examples/venues/okxV5.js';
import { poloniex } from '../../examples/venues/poloniex.js';
import { signalK } from '../../examples/venues/signalK.js';
import { marbles } from '../marbles.js';

interface Scene<S extends Schemas> {
  readonly feed: Feed<S>;
  /** What the client sent, decoded, in order. */
  readonly sent: readonly unknown[];
  /** The events a venue's definition decides on, each as a line. */
  readonly told: readonly string[];
}

/** A venue's feed on a script of one connection, in virtual time; it would run for ever and is closed at `endMs`. */
function scene<S extends Schemas>(
  config: FeedConfig<S>,
  script: string,
  frames: Readonly<Record<string, unknown>> = {},
  { endMs = 100, ...server }: ScriptedTransportConfig & { readonly endMs?: number } = {},
): Scene<S> {
  const transport = scriptedTransport(script, frames, server);
  const feed = createFeed<S>({ random: () => 0.5, ...config, transport });
  const sent: unknown[] = [];
  const told: string[] = [];
  transport.sends$.subscribe((message) => sent.push(message));
  feed.events$.subscribe((event) => told.push(...lineOf(event)));
  timer(endMs).subscribe(() => void feed.close({ timeoutMs: 0 }));
  return { feed, sent, told };
}

/** One line, or none for what is the feed's own affair: its states, and what it asks for. */
function lineOf(event: FeedEvent): string[] {
  const name = 'topic' in event ? `${event.stream}/${event.topic}` : 'stream' in event ? event.stream : '';
  switch (event.type) {
    case 'subscribed':
    case 'duplicate':
    case 'late':
    case 'ackOverdue':
      return [`${event.type} ${name}`];
    case 'gap':
      return [`gap ${name} ${event.after}..${event.before}`];
    case 'rejected':
      return [`rejected ${event.rejected.stream ?? ''} ${event.rejected.reason}`];
    case 'subscriptionRefused':
      return [`refused ${name} ${JSON.stringify((event.error as Error).cause)}`];
    case 'pong':
    case 'hookFailed':
    case 'gaveUp':
    case 'retry':
      return [event.type];
    default:
      return [];
  }
}

/** The values so far; typed, so that an expectation of `typeof values` also checks what the schema promises. */
function valuesOf<T>(stream$: Observable<T>): T[] {
  const values: T[] = [];
  stream$.subscribe((value) => values.push(value));
  return values;
}

/** How much longer than the fastest a stream's last value took: right only if its times are read in ms. */
const lagOf = ({ health }: Pick<Feed<Schemas>, 'health'>, name: string): number | undefined =>
  health.status().find(({ stream, topic }) => stream === name && topic === undefined)?.lagMs;

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

/** Listens until then. */
const leaveAt = (ms: number, stream$: Observable<unknown>): void =>
  void stream$.pipe(takeUntil(timer(ms))).subscribe();

describe('binanceSpot', () => {
  const config = binanceSpot({ symbols: ['AAAUSDT', 'BBBUSDT'] });
  const depth = (s: string, U: number, u: number, E = 0) => ({
    stream: `${s.toLowerCase()}@depth@100ms`,
    data: { e: 'depthUpdate', E, s, U, u, b: [['1.5', '0']], a: [] },
  });
  const quote = (u: number) => ({ u, s: 'AAAUSDT', b: '1', B: '2', a: '3', A: '4' });
  const trade = (a: number) => ({
    e: 'aggTrade',
    E: 7,
    s: 'BBBUSDT',
    a,
    p: '1.5',
    q: '2',
    f: 1,
    l: 1,
    T: 6,
    m: true,
  });
  const candle = { t: 0, T: 59, i: '1m', o: '1', c: '2', h: '3', l: '0.5', v: '9', x: false };

  it(
    'delivers each stream on its topic, from combined frames and raw ones',
    marbles(({ flush }) => {
      const { feed, told } = scene(config, 'odqtk', {
        d: depth('AAAUSDT', 4, 6),
        q: { stream: 'aaausdt@bookTicker', data: quote(6) },
        t: trade(1),
        k: { e: 'kline', E: 8, s: 'BBBUSDT', k: { ...candle, n: 3, ignored: '0' } },
      });
      const depths = valuesOf(feed.stream('depth', 'AAAUSDT'));
      const quotes = valuesOf(feed.stream('bookTicker', 'AAAUSDT'));
      const trades = valuesOf(feed.stream('aggTrade', 'BBBUSDT'));
      const candles = valuesOf(feed.stream('kline', 'BBBUSDT'));
      const others = valuesOf(feed.stream('aggTrade', 'AAAUSDT'));
      flush();

      expect(depths).toStrictEqual<typeof depths>([
        { e: 'depthUpdate', E: 0, s: 'AAAUSDT', U: 4, u: 6, b: [['1.5', '0']], a: [] },
      ]);
      expect(quotes).toStrictEqual<typeof quotes>([quote(6)]);
      expect(trades).toStrictEqual<typeof trades>([
        { e: 'aggTrade', E: 7, s: 'BBBUSDT', a: 1, p: '1.5', q: '2', T: 6, m: true },
      ]);
      expect(candles).toStrictEqual<typeof candles>([{ e: 'kline', E: 8, s: 'BBBUSDT', k: candle }]);
      expect(others).toStrictEqual([]);
      expect(told).toStrictEqual([]);
      expect(feed.stats()).toMatchObject({ received: 4, delivered: 4 });
    }),
  );

  it(
    'asks by the names of the wire, gives up alike, and is confirmed or refused by id',
    marbles(({ flush }) => {
      const { feed, sent, told } = scene(
        config,
        'o',
        {},
        {
          reply: (message) => {
            const { id } = message as { id: number };
            return id === 2 ? { error: { code: 2, msg: 'no' }, id } : { result: null, id };
          },
        },
      );
      feed.stream('depth').subscribe();
      leaveAt(20, feed.stream('kline', 'BBBUSDT'));
      at(10, () => feed.stream('aggTrade', 'NONE').subscribe({ error: () => undefined }));
      at(30, () => {
        expect(feed.stats()).toMatchObject({ received: 3, control: 3 });
      });
      flush();

      expect(sent).toStrictEqual([
        {
          method: 'SUBSCRIBE',
          params: ['aaausdt@depth@100ms', 'bbbusdt@depth@100ms', 'bbbusdt@kline_1m'],
          id: 1,
        },
        { method: 'SUBSCRIBE', params: ['none@aggTrade'], id: 2 },
        { method: 'UNSUBSCRIBE', params: ['bbbusdt@kline_1m'], id: 3 },
      ]);
      expect(told).toStrictEqual([
        'subscribed depth',
        'subscribed kline/BBBUSDT',
        'refused aggTrade/NONE {"code":2,"msg":"no"}',
      ]);
    }),
  );

  it(
    'tells a hole in one book or in the trades, and none where updates meet or overlap',
    marbles(({ flush }) => {
      const { feed, told } = scene(config, 'oabcdeuv', {
        a: depth('AAAUSDT', 1, 3),
        b: depth('BBBUSDT', 50, 60),
        c: depth('AAAUSDT', 4, 6),
        d: depth('AAAUSDT', 9, 9),
        e: depth('BBBUSDT', 60, 61),
        u: trade(1),
        v: trade(3),
      });
      const updates = valuesOf(feed.stream('depth').pipe(map(({ u }): number => u)));
      flush();

      expect(updates).toStrictEqual([3, 60, 6, 9, 61]);
      expect(told).toStrictEqual(['gap depth/AAAUSDT 6..9', 'gap aggTrade/BBBUSDT 1..3']);
    }),
  );

  it(
    'drops what it says twice, but not the same number of another symbol',
    marbles(({ flush }) => {
      const { feed, told } = scene(config, 'oaabqqtt', {
        a: depth('AAAUSDT', 1, 3),
        b: depth('BBBUSDT', 1, 3),
        q: quote(3),
        t: trade(1),
      });
      feed.stream('depth').subscribe();
      flush();

      expect(told).toStrictEqual([
        'duplicate depth/AAAUSDT',
        'duplicate bookTicker/AAAUSDT',
        'duplicate aggTrade/BBBUSDT',
      ]);
      expect(feed.stats()).toMatchObject({ delivered: 4, duplicate: 3 });
    }),
  );

  it(
    'rejects a misfit, and leaves what it has no stream for unrouted',
    marbles(({ flush }) => {
      const { feed, told } = scene(config, 'omn', {
        m: { ...trade(1), p: 1.5 },
        n: { e: 'avgPrice', s: 'AAAUSDT' },
      });
      feed.stream('aggTrade').subscribe();
      flush();

      expect(told).toStrictEqual(['rejected aggTrade schema']);
      expect(feed.stats()).toMatchObject({ received: 2, rejected: 1, unrouted: 1 });
    }),
  );

  it(
    'reads times as milliseconds',
    marbles(({ flush }) => {
      const frames = { a: depth('AAAUSDT', 1, 1, 90), b: depth('AAAUSDT', 2, 2, 80) };
      const { feed } = scene(config, 'oa-b', frames);
      feed.stream('depth').subscribe();
      at(10, () => {
        expect(lagOf(feed, 'depth')).toBe(12);
      });
      flush();
    }),
  );
});

describe('krakenV1', () => {
  const config = krakenV1({ symbols: ['AAA/USD', 'BBB/USD'] });
  const item = (time = '0.005') => ['1.5', '2.0', time, 'b', 'l', ''];
  const trades = (pair: string, ...items: unknown[]) => [9, items, 'trade', pair];
  const twice = ['1', '2'];
  const ticker = {
    a: ['1', 2, '3'],
    b: ['1', 2, '3'],
    c: twice,
    v: twice,
    p: twice,
    t: [4, 5],
    l: twice,
    h: twice,
    o: twice,
  };

  interface Request {
    readonly event: string;
    readonly reqid: number;
    readonly pair: readonly string[];
    readonly subscription: { readonly name: string };
  }
  /** One status a pair; it knows no `NONE`. */
  const reply = (message: unknown): unknown => {
    const { event, pair: pairs, reqid, subscription } = message as Request;
    if (event === 'ping') return { event: 'pong', reqid };
    return from(
      pairs.map((pair) =>
        pair === 'NONE'
          ? { errorMessage: 'unknown', event: 'subscriptionStatus', pair, status: 'error', subscription }
          : { channelID: 9, event: 'subscriptionStatus', pair, status: `${event}d`, subscription },
      ),
    );
  };

  it(
    'takes arrays of trades apart and names their fields',
    marbles(({ flush }) => {
      const { feed } = scene(config, 'oabt', {
        a: trades('AAA/USD', item('1.25'), item('1.5')),
        b: trades('BBB/USD', item()),
        t: [8, ticker, 'ticker', 'BBB/USD'],
      });
      const sold = valuesOf(feed.stream('trade', 'AAA/USD'));
      const tickers = valuesOf(feed.stream('ticker', 'BBB/USD'));
      flush();

      const common = {
        pair: 'AAA/USD',
        price: '1.5',
        volume: '2.0',
        side: 'b',
        orderType: 'l',
        misc: '',
      } as const;
      expect(sold).toStrictEqual<typeof sold>([
        { ...common, time: '1.25' },
        { ...common, time: '1.5' },
      ]);
      expect(tickers).toMatchObject([{ pair: 'BBB/USD', a: ['1', 2, '3'], t: [4, 5], o: ['1', '2'] }]);
      expect(feed.stats()).toMatchObject({ received: 4, delivered: 4 });
    }),
  );

  it(
    'asks once a channel for all its pairs, gives up alike, and is confirmed or refused by pair',
    marbles(({ flush }) => {
      const { feed, sent, told } = scene(config, 'o', {}, { reply });
      feed.stream('trade').subscribe();
      feed.stream('trade', 'NONE').subscribe({ error: () => undefined });
      leaveAt(20, feed.stream('ticker', 'BBB/USD'));
      at(30, () => {
        expect(feed.stats()).toMatchObject({ received: 5, control: 5 });
      });
      flush();

      const [trade, ticker] = [{ name: 'trade' }, { name: 'ticker' }];
      expect(sent).toStrictEqual([
        { event: 'subscribe', reqid: 1, pair: ['AAA/USD', 'BBB/USD', 'NONE'], subscription: trade },
        { event: 'subscribe', reqid: 1, pair: ['BBB/USD'], subscription: ticker },
        { event: 'unsubscribe', reqid: 2, pair: ['BBB/USD'], subscription: ticker },
      ]);
      expect(told).toStrictEqual([
        'subscribed trade',
        'refused trade/NONE "unknown"',
        'subscribed ticker/BBB/USD',
      ]);
    }),
  );

  it(
    'counts its greeting and heartbeats as control, and keeps every digit of the connection id',
    marbles(({ flush }) => {
      const greeting =
        '{"connectionID": 18000000000000000001, "event": "systemStatus", "status": "online", "version": "1"}';
      const { feed, told } = scene(config, 'ogh', { g: greeting, h: { event: 'heartbeat' } });
      feed.stream('trade').subscribe();
      flush();

      expect(feed.stats()).toMatchObject({ received: 2, control: 2 });
      expect(told).toStrictEqual([]);
      expect(config.codec?.decode(greeting)).toMatchObject({ connectionID: '18000000000000000001' });
    }),
  );

  it(
    'pings in its own words after 10 s of silence',
    marbles(({ flush }) => {
      const { feed, sent, told } = scene(config, 'o', {}, { reply, endMs: 15_000 });
      feed.stream('trade', 'AAA/USD').subscribe();
      at(9_999, () => {
        expect(sent).toHaveLength(1);
      });
      flush();

      expect(sent[1]).toStrictEqual({ event: 'ping' });
      expect(told).toStrictEqual(['subscribed trade/AAA/USD', 'pong']);
    }),
  );

  it(
    'takes nothing for a repetition or a hole, for its trades have no identity',
    marbles(({ flush }) => {
      const { feed, told } = scene(config, 'oaa', { a: trades('AAA/USD', item(), item()) });
      feed.stream('trade').subscribe();
      flush();

      expect(told).toStrictEqual([]);
      expect(feed.stats()).toMatchObject({ delivered: 4, duplicate: 0 });
    }),
  );

  it(
    'rejects a misfit alone, not the trades beside it, and reads times as seconds',
    marbles(({ flush }) => {
      const { feed, told } = scene(config, 'oa-b', {
        a: trades('AAA/USD', item('0.090'), item('soon')),
        b: trades('AAA/USD', item('0.080')),
      });
      feed.stream('trade').subscribe();
      at(10, () => {
        expect(lagOf(feed, 'trade')).toBe(12);
      });
      flush();

      expect(told).toStrictEqual(['rejected trade schema']);
      expect(feed.stats()).toMatchObject({ delivered: 2, rejected: 1 });
    }),
  );
});

describe('kucoin', () => {
  const config = kucoin({ symbols: ['AAA-USDT', 'BBB-USDT'], url: 'ws://feed.test?token=invented' });
  const push = (topic: string, data: object) => ({
    type: 'message',
    topic: `/market/${topic}`,
    subject: 'any',
    data,
  });
  const changes = { asks: [['1.5', '0', '4']], bids: [] };
  const level2 = (symbol: string, sequenceStart: number, sequenceEnd: number) =>
    push(`level2:${symbol}`, { symbol, sequenceStart, sequenceEnd, changes });
  const fill = (symbol: string, tradeId: string, time = '5000000') => ({
    symbol,
    sequence: '7',
    side: 'buy' as const,
    price: '1.5',
    size: '2',
    tradeId,
    time,
  });
  const match = (symbol: string, tradeId: string, time?: string) =>
    push(`match:${symbol}`, { ...fill(symbol, tradeId, time), makerOrderId: 'm', takerOrderId: 't' });
  const candle = (time: number) =>
    push('candles:BBB-USDT_1min', {
      symbol: 'BBB-USDT',
      candles: ['0', '1', '2', '3', '4', '5', '6'],
      time,
    });
  const ticker = {
    sequence: '7',
    price: '1',
    size: '2',
    bestAsk: '3',
    bestAskSize: '4',
    bestBid: '5',
    bestBidSize: '6',
    time: 5,
  };

  interface Request {
    readonly id: string | number;
    readonly type: string;
    readonly topic?: string;
  }
  /** Ids come back as text; it knows no `NONE`. */
  const reply = (message: unknown): unknown => {
    const { id, type, topic = '' } = message as Request;
    if (type === 'ping') return { id, type: 'pong' };
    return topic.endsWith('NONE')
      ? { id: String(id), type: 'error', code: 404, data: 'unknown' }
      : { id: String(id), type: 'ack' };
  };

  it(
    'reads stream and topic from the path of the frame',
    marbles(({ flush }) => {
      const { feed } = scene(config, 'olmtcx', {
        l: level2('AAA-USDT', 4, 6),
        m: match('AAA-USDT', 'x1'),
        t: push('ticker:BBB-USDT', ticker),
        c: candle(5_000_000),
        x: match('BBB-USDT', 'x2'),
      });
      const books = valuesOf(feed.stream('level2', 'AAA-USDT'));
      const matches = valuesOf(feed.stream('match', 'AAA-USDT'));
      const tickers = valuesOf(feed.stream('ticker', 'BBB-USDT'));
      const bars = valuesOf(
        feed.stream('candles', 'BBB-USDT_1min').pipe(map(({ candles: [, open] }): string => open)),
      );
      flush();

      expect(books).toStrictEqual<typeof books>([
        {
          topic: 'AAA-USDT',
          symbol: 'AAA-USDT',
          sequenceStart: 4,
          sequenceEnd: 6,
          changes: { asks: [['1.5', '0', '4']], bids: [] },
        },
      ]);
      expect(matches).toStrictEqual<typeof matches>([{ topic: 'AAA-USDT', ...fill('AAA-USDT', 'x1') }]);
      expect(tickers).toStrictEqual<typeof tickers>([{ topic: 'BBB-USDT', ...ticker }]);
      expect(bars).toStrictEqual(['1']);
      expect(feed.stats()).toMatchObject({ received: 5, delivered: 5 });
    }),
  );

  it(
    'asks once a topic, for candles once a symbol, gives up alike, and is confirmed or refused by id',
    marbles(({ flush }) => {
      const { feed, sent, told } = scene(config, 'o', {}, { reply });
      feed.stream('level2').subscribe();
      feed.stream('candles').subscribe();
      feed.stream('match', 'NONE').subscribe({ error: () => undefined });
      leaveAt(20, feed.stream('ticker', 'AAA-USDT'));
      at(30, () => {
        expect(feed.stats()).toMatchObject({ received: 6, control: 6 });
      });
      flush();

      const common = { privateChannel: false, response: true };
      expect(sent).toStrictEqual([
        { id: 1, type: 'subscribe', topic: '/market/level2:AAA-USDT,BBB-USDT', ...common },
        { id: 2, type: 'subscribe', topic: '/market/candles:AAA-USDT_1min', ...common },
        { id: 2, type: 'subscribe', topic: '/market/candles:BBB-USDT_1min', ...common },
        { id: 3, type: 'subscribe', topic: '/market/match:NONE', ...common },
        { id: 4, type: 'subscribe', topic: '/market/ticker:AAA-USDT', ...common },
        { id: 5, type: 'unsubscribe', topic: '/market/ticker:AAA-USDT', ...common },
      ]);
      expect(told).toStrictEqual([
        'subscribed level2',
        'subscribed candles',
        'refused match/NONE {"code":404,"data":"unknown"}',
        'subscribed ticker/AAA-USDT',
      ]);
    }),
  );

  it(
    'counts its welcome as control, and pings in its own words after 18 s of silence',
    marbles(({ flush }) => {
      const { feed, sent, told } = scene(
        config,
        'ow',
        { w: { id: 'invented', type: 'welcome' } },
        { reply, endMs: 20_000 },
      );
      feed.stream('match', 'AAA-USDT').subscribe();
      at(17_999, () => {
        expect(sent).toHaveLength(1);
        expect(feed.stats()).toMatchObject({ received: 2, control: 2 });
      });
      flush();

      expect(sent[1]).toStrictEqual({ id: 'ping', type: 'ping' });
      expect(told).toStrictEqual(['subscribed match/AAA-USDT', 'pong']);
    }),
  );

  it(
    'tells a hole in one book, and drops what it says twice',
    marbles(({ flush }) => {
      const { feed, told } = scene(config, 'oabccdmmn', {
        a: level2('AAA-USDT', 1, 3),
        b: level2('BBB-USDT', 50, 60),
        c: level2('AAA-USDT', 4, 6),
        d: level2('AAA-USDT', 9, 9),
        m: match('AAA-USDT', 'x1'),
        n: match('BBB-USDT', 'x1'),
      });
      const ends = valuesOf(feed.stream('level2').pipe(map(({ sequenceEnd }): number => sequenceEnd)));
      flush();

      expect(ends).toStrictEqual([3, 60, 6, 9]);
      expect(told).toStrictEqual([
        'duplicate level2/AAA-USDT',
        'gap level2/AAA-USDT 6..9',
        'duplicate match/AAA-USDT',
      ]);
    }),
  );

  it(
    'rejects a misfit, and reads times as nanoseconds',
    marbles(({ flush }) => {
      const { feed, told } = scene(config, 'oambcd', {
        a: match('AAA-USDT', 'x1', '90000000'),
        m: match('AAA-USDT', 'x2', 'soon'),
        b: match('AAA-USDT', 'x3', '80000000'),
        c: candle(90_000_000),
        d: candle(80_000_000),
      });
      feed.stream('match').subscribe();
      at(10, () => {
        expect(lagOf(feed, 'match')).toBe(12);
        expect(lagOf(feed, 'candles')).toBe(11);
      });
      flush();

      expect(told).toStrictEqual(['rejected match schema']);
      expect(feed.stats()).toMatchObject({ delivered: 4, rejected: 1 });
    }),
  );
});

describe('okxV5', () => {
  const config = okxV5({ symbols: ['AAA-USDT', 'BBB-USDT'] });
  const push = (channel: string, instId: string, ...data: object[]) => ({ arg: { channel, instId }, data });
  const book = (instId: string, action: string, seqId?: number, prevSeqId?: number) => ({
    ...push('books', instId, {
      asks: [['1.5', '2', '0', '1']],
      bids: [],
      ts: '5',
      checksum: -1,
      seqId,
      prevSeqId,
    }),
    action,
  });
  const fill = (instId: string, tradeId: string, ts = '5') => ({
    instId,
    tradeId,
    px: '1.5',
    sz: '2',
    side: 'sell' as const,
    ts,
  });
  const trade = (instId: string, tradeId: string, ts?: string) =>
    push('trades', instId, fill(instId, tradeId, ts));

  interface Request {
    readonly id: string;
    readonly op: string;
    readonly args: readonly { readonly channel: string; readonly instId: string }[];
  }
  /** One notice an argument; it knows no `NONE`. */
  const reply = (message: unknown): unknown => {
    if (message === 'ping') return 'pong';
    const { id, op, args } = message as Request;
    return from(
      args.map((arg) =>
        arg.instId === 'NONE'
          ? { event: 'error', id, code: '1', msg: 'unknown', connId: 'c' }
          : { event: op, id, arg, connId: 'c' },
      ),
    );
  };

  it(
    'delivers each item of a frame on the stream and topic of its argument',
    marbles(({ flush }) => {
      const ticker = {
        instId: 'BBB-USDT',
        instType: 'SPOT',
        last: '1',
        lastSz: '2',
        askPx: '3',
        askSz: '4',
        bidPx: '5',
        bidSz: '6',
        ts: '5',
      };
      const { feed } = scene(config, 'obtux', {
        b: book('AAA-USDT', 'snapshot', 7, -1),
        t: push('trades', 'AAA-USDT', fill('AAA-USDT', 'x1'), fill('AAA-USDT', 'x2')),
        u: push('tickers', 'BBB-USDT', { ...ticker, open24h: '1' }),
        x: trade('BBB-USDT', 'x3'),
      });
      const books = valuesOf(feed.stream('books', 'AAA-USDT'));
      const trades = valuesOf(feed.stream('trades', 'AAA-USDT'));
      const tickers = valuesOf(feed.stream('tickers', 'BBB-USDT'));
      flush();

      expect(books).toStrictEqual<typeof books>([
        {
          instId: 'AAA-USDT',
          action: 'snapshot',
          asks: [['1.5', '2', '0', '1']],
          bids: [],
          ts: '5',
          checksum: -1,
          seqId: 7,
          prevSeqId: -1,
        },
      ]);
      expect(trades).toStrictEqual<typeof trades>([fill('AAA-USDT', 'x1'), fill('AAA-USDT', 'x2')]);
      expect(tickers).toStrictEqual<typeof tickers>([ticker]);
      expect(feed.stats()).toMatchObject({ received: 5, delivered: 5 });
    }),
  );

  it(
    'asks a topic a message, gives up alike, is confirmed by topic and refused by id',
    marbles(({ flush }) => {
      const { feed, sent, told } = scene(config, 'o', {}, { reply });
      feed.stream('books').subscribe();
      feed.stream('trades', 'NONE').subscribe({ error: () => undefined });
      leaveAt(20, feed.stream('tickers', 'BBB-USDT'));
      at(30, () => {
        expect(feed.stats()).toMatchObject({ received: 5, control: 5 });
      });
      flush();

      expect(sent).toStrictEqual([
        {
          id: '1',
          op: 'subscribe',
          args: [
            { channel: 'books', instId: 'AAA-USDT' },
            { channel: 'books', instId: 'BBB-USDT' },
          ],
        },
        { id: '2', op: 'subscribe', args: [{ channel: 'trades', instId: 'NONE' }] },
        { id: '3', op: 'subscribe', args: [{ channel: 'tickers', instId: 'BBB-USDT' }] },
        { id: '4', op: 'unsubscribe', args: [{ channel: 'tickers', instId: 'BBB-USDT' }] },
      ]);
      expect(told).toStrictEqual([
        'subscribed books',
        'refused trades/NONE {"code":"1","msg":"unknown"}',
        'subscribed tickers/BBB-USDT',
      ]);
    }),
  );

  it(
    'pings with a bare word after 20 s of silence, and understands the one that answers',
    marbles(({ flush }) => {
      const { feed, sent, told } = scene(config, 'o', {}, { reply, endMs: 25_000 });
      feed.stream('trades', 'AAA-USDT').subscribe();
      at(19_999, () => {
        expect(sent).toHaveLength(1);
      });
      at(24_000, () => {
        expect(feed.stats()).toMatchObject({ received: 2, control: 2 });
      });
      flush();

      expect(sent[1]).toBe('ping');
      expect(config.codec?.encode('ping')).toBe('ping');
      expect(told).toStrictEqual(['subscribed trades/AAA-USDT', 'pong']);
    }),
  );

  it(
    'tells a broken link in one book, and none at a snapshot or at an update without a change',
    marbles(({ flush }) => {
      const { feed, told } = scene(config, 'oabcdefg', {
        a: book('AAA-USDT', 'snapshot', 7, -1),
        b: book('BBB-USDT', 'snapshot', 50, -1),
        c: book('AAA-USDT', 'update', 9, 7),
        d: book('AAA-USDT', 'update', 9, 9),
        e: book('AAA-USDT', 'update', 15, 12),
        f: book('BBB-USDT', 'snapshot', 90, -1),
        g: book('BBB-USDT', 'update', 94, 90),
      });
      const numbers = valuesOf(feed.stream('books').pipe(map(({ seqId }): number | undefined => seqId)));
      flush();

      expect(numbers).toStrictEqual([7, 50, 9, 9, 15, 90, 94]);
      expect(told).toStrictEqual(['gap books/AAA-USDT 9..13']);
    }),
  );

  it(
    'rejects a book without a number, unless it is told that there are none',
    marbles(({ flush }) => {
      const frames = { a: book('AAA-USDT', 'snapshot'), b: book('AAA-USDT', 'update') };
      const strict = scene(config, 'oab', frames);
      const lax = scene(okxV5({ symbols: [], hasSeqId: false }), 'oab', frames);
      strict.feed.stream('books').subscribe();
      lax.feed.stream('books').subscribe();
      flush();

      expect(strict.told).toStrictEqual(['rejected books sequence', 'rejected books sequence']);
      expect(lax.told).toStrictEqual([]);
      expect(lax.feed.stats()).toMatchObject({ delivered: 2 });
    }),
  );

  it(
    'drops a trade it says twice, rejects a misfit, and reads times as milliseconds',
    marbles(({ flush }) => {
      const { feed, told } = scene(config, 'oaamb', {
        a: trade('AAA-USDT', 'x1', '90'),
        m: trade('AAA-USDT', 'x2', 'soon'),
        b: trade('BBB-USDT', 'x1', '80'),
      });
      feed.stream('trades').subscribe();
      at(10, () => {
        expect(lagOf(feed, 'trades')).toBe(13);
      });
      flush();

      expect(told).toStrictEqual(['duplicate trades/AAA-USDT', 'rejected trades schema']);
      expect(feed.stats()).toMatchObject({ delivered: 2, duplicate: 1, rejected: 1 });
    }),
  );
});

describe('poloniex', () => {
  const config = poloniex({ symbols: ['AAA_USDT', 'BBB_USDT'] });
  const sides = { asks: [['1.5', '0']], bids: [] };
  const book = (symbol: string, action: string, lastId: number, id: number) => ({
    channel: 'book_lv2',
    action,
    data: [{ symbol, createTime: 4, ...sides, lastId, id, ts: 5 }],
  });
  const fill = (symbol: string, id: string, ts = 5) => ({
    symbol,
    id,
    price: '1.5',
    quantity: '2',
    amount: '3.0',
    takerSide: 'buy' as const,
    createTime: 4,
    ts,
  });
  const trades = (...data: unknown[]) => ({ channel: 'trades', data });

  interface Request {
    readonly event: string;
    readonly channel: readonly string[];
    readonly symbols: readonly string[];
  }
  /** One notice a request; a refusal names nothing. It knows no `NONE`. */
  const reply = (message: unknown): unknown => {
    const { event, channel, symbols } = message as Request;
    if (event === 'ping') return { event: 'pong' };
    return symbols.includes('NONE')
      ? { event: 'error', message: 'unknown' }
      : { event, channel: channel[0], symbols };
  };

  it(
    'delivers each item of a frame on the topic of its symbol',
    marbles(({ flush }) => {
      const { feed } = scene(config, 'obt', {
        b: book('AAA_USDT', 'snapshot', 6, 7),
        t: trades(fill('AAA_USDT', 'x1'), fill('BBB_USDT', 'x2')),
      });
      const books = valuesOf(feed.stream('book_lv2', 'AAA_USDT'));
      const sold = valuesOf(feed.stream('trades', 'BBB_USDT'));
      flush();

      expect(books).toStrictEqual<typeof books>([
        {
          action: 'snapshot',
          symbol: 'AAA_USDT',
          createTime: 4,
          asks: [['1.5', '0']],
          bids: [],
          lastId: 6,
          id: 7,
          ts: 5,
        },
      ]);
      expect(sold).toStrictEqual<typeof sold>([fill('BBB_USDT', 'x2')]);
      expect(feed.stats()).toMatchObject({ received: 3, delivered: 3 });
    }),
  );

  it(
    'asks once a channel for all its symbols, gives up alike, and is confirmed by symbol',
    marbles(({ flush }) => {
      const { feed, sent, told } = scene(config, 'o', {}, { reply });
      feed.stream('book_lv2').subscribe();
      leaveAt(20, feed.stream('trades', 'BBB_USDT'));
      feed.stream('trades', 'AAA_USDT').subscribe();
      at(30, () => {
        expect(feed.stats()).toMatchObject({ received: 3, control: 3 });
      });
      flush();

      expect(sent).toStrictEqual([
        { event: 'subscribe', channel: ['book_lv2'], symbols: ['AAA_USDT', 'BBB_USDT'] },
        { event: 'subscribe', channel: ['trades'], symbols: ['BBB_USDT', 'AAA_USDT'] },
        { event: 'unsubscribe', channel: ['trades'], symbols: ['BBB_USDT'] },
      ]);
      expect(told).toStrictEqual([
        'subscribed book_lv2',
        'subscribed trades/BBB_USDT',
        'subscribed trades/AAA_USDT',
      ]);
    }),
  );

  it(
    'pings in its own words, and a refused topic is one whose ack is overdue',
    marbles(({ flush }) => {
      const { feed, sent, told } = scene(config, 'o', {}, { reply, endMs: 16_000 });
      feed.stream('trades', 'NONE').subscribe();
      at(15_500, () => {
        expect(feed.stats()).toMatchObject({ received: 2, control: 2 });
      });
      flush();

      expect(sent[1]).toStrictEqual({ event: 'ping' });
      expect(told).toStrictEqual(['ackOverdue trades/NONE', 'pong']);
    }),
  );

  it(
    'tells a broken link in one book, and none at a snapshot',
    marbles(({ flush }) => {
      const { feed, told } = scene(config, 'oabcde', {
        a: book('AAA_USDT', 'snapshot', 6, 7),
        b: book('BBB_USDT', 'snapshot', 49, 50),
        c: book('AAA_USDT', 'update', 7, 9),
        d: book('AAA_USDT', 'update', 11, 12),
        e: book('BBB_USDT', 'snapshot', 89, 90),
      });
      const numbers = valuesOf(feed.stream('book_lv2').pipe(map(({ id }): number => id)));
      flush();

      expect(numbers).toStrictEqual([7, 50, 9, 12, 90]);
      expect(told).toStrictEqual(['gap book_lv2/AAA_USDT 9..12']);
    }),
  );

  it(
    'drops a trade it says twice, rejects a misfit, and reads times as milliseconds',
    marbles(({ flush }) => {
      const { feed, told } = scene(config, 'oaamb', {
        a: trades(fill('AAA_USDT', 'x1', 90)),
        m: trades({ ...fill('AAA_USDT', 'x2'), takerSide: 'both' }),
        b: trades(fill('BBB_USDT', 'x1', 80)),
      });
      feed.stream('trades').subscribe();
      at(10, () => {
        expect(lagOf(feed, 'trades')).toBe(13);
      });
      flush();

      expect(told).toStrictEqual(['duplicate trades/AAA_USDT', 'rejected trades schema']);
      expect(feed.stats()).toMatchObject({ delivered: 2, duplicate: 1, rejected: 1 });
    }),
  );
});

describe('signalK', () => {
  const config = signalK({ url: 'ws://boat.test/signalk/v1/stream?subscribe=none' });
  const timestamp = '2001-02-03T04:05:06.000Z';
  const delta = (...values: readonly { readonly path: string; readonly value: unknown }[]) => ({
    context: 'vessels.invented',
    updates: [{ $source: 'mock.1', timestamp, values }],
  });
  const speed = { path: 'navigation.speed', value: 2.5 };
  const common = { context: 'vessels.invented', source: 'mock.1', timestamp };

  it(
    'takes deltas apart into values, whatever they hold, each on its path',
    marbles(({ flush }) => {
      const position = { latitude: 1, longitude: 2 };
      const [first] = delta(speed, { path: 'navigation.position', value: position }).updates;
      const [second] = delta({ path: 'tanks.fuel', value: null }).updates;
      const { feed } = scene(config, 'od', {
        d: { context: 'vessels.invented', updates: [first, { ...second, $source: 'mock.2' }] },
      });
      const speeds = valuesOf(feed.stream('value', speed.path));
      const all = valuesOf(feed.stream('value'));
      flush();

      expect(speeds).toStrictEqual<typeof speeds>([{ ...common, ...speed }]);
      expect(all).toStrictEqual<typeof all>([
        { ...common, ...speed },
        { ...common, path: 'navigation.position', value: position },
        { ...common, path: 'tanks.fuel', value: null, source: 'mock.2' },
      ]);
    }),
  );

  it(
    'asks for paths with their period, which confirms them, and never gives one up',
    marbles(({ flush }) => {
      const { feed, sent, told } = scene(
        signalK({ url: 'ws://boat.test', paths: ['tanks.*', 'sails.*'], context: '*', periodMs: 250 }),
        'o',
      );
      feed.stream('value').subscribe();
      leaveAt(20, feed.stream('value', speed.path));
      flush();

      const subscribe = ['tanks.*', 'sails.*', speed.path].map((path) => ({ path, period: 250 }));
      expect(sent).toStrictEqual([{ context: '*', subscribe }]);
      expect(told).toStrictEqual(['subscribed value', `subscribed value/${speed.path}`]);
    }),
  );

  it(
    'asks for everything of its own vessel each second by default',
    marbles(({ flush }) => {
      const { feed, sent } = scene(config, 'o');
      feed.stream('value').subscribe();
      flush();

      expect(sent).toStrictEqual([{ context: 'vessels.self', subscribe: [{ path: '*', period: 1_000 }] }]);
    }),
  );

  it(
    'counts its hello, its complaints and a delta without values as control',
    marbles(({ flush }) => {
      const { feed, told } = scene(config, 'ohcm', {
        h: { name: 'mock', version: '1.0.0', roles: ['main'], timestamp },
        c: JSON.stringify('no such context'),
        m: { context: 'vessels.invented', updates: [{ timestamp, meta: [] }] },
      });
      feed.stream('value').subscribe();
      flush();

      expect(feed.stats()).toMatchObject({ received: 3, control: 3 });
      expect(told).toStrictEqual(['subscribed value']);
    }),
  );

  it(
    'takes nothing for a repetition, and rejects a misfit alone',
    marbles(({ flush }) => {
      const [good] = delta(speed).updates;
      const { feed, told } = scene(config, 'ovvm', {
        v: delta(speed),
        m: { context: 'vessels.invented', updates: [{ ...good, timestamp: 'noon' }, good] },
      });
      feed.stream('value').subscribe();
      flush();

      expect(told).toStrictEqual(['subscribed value', 'rejected value schema']);
      expect(feed.stats()).toMatchObject({ delivered: 3, duplicate: 0, rejected: 1 });
    }),
  );
});
