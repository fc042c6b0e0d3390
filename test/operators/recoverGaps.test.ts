import * as fc from 'fast-check';
import {
  asyncScheduler,
  concat,
  EMPTY,
  from,
  map,
  NEVER,
  type Observable,
  of,
  Subject,
  take,
  throwError,
  timer,
} from 'rxjs';
import { detectGaps, type DetectGapsConfig } from '../../src/operators/detectGaps.js';
import type { Gap } from '../../src/operators/sequence.js';
import { type Recover, RecoveryAbandonedError } from '../../src/operators/recoverGaps.js';
import { marbles } from '../marbles.js';

type Config = DetectGapsConfig<string>;

/** The number a value ends with: 7 of `7`, `B7`, `5-7` (a range) and `6>7` (a link). */
const last = (value: string): number => Number(/\d+$/.exec(value)?.[0]);

const scope = (value: string): unknown => value[0];

const numbersOf = ({ after, before }: Gap): number[] =>
  Array.from({ length: before - after - 1 }, (_, index) => after + 1 + index);

/** The whole of what is missing, after so many ms. */
const within =
  (ms: number): Recover<string> =>
  (gap) =>
    timer(ms).pipe(map(() => numbersOf(gap).map(String)));

const sketch = ({ after, before }: Gap): string => `${after}..${before}`;

/** What is told, as a stream to draw and as a list: `?` asked, `!` answered, `#` failed, `gap`, `late`, `=` duplicate. */
const log = (): { readonly told: string[]; readonly hooks: Config } => {
  const told: string[] = [];
  const tell = (line: string): void => void told.push(`${asyncScheduler.now()} ${line}`);
  return {
    told,
    hooks: {
      onRecovering: (gap, value) => tell(`? ${sketch(gap)} ${value}`),
      onRecovered: (gap, _value, count) => tell(`! ${sketch(gap)} ${count}`),
      onRecoveryFailed: (gap, _value, error) => tell(`# ${sketch(gap)} ${(error as Error).message}`),
      onGap: (gap, value) => tell(`gap ${sketch(gap)} ${value}`),
      onLate: (value, expected) => tell(`late ${value}<${expected}`),
      onDuplicate: (value) => tell(`= ${value}`),
      onDrop: (value) => tell(`dropped ${value}`),
      onScopeForgotten: (forgotten) => tell(`forgotten ${String(forgotten)}`),
    },
  };
};

const fail = (): never => {
  throw new Error('thrown');
};

describe('recoverGaps', () => {
  describe('as an operator', () => {
    it.each([
      ['never', '-        ', '^--------!'],
      ['empty', '|        ', '(^!)      '],
      ['an error', '1-2-#    ', '^---!     '],
      ['a sequence without gaps', '1-2-(34)|', '^-------! '],
    ])('passes %s through, each value in its frame', (_name, events, subs) =>
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold(events);

        expectObservable(source.pipe(detectGaps(last, { recover: fail })), '^--------!').toBe(events);
        expectSubscriptions(source.subscriptions).toBe(subs);
      })(),
    );

    it(
      'a second subscription asks for itself',
      marbles(({ cold, expectObservable }) => {
        const recover = jest.fn(within(2));
        const recovered = cold('     1-3-----|').pipe(detectGaps(last, { recover }));

        expectObservable(recovered, '^      ').toBe('1---(23)|');
        expectObservable(recovered, '---^   ').toBe('---1---(23)|');
      }),
    );

    it(
      'an unsubscribe ends the recovery, and what was held is dropped',
      marbles(({ cold, flush, expectObservable, expectSubscriptions }) => {
        const { told, hooks } = log();
        const answer = cold<string[]>('---a    ', { a: ['2'] });
        const source = cold('1-34------');
        const subs = '       ^---!     ';

        expectObservable(source.pipe(detectGaps(last, { ...hooks, recover: () => answer })), subs).toBe('1-');
        expectSubscriptions(answer.subscriptions).toBe('--^-!');
        flush();
        expect(told).toStrictEqual(['2 ? 1..3 3', '4 dropped 3', '4 dropped 4']);
      }),
    );

    it('a synchronous source stops once nobody listens', () => {
      let pulled = 0;
      const numbers = function* (): Generator<string> {
        for (;;) yield String((pulled += 2));
      };
      const seen: string[] = [];

      from(numbers())
        .pipe(detectGaps(last, { recover: (gap) => numbersOf(gap).map(String) }), take(4))
        .subscribe((value) => seen.push(value));

      expect(seen).toStrictEqual(['2', '3', '4', '5']);
      expect(pulled).toBe(6);
    });

    it.each<[string, Config]>([
      ['onRecovering', { onRecovering: fail }],
      ['onRecovered', { onRecovered: fail }],
      ['onRecoveryFailed', { onRecoveryFailed: fail, recover: fail }],
      ['onDuplicate', { onDuplicate: fail }],
      ['onGap', { onGap: fail, recover: () => [] }],
    ])('what %s throws is the error of the stream', (_name, config) => {
      const seen: unknown[] = [];

      from(['1', '3', '2', '9'])
        .pipe(detectGaps(last, { recover: () => ['2'], ...config }))
        .subscribe({ error: (error: unknown) => seen.push(error) });

      expect(seen).toStrictEqual([new Error('thrown')]);
    });

    it.each<[string, Config['recovery']]>([
      ...[0, -1, NaN, Infinity, 2 ** 31].map((timeoutMs): [string, Config['recovery']] => [
        `timeoutMs must be above 0 and at most 2147483647, got ${timeoutMs}`,
        { timeoutMs },
      ]),
      ...[0, -1, 1.5, NaN, Infinity].flatMap((count): [string, Config['recovery']][] => [
        [`maxHeld must be a whole number above 0, got ${count}`, { maxHeld: count }],
        [`maxConcurrent must be a whole number above 0, got ${count}`, { maxConcurrent: count }],
      ]),
    ])('refuses at construction: recovery.%s', (message, recovery) => {
      expect(() => detectGaps(last, { recover: fail, recovery: recovery! })).toThrow(
        new RangeError(`detectGaps: recovery.${message}`),
      );
    });

    it('is typed', () => {
      // @ts-expect-error An answer is an array of values: one value might be an array itself.
      detectGaps(last, { recover: () => '2' });
      // @ts-expect-error What is recovered is like what was missed.
      detectGaps(last, { recover: () => [2] });
      expect(detectGaps(last, { recover: () => ['2'] })).toBeDefined();
    });
  });

  describe('an answer', () => {
    it.each<[string, Recover<string>]>([
      ['an array', () => ['2', '3']],
      ['newest first', () => ['3', '2']],
      ['an Observable', () => of(['2', '3'])],
      ['pages in any order', () => of(['3'], [], ['2'])],
      ['more than was asked for', () => ['0', '1', '2', '3', '4', '5']],
      ['twice the same', () => ['2', '2', '3', '3']],
    ])('may be %s', (_name, recover) => {
      const seen: string[] = [];
      from(['1', '4', '5'])
        .pipe(detectGaps(last, { recover, onGap: fail, onLate: fail }))
        .subscribe((value) => seen.push(value));

      expect(seen).toStrictEqual(['1', '2', '3', '4', '5']);
    });

    it('may be a Promise', async () => {
      const seen: string[] = [];
      await new Promise<void>((resolve) => {
        concat(from(['1', '3']), NEVER)
          .pipe(detectGaps(last, { recover: () => Promise.resolve(['2']) }), take(3))
          .subscribe({ next: (value) => seen.push(value), complete: resolve });
      });

      expect(seen).toStrictEqual(['1', '2', '3']);
    });

    it(
      'comes out page by page as far as it is in order, then what was held',
      marbles(({ cold, flush, expectObservable, expectSubscriptions }) => {
        const { told, hooks } = log();
        const answer = cold('  -a-b-c|', { a: ['2', '3'], b: ['6', '5'], c: ['4'] });
        const source = cold('1-78----------9|');
        const expected = '   1--(23)(45678)9|';

        expectObservable(source.pipe(detectGaps(last, { ...hooks, recover: () => answer }))).toBe(expected);
        // It is not waited for longer than needed.
        expectSubscriptions(answer.subscriptions).toBe('--^----!');
        flush();
        expect(told).toStrictEqual(['2 ? 1..7 7', '7 ! 1..7 5']);
      }),
    );

    it(
      'that lacks something tells what, before the value behind it, and is not asked for it again',
      marbles(({ cold, flush, expectObservable }) => {
        const { told, hooks } = log();
        const recover = jest.fn(() => timer(2).pipe(map(() => ['3', '5'])));
        const source = cold('1-6------7|');
        const expected = '   1---(356)7|';

        expectObservable(source.pipe(detectGaps(last, { ...hooks, recover }))).toBe(expected);
        flush();
        expect(recover).toHaveBeenCalledTimes(1);
        expect(told).toStrictEqual(['2 ? 1..6 6', '4 gap 1..3 3', '4 gap 3..5 5', '4 ! 1..6 2']);
      }),
    );

    it('drops what was not asked for, of another scope too', () => {
      const { told, hooks } = log();
      const seen: string[] = [];
      from(['A1', 'A3'])
        .pipe(detectGaps(last, { ...hooks, scope, recover: () => ['B2', 'A1', 'A2', 'A3', 'A4'] }))
        .subscribe((value) => seen.push(value));

      expect(seen).toStrictEqual(['A1', 'A2', 'A3']);
      expect(told.map((line) => line.slice(line.indexOf(' ') + 1))).toStrictEqual([
        '? 1..3 A3',
        '= B2',
        '= A1',
        '= A3',
        '= A4',
        '! 1..3 1',
      ]);
    });

    it(
      'fills ranges and links, overlapping or not',
      marbles(({ cold, expectObservable }) => {
        const first = (value: string): number => Number(value.split('-')[0]);
        const previous = (value: string): number => Number(value.split('>')[0]);
        const ranges = { a: '1-3', b: '3-5', c: '6-9', d: '8-12' };
        const links = { a: '0>10', b: '10>15', c: '15>30', d: '30>32' };

        expectObservable(
          cold('a-d----|', ranges).pipe(
            detectGaps(last, { first, recover: () => [ranges.c, ranges.b], onGap: fail }),
          ),
        ).toBe('a-(bcd)|', ranges);
        expectObservable(
          cold('a-d----|', links).pipe(
            detectGaps(last, { previous, recover: () => [links.c, links.b], onGap: fail }),
          ),
        ).toBe('a-(bcd)|', links);
      }),
    );
  });

  describe('while it is on its way', () => {
    it(
      'values of its scope are held, and others pass',
      marbles(({ cold, expectObservable }) => {
        const values = { a: 'A1', b: 'A2', c: 'A3', d: 'A4', p: 'B7', q: 'B8' };
        const recover = (): Observable<string[]> => timer(5).pipe(map(() => ['A2']));
        const source = cold('apcdq-------|', values);
        const expected = '   ap--q--(bcd)|';

        expectObservable(source.pipe(detectGaps(last, { scope, recover }))).toBe(expected, values);
      }),
    );

    it(
      'a further gap among what is held waits, and is asked for next',
      marbles(({ cold, flush, expectObservable }) => {
        const { told, hooks } = log();
        const source = cold('1-356-8--------------|');
        const expected = '   1------(23)-(456)(78)|';

        expectObservable(source.pipe(detectGaps(last, { ...hooks, recover: within(5) }))).toBe(expected);
        flush();
        expect(told).toStrictEqual([
          '2 ? 1..3 3',
          '7 ! 1..3 1',
          '7 ? 3..5 5',
          '12 ! 3..5 1',
          '12 ? 6..8 8',
          '17 ! 6..8 1',
        ]);
      }),
    );

    it(
      'a live value fills the hole too, and what fills it entirely ends the recovery',
      marbles(({ cold, flush, expectObservable, expectSubscriptions }) => {
        const { told, hooks } = log();
        const answer = cold<string[]>('-------|');
        const source = cold('1-4-23---|');
        const expected = '   1---2(34)|';

        expectObservable(source.pipe(detectGaps(last, { ...hooks, recover: () => answer }))).toBe(expected);
        expectSubscriptions(answer.subscriptions).toBe('--^--!');
        flush();
        expect(told).toStrictEqual(['2 ? 1..4 4', '5 ! 1..4 0']);
      }),
    );

    it(
      'at most maxConcurrent scopes are asked for, the next one as soon as one is over',
      marbles(({ cold, flush, expectObservable }) => {
        const { told, hooks } = log();
        const values = { a: 'A1', c: 'A3', p: 'B1', r: 'B3', b: 'A2', q: 'B2' };
        const recover: Recover<string> = (_gap, value) => timer(4).pipe(map(() => [`${value.charAt(0)}2`]));
        const source = cold('apcr-----------|', values);
        const expected = '   ap----(bc)(qr)-|';

        expectObservable(
          source.pipe(detectGaps(last, { ...hooks, scope, recover, recovery: { maxConcurrent: 1 } })),
        ).toBe(expected, values);
        flush();
        expect(told).toStrictEqual(['2 ? 1..3 A3', '6 ! 1..3 1', '6 ? 1..3 B3', '10 ! 1..3 1']);
      }),
    );

    it(
      'one that waits for its turn is not asked for once its hole is filled',
      marbles(({ cold, flush, expectObservable }) => {
        const { told, hooks } = log();
        const values = { a: 'A1', c: 'A3', p: 'B1', r: 'B3', b: 'A2', q: 'B2' };
        const recover = (): Observable<string[]> => timer(6).pipe(map(() => ['A2']));
        const source = cold('apcrq----------|', values);
        const expected = '   ap--(qr)(bc)---|';

        expectObservable(
          source.pipe(detectGaps(last, { ...hooks, scope, recover, recovery: { maxConcurrent: 1 } })),
        ).toBe(expected, values);
        flush();
        expect(told).toStrictEqual(['2 ? 1..3 A3', '4 ! 1..3 0', '8 ! 1..3 1']);
      }),
    );
  });

  it('is told of between the last recovered value and the first that waited', () => {
    const events: string[] = [];
    from(['1', '4', '6', '9'])
      .pipe(
        detectGaps(last, {
          recover: ({ after }) => [String(after + 1)],
          onRecovered: (gap) => events.push(`! ${sketch(gap)}`),
          onGap: (gap) => events.push(`gap ${sketch(gap)}`),
        }),
      )
      .subscribe((value) => events.push(value));

    expect(events.slice(0, 5)).toStrictEqual(['1', '2', 'gap 2..4', '! 1..4', '4']);
    expect(events.slice(5, 8)).toStrictEqual(['5', '! 4..6', '6']);
  });

  describe('late values', () => {
    it('are told from repeated ones anew where linked numbers step down', () => {
      const previous = (value: string): number => Number(value.split('>')[0]);
      const { told, hooks } = log();
      from(['0>10', '4>6', '10>3', '1>2', '3>5'])
        .pipe(detectGaps(last, { ...hooks, previous, recover: fail }))
        .subscribe();

      expect(told.map((line) => line.slice(line.indexOf(' ') + 1))).toStrictEqual(['= 4>6', 'late 1>2<4']);
    });

    describe('with links', () => {
      const previous = (value: string): number => Number(value.split('>')[0]);

      it('are no numbering that stepped down while they fill a hole', () => {
        const { told, hooks } = log();
        const seen: string[] = [];
        from(['0>5', '8>9', '5>6', '6>7', '7>8', '9>10'])
          .pipe(detectGaps(last, { ...hooks, previous, recover: () => [] }))
          .subscribe((value) => seen.push(value));

        expect(seen).toStrictEqual(['0>5', '8>9', '5>6', '6>7', '7>8', '9>10']);
        expect(told.map((line) => line.slice(line.indexOf(' ') + 1))).toStrictEqual([
          '? 5..9 8>9',
          'gap 5..9 8>9',
          '! 5..9 0',
          'late 5>6<10',
          'late 6>7<10',
          'late 7>8<10',
        ]);
      });

      it('are one from the value on that is behind the hole, if it did, and none is lost', () => {
        const { told, hooks } = log();
        const values = ['0>5', '8>20', '5>6', '6>7', '7>10', '10>12', '14>15'];
        const seen: string[] = [];
        from(values)
          .pipe(detectGaps(last, { ...hooks, previous, recover: () => [] }))
          .subscribe((value) => seen.push(value));

        expect(seen).toStrictEqual(values);
        expect(told.slice(3).map((line) => line.slice(line.indexOf(' ') + 1))).toStrictEqual([
          'late 5>6<21',
          'late 6>7<21',
          'late 7>10<21',
          'gap 20..11 10>12',
          '? 12..15 14>15',
          'gap 12..15 14>15',
          '! 12..15 0',
        ]);
      });
    });

    it('are followed where linked numbers step down behind a hole, too, and none is lost', () => {
      const previous = (value: string): number => Number(value.split('>')[0]);
      const { told, hooks } = log();
      const seen: string[] = [];
      from(['5>6', '8>9', '1>2', '2>3', '3>4'])
        .pipe(detectGaps(last, { ...hooks, previous, recover: () => NEVER }))
        .subscribe((value) => seen.push(value));

      expect(seen).toStrictEqual(['5>6', '1>2', '8>9', '2>3', '3>4']);
      expect(told.map((line) => line.slice(line.indexOf(' ') + 1))).toStrictEqual([
        '? 6..9 8>9',
        'late 1>2<7',
        '# 6..9 gap not recovered: a new sequence began',
        'gap 6..9 8>9',
        'gap 9..3 2>3',
      ]);
    });

    it('that were recovered or seen are dropped, those that are missing are emitted, once', () => {
      const { told, hooks } = log();
      const seen: string[] = [];
      from(['5', '9', '6', '7', '7', '9', '3', '3'])
        .pipe(detectGaps(last, { ...hooks, recover: () => ['6', '8'] }))
        .subscribe((value) => seen.push(value));

      expect(seen).toStrictEqual(['5', '6', '8', '9', '7', '3']);
      expect(told.map((line) => line.slice(line.indexOf(' ') + 1))).toStrictEqual([
        '? 5..9 9',
        'gap 6..8 8',
        '! 5..9 2',
        '= 6',
        'late 7<10',
        '= 7',
        '= 9',
        'late 3<10',
        '= 3',
      ]);
    });
  });

  it.each<[string, 'onDuplicate' | 'onRecovered', string[]]>([
    ['a repeated value', 'onDuplicate', ['? 1..3', 'onDuplicate', 'dropped 3']],
    ['an answer', 'onRecovered', ['? 1..3', 'onRecovered', 'dropped 3']],
  ])('tells once of each value to who leaves when told of %s', (_name, hook, expected) => {
    const told: string[] = [];
    const source$ = new Subject<string>();
    const answer$ = new Subject<string[]>();
    const subscription = source$
      .pipe(
        detectGaps(last, {
          recover: () => answer$,
          onRecovering: (gap) => told.push(`? ${sketch(gap)}`),
          onDrop: (value) => told.push(`dropped ${value}`),
          [hook]: () => {
            told.push(hook);
            subscription.unsubscribe();
          },
        }),
      )
      .subscribe();
    for (const value of ['1', '3', '1']) source$.next(value);
    answer$.complete();

    expect(told).toStrictEqual(expected);
  });

  it.each<['onDuplicate' | 'onRecovered' | 'onGap' | 'isNew', string[]]>([
    ['onDuplicate', ['1', '2', 'onDuplicate', 'onDrop 2', 'onDrop 4', 'onDrop 4', 'onDrop 5']],
    ['onGap', ['1', '2', 'onDuplicate', 'onDuplicate', 'onGap', 'onDrop 4', 'onDrop 4', 'onDrop 5']],
    ['isNew', ['1', 'isNew', 'onDrop 2', 'onDrop 2', 'onDrop 2', 'onDrop 4', 'onDrop 4', 'onDrop 5']],
    [
      'onRecovered',
      ['1', '2', 'onDuplicate', 'onDuplicate', 'onGap', '4', 'onRecovered', 'onDrop 4', 'onDrop 5'],
    ],
  ])('tells nothing more of what is held to who leaves when told by %s', (hook, expected) => {
    const told: string[] = [];
    const source$ = new Subject<string>();
    const act = (name: string): void => {
      if (name !== 'isNew' || name === hook) told.push(name);
      if (name === hook) subscription.unsubscribe();
    };
    const subscription = source$
      .pipe(
        detectGaps(last, {
          recover: () => ['2', '2', '2', '4', '4'],
          isNew() {
            act('isNew');
            return hook !== 'isNew';
          },
          onGap: () => act('onGap'),
          onDuplicate: () => act('onDuplicate'),
          onRecovered: () => act('onRecovered'),
          onDrop: (value) => told.push(`onDrop ${value}`),
        }),
      )
      .subscribe((value) => told.push(value));
    for (const value of ['1', '5']) source$.next(value);

    expect(told).toStrictEqual(expected);
  });

  describe('what is not new', () => {
    it(
      'is dropped in its turn, and its numbers are no gap',
      marbles(({ cold, flush, expectObservable }) => {
        const { told, hooks } = log();
        const known = new Set(['3']);
        const isNew = (value: string): boolean => !known.has(value);
        const source = cold('1-5-------6|');
        const expected = '   1----(245)6|';
        const recover = within(3);

        expectObservable(source.pipe(detectGaps(last, { ...hooks, recover, isNew }))).toBe(expected);
        flush();
        expect(told).toStrictEqual(['2 ? 1..5 5', '5 = 3', '5 ! 1..5 2']);
      }),
    );

    it('does not keep out another value with its number, which comes while it is dropped or later', () => {
      const { told, hooks } = log();
      const source$ = new Subject<string>();
      const seen: string[] = [];
      source$
        .pipe(
          detectGaps(last, {
            ...hooks,
            recover: () => ['A2', 'A3', 'A4'],
            isNew: (value) => value === 'A2',
          }),
        )
        .subscribe((value) => {
          seen.push(value);
          if (value === 'A2') source$.next('B3');
        });
      for (const value of ['A1', 'A5', 'B2', 'B4', 'B4']) source$.next(value);

      expect(seen).toStrictEqual(['A1', 'A2', 'A5', 'B3', 'B4']);
      expect(told.map((line) => line.slice(line.indexOf(' ') + 1))).toStrictEqual([
        '? 1..5 A5',
        '= A3',
        '= A4',
        '! 1..5 1',
        'late B3<6',
        '= B2',
        'late B4<6',
        '= B4',
      ]);
    });

    it('does not keep out a third value with its number', () => {
      const { told, hooks } = log();
      const seen: string[] = [];
      from(['A1', 'A5'])
        .pipe(
          detectGaps(last, {
            ...hooks,
            recover: () => ['A2', 'A3', 'B3', 'C3', 'A4'],
            isNew: (value) => value !== 'A3' && value !== 'B3',
          }),
        )
        .subscribe((value) => seen.push(value));

      expect(seen).toStrictEqual(['A1', 'A2', 'C3', 'A4', 'A5']);
      expect(told.map((line) => line.slice(line.indexOf(' ') + 1))).toStrictEqual([
        '? 1..5 A5',
        '= A3',
        '= B3',
        'late C3<4',
        '! 1..5 3',
      ]);
    });

    it('is not asked of what was repeated, nor of what came by itself', () => {
      const asked: string[] = [];
      const isNew = (value: string): boolean => asked.push(value) > 0;
      from(['1', '4', '3', '5'])
        .pipe(detectGaps(last, { recover: () => ['2', '2', '3'], isNew }))
        .subscribe();

      expect(asked).toStrictEqual(['2', '3']);
    });

    it('ends the stream if the question throws', () => {
      let failure: unknown;
      from(['1', '3'])
        .pipe(detectGaps(last, { recover: () => ['2'], isNew: fail }))
        .subscribe({ error: (error: unknown) => (failure = error) });

      expect(failure).toStrictEqual(new Error('thrown'));
    });
  });

  describe('is given up, what was held comes out in order and what is missing is told', () => {
    const given: [string, Recover<string>, string][] = [
      ['throws', fail, 'thrown'],
      ['errors', () => throwError(() => new Error('refused')), 'refused'],
      ['yields no array', () => of('23') as never, 'recover must yield arrays of values, got string'],
    ];
    it('with an error that says why, and is recognised by its name', () => {
      const { name, reason, message } = new RecoveryAbandonedError('timeout');

      expect({ name, reason, message }).toStrictEqual({
        name: 'RecoveryAbandonedError',
        reason: 'timeout',
        message: 'gap not recovered: the hook took too long',
      });
    });

    it.each(given)('when the hook %s', (_name, recover, message) =>
      marbles(({ cold, flush, expectObservable }) => {
        const { told, hooks } = log();

        expectObservable(cold('1-4-5|').pipe(detectGaps(last, { ...hooks, recover }))).toBe('1-4-5|');
        flush();
        expect(told).toStrictEqual(['2 ? 1..4 4', `2 # 1..4 ${message}`, '2 gap 1..4 4']);
      })(),
    );

    it(
      'when the hook takes longer than timeoutMs, the pages it gave in time included',
      marbles(({ cold, flush, expectObservable, expectSubscriptions }) => {
        const { told, hooks } = log();
        const answer = cold('  -a-----', { a: ['3'] });
        const source = cold('1-56--------7|');
        const expected = '   1-----(356)-7|';

        expectObservable(
          source.pipe(detectGaps(last, { ...hooks, recover: () => answer, recovery: { timeoutMs: 4 } })),
        ).toBe(expected);
        expectSubscriptions(answer.subscriptions).toBe('--^---!');
        flush();
        expect(told).toStrictEqual([
          '2 ? 1..5 5',
          '6 # 1..5 gap not recovered: the hook took too long',
          '6 gap 1..3 3',
          '6 gap 3..5 5',
        ]);
      }),
    );

    it('after 10 s, by default', () => {
      marbles(({ cold, flush, expectObservable }) => {
        const { told, hooks } = log();

        expectObservable(
          cold('1-3').pipe(detectGaps(last, { ...hooks, recover: () => NEVER })),
          '^ 11s !',
        ).toBe('1 10001ms 3');
        flush();
        expect(told[1]).toBe('10002 # 1..3 gap not recovered: the hook took too long');
      })();
    });

    it(
      'when more than maxHeld are held',
      marbles(({ cold, flush, expectObservable }) => {
        const { told, hooks } = log();
        const source = cold('1-346');
        const subs = '       ^----!';
        const expected = '   1---(34)';

        expectObservable(
          source.pipe(detectGaps(last, { ...hooks, recover: within(9), recovery: { maxHeld: 2 } })),
          subs,
        ).toBe(expected);
        flush();
        expect(told).toStrictEqual([
          '2 ? 1..3 3',
          '4 # 1..3 gap not recovered: too many values were held meanwhile',
          '4 gap 1..3 3',
          '4 ? 4..6 6',
          '5 dropped 6',
        ]);
      }),
    );

    it(
      'at a reset, which comes after what was held',
      marbles(({ cold, flush, expectObservable }) => {
        const { told, hooks } = log();
        const source = cold('5-7-1---2|');
        const expected = '   5---(71)2|';
        const isReset = (value: string): boolean => value === '1';

        expectObservable(source.pipe(detectGaps(last, { ...hooks, isReset, recover: within(6) }))).toBe(
          expected,
        );
        flush();
        expect(told).toStrictEqual([
          '2 ? 5..7 7',
          '4 # 5..7 gap not recovered: a new sequence began',
          '4 gap 5..7 7',
        ]);
      }),
    );

    it.each([
      ['when flush$ emits', '1-3------|', '---f', '1--3-----|'],
      ['at completion', '1-3|', '-', '1--(3|)'],
      ['at an error', '1-3#', '-', '1--(3#)'],
    ])('%s', (_name, events, flushes, expected) =>
      marbles(({ cold, hot, flush, expectObservable }) => {
        const { told, hooks } = log();

        expectObservable(
          cold(events).pipe(detectGaps(last, { ...hooks, recover: within(5), flush$: hot(flushes) })),
        ).toBe(expected);
        flush();
        expect(told).toStrictEqual([
          '2 ? 1..3 3',
          '3 # 1..3 gap not recovered: the stream was flushed or ended',
          '3 gap 1..3 3',
        ]);
      })(),
    );

    it('and onFlushed is told when all of it is out, after what is just coming out', () => {
      const told: string[] = [];
      const flush$ = new Subject<void>();
      const source = new Subject<string>();
      const config: Config = { recover: () => NEVER, flush$, onFlushed: () => told.push('flushed') };
      source.pipe(detectGaps(last, config)).subscribe((value) => {
        told.push(value);
        if (value === '3') flush$.next();
      });

      for (const value of ['1', '3', '5']) source.next(value);
      flush$.next();
      expect(told).toStrictEqual(['1', '3', '5', 'flushed', 'flushed']);
    });

    it(
      'when its scope is forgotten',
      marbles(({ cold, flush, expectObservable }) => {
        const { told, hooks } = log();
        const values = { a: 'A1', c: 'A3', p: 'B1' };

        expectObservable(
          cold('a-cp---|', values).pipe(
            detectGaps(last, { ...hooks, scope, maxScopes: 1, recover: within(3) }),
          ),
        ).toBe('a--(cp)|', values);
        flush();
        expect(told).toStrictEqual([
          '2 ? 1..3 A3',
          '3 # 1..3 gap not recovered: its scope was forgotten',
          '3 gap 1..3 A3',
          '3 forgotten A',
        ]);
      }),
    );
  });

  describe('with reorder', () => {
    it(
      'asks only for what did not come by itself in time',
      marbles(({ cold, flush, expectObservable }) => {
        const { told, hooks } = log();
        const source = cold('1-32--5---------|');
        const expected = '   1--(23)-----(45)|';
        const reorder = { maxItems: 9, maxMs: 4 };

        expectObservable(source.pipe(detectGaps(last, { ...hooks, reorder, recover: within(2) }))).toBe(
          expected,
        );
        flush();
        expect(told).toStrictEqual(['10 ? 3..5 5', '12 ! 3..5 1']);
      }),
    );

    it(
      'waits again for a hole behind one that was recovered',
      marbles(({ cold, flush, expectObservable }) => {
        const { told, hooks } = log();
        const source = cold('1-3----5----4---|');
        const expected = '   1-------(23)(45)|';
        const reorder = { maxItems: 9, maxMs: 5 };

        expectObservable(source.pipe(detectGaps(last, { ...hooks, reorder, recover: within(1) }))).toBe(
          expected,
        );
        flush();
        expect(told).toStrictEqual(['7 ? 1..3 3', '8 ! 1..3 1']);
      }),
    );
  });

  describe('for any values', () => {
    const byNumber = (a: number, b: number): number => a - b;
    /** 1 … n with holes, repeats and swaps. */
    const shaken = fc
      .array(fc.record({ isCut: fc.boolean(), repeats: fc.nat(1), shift: fc.nat(3) }))
      .map((marks) =>
        marks
          .flatMap(({ isCut, repeats, shift }, index) =>
            isCut
              ? []
              : Array.from({ length: 1 + repeats }, (_, copy) => ({
                  number: index + 1,
                  place: index + shift * copy,
                })),
          )
          .sort((a, b) => a.place - b.place)
          .map(({ number }) => number),
      );

    it('a perfect answer makes the sequence whole: in order, nothing missing, nothing twice', () => {
      fc.assert(
        fc.property(shaken, fc.boolean(), (numbers, isSync) => {
          const source$ = new Subject<number>();
          const due: (() => void)[] = [];
          const seen: number[] = [];
          const duplicates: number[] = [];
          source$
            .pipe(
              detectGaps((number: number) => number, {
                onGap: fail,
                onDuplicate: (number) => duplicates.push(number),
                recover: (gap) => {
                  if (isSync) return numbersOf(gap);
                  const answer$ = new Subject<number[]>();
                  due.push(() => {
                    answer$.next(numbersOf(gap).reverse());
                    answer$.complete();
                  });
                  return answer$;
                },
              }),
            )
            .subscribe((number) => seen.push(number));
          for (const [index, number] of [0, ...numbers].entries()) {
            source$.next(number);
            if (index % 3 === 0) due.shift()?.();
          }
          while (due.length > 0) due.shift()?.();
          source$.complete();

          const highest = Math.max(0, ...numbers);
          expect(seen).toStrictEqual(Array.from({ length: highest + 1 }, (_, number) => number));
        }),
        { numRuns: 500 },
      );
    });

    it('without an answer, each hole is told once, and with the values they add up to the whole', () => {
      fc.assert(
        fc.property(shaken, (numbers) => {
          const known = new Set<number>();
          const gaps: Gap[] = [];
          from([0, ...numbers])
            .pipe(
              detectGaps((number: number) => number, {
                recover: () => EMPTY,
                onGap: (gap) => gaps.push(gap),
              }),
            )
            .subscribe((number) => {
              expect(known.has(number)).toBe(false);
              known.add(number);
            });

          const missing = gaps.flatMap(numbersOf);
          expect(missing).toHaveLength(new Set(missing).size);
          const highest = Math.max(0, ...numbers);
          expect([...new Set([...known, ...missing])].sort(byNumber)).toStrictEqual(
            Array.from({ length: highest + 1 }, (_, number) => number),
          );
        }),
        { numRuns: 500 },
      );
    });

    it('what comes in comes out, or is told as dropped or as a duplicate, wherever the stream is left', () => {
      const answers = fc.infiniteStream(fc.array(fc.nat(20), { maxLength: 6 }));
      const config = fc.record({
        maxHeld: fc.integer({ min: 1, max: 5 }),
        scopes: fc.integer({ min: 1, max: 3 }),
        maxScopes: fc.integer({ min: 1, max: 3 }),
        maxConcurrent: fc.integer({ min: 1, max: 2 }),
        resets: fc.boolean(),
        maxItems: fc.nat(3),
      });

      fc.assert(
        fc.property(
          fc.array(fc.nat(20), { maxLength: 40 }),
          config,
          answers,
          fc.nat(40),
          (numbers, { scopes, maxScopes, resets, maxItems, ...bounds }, answer, afterOut) => {
            const source$ = new Subject<number>();
            const open: Subject<number[]>[] = [];
            const fed: number[] = [];
            const out: number[] = [];
            const subscription = source$
              .pipe(
                detectGaps((number: number) => number, {
                  scope: (number) => number % scopes,
                  maxScopes,
                  isReset: (number) => resets && number % 5 === 0,
                  ...(maxItems > 0 && { reorder: { maxItems, maxMs: 1 } }),
                  recovery: bounds,
                  recover: () => {
                    const answer$ = new Subject<number[]>();
                    open.push(answer$);
                    return answer$;
                  },
                  onDrop: (number) => out.push(number),
                  onDuplicate: (number) => out.push(number),
                }),
                take(afterOut),
              )
              .subscribe((number) => out.push(number));

            for (const [index, number] of numbers.entries()) {
              if (!source$.observed) break;
              fed.push(number);
              source$.next(number);
              const answer$ = index % 4 === 3 ? open.shift() : undefined;
              if (answer$?.observed !== true) continue;
              const page = answer.next().value as number[];
              fed.push(...page);
              answer$.next(page);
              answer$.complete();
            }
            subscription.unsubscribe();

            expect(out.sort(byNumber)).toStrictEqual(fed.sort(byNumber));
          },
        ),
        { numRuns: 500 },
      );
    });
  });
});
