import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { join } from 'node:path';
import { filter, firstValueFrom, map, type Observable, take, timeout, toArray } from 'rxjs';
import * as v from 'valibot';
import { type WebSocket, WebSocketServer } from 'ws';
import { createFeed, type Feed, type FeedEvent, isBalanced } from 'millrace';

const Tick = v.object({ type: v.literal('tick'), id: v.number() });
const root = join(__dirname, '..');
const tick = (id: number): string => JSON.stringify({ type: 'tick', id });

const cleanups: (() => unknown)[] = [];
const after = <T>(value: T, cleanup: (value: T) => unknown): T => {
  cleanups.push(() => cleanup(value));
  return value;
};
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const listen = async (server: TcpServer): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

const serve = async (
  onConnection: (socket: WebSocket) => void,
  port = 0,
): Promise<{ server: WebSocketServer; url: string }> => {
  const server = new WebSocketServer({ port, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', onConnection);
  after(server, () => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

const feedOn = (url: string, config: object = {}): Feed<{ tick: typeof Tick }> =>
  after(
    createFeed({
      url,
      reconnect: { initialMs: 10, maxMs: 20 },
      streams: { tick: { schema: Tick, key: (t) => t.id } },
      ...config,
    }),
    (feed) => feed.close({ timeoutMs: 100 }),
  );

const soon = <T>(source$: Observable<T>): Promise<T> => firstValueFrom(source$.pipe(timeout(15_000)));
const event = <K extends FeedEvent['type']>(
  feed: Feed<{ tick: typeof Tick }>,
  type: K,
): Promise<Extract<FeedEvent, { type: K }>> =>
  soon(feed.events$.pipe(filter((told): told is Extract<FeedEvent, { type: K }> => told.type === type)));

describe('a feed on a real socket', () => {
  it('delivers typed values, in order', async () => {
    const { url } = await serve((socket) => [1, 2, 3].forEach((id) => socket.send(tick(id))));
    const values = await soon(
      feedOn(url)
        .stream('tick')
        .pipe(
          take(3),
          map(({ id }) => id),
          toArray(),
        ),
    );

    expect(values).toStrictEqual([1, 2, 3]);
  });

  it('REC-20 goes on when the server comes back after a refusal, without a duplicate', async () => {
    const first = await serve((socket) => [1, 2].forEach((id) => socket.send(tick(id))));
    const feed = feedOn(first.url);
    const values: number[] = [];
    const errors: unknown[] = [];
    feed
      .stream('tick')
      .subscribe({ next: ({ id }) => values.push(id), error: (error: unknown) => errors.push(error) });
    await soon(feed.stream('tick').pipe(filter(({ id }) => id === 2)));

    const refused = event(feed, 'retry');
    for (const client of first.server.clients) client.terminate();
    first.server.close();
    await refused;
    const { error } = await event(feed, 'retry');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    await serve(
      (socket) => [1, 2, 3].forEach((id) => socket.send(tick(id))),
      Number(new URL(first.url).port),
    );
    await soon(feed.stream('tick').pipe(filter(({ id }) => id === 3)));

    expect(values).toStrictEqual([1, 2, 3]);
    expect(errors).toStrictEqual([]);
    expect(feed.stats()).toMatchObject({ received: 5, delivered: 3, duplicate: 2 });
  });

  it('an unreachable host is a network failure that is retried', async () => {
    const closed = createTcpServer();
    const port = await listen(closed);
    closed.close();
    await once(closed, 'close');
    const feed = feedOn(`ws://127.0.0.1:${port}`);
    const ended = event(feed, 'disconnected');
    feed.stream('tick').subscribe();

    expect(await ended).toMatchObject({ class: 'network', error: { code: 'ECONNREFUSED' } });
    expect((await event(feed, 'retry')).attempt).toBe(2);
  });

  it('a server that speaks HTTP but no WebSocket is a protocol failure with its status', async () => {
    const server = after(
      createHttpServer((_request, response) => response.end('hello')),
      (http) => http.close(),
    );
    const feed = feedOn(`ws://127.0.0.1:${await listen(server)}`);
    const ended = event(feed, 'disconnected');
    feed.stream('tick').subscribe({ error: () => undefined });

    expect(await ended).toMatchObject({ class: 'protocol', error: { name: 'HandshakeError', status: 200 } });
  });

  it('a server that speaks no HTTP is a protocol failure', async () => {
    const server = after(
      createTcpServer((socket) => socket.end('220 mail.example.com ESMTP\r\n')),
      (tcp) => tcp.close(),
    );
    const feed = feedOn(`ws://127.0.0.1:${await listen(server)}`);
    const ended = event(feed, 'disconnected');
    feed.stream('tick').subscribe({ error: () => undefined });

    expect(await ended).toMatchObject({ class: 'protocol', error: { name: 'ProtocolError', code: 1002 } });
  });

  it('a server that accepts and says nothing is a connect timeout', async () => {
    const server = after(
      createTcpServer((socket) => after(socket, () => socket.destroy())),
      (tcp) => tcp.close(),
    );
    const feed = feedOn(`ws://127.0.0.1:${await listen(server)}`, { connectTimeoutMs: 50 });
    const ended = event(feed, 'disconnected');
    feed.stream('tick').subscribe();

    expect(await ended).toMatchObject({
      class: 'network',
      error: { name: 'ConnectTimeoutError', timeoutMs: 50 },
    });
  });

  it('garbage is rejected, frame by frame, and the stream goes on', async () => {
    const garbage = [
      '',
      '{',
      'null',
      '7',
      '"text"',
      '[]',
      '{"type":"tick"}',
      '{"type":"tick","id":"x"}',
      '{"type":"other"}',
      '\u0000',
    ];
    const { url } = await serve((socket) => {
      for (const frame of garbage) socket.send(frame);
      socket.send(Buffer.from([0xff, 0xfe, 0x00]));
      socket.send(tick(1));
    });
    const feed = feedOn(url);
    const reasons: string[] = [];
    feed.rejected$.subscribe(({ reason }) => reasons.push(reason));
    await soon(feed.stream('tick'));

    expect(reasons).toStrictEqual(['decode', 'decode', 'schema', 'schema', 'decode', 'decode']);
    expect(feed.stats()).toMatchObject({ received: 12, delivered: 1, rejected: 6, unrouted: 5 });
    expect(isBalanced(feed.stats())).toBe(true);
  });

  it('a frame of 10 MB ends the connection with a named error, and the feed returns', async () => {
    let dials = 0;
    const { url } = await serve((socket) =>
      socket.send((dials += 1) === 1 ? Buffer.alloc(10_000_000, 120) : tick(1)),
    );
    const feed = feedOn(url);
    const ended = event(feed, 'disconnected');
    const value = soon(feed.stream('tick'));

    expect(await ended).toMatchObject({ class: 'protocol', error: { name: 'ProtocolError', code: 1009 } });
    expect(await value).toStrictEqual({ type: 'tick', id: 1 });
  });

  it('TDN-05 a full buffer with the policy pause stops reading, loses nothing, and reads on', async () => {
    const { url } = await serve((socket) => {
      for (let id = 0; id < 5_000; id += 1) socket.send(tick(id));
    });
    const feed = feedOn(url, { buffer: { maxItems: 500, overflow: 'pause', sliceMs: 1 } });
    const told: string[] = [];
    feed.events$.subscribe(({ type }) => told.push(type));
    let next = 0;
    let ordered = true;
    const all = soon(
      feed.stream('tick').pipe(
        filter(({ id }) => {
          ordered &&= id === next;
          next += 1;
          for (let spin = 0; spin < 500; spin += 1) Math.sqrt(spin); // a slow consumer
          return id === 4_999;
        }),
      ),
    );
    await all;

    expect(ordered).toBe(true);
    expect(feed.stats()).toMatchObject({ received: 5_000, delivered: 5_000, dropped: 0 });
    expect(told).toContain('paused');
    expect(told).toContain('resumed');
  });

  it('TDN-09 the server sees every socket gone after close()', async () => {
    const { server, url } = await serve((socket) => socket.send(tick(1)));
    const feed = feedOn(url);
    await soon(feed.stream('tick'));
    const gone = [...server.clients].map((client) => once(client, 'close'));
    await feed.open();
    await feed.close({ code: 4001, reason: 'done' });
    await Promise.all(gone);

    expect(server.clients.size).toBe(0);
  });

  it('CLO-04 passes code and reason through to the server', async () => {
    const closed = new Promise((resolve) => {
      void serve((socket) => {
        socket.on('close', (code, reason) => resolve([code, reason.toString()]));
      }).then(async ({ url }) => {
        const feed = feedOn(url);
        await feed.open();
        await feed.close({ code: 4001, reason: 'done' });
      });
    });

    expect(await closed).toStrictEqual([4001, 'done']);
  });

  it('CON-16 lets the process end by itself after close()', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'test/fixtures/closesItself.ts'], {
      cwd: root,
    });
    after(child, () => child.kill('SIGKILL'));
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(child, 'exit')) as [number];

    expect([code, output.trim()]).toStrictEqual([0, '1']);
  }, 20_000);
});

/** Starts the simulated exchange in a process of its own. */
const startProcess = async (
  port: number,
  firstSeq: number,
): Promise<{ child: ChildProcess; port: number }> => {
  const child = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      'examples/exchange.ts',
      '--port',
      String(port),
      '--seed',
      '7',
      '--first',
      String(firstSeq),
    ],
    { cwd: root },
  );
  after(child, () => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, port: Number(/:(\d+)/.exec(line.toString())![1]) };
};

describe('a feed on an exchange in another process', () => {
  it('REC-20 survives SIGKILL of the server: no error, no duplicate, and data again', async () => {
    const first = await startProcess(0, 1);
    const Trade = v.object({ type: v.literal('trade'), symbol: v.string(), seq: v.number() });
    const feed = createFeed({
      url: `ws://127.0.0.1:${first.port}`,
      reconnect: { initialMs: 20, maxMs: 100 },
      streams: { trade: { schema: Trade, topic: (t) => t.symbol } },
      onConnected: (session) => session.send({ op: 'subscribe', args: [{ stream: 'trade' }] }),
    });
    after(feed, () => feed.close({ timeoutMs: 100 }));
    const outcome: unknown[] = [];
    const generations: number[] = [];
    feed.events$.subscribe(({ type, generation }) => type === 'connected' && generations.push(generation));
    const values: string[] = [];
    feed.stream('trade').subscribe({
      next: ({ symbol, seq }) => values.push(`${symbol} ${seq}`),
      error: (error: unknown) => outcome.push(error),
      complete: () => outcome.push('complete'),
    });
    await soon(feed.stream('trade').pipe(take(5), toArray()));

    const retried = event(feed as never, 'retry');
    first.child.kill('SIGKILL');
    await retried;
    await startProcess(first.port, 100_000);
    await soon(feed.stream('trade').pipe(filter(({ seq }) => seq > 100_002)));

    expect(outcome).toStrictEqual([]);
    expect(generations).toHaveLength(2);
    expect(values.length).toBeGreaterThan(5);
    expect(new Set(values).size).toBe(values.length);
  }, 30_000);
});
