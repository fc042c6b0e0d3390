import { EMPTY, from, NEVER, type Observable, of, range, Subject, take, throwError } from 'rxjs';
import {
  arbitrate,
  type ArbitrateBySequence,
  type ArbitrateConfig,
  type Gap,
  type LineStats,
} from 'millrace';
import { marbles } from '../marbles.js';

const windowMs = 5;
const byKey = { key: (value: string) => value, windowMs };
const bySequence = (
  more: Partial<ArbitrateBySequence<string>> = {},
): ArbitrateBySequence<string> & { readonly sequence: { of: (value: string) => number } } => ({
  sequence: { of: Number },
  windowMs,
  ...more,
});
const values = (
  lines: readonly Observable<string>[],
  config: ArbitrateConfig<string> = byKey,
): Observable<string> => arbitrate(lines, config).values$;

/** The gaps as they are told. */
const toldGaps = (): [Subject<Gap>, (gap: Gap) => void] => {
  const gaps$ = new Subject<Gap>();
  return [gaps$, (gap) => gaps$.next(gap)];
};

describe('arbitrate by key', () => {
  it(
    'passes the first copy of each value, whichever line brings it',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const a = hot('     -a---c-d--|  ');
      const b = hot('     --ab-c--d--e|');
      const expected = '  -a-b-c-d---e|';

      expectObservable(values([a, b])).toBe(expected);
      expectSubscriptions(a.subscriptions).toBe('^---------!');
      expectSubscriptions(b.subscriptions).toBe('^-----------!');
    }),
  );

  it(
    'goes on without a line that fails, and takes one in again that returns',
    marbles(({ cold, hot, expectObservable }) => {
      const a = hot('     -a-#         ');
      const b = cold('    -ab-c-#      ');
      const c = hot('     --------cde-|');
      const expected = '  -ab-c----de-|';

      expectObservable(values([a, b, c])).toBe(expected);
    }),
  );

  it.each([
    ['completes as the last one completes, though another failed', '-a-#', '-a----|', '-a----|'],
    ['fails as the last one fails, though another completed', '     -a-|', '-a----#', '-a----#'],
    ['ends when both end at once, as the last of them', '           -a-#', '-a-|   ', '-a-|   '],
  ])('%s', (_name, first, second, expected) => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(values([cold(first), cold(second)])).toBe(expected);
    })();
  });

  it('tells of each line that ends, with what it failed with', () => {
    const error = new Error('gone');
    const ends: unknown[] = [];
    arbitrate([{ name: 'A', values$: throwError(() => error) }, EMPTY], {
      ...byKey,
      onLineEnd: (end) => ends.push(end),
    }).values$.subscribe();

    expect(ends).toStrictEqual([{ line: 'A', error }, { line: '2' }]);
  });

  it(
    'never emits without lines that do, and completes and fails at once with those that do',
    marbles(({ expectObservable }) => {
      const failure = new Error('failure');
      const fails$ = throwError(() => failure);
      expectObservable(values([NEVER, NEVER])).toBe('-');
      expectObservable(values([EMPTY, EMPTY])).toBe('|');
      expectObservable(values([EMPTY, fails$])).toBe('#', undefined, failure);
    }),
  );

  it(
    'is shared: a second subscriber joins, and the last one leaves all lines',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const a = hot('     -a-b-c-d-');
      const b = hot('     --a-b-c-d');
      const values$ = values([a, b]);

      expectObservable(values$, '   ^---!').toBe('    -a-b-');
      expectObservable(values$, '   --^---!').toBe('  ---b-c-');
      expectSubscriptions(a.subscriptions).toBe('     ^-----!');
      expectSubscriptions(b.subscriptions).toBe('     ^-----!');
    }),
  );

  it(
    'remembers nothing once all have left',
    marbles(({ cold, expectObservable }) => {
      const values$ = values([cold('a-a-b|')]);

      expectObservable(values$).toBe('a---b|');
      expectObservable(values$, '------^').toBe('------a---b|');
    }),
  );

  it('stops a synchronous line', () => {
    const seen: number[] = [];
    arbitrate([range(0, 1e9), range(0, 1e9)], { key: (value: number) => value })
      .values$.pipe(take(3))
      .subscribe((value) => seen.push(value));

    expect(seen).toStrictEqual([0, 1, 2]);
  });

  it('remembers the last maxKeys strings, and tells how many it forgot', () => {
    const seen: string[] = [];
    const lines = arbitrate([from(['a', 'b', 'c', 'a'])], { ...byKey, maxKeys: 2 });
    lines.values$.subscribe((value) => seen.push(value));

    expect(seen).toStrictEqual(['a', 'b', 'c', 'a']);
    expect(lines.stats()).toMatchObject({ emitted: 4, forgotten: 2 });
  });

  it('serves a value that comes while another goes out', () => {
    const [a$, b$] = [new Subject<string>(), new Subject<string>()];
    const seen: string[] = [];
    values([a$, b$]).subscribe((value) => {
      seen.push(value);
      b$.next(value);
      if (value === 'a') b$.next('b');
    });
    a$.next('a');
    a$.next('b');

    expect(seen).toStrictEqual(['a', 'b']);
  });
});

describe('arbitrate by sequence', () => {
  it(
    'holds what is behind a hole until a line fills it',
    marbles(({ hot, expectObservable }) => {
      const a = hot('     -1-2---4-----5-|');
      const b = hot('     --1-2----3-4---|');
      const expected = '  -1-2-----(34)5-|';

      expectObservable(values([a, b], bySequence())).toBe(expected);
    }),
  );

  it(
    'tells once, windowMs after it was seen, of a gap that no line fills',
    marbles(({ hot, expectObservable }) => {
      const [gaps$, onGap] = toldGaps();
      const a = hot('     -1-4--------7|     ');
      const b = hot('     --1---4--5-----6---|');
      const gaps = '      --------g';
      const expected = '  -1------45-----(67)|';

      expectObservable(gaps$).toBe(gaps, { g: { after: 1, before: 4, missing: 2 } });
      expectObservable(values([a, b], bySequence({ onGap }))).toBe(expected);
    }),
  );

  it(
    'tells only of what is missing still, where a hole is filled in part',
    marbles(({ hot, expectObservable }) => {
      const [gaps$, onGap] = toldGaps();
      const a = hot('     -1-5---------|');
      const b = hot('     --1--3-------|');
      const gaps = '      --------(gh)';
      const expected = '  -1------(35)-|';

      expectObservable(gaps$).toBe(gaps, {
        g: { after: 1, before: 3, missing: 1 },
        h: { after: 3, before: 5, missing: 1 },
      });
      expectObservable(values([a, b], bySequence({ onGap }))).toBe(expected);
    }),
  );

  it(
    'in order of arrival, passes each first copy at once and tells of the same gaps',
    marbles(({ hot, expectObservable }) => {
      const [gaps$, onGap] = toldGaps();
      const a = hot('     -1-4---------6-|');
      const b = hot('     --1--3-----5---|');
      const gaps = '      --------g';
      const expected = '  -1-4-3-----5-6-|';

      expectObservable(gaps$).toBe(gaps, { g: { after: 1, before: 3, missing: 1 } });
      expectObservable(values([a, b], bySequence({ onGap, order: 'arrival' }))).toBe(expected);
    }),
  );

  it.each([
    ['sequence', '-1------3-------|', true],
    ['arrival', ' -1-3------2-----|', false],
  ] as const)('in order of %s, tells of what comes after its gap was told', (order, expected, isDropped) => {
    marbles(({ hot, flush, expectObservable }) => {
      const late: unknown[] = [];
      const a = hot('-1-3------------|');
      const b = hot('--1-------2-----|');
      const lines = arbitrate(
        [
          { name: 'A', values$: a },
          { name: 'B', values$: b },
        ],
        bySequence({ order, onLate: (value, lateness) => late.push([value, lateness]) }),
      );

      expectObservable(lines.values$).toBe(expected);
      flush();
      expect(late).toStrictEqual([['2', { line: 'B', isDropped }]]);
      expect(lines.stats().lines['B']).toMatchObject({ dropped: isDropped ? 1 : 0, wins: isDropped ? 0 : 1 });
    })();
  });

  it.each([
    ['sequence', '-12---5----6--7|', true],
    ['arrival', ' -125---34--6--7|', false],
  ] as const)(
    'in order of %s, a line far behind is no numbering that stepped down',
    (order, expected, isDropped) => {
      marbles(({ hot, flush, expectObservable }) => {
        const told: unknown[] = [];
        const a = hot('-125-------6--7|');
        const b = hot('-------345--6-7|');
        const lines = arbitrate(
          [a, b],
          bySequence({
            order,
            windowMs: 3,
            sequence: { of: Number, previous: (value) => Number(value) - 1 },
            onGap: (gap) => told.push(gap),
            onLate: (value, lateness) => told.push([value, lateness]),
          }),
        );

        expectObservable(lines.values$).toBe(expected);
        flush();
        expect(told).toStrictEqual([
          { after: 2, before: 5, missing: 2 },
          ['3', { line: '2', isDropped }],
          ['4', { line: '2', isDropped }],
        ]);
      })();
    },
  );

  it.each(['sequence', 'arrival'] as const)(
    'in order of %s, drops what is too old to tell from a copy',
    (order) => {
      const late: unknown[] = [];
      const seen: string[] = [];
      arbitrate([of('100', '101', '69', '70')], {
        ...bySequence({ order, onLate: (value, { isDropped }) => late.push([value, isDropped]) }),
        maxKeys: 32,
      }).values$.subscribe((value) => seen.push(value));

      expect(late).toStrictEqual([
        ['69', true],
        ['70', order === 'sequence'],
      ]);
      expect(seen).toStrictEqual(order === 'sequence' ? ['100', '101'] : ['100', '101', '70']);
    },
  );

  it(
    'lets out what is held, with its gaps, before it ends with the last line',
    marbles(({ hot, expectObservable }) => {
      const [gaps$, onGap] = toldGaps();
      const a = hot('     -1-3|   ');
      const b = hot('     --1--#  ');
      const expected = '  -1---(3#)';

      expectObservable(gaps$).toBe('-----g', { g: { after: 1, before: 3, missing: 1 } });
      expectObservable(values([a, b], bySequence({ onGap }))).toBe(expected);
    }),
  );

  it(
    'in order of arrival, tells of its gaps before it fails with the last line',
    marbles(({ hot, expectObservable }) => {
      const [gaps$, onGap] = toldGaps();

      expectObservable(gaps$).toBe('-----g', { g: { after: 1, before: 3, missing: 1 } });
      expectObservable(values([hot('-1-3-#')], bySequence({ onGap, order: 'arrival' }))).toBe('-1-3-#');
    }),
  );

  it(
    'gives a hole up early once more than maxItems wait behind it',
    marbles(({ hot, expectObservable }) => {
      const [gaps$, onGap] = toldGaps();
      const a = hot('     -1-345-----|');
      const gaps = '      -----g';
      const expected = '  -1---(345)-|';

      expectObservable(gaps$).toBe(gaps, { g: { after: 1, before: 3, missing: 1 } });
      expectObservable(values([a], bySequence({ onGap, maxItems: 2 }))).toBe(expected);
    }),
  );

  it(
    'keeps the numbers of each scope apart',
    marbles(({ hot, expectObservable }) => {
      const names = { a: 'A1', b: 'A2', c: 'A3', p: 'B1', q: 'B2' };
      const sequence = { of: (value: string) => Number(value[1]), scope: (value: string) => value[0] };
      const a = hot('     -ap--c------|', names);
      const b = hot('     --a---q-b---|', names);
      const expected = '  -ap---q-(bc)|';

      expectObservable(values([a, b], { sequence, windowMs })).toBe(expected, names);
    }),
  );

  it('forgets the least recently seen scope beyond maxScopes, and tells of it', () => {
    const forgotten: unknown[] = [];
    const seen: string[] = [];
    const lines = arbitrate([of('A1', 'B1', 'A1')], {
      sequence: { of: (value) => Number(value[1]), scope: (value) => value[0], maxScopes: 1 },
      onScopeForgotten: (scope) => forgotten.push(scope),
    });
    lines.values$.subscribe((value) => seen.push(value));

    expect(seen).toStrictEqual(['A1', 'B1', 'A1']);
    expect(forgotten).toStrictEqual(['A', 'B']);
    expect(lines.stats().forgotten).toBe(2);
  });

  it('takes ranges, and links where the server does not count', () => {
    const onGap = jest.fn();
    const run = (config: ArbitrateConfig<readonly number[]>): number[] => {
      const seen: number[] = [];
      arbitrate([of([1, 3], [4, 9], [10, 12]), of([1, 3], [4, 9])], config).values$.subscribe(([, last]) =>
        seen.push(last!),
      );
      return seen;
    };

    expect(run({ sequence: { of: ([, u]) => u!, first: ([U]) => U! }, onGap })).toStrictEqual([3, 9, 12]);
    expect(run({ sequence: { of: ([, u]) => u!, previous: ([U]) => U! - 1 }, onGap })).toStrictEqual([
      3, 9, 12,
    ]);
    expect(onGap).not.toHaveBeenCalled();
  });

  it('errors at a number that is no safe integer', () => {
    const error = jest.fn();
    values([of('1', 'x')], bySequence()).subscribe({ error });

    expect(error.mock.calls).toStrictEqual([
      [new RangeError('arbitrate: sequence.of must give a safe integer, got NaN')],
    ]);
  });
});

describe('what arbitrate counts of its lines', () => {
  const quiet: LineStats = {
    isAlive: false,
    received: 0,
    wins: 0,
    duplicates: 0,
    dropped: 0,
    held: 0,
    losses: 0,
    leadMs: { mean: 0, max: 0 },
  };

  it(
    'is who won, by how much, and who lost what',
    marbles(({ hot, flush, expectObservable }) => {
      const a = hot('     -a---bb---c------|');
      const b = hot('     ---a-----b--c-d--|');
      const c = hot('     ------------c|    ');
      const expected = '  -a---b----c---d--|';
      const lines = arbitrate(
        [
          { name: 'A', values$: a },
          { name: 'B', values$: b },
          { name: 'C', values$: c },
        ],
        byKey,
      );

      expectObservable(lines.values$).toBe(expected);
      flush();
      expect(lines.stats()).toStrictEqual({
        emitted: 4,
        gaps: 0,
        missing: 0,
        forgotten: 0,
        unjudged: 0,
        lines: {
          A: {
            ...quiet,
            received: 4,
            wins: 3,
            duplicates: 1,
            losses: 1,
            lastAt: 10,
            leadMs: { mean: 8 / 3, max: 4 },
          },
          B: { ...quiet, received: 4, wins: 1, duplicates: 3, lastAt: 14 },
          C: { ...quiet, received: 1, duplicates: 1, losses: 3, lastAt: 12 },
        },
      });
    }),
  );

  it(
    'has a loss only once windowMs is over, and a copy at its very end is none',
    marbles(({ hot, expectObservable, flush }) => {
      const clock$ = hot('-----xx|');
      const [a, b, c] = [hot('a----------|'), hot('-----------|'), hot('-----a-----|')];
      const lines = arbitrate([a, b, c], byKey);
      const losses: unknown[] = [];
      clock$.subscribe(() => losses.push(Object.values(lines.stats().lines).map((line) => line.losses)));

      expectObservable(lines.values$).toBe('a----------|');
      flush();
      expect(losses).toStrictEqual([
        [0, 0, 0],
        [0, 1, 0],
      ]);
    }),
  );

  it(
    'adds up while values are held, and when they are dropped because everybody left',
    marbles(({ hot, expectObservable, flush }) => {
      const [a, b] = [hot('12453----'), hot('1-5------')];
      const lines = arbitrate([a, b], bySequence());
      const clock$ = hot('--x-----x|');
      const told: unknown[] = [];
      clock$.subscribe(() => told.push(Object.values(lines.stats().lines)));

      expectObservable(lines.values$, '^--!').toBe('12');
      flush();
      expect(told).toMatchObject([
        [
          { isAlive: true, received: 3, wins: 2, held: 1 },
          { isAlive: true, received: 2, duplicates: 1, held: 1 },
        ],
        [
          { isAlive: false, received: 3, wins: 2, held: 0, dropped: 1, losses: 0 },
          { isAlive: false, received: 2, duplicates: 1, held: 0, dropped: 1, losses: 0 },
        ],
      ]);
    }),
  );

  it('awaits the copies of maxKeys values at most, and tells how many more there were', () => {
    const a$ = new Subject<number>();
    const lines = arbitrate([a$, NEVER], { key: (value: number) => value, maxKeys: 10 });
    lines.values$.subscribe();
    for (let value = 0; value < 25; value += 1) a$.next(value);

    expect(lines.stats()).toMatchObject({ emitted: 25, unjudged: 15 });
    expect(lines.stats().lines['2']).toMatchObject({ losses: 0 });
  });

  it('goes on counting over subscriptions', () => {
    const lines = arbitrate([of('a', 'b')], byKey);
    lines.values$.subscribe();
    lines.values$.subscribe();

    expect(lines.stats()).toMatchObject({
      emitted: 4,
      lines: { 1: { received: 4, wins: 4, isAlive: false } },
    });
  });
});

describe('arbitrate fails', () => {
  const thrown = new Error('callback');
  const fail = (): never => {
    throw thrown;
  };

  it.each<[string, ArbitrateConfig<string>]>([
    ['key', { key: fail }],
    ['sequence.of', { sequence: { of: fail } }],
    ['sequence.scope', { sequence: { of: Number, scope: fail } }],
    ['onLineEnd', { ...byKey, onLineEnd: fail }],
    ['onGap', bySequence({ onGap: fail })],
    ['onGap in order of arrival', bySequence({ onGap: fail, order: 'arrival' })],
    ['onLate', bySequence({ onLate: fail })],
  ])('when %s throws', (_name, config) => {
    const error = jest.fn();
    values([of('2', '5', '4', '1')], config).subscribe({ error });

    expect(error.mock.calls).toStrictEqual([[thrown]]);
  });
});
