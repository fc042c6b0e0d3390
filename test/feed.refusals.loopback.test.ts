import { readFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { asyncScheduler, filter, firstValueFrom, timeout } from 'rxjs';
import { number, object } from 'valibot';
import { createFeed, type FailureClass, type Feed, type FeedConfig, type FeedEvent } from 'millrace';
import { handshake, loopback, refuse, type Scenario, tidyUp } from './streams/transportRigs.js';

const Tick = object({ id: number() });
type TickConfig = FeedConfig<{ tick: typeof Tick }>;
type Disconnected = Extract<FeedEvent, { type: 'disconnected' }>;

/** Whatever a user gives to a feed that nobody else is to see. */
const SECRET = 'hush';
const secretive = (url: string): string =>
  url.replace('://', `://${SECRET}:${SECRET}@`) + `/feed?token=${SECRET}`;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await tidyUp();
});

const listen = async (server: Server): Promise<number> => {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
};

/** Everything that a feed tells, as a log would show it: `inspect`, and the text and JSON of each error. */
const shown = (events: readonly FeedEvent[]): string =>
  events
    .map((event) => {
      const { error, cause } = event as { error?: unknown; cause?: unknown };
      return [
        inspect(event, { depth: 20 }),
        String(error),
        JSON.stringify(event),
        JSON.stringify(cause),
      ].join('\n');
    })
    .join('\n');

interface Told {
  readonly feed: Feed<{ tick: typeof Tick }>;
  readonly ended: Disconnected;
  readonly events: readonly FeedEvent[];
}

/** How the first dial of a feed ends. */
const firstEnd = async (url: TickConfig['url'], config: Partial<TickConfig> = {}): Promise<Told> => {
  const feed = createFeed({
    url,
    protocols: [],
    reconnect: { initialMs: 60_000, maxMs: 60_000 },
    streams: { tick: { schema: Tick } },
    ...config,
  });
  cleanups.push(() => feed.close({ timeoutMs: 0 }));
  const events: FeedEvent[] = [];
  feed.events$.subscribe((event) => events.push(event));
  const ended$ = feed.events$.pipe(
    filter((event): event is Disconnected => event.type === 'disconnected'),
    timeout(10_000),
  );
  const ended = firstValueFrom(ended$);
  feed.stream('tick').subscribe({ error: () => undefined });
  return { feed, ended: await ended, events };
};

/** The headers of every answer hold a secret of the server's own, and those of the request one of the user's. */
const cookie = { 'Set-Cookie': `sid=${SECRET}` };
const headers = { Authorization: `Bearer ${SECRET}`, 'X-Key': SECRET };

describe('an opening handshake that fails, as the user of a feed sees it', () => {
  it.each<[string, Partial<Scenario>, object, FailureClass]>([
    ...(
      [
        [200, 'protocol'],
        [302, 'config'],
        [401, 'auth'],
        [403, 'auth'],
        [404, 'config'],
        [429, 'rateLimited'],
        [500, 'network'],
        [502, 'network'],
        [503, 'rateLimited'],
        [504, 'network'],
      ] as const
    ).map(([status, name]): [string, Partial<Scenario>, object, FailureClass] => [
      `HTTP ${status}`,
      {
        upgrade: refuse(status, {
          ...cookie,
          'Retry-After': '7',
          Location: `ws://127.0.0.1/?token=${SECRET}`,
        }),
      },
      { name: 'HandshakeError', status, retryAfterMs: 7_000 },
      name,
    ]),
    [
      'a wrong Sec-WebSocket-Accept',
      {
        upgrade: (socket, request) =>
          handshake(socket, request, { ...cookie, 'Sec-WebSocket-Accept': 'AAAA' }),
      },
      { name: 'HandshakeError', status: 101 },
      'protocol',
    ],
    [
      'a subprotocol that nobody asked for',
      {
        upgrade: (socket, request) =>
          handshake(socket, request, { ...cookie, 'Sec-WebSocket-Protocol': SECRET }),
      },
      { name: 'HandshakeError', status: 101 },
      'protocol',
    ],
    [
      'an answer that is no HTTP',
      { upgrade: (socket) => socket.end(`Set-Cookie: ${SECRET}\r\n\r\n`) },
      { name: 'ProtocolError' },
      'protocol',
    ],
    ['a server that hangs up', { upgrade: (socket) => socket.destroy() }, { code: 'ECONNRESET' }, 'network'],
    ['nobody who listens', { isDown: true }, { code: 'ECONNREFUSED' }, 'network'],
  ])('CON-09 %s is told by type and class, with no secret', async (_title, scenario, error, name) => {
    const { url } = await loopback(scenario);
    const { ended, events } = await firstEnd(() => Promise.resolve(secretive(url)), { socket: { headers } });

    expect(ended).toMatchObject({ error, class: name });
    expect(shown(events)).not.toContain(SECRET);
  });

  it('BAK-05 a Retry-After that is a date is the floor of the next dial', async () => {
    const inMs = 3_600_000;
    const date = new Date(asyncScheduler.now() + inMs).toUTCString();
    const { url } = await loopback({ upgrade: refuse(503, { 'Retry-After': date }) });
    const { events } = await firstEnd(url, { reconnect: { initialMs: 1_000, maxMs: 1_000, jitter: 'none' } });

    const floorMs = events.find((event) => event.type === 'retry')?.floorMs ?? NaN;
    expect(floorMs).toBeLessThanOrEqual(inMs);
    // The date has whole seconds, and the dial took its time.
    expect(floorMs).toBeGreaterThanOrEqual(inMs - 10_000);
  });

  it('REC-08 a server that accepts TCP and says nothing is left at connectTimeoutMs', async () => {
    let closed: Promise<unknown> | undefined;
    const silent = createTcpServer((socket) => {
      closed = new Promise((resolve) => socket.resume().on('close', resolve));
    });
    const { ended, events } = await firstEnd(secretive(`ws://127.0.0.1:${await listen(silent)}`), {
      connectTimeoutMs: 50,
    });

    expect(ended).toMatchObject({ error: { name: 'ConnectTimeoutError', timeoutMs: 50 }, class: 'network' });
    await closed; // and no socket stays behind
    expect(shown(events)).not.toContain(SECRET);
  });

  it('REC-08 a name that nobody knows is a failure of the network', async () => {
    const lookup = (name: string, _options: object, done: (error: Error) => void): void =>
      done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }));
    const { ended, events } = await firstEnd(secretive('wss://nowhere.invalid'), { socket: { lookup } });

    expect(ended).toMatchObject({ error: { code: 'ENOTFOUND' }, class: 'network' });
    expect(shown(events)).not.toContain(SECRET);
  });

  it('REC-08 a name of which no address answers is one failure of several parts, of the network', async () => {
    const { url } = await loopback({ isDown: true });
    const lookup = (_name: string, _options: object, done: (error: null, found: object[]) => void): void =>
      done(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '127.0.0.2', family: 4 },
      ]);
    const { ended, events } = await firstEnd(secretive(url.replace('127.0.0.1', 'feed.test')), {
      socket: { lookup },
    });

    expect(ended).toMatchObject({ error: { name: 'AggregateError' }, class: 'network' });
    expect(shown(events)).not.toContain(SECRET);
  });

  it('REC-04 a certificate that nobody trusts ends the feed at once', async () => {
    const pem = (name: string): Buffer => readFileSync(join(__dirname, 'fixtures/tls', `${name}.pem`));
    const server = createHttpsServer({ key: pem('key'), cert: pem('localhost') });
    const { ended, events } = await firstEnd(secretive(`wss://127.0.0.1:${await listen(server)}`), {
      socket: { headers },
    });

    expect(ended).toMatchObject({ error: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, class: 'config' });
    expect(events.map(({ type }) => type)).toContain('gaveUp');
    expect(shown(events)).not.toContain(SECRET);
  });

  it.each<[string, string]>([
    ['a Location that is no URL', `http://${SECRET} @:x/?token=${SECRET}`],
    ['a Location that is no WebSocket URL', `ws+unix:/tmp/${SECRET}:/?token=${SECRET}`],
    ['a Location with a fragment', `ws://127.0.0.1:1/?token=${SECRET}#${SECRET}`],
    ['a Location where nobody listens', `ws://${SECRET}:${SECRET}@127.0.0.1:1/?token=${SECRET}`],
  ])('CON-12 a redirect to %s shows no secret of it', async (_title, Location) => {
    const { url } = await loopback({ upgrade: refuse(302, { Location }) });
    const { events } = await firstEnd(secretive(url), { socket: { headers, followRedirects: true } });

    expect(shown(events)).not.toContain(SECRET);
  });

  it.each<[string, Partial<TickConfig>]>([
    ['a header that is none', { socket: { headers: { 'X-Key': `${SECRET}\n` } } }],
    ['a subprotocol that is none', { protocols: () => [`${SECRET},`] }],
    ['a subprotocol that is repeated', { protocols: () => [SECRET, SECRET] }],
    ['a URL that is none', { url: () => `ws://${SECRET}:${SECRET}@:x/?token=${SECRET}` }],
    ['a URL of another kind', { url: () => `${SECRET}:${SECRET}@feed.test` }],
    ['a URL with a fragment', { url: () => ['ws://a.test', `ws://b.test/?token=${SECRET}#${SECRET}`] }],
  ])('%s, of a provider, shows no secret', async (_title, config) => {
    const { url } = await loopback({});
    const { events } = await firstEnd(url, config);

    expect(shown(events)).not.toContain(SECRET);
  });
});
