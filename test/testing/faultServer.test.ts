import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { bufferCount, firstValueFrom, lastValueFrom, map, toArray } from 'rxjs';
import WebSocket from 'ws';
import { type FaultServer, type FaultServerConfig, startFaultServer } from '../../src/testing/faultServer.js';
import { connect, dialRefused } from './testClient.js';

/** What is under a WebSocket: ws offers no public way to write bytes of one's own. */
const rawSocket = (ws: WebSocket): Socket => (ws as unknown as { readonly _socket: Socket })._socket;

const servers: FaultServer[] = [];
const start = async (config?: FaultServerConfig): Promise<FaultServer> => {
  const server = await startFaultServer(config);
  servers.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('startFaultServer', () => {
  it('accepts connections on a free port, and tells its callbacks and Observables of them', async () => {
    const seen: unknown[] = [];
    const server = await start({
      onConnection: ({ id }, { url }) => seen.push([id, url]),
      onMessage: ({ id }, data) => seen.push([id, data]),
    });
    const dialled = firstValueFrom(server.dials$);
    const received = firstValueFrom(server.received$.pipe(bufferCount(2)));

    const client = await connect(`${server.url}/path`);
    client.ws.send('text');
    client.ws.send(Buffer.from([1, 2]));

    expect((await dialled).url).toBe('/path');
    expect((await received).map(({ data }) => data)).toStrictEqual(['text', Buffer.from([1, 2])]);
    expect(seen).toStrictEqual([
      [1, '/path'],
      [1, 'text'],
      [1, Buffer.from([1, 2])],
    ]);
    expect(server.clients.size).toBe(1);
    expect(server.url).toBe(`ws://127.0.0.1:${server.port}`);
  });

  it('sends to one client, or to all of them', async () => {
    const server = await start({ onConnection: (client) => client.send(`only ${client.id}`) });
    const [one, two] = [await connect(server.url), await connect(server.url)];
    server.broadcast('all');
    server.drop(1000);

    await expect(lastValueFrom(one.texts$.pipe(toArray()))).resolves.toStrictEqual(['only 1', 'all']);
    await expect(lastValueFrom(two.texts$.pipe(toArray()))).resolves.toStrictEqual(['only 2', 'all']);
  });

  it.each([
    [undefined, undefined, 1006, ''],
    [1006, 'unheard', 1006, ''],
    [1005, undefined, 1005, ''],
    [1000, 'bye', 1000, 'bye'],
    [1012, undefined, 1012, ''],
    [4429, 'slow down', 4429, 'slow down'],
  ])('CLO-04 drops with %s %s, which the client hears as %s %s', async (code, reason, heard, heardReason) => {
    const server = await start();
    const client = await connect(server.url);
    server.drop(code, reason);

    expect(server.clients.size).toBe(0);
    await expect(client.ended).resolves.toStrictEqual({ code: heard, reason: heardReason });
  });

  it('tells of the end of each connection, with the client’s code and reason', async () => {
    const server = await start();
    const client = await connect(server.url);
    const ended = firstValueFrom(server.ends$);
    client.ws.close(4001, 'enough');

    await expect(ended).resolves.toMatchObject({ code: 4001, reason: 'enough', client: { id: 1 } });
    expect(server.clients.size).toBe(0);
  });

  it('HBT-05 answers pings with their payload, and tells of pings and pongs', async () => {
    const server = await start();
    const client = await connect(server.url);
    const control = firstValueFrom(
      server.control$.pipe(
        map(({ type, data }) => ({ type, data })),
        bufferCount(2),
      ),
    );
    client.ws.ping('are you there');
    const [answer] = (await once(client.ws, 'pong')) as [Buffer];
    const [client1] = server.clients;
    client1?.ping('and you');

    expect(answer.toString()).toBe('are you there');
    await expect(control).resolves.toStrictEqual([
      { type: 'ping', data: 'are you there' },
      { type: 'pong', data: 'and you' },
    ]);
  });

  it('vanishes without a trace: no frame, no pong and no close comes any more', async () => {
    const server = await start();
    const client = await connect(server.url);
    const other = await connect(server.url);
    const [gone] = server.clients;
    const heard: string[] = [];
    for (const event of ['message', 'pong', 'close', 'error']) client.ws.on(event, () => heard.push(event));
    gone?.vanish();
    gone?.send('late');
    gone?.drop(1000);
    server.broadcast('for the rest');
    client.ws.ping();
    client.ws.send('anybody?');
    client.ws.close();

    // The other connection goes there and back twice, which the first one would have done too.
    for (const payload of ['1', '2']) {
      other.ws.ping(payload);
      await once(other.ws, 'pong');
    }
    expect(heard).toStrictEqual([]);
    expect(client.ws.readyState).toBe(WebSocket.CLOSING);
    expect([...server.clients].map(({ id }) => id)).toStrictEqual([2]);
  });

  it('answers nothing that it reads in the moment it vanishes', async () => {
    const server = await start({ onMessage: (client) => client.vanish() });
    const vanishing = await connect(server.url);
    const other = await connect(server.url);
    const heard = jest.fn();
    vanishing.ws.on('pong', heard);
    // One segment, so that the server has read the ping when the text makes it vanish.
    const received = firstValueFrom(server.received$);
    const socket = rawSocket(vanishing.ws);
    socket.cork();
    vanishing.ws.send('vanish');
    vanishing.ws.ping();
    socket.uncork();
    await received;
    other.ws.ping();
    await once(other.ws, 'pong');

    expect(heard).not.toHaveBeenCalled();
  });

  it('keeps at most 100 connections half-open, and destroys the oldest to make room', async () => {
    const server = await start({ onConnection: (client) => client.vanish() });
    const all = [];
    for (let count = 0; count < 101; count += 1) all.push(await connect(server.url));

    await expect(all[0]!.ended).resolves.toStrictEqual({ code: 1006, reason: '' });
    expect(all.filter(({ ws }) => ws.readyState === WebSocket.OPEN)).toHaveLength(100);
  });

  it('CON-09 refuses dials with a status and headers, and accepts them again', async () => {
    const server = await start();
    const dials = firstValueFrom(server.dials$.pipe(bufferCount(3)));
    server.refuse(429, { 'retry-after': '7' });
    const before = await dialRefused(server.url);
    server.refuse(503);
    const later = await dialRefused(server.url);
    server.refuse();
    const client = await connect(server.url);

    expect(before).toStrictEqual({ status: 429, retryAfter: '7' });
    expect(later).toStrictEqual({ status: 503, retryAfter: undefined });
    expect(client.ws.readyState).toBe(WebSocket.OPEN);
    await expect(dials).resolves.toHaveLength(3);
  });

  it('leaves open connections alone while it refuses', async () => {
    const server = await start();
    const client = await connect(server.url);
    server.refuse(503);
    server.broadcast('{"type":"still here"}');

    await expect(client.first(({ type }) => type === 'still here')).resolves.toBeDefined();
  });

  it('CON-10 drops the socket during the handshake', async () => {
    const server = await start();
    server.refuse('drop');
    const ws = new WebSocket(server.url);
    const [error] = (await once(ws, 'error')) as [Error & { code?: string }];

    expect(error.message).toMatch(/socket hang up|ECONNRESET/);
  });

  it('leaves a dial without an answer', async () => {
    const server = await start();
    server.refuse('silence');
    const dialled = firstValueFrom(server.dials$);
    const ws = new WebSocket(server.url);
    ws.on('error', () => undefined);
    const { socket } = await dialled;
    expect(ws.readyState).toBe(WebSocket.CONNECTING);

    ws.terminate();
    await once(socket, 'close');
  });

  it('answers a request that wants no upgrade with 426', async () => {
    const { port } = await start();
    const [response] = (await once(get({ port, host: '127.0.0.1' }), 'response')) as [IncomingMessage];
    response.resume();

    expect(response.statusCode).toBe(426);
  });

  it('survives bytes that are no HTTP, and frames that are no WebSocket', async () => {
    const server = await start();
    const tcp = connectTcp(server.port, '127.0.0.1', () => tcp.write('garbage\r\n\r\n'));
    tcp.on('error', () => undefined).resume();
    await once(tcp, 'close');
    const client = await connect(server.url);
    rawSocket(client.ws).write('garbage');

    await expect(client.ended).resolves.toMatchObject({ code: 1002 });
    await expect(connect(server.url)).resolves.toBeDefined();
  });

  it('drops a client that lets too much pile up', async () => {
    const server = await start({ maxBufferedBytes: 1_000_000 });
    const client = await connect(server.url);
    client.ws.pause();
    const [slow] = server.clients;
    const ended = firstValueFrom(server.ends$);
    for (let count = 0; count < 1_000 && server.clients.size > 0; count += 1) slow?.send('x'.repeat(100_000));

    expect(server.clients.size).toBe(0);
    await expect(ended).resolves.toMatchObject({ code: 1006 });
  });

  it('is all gone after close: connections, half-open ones, unanswered dials, and the port', async () => {
    const server = await start();
    const [open, halfOpen] = [await connect(server.url), await connect(server.url)];
    [...server.clients][1]?.vanish();
    server.refuse('silence');
    const dialled = firstValueFrom(server.dials$);
    const unanswered = new WebSocket(server.url);
    const failed = once(unanswered, 'error');
    await dialled;
    const completed = lastValueFrom(server.received$, { defaultValue: 'completed' });

    const closed = server.close();
    expect(server.close()).toBe(closed);
    await closed;
    await Promise.all([open.ended, halfOpen.ended, failed]);
    await expect(completed).resolves.toBe('completed');

    const again = await start({ port: server.port });
    expect(again.port).toBe(server.port);
    await expect(connect(again.url)).resolves.toBeDefined();
  });

  it('tells of the ends that close makes, half-open ones too, before it completes and resolves', async () => {
    const server = await start();
    const [one, two, three] = [
      await connect(server.url),
      await connect(server.url),
      await connect(server.url),
    ];
    const [, vanishing, leaving] = server.clients;
    vanishing?.vanish();
    two.ws.send('x'.repeat(1_000_000)); // never read
    three.ws.pause(); // so that it never answers the close frame
    leaving?.drop(1000);
    const told = lastValueFrom(
      server.ends$.pipe(
        map(({ client, code }) => [client.id, code]),
        toArray(),
      ),
    );
    await server.close();

    expect(server.clients.size).toBe(0);
    const byId = (await told).sort(([a = 0], [b = 0]) => a - b);
    expect(byId).toStrictEqual([
      [1, 1006],
      [2, 1006],
      [3, 1006],
    ]);
    three.ws.resume();
    await Promise.all([one, two, three].map(({ ended }) => ended));
  });

  it('rejects when the port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;

    await expect(startFaultServer({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    taken.close();
    await once(taken, 'close');
  });

  it.each([
    [{ port: -1 }, 'startFaultServer: port must be an integer from 0 to 65535, got -1'],
    [{ port: 1.5 }, 'startFaultServer: port must be an integer from 0 to 65535, got 1.5'],
    [{ port: 65_536 }, 'startFaultServer: port must be an integer from 0 to 65535, got 65536'],
    [{ maxBufferedBytes: 0 }, 'startFaultServer: maxBufferedBytes must be above 0, got 0'],
    [{ maxBufferedBytes: NaN }, 'startFaultServer: maxBufferedBytes must be above 0, got NaN'],
  ])('rejects %j', async (config, message) => {
    await expect(startFaultServer(config)).rejects.toStrictEqual(new RangeError(message));
  });

  it.each([999, 1004, 1015, 2000, 2999, 5000, 1000.5, NaN])('throws for the close code %s', async (code) => {
    const server = await start();
    const range = `1000 to 1014 (not 1004) or 3000 to 4999, got ${code}`;

    expect(() => server.drop(code)).toThrow(new RangeError(`drop: code must be ${range}`));
  });

  it('throws for a reason that fits into no close frame', async () => {
    const server = await start();

    expect(() => server.drop(1000, 'é'.repeat(62))).toThrow(
      new RangeError('drop: reason must be at most 123 bytes, got 124'),
    );
  });

  it.each([101, 199, 600, 429.5, NaN])('throws for the status %s', async (status) => {
    const server = await start();

    expect(() => server.refuse(status)).toThrow(
      new RangeError(`refuse: status must be an integer from 200 to 599, got ${status}`),
    );
  });

  it('does not compile with a refusal it does not know', async () => {
    const server = await start();
    // @ts-expect-error only 'drop' and 'silence' are words
    server.refuse('politely');
  });
});
