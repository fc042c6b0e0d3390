import { asyncScheduler, concatMap, filter, map, NEVER, of, take, takeUntil, timer } from 'rxjs';
import * as v from 'valibot';
import {
  type Ack,
  bufferBounded,
  BufferPauseTimeoutError,
  createFeed,
  type Feed,
  isBalanced,
  toAsyncIterable,
  webSocketTransport,
} from 'millrace';
import { silence, startFaultServer } from 'millrace/testing';
import { marbles } from './marbles.js';
import { scene, type TestSchemas, told, trade } from './scene.js';

const at = (ms: number, act: () => void): void => {
  timer(ms).subscribe(act);
};
const ids = map(({ id }: { id: number }) => id);

describe('pause() and resume()', () => {
  it(
    'TDN-05 stop and start the reading of the socket; what was said meanwhile comes after',
    marbles(({ flush, expectObservable }) => {
      const { feed, transport, events } = scene(['o-a----b'], { a: trade(1), b: trade(2) });
      at(4, () => feed.pause());
      at(20, () => feed.resume());
      expectObservable(feed.stream('trade').pipe(ids), '^ 50ms !').toBe('--1 17ms 2', { 1: 1, 2: 2 });
      const acts$ = transport.log$.pipe(
        map(({ type }) => type),
        filter((type) => type === 'pause' || type === 'resume'),
      );
      expectObservable(acts$).toBe('----p 15ms r', { p: 'pause', r: 'resume' });
      flush();

      expect(told(events)).toStrictEqual(['0 connected', '4 paused', '20 resumed']);
    }),
  );

  it(
    'are counted: reading goes on when as many have let go',
    marbles(({ flush }) => {
      const { feed, events } = scene(['o'], {}, {}, { endMs: 50 });
      feed.stream('trade').subscribe();
      at(1, () => feed.resume());
      at(2, () => feed.pause());
      at(3, () => feed.pause());
      at(4, () => feed.resume());
      at(5, () => feed.resume());
      at(6, () => feed.resume());
      flush();

      expect(told(events)).toStrictEqual(['0 connected', '2 paused', '5 resumed']);
    }),
  );

  it.each<[string, (feed: Feed<TestSchemas>, leave: () => void) => void]>([
    ['close()', (feed) => void feed.close()],
    ['the last subscriber', (_feed, leave) => leave()],
  ])('are told in pairs, though %s ends it while it is paused; the next run reads', (_who, end) =>
    marbles(({ flush }) => {
      const { feed, events } = scene(['o', 'o'], {}, {}, { endMs: 50 });
      const subscription = feed.stream('trade').subscribe();
      at(2, () => feed.pause());
      at(5, () => end(feed, () => subscription.unsubscribe()));
      at(20, () => feed.stream('trade').subscribe());
      at(22, () => feed.pause());
      at(25, () => feed.resume());
      flush();

      expect(told(events)).toStrictEqual([
        ...['0 connected', '2 paused', '5 resumed'],
        ...['20 connected', '22 paused', '25 resumed'],
      ]);
    })(),
  );

  it(
    'make no ack overdue that is yet to be read: its time begins again as reading goes on',
    marbles(({ flush }) => {
      const asked: unknown[] = [];
      const { feed, events } = scene(
        ['o'],
        {},
        {
          subscriptions: {
            subscribe: (topics, id) => ({ id, ask: topics.map(({ topic }) => topic) }),
            unsubscribe: () => undefined,
            ack: (message) => (message as { ack?: Ack }).ack,
            ackTimeoutMs: 100,
          },
        },
        {
          endMs: 1_300,
          reply: (message) => {
            const { id, ask } = message as { id: number; ask: string[] };
            asked.push(...ask);
            return ask.includes('ETH') ? undefined : { ack: { ok: true, id } };
          },
        },
      );
      const pauseAt = (ms: number, topic: string): void =>
        at(ms, () => {
          feed.pause();
          feed.stream('trade', topic).subscribe();
        });
      feed.stream('order').subscribe();
      pauseAt(5, 'BTC');
      at(500, () => feed.resume());
      pauseAt(600, 'ETH');
      at(1_000, () => feed.resume());
      flush();

      const acks = told(events.filter((event) => 'topic' in event));
      expect(acks).toStrictEqual([
        '5 subscribing',
        '500 subscribed',
        '600 subscribing',
        '1100 ackOverdue',
        '1175 subscribing',
        '1275 ackOverdue',
      ]);
      expect(asked).toStrictEqual([null, 'BTC', 'ETH', 'ETH']);
    }),
  );

  it(
    'suspend the verdict of silence, and end in a new connection after maxPauseMs',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        ['o', 'o'],
        {},
        { heartbeat: { everyMs: 10, timeoutMs: 10 }, buffer: { maxPauseMs: 100 } },
        { endMs: 190 },
      );
      feed.stream('trade').subscribe();
      at(5, () => feed.pause());
      flush();

      expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({
        at: 105,
        error: { name: 'PauseTimeoutError' },
      });
    }),
  );

  it(
    'put off the next ping by as long as nothing was read, though they fit between two looks at the silence',
    marbles(({ flush }) => {
      const { feed, transport } = scene(
        ['os'],
        { s: silence() },
        { heartbeat: { everyMs: 10, timeoutMs: 10 } },
        { endMs: 25 },
      );
      const pings: number[] = [];
      transport.log$.subscribe(({ type }) => type === 'ping' && pings.push(asyncScheduler.now()));
      feed.stream('trade').subscribe();
      at(5, () => feed.pause());
      at(8, () => feed.resume());
      flush();

      expect(pings).toStrictEqual([18]);
    }),
  );

  it(
    'give up no dial: maxPauseMs begins when there is something to read',
    marbles(({ flush }) => {
      const { feed, events } = scene(['80ms o', 'o'], {}, { buffer: { maxPauseMs: 50 } }, { endMs: 170 });
      feed.stream('trade').subscribe();
      at(10, () => feed.pause());
      flush();

      expect(told(events)).toStrictEqual([
        ...['10 paused', '80 connected', '130 disconnected', '130 retry'],
        '170 resumed',
      ]);
    }),
  );

  it(
    'are forgotten when the run of the feed ends',
    marbles(({ flush, expectObservable }) => {
      const { feed } = scene(['o', 'o-a'], { a: trade(1) });
      feed.stream('trade').pipe(take(1)).subscribe();
      at(2, () => feed.pause());
      at(5, () => void feed.close({ timeoutMs: 0 }));
      expectObservable(
        of(0).pipe(
          concatMap(() => timer(20)),
          concatMap(() => feed.stream('trade').pipe(ids)),
          take(1),
        ),
      ).toBe('22ms (1|)', { 1: 1 });
      flush();
    }),
  );

  it(
    'hold nobody else up when the line that paused is left, or fails',
    marbles(({ flush, expectObservable }) => {
      const script = 'oabc-d----efg-h';
      const all = '   -abc---d--efg-----h';
      const values = { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8 };
      const frames = Object.fromEntries(Object.entries(values).map(([letter, id]) => [letter, trade(id)]));
      const { feed, events } = scene([script], frames, {}, { endMs: 50 });
      const trades$ = feed.stream('trade');
      const line = bufferBounded<unknown>(1, {
        overflow: 'pause',
        project: () => NEVER,
        maxPauseMs: 6,
        onPause: () => feed.pause(),
        onResume: () => feed.resume(),
      });
      const errors: unknown[] = [];
      trades$.pipe(line, takeUntil(timer(7))).subscribe();
      at(9, () => trades$.pipe(line).subscribe({ error: (error: unknown) => errors.push(error) }));
      expectObservable(trades$.pipe(ids)).toBe(`${all} 31ms |`, values);
      flush();

      expect(errors).toStrictEqual([new BufferPauseTimeoutError(6)]);
      expect(told(events).slice(0, 5)).toStrictEqual([
        '0 connected',
        '3 paused',
        '7 resumed',
        '12 paused',
        '18 resumed',
      ]);
    }),
  );

  it('refuse a transport that cannot stop reading', () => {
    const feed = createFeed({
      url: 'ws://test',
      transport: webSocketTransport(jest.fn() as never),
      streams: { trade: { schema: v.any() } },
    });

    expect(() => feed.pause()).toThrow(TypeError);
  });

  it('TDN-04 let a loop that awaits take its time, and lose nothing', async () => {
    const server = await startFaultServer({
      onConnection: (client) => {
        for (let id = 1; id <= 10_000; id += 1) client.send(JSON.stringify(trade(id)));
      },
    });
    const feed = createFeed({
      url: server.url,
      streams: { trade: { schema: v.object({ type: v.literal('trade'), id: v.number() }) } },
    });
    try {
      const seen: number[] = [];
      const values = toAsyncIterable(feed.stream('trade'), {
        maxItems: 100,
        overflow: 'pause',
        onPause: () => feed.pause(),
        onResume: () => feed.resume(),
      });
      for await (const { id } of values) {
        seen.push(id);
        if (id % 100 === 0) await new Promise(setImmediate);
        if (id === 10_000) break;
      }

      expect(seen).toStrictEqual(Array.from({ length: 10_000 }, (_, index) => index + 1));
      expect(isBalanced(feed.stats())).toBe(true);
    } finally {
      await feed.close();
      await server.close();
    }
  });

  it.each<[string, string[], number, number | undefined, string[]]>([
    [
      'that ended before it',
      ['o|', 'o'],
      10,
      undefined,
      ['1 disconnected', '1 retry', '10 paused', '76 connected', '176 disconnected', '176 retry'],
    ],
    [
      'that ended since',
      ['o', `${'-'.repeat(30)}o`, 'o'],
      10,
      60,
      ['10 paused', '60 disconnected', '60 retry', '90 connected', '190 disconnected', '190 retry'],
    ],
  ])('have maxPauseMs of a connection, and of none %s', (_when, attempts, pausedAt, lostAt, expected) =>
    marbles(({ flush }) => {
      const { feed, events } = scene(attempts, {}, { buffer: { maxPauseMs: 100 } }, { endMs: 200 });
      feed.stream('trade').subscribe();
      at(pausedAt, () => feed.pause());
      if (lostAt !== undefined) at(lostAt, () => feed.reconnect());
      flush();

      expect(told(events).slice(0, 7)).toStrictEqual(['0 connected', ...expected]);
    })(),
  );
});
