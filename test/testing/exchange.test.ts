import { bufferCount, filter, firstValueFrom, lastValueFrom, map, skipWhile, takeWhile, toArray } from 'rxjs';
import WebSocket from 'ws';
import { type Exchange, type ExchangeConfig, type Fault, startExchange } from '../../src/testing/exchange.js';
import { connect, dialRefused, type Message, type TestClient } from './testClient.js';

const exchanges: Exchange[] = [];
const start = async (config?: ExchangeConfig): Promise<Exchange> => {
  const exchange = await startExchange({ tickMs: 2, ...config });
  exchanges.push(exchange);
  return exchange;
};
afterEach(async () => {
  await Promise.all(exchanges.splice(0).map((exchange) => exchange.close()));
});

const streams = ['trade', 'ticker', 'book', 'order', 'telemetry'];
const isData = ({ type }: Message): boolean => streams.includes(type);
const is = (type: string, symbol?: string) => (message: Message) =>
  message.type === type && (symbol === undefined || message.symbol === symbol);

const isMisfit = ({ seq }: { readonly seq?: unknown }): boolean => seq === null;

/** A client that has subscribed to whole streams. */
const subscribe = async (url: string, ...names: string[]): Promise<TestClient> => {
  const client = await connect(url);
  client.send({ op: 'subscribe', args: names.map((stream) => ({ stream })) });
  await client.first(is('ack'));
  return client;
};

describe('startExchange', () => {
  it('welcomes, acknowledges, and sends every stream that was asked for, and no other', async () => {
    const { url } = await start();
    const client = await subscribe(url, 'trade', 'telemetry');
    const messages = await client.collect(60, isData);

    await expect(firstValueFrom(client.texts$)).resolves.toBe('{"type":"welcome","session":"1-1"}');
    expect(new Set(messages.map(({ type }) => type))).toStrictEqual(new Set(['trade', 'telemetry']));
    expect(new Set(messages.map(({ symbol, mote }) => symbol ?? mote))).toStrictEqual(
      new Set(['BTC-USD', 'ETH-USD', 'SOL-USD', 1, 2, 3, 4]),
    );
  });

  it('tells how many connections are open: now, and at each change until it closes', async () => {
    const exchange = await start();
    const counts = firstValueFrom(exchange.clients$.pipe(toArray()));
    const [one, other] = [await connect(exchange.url), await connect(exchange.url)];
    one.ws.close();
    await firstValueFrom(exchange.clients$.pipe(filter((clients) => clients === 1)));
    exchange.inject({ type: 'vanish' });
    exchange.inject({ type: 'skip' });
    await exchange.close();

    await expect(counts).resolves.toStrictEqual([0, 1, 2, 1, 0]);
    await expect(other.ended).resolves.toMatchObject({ code: 1006 });
  });

  it('counts down to 0 as it closes', async () => {
    const exchange = await start();
    const counts = firstValueFrom(exchange.clients$.pipe(toArray()));
    await connect(exchange.url);
    await connect(exchange.url);
    await exchange.close();

    await expect(counts).resolves.toStrictEqual([0, 1, 2, 1, 0]);
    expect(exchange.stats().clients).toBe(0);
  });

  it('numbers each symbol without a hole', async () => {
    const { url } = await start();
    const client = await subscribe(url, 'trade', 'book');

    for (const symbol of ['BTC-USD', 'ETH-USD', 'SOL-USD']) {
      const trades = await client.collect(20, is('trade', symbol));
      expect(trades.map(({ seq }) => seq)).toStrictEqual(Array.from({ length: 20 }, (_, index) => index + 1));
      const books = await client.collect(20, is('book', symbol));
      expect(books.slice(1).map(({ first }) => first)).toStrictEqual(
        books.slice(0, -1).map(({ seq }) => seq! + 1),
      );
    }
  });

  it('sends the same traffic for the same seed, byte for byte, and other traffic for another', async () => {
    const traffic = async (config: ExchangeConfig): Promise<string> => {
      const { url } = await start({ startTime: 1_700_000_000_000, ...config });
      const client = await connect(url);
      client.send({ op: 'subscribe', args: streams.map((stream) => ({ stream })) });
      return JSON.stringify(await client.collect(500, isData));
    };
    const [one, again, other] = await Promise.all([{ seed: 7 }, { seed: 7 }, { seed: 8 }].map(traffic));

    expect(again).toBe(one);
    expect(other).not.toBe(one);
  });

  it('takes time from the clock, or from startTime at the seeded pace', async () => {
    const before = Date.now();
    const [{ url: real }, { url: told }] = [await start(), await start({ startTime: 5_000, tickMs: 3 })];
    const [byClock] = await (await subscribe(real, 'trade')).collect(1, isData);
    const told50 = await (await subscribe(told, 'trade')).collect(50, isData);

    expect(byClock!.time).toBeGreaterThanOrEqual(before);
    expect(told50[0]!.time).toBe(5_000);
    expect(Math.abs(told50[49]!.time! - 5_049)).toBeLessThan(10);
  });

  it('gives two clients the same messages, each what it asked for', async () => {
    const { url } = await start();
    const [one, two] = [await subscribe(url, 'trade'), await subscribe(url, 'trade', 'ticker')];
    const [shared] = await two.collect(1, is('trade', 'BTC-USD'));
    const twos = await two.collect(30, is('trade', 'BTC-USD'));
    const ones = await one.collect(
      30,
      (message) => is('trade', 'BTC-USD')(message) && message.seq! >= shared!.seq!,
    );

    expect(ones).toStrictEqual(twos);
    await expect(two.first(is('ticker'))).resolves.toBeDefined();
    one.ws.terminate();
    await one.ended;
    await expect(
      lastValueFrom(
        one.texts$.pipe(
          filter((text) => text.includes('ticker')),
          toArray(),
        ),
      ),
    ).resolves.toStrictEqual([]);
  });

  it('stops a stream that is unsubscribed, and goes on with its numbers later', async () => {
    const { url } = await start({ symbols: ['A'] });
    const client = await subscribe(url, 'trade', 'book');
    await client.first(is('trade'));
    client.send({ op: 'unsubscribe', args: [{ stream: 'trade' }], id: 'off' });
    await client.first(({ id }) => id === 'off');
    await client.collect(40, is('book'));
    client.send({ op: 'subscribe', args: [{ stream: 'trade' }], id: 'on' });
    await client.first(({ id }) => id === 'on');
    const trades = await client.collect(100, (message) => is('trade')(message) || message.type === 'ack');
    const [off, on] = ['off', 'on'].map((id) => trades.findIndex((message) => message.id === id));

    expect(on).toBe(off! + 1);
    expect(trades[on! + 1]!.seq).toBe(trades[off! - 1]!.seq! + 1);
  });

  it('tells of orders only those who logged in with the token', async () => {
    const { url } = await start({ token: 'secret', tickMs: 1 });
    const client = await connect(url);
    client.send({ op: 'subscribe', args: [{ stream: 'order' }, { stream: 'trade' }] });
    await expect(client.first(({ ok }) => ok === false)).resolves.toMatchObject({ error: 'login required' });
    client.send({ op: 'login', token: 'secret' });
    await expect(client.first(is('login'))).resolves.toStrictEqual({ type: 'login', ok: true });
    client.send({ op: 'subscribe', args: [{ stream: 'order' }] });
    const [order] = await client.collect(1, is('order'));

    expect(order).toMatchObject({ seq: 1 });
    expect((await client.collect(50, isData)).filter(is('order')).length).toBeLessThan(5);
  });

  it('HBT-09 answers pings, and sends heartbeats to those who asked for nothing too', async () => {
    const { url } = await start({ heartbeatMs: 5 });
    const client = await connect(url);
    client.send({ op: 'ping', id: 3 });

    await expect(client.first(is('pong'))).resolves.toStrictEqual({ type: 'pong', id: 3 });
    await expect(client.collect(3, is('heartbeat'))).resolves.toHaveLength(3);
  });

  it('sends no heartbeats at Infinity', async () => {
    const { url } = await start({ heartbeatMs: Infinity });
    const client = await subscribe(url, 'trade');
    const messages = await client.collect(20, () => true);

    expect(messages.filter(is('heartbeat'))).toStrictEqual([]);
  });

  it('answers what is no request with an error, and goes on', async () => {
    const { url } = await start();
    const client = await connect(url);
    for (const junk of ['{', 'null', '{"op":"dance"}']) client.ws.send(junk);
    client.ws.send(Buffer.from([0xff]));
    client.send({ op: 'ping', id: 'after' });

    await expect(client.collect(5, ({ type }) => type === 'error' || type === 'pong')).resolves.toMatchObject(
      [
        ...new Array<object>(4).fill({ type: 'error', error: 'unknown request' }),
        { type: 'pong', id: 'after' },
      ],
    );
  });

  it('replays the last messages of each symbol to a client that comes back, then goes on without a gap', async () => {
    const exchange = await start({ symbols: ['A', 'B'], replayOnReconnect: 3 });
    const before = await subscribe(exchange.url, 'trade');
    await before.collect(20, is('trade'));
    exchange.inject({ type: 'drop', code: 1012 });
    await before.ended;
    const seen = await before.collect(Infinity, is('trade', 'A'));
    const after = await subscribe(exchange.url, 'trade');
    const again = await after.collect(10, is('trade', 'A'));

    expect(again.slice(0, 3)).toStrictEqual(seen.slice(-3));
    expect(again[3]!.seq).toBe(seen.at(-1)!.seq! + 1);
  });

  it('replays nothing to the first connection, nor to one made while all others are still there', async () => {
    const exchange = await start({ symbols: ['A'] });
    const one = await subscribe(exchange.url, 'trade');
    const seen = await one.collect(10, is('trade'));
    const two = await subscribe(exchange.url, 'trade');

    expect(seen[0]!.seq).toBe(1);
    expect((await two.first(is('trade'))).seq).toBeGreaterThan(10);
  });

  it('replays nothing at 0', async () => {
    const exchange = await start({ symbols: ['A'], replayOnReconnect: 0 });
    const before = await subscribe(exchange.url, 'trade');
    await before.first(is('trade'));
    exchange.inject({ type: 'drop' });
    await before.ended;
    const seen = await before.collect(Infinity, is('trade'));
    const after = await subscribe(exchange.url, 'trade');

    expect((await after.first(is('trade'))).seq).toBe(seen.at(-1)!.seq! + 1);
  });

  it('tells readings it was handed', async () => {
    const telemetry = [{ mote: 4, humidity: 45.93, temperature: 27.97, label: 0 }];
    const { url } = await start({ telemetry });
    const client = await connect(url);
    client.send({ op: 'subscribe', args: [{ stream: 'telemetry', topic: '4' }] });

    await expect(client.first(is('telemetry'))).resolves.toMatchObject({ ...telemetry[0], seq: 1 });
  });

  it('begins at firstSeq, so that a successor on the same port repeats no number and no id', async () => {
    const exchange = await start();
    await exchange.close();
    const successor = await start({ port: exchange.port, firstSeq: 1_000 });
    const client = await subscribe(successor.url, 'trade');

    await expect(client.first(is('trade'))).resolves.toMatchObject({ seq: 1_000, id: 1_000 });
  });

  describe('does wrong on command', () => {
    const subscribed = async (config?: ExchangeConfig, ...names: string[]) => {
      const exchange = await start({ symbols: ['A', 'B'], ...config });
      const client = await subscribe(exchange.url, ...(names.length === 0 ? ['trade', 'ticker'] : names));
      await client.first(isData);
      return { exchange, client };
    };
    /** The numbers of the first messages of a stream and symbol, as they came. */
    const seqs = async (client: TestClient, count: number, type: string, symbol: string): Promise<number[]> =>
      (await client.collect(count, is(type, symbol))).map(({ seq }) => seq!);

    it.each([
      [{ type: 'drop' }, 1006, ''],
      [{ type: 'drop', code: 1000, reason: 'bye' }, 1000, 'bye'],
      [{ type: 'drop', code: 4401 }, 4401, ''],
    ] as const)('%j: ends every connection with %s', async (fault, code, reason) => {
      const { exchange, client } = await subscribed();
      const other = await connect(exchange.url);
      exchange.inject(fault);

      await expect(client.ended).resolves.toStrictEqual({ code, reason });
      await expect(other.ended).resolves.toStrictEqual({ code, reason });
    });

    it('vanish: says nothing any more on the connections there are, and serves new ones', async () => {
      const { exchange, client } = await subscribed({ heartbeatMs: 1 });
      exchange.inject({ type: 'vanish' });
      const after = await subscribe(exchange.url, 'trade');
      await after.collect(5, is('heartbeat')); // what was on its way has arrived
      const heard = jest.fn();
      for (const event of ['message', 'pong', 'close']) client.ws.on(event, heard);
      client.ws.ping();
      client.send({ op: 'ping' });
      await after.collect(20, is('heartbeat'));

      expect(heard).not.toHaveBeenCalled();
      expect(client.ws.readyState).toBe(WebSocket.OPEN);
      expect(exchange.stats().clients).toBe(1);
    });

    it('skip: leaves one number out, of the stream and symbol it names', async () => {
      const { exchange, client } = await subscribed();
      exchange.inject({ type: 'skip' });
      exchange.inject({ type: 'skip', stream: 'ticker', symbol: 'B' });
      const holes = async (type: string, symbol: string): Promise<number> => {
        const numbers = await seqs(client, 30, type, symbol);
        return numbers.at(-1)! - numbers.length;
      };

      await expect(holes('trade', 'A')).resolves.toBe(1);
      await expect(holes('trade', 'B')).resolves.toBe(0);
      await expect(holes('ticker', 'A')).resolves.toBe(0);
      await expect(holes('ticker', 'B')).resolves.toBe(1);
    });

    it('repeat: sends one message twice', async () => {
      const { exchange, client } = await subscribed();
      exchange.inject({ type: 'repeat', symbol: 'B' });
      const trades = await client.collect(30, is('trade', 'B'));
      const twice = trades.filter(({ seq }, index) => trades[index - 1]?.seq === seq);

      expect(twice).toHaveLength(1);
      expect(trades).toContainEqual(twice[0]);
    });

    it('reorder: swaps two neighbours', async () => {
      const { exchange, client } = await subscribed();
      exchange.inject({ type: 'reorder' });
      const numbers = await seqs(client, 30, 'trade', 'A');
      const inOrder = [...numbers].sort((a, b) => a - b);
      const moved = numbers.flatMap((seq, index) => (seq === inOrder[index] ? [] : [seq]));

      expect(inOrder).toStrictEqual(Array.from({ length: 30 }, (_, index) => index + 1));
      expect(moved).toStrictEqual([moved[0], moved[0]! - 1]);
    });

    it('malformed: sends a text that is no JSON, to everybody', async () => {
      const { exchange, client } = await subscribed();
      const other = await connect(exchange.url);
      exchange.inject({ type: 'malformed' });

      for (const { texts$ } of [client, other]) {
        const text = await firstValueFrom(texts$.pipe(filter((received) => !received.endsWith('}'))));
        expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
      }
    });

    it('misfit: sends the subscribers a message of null fields, which takes no number', async () => {
      const { exchange, client } = await subscribed({}, 'trade', 'telemetry');
      const other = await subscribe(exchange.url, 'book');
      exchange.inject({ type: 'misfit', stream: 'telemetry' });
      exchange.inject({ type: 'misfit' });
      const misfits = await client.collect(2, isMisfit);
      const numbers = await seqs(client, 20, 'trade', 'A');
      other.send({ op: 'ping', id: 'after' });
      await other.first(is('pong'));
      exchange.inject({ type: 'drop' });
      await other.ended;

      expect(misfits).toMatchObject([
        { type: 'telemetry', mote: null },
        { type: 'trade', symbol: null },
      ]);
      expect(numbers.at(-1)! - numbers[0]!).toBe(19);
      await expect(other.collect(1, isMisfit)).resolves.toStrictEqual([]);
    });

    it('silence: keeps one stream quiet while the others go on, and leaves no gap', async () => {
      const { exchange, client } = await subscribed({ symbols: ['A'], heartbeatMs: Infinity });
      await client.first(is('ticker'));
      exchange.inject({ type: 'silence', stream: 'ticker', forMs: 100 });
      client.send({ op: 'ping' });
      const all$ = client.texts$.pipe(map((text) => JSON.parse(text) as Message));
      const quiet = await lastValueFrom(
        all$.pipe(
          skipWhile((message) => !is('pong')(message)),
          takeWhile((message) => !is('ticker')(message), true),
          toArray(),
        ),
      );
      const spoken = await lastValueFrom(
        all$.pipe(
          takeWhile((message) => !is('pong')(message)),
          filter(is('ticker')),
          toArray(),
        ),
      );

      expect(quiet.filter(is('trade')).length).toBeGreaterThan(5);
      expect(quiet.at(-1)!.time! - quiet[1]!.time!).toBeGreaterThan(50);
      expect(quiet.at(-1)!.seq).toBe(spoken.at(-1)!.seq! + 1);
    });

    it('flood: sends so many trades in one go, numbered like any other', async () => {
      const exchange = await start({ tickMs: 1_000_000, symbols: ['A', 'B'] });
      const client = await subscribe(exchange.url, 'trade');
      exchange.inject({ type: 'flood', messages: 10_000 });

      for (const symbol of ['A', 'B']) {
        const trades = await client.collect(5_000, is('trade', symbol));
        expect(trades.map(({ seq }) => seq)).toStrictEqual(
          Array.from({ length: 5_000 }, (_, index) => index + 1),
        );
      }
    });

    it('refuse: turns dials down for a while, with Retry-After', async () => {
      const { exchange, client } = await subscribed();
      exchange.inject({ type: 'refuse', status: 429, forMs: 60_000, retryAfterSeconds: 2 });
      await expect(dialRefused(exchange.url)).resolves.toStrictEqual({ status: 429, retryAfter: '2' });
      exchange.inject({ type: 'refuse', status: 503, forMs: 1 });
      await client.collect(200, isData);

      await expect(connect(exchange.url)).resolves.toBeDefined();
    });

    it('does nothing after close', async () => {
      const { exchange } = await subscribed();
      await exchange.close();
      exchange.inject({ type: 'flood', messages: 1 });

      expect(exchange.stats().faults).toBe(0);
    });
  });

  it('does wrong on schedule, once or again and again, and tells of each fault', async () => {
    const again: Fault = { type: 'malformed' };
    const once: Fault = { type: 'skip' };
    const exchange = await start({
      faults: [
        { atMs: 0, fault: once },
        { atMs: 20, every: 5, fault: again },
      ],
    });
    const faults = await firstValueFrom(exchange.faults$.pipe(bufferCount(4)));

    expect(faults).toStrictEqual([once, again, again, again]);
    expect(exchange.stats().faults).toBe(4);
  });

  it('counts clients, connections and every message sent', async () => {
    const exchange = await start();
    const [one, two] = [await subscribe(exchange.url, 'trade'), await subscribe(exchange.url, 'book')];
    await one.collect(50, isData);
    exchange.inject({ type: 'drop', code: 1000 });
    await Promise.all([one.ended, two.ended]);
    const texts = await Promise.all([one, two].map(({ texts$ }) => lastValueFrom(texts$.pipe(toArray()))));

    expect(exchange.stats()).toStrictEqual({
      clients: 0,
      connections: 2,
      sent: texts.flat().length,
      faults: 1,
    });
  });

  it('TDN-09 is all gone after close: connections, timers, and the port', async () => {
    const exchange = await start({ faults: [{ atMs: 1_000_000, fault: { type: 'drop' } }] });
    const client = await subscribe(exchange.url, 'trade');
    const faults = lastValueFrom(exchange.faults$, { defaultValue: 'completed' });
    await exchange.close();
    await exchange.close();

    await expect(client.ended).resolves.toStrictEqual({ code: 1006, reason: '' });
    await expect(faults).resolves.toBe('completed');
    await expect(start({ port: exchange.port })).resolves.toMatchObject({ port: exchange.port });
  });

  it('rejects when the port is taken', async () => {
    const { port } = await start();

    await expect(startExchange({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  const timer = 'above 0 and at most 2147483647';
  it.each<[ExchangeConfig, string]>([
    [{ seed: 1.5 }, 'seed must be an integer, got 1.5'],
    [{ symbols: [] }, 'symbols must be at least one name, and none empty, got []'],
    [{ symbols: [''] }, 'symbols must be at least one name, and none empty, got [""]'],
    [{ symbols: ['A', 'A'] }, 'symbols must be different from each other, got ["A","A"]'],
    [{ telemetry: [] }, 'telemetry must be at least one reading, got []'],
    [{ tickMs: 0 }, `tickMs must be ${timer}, got 0`],
    [{ tickMs: Infinity }, `tickMs must be ${timer}, got Infinity`],
    [{ tickMs: NaN }, `tickMs must be ${timer}, got NaN`],
    [{ heartbeatMs: -1 }, `heartbeatMs must be ${timer}, or Infinity, got -1`],
    [{ heartbeatMs: 2 ** 31 }, `heartbeatMs must be ${timer}, or Infinity, got 2147483648`],
    [{ replayOnReconnect: -1 }, 'replayOnReconnect must be an integer of 0 or more, got -1'],
    [{ replayOnReconnect: Infinity }, 'replayOnReconnect must be an integer of 0 or more, got Infinity'],
    [{ firstSeq: 0.5 }, 'firstSeq must be an integer of 0 or more, got 0.5'],
    [
      { faults: [{ atMs: -1, fault: { type: 'drop' } }] },
      'faults: atMs must be from 0 to 2147483647, got -1',
    ],
    [
      { faults: [{ atMs: 1, every: 0, fault: { type: 'drop' } }] },
      'faults: every must be from 1 to 2147483647, got 0',
    ],
  ])('rejects %j', async (config, message) => {
    await expect(startExchange(config)).rejects.toStrictEqual(new RangeError(`startExchange: ${message}`));
  });

  it('rejects a port that is none', async () => {
    await expect(startExchange({ port: -1 })).rejects.toThrow(RangeError);
  });

  it.each<[Fault, string]>([
    [{ type: 'drop', code: 1004 }, 'code must be 1000 to 1014 (not 1004) or 3000 to 4999, got 1004'],
    [{ type: 'drop', reason: 'x'.repeat(124) }, 'reason must be at most 123 bytes, got 124'],
    [{ type: 'skip', symbol: 'X' }, 'no such stream or symbol: trade X'],
    [{ type: 'repeat', stream: 'order', symbol: 'BTC-USD' }, 'no such stream or symbol: order BTC-USD'],
    [{ type: 'silence', stream: 'ticker', forMs: NaN }, 'forMs must be from 0 to 2147483647, got NaN'],
    [{ type: 'flood', messages: 0 }, 'messages must be an integer from 1 to 100000, got 0'],
    [{ type: 'flood', messages: 100_001 }, 'messages must be an integer from 1 to 100000, got 100001'],
    [{ type: 'refuse', status: 101, forMs: 1 }, 'status must be an integer from 200 to 599, got 101'],
    [{ type: 'refuse', status: 503, forMs: -1 }, 'forMs must be from 0 to 2147483647, got -1'],
    [
      { type: 'refuse', status: 503, forMs: 1, retryAfterSeconds: -1 },
      'retryAfterSeconds must be from 0 to 2147483647, got -1',
    ],
    [{ type: 'dance' } as unknown as Fault, 'unknown fault dance'],
  ])('refuses to do %j, at once or on schedule', async (fault, message) => {
    const exchange = await start();

    expect(() => exchange.inject(fault)).toThrow(new RangeError(`inject: ${message}`));
    await expect(startExchange({ faults: [{ atMs: 0, fault }] })).rejects.toStrictEqual(
      new RangeError(`startExchange: faults: ${message}`),
    );
    expect(exchange.stats().faults).toBe(0);
  });

  it('does not compile with a fault it does not know', async () => {
    const exchange = await start();

    // @ts-expect-error the stream is missing
    expect(() => exchange.inject({ type: 'silence', forMs: 1 })).not.toThrow(TypeError);
  });
});
