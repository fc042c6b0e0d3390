import { type FeedConfig, type FeedEvent, ReconnectRequestedError, type SubscriptionsConfig } from 'millrace';
import { closes, scriptedTransport } from '../src/testing/scriptedTransport.js';
import { map, timer } from 'rxjs';
import * as v from 'valibot';
import { HOUR_MS, marbles, stepClock } from './marbles.js';
import { order, scene, type TestSchemas, told, Trade, trade } from './scene.js';

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);
const Order = v.object({ type: v.literal('order'), orderId: v.string() });

type TradeConfig = FeedConfig<TestSchemas>['streams']['trade'];

/** Trades that are stale after 10 ms, and orders that may be silent. */
const streams = (trades: Partial<TradeConfig> = {}): Pick<FeedConfig<TestSchemas>, 'streams'> => ({
  streams: {
    trade: { schema: Trade, topic: (t) => t.symbol, staleAfterMs: 10, ...trades },
    order: { schema: Order, allowSilence: true },
  },
});
const limits = { spreadMs: 0, initialMs: 100, maxMs: 800, maxPerHour: 100 };
/** Asks with `+BTC`, gives up with `-BTC`; what was asked for is confirmed as it leaves. */
const onDemand: SubscriptionsConfig = {
  subscribe: (topics) => topics.map(({ topic = '*' }) => `+${topic}`),
  unsubscribe: (topics) => topics.map(({ topic = '*' }) => `-${topic}`),
};
const only = (events: readonly FeedEvent[], ...types: FeedEvent['type'][]): string[] =>
  told(events.filter(({ type }) => types.includes(type)));

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a verdict of health', () => {
  it.each([
    ['drop-oldest', 52], // a turn after the one in which reading rested
    ['pause', 62], // the pause is over at 22; what had arrived by then is there a turn later, and the next is quiet
  ] as const)('waits for values that stand in line, by the policy %s: until %d ms', (overflow, verdictAt) => {
    marbles(({ flush }) => {
      // Each turn of its event loop takes 20 ms, after one of work.
      const transport = scriptedTransport(
        'o-a-(bcd)',
        {
          a: trade(1),
          b: trade(2),
          c: trade(3),
          d: trade(4),
        },
        { stepsAfterPause: 3 },
      );
      const slow = { ...transport, settled: timer(20).pipe(map(() => undefined)) };
      const { feed, events } = scene(
        [],
        {},
        { ...streams(), transport: slow, buffer: { maxItems: 2, overflow, sliceMs: 1 } },
        { endMs: 90 },
      );
      feed.stream('trade').subscribe();
      flush();
      expect(only(events, 'paused', 'resumed')).toStrictEqual(
        overflow === 'pause' ? ['4 paused', '22 resumed'] : [],
      );
      // Due at 12, while three of them wait to be worked off at 22.
      expect(events.filter(({ type }) => type === 'unhealthy')).toMatchObject([{ at: verdictAt, since: 22 }]);
    })();
  });

  it(
    'is not given of a feed that gave up, which is not healthy however fresh its rows',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        'oa---x',
        { a: trade(1), x: closes(4404) },
        {
          ...streams(),
          reconnect: { policies: { unknown: { action: 'giveUp' } } },
        },
        { endMs: 200 },
      );
      feed.stream('trade').subscribe({ error: () => undefined });
      const seen: unknown[] = [];
      at(100, () =>
        seen.push(feed.health.isHealthy(), feed.health.isStreamHealthy('trade'), feed.health.status()[0]),
      );
      flush();

      expect(only(events, 'gaveUp', 'unhealthy')).toStrictEqual(['5 gaveUp']);
      expect(seen).toMatchObject([false, true, { healthy: true, ageMs: 99, staleAfterMs: 10 }]);
    }),
  );

  it(
    'has a lag for each topic too',
    marbles(({ flush }) => {
      const { feed } = scene(
        'o-a-b',
        { a: trade(1, 'BTC'), b: trade(2, 'ETH') },
        streams({ sourceTime: ({ id }) => -100 * id }),
        { endMs: 20 },
      );
      feed.stream('trade', 'BTC').subscribe();
      at(10, () =>
        expect(feed.health.status()).toMatchObject([
          { stream: 'trade', lagMs: 102 },
          { stream: 'trade', topic: 'BTC', lagMs: 0 },
          { stream: 'order' },
        ]),
      );
      flush();
    }),
  );

  it(
    'has no lag of a topic that was left for it when that recovered',
    marbles(({ flush }) => {
      const { feed } = scene('o 14ms a', { a: trade(1, 'BTC') }, streams({ sourceTime: () => 0 }), {
        endMs: 20,
      });
      const subscription = feed.stream('trade', 'BTC').subscribe();
      const change = (): void => {
        subscription.unsubscribe();
        feed.stream('trade', 'ETH').subscribe();
      };
      feed.events$.subscribe((event) => {
        if (event.type === 'recovered' && event.topic === 'BTC') change();
      });
      feed.stream('trade').subscribe();
      at(18, () => expect(feed.health.status()[1]).toStrictEqual(expect.not.objectContaining({ lagMs: 0 })));
      flush();
      expect.assertions(1);
    }),
  );
});

describe('onStale', () => {
  it(
    'is not put off by a clock that is set back',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        ['o-a', 'o'],
        { a: trade(1) },
        streams({ onStale: { action: 'reconnect', ...limits } }),
        { endMs: 90 },
      );
      feed.stream('trade').subscribe();
      timer(5).subscribe(() => stepClock(-HOUR_MS));
      flush();
      expect(events.some(({ type }) => type === 'remedy')).toBe(true);
    }),
  );

  it(
    'resubscribes the stale topic alone, as an event tells, until it recovers',
    marbles(({ flush, expectObservable }) => {
      const beats = ' 4ms e 4ms e 4ms e 4ms e';
      const { feed, transport, events } = scene(
        `o-e ${beats}${beats}${beats} - a`,
        { a: trade(1, 'BTC'), e: trade(2, 'ETH') },
        {
          ...streams({ onStale: { action: 'resubscribe', ...limits, initialMs: 40 } }),
          subscriptions: onDemand,
        },
        { endMs: 70 },
      );
      feed.stream('trade', 'BTC').subscribe();
      feed.stream('trade', 'ETH').subscribe();
      expectObservable(transport.sends$).toBe('(be) 6ms (cb) 26ms (cb)', { b: '+BTC', c: '-BTC', e: '+ETH' });
      flush();
      expect(events.filter(({ type }) => type === 'remedy')).toMatchObject([
        { at: 10, stream: 'trade', topic: 'BTC', action: 'resubscribe', attempt: 1, nextInMs: 30 },
        { at: 40, stream: 'trade', topic: 'BTC', action: 'resubscribe', attempt: 2, nextInMs: 60 },
      ]);
      expect(events.some((event) => event.type === 'unhealthy' && event.topic === 'ETH')).toBe(false);
      expect(only(events, 'disconnected')).toStrictEqual([]);
    }),
  );

  it(
    'makes a new connection, with the reason, and backs off while that does not help',
    marbles(({ flush, expectObservable }) => {
      const { feed, transport, events } = scene(
        ['o', 'o', 'o', 'o', 'o-a'],
        { a: trade(1) },
        streams({ onStale: { action: 'reconnect', ...limits } }),
        { endMs: 550 },
      );
      feed.stream('trade').subscribe();
      expectObservable(transport.dials$).toBe('1 9ms 2 74ms 3 149ms 4 299ms 5', {
        1: 1,
        2: 2,
        3: 3,
        4: 4,
        5: 5,
      });
      flush();
      expect(only(events, 'unhealthy', 'remedy', 'recovered').slice(0, 6)).toStrictEqual([
        '10 unhealthy',
        '10 remedy',
        '85 remedy',
        '235 remedy',
        '535 remedy',
        '537 recovered',
      ]);
      expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({
        class: 'requested',
        error: new ReconnectRequestedError('trade silent for 10 ms'),
      });
    }),
  );

  it(
    'a market that is quiet for a day costs a bounded number of connections, even if each brings one value',
    marbles(({ flush }) => {
      const dayMs = 86_400_000;
      const script = 'o-a';
      const { feed, transport } = scene(
        Array.from({ length: 500 }, () => script),
        { a: trade(1) },
        { ...streams({ onStale: 'reconnect' }), heartbeat: { off: true } },
        { endMs: dayMs },
      );
      const dials: number[] = [];
      transport.dials$.subscribe((attempt) => dials.push(attempt));
      feed.stream('trade').subscribe();
      flush();
      // Six to grow to an hour, then one for each three quarters of it.
      expect(dials.length).toBeGreaterThan(10);
      expect(dials.length).toBeLessThan(42);
    }),
  );

  it(
    'does nothing while the connection is down, and leaves a new one as long as the silence took',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        ['o-a 2ms #', 'o 1s a', 'o'],
        { a: trade(1) },
        streams({ onStale: { action: 'reconnect', ...limits, initialMs: 70 } }),
        { endMs: 110 },
      );
      feed.stream('trade').subscribe();
      flush();
      expect(only(events, 'disconnected', 'unhealthy', 'connected', 'remedy')).toStrictEqual([
        '0 connected',
        '5 disconnected',
        '12 unhealthy',
        '80 connected',
        '90 remedy',
        '90 disconnected',
        '90 connected',
      ]);
    }),
  );

  it(
    'waits while reading is paused',
    marbles(({ flush }) => {
      const script = 'o-a 42ms s (sss)';
      const transport = scriptedTransport(
        [script, 'o'],
        { a: trade(1), s: order('x') },
        { stepsAfterPause: 3 },
      );
      const slow = { ...transport, settled: timer(20).pipe(map(() => undefined)) };
      const { feed, events } = scene(
        [],
        {},
        {
          ...streams({ onStale: { action: 'reconnect', ...limits, spreadMs: 30 } }),
          transport: slow,
          buffer: { maxItems: 2, overflow: 'pause', sliceMs: 1 },
        },
        { endMs: 160 },
      );
      feed.stream('trade').subscribe();
      flush();
      expect(only(events, 'unhealthy', 'paused', 'resumed', 'remedy')).toStrictEqual([
        '32 unhealthy',
        '46 paused',
        '65 resumed',
        '147 remedy',
      ]);
    }),
  );

  it.each(['resubscribe', 'reconnect'] as const)(
    'a topic that nobody listens to any more is left alone: %s',
    (action) => {
      marbles(({ flush }) => {
        const { feed, events } = scene(
          ['o', 'o', 'o'],
          {},
          { ...streams({ onStale: { action, ...limits } }), subscriptions: onDemand },
          { endMs: 300 },
        );
        void feed.open();
        const subscription = feed.stream('trade', 'BTC').subscribe();
        at(50, () => subscription.unsubscribe());
        flush();
        expect(only(events, 'remedy')).toStrictEqual(['10 remedy']);
      })();
    },
  );

  it(
    'a function that throws is told as a failed hook, and hurts nobody',
    marbles(({ flush }) => {
      const failure = new Error('no idea');
      const action = (): never => {
        throw failure;
      };
      const { feed, events } = scene(
        'o 20ms a',
        { a: trade(1) },
        streams({ onStale: { action, ...limits } }),
        {
          endMs: 25,
        },
      );
      feed.stream('trade').subscribe();
      flush();
      expect(events.filter(({ type }) => type === 'hookFailed')).toMatchObject([
        { at: 10, hook: 'onStale', error: failure },
      ]);
      expect(feed.stats()).toMatchObject({ delivered: 1 });
    }),
  );

  it(
    'rests while the feed does, and begins again with it',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        ['o', 'o', 'o', 'o'],
        {},
        streams({ onStale: { action: 'reconnect', ...limits } }),
        { endMs: 1_150 },
      );
      const subscription = feed.stream('trade').subscribe();
      at(20, () => subscription.unsubscribe());
      at(1_000, () => feed.stream('trade').subscribe());
      flush();
      expect(only(events, 'remedy')).toStrictEqual(['10 remedy', '1100 remedy']);
    }),
  );
});
