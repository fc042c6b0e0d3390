import {
  asyncScheduler,
  BehaviorSubject,
  filter,
  map,
  type Observable,
  Subscription,
  take,
  tap,
  timer,
} from 'rxjs';
import type { FeedConfig } from 'millrace';
import { closes, refuses, scriptedTransport } from '../src/testing/scriptedTransport.js';
import { marbles } from './marbles.js';
import { scene, type TestSchemas, told, Trade, trade } from './scene.js';

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);
const letters = {
  ...{ a: trade(1), b: trade(2), c: trade(3), d: trade(4), e: trade(5) },
  ...{ r: refuses(404), n: closes(1000) },
};

/** What a subscriber hears, each with its time. */
const listener = () => {
  const heard: string[] = [];
  const note = (what: string): void => void heard.push(`${asyncScheduler.now()} ${what}`);
  const listen = (values$: Observable<{ id: number }>): Subscription =>
    values$.subscribe({
      next: ({ id }) => note(`${id}`),
      error: (error: unknown) => note((error as Error).name),
      complete: () => note('complete'),
    });
  return { heard, listen };
};

const withTrades = (
  own: Partial<FeedConfig<TestSchemas>['streams']['trade']>,
): Partial<FeedConfig<TestSchemas>> =>
  ({ streams: { trade: { schema: Trade, ...own }, order: { schema: Trade, allowSilence: true } } }) as never;

describe('who subscribes as a feed ends', () => {
  it.each([['status$'], ['events$']] as const)(
    'when %s says that it is CLOSED starts it again, and hears it',
    (told) =>
      marbles(({ flush }) => {
        const { feed } = scene(['oa', 'o-b'], letters, {}, { endMs: 100 });
        const { heard, listen } = listener();
        const states$: Readonly<Record<typeof told, Observable<unknown>>> = {
          status$: feed.status$.pipe(map(({ state }) => state)),
          events$: feed.events$.pipe(map((event) => event.type === 'state' && event.status.state)),
        };
        states$[told]
          .pipe(
            filter((state) => state === 'CLOSED'),
            take(1),
          )
          .subscribe(() => listen(feed.stream('trade')));
        feed.stream('trade').subscribe();
        at(5, () => void feed.close());
        flush();

        expect(heard).toStrictEqual(['7 2', '100 complete']);
      })(),
  );

  it(
    'at a value that waited for another one starts it again, and hears it',
    marbles(({ flush }) => {
      const reorder = { maxItems: 10, maxMs: 10 };
      const sequence = { of: ({ id }: Trade) => id, reorder };
      const { feed } = scene(['o(ac)', 'o-d-e'], letters, withTrades({ sequence }), { endMs: 100 });
      const [first, second] = [listener(), listener()];
      first.listen(feed.stream('trade'));
      feed
        .stream('trade')
        .pipe(filter(({ id }) => id === 3))
        .subscribe(() => {
          void feed.close();
          second.listen(feed.stream('trade'));
        });
      flush();

      expect(first.heard).toStrictEqual(['1 1', '11 3', '11 complete']);
      expect(second.heard).toStrictEqual(['13 4', '15 5', '100 complete']);
    }),
  );

  it(
    'at the end of a request has a feed whose silence is told',
    marbles(({ flush }) => {
      const { feed, events } = scene(['', 'o-a'], letters, withTrades({ staleAfterMs: 50 }), { endMs: 200 });
      const subscription = feed.stream('trade').subscribe();
      const again = { error: () => void feed.stream('trade').subscribe() };
      at(5, () => void feed.request('q', { match: () => false }).subscribe(again));
      at(10, () => subscription.unsubscribe());
      flush();

      const silent = events.filter(({ type }) => type === 'unhealthy');
      expect(silent.map(({ at: when }) => when)).toStrictEqual([62]);
    }),
  );
});

describe('who ends a feed as it is told of its failure', () => {
  type Parts = Readonly<Record<'close' | 'leave', () => void>>;
  const play = (
    flush: () => void,
    attempts: string[],
    when: string,
    act: (parts: Parts) => void,
    config: (close: () => void) => Partial<FeedConfig<TestSchemas>> = () => ({}),
  ) => {
    const { heard, listen } = listener();
    const close = (): void => void feed.close();
    const { feed, events } = scene(attempts, letters, config(close), { endMs: 1_000 });
    const states: string[] = [];
    const subscription = new Subscription();
    feed.events$.subscribe((event) => {
      if (asyncScheduler.now() < 1_000 && event.type === 'state') states.push(event.status.state);
      if (event.type === when) act({ close, leave: () => subscription.unsubscribe() });
    });
    subscription.add(listen(feed.stream('trade')));
    flush();
    return { heard, states, told: told(events) };
  };

  const failures: [when: string, what: string, script: string, states: string[], events: string[]][] = [
    ['disconnected', 'is retried', 'o-n', ['CONNECTED'], ['0 connected', '2 disconnected']],
    ['retry', 'is retried', 'o-n', ['CONNECTED'], ['0 connected', '2 disconnected', '2 retry']],
    ['disconnected', 'gives up', 'r', [], ['0 disconnected']],
    ['gaveUp', 'gives up', 'r', [], ['0 disconnected', '0 gaveUp']],
  ];

  it.each(failures)(
    'closes it at %s, when it %s: hears nothing more of that',
    (when, _what, script, states, events) =>
      marbles(({ flush }) => {
        const played = play(flush, [script, 'oa'], when, ({ close }) => close());

        expect(played.told).toStrictEqual(events);
        expect(played.states).toStrictEqual(['CONNECTING', ...states, 'CLOSING', 'CLOSED']);
        expect(played.heard).toStrictEqual([script === 'r' ? '0 complete' : '2 complete']);
      })(),
  );

  it.each(failures)(
    'leaves it at %s, when it %s: hears nothing more of that',
    (when, _what, script, states, events) =>
      marbles(({ flush }) => {
        const played = play(flush, [script, 'oa'], when, ({ leave }) => leave());

        expect(played.told).toStrictEqual(events);
        expect(played.states).toStrictEqual(['CONNECTING', ...states, 'DISCONNECTED']);
        expect(played.heard).toStrictEqual([]);
      })(),
  );

  it.each<[string, 'retry' | 'giveUp']>([
    ['retried', 'retry'],
    ['given up', 'giveUp'],
  ])('closes it in the hook that is asked whether it is to be %s', (_what, action) =>
    marbles(({ flush }) => {
      const played = play(
        flush,
        ['o-n', 'oa'],
        '',
        () => undefined,
        (close) => {
          const classify = () => {
            close();
            return 'normal' as const;
          };
          const policies = { normal: { action } };
          return { reconnect: { jitter: 'none', classify, policies } };
        },
      );

      expect(played.told).toStrictEqual(['0 connected']);
      expect(played.states).toStrictEqual(['CONNECTING', 'CONNECTED', 'CLOSING', 'CLOSED']);
      expect(played.heard).toStrictEqual(['2 complete']);
    })(),
  );

  it(
    'loses it as it is told that it closes: it is CLOSED next, not RECONNECTING',
    marbles(({ flush }) => {
      const online$ = new BehaviorSubject(true);
      const { feed } = scene(['o', 'o'], letters, { online$ }, { endMs: 100 });
      const states: string[] = [];
      feed.status$.subscribe(({ state }) => {
        states.push(state);
        if (state === 'CLOSING') online$.next(false);
      });
      feed.stream('trade').subscribe();
      at(5, () => void feed.close());
      flush();

      expect(states).toStrictEqual(['DISCONNECTED', 'CONNECTING', 'CONNECTED', 'CLOSING', 'CLOSED']);
    }),
  );
});

describe('the connection of a run that is over', () => {
  it(
    'is gone by the time its streams complete: what befalls the next one is told once',
    marbles(({ flush }) => {
      const online$ = new BehaviorSubject(true);
      const { feed, events } = scene(['o', 'o'], letters, { online$ }, { endMs: 50 });
      const again = (): void => void feed.stream('trade').subscribe();
      feed.stream('trade').subscribe({
        complete: () => {
          if (asyncScheduler.now() > 5) return;
          again();
          online$.next(false);
        },
      });
      at(5, () => void feed.close());
      flush();

      expect(told(events)).toStrictEqual(['0 connected', '5 disconnected', '5 retry']);
    }),
  );

  it(
    'takes no message along that is sent as its streams complete',
    marbles(({ flush }) => {
      const { feed, events, transport } = scene(['o', 'o'], letters, {}, { endMs: 50 });
      const sent: unknown[] = [];
      transport.sends$.subscribe((data) => sent.push(data));
      const again = (): void => void feed.stream('trade').subscribe();
      feed.stream('trade').subscribe({
        complete: () => {
          if (asyncScheduler.now() > 5) return;
          again();
          expect(feed.send('hello')).toBe('queued');
        },
      });
      at(5, () => void feed.close());
      flush();

      expect(sent).toStrictEqual(['hello']);
      expect(told(events)).toStrictEqual(['0 connected', '5 connected']);
    }),
  );
});

describe('reconnect() as a feed gives up', () => {
  it.each([
    ['at gaveUp', 'gaveUp'],
    ['at the disconnected before it', 'disconnected'],
    ['when it is told to be CLOSED', 'state'],
  ])('%s starts it again, once', (_when, asked) =>
    marbles(({ flush }) => {
      const { feed, events, transport } = scene(['r', 'o', 'o'], letters, {}, { endMs: 200 });
      const dials: string[] = [];
      transport.dials$.subscribe((dial) => dials.push(`${asyncScheduler.now()} ${dial}`));
      const isIt = ({ status }: { status?: { state: string } }): boolean =>
        status === undefined || status.state === 'CLOSED';
      feed.events$
        .pipe(
          filter((event) => event.type === asked && isIt(event as object)),
          take(1),
        )
        .subscribe(() => feed.reconnect());
      feed.stream('trade').subscribe({ error: () => undefined });
      flush();

      expect(dials).toStrictEqual(['0 1', '100 2']); // initialMs later
      expect(events.filter(({ type }) => type === 'connected')).toHaveLength(1);
    })(),
  );

  it(
    'while frames of it still wait starts it again when they are worked off',
    marbles(({ flush }) => {
      const slow = {
        ...scriptedTransport(['oa 9ms (bc)n', 'o-d'], letters, { stepsAfterPause: 3 }),
        settled: timer(100).pipe(map(() => undefined)),
      };
      const policies = { normal: { action: 'giveUp' } } as const;
      const { feed } = scene(
        [],
        {},
        { transport: slow, reconnect: { policies, initialMs: 100 } },
        { endMs: 1_000 },
      );
      const { heard, listen } = listener();
      const states: string[] = [];
      feed.status$.subscribe(({ state }) => states.push(`${asyncScheduler.now()} ${state}`));
      listen(feed.stream('trade'));
      at(50, () => feed.reconnect());
      flush();

      expect(heard).toStrictEqual(['1 1', '101 2', '101 3', '101 SocketClosedError']);
      expect(states).toStrictEqual([
        '0 DISCONNECTED',
        '0 CONNECTING',
        '0 CONNECTED',
        '15 CLOSED',
        '201 RECONNECTING', // 200 ms after it gave up, as for who subscribes then
        '215 CONNECTING',
        '215 CONNECTED',
        '1000 CLOSING',
        '1000 CLOSED',
      ]);
    }),
  );

  it(
    'while it closes starts it again at the deadline of that, and nothing of that reaches what has begun',
    marbles(({ flush }) => {
      const outbox = { rate: { max: 1, perMs: 1_000 } };
      const { feed } = scene(['o', 'o-a'], letters, { outbox }, { endMs: 200 });
      const { heard, listen } = listener();
      const states: string[] = [];
      feed.status$.subscribe(({ state }) => states.push(`${asyncScheduler.now()} ${state}`));
      feed.stream('trade').subscribe();
      at(5, () => {
        feed.send('first');
        feed.send('second, which has to wait');
        void feed.close({ timeoutMs: 30 });
        feed.reconnect();
      });
      at(36, () => listen(feed.stream('trade')));
      flush();

      expect(states.slice(3)).toStrictEqual([
        '5 CLOSING',
        '35 CLOSED',
        '35 CONNECTING',
        '35 CONNECTED',
        '200 CLOSING',
        '200 CLOSED',
      ]);
      expect(heard).toStrictEqual(['37 1', '200 complete']);
    }),
  );

  it(
    'each time is no storm, nor an endless recursion where a dial fails at once',
    marbles(({ flush }) => {
      const url = jest.fn(() => 'no url');
      const { feed } = scene([], {}, { url }, { endMs: 1_050 });
      feed.events$.pipe(filter(({ type }) => type === 'gaveUp')).subscribe(() => feed.reconnect());
      feed.stream('trade').subscribe({ error: () => undefined });
      flush();

      expect(url).toHaveBeenCalledTimes(11); // every 100 ms
    }),
  );
});

describe('a run that has ended', () => {
  it(
    'says nothing more over the one that has begun since',
    marbles(({ flush }) => {
      const reconnect = { initialMs: 5, jitter: 'none' } as const;
      const { feed } = scene(['--r', '--- 10ms o-a'], letters, { reconnect }, { endMs: 100 });
      const { heard, listen } = listener();
      const states: string[] = [];
      feed.status$.subscribe(({ state }) => states.push(state));
      const subscription = feed.stream('trade').subscribe({ error: () => undefined });
      feed.events$.pipe(filter(({ type }) => type === 'disconnected')).subscribe(() => {
        subscription.unsubscribe();
        listen(feed.stream('trade'));
      });
      flush();

      expect(states).toStrictEqual([
        ...['DISCONNECTED', 'CONNECTING', 'DISCONNECTED', 'RECONNECTING', 'CONNECTING', 'CONNECTED'],
        ...['CLOSING', 'CLOSED'],
      ]);
      expect(heard).toStrictEqual(['22 1', '100 complete']);
    }),
  );

  it(
    'leaves no time limit of a pause behind',
    marbles(({ flush }) => {
      const { feed } = scene(['o', 'o'], letters, {}, { endMs: 50 });
      feed.stream('trade').subscribe({ complete: () => feed.pause() });
      at(5, () => void feed.close());
      flush();

      expect(asyncScheduler.now()).toBe(50);
    }),
  );

  it(
    'by who heard a value that was kept is not begun again by that',
    marbles(({ flush }) => {
      const sequence = { of: ({ id }: Trade) => id, reorder: { maxItems: 10, maxMs: 10 } };
      const { feed, events } = scene(['o(ac)', '--o-b-c'], letters, withTrades({ replay: 1, sequence }), {
        endMs: 50,
      });
      const { heard } = listener();
      feed.stream('trade').subscribe();
      feed
        .stream('trade')
        .pipe(
          filter(({ id }) => id === 3),
          take(1),
        )
        .subscribe(() => {
          // eslint-disable-next-line rxjs-x/no-nested-subscribe -- as a user may
          feed.stream('trade').subscribe({
            next: ({ id }) => {
              heard.push(`${id}`);
              void feed.close();
            },
            complete: () => heard.push('complete'),
          });
        });
      flush();

      expect(heard).toStrictEqual(['3', 'complete']);
      expect(events.filter(({ type }) => type === 'connected')).toHaveLength(1);
    }),
  );

  it(
    'by who heard a value that was kept, as he sent the others away, is followed by his own',
    marbles(({ flush }) => {
      const { feed } = scene(['oa', 'o-b'], letters, withTrades({ replay: 1 }), { endMs: 50 });
      const { heard, listen } = listener();
      const others = feed.stream('trade').subscribe();
      at(5, () => listen(feed.stream('trade').pipe(tap(() => others.unsubscribe()))));
      flush();

      expect(heard).toStrictEqual(['5 1', '7 2', '50 complete']);
    }),
  );
});

describe('values that were kept for late subscribers', () => {
  it.each<[string, Partial<FeedConfig<TestSchemas>>, string[]]>([
    [
      'gave up',
      { reconnect: { initialMs: 3, jitter: 'none', policies: { normal: { action: 'giveUp' } } } },
      ['oa 5ms n', 'o-b'],
    ],
    ['was left', {}, ['oa', 'o-b']],
  ])('are forgotten by a feed that %s', (_how, config, attempts) =>
    marbles(({ flush }) => {
      const { feed } = scene(
        attempts,
        { ...letters, b: trade(2, 'ETH') },
        { ...withTrades({ replay: 1, topic: ({ symbol }) => symbol }), ...config },
        { endMs: 50 },
      );
      const { heard, listen } = listener();
      const first = feed.stream('trade', 'ETH').subscribe({ error: () => undefined });
      at(9, () => first.unsubscribe());
      at(10, () => {
        listen(feed.stream('trade'));
        listen(feed.stream('trade', 'BTC')); // which nobody listened to
      });
      flush();

      expect(heard).toStrictEqual(['12 2', '50 complete', '50 complete']);
    })(),
  );

  it.each([
    ['came', {}],
    ['waited', { reorder: { maxItems: 10, maxMs: 3 } }],
  ])('are forgotten though one that %s is on its way when the last one leaves', (_how, rule) =>
    marbles(({ flush }) => {
      const sequence = { of: ({ id }: Trade) => id, ...rule };
      const { feed } = scene(['o(ac)', 'o-b'], letters, withTrades({ replay: 2, sequence }), { endMs: 50 });
      const { heard, listen } = listener();
      const first = feed.stream('trade').subscribe();
      feed.events$.pipe(filter(({ type }) => type === 'gap')).subscribe(() => first.unsubscribe());
      at(10, () => listen(feed.stream('trade')));
      flush();

      expect(heard).toStrictEqual(['12 2', '50 complete']);
    })(),
  );

  it(
    'are forgotten though they come out as it ends',
    marbles(({ flush }) => {
      const sequence = { of: ({ id }: Trade) => id, reorder: { maxItems: 10, maxMs: 100 } };
      const { feed } = scene(['o(ac)', 'o-b'], letters, withTrades({ replay: 1, sequence }), { endMs: 50 });
      const { heard, listen } = listener();
      const first = feed.stream('trade').subscribe();
      at(9, () => first.unsubscribe());
      at(10, () => listen(feed.stream('trade')));
      flush();

      expect(heard).toStrictEqual(['12 2', '50 complete']);
    }),
  );
});

describe('values that were kept, as a run ends', () => {
  it(
    'do not reach who listens again when a request fails with it',
    marbles(({ flush }) => {
      const { feed } = scene(
        ['oa', 'o-b'],
        letters,
        withTrades({ replay: 5, topic: ({ symbol }) => symbol }),
        { endMs: 50 },
      );
      const { heard, listen } = listener();
      const first = feed.stream('trade', 'ETH').subscribe();
      const again = { error: () => listen(feed.stream('trade', 'BTC')) };
      at(1, () => void feed.request('q', { match: () => false, timeoutMs: 50 }).subscribe(again));
      at(7, () => first.unsubscribe());
      flush();

      expect(heard).toStrictEqual(['9 2', '50 complete']);
    }),
  );

  it(
    'do not reach who listens again at one of them that comes out then',
    marbles(({ flush }) => {
      const sequence = { of: ({ id }: Trade) => id, reorder: { maxItems: 10, maxMs: 100 } };
      const policies = { normal: { action: 'giveUp' } } as const;
      const { feed } = scene(
        ['oa(cde)n', 'o-b'],
        letters,
        { ...withTrades({ replay: 5, sequence }), reconnect: { policies, initialMs: 5, jitter: 'none' } },
        { endMs: 50 },
      );
      const { heard, listen } = listener();
      feed.stream('trade').subscribe({
        next: ({ id }) => id === 4 && listen(feed.stream('trade')),
        error: () => undefined,
      });
      flush();

      expect(heard).toStrictEqual(['7 5', '14 2', '50 complete']); // 5 was not out yet
    }),
  );
});

describe('a buffer that overflows, where that is an error', () => {
  const overflowing = (): Partial<FeedConfig<TestSchemas>> => ({
    transport: {
      ...scriptedTransport(['oa-(bcde)--a', 'o-d'], letters, { stepsAfterPause: 3 }),
      settled: timer(10).pipe(map(() => undefined)),
    },
    buffer: { maxItems: 2, sliceMs: 1, overflow: 'error' },
    reconnect: { initialMs: 5, jitter: 'none' },
  });

  it(
    'is told as what the feed gave up for, and follows what waited',
    marbles(({ flush }) => {
      const { feed, events } = scene([], {}, overflowing(), { endMs: 100 });
      const { heard, listen } = listener();
      const failures: unknown[] = [];
      const states: string[] = [];
      feed.status$.subscribe(({ state, cause }) => {
        states.push(`${asyncScheduler.now()} ${state}`);
        if (cause !== undefined) failures.push(cause);
      });
      feed.stream('trade').subscribe({ error: (error: unknown) => failures.push(error) });
      listen(feed.stream('trade'));
      flush();

      expect(heard).toStrictEqual(['1 1', '11 2', '11 3', '11 BufferOverflowError']);
      expect(states).toStrictEqual(['0 DISCONNECTED', '0 CONNECTING', '0 CONNECTED', '3 CLOSED']);
      expect(told(events)).toStrictEqual(['0 connected', '3 overflow', '3 disconnected', '3 gaveUp']);
      expect(events).toContainEqual(
        expect.objectContaining({ type: 'disconnected', class: 'unknown', upMs: 3, error: failures[0] }),
      );
      expect(new Set(failures).size).toBe(1);
      expect(feed.stats()).toMatchObject({ received: 4, delivered: 3, dropped: 1, held: 0 });
    }),
  );

  it(
    'leaves a feed that reconnect() starts again, when all of it is over',
    marbles(({ flush }) => {
      const { feed, events } = scene([], {}, overflowing(), { endMs: 100 });
      feed.stream('trade').subscribe({ error: () => undefined });
      events.length = 0;
      feed.events$.pipe(filter(({ type }) => type === 'gaveUp')).subscribe(() => feed.reconnect());
      flush();

      expect(told(events)).toStrictEqual([
        '0 connected',
        '3 overflow',
        '3 disconnected',
        '3 gaveUp',
        '16 connected',
      ]);
    }),
  );

  it(
    'loses its connection at once, and with that the requests it was to answer',
    marbles(({ flush }) => {
      const { feed } = scene([], {}, overflowing(), { endMs: 100 });
      const { heard, listen } = listener();
      listen(feed.stream('trade'));
      at(2, () => {
        feed.request('q', { match: () => false, timeoutMs: 50 }).subscribe({
          error: (error: unknown) => {
            const { cause } = error as Error;
            heard.push(`request: ${(cause as Error).name}`);
          },
        });
      });
      flush();

      expect(heard).toContain('request: BufferOverflowError');
      expect(asyncScheduler.now()).toBe(100); // and leaves no timer of a farewell
    }),
  );

  it.each<[string, string, string[]]>([
    ['is closed when it is told of that', 'overflow', []],
    ['is closed as it gives up', 'gaveUp', ['3 disconnected', '3 gaveUp']],
  ])('completes, as any feed does, if it %s', (_when, asked, gaveUp) =>
    marbles(({ flush }) => {
      const { feed, events } = scene([], {}, overflowing(), { endMs: 100 });
      const { heard, listen } = listener();
      const states: string[] = [];
      feed.status$.subscribe(({ state }) => states.push(`${asyncScheduler.now()} ${state}`));
      listen(feed.stream('trade'));
      feed.events$.pipe(filter(({ type }) => type === asked)).subscribe(() => void feed.close());
      flush();

      expect(heard).toStrictEqual(['1 1', '11 2', '11 3', '11 complete']);
      expect(told(events)).toStrictEqual(['0 connected', '3 overflow', ...gaveUp]);
      expect(states.slice(3)).toStrictEqual(['3 CLOSING', '11 CLOSED']);
    })(),
  );

  it(
    'harms no run that began when it was told of that',
    marbles(({ flush }) => {
      const { feed } = scene([], {}, overflowing(), { endMs: 100 });
      const { heard, listen } = listener();
      const first = feed.stream('trade').subscribe();
      feed.events$
        .pipe(
          filter(({ type }) => type === 'overflow'),
          take(1),
        )
        .subscribe(() => {
          first.unsubscribe();
          listen(feed.stream('trade'));
        });
      flush();

      expect(heard).toStrictEqual(['5 4', '100 complete']);
    }),
  );
});
