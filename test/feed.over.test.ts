import {
  asyncScheduler,
  BehaviorSubject,
  config as rxjsConfig,
  EMPTY,
  finalize,
  Observable,
  type Subscription,
  take,
  timer,
} from 'rxjs';
import type { Feed, FeedConfig } from 'millrace';
import { closes, refuses } from '../src/testing/scriptedTransport.js';
import { marbles } from './marbles.js';
import { scene, type TestSchemas, told, Trade, trade } from './scene.js';

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);
const letters = { ...{ a: trade(1), b: trade(2), c: trade(3), d: trade(4) }, n: closes(1000) };

/** Listens to the trades of a feed, and notes what it hears, each with its time. */
const listenTo = (feed: Feed<TestSchemas>, heard: string[], name = ''): Subscription =>
  feed.stream('trade').subscribe({
    next: ({ id }) => heard.push(`${asyncScheduler.now()} ${name}${id}`),
    error: (error: unknown) => heard.push(`${asyncScheduler.now()} ${name}${(error as Error).name}`),
    complete: () => heard.push(`${asyncScheduler.now()} ${name}complete`),
  });

describe('what throws as a run ends', () => {
  afterEach(() => {
    rxjsConfig.onUnhandledError = null;
  });

  const bad = new Error('bad');
  const bad$ = new Observable<never>(() => () => {
    throw bad;
  });
  const throwing: Readonly<Record<string, Partial<FeedConfig<TestSchemas>>>> = {
    onConnected: { onConnected: () => (asyncScheduler.now() < 5 ? bad$ : EMPTY) },
    url: { url: () => (asyncScheduler.now() < 5 ? bad$ : 'ws://test') },
    online$: { online$: bad$ },
  };

  it.each(Object.keys(throwing))('as %s does: keeps no subscriber, close() or open() waiting', (hook) => {
    const heard: string[] = [];
    const uncaught: unknown[] = [];
    rxjsConfig.onUnhandledError = (error) => uncaught.push(error);
    marbles(({ flush }) => {
      const { feed } = scene(['oa', 'ob', 'o'], letters, throwing[hook], { endMs: 100 });
      feed.status$.subscribe(({ state }) => heard.push(`${asyncScheduler.now()} ${state}`));
      listenTo(feed, heard);
      const request$ = feed.request('q', { match: () => false, timeoutMs: 60 });
      const failed = (error: unknown): void => void heard.push((error as Error).message);
      at(2, () => request$.subscribe({ error: failed }));
      at(5, () => void feed.close());
      at(20, () => listenTo(feed, heard, 'again '));
      flush();
    })();

    const wasConnected = hook !== 'url';
    expect(heard.slice(0, heard.indexOf('20 CONNECTING'))).toStrictEqual([
      ...['0 DISCONNECTED', '0 CONNECTING', ...(wasConnected ? ['0 CONNECTED', '1 1'] : [])],
      '5 CLOSING',
      wasConnected ? 'sent, but the feed was closed before a reply came' : 'not sent: the feed was closed',
      ...['5 complete', '5 CLOSED'],
    ]);
    expect(heard.at(-1)).toBe('100 CLOSED');
    expect(uncaught.length).toBeGreaterThan(0);
  });

  it('is told of who leaves, and it is DISCONNECTED', () => {
    const states: string[] = [];
    rxjsConfig.onUnhandledError = () => undefined;
    marbles(({ flush }) => {
      const { feed } = scene(['oa'], letters, throwing['onConnected'], { endMs: 100 });
      feed.status$.subscribe(({ state }) => states.push(`${asyncScheduler.now()} ${state}`));
      const subscription = listenTo(feed, []);
      at(5, () => subscription.unsubscribe());
      flush();
    })();

    expect(states.slice(3)).toStrictEqual(['5 DISCONNECTED', '100 CLOSING', '100 CLOSED']);
  });

  it('of one subscriber keeps no other from hearing', () => {
    const heard: string[] = [];
    const uncaught: unknown[] = [];
    rxjsConfig.onUnhandledError = (error) => uncaught.push(error);
    const throws = (): void => {
      throw bad;
    };
    marbles(({ flush }) => {
      const { feed } = scene(['oa'], letters, {}, { endMs: 100 });
      feed.stream('trade').pipe(finalize(throws)).subscribe();
      listenTo(feed, heard);
      at(5, () => void feed.close());
      flush();
      expect(feed.stats().held).toBe(0);
    })();

    expect(heard).toStrictEqual(['1 1', '5 complete']);
    expect(uncaught).toHaveLength(1);
  });
});

it.each<[string, string[], number, string]>([
  [
    'sent, as the last subscriber leaves',
    ['o'],
    5,
    'sent, but the last subscriber of the feed left before a reply came',
  ],
  [
    'waiting, as the last subscriber leaves',
    ['----------o'],
    5,
    'not sent: the last subscriber of the feed left',
  ],
  ['waiting, as the feed gives up', ['---r'], 40, 'not sent: the feed gave up'],
])('a request that is %s, says so, and nothing of a close()', (_when, scripts, leaveAt, message) =>
  marbles(({ flush }) => {
    const { feed } = scene(scripts, { ...letters, r: refuses(404) }, {}, { endMs: 50 });
    const errors: string[] = [];
    const subscription = listenTo(feed, []);
    const failed = (error: unknown): void => void errors.push((error as Error).message);
    at(2, () => feed.request('q', { match: () => false }).subscribe({ error: failed }));
    at(leaveAt, () => subscription.unsubscribe());
    flush();

    expect(errors).toStrictEqual([message]);
  })(),
);

describe('what waits in the outbox as a feed is closed', () => {
  it.each([
    ['while it connects', ['-----o', 'o--a'], {}],
    ['in a login', ['o', 'o--a'], { authenticate: () => timer(asyncScheduler.now() < 3 ? 50 : 0) }],
    ['as it reconnects', ['o-n', 'o--a'], {}],
  ])(
    '%s: a request errors once, is counted nowhere else, and who listens again starts it',
    (_when, scripts, config) =>
      marbles(({ flush }) => {
        const { feed, events } = scene(scripts, letters, config, { endMs: 50 });
        const heard: string[] = [];
        listenTo(feed, heard);
        const request$ = feed.request('q', { match: () => false });
        at(2, () =>
          request$.subscribe({
            error: (error: unknown) => {
              heard.push((error as Error).message);
              listenTo(feed, heard, 'again ');
            },
          }),
        );
        at(3, () => feed.send('lost'));
        at(4, () => void feed.close());
        flush();

        expect(heard).toStrictEqual([
          'not sent: the feed was closed',
          ...['4 complete', '7 again 1', '50 again complete'],
        ]);
        expect(events.filter(({ type }) => type === 'overflow')).toMatchObject([{ of: 'outbox', count: 1 }]);
      })(),
  );

  it.each([
    ['it gave up', { maxAttempts: 0 }],
    ['a policy completed it', { policies: { network: { action: 'complete' } } }],
  ] as const)('%s before: that is told as lost, and not sent by who listens again', (_how, reconnect) =>
    marbles(({ flush }) => {
      const { feed, transport, events } = scene(['----#', 'o'], letters, { reconnect }, { endMs: 9_000 });
      const sent: unknown[] = [];
      transport.sends$.subscribe((message) => sent.push(message));
      listenTo(feed, []);
      at(1, () => feed.send('an order'));
      at(8, () => void feed.close());
      at(9, () => feed.stream('trade').subscribe());
      flush();

      expect(events.filter(({ type }) => type === 'overflow')).toMatchObject([
        { at: 8, of: 'outbox', policy: 'closed', count: 1 },
      ]);
      expect(told(events).at(-1)).toMatch(/ connected$/);
      expect(sent).toStrictEqual([]);
    })(),
  );
});

it(
  'what is sent on the run after a close() is no part of it, though that run is left at once',
  marbles(({ flush }) => {
    const { feed, events } = scene(['o', 'o'], letters, {}, { endMs: 5 });
    const unsent: unknown[] = [];
    const again = (): void => feed.stream('trade').subscribe().unsubscribe();
    const sendAgain = (): void => {
      const subscription = feed.stream('trade').subscribe();
      unsent.push(feed.send('x'));
      subscription.unsubscribe();
      again();
      unsent.push(...feed.takeUnsent());
    };
    feed.stream('trade').subscribe({ complete: sendAgain });
    flush();

    expect(unsent).toStrictEqual(['queued', '"x"']);
    expect(told(events)).toStrictEqual(['0 connected']);
  }),
);

describe('a run that who is asked about its failure ends', () => {
  it.each(['retry', 'giveUp', 'complete'] as const)(
    'and begins anew: nothing of that is told of the next one (%s)',
    (action) =>
      marbles(({ flush }) => {
        let asked = 0;
        const sent: string[] = [];
        const policies = {
          normal: () => {
            if (asked++ === 0) void feed.close();
            return { action };
          },
        };
        const reconnect = { jitter: 'none', initialMs: 50, policies } as const;
        const { feed, events } = scene(['o-n', '---o-a'], letters, { reconnect }, { endMs: 40 });
        const heard: string[] = [];
        const again = (): void => void listenTo(feed, heard, 'again ');
        feed.stream('trade').subscribe({ complete: again });
        at(3, () => sent.push(feed.send('x')));
        flush();

        expect(told(events)).toStrictEqual(['0 connected', '5 connected']);
        expect([sent, heard]).toStrictEqual([['queued'], ['7 again 1', '40 again complete']]);
      })(),
  );

  it.each<[string, (feed: Feed<TestSchemas>, leave: () => void) => void, string[]]>([
    ['closes it', (feed) => void feed.close(), []],
    ['leaves it', (_feed, leave) => leave(), []],
    [
      'leaves it, and comes again',
      (feed, leave) => {
        leave();
        feed.stream('trade').subscribe();
      },
      ['10 connected'],
    ],
  ])('though a rotation would take over: %s', (_what, act, events) =>
    marbles(({ flush }) => {
      let asked = 0;
      const classify = (_error: unknown, byDefault: () => never) => {
        if (asked++ === 0) act(feed, () => subscription.unsubscribe());
        return byDefault;
      };
      const config = {
        authenticate: () => timer(1),
        onConnected: (_session: unknown, { isReconnect }: { isReconnect: boolean }) =>
          isReconnect ? timer(30) : EMPTY,
        reconnect: { initialMs: 10, jitter: 'none', classify },
      };
      const scripts = ['o-a------#', 'o', 'o'];
      const { feed, events: all } = scene(scripts, letters, config as never, { endMs: 100 });
      const subscription = feed.stream('trade').subscribe();
      at(5, () => feed.rotate());
      flush();

      expect(told(all)).toStrictEqual(['1 connected', '5 rotating', ...events]);
    })(),
  );
});

describe('what a stream held back', () => {
  it(
    'comes when the connection is gone: what befalls the next one is told once',
    marbles(({ flush }) => {
      const online$ = new BehaviorSubject(true);
      const sequence = { of: ({ id }: Trade) => id, reorder: { maxItems: 10, maxMs: 50 } };
      const streams = { trade: { schema: Trade, sequence }, order: { schema: Trade } };
      const { feed, events } = scene(['oac', 'o'], letters, { online$, streams } as never, { endMs: 50 });
      const again = (): void => void feed.stream('trade').subscribe();
      feed.events$.pipe(take(100)).subscribe(({ type }) => {
        if (type !== 'gap') return;
        again();
        online$.next(false);
      });
      const subscription = feed.stream('trade').subscribe();
      at(8, () => subscription.unsubscribe());
      flush();

      expect(told(events)).toStrictEqual(['0 connected', '2 gap', '8 disconnected', '8 retry']);
    }),
  );
});
