import fc from 'fast-check';
import { asyncScheduler, interval, map, of, Subscription, timer } from 'rxjs';
import * as v from 'valibot';
import {
  createFeed,
  type FeedConfig,
  type FeedEvent,
  isBalanced,
  SocketClosedError,
  type Transport,
} from 'millrace';
import { closes, refuses, silence } from '../src/testing/scriptedTransport.js';
import { marbles, MarbleScheduler } from './marbles.js';
import { scene, type TestSchemas, told, trade } from './scene.js';

const ids = map(({ id }: { id: number }) => id);
const at = (ms: number, act: () => void): void => {
  timer(ms).subscribe(act);
};
const fail = (): never => {
  throw new Error('failed');
};
const topics = {
  subscribe: (wanted: readonly { topic?: string }[], id: number) => ({
    op: 'subscribe',
    topics: wanted.map(({ topic }) => topic),
    id,
  }),
  unsubscribe: () => ({ op: 'unsubscribe' }),
  ack: (message: unknown) => {
    const { type, id, ok } = message as { type?: string; id?: number; ok?: boolean };
    return type === 'ack' && id !== undefined ? { id, ok: ok ?? true } : undefined;
  },
};
const acked =
  (ms: (attempt: number) => number, ok: (attempt: number) => boolean = () => true) =>
  (message: unknown, attempt: number) => {
    const { op, id } = message as { op?: string; id?: number };
    return op === 'subscribe'
      ? timer(ms(attempt)).pipe(map(() => ({ type: 'ack', id, ok: ok(attempt) })))
      : undefined;
  };

describe('a rotation', () => {
  it(
    'moves over when the new connection is ready, and says goodbye to the old one',
    marbles(({ expectObservable, flush }) => {
      const { feed, transport, events } = scene(['o-a', '--o-b'], { a: trade(1), b: trade(2) });
      at(10, () => feed.rotate());
      expectObservable(feed.stream('trade').pipe(ids), '^ 50ms !').toBe('--a 11ms b', { a: 1, b: 2 });
      expectObservable(transport.dials$, '^ 50ms !').toBe('1 9ms 2', { 1: 1, 2: 2 });
      expectObservable(transport.closes$, '^ 40ms !').toBe('12ms c', {
        c: { code: 1000, reason: 'rotated' },
      });
      flush();

      expect(told(events)).toStrictEqual(['0 connected', '10 rotating', '12 rotated', '12 connected']);
      expect(events.find(({ type }) => type === 'rotated')).toMatchObject({ from: 1, generation: 2 });
    }),
  );

  it(
    'may be asked for by who is told that the connection is ready: it follows that one',
    marbles(({ flush }) => {
      const { feed, events } = scene(['o', '--o', '--o'], {}, {}, { endMs: 100 });
      feed.events$.subscribe((event) => {
        if (event.type === 'connected' && event.generation < 3) feed.rotate();
      });
      feed.stream('trade').subscribe();
      flush();

      expect(told(events)).toStrictEqual([
        '0 connected',
        '0 rotating',
        '2 rotated',
        '2 connected',
        '2 rotating',
        '4 rotated',
        '4 connected',
      ]);
    }),
  );

  it(
    'may be asked for by onConnected',
    marbles(({ flush }) => {
      const onConnected = (): void => feed.rotate(); // what it does on the new one changes nothing: that is not in charge yet
      const { feed, events } = scene(['o', 'o'], {}, { onConnected }, { endMs: 100 });
      feed.stream('trade').subscribe();
      flush();

      expect(told(events)).toStrictEqual(['0 connected', '0 rotating', '0 rotated', '0 connected']);
    }),
  );

  it(
    'asked for by who is told that the connection is ready, and closes the feed then, never begins',
    marbles(({ flush }) => {
      const { feed, events } = scene(['o', 'o'], {}, {}, { endMs: 100 });
      feed.events$.subscribe(({ type }) => {
        if (type !== 'connected') return;
        feed.rotate();
        void feed.close();
      });
      feed.stream('trade').subscribe();
      flush();

      expect(told(events)).toStrictEqual(['0 connected']);
    }),
  );

  it(
    'is no reconnect to its subscribers: the state stays what it was, and nothing is lost or late',
    marbles(({ expectObservable }) => {
      const { feed } = scene(['o', '-----o'], {}, {}, { endMs: 100 });
      feed.stream('trade').subscribe();
      at(10, () => feed.rotate());
      const states = feed.status$.pipe(map(({ state, generation }) => `${state} ${generation}`));

      expectObservable(states).toBe('c 14ms d 84ms (ef)', {
        c: 'CONNECTED 1',
        d: 'CONNECTED 2',
        e: 'CLOSING 2',
        f: 'CLOSED 2',
      });
    }),
  );

  it(
    'waits for the login and for the acks of every topic',
    marbles(({ expectObservable }) => {
      const { feed, events } = scene(
        ['o', 'o'],
        {},
        { subscriptions: topics, authenticate: () => timer(5) },
        { reply: acked((attempt) => (attempt === 1 ? 0 : 20)), endMs: 100 },
      );
      feed.stream('trade', 'BTC').subscribe();
      at(30, () => feed.rotate());
      at(99, () => {
        // Dialled at 30, logged in at 35, confirmed at 55.
        expect(told(events).filter((event) => /rotat/.test(event))).toStrictEqual([
          '30 rotating',
          '55 rotated',
        ]);
      });
      expectObservable(timer(99)).toBe('99ms (0|)', [0]);
    }),
  );

  it(
    'delivers the last frames of the old connection before the first of the new one, each once',
    marbles(({ expectObservable }) => {
      // The old server answers no close handshake, sends two more, then closes: the second reached the new one first.
      const { feed, events } = scene(
        ['o-a 7ms s-b-c-|', 'o-bcd'],
        { a: trade(1), b: trade(2), c: trade(3), d: trade(4), s: silence() },
        {
          streams: {
            trade: { schema: tradeSchema, key: (t) => t.id, sequence: { of: (t) => t.id } },
            order: orderConfig,
          },
        },
      );
      at(10, () => feed.rotate());
      expectObservable(feed.stream('trade').pipe(ids), '^ 50ms !').toBe('--a 9ms b-c-(d)', {
        a: 1,
        b: 2,
        c: 3,
        d: 4,
      });
      at(40, () => {
        expect(events.filter(({ type }) => type === 'gap' || type === 'late')).toStrictEqual([]);
        expect(feed.stats()).toMatchObject({ delivered: 4, duplicate: 2 });
        expect(isBalanced(feed.stats())).toBe(true);
      });
    }),
  );

  it(
    'ends the wait for the old connection after drainMs',
    marbles(({ expectObservable }) => {
      const { feed } = scene(['os', 'o-b'], { b: trade(2), s: silence() }, { rotate: { drainMs: 30 } });
      at(10, () => feed.rotate());
      expectObservable(feed.stream('trade').pipe(ids), '^ 80ms !').toBe('40ms b', { b: 2 });
    }),
  );

  it(
    'hears no notice, and no reply to what was asked since, in the last frames of the old connection',
    marbles(({ expectObservable, flush }) => {
      const frames = {
        s: silence(),
        n: { type: 'notice' },
        r: { type: 'reply', by: 1 },
        q: { type: 'reply', by: 2 },
      };
      const { feed, events } = scene(
        ['o 9ms s-n-r-|', 'o 9ms q'],
        frames,
        { rotate: { when: (message) => (message as { type?: string }).type === 'notice' } },
        { endMs: 100 },
      );
      const match = (message: unknown): boolean => (message as { type?: string }).type === 'reply';
      feed.stream('trade').subscribe();
      at(10, () => feed.rotate());

      expectObservable(feed.request('who?', { match }), '11ms ^').toBe('20ms (q|)', { q: frames.q });
      flush();
      expect(told(events).filter((event) => /rotat/.test(event))).toStrictEqual([
        '10 rotating',
        '10 rotated',
      ]);
      expect(feed.stats()).toMatchObject({ received: 3 });
    }),
  );

  it(
    'ends the wait for the old connection when the new one has more to hold than it may, and loses nothing',
    marbles(({ expectObservable }) => {
      const { feed } = scene(
        ['os', 'o-b-c-d'],
        { b: trade(2), c: trade(3), d: trade(4), s: silence() },
        { buffer: { maxItems: 2 }, rotate: { drainMs: 1_000 } },
      );
      at(10, () => feed.rotate());
      expectObservable(feed.stream('trade').pipe(ids), '^ 80ms !').toBe('16ms (bcd)', { b: 2, c: 3, d: 4 });
    }),
  );

  it(
    'that cannot be made leaves the old connection in charge and is tried again with backoff',
    marbles(({ expectObservable, flush }) => {
      const { feed, transport, events } = scene(['o 300ms a', '#', 'r', 'o'], {
        a: trade(1),
        r: refuses(503),
      });
      at(10, () => feed.rotate());
      feed.stream('trade').subscribe();
      // 75 ms after the first failure; then 10 × initialMs, and 150 ms of jitter on top.
      expectObservable(transport.dials$, '^ 3s !').toBe('1 9ms 2 74ms 3 1149ms 4', {
        1: 1,
        2: 2,
        3: 3,
        4: 4,
      });
      flush();

      expect(told(events).slice(0, 6)).toStrictEqual([
        '0 connected',
        '10 rotating',
        '10 rotateFailed',
        '85 rotateFailed',
        '1235 rotated',
        '1235 connected',
      ]);
      expect(events.filter(({ type }) => type === 'rotateFailed')).toMatchObject([
        { retryInMs: 75, generation: 1 },
        { retryInMs: 1_150, error: { status: 503 } },
      ]);
    }),
  );

  it(
    'that is refused a topic fails, and the subscribers stay with the old connection',
    marbles(({ expectObservable }) => {
      const { feed, events } = scene(
        ['o 50ms a', 'o', 'o'],
        { a: trade(1) },
        { subscriptions: topics, reconnect: { jitter: 'none', initialMs: 1_000, maxMs: 1_000 } },
        {
          reply: acked(
            () => 0,
            (attempt) => attempt === 1,
          ),
          endMs: 500,
        },
      );
      at(10, () => feed.rotate());
      expectObservable(feed.stream('trade', 'BTC').pipe(ids), '^ 100ms !').toBe('51ms a', { a: 1 });
      at(99, () => {
        expect(events.find(({ type }) => type === 'rotateFailed')).toMatchObject({
          error: { name: 'SubscriptionRefusedError' },
        });
        expect(told(events)).not.toContain('10 subscriptionRefused');
      });
    }),
  );

  it(
    'that a policy completes fails, and the subscribers stay with the old connection',
    marbles(({ expectObservable }) => {
      const policies = { config: { action: 'complete' } } as const;
      const { feed, events } = scene(
        ['o 50ms a', 'r'],
        { a: trade(1), r: refuses(404) },
        { reconnect: { policies } },
        { endMs: 500 },
      );
      at(10, () => feed.rotate());
      expectObservable(feed.stream('trade').pipe(ids), '^ 100ms !').toBe('51ms a', { a: 1 });
      at(99, () => {
        expect(told(events)).toStrictEqual(['0 connected', '10 rotating', '10 rotateFailed']);
        expect(events.at(-1)).toMatchObject({ error: { name: 'HandshakeError', status: 404 } });
      });
    }),
  );

  it(
    'whose topics are not confirmed within timeoutMs fails',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        ['o', 'o'],
        {},
        { subscriptions: topics, rotate: { timeoutMs: 40 }, reconnect: { maxAttempts: 0 } },
        { reply: acked((attempt) => (attempt === 1 ? 0 : 1_000)), endMs: 500 },
      );
      feed.stream('trade', 'BTC').subscribe();
      at(10, () => feed.rotate());
      flush();

      expect(events.find(({ type }) => type === 'rotateFailed')).toMatchObject({
        at: 50,
        error: { name: 'MaxReconnectsExceededError', cause: { name: 'RotationTimeoutError', timeoutMs: 40 } },
      });
      expect(feed.stats().dropped).toBe(0);
    }),
  );

  it(
    'that is on its way takes over at once when the old connection ends by itself',
    marbles(({ flush }) => {
      // A server that allows one login: it closes the old connection when the new one is logged in.
      const { feed, transport, events } = scene(
        ['o 29ms x', 'o'],
        { x: closes(4000, 'logged in elsewhere') },
        { subscriptions: topics },
        { reply: acked((attempt) => (attempt === 1 ? 0 : 1_000)), endMs: 100 },
      );
      const dials: number[] = [];
      transport.dials$.subscribe((dial) => dials.push(dial));
      feed.stream('trade', 'BTC').subscribe();
      at(10, () => feed.rotate());
      flush();

      expect(dials).toStrictEqual([1, 2]);
      expect(told(events).filter((event) => !/subscri/.test(event))).toStrictEqual([
        '0 connected',
        '10 rotating',
        '30 disconnected',
        '30 rotated',
        '30 connected',
      ]);
    }),
  );

  it(
    'that is on its way takes over from none that reconnect() was called on',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        ['o', 'o', 'o'],
        {},
        { subscriptions: topics },
        { reply: acked((attempt) => (attempt === 2 ? 50 : 1)), endMs: 100 },
      );
      feed.stream('trade', 'BTC').subscribe();
      at(10, () => feed.rotate());
      at(20, () => feed.reconnect());
      flush();

      expect(told(events).filter((event) => !/subscri/.test(event))).toStrictEqual([
        ...['0 connected', '10 rotating', '20 disconnected', '20 retry', '20 connected'],
      ]);
    }),
  );

  it(
    'is a reconnect to onConnected',
    marbles(({ flush }) => {
      const asked: unknown[] = [];
      const onConnected = (_session: unknown, about: unknown): void => void asked.push(about);
      const { feed } = scene(['o', 'o'], {}, { onConnected }, { endMs: 50 });
      feed.stream('trade').subscribe();
      at(10, () => feed.rotate());
      flush();

      expect(asked).toStrictEqual([
        { generation: 1, isReconnect: false },
        { generation: 2, isReconnect: true },
      ]);
    }),
  );

  it.each<[string, Partial<FeedConfig<TestSchemas>>]>([
    ['onConnected', { onConnected: (_session, { generation }) => (generation === 2 ? fail() : undefined) }],
    [
      'subscriptions.subscribe',
      {
        subscriptions: {
          ...topics,
          subscribe: (wanted, id) => (id === 1 ? topics.subscribe(wanted, id) : fail()),
        },
      },
    ],
  ])('names its new connection where %s fails on that', (hook, config) =>
    marbles(({ flush }) => {
      const { feed, events } = scene(['o', 'o'], {}, config, { reply: acked(() => 1), endMs: 30 });
      feed.stream('trade', 'BTC').subscribe();
      at(10, () => feed.rotate());
      flush();

      expect(events.find(({ type }) => type === 'hookFailed')).toMatchObject({ hook, generation: 2, at: 10 });
    })(),
  );

  it(
    'is possible in each run',
    marbles(({ flush }) => {
      const { feed, events } = scene(['o', 'o', 'o'], {}, {}, { endMs: 50 });
      feed.stream('trade').subscribe();
      at(10, () => void feed.close({ timeoutMs: 0 }));
      at(20, () => void feed.stream('trade').subscribe());
      at(30, () => feed.rotate());
      flush();

      expect(told(events)).toContain('30 rotating');
    }),
  );

  it(
    'begins by the clock, at 90 to 100 % of everyMs, and again on the new connection',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(['o', 'o', 'o'], {}, { rotate: { everyMs: 1_000 } });
      feed.stream('trade').subscribe();

      expectObservable(transport.dials$, '^ 2s !').toBe('1 949ms 2 949ms 3', { 1: 1, 2: 2, 3: 3 });
    }),
  );

  it(
    'begins at the notice of the server, which is control',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(
        ['o-n', 'o'],
        { n: { type: 'notice', event: 'going away' } },
        { rotate: { when: (message) => (message as { type?: string }).type === 'notice' } },
      );
      feed.stream('trade').subscribe();
      expectObservable(transport.dials$, '^ 50ms !').toBe('1-2', { 1: 1, 2: 2 });
      at(20, () => {
        expect(feed.stats()).toMatchObject({ received: 1, control: 1, unrouted: 0 });
      });
    }),
  );

  it(
    'is one at a time, and none without a ready connection',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(['---o', '-----o', 'o']);
      for (const ms of [1, 10, 11, 12]) at(ms, () => feed.rotate());
      feed.rotate();
      feed.stream('trade').subscribe();

      expectObservable(transport.dials$, '^ 2s !').toBe('1 9ms 2', { 1: 1, 2: 2 });
    }),
  );

  it(
    'gives way to reconnect(), which leaves one connection',
    marbles(({ expectObservable }) => {
      const { feed, transport, events } = scene(['o', '-----o', 'o'], {}, {}, { endMs: 100 });
      at(10, () => feed.rotate());
      at(12, () => feed.reconnect());
      feed.stream('trade').subscribe();

      expectObservable(transport.dials$).toBe('1 9ms 2-3', { 1: 1, 2: 2, 3: 3 });
      at(99, () => {
        expect(told(events)).toStrictEqual([
          '0 connected',
          '10 rotating',
          '12 disconnected',
          '12 retry',
          '12 connected',
        ]);
      });
    }),
  );

  it(
    'is given up by close(), in each of its phases, without a socket left',
    marbles(({ flush }) => {
      const open = new Set<string>();
      for (const closeMs of [11, 14, 18, 25]) {
        const { feed, transport } = scene(
          ['o', '---o', 'o'],
          {},
          { subscriptions: topics },
          { reply: acked((attempt) => (attempt === 1 ? 0 : 6)), endMs: closeMs },
        );
        transport.log$.subscribe(({ type, attempt }) => {
          if (type === 'dial') open.add(`${closeMs}: ${attempt}`);
          if (type === 'close' || type === 'terminate') open.delete(`${closeMs}: ${attempt}`);
        });
        feed.stream('trade', 'BTC').subscribe();
        at(10, () => feed.rotate());
      }
      timer(10).subscribe(() => expect(open.size).toBeGreaterThan(0));
      flush();

      expect([...open]).toStrictEqual([]);
    }),
  );
});

const tradeSchema = v.object({ type: v.literal('trade'), symbol: v.string(), id: v.number() });
const orderConfig = {
  schema: v.object({ type: v.literal('order'), orderId: v.string() }),
  allowSilence: true,
};

/** A server that counts, one number a ms, for whom each connection is as slow as its latency says, one way. */
const countingServer = (latencies: readonly number[]): Transport => {
  let dials = 0;
  return {
    settled: of(undefined),
    dial(_request, handler) {
      const latency = latencies[dials++ % latencies.length] ?? 1;
      const life = new Subscription();
      const later = (act: () => void): void => {
        life.add(timer(latency).subscribe(act));
      };
      const end = (): void => {
        life.unsubscribe();
        handler.end(new SocketClosedError(1000, ''));
      };
      let feed: Subscription | undefined;
      later(() => handler.open({ protocol: '', extensions: '' }));
      return {
        send: (data) => {
          const { id } = JSON.parse(data as string) as { id: number };
          later(() => {
            later(() => handler.message(JSON.stringify({ type: 'ack', id })));
            feed ??= interval(1).subscribe(() => {
              const n = asyncScheduler.now();
              later(() => handler.message(JSON.stringify(trade(n))));
            });
            life.add(feed);
          });
        },
        close: () =>
          later(() => {
            feed?.unsubscribe();
            later(end);
          }),
        terminate: () => {
          life.unsubscribe();
          asyncScheduler.schedule(() => handler.end(new SocketClosedError(1006, '')));
        },
        bufferedBytes: 0,
      };
    },
  };
};

describe('any number of rotations', () => {
  it('lose nothing, repeat nothing and change no order, however slow the connections are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 6 }),
        (latencies, rotations) => {
          new MarbleScheduler(() => undefined).run(({ flush }) => {
            const feed = createFeed({
              url: 'ws://test',
              transport: countingServer(latencies),
              subscriptions: topics,
              streams: {
                trade: {
                  schema: tradeSchema,
                  key: (t) => t.id,
                  topic: (t) => t.symbol,
                  sequence: { of: (t) => t.id },
                },
              },
            });
            const events: FeedEvent[] = [];
            const seen: number[] = [];
            feed.events$.subscribe((event) => events.push(event));
            feed.stream('trade', 'BTC').subscribe(({ id }) => seen.push(id));
            for (const ms of rotations) at(ms, () => feed.rotate());
            at(1_500, () => void feed.close({ timeoutMs: 200 }));
            flush();

            const [first = 0] = seen;
            expect(seen.length).toBeGreaterThan(1_000);
            expect(seen).toStrictEqual(seen.map((_, index) => first + index));
            expect(events.filter(({ type }) => /gap|late|disconnected|overflow/.test(type))).toStrictEqual(
              [],
            );
            expect(isBalanced(feed.stats())).toBe(true);
          });
        },
      ),
      { numRuns: 25 },
    );
  });
});
