import { filter, firstValueFrom, map, type Observable, take, timeout, toArray } from 'rxjs';
import { WebSocket as W3cWebSocket } from 'undici';
import * as v from 'valibot';
import {
  createFeed,
  type Feed,
  type FeedEvent,
  type HeartbeatConfig,
  HeartbeatTimeoutError,
  isBalanced,
  type Transport,
  webSocketTransport,
} from 'millrace';
import { type FaultServer, scriptedTransport, startFaultServer } from 'millrace/testing';
import { marbles } from './marbles.js';
import { scene, told } from './scene.js';

const Tick = v.object({ type: v.literal('tick'), id: v.number() });
type TickFeed = Feed<{ tick: typeof Tick }>;
const tick = (id: number): string => JSON.stringify({ type: 'tick', id });
const transport = webSocketTransport(W3cWebSocket);

class Throwing extends W3cWebSocket {
  constructor() {
    super('no URL');
  }
}

/** A scripted server behind sockets that have what a W3C WebSocket has, in virtual time. */
const quietW3c = (scripted = scriptedTransport('o')): Transport => {
  return {
    ...scripted,
    can: transport.can,
    dial: (request, handler) => {
      const socket = scripted.dial(request, handler);
      return {
        send: (data) => socket.send(data),
        close: (code, reason) => socket.close(code, reason),
        terminate: () => socket.terminate(),
        bufferedBytes: 0,
      };
    },
  };
};

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const serve = async (...args: Parameters<typeof startFaultServer>): Promise<FaultServer> => {
  const server = await startFaultServer(...args);
  cleanups.push(() => server.close());
  return server;
};

const feedOn = (url: string, config: object = {}): TickFeed => {
  const feed = createFeed({
    url,
    transport,
    reconnect: { initialMs: 10, maxMs: 20 },
    streams: { tick: { schema: Tick, key: (t) => t.id } },
    ...config,
  });
  cleanups.push(() => feed.close({ timeoutMs: 100 }));
  return feed;
};

const soon = <T>(source$: Observable<T>): Promise<T> => firstValueFrom(source$.pipe(timeout(15_000)));
const event = <K extends FeedEvent['type']>(
  feed: TickFeed,
  type: K,
): Promise<Extract<FeedEvent, { type: K }>> =>
  soon(feed.events$.pipe(filter((told): told is Extract<FeedEvent, { type: K }> => told.type === type)));

describe('a feed on a W3C WebSocket', () => {
  it('REC-01 reconnects when the server drops it, delivers what is new once, and leaves nothing after close', async () => {
    const server = await serve({
      onConnection: (client) => {
        for (const id of client.id === 1 ? [1, 2] : [1, 2, 3]) client.send(tick(id));
      },
    });
    const feed = feedOn(server.url);
    const ids: number[] = [];
    const errors: unknown[] = [];
    feed
      .stream('tick')
      .subscribe({ next: ({ id }) => ids.push(id), error: (error: unknown) => errors.push(error) });
    await soon(feed.stream('tick').pipe(filter(({ id }) => id === 2)));
    const disconnected = event(feed, 'disconnected');
    server.drop();

    expect((await disconnected).error).toMatchObject({ name: 'SocketClosedError', code: 1006 });

    await soon(feed.stream('tick').pipe(filter(({ id }) => id === 3)));
    const ended = soon(server.ends$);
    await feed.close({ code: 4000, reason: 'done' });

    expect(await ended).toMatchObject({ code: 4000, reason: 'done' });
    expect(server.clients.size).toBe(0);
    expect(ids).toStrictEqual([1, 2, 3]);
    expect(errors).toStrictEqual([]);
    expect(isBalanced(feed.stats())).toBe(true);
    expect(feed.stats()).toMatchObject({ received: 5, delivered: 3, duplicate: 2 });
  });

  it('CON-09 retries a refused dial as a failure of the network, whatever the status was', async () => {
    const server = await serve({ onConnection: (client) => client.send(tick(1)) });
    server.refuse(401);
    const feed = feedOn(server.url);
    const retry = event(feed, 'retry');
    const values = soon(feed.stream('tick').pipe(take(1), toArray()));

    expect(await retry).toMatchObject({ class: 'network', error: { name: 'DialFailedError' } });

    server.refuse();

    expect(await values).toStrictEqual([{ type: 'tick', id: 1 }]);
  });

  it('HBT-04 finds a half-open connection by pings of the application, and is rid of it though it cannot be destroyed', async () => {
    const server = await serve({
      onConnection: (client) => client.send(tick(client.id)),
      onMessage: (client) => client.send('{"type":"pong"}'),
    });
    const feed = feedOn(server.url, {
      heartbeat: {
        everyMs: 20,
        timeoutMs: 1_000,
        ping: () => ({ op: 'ping' }),
        isPong: (message: { type?: unknown }) => message.type === 'pong',
      },
    });
    const ids: Promise<number[]> = soon(
      feed.stream('tick').pipe(
        map(({ id }) => id),
        take(2),
        toArray(),
      ),
    );
    await event(feed, 'pong');
    const disconnected = event(feed, 'disconnected');
    server.vanish();

    expect(await disconnected).toMatchObject({ error: { name: 'HeartbeatTimeoutError' }, generation: 1 });
    expect(await ids).toStrictEqual([1, 2]);
  });

  it.each([
    ['socket options', { socket: { headers: { a: 'b' } } }],
    ['a constructor that throws', { transport: webSocketTransport(Throwing) }],
  ])('CON-07 gives up at once on an option that can never work: %s', async (_title, config) => {
    const { url } = await serve();
    const gone = soon(feedOn(url, config).stream('tick'));

    await expect(gone).rejects.toMatchObject({ name: 'UnsupportedDialError' });
  });

  describe('without ping frames', () => {
    it(
      'has no heartbeat unless told to, so that a quiet connection is not taken for a dead one',
      marbles(({ flush }) => {
        const { feed, events } = scene('', {}, { transport: quietW3c() }, { endMs: 60_000 });
        feed.stream('trade').subscribe();
        flush();

        expect(told(events)).toStrictEqual(['0 connected']);
      }),
    );

    it(
      'HBT-01 only listens with a heartbeat that has no ping of its own',
      marbles(({ flush }) => {
        const heartbeat = { everyMs: 1_000, timeoutMs: 500 };
        const { feed, events } = scene('', {}, { transport: quietW3c(), heartbeat }, { endMs: 1_550 });
        feed.stream('trade').subscribe();
        flush();

        expect(told(events)).toStrictEqual(['0 connected', '1500 disconnected', '1500 retry']);
        expect(events).toContainEqual(
          expect.objectContaining({ type: 'disconnected', error: new HeartbeatTimeoutError(1_500) }),
        );
      }),
    );

    it.each<[string, HeartbeatConfig]>([
      ['reply', { reply: () => undefined }],
      ['isPong', { isPong: () => false }],
    ])('HBT-01 listens with a heartbeat of nothing but %s, by the default times', (_name, heartbeat) =>
      marbles(({ flush }) => {
        const { feed, events } = scene('', {}, { transport: quietW3c(), heartbeat }, { endMs: 25_050 });
        feed.stream('trade').subscribe();
        flush();

        expect(told(events)).toStrictEqual(['0 connected', '25000 disconnected', '25000 retry']);
      })(),
    );

    it(
      'answers the pings of the server where it judges nothing',
      marbles(({ flush }) => {
        const scripted = scriptedTransport('o 50s p', { p: { ping: 1 } });
        const sent: unknown[] = [];
        scripted.sends$.subscribe((message) => sent.push(message));
        const reply = (message: unknown): unknown => {
          const { ping } = message as { ping?: number };
          return ping === undefined ? undefined : { pong: ping };
        };
        const config = { transport: quietW3c(scripted), heartbeat: { reply, off: true } };
        const { feed, events } = scene('', {}, config, { endMs: 60_000 });
        feed.stream('trade').subscribe();
        flush();

        expect(sent).toStrictEqual([{ pong: 1 }]);
        expect(told(events)).toStrictEqual(['0 connected']);
      }),
    );

    it('cannot be told to send ping frames', () => {
      expect(() => feedOn('ws://host', { heartbeat: { ping: 'frame' } })).toThrow(
        new TypeError(
          "createFeed: heartbeat.ping must be a function, as the transport has no ping frames, got 'frame'",
        ),
      );
    });
  });

  it('TDN-05 cannot be told to stop reading', () => {
    expect(() => feedOn('ws://host', { buffer: { overflow: 'pause' } })).toThrow(
      new TypeError("createFeed: buffer.overflow must not be 'pause': the transport cannot stop reading"),
    );
  });
});
