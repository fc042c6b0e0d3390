import { asyncScheduler, EMPTY, noop, Observable, of, Subscription, throwError, timer } from 'rxjs';
import { type Due, whenDue } from '../../src/operators/whenDue.js';
import { marbles } from '../marbles.js';

/** As an Observable, which errors when it fails. */
const doneWhenDue = (waitMs: () => number, due$: Observable<unknown>): Observable<never> =>
  new Observable((subscriber) =>
    whenDue(subscriber, { waitMs, run: () => due$, failed: (error) => subscriber.error(error) }),
  );

describe('whenDue', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const boom = new Error('boom');

  it(
    'runs it after each wait, and asks anew after each run',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const waits = [3, 2, 0, 1, 0];
      const due = cold('      --|');
      const unsubscribed = '  ------------!';
      const runs = ['         -----^-!', '--------^-!'];

      expectObservable(
        doneWhenDue(() => waits.shift() ?? 100, due),
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
        doneWhenDue(() => 0, due),
        '--!',
      ).toBe('-');
      expectSubscriptions(due.subscriptions).toBe('^-!');
      doneWhenDue(() => 5, EMPTY)
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
      expectObservable(doneWhenDue(waitMs, of('dropped')), '------!').toBe('-');
      timer(6).subscribe(() => expect(asked).toStrictEqual([0, 0, 0, 4, 4]));
    }),
  );

  it(
    'errors with what it runs',
    marbles(({ expectObservable }) => {
      const waits = [2, 0];
      expectObservable(
        doneWhenDue(
          () => waits.shift() ?? 9,
          throwError(() => boom),
        ),
      ).toBe('--#', undefined, boom);
    }),
  );

  describe('of several', () => {
    /** Due so many ms after it last ran. */
    const every = (
      ms: number,
      run: (at: number) => Observable<unknown>,
      failed: Due['failed'] = noop,
    ): Due => {
      let ranAt = 0;
      return {
        waitMs: () => ranAt + ms - asyncScheduler.now(),
        run: () => run((ranAt = asyncScheduler.now())),
        failed,
      };
    };

    it(
      'runs each when it is due, also while another runs, and keeps one timer',
      marbles(({ flush }) => {
        const log: string[] = [];
        const whole = new Subscription();
        const slow = every(2, (at) => {
          log.push(`slow ${at}`);
          return timer(3);
        });
        const quick = every(3, (at) => {
          log.push(`quick ${at}`);
          return EMPTY;
        });
        const schedule = jest.spyOn(asyncScheduler, 'schedule');
        whenDue(whole, slow, quick);
        expect(schedule).toHaveBeenCalledTimes(1);
        timer(10).subscribe(() => whole.unsubscribe());
        flush();

        expect(log).toStrictEqual(['slow 2', 'quick 3', 'slow 5', 'quick 6', 'slow 8', 'quick 9']);
      }),
    );

    it(
      'asks none any more when one fails and that ends the whole',
      marbles(({ flush }) => {
        const whole = new Subscription();
        const run = jest.fn(() => EMPTY);
        const failing = every(
          2,
          () => throwError(() => boom),
          () => whole.unsubscribe(),
        );
        whenDue(whole, failing, every(2, run));
        flush();

        expect(run).not.toHaveBeenCalled();
      }),
    );
  });

  it.each([0, 2])('errors if the time is asked for in vain, after %i ms', (ms) =>
    marbles(({ expectObservable }) => {
      const waits = ms === 0 ? [] : [ms];
      const waitMs = (): number => {
        const next = waits.shift();
        if (next === undefined) throw boom;
        return next;
      };
      expectObservable(doneWhenDue(waitMs, EMPTY)).toBe(ms === 0 ? '#' : '--#', undefined, boom);
    })(),
  );
});
