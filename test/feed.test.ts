import { filter, map, NEVER, type Observable, take, throwError, timer } from 'rxjs';
import * as v from 'valibot';
import {
  AuthenticationError,
  createFeed,
  type FeedConfig,
  HandshakeError,
  HeartbeatTimeoutError,
  InvalidUrlError,
  isBalanced,
  MaxReconnectsExceededError,
  type SendResult,
  RequestDisconnectedError,
  RequestRejectedError,
  SocketClosedError,
} from 'millrace';
import { closes, refuses, scriptedTransport, silence } from '../src/testing/scriptedTransport.js';
import { marbles } from './marbles.js';
import { order, scene, told, Trade, trade, type TestSchemas } from './scene.js';

const ids = map(({ id }: { id: number }) => id);
const dials = { 1: 1, 2: 2, 3: 3, 4: 4 };
const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

describe('a feed connects', () => {
  it(
    'CON-01 at its first subscriber, not before',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o--a', { a: trade(1) });

      expectObservable(feed.stream('trade').pipe(ids), '---^---!').toBe('------a', { a: 1 });
      expectObservable(transport.dials$).toBe('            ---1', dials);
    }),
  );

  it(
    'SUB-01 CON-02 once for all its streams and topics, and SUB-03 gives each its own',
    marbles(({ expectObservable }) => {
      const frames = { a: trade(1), b: trade(2, 'ETH'), c: order('x') };
      const { feed, transport } = scene('o--a--b--c', frames);

      expectObservable(feed.stream('trade').pipe(ids), '       ^-----------!  ').toBe('---a--b   ', {
        a: 1,
        b: 2,
      });
      expectObservable(feed.stream('trade', 'ETH').pipe(ids), '^-------------!').toBe('------b   ', { b: 2 });
      expectObservable(feed.stream('order'), '                 ^----------!   ').toBe('---------c', {
        c: order('x'),
      });
      expectObservable(transport.dials$).toBe('                                        1         ', dials);
      expectObservable(transport.closes$).toBe('--------------c', { c: { code: 1000, reason: '' } });
    }),
  );

  it(
    'CLO-08 and stays connected for lingerMs after its last subscriber, unless another comes',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o', {}, { lingerMs: 5 });

      expectObservable(feed.stream('trade'), '^-!     ').toBe('');
      expectObservable(feed.stream('order'), '-----^-!').toBe('');
      expectObservable(transport.dials$).toBe('       1', dials);
      expectObservable(transport.closes$).toBe('      ------------c', { c: { code: 1000, reason: '' } });
    }),
  );

  it(
    'CLO-11 SUB-04 REC-06 again for a subscription after close()',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(['o-a', 'o-b'], { a: trade(1), b: trade(2) });
      at(5, () => void feed.close({ code: 4000, reason: 'done' }));

      expectObservable(feed.stream('trade').pipe(ids), '^').toBe('        --a--|   ', { a: 1 });
      expectObservable(feed.stream('trade').pipe(ids), '-------^---!').toBe('---------b   ', { b: 2 });
      expectObservable(transport.dials$).toBe('                        1------2     ', dials);
      expectObservable(transport.closes$.pipe(take(1))).toBe('         -----(c|)    ', {
        c: { code: 4000, reason: 'done' },
      });
    }),
  );

  it(
    'AUT-01 CON-03 to a url asked for anew at each attempt',
    marbles(({ cold, expectObservable }) => {
      let asked = 0;
      const url = (): string | Observable<string> =>
        ++asked === 1 ? 'ws://test/1' : cold('--u|', { u: `ws://test/${asked}` });
      const { feed, transport } = scene(['o-|', 'o'], {}, { url });
      const urls$ = transport.log$.pipe(
        filter((entry) => entry.type === 'dial'),
        map((entry) => entry.url),
      );

      expectObservable(feed.stream('trade'), '^ 100ms !').toBe('');
      expectObservable(urls$).toBe('a- 75ms  --b', { a: 'ws://test/1', b: 'ws://test/2' });
    }),
  );

  it(
    'CON-04 AUT-02 although its url provider failed at first',
    marbles(({ expectObservable }) => {
      let asked = 0;
      const url = (): string | Observable<string> => {
        asked += 1;
        if (asked === 1) throw new Error('no token yet');
        return asked === 2 ? throwError(() => new Error('still none')) : 'ws://test';
      };
      const { feed, transport } = scene('oa', { a: trade(1) }, { url });

      expectObservable(feed.stream('trade').pipe(ids), '^ 300ms !').toBe('75ms 150ms -a', { a: 1 });
      expectObservable(transport.dials$).toBe('                           75ms 150ms 1 ', dials);
    }),
  );

  it(
    'CON-06 with the subprotocols it is given, and refuses those that are none',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o', {}, { protocols: () => ['a.v1', 'b'] });
      const protocols$ = transport.log$.pipe(
        map((entry) => entry.type === 'dial' && entry.protocols),
        take(1),
      );
      expectObservable(feed.stream('trade'), '^-!').toBe('');
      expectObservable(protocols$).toBe('(p|)', { p: ['a.v1', 'b'] });
      expect(() => scene('o', {}, { protocols: 'a b' })).toThrow(TypeError);
    }),
  );
});

describe('a feed survives', () => {
  it(
    'REC-17 a lost connection: it says so before the first value of the next one',
    marbles(({ flush }) => {
      const { feed, events } = scene(['o-a|', 'o-b'], { a: trade(1), b: trade(2) }, {}, { endMs: 100 });
      const log: string[] = [];
      feed.events$.subscribe(({ type, generation }) => type !== 'state' && log.push(`${type} ${generation}`));
      feed.stream('trade').subscribe(({ id }) => log.push(`value ${id}`));
      flush();

      expect(log).toStrictEqual([
        'connected 1',
        'value 1',
        'disconnected 1',
        'retry 1',
        'connected 2',
        'value 2',
      ]);
      expect(events.find(({ type }) => type === 'retry')).toMatchObject({
        class: 'normal',
        attempt: 1,
        classAttempt: 1,
        previousMs: 0,
        jitteredMs: 75,
        floorMs: 0,
        delayMs: 75,
        generation: 1,
        at: 3,
      });
    }),
  );

  it(
    'a silent connection: the verdict falls everyMs and timeoutMs after the last frame (HBT-01, HBT-04)',
    marbles(({ expectObservable, flush }) => {
      const { feed, transport, events } = scene(
        ['o-a-s', 'o-b'],
        { a: trade(1), b: trade(2), s: silence() },
        { heartbeat: { everyMs: 20, timeoutMs: 10 } },
        { endMs: 120 },
      );
      feed.stream('trade').subscribe();

      expectObservable(transport.pings$.pipe(take(1))).toBe(' 22ms (1|)', dials);
      expectObservable(transport.dials$).toBe('1 106ms 2', dials);
      flush();
      expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({
        at: 32,
        error: new HeartbeatTimeoutError(30),
      });
    }),
  );

  it(
    'HBT-02 HBT-09 pongs: they keep the connection and measure its round trip',
    marbles(({ expectObservable, flush }) => {
      const { feed, transport, events } = scene(
        'o',
        {},
        { heartbeat: { everyMs: 20, timeoutMs: 10 } },
        { endMs: 50 },
      );
      feed.stream('trade').subscribe();

      expectObservable(transport.dials$).toBe('1', dials);
      flush();
      expect(told(events)).toStrictEqual(['0 connected', '20 pong', '40 pong']);
    }),
  );

  it(
    'late events of a dead connection: none has any effect',
    marbles(({ expectObservable, flush }) => {
      const transport = scriptedTransport(['o-a--', 'o--b'], { a: trade(1), b: trade(2) });
      const handlers: Parameters<typeof transport.dial>[1][] = [];
      const spying = {
        settled: transport.settled,
        dial: (...[request, handler]: Parameters<typeof transport.dial>) => {
          handlers.push(handler);
          return transport.dial(request, handler);
        },
      };
      const { feed, events } = scene([], {}, { transport: spying }, { endMs: 60 });
      expectObservable(feed.stream('trade').pipe(ids)).toBe('--a----b 52ms |', { a: 1, b: 2 });
      at(4, () => feed.reconnect('test'));
      at(6, () => {
        const old = handlers[0]!;
        old.message(JSON.stringify(trade(99)));
        old.open({ protocol: '', extensions: '' });
        old.pong();
        old.end(new Error('late'));
      });
      flush();

      expect(told(events)).toStrictEqual(['0 connected', '4 disconnected', '4 retry', '4 connected']);
      expect(feed.stats()).toMatchObject({ received: 2, delivered: 2 });
    }),
  );

  it(
    'REC-07 a thousand calls of reconnect(): one dial',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(['o', 'o', 'o'], {}, {}, { endMs: 50 });
      feed.stream('trade').subscribe();
      at(5, () => {
        for (let call = 0; call < 1_000; call += 1) feed.reconnect();
      });

      expectObservable(transport.dials$).toBe('1----2', dials);
    }),
  );

  it(
    'REC-06 giving up: reconnect() and a new subscriber start it again',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(
        ['#', '#', 'oa'],
        { a: trade(1) },
        { reconnect: { maxAttempts: 0, initialMs: 10, jitter: 'none' } },
        { endMs: 50 },
      );
      at(5, () => feed.reconnect());
      const refused = Object.assign(new Error('scripted ECONNREFUSED'), { code: 'ECONNREFUSED' });

      expectObservable(feed.stream('trade')).toBe(
        '#',
        undefined,
        new MaxReconnectsExceededError(0, { cause: refused }),
      );
      expectObservable(feed.stream('trade').pipe(ids), '--------^').toBe('----------------a 33ms |', {
        a: 1,
      });
      expectObservable(transport.dials$).toBe('1----2---------3', dials);
    }),
  );

  it(
    'a rate limit: Retry-After is the floor and the jitter goes on top',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(['r', 'o'], { r: refuses(429, { 'Retry-After': '2' }) });
      feed.stream('trade').subscribe();

      expectObservable(transport.dials$).toBe('1 2074ms 2', dials);
    }),
  );

  it(
    'BAK-05 a rate limit without Retry-After: ten times the first delay',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(['r', 'o'], { r: refuses(503) });
      feed.stream('trade').subscribe();

      expectObservable(transport.dials$).toBe('1 1074ms 2', dials);
    }),
  );
});

describe('a feed gives up', () => {
  it(
    'AUT-03 after three refusals in a row, each with a fresh url',
    marbles(({ expectObservable, flush }) => {
      let asked = 0;
      const { feed, transport } = scene(
        ['r', 'r', 'r', 'o'],
        { r: refuses(401) },
        { url: () => `ws://test/${++asked}` },
      );
      const failure = new AuthenticationError('authentication failed 3 times in a row', {
        cause: new HandshakeError(401, undefined, {}),
      });

      expectObservable(feed.stream('trade')).toBe('75ms 150ms #', undefined, failure);
      expectObservable(transport.dials$).toBe('1 74ms 2 149ms 3', dials);
      flush();
      expect(asked).toBe(3);
    }),
  );

  it.each([404, 301, 426])('REC-03 at once on HTTP %i', (status) => {
    marbles(({ expectObservable, flush }) => {
      const { feed, events } = scene('r', { r: refuses(status) });
      expectObservable(feed.stream('trade')).toBe('#', undefined, new HandshakeError(status, undefined, {}));
      flush();
      expect(told(events)).toStrictEqual(['0 disconnected', '0 gaveUp']);
      expect(events.find((event) => event.type === 'disconnected')).toMatchObject({ class: 'config' });
    })();
  });

  it(
    'CON-05 at once on a url that is none',
    marbles(({ expectObservable }) => {
      const { feed } = scene('o', {}, { url: () => 'http//oops?token=secret' });
      const error = new InvalidUrlError(
        'url must be an absolute ws or wss URL without a fragment, got (no WebSocket URL)',
      );
      expectObservable(feed.stream('trade')).toBe('#', undefined, error);
    }),
  );

  it(
    'REC-02 not at all on a clean close, unless its policy says complete',
    marbles(({ expectObservable }) => {
      const { feed } = scene(
        'o-a|',
        { a: trade(1) },
        { reconnect: { policies: { normal: { action: 'complete' } } } },
      );
      expectObservable(feed.stream('trade').pipe(ids)).toBe('--a|', { a: 1 });
    }),
  );

  it(
    'REC-04 as its own classify and policies say',
    marbles(({ expectObservable }) => {
      const { feed } = scene(
        'ox',
        { x: closes(4100, 'banned') },
        {
          reconnect: {
            classify: (error, byDefault) =>
              (error as SocketClosedError).code === 4100 ? 'config' : byDefault,
          },
        },
      );
      expectObservable(feed.stream('trade')).toBe('-#', undefined, new SocketClosedError(4100, 'banned'));
    }),
  );
});

describe('a feed authenticates', () => {
  const login = { type: 'login' };

  it(
    'AUT-05 before anything is sent or delivered',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(
        'o--------b',
        { b: trade(2) },
        { authenticate: (session) => (session.send(login), session.messages$.pipe(take(1))) },
        {
          reply: (message) =>
            (message as { type: string }).type === 'login'
              ? timer(3).pipe(map(() => ({ ok: true })))
              : undefined,
          endMs: 20,
        },
      );
      feed.stream('trade').subscribe();
      expect(feed.send({ type: 'hello' })).toBe('queued');

      expectObservable(transport.sends$).toBe('l--h', { l: login, h: { type: 'hello' } });
      expectObservable(feed.stream('trade').pipe(ids)).toBe('---------b 10ms |', { b: 2 });
    }),
  );

  it(
    'AUT-04 and calls a hook that is too slow a failed authentication',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        'o',
        {},
        { authenticate: () => NEVER, authenticateTimeoutMs: 10 },
        { endMs: 20 },
      );
      feed.stream('trade').subscribe();
      flush();
      expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({
        at: 10,
        class: 'auth',
        error: new AuthenticationError('authentication failed', {
          cause: new Error('not authenticated within 10 ms'),
        }),
      });
    }),
  );

  it(
    'and counts what was held for a login that never came as dropped',
    marbles(({ flush }) => {
      const { feed } = scene('o-a-a-|', { a: trade(1) }, { authenticate: () => NEVER }, { endMs: 20 });
      feed.stream('trade').subscribe();
      flush();
      expect(feed.stats()).toMatchObject({ received: 2, dropped: 2, delivered: 0, held: 0 });
    }),
  );
});

describe('a feed sorts its messages', () => {
  it(
    'drops what a server replays after a reconnect, and delivers the rest',
    marbles(({ expectObservable, flush }) => {
      const frames = { a: trade(1), b: trade(2), c: trade(3) };
      const { feed } = scene(['o(ab)|', 'o(abc)'], frames, {}, { endMs: 200 });
      expectObservable(feed.stream('trade').pipe(ids)).toBe('-(ab) 76ms c 118ms |', { a: 1, b: 2, c: 3 });
      flush();
      expect(feed.stats()).toMatchObject({ received: 5, delivered: 3, duplicate: 2 });
    }),
  );

  it(
    'accounts for every message, at every instant, also as seen from inside',
    marbles(({ flush }) => {
      const frames = {
        a: trade(1),
        b: { type: 'trade', symbol: 'BTC', id: 'no number' },
        c: { type: 'unknown' },
        d: '{broken',
        e: order('x'),
        h: { type: 'heartbeat' },
        w: { type: 'welcome' },
      };
      const { feed, events } = scene(
        'owabcdehae',
        frames,
        {
          heartbeat: { isPong: (message) => (message as { type?: string }).type === 'heartbeat' },
          isControl: (message) => (message as { type?: string }).type === 'welcome',
        },
        { endMs: 50 },
      );
      const seen: boolean[] = [];
      const check = (): void =>
        void seen.push(isBalanced(feed.stats()), ...Object.values(feed.stats().streams).map(isBalanced));
      feed.events$.subscribe(check);
      feed.rejected$.subscribe(check);
      feed.stream('trade').subscribe(check);
      flush();

      expect(new Set(seen)).toStrictEqual(new Set([true]));
      expect(feed.stats()).toStrictEqual({
        received: 9,
        delivered: 3,
        control: 2,
        rejected: 2,
        unrouted: 1,
        duplicate: 1,
        dropped: 0,
        conflated: 0,
        held: 0,
        streams: {
          trade: {
            received: 3,
            delivered: 1,
            control: 0,
            rejected: 1,
            unrouted: 0,
            duplicate: 1,
            dropped: 0,
            conflated: 0,
            held: 0,
            dedupe: { size: 1, hits: 1, misses: 1, evictions: 0 },
          },
          order: {
            received: 2,
            delivered: 2,
            control: 0,
            rejected: 0,
            unrouted: 0,
            duplicate: 0,
            dropped: 0,
            conflated: 0,
            held: 0,
          },
        },
      });
      expect(events.filter(({ type }) => type === 'rejected')).toMatchObject([
        { rejected: { reason: 'schema', stream: 'trade', raw: JSON.stringify(frames.b), generation: 1 } },
        { rejected: { reason: 'decode', raw: '{broken' } },
      ]);
    }),
  );

  it.each([
    [
      'key',
      {
        key: () => {
          throw new Error('bad rule');
        },
      },
    ],
    [
      'topic',
      {
        topic: () => {
          throw new Error('bad rule');
        },
      },
    ],
    [
      'sourceTime',
      {
        sourceTime: () => {
          throw new Error('bad rule');
        },
      },
    ],
    ['sequence', { sequence: { of: () => Number.NaN } }],
  ] as const)('ERR-01 takes a %s rule that fails as a rejected message, and goes on', (reason, rule) => {
    marbles(({ flush }) => {
      const { feed, events } = scene(
        'o-a-b',
        { a: trade(1), b: order('x') },
        {
          streams: {
            trade: { schema: Trade, ...rule },
            order: { schema: v.object({ type: v.literal('order') }) },
          },
        } as unknown as Partial<FeedConfig<TestSchemas>>,
        { endMs: 20 },
      );
      feed.stream('order').subscribe();
      flush();
      expect(events.filter(({ type }) => type === 'rejected')).toMatchObject([
        { rejected: { reason, stream: 'trade' } },
      ]);
      expect(feed.stats()).toMatchObject({ received: 2, rejected: 1, delivered: 1 });
    })();
  });

  it(
    'takes a route that throws as a rejected message',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        'o-a',
        { a: trade(1) },
        {
          route: () => {
            throw new Error('bad route');
          },
        },
        { endMs: 20 },
      );
      feed.stream('order').subscribe();
      flush();
      expect(events.filter(({ type }) => type === 'rejected')).toMatchObject([
        { rejected: { reason: 'route', cause: new Error('bad route') } },
      ]);
      expect(feed.stats()).toMatchObject({ received: 1, rejected: 1 });
    }),
  );

  it(
    'reports a gap of a topic, its own across a reconnect too, before the value that shows it',
    marbles(({ flush }) => {
      const frames = { a: trade(1), b: trade(2), c: trade(3), e: trade(5), x: trade(9, 'ETH') };
      const { feed } = scene(
        ['oabxc|', 'oe'],
        frames,
        {
          streams: {
            trade: { schema: Trade, topic: (t) => t.symbol, sequence: { of: (t) => t.id } },
            order: { schema: v.object({ type: v.literal('order'), orderId: v.string() }) },
          },
        },
        { endMs: 200 },
      );
      const log: unknown[] = [];
      feed.events$
        .pipe(filter(({ type }) => type === 'gap' || type === 'late'))
        .subscribe((event) => log.push(event));
      feed.stream('trade').subscribe(({ id }) => log.push(id));
      flush();
      expect(log).toStrictEqual([
        1,
        2,
        9,
        3,
        {
          type: 'gap',
          stream: 'trade',
          topic: 'BTC',
          after: 3,
          before: 5,
          missing: 1,
          generation: 2,
          at: 81,
        },
        5,
      ]);
    }),
  );

  it(
    'forgets a sequence of scope connection with its connection',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        ['oac|', 'oe'],
        { a: trade(1), c: trade(3), e: trade(7) },
        {
          streams: {
            trade: { schema: Trade, sequence: { of: (t) => t.id, scope: 'connection' } },
            order: { schema: v.object({ type: v.literal('order'), orderId: v.string() }) },
          },
        },
        { endMs: 200 },
      );
      feed.stream('trade').subscribe();
      flush();
      expect(events.filter(({ type }) => type === 'gap')).toMatchObject([
        { after: 1, before: 3, generation: 1 },
      ]);
    }),
  );

  it(
    'takes a frame of many messages apart',
    marbles(({ expectObservable, flush }) => {
      const { feed } = scene(
        'o-a-b',
        { a: [trade(1), trade(2)], b: [] },
        { unpack: (decoded) => decoded as unknown[] },
        { endMs: 20 },
      );
      expectObservable(feed.stream('trade').pipe(ids)).toBe('--(ab) 14ms |', { a: 1, b: 2 });
      flush();
      expect(feed.stats()).toMatchObject({ received: 3, delivered: 2, control: 1, held: 0 });
    }),
  );
});

describe('a feed talks', () => {
  it(
    'SND-01 SND-03 queues what is sent early, flushes it in order, and says which it did',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('---o', {}, {}, { endMs: 20 });
      const results: SendResult[] = [feed.send({ n: 1 }), feed.send({ n: 2 })];
      feed.stream('trade').subscribe();
      at(8, () => results.push(feed.send({ n: 3 })));
      at(30, () => {
        results.push(feed.send({ n: 4 }));
        expect(results).toStrictEqual(['queued', 'queued', 'sent', 'rejected']);
      });

      expectObservable(transport.sends$).toBe('---(ab)-c', { a: { n: 1 }, b: { n: 2 }, c: { n: 3 } });
    }),
  );

  it(
    'answers requests, and fails those that wait when the connection is lost',
    marbles(({ expectObservable }) => {
      const match = (id: number) => (message: unknown) => (message as { id?: number }).id === id;
      const { feed } = scene(
        ['o-----|', 'o'],
        {},
        {},
        {
          reply: (message) =>
            (message as { id: number }).id === 1
              ? timer(2).pipe(map(() => ({ id: 1, ok: true })))
              : undefined,
          endMs: 50,
        },
      );
      feed.stream('trade').subscribe();

      expectObservable(feed.request({ id: 1 }, { match: match(1) }), '-^').toBe('---(r|)', {
        r: { id: 1, ok: true },
      });
      expectObservable(feed.request({ id: 2 }, { match: match(2) }), '-^').toBe(
        '------#',
        undefined,
        new RequestDisconnectedError('its connection was lost before a reply came', {
          cause: new SocketClosedError(1000, ''),
        }),
      );
    }),
  );

  it(
    'fails a request when its message is too old to be sent, or taken out, and does not wait for its reply',
    marbles(({ expectObservable }) => {
      const config = { match: () => true, timeoutMs: 60_000 };
      const error = new RequestRejectedError('its message was given up');
      for (const outbox of [{ maxAgeMs: 10 }, {}]) {
        const { feed } = scene('50ms o', {}, { outbox }, { endMs: 70 });
        feed.stream('trade').subscribe();
        timer(20).subscribe(() => feed.takeUnsent());

        const lifeMs = outbox.maxAgeMs === undefined ? '15ms' : '10ms';
        expectObservable(feed.request('a', config), '-----^').toBe(`----- ${lifeMs} #`, undefined, error);
      }
    }),
  );

  it(
    'REC-13 SUB-02 asks for the topics that are subscribed, and again after a reconnect, once each',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(
        ['o----|', 'o'],
        {},
        {
          subscriptions: {
            subscribe: (topics) => ({ op: 'sub', topics: topics.map(({ topic }) => topic) }),
            unsubscribe: (topics) => ({ op: 'unsub', topics: topics.map(({ topic }) => topic) }),
          },
        },
      );
      expectObservable(feed.stream('trade', 'BTC'), '^ 120ms !').toBe('');
      expectObservable(feed.stream('trade', 'ETH'), '^ 100ms !').toBe('');
      expectObservable(transport.sends$).toBe('s 79ms s 20ms u', {
        s: { op: 'sub', topics: ['BTC', 'ETH'] },
        u: { op: 'unsub', topics: ['ETH'] },
      });
    }),
  );

  it(
    'a refused topic errors its own subscribers and nobody else',
    marbles(({ expectObservable, flush }) => {
      const { feed } = scene(
        'oa',
        { a: trade(1) },
        {
          subscriptions: {
            subscribe: (topics) => topics.map(({ topic }) => ({ op: 'sub', topic })),
            unsubscribe: () => [],
            ack: (message) => {
              const { ack, ok } = message as { ack?: string; ok: boolean };
              return ack === undefined
                ? undefined
                : { topics: [{ stream: 'trade', topic: ack }], ok, error: 'no such symbol' };
            },
          },
        },
        {
          reply: (message) => ({
            ack: (message as { topic: string }).topic,
            ok: (message as { topic: string }).topic === 'BTC',
          }),
          endMs: 20,
        },
      );
      const outcome: unknown[] = [];
      feed.stream('trade', 'NOPE').subscribe({
        error: (error: unknown) => outcome.push((error as Error).name, (error as Error).cause),
      });

      expectObservable(feed.stream('trade', 'BTC').pipe(ids)).toBe('-a 18ms |', { a: 1 });
      flush();
      expect(outcome).toStrictEqual(['SubscriptionRefusedError', 'no such symbol']);
    }),
  );
});

describe('a feed knows its health', () => {
  it(
    'calls a stream stale exactly staleAfterMs after its last value, while the connection lives, and recovered with the next',
    marbles(({ flush }) => {
      const frames = { a: trade(1), b: trade(2), h: { type: 'heartbeat' } };
      const { feed, events } = scene(
        'o-a-h-h-h-h-h-h-b',
        frames,
        {
          heartbeat: { isPong: (message) => (message as { type?: string }).type === 'heartbeat' },
          streams: {
            trade: { schema: Trade, staleAfterMs: 10 },
            order: {
              schema: v.object({ type: v.literal('order'), orderId: v.string() }),
              allowSilence: true,
            },
          },
        },
        { endMs: 20 },
      );
      feed.stream('trade').subscribe();
      at(5, () => expect(feed.health.isHealthy()).toBe(true));
      at(13, () =>
        expect([feed.health.isHealthy(), feed.health.isStreamHealthy('trade')]).toStrictEqual([false, false]),
      );
      flush();

      expect(told(events)).toStrictEqual(['0 connected', '12 unhealthy', '16 recovered']);
      expect(events.find(({ type }) => type === 'unhealthy')).toMatchObject({
        stream: 'trade',
        silentMs: 10,
        since: 2,
      });
    }),
  );

  it(
    'watches a stream that is asked for on demand only while it is wanted',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        'o',
        {},
        {
          subscriptions: { subscribe: () => 'sub', unsubscribe: () => 'unsub' },
          streams: {
            trade: { schema: Trade, staleAfterMs: 10 },
            order: { schema: v.object({ type: v.literal('order'), orderId: v.string() }), staleAfterMs: 10 },
          },
        },
        { endMs: 40 },
      );
      const subscription = feed.stream('trade').subscribe();
      void feed.open();
      at(15, () => subscription.unsubscribe());
      flush();

      expect(events.filter(({ type }) => type === 'unhealthy')).toMatchObject([{ stream: 'trade', at: 10 }]);
      expect(feed.health.isHealthy()).toBe(false);
    }),
  );
});

describe('a feed closes', () => {
  it.each([
    ['before it was opened', '', undefined],
    ['while dialling', '----o', 2],
    ['while open', 'o', 5],
    ['while backing off', '#', 20],
    ['after giving up', 'r', 20],
  ])('%s, leaving nothing behind', (_name, script, ms) => {
    marbles(({ flush }) => {
      const { feed } = scene(script === '' ? [] : script, { r: refuses(404) }, {}, { endMs: ms ?? 0 });
      if (ms !== undefined) feed.stream('trade').subscribe({ error: () => undefined });
      flush(); // comes back only if no timer is left
      let state = '';
      feed.status$.subscribe((status) => (state = status.state));
      expect(state).toBe('CLOSED');
    })();
  });

  it(
    'again after it was opened again',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o', {}, {}, { endMs: 40 });
      void feed.close();
      at(5, () => void feed.open());
      at(9, () => void feed.close());
      expectObservable(transport.closes$).toBe('---------c', { c: { code: 1000, reason: '' } });
    }),
  );

  it(
    'CLO-02 as often as it is told to, with one goodbye',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o', {}, {}, { endMs: 20 });
      feed.stream('trade').subscribe();
      for (const ms of [5, 5, 6]) at(ms, () => void feed.close());
      expectObservable(transport.closes$).toBe('-----c', { c: { code: 1000, reason: '' } });
    }),
  );

  it(
    'CLO-06 although the server does not answer, at the deadline',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('os', { s: silence() }, {}, { endMs: 60 });
      feed.stream('trade').subscribe();
      at(5, () => void feed.close({ timeoutMs: 20 }));
      expectObservable(transport.closes$).toBe('-----c 19ms t', {
        c: { code: 1000, reason: '' },
        t: 'terminate',
      });
      expectObservable(
        feed.status$.pipe(
          map(({ state }) => state),
          filter((state) => state === 'CLOSED'),
          take(1),
        ),
      ).toBe('25ms (x|)', { x: 'CLOSED' });
    }),
  );
});

describe('createFeed', () => {
  const streams = { trade: { schema: Trade } };
  const wrong: [string, object, string][] = [
    [
      'url',
      { url: 'not a url?token=secret' },
      'url must be an absolute ws or wss URL without a fragment, got (no WebSocket URL)',
    ],
    [
      'url',
      { url: 'ftp://user:pw@host/x?token=secret' },
      'url must be an absolute ws or wss URL without a fragment, got (no WebSocket URL)',
    ],
    ['url', { url: 7 }, 'url must be a string or a URL, got number'],
    [
      'protocols',
      { protocols: 'a b' },
      'protocols must be a token or a list of tokens, got something else at 0',
    ],
    ['protocols', { protocols: ['a', 'a'] }, 'protocols must not repeat one'],
    [
      'connectTimeoutMs',
      { connectTimeoutMs: 0 },
      'createFeed: connectTimeoutMs must be above 0 and at most 2147483647, or Infinity, got 0',
    ],
    ['streams', { streams: {} }, 'createFeed: streams must name at least one stream'],
    [
      'schema',
      { streams: { t: { schema: {} } } },
      'createFeed: streams.t.schema must be a valibot schema, got object',
    ],
    [
      'key',
      { streams: { t: { schema: Trade, key: 'id' } } },
      'createFeed: streams.t.key must be a function, got string',
    ],
    ['dedupe', { streams: { t: { schema: Trade, key: () => 1, dedupe: { maxKeys: 0 } } } }, 'maxKeys'],
    ['dedupe', { streams: { t: { schema: Trade, key: () => 1, dedupe: { windowMs: 0 } } } }, 'windowMs'],
    [
      'sequence',
      { streams: { t: { schema: Trade, sequence: {} } } },
      'createFeed: streams.t.sequence.of must be a function, got undefined',
    ],
    [
      'scope',
      { streams: { t: { schema: Trade, sequence: { of: () => 1, scope: 'x' } } } },
      'createFeed: streams.t.sequence.scope must be topic, stream or connection, got x',
    ],
    [
      'scope',
      { streams: { t: { schema: Trade, sequence: { of: () => 1, scope: 'topic' } } } },
      "createFeed: streams.t.sequence.scope is 'topic', but the stream has no topic",
    ],
    [
      'replay',
      { streams: { t: { schema: Trade, replay: -1 } } },
      'createFeed: streams.t.replay must be a whole number, not negative, got -1',
    ],
    ['staleAfterMs', { streams: { t: { schema: Trade, staleAfterMs: 0 } } }, 'staleAfterMs'],
    [
      'expectedIntervalMs',
      { streams: { t: { schema: Trade, expectedIntervalMs: -1 } } },
      'expectedIntervalMs',
    ],
    ['lingerMs', { lingerMs: -1 }, 'createFeed: lingerMs must be from 0 to 2147483647, got -1'],
    ['route', { route: 'type' }, 'createFeed: route must be a function, got string'],
    ['unpack', { unpack: 1 }, 'createFeed: unpack must be a function, got number'],
    ['authenticate', { authenticate: {} }, 'createFeed: authenticate must be a function, got object'],
    ['onConnected', { onConnected: {} }, 'createFeed: onConnected must be a function, got object'],
    ['isControl', { isControl: {} }, 'createFeed: isControl must be a function, got object'],
    ['random', { random: 0.5 }, 'createFeed: random must be a function, got number'],
    ['buffer.maxItems', { buffer: { maxItems: 0 } }, 'maxItems'],
    ['buffer.overflow', { buffer: { overflow: 'spill' } }, 'overflow'],
    ['buffer.sliceMs', { buffer: { sliceMs: -1 } }, 'sliceMs'],
    ['buffer.maxPauseMs', { buffer: { maxPauseMs: 0 } }, 'maxPauseMs'],
    ['outbox', { outbox: { maxMessages: 0 } }, 'createFeed: outbox.maxMessages must be above 0, got 0'],
    [
      'outbox.rate',
      { outbox: { rate: { max: 0, perMs: 1 } } },
      'createFeed: outbox.rate.max must be a whole number above 0, got 0',
    ],
    ['heartbeat.everyMs', { heartbeat: { everyMs: 0 } }, 'createFeed: heartbeat.everyMs must be above 0'],
    [
      'heartbeat.timeoutMs',
      { heartbeat: { timeoutMs: -5 } },
      'createFeed: heartbeat.timeoutMs must be above 0',
    ],
    ['heartbeat.ping', { heartbeat: { ping: 'pong' } }, 'createFeed: heartbeat.ping must be'],
    ['reconnect.initialMs', { reconnect: { initialMs: 0 } }, 'createFeed: reconnect.initialMs'],
    ['reconnect.maxMs', { reconnect: { maxMs: 1 } }, 'createFeed: reconnect.maxMs'],
    ['reconnect.jitter', { reconnect: { jitter: 'wild' } }, 'createFeed: reconnect.jitter'],
    ['reconnect.stableMs', { reconnect: { stableMs: -1 } }, 'createFeed: reconnect.stableMs'],
    ['reconnect.maxAttempts', { reconnect: { maxAttempts: -1 } }, 'createFeed: reconnect.maxAttempts'],
    [
      'reconnect.policies',
      { reconnect: { policies: { auth: { maxFailures: 0 } } } },
      'createFeed: reconnect.policies.auth.maxFailures must be at least 1, got 0',
    ],
    [
      'subscriptions.batch',
      { subscriptions: { subscribe: () => 1, unsubscribe: () => 1, batch: 0 } },
      'createFeed: subscriptions.batch must be a whole number above 0, got 0',
    ],
    [
      'subscriptions.subscribe',
      { subscriptions: {} },
      'createFeed: subscriptions.subscribe must be a function',
    ],
    [
      'authenticateTimeoutMs',
      { authenticate: () => 1, authenticateTimeoutMs: 0 },
      'createFeed: authenticateTimeoutMs must be above 0 and at most 2147483647, got 0',
    ],
    ['transport', { transport: {} }, 'createFeed: transport must offer dial() and settled'],
    ['codec', { codec: {} }, 'createFeed: codec.decode must be a function, got undefined'],
  ];

  it.each(wrong)('refuses a wrong %s: %j', (_name, options, message) => {
    let caught: unknown;
    try {
      createFeed({ url: 'ws://feed.test', streams, ...options } as unknown as FeedConfig<TestSchemas>);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(Error);
    expect(['TypeError', 'RangeError', 'InvalidUrlError', 'InvalidProtocolsError']).toContain(
      (caught as Error).name,
    );
    expect((caught as Error).message).toContain(message);
    expect((caught as Error).message).not.toMatch(/secret|pw/);
  });

  it('knows its streams by name and type', () => {
    const feed = createFeed({ url: 'ws://feed.test', streams });
    // @ts-expect-error there is no such stream
    expect(() => feed.stream('nope')).toThrow(new TypeError('stream: there is no stream "nope"'));
    expect(() => feed.stream('trade', 'BTC')).toThrow(
      new TypeError('stream: "trade" has no topics, got "BTC"'),
    );
    const byTopic = createFeed({
      url: 'ws://feed.test',
      streams: { trade: { schema: Trade, topic: ({ symbol }) => symbol } },
    });
    for (const topic of [1, null]) {
      expect(() => byTopic.stream('trade', topic as never)).toThrow(
        new TypeError(`stream: a topic of "trade" must be a string, got ${topic}`),
      );
    }
    const symbols$: Observable<string> = feed.stream('trade').pipe(map((t) => t.symbol));
    // @ts-expect-error a symbol is no number
    const numbers$: Observable<number> = feed.stream('trade').pipe(map((t) => t.symbol));
    expect([symbols$, numbers$]).toHaveLength(2);
  });

  it(
    'CON-16 does nothing until it is asked to',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o', {}, {}, { endMs: 50 });
      expectObservable(transport.log$).toBe('');
      expectObservable(
        feed.status$.pipe(
          map(({ state }) => state),
          take(1),
        ),
      ).toBe('(d|)', { d: 'DISCONNECTED' });
    }),
  );

  it(
    'reads and writes by the codec it was made with, whatever becomes of its config',
    marbles(({ flush }) => {
      const transport = scriptedTransport('oa', { a: trade(1) });
      const sent: unknown[] = [];
      transport.sends$.subscribe((message) => sent.push(message));
      type Config = FeedConfig<{ readonly trade: typeof Trade }>;
      const config: { -readonly [Name in keyof Config]: Config[Name] } = {
        url: 'ws://feed.test',
        transport,
        streams,
      };
      const feed = createFeed(config);
      config.codec = { decode: () => 'nothing', encode: () => 'another' };
      feed.stream('trade').subscribe(() => feed.send('hello'));
      at(5, () => void feed.close({ timeoutMs: 0 }));
      flush();

      expect(sent).toStrictEqual(['hello']);
    }),
  );
});

describe('a key', () => {
  it.each([
    ['is of the whole stream, whatever the topic', ({ id }: Trade) => id, ['BTC 1', 'ETH 2']],
    [
      'that names the topic is of that',
      ({ id, symbol }: Trade) => `${symbol}-${id}`,
      ['BTC 1', 'ETH 1', 'ETH 2'],
    ],
  ])('%s', (_what, key, expected) =>
    marbles(({ flush }) => {
      const frames = { a: trade(1, 'BTC'), b: trade(1, 'ETH'), c: trade(2, 'ETH'), d: trade(2, 'ETH') };
      const order = { schema: v.object({ type: v.literal('order'), orderId: v.string() }) };
      const { feed } = scene('o(abcd)', frames, {
        streams: { trade: { schema: Trade, key, topic: ({ symbol }) => symbol }, order },
      });
      const heard: string[] = [];
      feed.stream('trade').subscribe(({ symbol, id }) => heard.push(`${symbol} ${id}`));
      flush();

      expect(heard).toStrictEqual(expected);
    })(),
  );
});
