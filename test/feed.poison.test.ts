import { concatMap, config as rxjsConfig, timer } from 'rxjs';
import * as v from 'valibot';
import { createFeed, type Feed, type FeedConfig, isBalanced, jsonCodec } from 'millrace';
import { marbles } from './marbles.js';
import { order, scene, type TestSchemas, Trade, trade } from './scene.js';

const poison = new Error('poison');
const isTrade = (message: unknown): boolean => (message as { type?: string }).type === 'trade';
/** Throws on a trade, gives `otherwise` for anything else. */
const throwsOnTrade =
  <T>(otherwise: T) =>
  (message: unknown): T => {
    if (isTrade(message)) throw poison;
    return otherwise;
  };
const throws = (): never => {
  throw poison;
};
const Order = v.object({ type: v.literal('order'), orderId: v.string() });
const withTrade = (trades: Partial<FeedConfig<TestSchemas>['streams']['trade']>) => ({
  streams: { trade: { schema: Trade, ...trades }, order: { schema: Order } },
});
const BadTrade = v.pipe(
  Trade,
  v.check(() => {
    throw poison;
  }),
) as unknown as typeof Trade;

const balanced = (feed: Feed<TestSchemas>): boolean => {
  const stats = feed.stats();
  return [stats, ...Object.values(stats.streams)].every(isBalanced);
};

describe('a poisonous message', () => {
  it.each<[string, string, Partial<FeedConfig<TestSchemas>>]>([
    [
      'a decoder that throws',
      'decode',
      {
        codec: {
          ...jsonCodec,
          decode: (data) => (String(data).includes('trade') ? throws() : jsonCodec.decode(data)),
        },
      },
    ],
    ['an unpack that throws', 'decode', { unpack: (message) => throwsOnTrade([message])(message) }],
    ['a route that throws', 'route', { route: throwsOnTrade('order') }],
    ['an isControl that throws', 'route', { isControl: throwsOnTrade(false) }],
    ['an isPong that throws', 'route', { heartbeat: { isPong: throwsOnTrade(false) } }],
    ['a reply that throws', 'route', { heartbeat: { reply: throwsOnTrade(undefined) } }],
    ['a rotate.when that throws', 'route', { rotate: { when: throwsOnTrade(false) } }],
    ['a schema that throws', 'schema', withTrade({ schema: BadTrade })],
    ['a key that throws', 'key', withTrade({ key: throws })],
    ['a topic that throws', 'topic', withTrade({ topic: throws })],
    ['a sourceTime that throws', 'sourceTime', withTrade({ sourceTime: throws })],
    ['a sequence.of that throws', 'sequence', withTrade({ sequence: { of: throws } })],
    ['a sequence.first that throws', 'sequence', withTrade({ sequence: { of: () => 1, first: throws } })],
    [
      'a sequence.previous that throws',
      'sequence',
      withTrade({ sequence: { of: () => 1, previous: throws } }),
    ],
    ['a sequence.isReset that throws', 'sequence', withTrade({ sequence: { of: () => 1, isReset: throws } })],
  ])('ERR-01 %s rejects its message, with its frame and cause, and no other', (_, reason, config) => {
    marbles(({ flush, expectObservable }) => {
      const { feed } = scene('o-a-b-a-b', { a: trade(1), b: order('x') }, config, { endMs: 20 });
      const rejected: unknown[] = [];
      feed.rejected$.subscribe((each) => {
        rejected.push(each);
        expect(balanced(feed)).toBe(true);
      });
      feed.stream('trade').subscribe();
      expectObservable(feed.stream('order')).toBe('----b---b 11ms |', { b: order('x') });
      flush();
      const expected = { reason, cause: poison, raw: JSON.stringify(trade(1)), generation: 1 };
      expect(rejected).toMatchObject([
        { ...expected, at: 2 },
        { ...expected, at: 6 },
      ]);
      expect(feed.stats()).toMatchObject({ received: 4, delivered: 2, rejected: 2 });
      expect(balanced(feed)).toBe(true);
    })();
  });

  it(
    'a sourceTime that yields no number rejects its message, and the stream goes on',
    marbles(({ flush, expectObservable }) => {
      const Timed = v.looseObject({ ...Trade.entries, time: v.any() });
      const { feed } = scene(
        'o-a-b',
        { a: { ...trade(1), time: { valueOf: 1, toString: 1 } }, b: { ...trade(2), time: 2 } },
        withTrade({
          schema: Timed as unknown as typeof Trade,
          sourceTime: (timed) => (timed as { time?: number }).time!,
        }),
        { endMs: 6 },
      );
      const rejected: unknown[] = [];
      feed.rejected$.subscribe((each) => rejected.push(each));
      expectObservable(feed.stream('trade')).toBe('----b-|', { b: { ...trade(2), time: 2 } });
      flush();
      expect(rejected).toMatchObject([
        { reason: 'sourceTime', cause: new TypeError('sourceTime must yield a number, got object') },
      ]);
      expect(feed.stats()).toMatchObject({ received: 2, delivered: 1, rejected: 1, held: 0 });
    }),
  );

  it.each([
    ['undefined', undefined],
    ['a string', 'ab'],
    ['an object', {}],
  ])('an unpack that yields %s rejects its frame', (_, yielded) => {
    marbles(({ flush }) => {
      const { feed, events } = scene(
        'o-a',
        { a: trade(1) },
        { unpack: () => yielded as never },
        { endMs: 5 },
      );
      feed.stream('trade').subscribe();
      flush();
      expect(events.filter(({ type }) => type === 'rejected')).toMatchObject([
        {
          rejected: {
            reason: 'decode',
            cause: new TypeError(`unpack must yield an array, got ${typeof yielded}`),
          },
        },
      ]);
    })();
  });

  it(
    'a message in a frame of many spoils none of its neighbours',
    marbles(({ flush, expectObservable }) => {
      const frames = { a: [trade(1), { type: 'trade', id: 'two' }, null, trade(3), order('x')] };
      const { feed } = scene('o-a', frames, { unpack: (decoded) => decoded as unknown[] }, { endMs: 6 });
      expectObservable(feed.stream('trade')).toBe('--(ac)|', { a: trade(1), c: trade(3) });
      feed.stream('order').subscribe();
      flush();
      expect(feed.stats()).toMatchObject({ received: 5, delivered: 3, rejected: 1, unrouted: 1 });
    }),
  );

  it(
    'an ack hook that throws is told, and takes no data with it: it is asked about every message',
    marbles(({ flush, expectObservable }) => {
      const { feed, events } = scene(
        'o-a',
        { a: trade(1) },
        {
          subscriptions: {
            subscribe: () => 'sub',
            unsubscribe: () => 'unsub',
            ack: throwsOnTrade(undefined),
          },
        },
        { endMs: 5 },
      );
      expectObservable(feed.stream('trade')).toBe('--a--|', { a: trade(1) });
      flush();
      expect(events.filter(({ type }) => type === 'hookFailed')).toMatchObject([
        { hook: 'subscriptions.ack', error: poison },
      ]);
    }),
  );

  it('an asynchronous schema is refused at creation: its answers could overtake each other', () => {
    const schema = v.objectAsync({ type: v.literal('trade') });
    const streams = { trade: { schema } } as unknown as FeedConfig<TestSchemas>['streams'];
    expect(() => createFeed({ url: 'ws://feed.test', streams })).toThrow(
      new TypeError('createFeed: streams.trade.schema must be synchronous, got an async object'),
    );
  });
});

describe('rejected$', () => {
  it(
    'ERR-04 a consumer of it that throws hurts nobody',
    marbles(({ flush, expectObservable }) => {
      const uncaught: unknown[] = [];
      rxjsConfig.onUnhandledError = (error) => uncaught.push(error);
      const { feed } = scene('o-x-a-x-b', { x: 'no JSON', a: trade(1), b: trade(2) }, {}, { endMs: 20 });
      const heard: number[] = [];
      feed.rejected$.subscribe(throws);
      feed.rejected$.subscribe(({ at }) => heard.push(at));
      feed.events$.subscribe(throws);
      expectObservable(feed.stream('trade')).toBe('----a---b 11ms |', { a: trade(1), b: trade(2) });
      flush();
      rxjsConfig.onUnhandledError = null;
      expect(heard).toStrictEqual([2, 6]);
      expect(uncaught.filter((error) => error === poison).length).toBeGreaterThanOrEqual(2);
      expect(feed.stats()).toMatchObject({ received: 4, delivered: 2, rejected: 2 });
    }),
  );

  it(
    'a consumer that is slow holds up nothing, and a late one gets nothing old: the feed keeps none',
    marbles(({ flush, expectObservable }) => {
      const { feed } = scene('o-(xxxxa)-b', { x: 'no JSON', a: trade(1), b: trade(2) }, {}, { endMs: 20 });
      const slow: unknown[] = [];
      feed.rejected$.pipe(concatMap(() => timer(1_000))).subscribe((each) => slow.push(each));
      const late: unknown[] = [];
      timer(5)
        .pipe(concatMap(() => feed.rejected$))
        .subscribe((each) => late.push(each));
      expectObservable(feed.stream('trade')).toBe('--a-------b 9ms |', { a: trade(1), b: trade(2) });
      flush();
      expect([slow.length, late.length]).toStrictEqual([4, 0]);
      expect(feed.stats()).toMatchObject({ received: 6, delivered: 2, rejected: 4, held: 0 });
    }),
  );

  it(
    'a consumer that closes the feed from within ends it cleanly',
    marbles(({ flush, expectObservable }) => {
      const { feed } = scene('o-x-a', { x: 'no JSON', a: trade(1) }, {}, { endMs: 20 });
      feed.rejected$.subscribe(() => void feed.close());
      expectObservable(feed.stream('trade')).toBe('--|');
      flush();
      expect(balanced(feed)).toBe(true);
    }),
  );
});

describe('the tripwire', () => {
  const rejects = { maxShare: 0.5, minMessages: 4, perMs: 10 };
  const bad = { type: 'trade', id: 'none' };

  it(
    'tells the stream that is poisoned, once, and when it is cured; the others are not suspected',
    marbles(({ flush }) => {
      const frames = { x: bad, a: trade(1), b: trade(2), c: trade(3), s: order('x') };
      const { feed, events } = scene('o(axbxxs)x', frames, { rejects }, { endMs: 60 });
      feed.stream('trade').subscribe();
      flush();
      expect(events.filter(({ type }) => type === 'poisoned' || type === 'cured')).toMatchObject([
        { type: 'poisoned', stream: 'trade', rejects: 3, of: 4, inMs: 0, at: 1, generation: 1 },
      ]);
    }),
  );

  it(
    'a stream’s own limits go before the feed’s, and the cure is told too',
    marbles(({ flush }) => {
      const frames = { x: bad, a: trade(1), b: trade(2), c: trade(3), d: trade(4) };
      const { feed, events } = scene(
        'o(xxx)(abcd)',
        frames,
        {
          rejects,
          streams: {
            trade: { schema: Trade, rejects: { ...rejects, minMessages: 3 } },
            order: { schema: Order },
          },
        },
        { endMs: 60 },
      );
      feed.stream('trade').subscribe();
      flush();
      expect(events.filter(({ type }) => type === 'poisoned' || type === 'cured')).toMatchObject([
        { type: 'poisoned', at: 1, rejects: 3, of: 3 },
        { type: 'cured', at: 11, rejects: 0, of: 4, inMs: 10 },
      ]);
    }),
  );

  it(
    'what is rejected before it gets to a stream counts for the feed, against all that came',
    marbles(({ flush }) => {
      const { feed, events } = scene('o(axxx)x', { x: 'no JSON', a: trade(1) }, { rejects }, { endMs: 30 });
      feed.stream('trade').subscribe();
      flush();
      const told = events.filter(({ type }) => type === 'poisoned');
      expect(told).toMatchObject([{ rejects: 4, of: 4, at: 7 }]);
      expect(told[0]).not.toHaveProperty('stream');
    }),
  );

  it(
    'counts what was looked at, not what stands behind it in its frame',
    marbles(({ flush }) => {
      const route = (message: unknown): string => {
        if (message === 'x') throw poison;
        return 'order';
      };
      const fine = Array.from({ length: 9 }, (_, n) => order(`${n}`));
      const frames = { a: ['x', 'x', 'x', ...fine], b: [...fine.slice(0, 2), 'x'] };
      const { feed, events } = scene(
        'o-a-b',
        frames,
        { rejects, route, unpack: (decoded) => decoded as unknown[] },
        { endMs: 30 },
      );
      feed.stream('order').subscribe();
      flush();
      // Four of 15: an accident. The first three alone are too few to say.
      expect(feed.stats()).toMatchObject({ received: 15, rejected: 4 });
      expect(events.some(({ type }) => type === 'poisoned')).toBe(false);
    }),
  );

  it(
    'is off with a share of 1',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        'o(xxxxxx)',
        { x: bad },
        { rejects: { ...rejects, maxShare: 1 } },
        { endMs: 30 },
      );
      feed.stream('trade').subscribe();
      flush();
      expect(feed.stats().rejected).toBe(6);
      expect(events.some(({ type }) => type === 'poisoned')).toBe(false);
    }),
  );
});
