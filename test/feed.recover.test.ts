import { map, NEVER, type Observable, of, take, throwError, timer } from 'rxjs';
import { type FeedConfig, type FeedEvent, isBalanced, type SequenceConfig } from 'millrace';
import { marbles } from './marbles.js';
import { scene, type Scene, Trade, trade, type TestSchemas } from './scene.js';

type Recover = NonNullable<SequenceConfig<Trade>['recover']>;

/** Trades that are numbered per symbol, with a server to ask for those that were missed. */
function market(
  attempts: string | readonly string[],
  recover: Recover,
  { sequence, ...stream }: { sequence?: Partial<SequenceConfig<Trade>>; staleAfterMs?: number } = {},
  config: Partial<FeedConfig<TestSchemas>> = {},
): Scene {
  const frames = Object.fromEntries(
    Array.from('123456789', (digit) => [digit, trade(Number(digit))] as const),
  );
  const others = Object.fromEntries(
    Array.from('abcdefghi', (letter, index) => [letter, trade(index + 1, 'ETH')] as const),
  );
  return scene(
    attempts,
    { ...frames, ...others, x: { type: 'trade', symbol: 'BTC', id: 'x' } },
    {
      streams: {
        trade: {
          schema: Trade,
          topic: (t) => t.symbol,
          sequence: { of: (t) => t.id, recover, ...sequence },
          ...stream,
        },
        order: { schema: Trade as never, allowSilence: true },
      },
      ...config,
    },
    { endMs: 200 },
  );
}

/** What the feed tells of holes, each as a line. */
const holesIn = (events: readonly FeedEvent[]): string[] =>
  events.flatMap((event) => {
    switch (event.type) {
      case 'gap':
      case 'gapRecovering':
        return [`${event.at} ${event.type} ${event.topic ?? ''} ${event.after}..${event.before}`];
      case 'gapRecovered':
        return [`${event.at} ${event.type} ${event.topic ?? ''} ${event.count} of ${event.missing}`];
      case 'gapRecoveryFailed':
        return [`${event.at} ${event.type} ${event.topic ?? ''} ${(event.error as Error).message}`];
      case 'late':
      case 'duplicate':
      case 'rejected':
        return [`${event.at} ${event.type}`];
      default:
        return [];
    }
  });

const names = map(({ symbol, id }: Trade) => (symbol === 'BTC' ? String(id) : 'abcdefghi'.charAt(id - 1)));

/** The whole of what is missing, after 3 ms. */
const inTime: Recover = ({ after, missing, topic }) =>
  timer(3).pipe(map(() => Array.from({ length: missing }, (_, index) => trade(after + 1 + index, topic))));

describe('a feed recovers a gap', () => {
  it(
    'through its hook, whose messages are delivered in order before those that waited',
    marbles(({ flush, expectObservable }) => {
      const { feed, events } = market('o12567', inTime);

      expectObservable(feed.stream('trade').pipe(names), '^---------!').toBe('-12---(34567)');
      flush();
      expect(holesIn(events)).toStrictEqual(['3 gapRecovering BTC 2..5', '6 gapRecovered BTC 2 of 2']);
      expect(feed.stats()).toMatchObject({ received: 7, delivered: 7, streams: { trade: { delivered: 7 } } });
    }),
  );

  it(
    'of one topic, and the others never notice',
    marbles(({ flush, expectObservable }) => {
      const { feed, events } = market('o1ab3cd', inTime);

      expectObservable(feed.stream('trade').pipe(names), '^---------!').toBe('-1ab-cd(23)');
      flush();
      expect(holesIn(events)).toStrictEqual(['4 gapRecovering BTC 1..3', '7 gapRecovered BTC 1 of 1']);
    }),
  );

  it(
    'and tells the hook which one it is',
    marbles(({ flush }) => {
      const asked: unknown[] = [];
      const { feed } = market('obf', (gap) => {
        asked.push(gap);
        return [];
      });
      feed.stream('trade').subscribe();
      flush();

      expect(asked).toStrictEqual([{ stream: 'trade', topic: 'ETH', after: 2, before: 6, missing: 3 }]);
    }),
  );

  it(
    'between two connections, with the second on its events',
    marbles(({ flush, expectObservable }) => {
      const { feed, events } = market(['o12|', 'o4'], inTime);

      // Lost at 3, dialled again 75 ms later.
      expectObservable(feed.stream('trade').pipe(names), '^ 100ms !').toBe('-12 79ms (34)');
      flush();
      expect(holesIn(events)).toStrictEqual(['79 gapRecovering BTC 2..4', '82 gapRecovered BTC 1 of 1']);
      const types = events.filter(({ generation }) => generation === 2).map(({ type }) => type);
      expect(types.indexOf('gapRecovering')).toBeGreaterThan(types.indexOf('connected'));
    }),
  );

  it(
    'across a reconnect: what comes on the next connection waits with the rest',
    marbles(({ expectObservable }) => {
      const slow: Recover = () => timer(100).pipe(map(() => [trade(2)]));
      const { feed } = market(['o13|', 'o4'], slow);

      expectObservable(feed.stream('trade').pipe(names), '^ 150ms !').toBe('-1 100ms (234)');
    }),
  );

  it(
    'of a numbering that ended with its connection only until the next one speaks',
    marbles(({ flush, expectObservable }) => {
      const { feed, events } = market(['o13|', 'o7'], () => timer(100).pipe(map(() => [trade(2)])), {
        sequence: { scope: 'connection' },
      });

      expectObservable(feed.stream('trade').pipe(names), '^ 150ms !').toBe('-1 77ms (37)');
      flush();
      expect(holesIn(events)).toStrictEqual([
        '2 gapRecovering BTC 1..3',
        '79 gapRecoveryFailed BTC gap not recovered: its scope was forgotten',
        '2 gap BTC 1..3',
      ]);
      expect(events.filter(({ type }) => type === 'overflow')).toStrictEqual([]);
    }),
  );

  it(
    'once: a copy that comes late is dropped, a value that is still missing is not',
    marbles(({ flush }) => {
      const { feed, events } = market('o1523', () => [trade(2), trade(4)]);

      const seen: string[] = [];
      feed
        .stream('trade')
        .pipe(names)
        .subscribe((name) => seen.push(name));
      flush();
      expect(seen).toStrictEqual(['1', '2', '4', '5', '3']);
      expect(holesIn(events).slice(-2)).toStrictEqual(['3 duplicate', '4 late']);
    }),
  );

  it(
    'and checks what was recovered like any message, counted as received',
    marbles(({ flush, expectObservable }) => {
      const answer = [
        trade(2),
        { type: 'trade', symbol: 'BTC', id: 'x' },
        trade(1),
        trade(3, 'ETH'),
        trade(3),
      ];
      const { feed, events } = market('o14', () => answer);
      const rejected: unknown[] = [];
      feed.rejected$.subscribe(({ raw, stream, reason, generation }) =>
        rejected.push({ raw, stream, reason, generation }),
      );

      expectObservable(feed.stream('trade').pipe(names), '^---------!').toBe('-1(234)');
      flush();
      expect(rejected).toStrictEqual([{ raw: '', stream: 'trade', reason: 'schema', generation: 1 }]);
      expect(holesIn(events)).toStrictEqual([
        '2 gapRecovering BTC 1..4',
        '2 rejected',
        '2 gapRecovered BTC 2 of 2',
      ]);
      const counts = { received: 7, delivered: 4, rejected: 1, duplicate: 2, held: 0 };
      expect(feed.stats()).toMatchObject({ ...counts, streams: { trade: counts } });
      expect(isBalanced(feed.stats())).toBe(true);
    }),
  );

  it.each<[string, Recover, string]>([
    ['errors', () => throwError(() => new Error('refused')), 'refused'],
    ['yields no array', () => of('2') as never, 'recover must yield an array, got string'],
  ])('or tells why not, when the hook %s', (_name, recover, message) =>
    marbles(({ flush, expectObservable }) => {
      const { feed, events } = market('o134', recover);

      expectObservable(feed.stream('trade').pipe(names), '^---------!').toBe('-134');
      flush();
      expect(holesIn(events)).toStrictEqual([
        '2 gapRecovering BTC 1..3',
        `2 gapRecoveryFailed BTC ${message}`,
        '2 gap BTC 1..3',
      ]);
    })(),
  );

  it(
    'or, when it is closed meanwhile, delivers what it holds and tells what is missing',
    marbles(({ flush, expectObservable }) => {
      const { feed, events } = market('o134', inTime);
      timer(4).subscribe(() => void feed.close({ timeoutMs: 0 }));

      expectObservable(feed.stream('trade').pipe(names)).toBe('-1--(34|)');
      flush();
      expect(holesIn(events)).toStrictEqual([
        '2 gapRecovering BTC 1..3',
        '4 gapRecoveryFailed BTC gap not recovered: the stream was flushed or ended',
        '2 gap BTC 1..3',
      ]);
      expect(feed.stats()).toMatchObject({ received: 3, delivered: 3, held: 0 });
    }),
  );

  it(
    'and delivers all of it, though one who gets a part of it closes the feed',
    marbles(({ flush }) => {
      const seen: string[] = [];
      const { feed } = market('o156', () => timer(3).pipe(map(() => [trade(2), trade(3), trade(4)])));
      const close = (): void => void feed.close({ timeoutMs: 0 });
      feed
        .stream('trade')
        .pipe(names)
        .subscribe({
          next(name) {
            seen.push(name);
            if (name === '2') close();
          },
          complete: () => seen.push('|'),
        });
      flush();

      expect(seen).toStrictEqual(['1', '2', '3', '4', '5', '6', '|']);
    }),
  );

  it(
    'of which nothing stays held, though one who is told of a misfit closes the feed',
    marbles(({ flush, expectObservable }) => {
      const answer = [trade(2), { type: 'trade', symbol: 'BTC', id: 'x' }, trade(3)];
      const { feed } = market('o14', () => timer(3).pipe(map(() => answer)));
      feed.rejected$.subscribe(() => void feed.close({ timeoutMs: 0 }));

      expectObservable(feed.stream('trade').pipe(names)).toBe('-1---(4|)');
      flush();
      const counts = { received: 4, delivered: 2, rejected: 1, dropped: 1, held: 0 };
      expect(feed.stats()).toMatchObject({ ...counts, streams: { trade: counts } });
    }),
  );

  it(
    'whose keys are remembered like those of any other value, whatever number they come with again',
    marbles(({ flush }) => {
      // The symbol of each trade is its number here.
      const numbered = (seq: number, id: number) => trade(id, String(seq));
      const { feed } = scene(
        ['oad#', 'oABC'],
        { a: numbered(1, 1), d: numbered(4, 4), A: numbered(1, 2), B: numbered(2, 3), C: numbered(3, 5) },
        {
          streams: {
            trade: {
              schema: Trade,
              key: (t) => t.id,
              sequence: {
                of: (t) => Number(t.symbol),
                scope: 'connection',
                recover: () => [numbered(2, 2), numbered(3, 3)],
              },
            },
            order: { schema: Trade as never, allowSilence: true },
          },
        },
        { endMs: 200 },
      );
      const seen: number[] = [];
      feed.stream('trade').subscribe(({ id }) => seen.push(id));
      flush();

      expect(seen).toStrictEqual([1, 2, 3, 4, 5]);
      expect(feed.stats().streams.trade).toMatchObject({ delivered: 5, duplicate: 2 });
    }),
  );

  describe('without a key that was delivered, whose number counts as filled all the same:', () => {
    const a = trade(1, '1');
    const d = trade(4, '4');
    const inPages = (...pages: Trade[][]): Observable<Trade[]> =>
      timer(2, 4).pipe(
        take(pages.length),
        map((index) => pages[index] as Trade[]),
      );
    const asked = '2 gapRecovering  1..4';
    const cases: [string, string, Record<string, Trade>, Recover, string[], string[]][] = [
      [
        'under another number before',
        'oad',
        { a, d },
        () => [trade(2, '2'), trade(1, '3')],
        ['1:1', '2:2', '4:4'],
        [asked, '2 gapRecovered  1 of 2'],
      ],
      [
        'under another number of the answer',
        'oad',
        { a, d },
        () => [trade(2, '2'), trade(2, '3')],
        ['1:1', '2:2', '4:4'],
        [asked, '2 gapRecovered  1 of 2'],
      ],
      [
        'under another number that came while the answer was read',
        'oad--e',
        { a, d, e: trade(3, '5') },
        () => inPages([trade(3, '3')], [trade(2, '2')]),
        ['1:1', '2:2', '4:4', '3:5'],
        [asked, '8 gapRecovered  1 of 2'],
      ],
      [
        'by the connection after all, while the answer was read',
        'oad--c',
        { a, d, c: trade(3, '3') },
        () => inPages([trade(3, '3')], [trade(2, '2')]),
        ['1:1', '2:2', '3:3', '4:4'],
        [asked, '8 gapRecovered  1 of 2'],
      ],
      [
        'by the connection after all, before the answer was read',
        'oadc',
        { a, d, c: trade(3, '3') },
        () => inPages([trade(3, '3')], [trade(2, '2')]),
        ['1:1', '2:2', '3:3', '4:4'],
        [asked, '8 gapRecovered  1 of 2'],
      ],
    ];

    it.each(cases)('%s', (_name, attempt, frames, recover, expected, holes) =>
      marbles(({ flush }) => {
        const { feed, events } = scene(
          attempt,
          frames,
          {
            streams: {
              trade: { schema: Trade, key: (t) => t.id, sequence: { of: (t) => Number(t.symbol), recover } },
              order: { schema: Trade as never, allowSilence: true },
            },
          },
          { endMs: 200 },
        );
        const seen: string[] = [];
        feed.stream('trade').subscribe(({ id, symbol }) => seen.push(`${id}:${symbol}`));
        flush();

        expect(seen).toStrictEqual(expected);
        expect(holesIn(events)).toStrictEqual(holes);
        const delivered = expected.length;
        expect(feed.stats()).toMatchObject({ received: delivered + 1, delivered, duplicate: 1, held: 0 });
      })(),
    );
  });

  it.each([
    ['is followed, as a numbering that stepped down would be', undefined, '1234234567', '82 gap 0'],
    ['is dropped where values have a key', (t: Trade) => t.id, '1234567', ''],
  ])('and with links, what a server repeats after a reconnect %s', (_name, key, expected, gap) =>
    marbles(({ flush }) => {
      const frames = Object.fromEntries(Array.from('1234567', (digit) => [digit, trade(Number(digit))]));
      const { feed, events } = scene(
        ['o1234|', 'o1234567'],
        frames,
        {
          streams: {
            trade: {
              schema: Trade,
              ...(key && { key }),
              sequence: { of: (t) => t.id, previous: (t) => t.id - 1, recover: () => [] },
            },
            order: { schema: Trade as never, allowSilence: true },
          },
        },
        { endMs: 200 },
      );
      let seen = '';
      feed.stream('trade').subscribe(({ id }) => (seen += String(id)));
      flush();

      expect(seen).toBe(expected);
      const gaps = events.flatMap((event) =>
        event.type === 'gap' ? [`${event.at} gap ${event.missing}`] : [],
      );
      expect(gaps.join()).toBe(gap);
    })(),
  );

  it(
    'within the bounds it is given',
    marbles(({ flush, expectObservable }) => {
      const { feed, events } = market('o13', inTime, {
        sequence: { recovery: { timeoutMs: 2 } },
      });

      expectObservable(feed.stream('trade').pipe(names), '^---------!').toBe('-1--3');
      flush();
      expect(holesIn(events)[1]).toBe('4 gapRecoveryFailed BTC gap not recovered: the hook took too long');
    }),
  );

  it(
    'without the stream going stale: what arrives is fresh though it waits, what is recovered is not',
    marbles(({ flush }) => {
      const late: Recover = () => timer(12).pipe(map(() => [trade(2)]));
      const { feed, events } = market('o1---3---4---5---6', late, { staleAfterMs: 6 });
      feed.stream('trade').subscribe();
      flush();

      const verdicts = events.filter(({ type }) => type === 'unhealthy').map(({ at }) => at);
      // 6 arrives at 17, and nothing after it.
      expect(verdicts[0]).toBe(23);
    }),
  );
});

it(
  'a feed tells that it forgot the numbering of a topic, of more than 10 000',
  marbles(({ flush }) => {
    const topics = Array.from({ length: 10_003 }, (_, index) => trade(1, `S${index}`));
    const { feed, events } = market('o1', () => [], {}, { unpack: () => topics });
    feed.stream('trade').subscribe();
    flush();

    expect(events.filter(({ type }) => type === 'overflow')).toMatchObject([
      { of: 'sequences', policy: 'forget-oldest', count: 1 },
      { of: 'sequences', policy: 'forget-oldest', count: 2 },
    ]);
  }),
);

it.each([
  [
    { recover: undefined, recovery: {} },
    'createFeed: streams.trade.sequence.recovery needs streams.trade.sequence.recover',
  ],
  [{ recover: 'url' }, 'createFeed: streams.trade.sequence.recover must be a function, got string'],
  [
    { recover: () => [], recovery: { timeoutMs: 0 } },
    'createFeed: streams.trade.sequence.recovery.timeoutMs must be above 0',
  ],
])('a feed refuses wrong options of a recovery: %j', (sequence, message) => {
  const make = () => market('o', () => [], { sequence: sequence as object });
  expect(marbles(() => void make())).toThrow(message);
});

describe('holes of many topics at once', () => {
  it(
    'wait for their turn no longer than maxWaitMs, though the one that is asked about takes its time',
    marbles(({ flush, expectObservable }) => {
      const { feed, events } = market('o13ac', () => NEVER, {
        sequence: { recovery: { maxConcurrent: 1, timeoutMs: 100, maxWaitMs: 20 } },
      });
      expectObservable(feed.stream('trade').pipe(names), '^ 150ms !').toBe('-1-a 20ms c 77ms 3');
      flush();

      expect(holesIn(events)).toStrictEqual([
        '2 gapRecovering BTC 1..3',
        '24 gapRecoveryFailed ETH gap not recovered: too many others were asked about first',
        '4 gap ETH 1..3', // a gap is told with the time of the value behind it
        '102 gapRecoveryFailed BTC gap not recovered: the hook took too long',
        '2 gap BTC 1..3',
      ]);
    }),
  );
});
