import { filter, map, type Observable, timer } from 'rxjs';
import { type FeedConfig } from 'millrace';
import { closes, silence } from 'millrace/testing';
import { marbles } from '../marbles.js';
import { scene, told, trade, type TestSchemas } from '../scene.js';
import { feedOn, serve, soon, tick } from './loopback.js';

const ids = map(({ id }: { id: number }) => id);
const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

describe('reconnect', () => {
  it.each([1000, 1001, 1005, 1006, 1011, 1012, 4000])(
    'REC-01 a server that closes with %i is dialled again, and the subscriber sees only values',
    async (code) => {
      const server = await serve({
        onConnection: (client) => {
          client.send(tick(client.id));
          if (client.id === 1) client.drop(code);
        },
      });
      const outcome: unknown[] = [];
      const feed = feedOn(server.url);
      const second = soon(feed.stream('tick').pipe(filter(({ id }) => id === 2)));
      feed.stream('tick').subscribe({
        next: ({ id }) => outcome.push(id),
        error: (error: unknown) => outcome.push(error),
        complete: () => outcome.push('complete'),
      });
      await second;

      // A TCP socket that is destroyed may take along what was written just before.
      expect(outcome.filter((told) => told !== 1)).toStrictEqual([2]);
    },
  );

  it(
    'REC-13 every wanted topic is asked for once on each of many connections, also one that came while it was away',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(
        ['o-|', 'o-#', '#', 'o-x', 'o'],
        { x: closes(1012) },
        {
          subscriptions: {
            subscribe: (topics) => topics.map(({ stream, topic = '*' }) => `+${stream}/${topic}`),
            unsubscribe: (topics) => topics.map(({ stream, topic = '*' }) => `-${stream}/${topic}`),
          },
          codec: { decode: (data) => data, encode: (message) => message as string },
        },
      );
      for (let copy = 0; copy < 3; copy += 1) feed.stream('trade', 'BTC').subscribe();
      feed.stream('order').subscribe();
      at(40, () => feed.stream('trade', 'ETH').subscribe());

      const [b, o, e] = ['+trade/BTC', '+order/*', '+trade/ETH'];
      expectObservable(transport.sends$, '^ 1500ms !').toBe('(bo) 73ms (boe) 447ms (boe) 597ms (boe)', {
        b,
        o,
        e,
      });
    }),
  );

  it('REC-17 the stream says that it was cut before the next connection delivers, however fast that is', async () => {
    const server = await serve({
      onConnection: (client) => {
        for (let n = 0; n < 3; n += 1) client.send(tick(10 * client.id + n));
      },
    });
    const feed = feedOn(server.url);
    const log: unknown[] = [];
    feed.events$.subscribe(({ type, generation }) => {
      if (type !== 'state') log.push(`${type} ${generation}`);
    });
    feed.stream('tick').subscribe(({ id }) => log.push(id));
    const until = (last: number): Promise<unknown> =>
      soon(feed.stream('tick').pipe(filter(({ id }) => id === last)));
    await until(12);
    server.drop(1012);
    await until(22);

    expect(log).toStrictEqual([
      ...['connected 1', 10, 11, 12],
      ...['disconnected 1', 'retry 1'],
      ...['connected 2', 20, 21, 22],
    ]);
  });

  const onNetwork = (online$: Observable<boolean>): Partial<FeedConfig<TestSchemas>> => ({ online$ });

  it(
    'REC-19 offline drops the connection; online dials at once, without the rest of the delay',
    marbles(({ hot, expectObservable }) => {
      const online$ = hot('---f--------t---', { f: false, t: true });
      const { feed, transport } = scene(['oa', 'ob'], { a: trade(1), b: trade(2) }, onNetwork(online$));

      expectObservable(transport.dials$, '                ^ 300ms !').toBe('1-----------2 ', { 1: 1, 2: 2 });
      expectObservable(feed.stream('trade').pipe(ids), '  ^ 300ms !').toBe('-a-----------b', { a: 1, b: 2 });
    }),
  );

  it(
    'REC-19 online does nothing to a feed that nobody uses, or that is closed',
    marbles(({ hot, expectObservable }) => {
      const online$ = hot('-ftft---ftft', { f: false, t: true });
      const { feed, transport } = scene('o', {}, onNetwork(online$), { endMs: 30 });
      at(6, () => void feed.close());

      expectObservable(transport.dials$).toBe('');
    }),
  );

  it('REC-20 a server that restarts, refuses for a while and then says nothing is back once it is healed', async () => {
    const server = await serve({ onConnection: (client) => client.send(tick(client.id)) });
    const feed = feedOn(server.url, { connectTimeoutMs: 200 });
    const failures: string[] = [];
    feed.events$.subscribe((event) => event.type === 'disconnected' && failures.push(String(event.error)));
    const errors: unknown[] = [];
    feed.stream('tick').subscribe({ error: (error: unknown) => errors.push(error) });
    await soon(feed.stream('tick'));

    for (const [refusal, failure] of [
      ['drop', /socket hang up/],
      [502, /502/],
      ['silence', /not connected within 200 ms/],
    ] as const) {
      server.refuse(refusal);
      server.drop(1012, 'restart');
      await soon(
        feed.events$.pipe(filter((event) => event.type === 'retry' && failure.test(String(event.error)))),
      );
    }
    server.refuse();
    await soon(feed.stream('tick'));

    expect(errors).toStrictEqual([]);
    expect(failures[0]).toBe('SocketClosedError: socket closed with 1012 (restart)');
    expect(server.clients.size).toBe(1);
  });

  it(
    'REC-20 a partition while connecting, and while it waits to dial again, ends when the network heals',
    marbles(({ expectObservable, flush }) => {
      // Dials 1 to 3 reach nobody; the fourth does, and then the line goes dead without a close.
      const { feed, transport, events } = scene(
        ['', '', '', 'oas', 'ob'],
        { a: trade(1), b: trade(2), s: silence() },
        { connectTimeoutMs: 100, heartbeat: { everyMs: 20, timeoutMs: 10 } },
        { endMs: 2_000 },
      );
      const dials = { 1: 1, 2: 2, 3: 3, 4: 4, 5: 5 };
      expectObservable(transport.dials$).toBe('1 174ms 2 249ms 3 399ms 4 630ms 5', dials);
      expectObservable(feed.stream('trade').pipe(ids)).toBe('826ms a 630ms b 542ms |', { a: 1, b: 2 });
      flush();

      const errors = events
        .filter((event) => event.type === 'disconnected')
        .map(({ error }) => String(error));
      expect(errors).toStrictEqual([
        ...Array<string>(3).fill('ConnectTimeoutError: not connected within 100 ms'),
        'HeartbeatTimeoutError: no sign of life for 30 ms',
      ]);
      expect(told(events)).not.toContain('gaveUp');
    }),
  );
});
