import { asyncScheduler, EMPTY, of, throwError, timer } from 'rxjs';
import { whenDue } from '../../src/operators/whenDue.js';
import { marbles } from '../marbles.js';

describe('whenDue', () => {
  const boom = new Error('boom');

  it(
    'runs it after each wait, and asks anew after each run',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const waits = [3, 2, 0, 1, 0];
      const due = cold('      --|');
      const unsubscribed = '  ------------!';
      const runs = ['         -----^-!', '--------^-!'];

      expectObservable(
        whenDue(() => waits.shift() ?? 100, due),
        unsubscribed,
      ).toBe('-');
      expectSubscriptions(due.subscriptions).toBe(runs);
    }),
  );

  it(
    'leaves no timer, and ends a run, when it is left',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const due = cold('-');
      expectObservable(
        whenDue(() => 0, due),
        '--!',
      ).toBe('-');
      expectSubscriptions(due.subscriptions).toBe('^-!');
      whenDue(() => 5, EMPTY)
        .subscribe()
        .unsubscribe();
      flush();

      expect(asyncScheduler.now()).toBeLessThan(5);
    }),
  );

  it(
    'goes on after a run that ends at once',
    marbles(({ expectObservable }) => {
      const asked: number[] = [];
      const waits = [0, 0, 4, 0];
      const waitMs = (): number => {
        asked.push(asyncScheduler.now());
        return waits.shift() ?? 100;
      };
      expectObservable(whenDue(waitMs, of('dropped')), '------!').toBe('-');
      timer(6).subscribe(() => expect(asked).toStrictEqual([0, 0, 0, 4, 4]));
    }),
  );

  it(
    'errors with what it runs',
    marbles(({ expectObservable }) => {
      const waits = [2, 0];
      expectObservable(
        whenDue(
          () => waits.shift() ?? 9,
          throwError(() => boom),
        ),
      ).toBe('--#', undefined, boom);
    }),
  );

  it.each([0, 2])('errors if the time is asked for in vain, after %i ms', (ms) =>
    marbles(({ expectObservable }) => {
      const waits = ms === 0 ? [] : [ms];
      const waitMs = (): number => {
        const next = waits.shift();
        if (next === undefined) throw boom;
        return next;
      };
      expectObservable(whenDue(waitMs, EMPTY)).toBe(ms === 0 ? '#' : '--#', undefined, boom);
    })(),
  );
});
