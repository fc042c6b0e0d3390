import { from, type Observable, of, Subject, take, tap } from 'rxjs';
import { detectGaps, type DetectGapsConfig } from '../../src/operators/detectGaps.js';
import type { Gap } from '../../src/operators/sequence.js';
import { marbles } from '../marbles.js';

type Config = DetectGapsConfig<string>;

/** The number a value ends with: 7 of `7`, `B7`, `5-7` (a range) and `6>7` (a link). */
const last = (value: string): number => Number(/\d+$/.exec(value)?.[0]);

const scope = (value: string): unknown => value[0];

/** The number a range begins with. */
const first = (value: string): number => Number(value.split('-')[0]);

/** The number a link points to; `>7` does not tell. */
const previous = (value: string): number | undefined =>
  value.startsWith('>') ? undefined : Number(value.split('>')[0]);

/** What is emitted and told, in the order it happens. */
const story = (values: readonly string[], config: Config = {}): unknown[] => {
  const events: unknown[] = [];
  from(values)
    .pipe(
      detectGaps(last, {
        onGap: (gap, value) => events.push({ gap, value }),
        onLate: (late, expected) => events.push({ late, expected }),
        onScopeForgotten: (forgotten) => events.push({ forgotten }),
        ...config,
      }),
    )
    .subscribe({
      next: (value) => events.push(value),
      error: (error: unknown) => events.push({ error }),
      complete: () => events.push('|'),
    });
  return events;
};

const fail = (): never => {
  throw new Error('thrown');
};

/** What a call throws: compared whole, its class is compared too. */
const thrownBy = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    return error;
  }
};

describe('detectGaps', () => {
  describe('as an operator', () => {
    it.each([
      ['never', '-        ', '^--------!'],
      ['empty', '|        ', '(^!)      '],
      ['an error', '1-2-#    ', '^---!     '],
      ['a sequence without gaps', '1-2-(34)|', '^-------! '],
      ['a gap and what is late', '1-5-3-6-|', '^-------! '],
    ])('passes %s through, each value in its frame', (_name, events, subs) =>
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold(events);

        expectObservable(source.pipe(detectGaps(last)), '^--------!').toBe(events);
        expectSubscriptions(source.subscriptions).toBe(subs);
      })(),
    );

    it(
      'an unsubscribe ends the source',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('1-2-5-6');
        const subs = '       ^--!   ';
        const expected = '   1-2----';

        expectObservable(source.pipe(detectGaps(last)), subs).toBe(expected);
        expectSubscriptions(source.subscriptions).toBe(subs);
      }),
    );

    it(
      'a second subscription starts fresh',
      marbles(({ cold, expectObservable }) => {
        const gaps$ = new Subject<Gap>();
        const onGap = (gap: Gap): void => gaps$.next(gap);
        const watched = cold('          1-2-5-|  ').pipe(detectGaps(last, { onGap }));
        const gaps = '                  ----g---g';

        expectObservable(gaps$).toBe(gaps, { g: { after: 2, before: 5, missing: 2 } });
        expectObservable(watched, '     ^        ').toBe('1-2-5-|');
        expectObservable(watched, '     ----^    ').toBe('----1-2-5-|');
      }),
    );

    it('a synchronous source stops once nobody listens', () => {
      let pulled = 0;
      const numbers = function* (): Generator<string> {
        for (;;) yield String(pulled++);
      };
      const seen: string[] = [];

      from(numbers())
        .pipe(detectGaps(last), take(3))
        .subscribe((value) => seen.push(value));

      expect(seen).toStrictEqual(['0', '1', '2']);
      expect(pulled).toBe(3);
    });

    it.each<[string, Config]>([
      ['of', {}],
      ['first', { first: fail }],
      ['previous', { previous: fail }],
      ['scope', { scope: fail }],
      ['isReset', { isReset: fail }],
      ['onGap', { onGap: fail }],
      ['onLate', { onLate: fail }],
      ['onScopeForgotten', { scope, maxScopes: 1, onScopeForgotten: fail }],
    ])('what %s throws is the error of the stream', (name, config) => {
      const seen: unknown[] = [];

      from(['1', '3', '2'])
        .pipe(detectGaps(name === 'of' ? fail : last, config))
        .subscribe({ error: (error: unknown) => seen.push(error) });

      expect(seen).toStrictEqual([new Error('thrown')]);
    });

    it.each(
      [NaN, Infinity, 0.5, 2 ** 53].flatMap((number): [string, number, Config][] => [
        ['of', number, {}],
        ['first', number, { first: () => number }],
        ['previous', number, { previous: () => number }],
      ]),
    )('a number that is no safe integer is the error of the stream: %s gives %p', (name, number, config) => {
      const seen: unknown[] = [];

      from(['1', '2'])
        .pipe(detectGaps(name === 'of' ? () => number : last, config))
        .subscribe({ error: (error: unknown) => seen.push(error) });

      expect(seen).toStrictEqual([
        new RangeError(`detectGaps: ${name} must give a safe integer, got ${number}`),
      ]);
    });

    it.each<[string, Config]>([
      ...[0, -1, 1.5, NaN, Infinity, 2 ** 24 + 1].map((maxScopes): [string, Config] => [
        `maxScopes must be a whole number from 1 to 16777216, got ${maxScopes}`,
        { maxScopes },
      ]),
      ...[0, -1, 1.5, NaN, Infinity].map((maxItems): [string, Config] => [
        `reorder.maxItems must be a whole number above 0, got ${maxItems}`,
        { reorder: { maxItems, maxMs: 1 } },
      ]),
      ...[0, -1, NaN, Infinity, 2 ** 31].map((maxMs): [string, Config] => [
        `reorder.maxMs must be above 0 and at most 2147483647, got ${maxMs}`,
        { reorder: { maxItems: 1, maxMs } },
      ]),
    ])('refuses at construction: %s', (message, config) => {
      expect(thrownBy(() => detectGaps(last, config))).toStrictEqual(
        new RangeError(`detectGaps: ${message}`),
      );
    });

    it('takes each limit at its edge', () => {
      expect(() => detectGaps(last, { maxScopes: 1, reorder: { maxItems: 1, maxMs: 1 } })).not.toThrow();
      expect(() =>
        detectGaps(last, { maxScopes: 2 ** 24, reorder: { maxItems: 1, maxMs: 2 ** 31 - 1 } }),
      ).not.toThrow();
    });

    it('is typed', () => {
      // @ts-expect-error The number of a value is a number, no text.
      detectGaps((value: string) => value);
      // @ts-expect-error The values pass through as they are.
      const text$: Observable<string> = of(1).pipe(detectGaps((value) => value));
      expect(text$).toBeDefined();
    });
  });

  describe('gaps', () => {
    it('tells what is missing, just before the value behind it', () => {
      expect(story(['1', '2', '5', '7'])).toStrictEqual([
        '1',
        '2',
        { gap: { after: 2, before: 5, missing: 2 }, value: '5' },
        '5',
        { gap: { after: 5, before: 7, missing: 1 }, value: '7' },
        '7',
        '|',
      ]);
    });

    it('the sequence begins at the first value, whatever its number', () => {
      expect(story(['41', '42'])).toStrictEqual(['41', '42', '|']);
    });

    it('emits late values, the last once more too, and tells what was expected instead', () => {
      expect(story(['1', '2', '2', '1', '3'])).toStrictEqual([
        '1',
        '2',
        { late: '2', expected: 3 },
        '2',
        { late: '1', expected: 3 },
        '1',
        '3',
        '|',
      ]);
    });

    it('a value late into a gap does not take the gap back', () => {
      expect(story(['1', '3', '2', '4'])).toStrictEqual([
        '1',
        { gap: { after: 1, before: 3, missing: 1 }, value: '3' },
        '3',
        { late: '2', expected: 4 },
        '2',
        '4',
        '|',
      ]);
    });

    it('does all of it with nobody told', () => {
      const seen: string[] = [];

      from(['A1', 'A3', 'A2', 'B1', 'A4'])
        .pipe(detectGaps(last, { scope, maxScopes: 1 }))
        .subscribe((value) => seen.push(value));

      expect(seen).toStrictEqual(['A1', 'A3', 'A2', 'B1', 'A4']);
    });
  });

  describe('first', () => {
    it('a range goes on where the one before ended, and an overlap is no gap', () => {
      expect(story(['1-3', '4-6', '5-9', '1-10'], { first })).toStrictEqual([
        '1-3',
        '4-6',
        '5-9',
        '1-10',
        '|',
      ]);
    });

    it('a gap lies between the end of a range and the beginning of the next', () => {
      expect(story(['1-3', '6-9'], { first })).toStrictEqual([
        '1-3',
        { gap: { after: 3, before: 6, missing: 2 }, value: '6-9' },
        '6-9',
        '|',
      ]);
    });

    it('a range that ends at the last number or before is late', () => {
      expect(story(['1-5', '2-5'], { first })).toStrictEqual([
        '1-5',
        { late: '2-5', expected: 6 },
        '2-5',
        '|',
      ]);
    });
  });

  describe('previous', () => {
    it('linked values have no gap, however far apart their numbers', () => {
      expect(story(['0>10', '10>25', '25>26'], { previous })).toStrictEqual(['0>10', '10>25', '25>26', '|']);
    });

    it('a link to something newer than the last is a gap up to what it points to', () => {
      expect(story(['0>10', '14>20'], { previous })).toStrictEqual([
        '0>10',
        { gap: { after: 10, before: 15, missing: 4 }, value: '14>20' },
        '14>20',
        '|',
      ]);
    });

    it('a link to something older than the last is a gap of nothing known', () => {
      expect(story(['0>10', '8>20'], { previous })).toStrictEqual([
        '0>10',
        { gap: { after: 10, before: 9, missing: 0 }, value: '8>20' },
        '8>20',
        '|',
      ]);
    });

    it('a link to the last continues the sequence at a smaller number, and at the same', () => {
      expect(story(['0>10', '10>10', '10>3', '3>5', '6>7'], { previous })).toStrictEqual([
        '0>10',
        '10>10',
        '10>3',
        '3>5',
        { gap: { after: 5, before: 7, missing: 1 }, value: '6>7' },
        '6>7',
        '|',
      ]);
    });

    it('a keep-alive that repeats the number shows what was lost before it', () => {
      expect(story(['0>10', '10>10', '15>15', '15>20'], { previous })).toStrictEqual([
        '0>10',
        '10>10',
        { gap: { after: 10, before: 16, missing: 5 }, value: '15>15' },
        '15>15',
        '15>20',
        '|',
      ]);
    });

    it('is followed to where it went on, when the value that stepped down was lost', () => {
      expect(story(['0>10', '3>5', '5>7', '7>8'], { previous })).toStrictEqual([
        '0>10',
        { late: '3>5', expected: 11 },
        '3>5',
        { gap: { after: 10, before: 6, missing: 0 }, value: '5>7' },
        '5>7',
        '7>8',
        '|',
      ]);
    });

    it('is not followed by late values that do not link, or between which the sequence went on', () => {
      expect(story(['0>10', '3>5', '2>3', '10>11', '3>4'], { previous })).toStrictEqual([
        '0>10',
        { late: '3>5', expected: 11 },
        '3>5',
        { late: '2>3', expected: 11 },
        '2>3',
        '10>11',
        { late: '3>4', expected: 12 },
        '3>4',
        '|',
      ]);
    });

    it('a reset forgets the late value before it', () => {
      const isReset = (value: string): boolean => value === '0>10';

      expect(story(['0>10', '3>5', '0>10', '5>7'], { previous, isReset })).toStrictEqual([
        '0>10',
        { late: '3>5', expected: 11 },
        '3>5',
        '0>10',
        { late: '5>7', expected: 11 },
        '5>7',
        '|',
      ]);
    });

    it('where undefined, no gap is looked for; what is older is late all the same', () => {
      expect(story(['0>10', '>20', '20>21', '>15'], { previous })).toStrictEqual([
        '0>10',
        '>20',
        '20>21',
        { late: '>15', expected: 22 },
        '>15',
        '|',
      ]);
    });

    it('takes the place of first', () => {
      expect(story(['0>10', '10>25'], { previous, first: fail })).toStrictEqual(['0>10', '10>25', '|']);
    });
  });

  describe('scope', () => {
    it('each scope has its own sequence', () => {
      expect(story(['A1', 'B7', 'A2', 'B9', 'A3'], { scope })).toStrictEqual([
        'A1',
        'B7',
        'A2',
        { gap: { after: 7, before: 9, missing: 1 }, value: 'B9' },
        'B9',
        'A3',
        '|',
      ]);
    });

    it.each([[undefined], [null], [0], ['']])('%p is a scope like any other', (name) => {
      const named = (value: string): unknown => (value.startsWith('A') ? name : 'other');

      expect(story(['A1', 'B7', 'A3'], { scope: named })).toStrictEqual([
        'A1',
        'B7',
        { gap: { after: 1, before: 3, missing: 1 }, value: 'A3' },
        'A3',
        '|',
      ]);
    });

    it('0, the empty text and undefined are three scopes', () => {
      const names = new Map<string, unknown>([
        ['A', 0],
        ['B', ''],
        ['C', undefined],
      ]);
      const values = ['A1', 'B5', 'C9', 'A2', 'B6', 'C10'];

      expect(story(values, { scope: (value) => names.get(value.charAt(0)) })).toStrictEqual([...values, '|']);
    });

    it('the least recently seen of too many is forgotten, told, and begins anew', () => {
      expect(story(['A1', 'B1', 'A2', 'C1', 'A4', 'B9'], { scope, maxScopes: 2 })).toStrictEqual([
        'A1',
        'B1',
        'A2',
        { forgotten: 'B' },
        'C1',
        { gap: { after: 2, before: 4, missing: 1 }, value: 'A4' },
        'A4',
        { forgotten: 'C' },
        'B9',
        '|',
      ]);
    });

    it('maxScopes scopes are remembered, all of them', () => {
      expect(story(['A1', 'B1', 'A2', 'B2'], { scope, maxScopes: 2 })).toStrictEqual([
        'A1',
        'B1',
        'A2',
        'B2',
        '|',
      ]);
    });

    it('a forgotten scope is told by the name it was given', () => {
      expect(
        story(['A1', 'B1'], { scope: (value) => (value === 'A1' ? undefined : 'B'), maxScopes: 1 }),
      ).toStrictEqual(['A1', { forgotten: undefined }, 'B1', '|']);
    });
  });

  describe('isReset', () => {
    const isReset = (value: string): boolean => value.startsWith('R');

    it('a new sequence begins at a smaller number, and nothing is late', () => {
      expect(story(['8', '9', 'R1', '2', '4'], { isReset })).toStrictEqual([
        '8',
        '9',
        'R1',
        '2',
        { gap: { after: 2, before: 4, missing: 1 }, value: '4' },
        '4',
        '|',
      ]);
    });

    it('a new sequence begins at a greater number, and nothing is missing', () => {
      expect(story(['1', 'R9', '10'], { isReset })).toStrictEqual(['1', 'R9', '10', '|']);
    });

    it('resets the scope of the value, and no other', () => {
      expect(story(['A1', 'B1', 'A9', 'B9'], { scope, isReset: (value) => value === 'A9' })).toStrictEqual([
        'A1',
        'B1',
        'A9',
        { gap: { after: 1, before: 9, missing: 7 }, value: 'B9' },
        'B9',
        '|',
      ]);
    });
  });

  it(
    'the source is watched, its values are untouched',
    marbles(({ cold, expectObservable }) => {
      const book = { u: 3 };
      const same = cold('a', { a: book }).pipe(
        detectGaps(({ u }) => u),
        tap((value) => expect(value).toBe(book)),
      );

      expectObservable(same).toBe('a', { a: book });
    }),
  );
});
