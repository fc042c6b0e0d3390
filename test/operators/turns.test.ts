import { concat, EMPTY, merge, type Observable, of, range, Subject, throwError } from 'rxjs';
import { createTurns } from '../../src/operators/turns.js';
import { marbles } from '../marbles.js';

describe('createTurns', () => {
  it(
    'lets so many be subscribed at a time, first come first served',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const inTurn = createTurns<string>(2);
      const a = cold('     --a|    ');
      const b = cold('     -----b| ');
      const c = cold('        -c-| ');
      const d = cold('          -d|');
      const expected = '   --a-cb-d|';

      expectObservable(merge(...[a, b, c, d].map((source) => source.pipe(inTurn)))).toBe(expected);
      expectSubscriptions(a.subscriptions).toBe('^--!');
      expectSubscriptions(b.subscriptions).toBe('^-----!');
      expectSubscriptions(c.subscriptions).toBe('---^--!');
      expectSubscriptions(d.subscriptions).toBe('------^-!');
    }),
  );

  it(
    'an error and an unsubscribe end a turn as completion does',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const inTurn = createTurns<string>(1);
      const next = cold('--x|');

      expectObservable(cold('-#').pipe(inTurn)).toBe('-#');
      expectObservable(cold('-').pipe(inTurn), '^--!').toBe('----');
      expectObservable(next.pipe(inTurn)).toBe('-----x|');
      expectSubscriptions(next.subscriptions).toBe('---^--!');
    }),
  );

  it(
    'who leaves while waiting gives up its place',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const inTurn = createTurns<string>(1);
      const left = cold('a|');

      expectObservable(cold('----|').pipe(inTurn)).toBe('----|');
      expectObservable(left.pipe(inTurn), '^-!').toBe('---');
      expectObservable(cold('b|').pipe(inTurn)).toBe('----b|');
      expectSubscriptions(left.subscriptions).toBe([]);
    }),
  );

  it('a long queue of sources that end at once is not a deep recursion', () => {
    const inTurn = createTurns<number>(1);
    const first$ = new Subject<number>();
    const seen: number[] = [];
    merge(first$.pipe(inTurn), ...Array.from({ length: 20_000 }, (_, n) => of(n).pipe(inTurn))).subscribe(
      (n) => seen.push(n),
    );

    expect(seen).toStrictEqual([]);
    first$.complete();
    expect(seen).toHaveLength(20_000);
  });

  it('a turn that ends at once is free again at once', () => {
    const inTurn = createTurns<number>(1);
    const inRow: Observable<number>[] = [EMPTY, of(1), range(2, 2), throwError(() => new Error('boom'))];
    const seen: unknown[] = [];

    concat(...inRow.map((source) => source.pipe(inTurn))).subscribe({
      next: (n) => seen.push(n),
      error: (error: unknown) => seen.push(error),
    });

    expect(seen).toStrictEqual([1, 2, 3, new Error('boom')]);
  });
});
