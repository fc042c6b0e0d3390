import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { asyncScheduler, find, map, repeat, retry, switchMap, timer } from 'rxjs';
import * as v from 'valibot';
import { WebSocketServer } from 'ws';
import {
  createFeed,
  createSeenKeys,
  type FeedEvent,
  isBalanced,
  type Key,
  type ReconnectConfig,
} from 'millrace';
import { closes, refuses, scriptedTransport, silence } from '../src/testing/scriptedTransport.js';
import type { SocketHandler, Transport } from '../src/streams/transport.js';
import { marbles } from './marbles.js';
import { order, scene, told, Trade, trade } from './scene.js';

const Order = v.object({ type: v.literal('order'), orderId: v.string() });
const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);
const fail = (what: string): never => {
  throw new Error(what);
};

afterEach(() => {
  jest.restoreAllMocks();
});

/** A transport that keeps the handlers of its dials, to tell them more than the script does. */
const tapped = (script: Transport): { readonly handlers: SocketHandler[]; readonly transport: Transport } => {
  const handlers: SocketHandler[] = [];
  const dial: Transport['dial'] = (request, handler) => {
    handlers.push(handler);
    return script.dial(request, handler);
  };
  return { handlers, transport: { settled: script.settled, dial } };
};

describe('a run that begins while the one before tells of its end', () => {
  it('CLO-02 does not keep close() from resolving, on a real socket', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const feed = createFeed({ url, streams: { trade: { schema: Trade } } });
    const subscription = feed.stream('trade').pipe(repeat()).subscribe();
    try {
      await feed.open();
      await feed.close();
      await feed.open();
      subscription.unsubscribe();
      await feed.close();

      expect(server.clients.size).toBe(0);
    } finally {
      subscription.unsubscribe();
      for (const client of server.clients) client.terminate();
      server.close();
    }
  });

  it(
    'is not closed in the place of that one',
    marbles(({ flush, expectObservable }) => {
      let asked = 0;
      const { feed } = scene(
        ['oa', 'oa-b'],
        { a: trade(1), b: trade(2) },
        { url: () => (++asked === 1 ? 'ws://test' : timer(5).pipe(map(() => 'ws://test'))) },
        { endMs: 90 },
      );
      at(5, () => void feed.close({ timeoutMs: 10 }));

      expectObservable(
        feed.stream('trade').pipe(
          repeat(2),
          map(({ id }) => id),
        ),
      ).toBe('-a-----------b 76ms |', {
        a: 1,
        b: 2,
      });
      flush();
    }),
  );

  it(
    'is judged and can be reconnected like the first',
    marbles(({ flush, expectObservable }) => {
      const { feed, transport, events } = scene(
        ['r', 'oa', 'o'],
        { r: refuses(404), a: trade(1) },
        {
          streams: {
            trade: { schema: Trade, staleAfterMs: 20 },
            order: { schema: Order, allowSilence: true },
          },
          reconnect: { initialMs: 5, jitter: 'none' },
        },
        { endMs: 100 },
      );
      feed.stream('trade').pipe(retry(1)).subscribe();
      at(50, () => feed.reconnect());

      expectObservable(transport.dials$).toBe('1----2 44ms 3', { 1: 1, 2: 2, 3: 3 });
      flush();
      expect(told(events)).toContain('26 unhealthy');
    }),
  );
});

describe('a listener that acts while it is told', () => {
  const act = (type: FeedEvent['type'], what: 'reconnect' | 'close') =>
    marbles(({ flush, expectObservable }) => {
      const { feed, transport } = scene(
        ['o|', 'o', 'o'],
        {},
        { subscriptions: { subscribe: () => 'sub', unsubscribe: () => 'unsub' } },
        { endMs: 200 },
      );
      let isDone = false;
      feed.events$.subscribe((event) => {
        if (event.type !== type || isDone) return;
        isDone = true;
        if (what === 'reconnect') feed.reconnect();
        else void feed.close();
      });
      feed.stream('trade', 'BTC').subscribe();
      const asked: unknown[] = [];
      transport.log$.subscribe((entry) => entry.type === 'send' && asked.push(entry.attempt));
      let shown = '';
      at(150, () => {
        feed.status$.subscribe(({ state }) => (shown = state)).unsubscribe();
        expect(shown).toBe(what === 'reconnect' ? 'CONNECTED' : 'CLOSED');
        if (what === 'reconnect') expect(asked).toContain(2);
        else expect(feed.health.isHealthy()).toBe(false);
      });
      expectObservable(feed.rejected$).toBe('');
      flush();
    });

  /** On a server that acknowledges nothing, so that whoever is asked for topics has timers. */
  const askedOnce = (what: 'reconnect' | 'close') =>
    marbles(({ flush }) => {
      const { feed, events, transport } = scene(
        ['o', 'o'],
        {},
        {
          subscriptions: {
            subscribe: ([first]) => first,
            unsubscribe: () => 'unsub',
            ack: () => undefined,
            batch: 1,
          },
        },
        { endMs: 5_000 },
      );
      const asked: unknown[] = [];
      transport.log$.subscribe((entry) => entry.type === 'send' && asked.push(entry.attempt));
      feed.events$.pipe(find(({ type }) => type === 'subscribing')).subscribe(() => {
        if (what === 'reconnect') feed.reconnect();
        else void feed.close();
      });
      for (const topic of ['BTC', 'ETH']) feed.stream('trade', topic).subscribe();
      at(60_000, () =>
        jest.spyOn(asyncScheduler, 'schedule').mockImplementation(() => fail('a timer is left')),
      );
      flush();

      expect(asked).toStrictEqual(what === 'reconnect' ? [2, 2] : []);
      expect(events.filter(({ type }) => type === 'subscribing')).toHaveLength(what === 'reconnect' ? 3 : 1);
    });

  it(
    'reconnecting at subscribing: the connection that ended is asked for nothing more',
    askedOnce('reconnect'),
  );
  it('closing at subscribing: nothing is left of the feed', askedOnce('close'));

  it('reconnecting at connected: the next connection asks for the topics', act('connected', 'reconnect'));
  it('closing at connected: the feed is closed, and not healthy', act('connected', 'close'));
  it('closing at disconnected: the feed is closed', act('disconnected', 'close'));
  it('closing at retry: the feed is closed', act('retry', 'close'));

  it(
    'leaving at disconnected: the feed is disconnected',
    marbles(({ flush }) => {
      const { feed } = scene('o-|', {}, {}, { endMs: 100 });
      const subscription = feed.stream('trade').subscribe();
      feed.events$.subscribe(({ type }) => type === 'disconnected' && subscription.unsubscribe());
      let shown = '';
      at(50, () => feed.status$.subscribe(({ state }) => (shown = state)).unsubscribe());
      flush();

      expect(shown).toBe('DISCONNECTED');
    }),
  );
});

describe('a feed that is closed before it has dialled', () => {
  it(
    'dials no socket when it is closed by who is told that it connects',
    marbles(({ expectObservable, flush }) => {
      const { feed, transport } = scene('o');
      feed.status$.subscribe(({ state }) => {
        if (state === 'CONNECTING') void feed.close({ timeoutMs: 0 });
      });
      feed.stream('trade').subscribe();

      expectObservable(transport.dials$).toBe('');
      flush();
    }),
  );

  it(
    'dials no socket when it is closed by the function that yields its url',
    marbles(({ expectObservable, flush }) => {
      const url = (): string => {
        void feed.close({ timeoutMs: 0 });
        return 'ws://feed.test';
      };
      const { feed, transport } = scene('o', {}, { url });
      feed.stream('trade').subscribe();

      expectObservable(transport.dials$).toBe('');
      flush();
    }),
  );
});

describe('a feed whose last subscriber leaves while frames wait, and no more are taken', () => {
  it(
    'has ended: those are dropped, no verdict falls, and close() dials no more',
    marbles(({ flush }) => {
      const script = scriptedTransport(['oa', 'o'], { a: trade(1) });
      const { handlers, transport } = tapped(script);
      const { feed, events } = scene(
        [],
        {},
        {
          transport,
          buffer: { maxItems: 2, overflow: 'error' },
          streams: {
            trade: { schema: Trade, staleAfterMs: 5 },
            order: { schema: Order, allowSilence: true },
          },
        },
        { endMs: 30 },
      );
      const subscription = feed.stream('trade').subscribe(() => {
        for (const id of [2, 3, 4]) handlers[0]?.message(JSON.stringify(trade(id)));
        subscription.unsubscribe();
      });
      flush();

      expect(handlers).toHaveLength(1);
      expect(feed.stats()).toMatchObject({ received: 4, delivered: 1, dropped: 3, held: 0 });
      expect(told(events)).toStrictEqual([
        ...['0 connected', '1 overflow', '1 disconnected', '1 gaveUp', '1 overflow'],
      ]);
      expect(events.filter(({ type }) => type === 'overflow')).toMatchObject([
        { policy: 'error', count: 1 },
        { policy: 'closed', count: 2 },
      ]);
    }),
  );
});

describe('a subscriber that closes the feed at a value that was kept', () => {
  it(
    'is completed: nothing is wanted, watched or dialled for it',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        ['oa', 'o'],
        { a: trade(1) },
        {
          streams: {
            trade: { schema: Trade, topic: ({ symbol }) => symbol, replay: 1 },
            order: { schema: Order, allowSilence: true },
          },
          subscriptions: { subscribe: () => undefined, unsubscribe: () => undefined },
        },
        { endMs: 50 },
      );
      const ended: string[] = [];
      feed.open().catch(fail);
      at(5, () => {
        feed
          .stream('trade', 'BTC')
          .subscribe({ next: () => void feed.close(), complete: () => ended.push('completed') });
      });
      at(20, () => {
        ended.push(
          feed.health
            .status()
            .map(({ stream, topic }) => `${stream} ${topic}`)
            .join(),
        );
      });
      flush();

      expect(ended).toStrictEqual(['completed', 'trade undefined,order undefined']);
      expect(told(events)).toStrictEqual(['0 connected']);
    }),
  );
});

describe('a listener that comes back to a topic', () => {
  it(
    'when another is forgotten for it: it is wanted, watched, and goes on from where it was',
    marbles(({ flush }) => {
      const many = Array.from({ length: 10_000 }, (_, index) => trade(1, `T${index}`));
      const wanted: string[] = [];
      const { feed, events } = scene(
        ['oam 10ms b'],
        { a: [trade(1)], m: many, b: [trade(3)] },
        {
          unpack: (messages) => messages as unknown[],
          streams: {
            trade: { schema: Trade, topic: ({ symbol }) => symbol, sequence: { of: ({ id }) => id } },
            order: { schema: Order, allowSilence: true },
          },
          subscriptions: {
            subscribe: (topics) => void wanted.push(...topics.map(({ topic }) => `+${topic}`)),
            unsubscribe: (topics) => void wanted.push(...topics.map(({ topic }) => `-${topic}`)),
          },
        },
        { endMs: 50 },
      );
      feed.open().catch(fail);
      const first = feed.stream('trade', 'BTC').subscribe();
      feed.events$
        .pipe(
          find(({ type }) => type === 'overflow'),
          switchMap(() => feed.stream('trade', 'BTC')),
        )
        .subscribe();
      at(5, () => first.unsubscribe());
      let watched: unknown[] = [];
      at(20, () => {
        watched = feed.health.status().map(({ topic }) => topic);
      });
      flush();

      expect(wanted).toStrictEqual(['+BTC']);
      expect(watched).toStrictEqual([undefined, 'BTC', undefined]);
      expect(events).toContainEqual(
        expect.objectContaining({ type: 'gap', topic: 'BTC', after: 1, before: 3 }),
      );
    }),
  );
});

describe('a listener that acts while it is told of a pause', () => {
  it(
    'resuming at paused: the socket is read on',
    marbles(({ flush }) => {
      const { feed, events } = scene('oa-b', { a: trade(1), b: trade(2) }, {}, { endMs: 50 });
      feed.events$.subscribe(({ type }) => {
        if (type === 'paused') feed.resume();
      });
      feed.stream('trade').subscribe();
      at(2, () => feed.pause());
      flush();

      expect(told(events)).toStrictEqual(['0 connected', '2 paused', '2 resumed']);
      expect(feed.stats()).toMatchObject({ delivered: 2 });
    }),
  );

  it(
    'pausing again when it hears that reading goes on: it is one pause, whose end is told',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        ['o'],
        {},
        {
          streams: {
            trade: { schema: Trade, staleAfterMs: 5 },
            order: { schema: Order, allowSilence: true },
          },
        },
        { endMs: 50 },
      );
      feed.stream('trade').subscribe();
      feed.health.changes$.subscribe(() => feed.pause());
      at(2, () => feed.pause());
      at(10, () => feed.resume());
      at(20, () => feed.resume());
      flush();

      expect(told(events).filter((each) => /paused|resumed/.test(each))).toStrictEqual([
        '2 paused',
        '20 resumed',
      ]);
    }),
  );

  it(
    'leaving at paused: its deadline does not end a connection of the next run',
    marbles(({ flush }) => {
      const { feed, events } = scene(['o', 'o'], {}, { buffer: { maxPauseMs: 100 } }, { endMs: 500 });
      const trades = feed.stream('trade').subscribe();
      feed.events$.subscribe(({ type }) => {
        if (type === 'paused') trades.unsubscribe();
      });
      at(2, () => feed.pause());
      at(20, () => feed.stream('trade').subscribe());
      flush();

      expect(told(events)).toStrictEqual(['0 connected', '2 paused', '2 resumed', '20 connected']);
    }),
  );

  it(
    'coming back while a paused run tells of its end: the next one is not paused',
    marbles(({ flush }) => {
      const { feed } = scene(['o', 'oa'], { a: trade(1) }, {}, { endMs: 50 });
      const trades = feed.stream('trade').subscribe();
      const comeBack = (): unknown => feed.stream('trade').subscribe();
      feed.status$.subscribe(({ state }) => {
        if (state === 'DISCONNECTED' && trades.closed) comeBack();
      });
      at(2, () => feed.pause());
      at(4, () => trades.unsubscribe());
      flush();

      expect(feed.stats()).toMatchObject({ delivered: 1 });
    }),
  );
});

describe('a hook that fails', () => {
  it(
    'ERR-01 unpack: what is no array is one rejected message, and the streams go on',
    marbles(({ flush }) => {
      const { feed } = scene(
        'o-a-b-c',
        { a: { data: { x: 1 } }, b: { data: 'text' }, c: { data: [trade(1)] } },
        { unpack: (decoded) => (decoded as { data: unknown[] }).data },
        { endMs: 50 },
      );
      const log: unknown[] = [];
      feed
        .stream('trade')
        .subscribe({ next: ({ id }) => log.push(id), error: (error: unknown) => log.push(error) });
      flush();

      expect(log).toStrictEqual([1]);
      expect(feed.stats()).toMatchObject({ received: 3, rejected: 2, delivered: 1 });
      expect(isBalanced(feed.stats())).toBe(true);
    }),
  );

  it(
    'buffer.key: the frame is not conflated, and the streams go on',
    marbles(({ flush }) => {
      const scripted = scriptedTransport('o-a 10ms b 10ms c', { a: trade(1), b: '{broken', c: trade(3) });
      const transport = {
        dial: scripted.dial.bind(scripted),
        settled: timer(100).pipe(map(() => undefined)),
      };
      const key = (data: unknown): unknown => (JSON.parse(data as string) as { id: number }).id;
      const { feed } = scene([], {}, { transport, buffer: { overflow: 'conflate', key } }, { endMs: 500 });
      const log: unknown[] = [];
      feed
        .stream('trade')
        .subscribe({ next: ({ id }) => log.push(id), error: (error: unknown) => log.push(error) });
      flush();

      expect(log).toStrictEqual([1, 3]);
      expect(feed.stats()).toMatchObject({ rejected: 1, held: 0 });
    }),
  );

  it(
    'subscribe: it is told, and nothing is uncaught',
    marbles(({ flush }) => {
      let calls = 0;
      const subscribe = (): string => (++calls > 1 ? fail('no such topic') : 'sub');
      const { feed, events } = scene(
        'o',
        {},
        { subscriptions: { subscribe, unsubscribe: () => fail('odd') } },
        { endMs: 50 },
      );
      feed.stream('trade', 'BTC').subscribe();
      at(5, () => feed.stream('trade', 'ETH').subscribe());
      at(10, () => feed.stream('trade', 'XRP').subscribe().unsubscribe());
      flush();

      expect(events.filter(({ type }) => type === 'hookFailed')).toMatchObject([
        { hook: 'subscriptions.subscribe', error: new Error('no such topic') },
      ]);
    }),
  );

  it.each([
    ['', undefined],
    [' of a stream that reorders', { maxItems: 3, maxMs: 5 }],
  ])('dedupe.memory%s: the value counts as new, and the streams go on', (_of, reorder) =>
    marbles(({ flush }) => {
      const keys = createSeenKeys();
      const memory = { ...keys, add: (key: Key) => (key === 2 ? fail('no memory') : keys.add(key)) };
      const { feed, events } = scene(
        'oabcd-abd',
        { a: trade(1), b: trade(2), c: trade(3), d: { type: 'order', orderId: 'x' } },
        {
          streams: {
            trade: {
              schema: Trade,
              key: ({ id }) => id,
              dedupe: { memory },
              sequence: { of: ({ id }) => id, ...(reorder && { reorder }) },
            },
            order: { schema: Order },
          },
        },
        { endMs: 50 },
      );
      const log: unknown[] = [];
      const note = { error: (error: unknown) => log.push(error), complete: () => log.push('end') };
      feed.stream('trade').subscribe({ ...note, next: ({ id }) => log.push(id) });
      feed.stream('order').subscribe({ ...note, next: ({ orderId }) => log.push(orderId) });
      flush();

      expect(log).toStrictEqual([1, 2, 3, 'x', 2, 'x', 'end', 'end']);
      expect(feed.stats()).toMatchObject({ received: 7, delivered: 6, duplicate: 1, held: 0 });
      expect(events.filter(({ type }) => type === 'hookFailed')).toMatchObject([
        { hook: 'dedupe.memory', error: new Error('no memory'), generation: 1, at: 2 },
        { hook: 'dedupe.memory', error: new Error('no memory'), generation: 1, at: 7 },
      ]);
    })(),
  );

  it(
    'a request that cannot be encoded leaves nothing behind, and a match that throws is its own failure',
    marbles(({ flush }) => {
      const { feed } = scene('o-a-b', { a: trade(1), b: trade(2) }, {}, { endMs: 50 });
      const log: unknown[] = [];
      feed.stream('trade').subscribe(({ id }) => log.push(id));
      feed
        .request({ n: 1n }, { match: () => true })
        .subscribe({ error: (error: unknown) => log.push((error as Error).name) });
      feed
        .request({ n: 1 }, { match: () => fail('bad match') })
        .subscribe({ error: (error: unknown) => log.push((error as Error).message) });
      flush();

      expect(log).toStrictEqual(['TypeError', 'bad match', 1, 2]);
    }),
  );
});

describe('a subscriber that is told that the feed gave up', () => {
  it(
    'gets no value from the run that it starts meanwhile',
    marbles(({ flush }) => {
      const script = scriptedTransport(['#', '']);
      const { handlers, transport } = tapped(script);
      const reconnect = { maxAttempts: 0, initialMs: 5, jitter: 'none' } as const;
      const { feed } = scene([], {}, { transport, reconnect }, { endMs: 30 });
      const [told, others]: [unknown[], unknown[]] = [[], []];
      const another = (): unknown => feed.stream('trade', 'BTC').subscribe(({ id }) => others.push(id));
      feed.stream('trade', 'BTC').subscribe({
        next: ({ id }) => told.push(id),
        error: () => {
          another();
          told.push('error');
          at(6, () => {
            handlers[1]?.open({ protocol: '', extensions: '' });
            handlers[1]?.message(JSON.stringify(trade(1)));
          });
        },
      });
      flush();

      expect([told, others]).toStrictEqual([['error'], [1]]);
    }),
  );
});

describe('events$, for a listener that acts as another part of the feed tells him', () => {
  const shown = (events: readonly FeedEvent[]): string[] =>
    events.map((event) =>
      event.type === 'state'
        ? `${event.generation} ${event.status.state} of ${event.status.generation}`
        : `${event.generation} ${event.type}`,
    );

  it(
    'tells of the end of a run before it tells of the next, which began at CLOSED',
    marbles(({ flush }) => {
      const { feed, events } = scene(['o', 'o'], {}, {}, { endMs: 50 });
      const begin = (): void => void feed.stream('trade').subscribe();
      let hasBegun = false;
      feed.status$.subscribe(({ state }) => {
        if (state !== 'CLOSED' || hasBegun) return;
        hasBegun = true;
        begin();
      });
      begin();
      at(5, () => void feed.close());
      flush();

      expect(shown(events)).toStrictEqual([
        ...['1 CONNECTING of 1', '1 CONNECTED of 1', '1 connected', '1 CLOSING of 1', '1 CLOSED of 1'],
        ...['2 CONNECTING of 2', '2 CONNECTED of 2', '2 connected', '2 CLOSING of 2', '2 CLOSED of 2'],
      ]);
    }),
  );

  it(
    'tells of a state before it tells of what was done at it',
    marbles(({ flush }) => {
      const { feed, events } = scene(['o', 'o'], {}, {}, { endMs: 50 });
      feed.status$.subscribe(({ state, generation }) => {
        if (state === 'CONNECTED' && generation === 1) feed.reconnect();
      });
      feed.stream('trade').subscribe();
      flush();

      expect(shown(events).slice(0, 4)).toStrictEqual([
        ...['1 CONNECTING of 1', '1 CONNECTED of 1', '1 disconnected', '1 retry'],
      ]);
    }),
  );

  it(
    'tells of a rejected message before it tells of what was done at it',
    marbles(({ flush }) => {
      const { feed, events } = scene(['o-x', 'o'], { x: { type: 'trade' } }, {}, { endMs: 50 });
      feed.rejected$.subscribe(() => feed.reconnect());
      feed.stream('trade').subscribe();
      flush();

      expect(shown(events).slice(3, 5)).toStrictEqual(['1 rejected', '1 disconnected']);
    }),
  );

  it(
    'tells of a pong before it tells of what was done at its latency',
    marbles(({ flush }) => {
      const heartbeat = { everyMs: 10, timeoutMs: 10 };
      const { feed, events } = scene(['o', 'o'], {}, { heartbeat }, { endMs: 15 });
      feed.status$.subscribe(({ latencyMs }) => {
        if (latencyMs !== undefined) feed.reconnect();
      });
      feed.stream('trade').subscribe();
      flush();

      expect(shown(events).slice(3, 5)).toStrictEqual(['1 pong', '1 disconnected']);
    }),
  );
});

describe('a run that begins inside of a message', () => {
  /** Who hears of the gap leaves, which ends the run, and begins the next, which has a frame at once. */
  const nested = (message: unknown, frames: Readonly<Record<string, unknown>>, unpack: boolean) => {
    const { handlers, transport } = tapped(scriptedTransport(['oac', ''], frames));
    const config = {
      transport,
      ...(unpack && { unpack: (decoded: unknown) => decoded as readonly unknown[] }),
      streams: {
        trade: { schema: Trade, sequence: { of: ({ id }: Trade) => id } },
        order: { schema: Order, allowSilence: true },
      },
    };
    const { feed } = scene([], {}, config, { endMs: 30 });
    const got: unknown[] = [];
    const first = feed.stream('trade').subscribe();
    feed.rejected$.subscribe(({ raw, generation }) => got.push(['rejected', raw, generation]));
    const again = (): void => {
      feed.stream('trade').subscribe(({ id }) => got.push(['trade', id]));
      feed.stream('order').subscribe(({ orderId }) => got.push(['order', orderId]));
    };
    feed.events$.subscribe(({ type }) => {
      if (type !== 'gap' || handlers.length > 1) return;
      first.unsubscribe();
      again();
      handlers[1]?.open({ protocol: '', extensions: '' });
      handlers[1]?.message(JSON.stringify(message));
    });
    return got;
  };

  it.each([
    ['of another stream', order('x'), ['order', 'x']],
    ['of the same stream', trade(9), ['trade', 9]],
  ])('with a frame %s: each value gets to its own stream, once', (_of, message, inner) => {
    marbles(({ flush }) => {
      const got = nested(message, { a: trade(1), c: trade(3) }, false);
      flush();
      expect(got).toStrictEqual([inner, ['trade', 3]]);
    })();
  });

  it(
    'leaves what comes behind it in the frame to the connection that it came by',
    marbles(({ flush }) => {
      const frame = [trade(3), { type: 'trade' }];
      const got = nested([order('x')], { a: [trade(1)], c: frame }, true);
      flush();
      expect(got).toStrictEqual([
        ['order', 'x'],
        ['trade', 3],
        ['rejected', JSON.stringify(frame), 1],
      ]);
    }),
  );
});

describe('a run that begins while a late value is told of', () => {
  it(
    'does not make the server resume from that',
    marbles(({ flush }) => {
      const asked: unknown[] = [];
      const { handlers, transport } = tapped(
        scriptedTransport(['oabc', '', 'o'], { a: trade(1), b: trade(3), c: trade(2) }),
      );
      const { feed } = scene(
        [],
        {},
        {
          transport,
          streams: {
            trade: { schema: Trade, sequence: { of: ({ id }: Trade) => id } },
            order: { schema: Order, allowSilence: true },
          },
          subscriptions: {
            subscribe: ([topic]) => void asked.push(topic?.lastSequence),
            unsubscribe: () => undefined,
          },
        },
        { endMs: 5_000 },
      );
      const first = feed.stream('trade').subscribe();
      const again = (): void => void feed.stream('trade').subscribe();
      feed.events$.subscribe(({ type }) => {
        if (type !== 'late') return;
        first.unsubscribe();
        again();
        handlers[1]?.open({ protocol: '', extensions: '' });
        handlers[1]?.message(JSON.stringify(trade(4)));
      });
      at(20, () => feed.reconnect());
      flush();

      expect(asked.at(-1)).toBe(4);
    }),
  );
});

describe('reconnect() as a connection fails, before the wait for the next has begun', () => {
  it.each(['request', 'classify', 'policy'])('dials at once, and only this once: from %s', (from) =>
    marbles(({ flush }) => {
      let asked = 0;
      const ask = (): void => {
        asked += 1;
        if (asked === 1) feed.reconnect();
      };
      const reconnect: ReconnectConfig = {
        ...{ jitter: 'none', initialMs: 100, multiplier: 1 },
        classify: (_error, byDefault) => {
          if (from === 'classify') ask();
          return byDefault;
        },
        policies: {
          rateLimited: () => {
            if (from === 'policy') ask();
            return undefined;
          },
        },
      };
      const { feed, transport, events } = scene(
        ['o 9ms x', 'o 9ms x', 'o'],
        { x: closes(1013) },
        { reconnect },
      );
      transport.dials$.subscribe(() => dials.push(asyncScheduler.now()));
      const dials: number[] = [];
      feed.stream('trade').subscribe();
      if (from === 'request')
        at(5, () => void feed.request({}, { match: () => false }).subscribe({ error: ask }));
      flush();

      expect(dials).toStrictEqual([0, 10, 1_120]);
      const delays = events.map((event) => (event.type === 'retry' ? event.delayMs : undefined));
      expect(delays.filter((ms) => ms !== undefined)).toStrictEqual([0, 1_100]);
    })(),
  );
});

describe('reconnect() as a dial is told', () => {
  it(
    'has the connection that it asks for: a failure of that waits as any other',
    marbles(({ flush }) => {
      const reconnect = { jitter: 'none', initialMs: 100, multiplier: 2 } as const;
      const { feed, transport, events } = scene(['o 9ms #', '#', 'o'], {}, { reconnect });
      const dials: number[] = [];
      transport.dials$.subscribe(() => dials.push(asyncScheduler.now()));
      feed.status$.subscribe(({ state }) => state === 'CONNECTING' && feed.reconnect());
      feed.stream('trade').subscribe();
      flush();

      expect(dials).toStrictEqual([0, 110, 310]);
      const rows = events.map((event) =>
        event.type === 'retry' ? [event.attempt, event.delayMs] : undefined,
      );
      expect(rows.filter((row) => row !== undefined)).toStrictEqual([
        [1, 100],
        [2, 200],
      ]);
    }),
  );
});

describe('the bounds of a feed', () => {
  it(
    'a pause that is over with its connection does not cut a Retry-After short',
    marbles(({ flush, expectObservable }) => {
      const letters = Object.fromEntries(
        ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((letter, id) => [letter, trade(id)]),
      );
      const scripted = scriptedTransport(['oa 9ms (bcdefgh)', 'r', 'o'], {
        ...letters,
        r: refuses(429, { 'Retry-After': '2' }),
      });
      const transport = {
        dial: scripted.dial.bind(scripted),
        settled: timer(1_000).pipe(map(() => undefined)),
      };
      const buffer = { overflow: 'pause', maxItems: 2, maxPauseMs: 100 } as const;
      const { feed } = scene([], {}, { transport, buffer }, { endMs: 5_000 });
      feed.stream('trade').subscribe();
      at(50, () => feed.reconnect());

      expectObservable(scripted.dials$).toBe('1 49ms 2 2074ms 3', { 1: 1, 2: 2, 3: 3 });
      flush();
    }),
  );

  it(
    'what a server makes a session send is bounded like what the user sends, and what is left of it told',
    marbles(({ flush }) => {
      const pings = { p: { type: 'ping' } };
      const { feed, events } = scene(
        `o${'p'.repeat(40)}`,
        pings,
        {
          outbox: { maxMessages: 5, rate: { max: 1, perMs: 1_000 } },
          heartbeat: {
            off: true,
            reply: (message) => ((message as { type?: string }).type === 'ping' ? 'pong' : undefined),
          },
        },
        { endMs: 100 },
      );
      feed.stream('trade').subscribe();
      flush();

      expect(events.filter(({ type }) => type === 'overflow')).toMatchObject([
        { of: 'outbox', policy: 'full', count: 1 },
        { of: 'outbox', policy: 'full', count: 2 },
        { of: 'outbox', policy: 'full', count: 4 },
        { of: 'outbox', policy: 'full', count: 8 },
        { of: 'outbox', policy: 'full', count: 16 },
        { of: 'outbox', policy: 'full', count: 32 },
        // The five that waited.
        { of: 'outbox', policy: 'closed', count: 1 },
        { of: 'outbox', policy: 'closed', count: 2 },
        { of: 'outbox', policy: 'closed', count: 4 },
      ]);
    }),
  );

  it(
    'values held for order come out before the feed gives up',
    marbles(({ expectObservable }) => {
      const { feed } = scene(
        'oac#',
        { a: trade(1), c: trade(3) },
        {
          reconnect: { maxAttempts: 0 },
          streams: {
            trade: { schema: Trade, sequence: { of: (t) => t.id, reorder: { maxItems: 10, maxMs: 100 } } },
            order: { schema: Order },
          },
        },
      );
      const id$ = feed.stream('trade').pipe(map(({ id }) => id));

      expectObservable(id$).toBe('-a-(c#)', { a: 1, c: 3 }, expect.anything());
    }),
  );

  it(
    'CLO-01 what waited at close() is not sent by the next start',
    marbles(({ flush, expectObservable }) => {
      const { feed, transport } = scene('o', {}, {}, { endMs: 50 });
      feed.send({ order: 'buy' });
      void feed.close();
      at(10, () => feed.stream('trade').subscribe());

      expectObservable(transport.sends$).toBe('');
      flush();
    }),
  );

  it(
    'a login that can no longer finish does not hold close() up',
    marbles(({ flush, expectObservable }) => {
      const { feed } = scene(
        'os',
        { s: silence() },
        { authenticate: (session) => session.messages$ },
        { endMs: 9_000 },
      );
      feed.send('waits');
      at(3, () => void feed.close({ timeoutMs: 20 }));

      expectObservable(feed.stream('trade')).toBe('---|');
      flush();
    }),
  );

  it('is not healthy before it was ever connected', () => {
    expect(createFeed({ url: 'ws://test', streams: { trade: { schema: Trade } } }).health.isHealthy()).toBe(
      false,
    );
  });
});
