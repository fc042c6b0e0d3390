import { first, map, take, timer } from 'rxjs';
import type { FeedConfig, FeedEvent, Transport } from 'millrace';
import { jsonCodec } from '../src/jsonCodec.js';
import { scriptedTransport } from '../src/testing/scriptedTransport.js';
import { marbles } from './marbles.js';
import { scene, type TestSchemas, trade } from './scene.js';

type Unrouted = Extract<FeedEvent, { readonly type: 'unrouted' }>;
const unrouted = (events: readonly FeedEvent[]): Unrouted[] =>
  events.filter((event) => event.type === 'unrouted');

const strange = { channel: 'trade', id: 1 };
const welcome = { type: 'welcome' };
const other = { type: 'trades', id: 2 };

describe('a message of no stream', () => {
  it(
    'is told, with what route said of it and the frame it came in',
    marbles(({ flush }) => {
      const { feed, events } = scene('o-s-t-a', { s: strange, t: other, a: trade(1) }, {}, { endMs: 100 });
      const settled: number[] = [];
      feed.events$.subscribe(({ type }) => type === 'unrouted' && settled.push(feed.stats().unrouted));
      feed.stream('trade').subscribe();
      flush();

      expect(unrouted(events)).toStrictEqual([
        { type: 'unrouted', route: undefined, raw: JSON.stringify(strange), count: 1, generation: 1, at: 2 },
        { type: 'unrouted', route: 'trades', raw: JSON.stringify(other), count: 2, generation: 1, at: 4 },
      ]);
      expect(settled).toStrictEqual([1, 2]);
      expect(feed.stats()).toMatchObject({ received: 3, delivered: 1, unrouted: 2 });
    }),
  );

  it(
    'is told at the 1st, 2nd, 4th, 8th … of a connection, and is no verdict of health',
    marbles(({ flush }) => {
      const script = `o(${'s'.repeat(100)})`;
      const { feed, events } = scene([`${script}-#`, script], { s: strange }, {}, { endMs: 1_000 });
      const verdicts: unknown[] = [];
      feed.health.changes$.subscribe((change) => verdicts.push(change));
      feed.stream('order').subscribe();
      flush();
      const counts = [1, 2, 4, 8, 16, 32, 64];

      expect(unrouted(events).map(({ generation, count }) => [generation, count])).toStrictEqual(
        [1, 2].flatMap((generation) => counts.map((count) => [generation, count])),
      );
      expect(verdicts).toStrictEqual([]);
    }),
  );

  it(
    'that waited while its connection was lost is counted anew, from there on',
    marbles(({ flush }) => {
      const transport: Transport = {
        ...scriptedTransport(['os 9ms (ss)#', 'o'], { s: strange }, { stepsAfterPause: 3 }),
        settled: timer(100).pipe(map(() => undefined)), // what comes in the turn after the first waits for this
      };
      const { feed, events } = scene([], {}, { transport }, { endMs: 1_000 });
      feed.stream('trade').subscribe();
      flush();

      expect(unrouted(events).map(({ generation, count, at }) => [generation, count, at])).toStrictEqual([
        [1, 1, 1],
        [1, 1, 101],
        [1, 2, 101],
      ]);
      expect(feed.stats()).toMatchObject({ unrouted: 3 });
    }),
  );

  it(
    'may be the conversation of a login, or control: then nothing is told',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        'o-s-w',
        { s: strange, w: welcome },
        {
          authenticate: ({ messages$ }) => messages$.pipe(first()),
          isControl: (message) => (message as typeof welcome).type === 'welcome',
        },
        { endMs: 100 },
      );
      feed.stream('trade').subscribe();
      flush();

      expect(feed.stats()).toMatchObject({ received: 2, control: 2 });
      expect(unrouted(events)).toStrictEqual([]);
    }),
  );
});

const late = (value: unknown): never => Promise.resolve(value) as never;

describe('a hook that must be synchronous, and is not', () => {
  it.each<[string, 'decode' | 'route', Partial<FeedConfig<TestSchemas>>]>([
    ['codec.decode', 'decode', { codec: { ...jsonCodec, decode: (data) => late(jsonCodec.decode(data)) } }],
    ['codec.decode and unpack', 'decode', { unpack: (decoded) => [late(decoded)] }],
    ['unpack', 'decode', { unpack: (decoded) => late([decoded]) }],
    [
      'codec.decode',
      'decode',
      {
        codec: { ...jsonCodec, decode: (data) => late(jsonCodec.decode(data)) },
        unpack: (decoded) => (decoded as { readonly list: readonly unknown[] }).list,
      },
    ],
    [
      'codec.decode',
      'decode',
      { codec: { ...jsonCodec, decode: late }, authenticate: ({ messages$ }) => messages$.pipe(take(2)) },
    ],
    ['route', 'route', { route: () => late('trade') }],
    ['isControl', 'route', { isControl: () => late(true) }],
    ['heartbeat.isPong', 'route', { heartbeat: { isPong: () => late(false) } }],
    ['rotate.when', 'route', { rotate: { when: () => late(false) } }],
  ])('%s makes each message a rejected one, by a TypeError that says so', (hook, reason, config) => {
    marbles(({ flush }) => {
      const { feed, events } = scene('o-a-a', { a: trade(1) }, config, { endMs: 100 });
      feed.stream('trade').subscribe();
      flush();
      const cause = new TypeError(`${hook} must be synchronous, got a promise`);

      expect(events.flatMap((event) => (event.type === 'rejected' ? event.rejected : []))).toMatchObject([
        { reason, cause, raw: JSON.stringify(trade(1)) },
        { reason, cause },
      ]);
      expect(feed.stats()).toMatchObject({ received: 2, rejected: 2, unrouted: 0 });
    })();
  });
});
