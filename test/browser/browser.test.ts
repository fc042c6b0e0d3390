import { filter, firstValueFrom, map, noop, type Observable, take, timer, toArray } from 'rxjs';
import { type FaultClient, type FaultServer, startFaultServer } from 'millrace/testing';
import { BLOCK_MS, chromium, openPage, type Page } from './chromium.js';
import type { Report } from './page.js';

const trade = (id: number): string => JSON.stringify({ type: 'trade', id, price: `${id}.5` });
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
/** The first value; of a test that failed before, nobody hears that it never came. */
const soon = <T>(source$: Observable<T>): Promise<T> => {
  const first = firstValueFrom(source$);
  first.catch(noop);
  return first;
};

if (chromium === undefined) {
  console.warn('skipped: there is no Chromium in the path, nor at CHROMIUM');
}

(chromium === undefined ? describe.skip : describe)('a feed in Chromium', () => {
  let page: Page;
  let server: FaultServer;
  const cleanups: (() => unknown)[] = [];
  const faults: Report[] = [];
  const pings: FaultClient[] = [];
  let dials = 0;
  let answersPings = true;

  beforeAll(async () => {
    page = await openPage(chromium!);
    cleanups.push(() => page.close());
    page.reports$.pipe(filter(({ type }) => type === 'uncaught')).subscribe((told) => faults.push(told));
  });
  afterAll(async () => {
    for (const cleanup of cleanups) await cleanup();
  });

  /** A server that sends each connection these frames, and answers the pings of the application. */
  const serve = async (...frames: (string | Uint8Array)[]): Promise<void> => {
    server = await startFaultServer({
      onConnection: (client) => frames.forEach((frame) => client.send(frame)),
      onMessage: (client, data) => {
        if (data !== '{"op":"ping"}' || !answersPings) return;
        pings.push(client);
        client.send('{"type":"pong"}');
      },
    });
    dials = 0;
    answersPings = true;
    server.dials$.subscribe(() => (dials += 1));
  };
  afterEach(async () => {
    const closed = report('closed');
    page.command({ do: 'close', code: 1000, reason: '' });
    await closed;
    await server.close();

    expect(faults.splice(0)).toStrictEqual([]);
  });

  const report = <K extends Report['type']>(type: K): Promise<Extract<Report, { type: K }>> =>
    soon(page.reports$.pipe(filter((told): told is Extract<Report, { type: K }> => told.type === type)));
  const event = (name: string): Promise<Extract<Report, { type: 'event' }>> =>
    soon(
      page.reports$.pipe(
        filter((told): told is Extract<Report, { type: 'event' }> => told.type === 'event'),
        filter((told) => told.event === name),
      ),
    );
  const trades = (count: number): Promise<unknown[]> =>
    soon(
      page.reports$.pipe(
        filter((told): told is Extract<Report, { type: 'trade' }> => told.type === 'trade'),
        map((told) => told.trade),
        take(count),
        toArray(),
      ),
    );
  const status = (): Promise<Extract<Report, { type: 'status' }>> => {
    const told = report('status');
    page.command({ do: 'status' });
    return told;
  };
  const typed = (...ids: number[]) => ids.map((id) => ({ type: 'trade', id, price: id + 0.5 }));

  it('runs on a platform without anything of Node', async () => {
    await serve();
    const platform = report('platform');
    page.command({ do: 'platform' });
    const connected = event('connected');
    page.command({ do: 'subscribe', url: server.url });
    await connected;

    expect(await platform).toMatchObject({ present: ['WebSocket'] });
  });

  it('SND-11 delivers text and binary, typed, in order, and each once', async () => {
    await serve(trade(1), bytes(trade(2)), trade(1), trade(3), bytes(trade(4)), bytes(trade(2)), trade(5));
    const values = trades(5);
    page.command({ do: 'subscribe', url: server.url });

    expect(await values).toStrictEqual(typed(1, 2, 3, 4, 5));
    expect((await status()).stats).toMatchObject({ received: 7, delivered: 5, duplicate: 2, rejected: 0 });
  });

  it('REC-01 reconnects when the server drops it, and goes on without a duplicate', async () => {
    await serve(trade(1), trade(2));
    const first = trades(2);
    page.command({ do: 'subscribe', url: server.url });
    await first;
    const disconnected = event('disconnected');
    const reconnected = soon(server.dials$);
    server.drop();

    expect(await disconnected).toMatchObject({ error: 'SocketClosedError', class: 'network' });

    await reconnected;
    const next = trades(1);
    while (server.clients.size === 0) await status();
    server.broadcast(trade(2));
    server.broadcast(trade(3));

    expect(await next).toStrictEqual(typed(3));
  });

  it('CON-09 retries a refused dial, of which the platform does not say why', async () => {
    await serve(trade(1));
    server.refuse(401);
    const retry = event('retry');
    page.command({ do: 'subscribe', url: server.url });

    expect(await retry).toMatchObject({ error: 'DialFailedError', class: 'network' });

    const values = trades(1);
    server.refuse();

    expect(await values).toStrictEqual(typed(1));
  });

  it('HBT-04 pings by the application, and leaves a half-open connection for a new one', async () => {
    await serve(trade(1));
    const pong = event('pong');
    page.command({ do: 'subscribe', url: server.url, timeoutMs: 1_000 });
    await pong;
    const [dead] = server.clients;
    const disconnected = event('disconnected');
    const reconnected = event('connected');
    server.vanish();

    expect(pings).toContain(dead);
    expect(await disconnected).toMatchObject({ error: 'HeartbeatTimeoutError', class: 'network' });

    await reconnected;

    expect(server.clients.size).toBe(1);
    expect(server.clients).not.toContain(dead);
  });

  it('HBT-02 takes what arrived while its event loop was blocked for a sign of life, though the deadline is past', async () => {
    await serve(trade(1));
    answersPings = false;
    const pinged = soon(server.received$);
    page.command({ do: 'subscribe', url: server.url, timeoutMs: BLOCK_MS / 3 });
    await pinged;
    const [blocked, next] = [report('blocked'), trades(1)];
    page.command({ do: 'block' });
    await blocked;
    // After the deadline, which the page cannot notice yet, and well before it is let go.
    await soon(timer((BLOCK_MS * 2) / 3));
    server.broadcast(trade(2));

    expect(await next).toStrictEqual(typed(2));
    expect(await status()).toMatchObject({ state: 'CONNECTED' });
    expect(dials).toBe(1);
  });

  it('CLO-04 closes with the code and the reason it was given, and the socket is gone', async () => {
    await serve(trade(1));
    const values = trades(1);
    page.command({ do: 'subscribe', url: server.url });
    await values;
    const ended = soon(server.ends$);
    page.command({ do: 'close', code: 4000, reason: 'done' });

    expect(await ended).toMatchObject({ code: 4000, reason: 'done' });
    expect(server.clients.size).toBe(0);
    expect(await status()).toMatchObject({ state: 'CLOSED' });
    expect(dials).toBe(1);
  });

  it('CLO-08 closes the socket when the last subscriber leaves', async () => {
    await serve(trade(1));
    const values = trades(1);
    page.command({ do: 'subscribe', url: server.url });
    await values;
    const ended = soon(server.ends$);
    page.command({ do: 'unsubscribe' });

    expect(await ended).toMatchObject({ code: 1000 });
    expect(await status()).toMatchObject({ state: 'DISCONNECTED' });
  });

  it.each(['offline', 'online'] as const)(
    'REC-19 makes a new connection when the page goes %s, and none once it is closed',
    async (name) => {
      await serve(trade(1));
      const values = trades(1);
      page.command({ do: 'subscribe', url: server.url });
      await values;
      const disconnected = event('disconnected');
      const reconnected = event('connected');
      page.command({ do: 'fire', event: name });

      expect(await disconnected).toMatchObject({ error: 'ReconnectRequestedError' });

      await reconnected;
      const closed = report('closed');
      page.command({ do: 'close', code: 1000, reason: '' });
      await closed;
      page.command({ do: 'fire', event: name });

      expect(await status()).toMatchObject({ state: 'CLOSED' });
      expect(dials).toBe(2);
    },
  );

  it('CON-15 gives up at once when told headers, which a browser cannot send', async () => {
    await serve();
    const failed = report('failed');
    page.command({ do: 'subscribe', url: server.url, socket: { headers: { a: 'b' } } });

    expect(await failed).toMatchObject({ error: 'UnsupportedDialError' });
    expect(dials).toBe(0);
  });
});
