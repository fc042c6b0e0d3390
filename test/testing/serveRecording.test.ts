import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler, firstValueFrom, type Subscription } from 'rxjs';
import WebSocket from 'ws';
import {
  type Played,
  RecordingError,
  type RecordingServer,
  serveRecording,
  type ServeRecordingConfig,
} from '../../src/testing/serveRecording.js';

const HOUR_MS = 3_600_000;

describe('serveRecording', () => {
  let folder: string;
  const servers: RecordingServer[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'recording-'));
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = async (lines: readonly unknown[]): Promise<string> => {
    const file = join(folder, 'recording.ndjson');
    await writeFile(
      file,
      lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
    );
    return file;
  };
  const serve = async (
    lines: readonly unknown[],
    config?: ServeRecordingConfig,
  ): Promise<RecordingServer> => {
    const server = await serveRecording(await write(lines), config);
    servers.push(server);
    return server;
  };

  const nextPlayed = (server: RecordingServer): Promise<Played | undefined> =>
    firstValueFrom(server.played$, { defaultValue: undefined });

  /** A client that remembers what it got, as text or bytes. */
  const connect = ({ url }: RecordingServer): { socket: WebSocket; got: (string | Buffer)[] } => {
    const socket = new WebSocket(url);
    const got: (string | Buffer)[] = [];
    socket.on('message', (data: Buffer, isBinary) => got.push(isBinary ? data : data.toString()));
    return { socket, got };
  };
  /** After a ping's answer, everything the server sent before it has arrived. */
  const settle = async (socket: WebSocket): Promise<void> => {
    if (socket.readyState === WebSocket.CONNECTING) await once(socket, 'open');
    socket.ping();
    await once(socket, 'pong');
  };

  it('sends what the server sent, in order, and skips the rest', async () => {
    const server = await serve([
      { t: 0, dir: 'in', raw: 'hello' },
      { t: 1, dir: 'out', raw: 'subscribe' },
      { t: 1, dir: 'rest', raw: '{}' },
      '',
      { t: 2, dir: 'in', raw: '{"a":1}' },
    ]);
    const played = nextPlayed(server);
    const { socket, got } = connect(server);

    expect(await played).toStrictEqual({ connection: 1, frames: 2 });
    await settle(socket);
    expect(got).toStrictEqual(['hello', '{"a":1}']);
    expect(server.frames).toBe(2);
    expect(server.url).toBe(`ws://127.0.0.1:${server.port}`);
  });

  it('sends base64 frames as binary', async () => {
    const bytes = Buffer.from([0, 255, 128]);
    const server = await serve([{ t: 0, dir: 'in', raw: bytes.toString('base64'), enc: 'base64' }]);
    const { socket, got } = connect(server);

    await once(socket, 'message');
    expect(got).toStrictEqual([bytes]);
  });

  it('gives each connection the recording from its start', async () => {
    const server = await serve([
      { t: 0, dir: 'in', raw: 'a' },
      { t: 1, dir: 'in', raw: 'b' },
    ]);

    for (const connection of [1, 2]) {
      const played = nextPlayed(server);
      const { socket, got } = connect(server);
      expect(await played).toStrictEqual({ connection, frames: 2 });
      await settle(socket);
      expect(got).toStrictEqual(['a', 'b']);
    }
  });

  it('keeps the recorded distance, divided by speed', async () => {
    const server = await serve(
      [
        { t: 0, dir: 'in', raw: 'a' },
        { t: 30_000, dir: 'in', raw: 'b' },
      ],
      { speed: 1000 },
    );
    const played = nextPlayed(server);
    const startedAt = asyncScheduler.now();
    connect(server);

    await played;
    expect(asyncScheduler.now() - startedAt).toBeGreaterThanOrEqual(29);
  });

  it.each([Infinity, HOUR_MS])('plays an hour at once at speed %p', async (speed) => {
    const server = await serve([{ t: HOUR_MS, dir: 'in', raw: 'a' }], { speed });
    const { socket } = connect(server);

    await once(socket, 'message');
  });

  it.each([
    [Date.UTC(2026, 0), 1],
    [HOUR_MS, 0.001],
  ])('refuses a frame at %p ms at speed %p, later than a timer can wait', async (t, speed) => {
    const refused = serve([{ t, dir: 'in', raw: 'a' }], { speed });

    await expect(refused).rejects.toThrow(RecordingError);
    await expect(refused).rejects.toThrow(`t / speed be at most 2147483647, got ${t / speed}`);
  });

  it('sends a frame without a time, or with an earlier one, right after the one before', async () => {
    const server = await serve([
      { t: null, dir: 'in', raw: 'a' },
      { t: 5, dir: 'in', raw: 'b' },
      { t: null, dir: 'in', raw: 'c' },
      { t: 1, dir: 'in', raw: 'd' },
    ]);
    const played = nextPlayed(server);
    const { socket, got } = connect(server);

    await played;
    await settle(socket);
    expect(got).toStrictEqual(['a', 'b', 'c', 'd']);
  });

  it("waits for the client's first message when started on message", async () => {
    const server = await serve([{ t: 0, dir: 'in', raw: 'a' }], { startOn: 'message' });
    const { socket, got } = connect(server);

    await once(socket, 'open');
    await settle(socket);
    expect(got).toStrictEqual([]);

    socket.send('subscribe');
    await once(socket, 'message');
    expect(got).toStrictEqual(['a']);
  });

  it('plays once, however many messages the client sends', async () => {
    const server = await serve([{ t: 0, dir: 'in', raw: 'a' }], { startOn: 'message' });
    const { socket, got } = connect(server);

    await once(socket, 'open');
    for (const message of ['1', '2', '3']) socket.send(message);
    await settle(socket);
    expect(got).toStrictEqual(['a']);
  });

  it('stays open after the last frame', async () => {
    const server = await serve([{ t: 0, dir: 'in', raw: 'a' }]);
    const played = nextPlayed(server);
    const { socket } = connect(server);

    await played;
    await settle(socket);
    expect(socket.readyState).toBe(WebSocket.OPEN);
  });

  it('closes with the code it was given', async () => {
    const server = await serve([{ t: 0, dir: 'in', raw: 'a' }], { thenClose: 1012 });
    const { socket, got } = connect(server);

    expect((await once(socket, 'close'))[0]).toBe(1012);
    expect(got).toStrictEqual(['a']);
  });

  it('waits for a client that does not read', async () => {
    const raw = 'x'.repeat(100_000);
    const lines = Array.from({ length: 200 }, (_, index) => ({ t: null, dir: 'in', raw: `${index} ${raw}` }));
    const server = await serve(lines, { speed: Infinity, maxBufferedBytes: 1 });
    let isPlayed = false;
    const played = nextPlayed(server).then(() => (isPlayed = true));
    const { socket, got } = connect(server);

    await once(socket, 'open');
    socket.pause();
    await firstWrite();
    expect(isPlayed).toBe(false);

    socket.resume();
    await played;
    await settle(socket);
    expect(got.map((data) => parseInt(data.toString()))).toStrictEqual(lines.map((_, index) => index));
  });

  it('stops for a connection that ends, and tells nothing of it', async () => {
    const server = await serve([
      { t: 0, dir: 'in', raw: 'a' },
      { t: HOUR_MS, dir: 'in', raw: 'b' },
    ]);
    const played: Played[] = [];
    server.played$.subscribe({ next: (told) => played.push(told), error: rethrow });
    const { socket } = connect(server);
    await once(socket, 'message');
    socket.terminate();

    // By the time another connection has been served, the end of the first has arrived.
    const other = connect(server);
    await once(other.socket, 'message');
    await settle(other.socket);
    expect(played).toStrictEqual([]);
  });

  it('outlives a client that breaks the protocol', async () => {
    const server = await serve([{ t: 0, dir: 'in', raw: 'a' }]);
    const { socket } = connect(server);
    await once(socket, 'open');
    (socket as unknown as { _socket: NodeJS.WritableStream })._socket.write(Buffer.from([0xff, 0xff, 0xff]));
    await once(socket, 'close');

    const other = connect(server);
    await once(other.socket, 'message');
    expect(other.got).toStrictEqual(['a']);
  });

  it('ends every connection on close, which may be called twice, and frees the port', async () => {
    const server = await serve([{ t: HOUR_MS, dir: 'in', raw: 'a' }]);
    const { socket } = connect(server);
    await once(socket, 'open');

    const closed = once(socket, 'close');
    await Promise.all([server.close(), server.close()]);
    await server.close();
    expect((await closed)[0]).toBe(1006);

    const again = await serve([{ t: 0, dir: 'in', raw: 'a' }], { port: server.port });
    expect(again.port).toBe(server.port);
  });

  it('leaves no timer behind', async () => {
    const scheduled = jest.spyOn(asyncScheduler, 'schedule');
    const left = (): number =>
      scheduled.mock.results.filter(({ value }) => !(value as Subscription).closed).length;
    const server = await serve([{ t: HOUR_MS, dir: 'in', raw: 'a' }]);
    const { socket } = connect(server);
    await once(socket, 'open');
    expect(left()).toBeGreaterThan(0);

    await Promise.all([server.close(), once(socket, 'close')]);
    expect(left()).toBe(0);
    scheduled.mockRestore();
  });

  it('rejects when the port is taken', async () => {
    const { port } = await serve([]);

    await expect(serve([], { port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('rejects a recording that cannot be read', async () => {
    await expect(serve([{ t: 0 }])).rejects.toBeInstanceOf(RecordingError);
  });

  it.each<[keyof ServeRecordingConfig, unknown, string]>([
    ['speed', 0, 'RangeError'],
    ['speed', -1, 'RangeError'],
    ['speed', NaN, 'RangeError'],
    ['port', -1, 'RangeError'],
    ['port', 65_536, 'RangeError'],
    ['port', 1.5, 'RangeError'],
    ['startOn', 'ack', 'TypeError'],
    ['thenClose', 1005, 'RangeError'],
    ['thenClose', 2000, 'RangeError'],
    ['thenClose', 5000, 'RangeError'],
    ['maxBufferedBytes', 0, 'RangeError'],
    ['maxBufferedBytes', NaN, 'RangeError'],
  ])('rejects %s: %p', async (option, value, name) => {
    const error: unknown = await serve([], { [option]: value }).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ name });
    expect((error as Error).message).toContain(`serveRecording: ${option}`);
    expect((error as Error).message).toContain(String(value));
  });

  it('does not compile with an unknown start', () => {
    // @ts-expect-error: neither 'open' nor 'message'
    const config: ServeRecordingConfig = { startOn: 'ack' };

    expect(config.startOn).toBe('ack');
  });
});

const rethrow = (error: unknown): never => {
  throw error;
};

/** Until the loop has polled its sockets twice: by then an unpaced server has written all that it was going to. */
const firstWrite = async (): Promise<void> => {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
};
