import { filter, map, merge, take, timer, toArray } from 'rxjs';
import * as v from 'valibot';
import { createFeed, type HeartbeatConfig, HeartbeatTimeoutError, type Session } from 'millrace';
import { pongs, silence } from 'millrace/testing';
import { marbles } from '../marbles.js';
import { scene, told, trade } from '../scene.js';
import { feedOn, next, serve, soon, tick } from './loopback.js';

const ids = map(({ id }: { id: number }) => id);

describe('heartbeat', () => {
  it('HBT-01 a connection on which nothing comes any more is ended and made again', async () => {
    const server = await serve({ onConnection: (client) => client.send(tick(client.id)) });
    const feed = feedOn(server.url, { heartbeat: { everyMs: 40, timeoutMs: 40 } });
    const second = soon(feed.stream('tick').pipe(filter(({ id }) => id === 2)));
    const ended = next(feed, 'disconnected');
    await next(feed, 'connected');
    server.vanish();

    expect((await ended).error).toBeInstanceOf(HeartbeatTimeoutError);
    expect(await second).toStrictEqual({ type: 'tick', id: 2 });
  });

  it(
    'HBT-02 any data puts the ping off, whatever stream it is for, or none',
    marbles(({ expectObservable }) => {
      const frames = { a: trade(1), u: { type: 'unknown' }, g: '{garbage' };
      const heartbeat = { everyMs: 10, timeoutMs: 5 };
      const { feed, transport } = scene('o 8ms a 8ms u 8ms g 8ms a', frames, { heartbeat }, { endMs: 60 });
      feed.stream('trade').subscribe();

      expectObservable(transport.pings$.pipe(take(1))).toBe('46ms (1|)', { 1: 1 });
      expectObservable(transport.dials$).toBe('1', { 1: 1 });
    }),
  );

  it(
    'HBT-04 a heartbeat that stays unanswered ends the connection timeoutMs later, to the millisecond',
    marbles(({ expectObservable, flush }) => {
      const { feed, transport, events } = scene(
        ['oas', 'o-b'],
        { a: trade(1), b: trade(2), s: silence() },
        { heartbeat: { everyMs: 20, timeoutMs: 10, ping: () => 'ping' } },
        { endMs: 120 },
      );
      expectObservable(feed.stream('trade').pipe(ids)).toBe('-a 106ms b 11ms |', { a: 1, b: 2 });
      expectObservable(transport.sends$.pipe(take(1))).toBe('21ms (p|)', { p: 'ping' });
      flush();
      expect(told(events).slice(0, 3)).toStrictEqual(['0 connected', '31 disconnected', '31 retry']);
    }),
  );

  it.each([
    ['no payload', ''],
    ['a payload', 'payload ✓'],
    ['the longest payload', 'x'.repeat(125)],
  ])('HBT-05 a ping of the server with %s comes back as a pong with the same', async (_name, payload) => {
    const server = await serve({ onConnection: (client) => client.ping(payload) });
    const pong = soon(server.control$);
    feedOn(server.url).stream('tick').subscribe();

    expect(await pong).toMatchObject({ type: 'pong', data: payload });
  });

  // ws ends a connection without a word when 60 of its pongs wait to be written: `maxPendingAutoPongs`.
  it('HBT-05 a thousand pings at once, as after a pause, are all answered, and end nothing', async () => {
    const pings = Array.from({ length: 1_000 }, (_, n) => String(n));
    const server = await serve({
      onConnection: (client) => pings.forEach((payload) => client.ping(payload)),
    });
    const outcome = soon(
      merge(
        server.control$.pipe(
          filter(({ data }) => data === pings.at(-1)),
          map(() => 'answered'),
        ),
        server.ends$.pipe(map(({ code }) => `ended with ${code}`)),
      ),
    );
    feedOn(server.url).stream('tick').subscribe();

    expect(await outcome).toBe('answered');
  });

  it.each([
    [true, ['pong a', 'pong b', 'done']],
    [false, ['done']],
  ])('HBT-06 with autoPong %j the server hears %j to its two pings', async (autoPong, expected) => {
    const server = await serve({
      onConnection: (client) => {
        client.ping('a');
        client.ping('b');
        client.send(tick(1));
      },
    });
    const heard: string[] = [];
    merge(
      server.control$.pipe(map(({ type, data }) => `${type} ${data}`)),
      server.received$.pipe(map(({ data }) => JSON.parse(String(data)) as string)),
    ).subscribe((line) => heard.push(line));
    const feed = feedOn(server.url, { socket: { autoPong } });
    feed.stream('tick').subscribe(() => feed.send('done'));
    await soon(server.received$);

    expect(heard).toStrictEqual(expected);
  });

  it(
    'HBT-06 a pong that nobody asked for gives no round trip, and is no message',
    marbles(({ flush }) => {
      const { feed, events } = scene('o-p-p', { p: pongs() }, {}, { endMs: 20 });
      const latencies: unknown[] = [];
      feed.status$.subscribe(({ latencyMs }) => latencies.push(latencyMs));
      feed.stream('trade').subscribe();
      flush();

      expect(told(events)).toStrictEqual(['0 connected']);
      expect(new Set(latencies)).toStrictEqual(new Set([undefined]));
      expect(feed.stats()).toMatchObject({ received: 0, control: 0 });
    }),
  );

  it('HBT-07 pings reach a silent server, one after the other, and its pongs keep the connection', async () => {
    const server = await serve();
    const feed = feedOn(server.url, { heartbeat: { everyMs: 10, timeoutMs: 5_000 } });
    const pings = soon(server.control$.pipe(take(3), toArray()));
    feed.stream('tick').subscribe();

    expect((await pings).map(({ client, type }) => `${client.id} ${type}`)).toStrictEqual(
      Array(3).fill('1 ping'),
    );
  });

  it(
    'HBT-09 the round trip of a heartbeat is in the status, in an event and in the session',
    marbles(({ expectObservable, flush }) => {
      let session: Session | undefined;
      const { feed, events } = scene(
        'o',
        {},
        {
          heartbeat: {
            everyMs: 20,
            timeoutMs: 10,
            ping: () => 'ping',
            isPong: (message) => message === 'pong',
          },
          onConnected: (opened) => void (session = opened),
        },
        { reply: () => timer(7).pipe(map(() => '"pong"')), endMs: 40 },
      );
      feed.stream('trade').subscribe();
      timer(30).subscribe(() => expect(session?.latencyMs).toBe(7));

      const latency$ = feed.status$.pipe(
        filter(({ state }) => state === 'CONNECTED'),
        map(({ latencyMs = 0 }) => latencyMs),
      );
      expectObservable(latency$).toBe('n 26ms l', { n: 0, l: 7 });
      flush();
      expect(events.filter(({ type }) => type === 'pong')).toStrictEqual([
        { type: 'pong', latencyMs: 7, generation: 1, at: 27 },
      ]);
    }),
  );

  it('HBT-09 the round trip over a real socket is measured too', async () => {
    const server = await serve();
    const feed = feedOn(server.url, { heartbeat: { everyMs: 10, timeoutMs: 5_000 } });
    const measured = soon(feed.status$.pipe(filter(({ latencyMs }) => latencyMs !== undefined)));
    feed.stream('tick').subscribe();

    expect((await measured).latencyMs).toBeGreaterThanOrEqual(0);
  });

  it.each<[HeartbeatConfig, string]>([
    [{ everyMs: 0 }, 'everyMs must be above 0'],
    [{ everyMs: -1 }, 'everyMs must be above 0'],
    [{ everyMs: NaN }, 'everyMs must be above 0'],
    [{ everyMs: 2 ** 31 }, 'everyMs'],
    [{ timeoutMs: 0 }, 'timeoutMs must be above 0'],
    [{ timeoutMs: Infinity }, 'timeoutMs'],
  ])('HBT-10 createFeed refuses a heartbeat of %p', (heartbeat, message) => {
    const make = (): unknown =>
      createFeed({ url: 'ws://feed.test', heartbeat, streams: { any: { schema: v.unknown() } } });
    expect(make).toThrow(RangeError);
    expect(make).toThrow(message);
  });
});
