import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { filter, firstValueFrom, NEVER, type Observable, Subject, timeout } from 'rxjs';
import { WebSocket as W3cWebSocket } from 'undici';
import * as v from 'valibot';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  createFeed,
  type Feed,
  FeedClosedError,
  type FeedEvent,
  type Session,
  webSocketTransport,
  wsTransport,
} from 'millrace';
import { startFaultServer } from '../src/testing/faultServer.js';

const Tick = v.object({ type: v.literal('tick'), id: v.number() });
const tick = (id: number): string => JSON.stringify({ type: 'tick', id });
type TickFeed = Feed<{ tick: typeof Tick }>;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Server {
  readonly url: string;
  /** Every TCP connection there is, whatever was said on it. */
  readonly sockets: ReadonlySet<Socket>;
  /** How many there have been. */
  readonly accepted: () => number;
  /** Resolves when no TCP connection is left. */
  readonly empty: () => Promise<void>;
}

/** Listens until the test is over, when it destroys its connections; resolves to its address. */
const listen = async (server: HttpServer, sockets: Iterable<Socket>): Promise<string> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const serve = async (onConnection: (ws: WebSocket) => void): Promise<Server> => {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const upgrades = new WebSocketServer({ noServer: true });
  const server = createServer();
  server.on('connection', (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, _socket, head) => {
    upgrades.handleUpgrade(request, request.socket, head, onConnection);
  });
  const url = await listen(server, sockets);
  return {
    url,
    sockets,
    accepted: () => accepted,
    empty: async () => {
      for (const socket of sockets) if (!socket.closed) await once(socket, 'close');
    },
  };
};

const soon = <T>(source$: Observable<T>): Promise<T> => firstValueFrom(source$.pipe(timeout(15_000)));
const until = (feed: TickFeed, type: FeedEvent['type']): Promise<FeedEvent> =>
  soon(feed.events$.pipe(filter((event) => event.type === type)));

const feedOn = (url: string, config: object = {}): TickFeed => {
  const feed = createFeed({
    url,
    reconnect: { initialMs: 10, maxMs: 20 },
    streams: { tick: { schema: Tick, key: (t) => t.id } },
    ...config,
  });
  cleanups.push(() => feed.close({ timeoutMs: 0 }));
  return feed;
};

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('close() on a real socket', () => {
  it('TDN-09 CLO-02 leaves no socket on either side and no timer, in each moment of a feed', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'test/fixtures/closesInEveryMoment.ts'], {
      cwd: join(__dirname, '..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanups.push(() => child.kill('SIGKILL'));
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];

    const left = (name: string, outcome = 'complete', accepted = 1) => ({
      name,
      outcome,
      accepted,
      sockets: 0,
      awake: [],
    });
    const lines = output.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toStrictEqual([
      left('never opened', 'nothing', 0),
      left('accepted, not answered'),
      left('authenticating'),
      left('ready'),
      left('backing off'),
      left('paused'),
      left('closing, unanswered'),
      left('given up', 'HandshakeError'),
    ]);
    expect(code).toBe(0); // it ended by itself
  }, 30_000);

  it('CLO-07 delivers every message that the feed had received when it was called', async () => {
    const server = await serve((ws) => {
      for (let id = 0; id < 5_000; id += 1) ws.send(tick(id));
    });
    const feed = feedOn(server.url, { buffer: { sliceMs: 0.01 } });
    let delivered = 0;
    const ended = new Promise<void>((resolve) => {
      feed.stream('tick').subscribe({ next: () => (delivered += 1), complete: resolve });
    });
    await soon(feed.stream('tick'));
    const { held } = feed.stats();
    await feed.close();
    await ended;

    expect(held).toBeGreaterThan(0);
    expect(feed.stats()).toMatchObject({ received: delivered, delivered, held: 0, dropped: 0 });
  });
});

describe('a close that the peer does not finish, on a real socket', () => {
  interface Mute extends Pick<Server, 'url'> {
    /** The first bytes of each connection that reached it, in order. */
    readonly heard: Buffer[];
    readonly hears: () => Promise<void>;
  }
  /** Completes the handshake, says the words to the first, and nothing after it. */
  const mute = async (words = Buffer.alloc(0)): Promise<Mute> => {
    const sockets = new Set<Socket>();
    const heard: Buffer[] = [];
    const hears$ = new Subject<void>();
    const server = createServer();
    server.on('upgrade', ({ headers }, socket: Socket) => {
      const isFirst = sockets.size === 0;
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('data', (chunk: Buffer) => {
        heard.push(chunk);
        hears$.next();
      });
      const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash('sha1').update(key).digest('base64');
      const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
      socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'));
      if (isFirst) socket.write(words);
    });
    return {
      url: await listen(server, sockets),
      heard,
      hears: () => soon(hears$),
    };
  };

  /** The text of the first frame, which is masked and short. */
  const textOf = (frame: Buffer): string =>
    frame
      .subarray(6, 6 + (frame[1]! & 0x7f))
      .map((byte, n) => byte ^ frame[2 + (n % 4)]!)
      .toString();

  it.each([
    ['ws', wsTransport],
    ['a W3C WebSocket', webSocketTransport(W3cWebSocket)],
  ])(
    'what is sent after the close of the peer waits for the next connection, with %s',
    async (_name, transport) => {
      const server = await mute(Buffer.from([0x88, 2, 1001 >> 8, 1001 & 0xff]));
      const feed = feedOn(server.url, { transport, heartbeat: { off: true } });
      const answered = server.hears();
      await feed.open();
      await answered;
      const gone = until(feed, 'disconnected');

      expect([feed.send('order'), server.heard.map(([first]) => first)]).toStrictEqual(['queued', [0x88]]);
      const received = server.hears();
      await gone;
      await received;
      expect([textOf(server.heard[1]!), feed.takeUnsent()]).toStrictEqual(['"order"', []]);
    },
    20_000,
  );

  it('a peer that says nothing to the close of a hook has 5 s, whatever the transport; what is sent meanwhile waits', async () => {
    const ends = [wsTransport, webSocketTransport(W3cWebSocket)].map(async (transport) => {
      const server = await mute();
      const feed = feedOn(server.url, {
        transport,
        heartbeat: { off: true },
        onConnected: (session: Session) => session.generation === 1 && session.close(),
      });
      const events: FeedEvent[] = [];
      feed.events$.subscribe((event) => events.push(event));
      const gone = until(feed, 'disconnected');
      await feed.open();
      const result = feed.send('order');
      const { at } = await gone;
      await until(feed, 'connected');
      const [from] = events.filter(({ type }) => type === 'connected');
      return { result, unsent: feed.takeUnsent(), waited: Math.round((at - from!.at) / 1_000) };
    });
    const left = { result: 'queued', unsent: [], waited: 5 };

    expect(await Promise.all(ends)).toStrictEqual([left, left]);
  }, 20_000);
});

describe('open() on a real socket', () => {
  it('rejects, when the feed is closed before it is ready', async () => {
    const server = await serve(() => undefined);
    const feed = feedOn(server.url);
    const opened = feed.open();
    await feed.close({ timeoutMs: 0 });

    await expect(opened).rejects.toThrow(new FeedClosedError());
  });

  it('rejects, when the feed ends as a server closes it during its login', async () => {
    const server = await serve((ws) => ws.close(1000));
    const feed = createFeed({
      url: server.url,
      authenticate: () => NEVER,
      reconnect: { policies: { normal: { action: 'complete' } } },
      streams: { tick: { schema: Tick } },
    });
    cleanups.push(() => feed.close({ timeoutMs: 0 }));

    await expect(feed.open()).rejects.toThrow(new FeedClosedError());
  });

  it('resolves at once, when it is ready already', async () => {
    const server = await serve(() => undefined);
    const feed = feedOn(server.url);
    await feed.open();

    await expect(feed.open()).resolves.toBeUndefined();
    expect(server.accepted()).toBe(1);
  });
});

describe('reconnect() on a real socket', () => {
  const warnings: Error[] = [];
  const warn = (warning: Error): void => void warnings.push(warning);
  beforeEach(() => process.on('warning', warn));
  afterEach(() => {
    process.off('warning', warn);
    expect(warnings.splice(0)).toStrictEqual([]);
  });

  /** The feed is ready again, and the server has seen everything but that connection go. */
  const settled = async (feed: TickFeed, server: Server): Promise<void> => {
    await feed.open();
    while (server.sockets.size > 1) await nextTurn();
  };

  it.each<[string, (feed: TickFeed) => Promise<void> | void]>([
    [
      'in one go',
      (feed) => {
        for (let call = 0; call < 1_000; call += 1) feed.reconnect();
      },
    ],
    [
      'one a turn, whatever the dial has come to',
      async (feed) => {
        for (let call = 0; call < 1_000; call += 1) {
          feed.reconnect();
          await nextTurn();
        }
      },
    ],
  ])(
    'REC-07 a thousand times, %s: one socket is left, and it delivers',
    async (_name, storm) => {
      let open = 0;
      const server = await serve((ws) => {
        open += 1;
        ws.on('close', () => (open -= 1));
        ws.on('message', () => ws.send(tick(open)));
      });
      const feed = feedOn(server.url);
      feed.stream('tick').subscribe();
      await feed.open();
      await storm(feed);
      await settled(feed, server);
      const counted = soon(feed.stream('tick'));
      feed.send('how many?');

      expect((await counted).id).toBe(1);
      expect(server.sockets.size).toBe(1);

      await feed.close();
      await server.empty();
      expect(server.sockets.size).toBe(0);
    },
    60_000,
  );

  it('REC-06 REC-07 during a close: that is finished, then there is one new connection', async () => {
    const server = await serve(() => undefined);
    const feed = feedOn(server.url);
    await feed.open();
    const closing = feed.close();
    for (let call = 0; call < 10; call += 1) feed.reconnect();
    const connected = until(feed, 'connected');
    await closing;
    await connected;
    await settled(feed, server);

    expect([server.sockets.size, server.accepted()]).toStrictEqual([1, 2]);
  });

  it('REC-06 after giving up, and after a close: delivers again', async () => {
    const server = await startFaultServer({ onConnection: (client) => client.send(tick(client.id)) });
    cleanups.push(() => server.close());
    const feed = feedOn(server.url);
    const gaveUp = until(feed, 'gaveUp');
    server.refuse(404);
    feed.stream('tick').subscribe({ error: () => undefined });
    await gaveUp;

    server.refuse();
    for (const id of [1, 2]) {
      feed.reconnect();
      expect((await soon(feed.stream('tick'))).id).toBe(id);
      await feed.close();
    }
    expect(server.clients.size).toBe(0);
  });
});
