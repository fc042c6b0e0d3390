import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { filter, map, merge, range, Subject, take, tap, timer, toArray } from 'rxjs';
import { toAsyncIterable } from 'millrace';
import { marbles } from '../marbles.js';
import { scene, trade } from '../scene.js';
import { closedAfter, feedOn, next, serve, soon, tick } from './loopback.js';

describe('teardown', () => {
  it(
    'TDN-01 a feed that is left before its URL is known dials nothing',
    marbles(({ expectObservable }) => {
      const url = () => timer(5).pipe(map(() => 'ws://feed.test'));
      const left = scene('oa', { a: trade(1) }, { url });
      expectObservable(left.feed.stream('trade'), '-^--!').toBe('');
      expectObservable(left.transport.dials$).toBe('');

      const closed = scene('oa', { a: trade(1) }, { url });
      expectObservable(closed.feed.stream('trade')).toBe('---|');
      timer(3).subscribe(() => void closed.feed.close());
      expectObservable(closed.transport.dials$).toBe('');
    }),
  );

  it('TDN-01 closing many times is closing once', async () => {
    const server = await serve();
    const feed = feedOn(server.url);
    const ends: number[] = [];
    server.ends$.subscribe(({ code }) => ends.push(code));
    await feed.open();
    await Promise.all([feed.close(), feed.close(), feed.close({ code: 4000 })]);
    await feed.close();

    expect(ends).toStrictEqual([1000]);
    expect(server.clients.size).toBe(0);
  });

  it('TDN-02 breaking out of an async iteration closes the socket of an active feed', async () => {
    const server = await serve({
      onConnection: (client) => [1, 2, 3].forEach((id) => client.send(tick(id))),
    });
    const feed = feedOn(server.url);
    const closed = soon(server.ends$);
    const seen: number[] = [];
    for await (const { id } of toAsyncIterable(feed.stream('tick'))) {
      seen.push(id);
      if (id === 2) break;
    }

    expect(seen).toStrictEqual([1, 2]);
    expect(await closed).toMatchObject({ code: 1000 });
  });

  it('TDN-02 and that of a silent one, also while the loop waits for its first value', async () => {
    const server = await serve();
    const active = feedOn(server.url);
    const silent = feedOn(server.url);
    const connected = soon(
      merge(active.events$, silent.events$).pipe(
        filter(({ type }) => type === 'connected'),
        take(2),
        toArray(),
      ),
    );
    const closed = soon(server.ends$.pipe(take(2), toArray()));
    const loops = [active, silent].map((feed) =>
      toAsyncIterable(feed.stream('tick'))[Symbol.asyncIterator](),
    );
    const waiting = loops.map((loop) => loop.next());
    await connected;
    server.clients.values().next().value!.send(tick(7));
    const first = await Promise.race(waiting);
    for (const loop of loops) await loop.return?.();

    expect(first).toMatchObject({ value: { id: 7 } });
    expect((await Promise.all(waiting)).filter(({ done }) => done)).toHaveLength(1);
    expect(await closed).toMatchObject([{ code: 1000 }, { code: 1000 }]);
  });

  it('TDN-04 nothing is lost when a loop takes its time over 10 000 values each of two feeds', async () => {
    const server = await serve({
      onConnection: (client) => range(0, 10_000).subscribe((id) => client.send(tick(id))),
    });
    const consume = async (): Promise<{ ids: number[]; dropped: number }> => {
      const feed = feedOn(server.url, { buffer: { overflow: 'pause', maxItems: 100 } });
      const onDrop = jest.fn();
      const ids: number[] = [];
      for await (const { id } of toAsyncIterable(feed.stream('tick'), { onDrop })) {
        ids.push(id);
        await turn();
        if (ids.length === 10_000) break;
      }
      return { ids, dropped: onDrop.mock.calls.length + feed.stats().dropped };
    };
    const all = { ids: Array.from({ length: 10_000 }, (_, id) => id), dropped: 0 };

    expect(await Promise.all([consume(), consume()])).toStrictEqual([all, all]);
  });

  it('TDN-05 a pause reaches the socket, so that the server keeps what it cannot send; resuming fetches it', async () => {
    const count = 5_000;
    const padding = 'x'.repeat(8 * 1024);
    const server = closedAfter(
      await serve({
        maxBufferedBytes: Infinity,
        onConnection: (client) =>
          range(0, count).subscribe((id) => client.send(JSON.stringify({ type: 'tick', id, padding }))),
      }),
    );
    // A slice that ends with every value: one a turn, where a read brings several.
    const feed = feedOn(server.url, {
      buffer: { overflow: 'pause', maxItems: 4, sliceMs: Number.MIN_VALUE },
    });
    const types: string[] = [];
    let mostKept = 0;
    feed.events$.subscribe(({ type }) => {
      types.push(type);
      if (type !== 'paused') return;
      for (const { request } of server.clients) mostKept = Math.max(mostKept, request.socket.writableLength);
    });
    const resumed = next(feed, 'resumed');
    const ids = await soon(
      feed.stream('tick').pipe(
        map(({ id }) => id),
        take(count),
        toArray(),
      ),
    );
    await resumed;

    expect(ids).toStrictEqual(Array.from({ length: count }, (_, id) => id));
    expect(types.filter((type) => type === 'paused').length).toBeGreaterThan(1);
    expect(types).not.toContain('disconnected');
    expect(mostKept).toBeGreaterThan(1024 * 1024);
  });

  it('TDN-07 TDN-08 feeds that were left are collected, and leave no socket, timer or listener behind', async () => {
    const child = spawn(
      process.execPath,
      ['--expose-gc', '--import', 'tsx', 'test/fixtures/comesAndGoes.ts'],
      {
        cwd: join(__dirname, '../..'),
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const exited = once(child, 'exit');
    const { feeds, alive, before, after } = JSON.parse(await text(child.stdout)) as Record<string, unknown>;

    expect(await exited).toStrictEqual([0, null]);
    expect({ feeds, alive }).toStrictEqual({ feeds: 40, alive: 0 });
    expect(after).toStrictEqual(before);
  }, 60_000);

  it('TDN-07 a loop that is stuck holds no more than its bound, and says what it lost', async () => {
    const source$ = new Subject<number>();
    const dropped: number[] = [];
    const loop = toAsyncIterable(source$, { maxItems: 3, onDrop: (value) => dropped.push(value) })[
      Symbol.asyncIterator
    ]();
    const first = loop.next();
    range(0, 1_000).subscribe((value) => source$.next(value));

    expect(await first).toStrictEqual({ done: false, value: 0 });
    expect(dropped).toHaveLength(995);
    expect(await loop.next()).toStrictEqual({ done: false, value: 1 });
    await loop.return?.();
    // All of them but the two that were taken.
    expect(dropped).toHaveLength(998);
    expect(source$.observed).toBe(false);
  });

  it('TDN-09 the server sees every socket gone once its feed is closed', async () => {
    const server = await serve({ onConnection: (client) => client.send(tick(1)) });
    const feeds = Array.from({ length: 8 }, () => feedOn(server.url));
    const codes: number[] = [];
    server.ends$.pipe(tap(({ code }) => codes.push(code))).subscribe();
    await Promise.all(feeds.map((feed) => soon(feed.stream('tick'))));
    await Promise.all(feeds.map((feed) => feed.open()));
    expect(server.clients.size).toBe(feeds.length);
    await Promise.all(feeds.map((feed) => feed.close()));

    expect(server.clients.size).toBe(0);
    expect(new Set(codes)).toStrictEqual(new Set([1000]));
  });
});
