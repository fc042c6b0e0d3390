import * as fc from 'fast-check';
import { asyncScheduler, from, type Observable, of, Subject, type Subscription, take, tap } from 'rxjs';
import { detectGaps, type DetectGapsConfig } from '../../src/operators/detectGaps.js';
import type { Gap } from '../../src/operators/sequence.js';
import { reorder, type ReorderConfig } from '../../src/operators/reorder.js';
import { marbles } from '../marbles.js';

type Config = Omit<DetectGapsConfig<string>, 'reorder'>;

/** The number a value ends with: 7 of `7`, `B7`, `5-7` (a range) and `6>7` (a link). */
const last = (value: string): number => Number(/\d+$/.exec(value)?.[0]);

const scope = (value: string): unknown => value[0];

/** Short enough to draw: a hole stays open for 4 ms, or until a fourth value waits. */
const short = { maxItems: 3, maxMs: 4 };

const inOrder = (config: Config = {}, limits = short): ReturnType<typeof detectGaps<string>> =>
  detectGaps(last, { ...config, reorder: limits });

/** The gaps told, as a stream to draw. */
const toldGaps = (): [Observable<Gap>, (gap: Gap) => void] => {
  const gaps$ = new Subject<Gap>();
  return [gaps$, (gap) => gaps$.next(gap)];
};

const fail = (): never => {
  throw new Error('thrown');
};

/** Whether each timer asked for so far still runs. */
const timersOf = (schedule: jest.SpyInstance<Subscription>): string[] =>
  schedule.mock.results.map(({ value }) => ((value as Subscription).closed ? 'closed' : 'open'));

const byNumber = (a: number, b: number): number => a - b;

describe('reorder', () => {
  describe('as an operator', () => {
    it.each([
      ['never', '-        ', '^--------!'],
      ['empty', '|        ', '(^!)      '],
      ['an error', '1-2-#    ', '^---!     '],
      ['a sequence without gaps', '1-2-(34)|', '^-------! '],
      ['what is late', '4-5-3-6-|', '^-------! '],
    ])('passes %s through, each value in its frame', (_name, events, subs) =>
      marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const source = cold(events);
        const flush$ = hot('-');

        expectObservable(source.pipe(inOrder({ flush$ })), '^--------!').toBe(events);
        expectSubscriptions(source.subscriptions).toBe(subs);
        expectSubscriptions(flush$.subscriptions).toBe(subs);
      })(),
    );

    it(
      'a second subscription starts fresh',
      marbles(({ cold, expectObservable }) => {
        const ordered = cold('     1-3-2---|').pipe(inOrder());

        expectObservable(ordered, '^        ').toBe('1---(23)|');
        expectObservable(ordered, '---^     ').toBe('---1---(23)|');
      }),
    );

    it('a synchronous source stops once nobody listens', () => {
      let pulled = 0;
      const numbers = function* (): Generator<string> {
        for (;;) yield String(pulled++);
      };
      const seen: string[] = [];

      from(numbers())
        .pipe(inOrder(), take(3))
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

      from(['3', '2', '5'])
        .pipe(detectGaps(name === 'of' ? fail : last, { ...config, reorder: short }))
        .subscribe({ error: (error: unknown) => seen.push(error) });

      expect(seen).toStrictEqual([new Error('thrown')]);
    });

    it(
      'what onGap throws once maxMs have passed is the error of the stream, and what is held is dropped',
      marbles(({ cold, flush, expectObservable, expectSubscriptions }) => {
        const source = cold('1-3-4---5');
        const subs = '       ^-----!  ';
        const expected = '   1-----#  ';
        const dropped: string[] = [];
        const onDrop = (value: string): number => dropped.push(value);

        expectObservable(source.pipe(inOrder({ onGap: fail, onDrop }))).toBe(
          expected,
          undefined,
          new Error('thrown'),
        );
        expectSubscriptions(source.subscriptions).toBe(subs);
        flush();
        expect(dropped).toStrictEqual(['3', '4']);
      }),
    );

    it('a number that is no safe integer is the error of the stream, and what is not out yet is dropped', () => {
      const seen: unknown[] = [];

      from(['1', '3', 'x', '2'])
        .pipe(inOrder({ onDrop: (dropped) => seen.push({ dropped }) }))
        .subscribe({ next: (value) => seen.push(value), error: (error: unknown) => seen.push(error) });

      expect(seen).toStrictEqual([
        '1',
        new RangeError('detectGaps: of must give a safe integer, got NaN'),
        { dropped: '3' },
        { dropped: 'x' },
      ]);
    });

    it('is typed', () => {
      // @ts-expect-error A hole is bounded in time too.
      const unbounded: ReorderConfig<string> = { maxItems: 3 };
      // @ts-expect-error What watching knows of values is needed.
      const untold = (): unknown => reorder(undefined, unbounded);
      expect(untold).toBeDefined();
    });
  });

  describe('while a hole is open', () => {
    it(
      'what is behind it is held until it is filled, and comes out in order',
      marbles(({ cold, flush, expectObservable }) => {
        const source = cold('1-43--2----5|');
        const expected = '   1-----(234)5|';
        const onGap = jest.fn();
        const onLate = jest.fn();

        expectObservable(source.pipe(inOrder({ onGap, onLate }, { maxItems: 3, maxMs: 5 }))).toBe(expected);
        flush();
        expect(onGap).not.toHaveBeenCalled();
        expect(onLate).not.toHaveBeenCalled();
      }),
    );

    it(
      'what is late is not held',
      marbles(({ cold, expectObservable }) => {
        const late$ = new Subject<string>();
        const onLate = (value: string, expected: number): void => late$.next(`${value}<${expected}`);
        const source = cold('5-7-4-6---|');
        const late = '       ----l------';
        const expected = '   5---4-(67)|';

        expectObservable(late$).toBe(late, { l: '4<6' });
        expectObservable(source.pipe(inOrder({ onLate }, { maxItems: 3, maxMs: 6 }))).toBe(expected);
      }),
    );

    it(
      'a value held twice comes out once in its place, once late',
      marbles(({ cold, expectObservable }) => {
        const late$ = new Subject<string>();
        const onLate = (value: string, expected: number): void => late$.next(`${value}<${expected}`);
        const source = cold('1-332----|');
        const late = '       ----l-----';
        const expected = '   1---(233)|';

        expectObservable(late$).toBe(late, { l: '3<4' });
        expectObservable(source.pipe(inOrder({ onLate }))).toBe(expected);
      }),
    );

    it(
      'ranges come out in order',
      marbles(({ cold, expectObservable }) => {
        const values = { a: '1-3', b: '4-6', c: '5-9', d: '10-11' };
        const first = (value: string): number => Number(value.split('-')[0]);
        const source = cold('a-d-c-b----|', values);
        const expected = '   a-----(bcd)|';

        expectObservable(source.pipe(inOrder({ first }, { maxItems: 3, maxMs: 9 }))).toBe(expected, values);
      }),
    );

    it(
      'linked values come out in order, and a broken link with nothing to wait for is not waited for',
      marbles(({ cold, expectObservable }) => {
        const [gaps$, onGap] = toldGaps();
        const values = { a: '0>10', b: '10>20', c: '20>30', d: '25>40' };
        const previous = (value: string): number => Number(value.split('>')[0]);
        const source = cold('a-c-b----d|', values);
        const gaps = '       ---------g-';
        const expected = '   a---(bc)-d|';

        expectObservable(gaps$).toBe(gaps, { g: { after: 30, before: 26, missing: 0 } });
        expectObservable(source.pipe(inOrder({ previous, onGap }))).toBe(expected, values);
      }),
    );

    it(
      'overlapping ranges come out by where they begin, for that is what goes on',
      marbles(({ cold, expectObservable }) => {
        const values = { a: '1-3', b: '6-9', c: '4-4', d: '5-12' };
        const first = (value: string): number => Number(value.split('-')[0]);
        const [late$, onLate] = [new Subject<string>(), (value: string) => late$.next(value)];
        const source = cold('a-b-d-c----|', values);
        const late = '       ------b-----';
        const expected = '   a-----(cdb)|';

        expectObservable(late$).toBe(late, values);
        expectObservable(source.pipe(inOrder({ first, onLate }, { maxItems: 3, maxMs: 9 }))).toBe(
          expected,
          values,
        );
      }),
    );

    it(
      'a linked value that steps down lets what is held out first, with its gap',
      marbles(({ cold, expectObservable }) => {
        const [gaps$, onGap] = toldGaps();
        const values = { a: '0>10', b: '15>20', c: '20>3', d: '3>5' };
        const previous = (value: string): number => Number(value.split('>')[0]);
        const source = cold('a-b-c---d|', values);
        const gaps = '       ----g-----';
        const expected = '   a---(bc)d|';

        expectObservable(gaps$).toBe(gaps, { g: { after: 10, before: 16, missing: 5 } });
        expectObservable(source.pipe(inOrder({ previous, onGap }, { maxItems: 3, maxMs: 9 }))).toBe(
          expected,
          values,
        );
      }),
    );

    it('a value of another scope that comes while they are let out follows them', () => {
      const source$ = new Subject<string>();
      const seen: string[] = [];
      source$.pipe(inOrder({ scope })).subscribe((value) => {
        seen.push(value);
        if (value === 'A2') source$.next('B2');
      });

      for (const value of ['A1', 'B1', 'A3', 'A2']) source$.next(value);

      expect(seen).toStrictEqual(['A1', 'B1', 'A2', 'A3', 'B2']);
    });

    it(
      'a value in sequence comes straight through while other scopes wait',
      marbles(({ cold, flush, expectObservable }) => {
        const seen: string[] = [];
        const values = { a: 'A1', c: 'A3', p: 'B7', q: 'B8' };
        const ordered = cold('a-cpq---', values).pipe(
          inOrder({ scope }, { maxItems: 3, maxMs: 9 }),
          tap((value) => seen.push(value)),
        );

        expectObservable(ordered, '^----!').toBe('a--pq', values);
        flush();
        expect(seen).toStrictEqual(['A1', 'B7', 'B8']);
      }),
    );

    it(
      'a reset lets what is held out first, with its gap',
      marbles(({ cold, expectObservable }) => {
        const [gaps$, onGap] = toldGaps();
        const source = cold('5-7-1---2|');
        const gaps = '       ----g-----';
        const expected = '   5---(71)2|';
        const isReset = (value: string): boolean => value === '1';

        expectObservable(gaps$).toBe(gaps, { g: { after: 5, before: 7, missing: 1 } });
        expectObservable(source.pipe(inOrder({ isReset, onGap }))).toBe(expected);
      }),
    );

    it('the gap is told just before the value behind it', () => {
      const events: unknown[] = [];

      from(['1', '3', '4'])
        .pipe(inOrder({ onGap: (gap, value) => events.push({ gap, value }) }))
        .subscribe((value) => events.push(value));

      expect(events).toStrictEqual(['1', { gap: { after: 1, before: 3, missing: 1 }, value: '3' }, '3', '4']);
    });
  });

  describe('maxMs', () => {
    it(
      'gives a hole up exactly so long after it was seen, however much came since',
      marbles(({ cold, expectObservable }) => {
        const [gaps$, onGap] = toldGaps();
        const source = cold('1-3--4----5|');
        const gaps = '       ------g-----';
        const expected = '   1-----(34)5|';

        expectObservable(gaps$).toBe(gaps, { g: { after: 1, before: 3, missing: 1 } });
        expectObservable(source.pipe(inOrder({ onGap }))).toBe(expected);
      }),
    );

    it(
      'each hole counts from its own moment',
      marbles(({ cold, expectObservable }) => {
        const [gaps$, onGap] = toldGaps();
        const source = cold('1-3--5------6|');
        const gaps = '       ------g--h    ';
        const expected = '   1-----3--5--6|';

        expectObservable(gaps$).toBe(gaps, {
          g: { after: 1, before: 3, missing: 1 },
          h: { after: 3, before: 5, missing: 1 },
        });
        expectObservable(source.pipe(inOrder({ onGap }))).toBe(expected);
      }),
    );

    it(
      'a hole split by what arrives in it is as old as it was',
      marbles(({ cold, expectObservable }) => {
        const [gaps$, onGap] = toldGaps();
        const source = cold('1-5-3-------6|');
        const gaps = '       ------(gh)    ';
        const expected = '   1-----(35)--6|';

        expectObservable(gaps$).toBe(gaps, {
          g: { after: 1, before: 3, missing: 1 },
          h: { after: 3, before: 5, missing: 1 },
        });
        expectObservable(source.pipe(inOrder({ onGap }))).toBe(expected);
      }),
    );

    it(
      'a hole behind one just filled keeps the moment it was seen',
      marbles(({ cold, expectObservable }) => {
        const source = cold('1-3-52--------|');
        const expected = '   1----(23)-5---|';

        expectObservable(source.pipe(inOrder({}, { maxItems: 3, maxMs: 6 }))).toBe(expected);
      }),
    );

    it(
      'what fills the hole after it was given up is late',
      marbles(({ cold, expectObservable }) => {
        const late$ = new Subject<string>();
        const onLate = (value: string, expected: number): void => late$.next(`${value}<${expected}`);
        const source = cold('1-3----2|');
        const late = '       -------l-';
        const expected = '   1-----32|';

        expectObservable(late$).toBe(late, { l: '2<4' });
        expectObservable(source.pipe(inOrder({ onLate }))).toBe(expected);
      }),
    );

    it(
      'a wall clock set back does not keep a hole open longer',
      marbles(({ cold, flush, expectObservable }) => {
        const clock = asyncScheduler.now.bind(asyncScheduler);
        const now = jest
          .spyOn(asyncScheduler, 'now')
          .mockImplementation(() => (clock() < 4 ? clock() : clock() - 3_600_000));
        // 3 is seen before, 6 before and left in front after, 9 after.
        const source = cold('1-362----9------|');
        const expected = '   1---(23)6----9--|';

        expectObservable(source.pipe(inOrder())).toBe(expected);
        flush();
        now.mockRestore();
      }),
    );
  });

  describe('maxItems', () => {
    const patient = { maxItems: 3, maxMs: 100 };

    it(
      'gives the first hole up once more than so many wait, and only that one',
      marbles(({ cold, expectObservable }) => {
        const [gaps$, onGap] = toldGaps();
        const source = cold('1-3579----4---6-');
        const gaps = '       -----g----------';
        const expected = '   1----3----(45)(67)';

        expectObservable(gaps$).toBe(gaps, { g: { after: 1, before: 3, missing: 1 } });
        expectObservable(source.pipe(inOrder({ onGap }, patient)), '^---------------!').toBe(expected);
      }),
    );

    it(
      'so many wait',
      marbles(({ cold, expectObservable }) => {
        const source = cold('1-345------2-----|');
        const expected = '   1----------(2345)|';

        expectObservable(source.pipe(inOrder({}, patient))).toBe(expected);
      }),
    );

    it(
      'counts for each scope',
      marbles(({ cold, expectObservable }) => {
        const values = { a: 'A1', c: 'A3', d: 'A4', p: 'B1', r: 'B3', s: 'B4' };
        const source = cold('apcrd---s-', values);
        const subs = '       ^---------!';
        const expected = '   ap--(cd)(rs)';

        expectObservable(source.pipe(inOrder({ scope }, { maxItems: 1, maxMs: 100 })), subs).toBe(
          expected,
          values,
        );
      }),
    );
  });

  describe('what is held', () => {
    it(
      'comes out in order with its gaps whenever flush$ emits',
      marbles(({ cold, hot, expectObservable }) => {
        const [gaps$, onGap] = toldGaps();
        const source = cold('1-53----67--9-----|');
        const flush$ = hot(' f---f--------f-|   ');
        const gaps = '       ----(gh)-----k-----';
        const expected = '   1---(35)67---9----|';
        const patient = { maxItems: 3, maxMs: 100 };

        expectObservable(gaps$).toBe(gaps, {
          g: { after: 1, before: 3, missing: 1 },
          h: { after: 3, before: 5, missing: 1 },
          k: { after: 7, before: 9, missing: 1 },
        });
        expectObservable(source.pipe(inOrder({ onGap, flush$ }, patient))).toBe(expected);
      }),
    );

    it(
      'is dropped when flush$ errors, and the stream with it',
      marbles(({ cold, hot, flush, expectObservable }) => {
        const source = cold('1-3------');
        const flush$ = hot(' ---#     ');
        const expected = '   1--#     ';
        const dropped: string[] = [];
        const onDrop = (value: string): number => dropped.push(value);

        expectObservable(source.pipe(inOrder({ onDrop, flush$ }))).toBe(expected);
        flush();
        expect(dropped).toStrictEqual(['3']);
      }),
    );

    it.each([
      ['completion', '1-53|', '1---(35|)'],
      ['error', '     1-53#', '1---(35#)'],
    ])("comes out in order before the source's %s, and nothing is dropped", (_name, events, expected) =>
      marbles(({ cold, flush, expectObservable, expectSubscriptions }) => {
        const [gaps$, onGap] = toldGaps();
        const onDrop = jest.fn();
        const source = cold(events);
        const gaps = '       ----(gh)';
        const subs = '       ^---!';

        expectObservable(gaps$).toBe(gaps, {
          g: { after: 1, before: 3, missing: 1 },
          h: { after: 3, before: 5, missing: 1 },
        });
        expectObservable(source.pipe(inOrder({ onGap, onDrop }))).toBe(expected);
        expectSubscriptions(source.subscriptions).toBe(subs);
        flush();
        expect(onDrop).not.toHaveBeenCalled();
      })(),
    );

    it(
      'is dropped by an unsubscribe, which leaves no timer',
      marbles(({ cold, hot, flush, expectObservable, expectSubscriptions }) => {
        const schedule = jest.spyOn(asyncScheduler, 'schedule');
        const source = cold('1-53-----');
        const flush$ = hot(' -------f-');
        const subs = '       ^---!    ';
        const expected = '   1--------';
        const dropped: string[] = [];
        const onDrop = (value: string): number => dropped.push(value);
        const onGap = jest.fn();

        expectObservable(source.pipe(inOrder({ onDrop, onGap, flush$ })), subs).toBe(expected);
        expectSubscriptions(source.subscriptions).toBe(subs);
        expectSubscriptions(flush$.subscriptions).toBe(subs);
        flush();
        expect(dropped).toStrictEqual(['3', '5']);
        expect(onGap).not.toHaveBeenCalled();
        expect(timersOf(schedule)).toStrictEqual(['closed']);
        schedule.mockRestore();
      }),
    );

    it('is dropped, and the reset behind it, when the stream is left while the reset lets it out', () => {
      const dropped: string[] = [];
      const seen: string[] = [];

      from(['1', '3', '5', 'R1'])
        .pipe(
          inOrder({ isReset: (value) => value === 'R1', onDrop: (value) => dropped.push(value) }),
          take(2),
        )
        .subscribe((value) => seen.push(value));

      expect(seen).toStrictEqual(['1', '3']);
      expect(dropped).toStrictEqual(['5', 'R1']);
    });

    it('is dropped, and what came in while a value went out, when the stream is left just then', () => {
      const source$ = new Subject<string>();
      const dropped: string[] = [];
      const subscription = source$
        .pipe(inOrder({ onDrop: (value) => dropped.push(value) }))
        .subscribe((value) => {
          if (value !== '4') return;
          source$.next('5');
          subscription.unsubscribe();
        });

      for (const value of ['3', '6', '4']) source$.next(value);

      expect(dropped).toStrictEqual(['6', '5']);
    });

    it(
      'leaves no timer once its hole is filled',
      marbles(({ cold, flush, expectObservable }) => {
        const schedule = jest.spyOn(asyncScheduler, 'schedule');
        const source = cold('1-32--');
        const states: string[][] = [];
        const seen = source.pipe(
          inOrder(),
          tap(() => states.push(timersOf(schedule))),
        );

        expectObservable(seen, '^----!').toBe('1--(23)');
        flush();
        expect(states.at(-1)).toStrictEqual(['open']);
        expect(timersOf(schedule)).toStrictEqual(['closed']);
        schedule.mockRestore();
      }),
    );

    it('needs one timer for its hole, and a sequence without holes needs none', () => {
      const schedule = jest.spyOn(asyncScheduler, 'schedule');

      from(['1', '2', '3', '4']).pipe(inOrder()).subscribe();
      expect(schedule).not.toHaveBeenCalled();
      from(['1', '3', '4', '5', '2']).pipe(inOrder()).subscribe();
      expect(timersOf(schedule)).toStrictEqual(['closed']);
      schedule.mockRestore();
    });
  });

  describe('scopes', () => {
    it(
      'a hole in one does not hold up another',
      marbles(({ cold, expectObservable }) => {
        const values = { a: 'A1', b: 'A2', c: 'A3', p: 'B7', q: 'B8', r: 'B9' };
        const source = cold('apcrb---q---|', values);
        const expected = '   ap--(bc)(qr)|';

        expectObservable(source.pipe(inOrder({ scope }, { maxItems: 3, maxMs: 9 }))).toBe(expected, values);
      }),
    );

    it(
      'a forgotten one lets what it holds out first, and is told then',
      marbles(({ cold, flush, expectObservable }) => {
        const values = { a: 'A1', c: 'A3', p: 'B7', d: 'A9' };
        const source = cold('a-c-p---d|', values);
        const expected = '   a---(cp)d|';
        const events: unknown[] = [];
        const onScopeForgotten = (forgotten: unknown): number => events.push({ forgotten });
        const ordered = source.pipe(
          inOrder({ scope, maxScopes: 1, onScopeForgotten }),
          tap((value) => events.push(value)),
        );

        expectObservable(ordered).toBe(expected, values);
        flush();
        expect(events).toStrictEqual(['A1', 'A3', { forgotten: 'A' }, 'B7', { forgotten: 'B' }, 'A9']);
      }),
    );
  });

  describe('for any values', () => {
    it('displaced by less than maxItems, comes out sorted and without gaps', () => {
      const displaced = fc
        .integer({ min: 1, max: 8 })
        .chain((maxItems) =>
          fc.record({ maxItems: fc.constant(maxItems), shifts: fc.array(fc.nat(maxItems - 1)) }),
        );

      fc.assert(
        fc.property(displaced, ({ maxItems, shifts }) => {
          const shuffled = shifts
            .map((shift, index) => ({ number: index + 1, place: index + shift }))
            .sort((a, b) => a.place - b.place)
            .map(({ number }) => number);
          const seen: number[] = [];
          const told = jest.fn();

          of(0, ...shuffled)
            .pipe(
              detectGaps((number: number) => number, {
                onGap: told,
                onLate: told,
                onDrop: told,
                reorder: { maxItems, maxMs: 1 },
              }),
            )
            .subscribe((number) => seen.push(number));

          expect(seen).toStrictEqual([0, ...shuffled].sort(byNumber));
          expect(told).not.toHaveBeenCalled();
        }),
      );
    });

    it('all that went in comes out or is dropped, wherever the stream is left', () => {
      const numbers = fc.array(fc.nat(20), { maxLength: 40 });
      const config = fc.record({
        maxItems: fc.integer({ min: 1, max: 4 }),
        scopes: fc.integer({ min: 1, max: 3 }),
        maxScopes: fc.integer({ min: 1, max: 3 }),
        resets: fc.boolean(),
      });

      fc.assert(
        fc.property(numbers, config, fc.nat(40), fc.nat(40), (all, chosen, afterIn, afterOut) => {
          const { maxItems, scopes, maxScopes, resets } = chosen;
          const source$ = new Subject<number>();
          const fed: number[] = [];
          const seen: number[] = [];
          const dropped: number[] = [];
          const subscription = source$
            .pipe(
              tap((number) => fed.push(number)),
              detectGaps((number) => number, {
                scope: (number) => number % scopes,
                maxScopes,
                isReset: (number) => resets && number % 5 === 0,
                onDrop: (number) => dropped.push(number),
                reorder: { maxItems, maxMs: 1 },
              }),
              take(afterOut),
            )
            .subscribe((number) => seen.push(number));

          for (const number of all.slice(0, afterIn)) source$.next(number);
          subscription.unsubscribe();

          expect([...seen, ...dropped].sort(byNumber)).toStrictEqual(fed.sort(byNumber));
        }),
        { numRuns: 500 },
      );
    });
  });
});
