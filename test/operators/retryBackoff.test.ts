import * as fc from 'fast-check';
import {
  asyncScheduler,
  BehaviorSubject,
  concat,
  defer,
  EMPTY,
  from,
  NEVER,
  of,
  type Observable,
  range,
  Subject,
  take,
  throwError,
  timer,
} from 'rxjs';
import { maxTimerMs } from '../../src/operators/backoff.js';
import {
  MaxReconnectsExceededError,
  retryBackoff,
  type RetryBackoffConfig,
  type RetryDecision,
  type RetryFailure,
  type RetryPolicy,
} from '../../src/operators/retryBackoff.js';
import { HOUR_MS, marbles, stepClock } from '../marbles.js';

/** Delays of 2, 4, 8, … ms: short enough to draw. */
const drawn: RetryBackoffConfig = { initialMs: 2, jitter: 'none' };

/** Each subscription gets the next source, the last one from then on. */
const inTurn = <T>(...sources: readonly Observable<T>[]): Observable<T> => {
  let turn = 0;
  return defer(() => sources[Math.min(turn++, sources.length - 1)]!);
};

/** What a call throws: compared whole, its class is compared too. */
const thrownBy = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    return error;
  }
};

/** Ends a stream that retries where it must not: the test fails instead of running for ever. */
const tooLong = '^ 99s !';

const lost = new Error('lost');

const boom = (): never => {
  throw new Error('boom');
};

describe('retryBackoff', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  describe('as an operator', () => {
    it(
      'never stays silent',
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('-').pipe(retryBackoff())).toBe('-');
      }),
    );

    it(
      'empty completes',
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('|').pipe(retryBackoff())).toBe('|');
      }),
    );

    it(
      'REC-01 passes values and completion on, and hides the failures between',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const first = cold(' a-b#          ');
        const second = cold('     c#       ');
        const third = cold('           d-e|');
        const expected = '   a-b--c----d-e|';

        expectObservable(inTurn(first, second, third).pipe(retryBackoff(drawn))).toBe(expected);
        expectSubscriptions(first.subscriptions).toBe(' ^--!           ');
        expectSubscriptions(second.subscriptions).toBe('-----^!        ');
        expectSubscriptions(third.subscriptions).toBe(' ----------^--!');
      }),
    );

    it(
      'an unsubscribe ends the attempt that runs',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('a---b---c');
        const subs = '       ^----!   ';
        const expected = '   a---b----';

        expectObservable(source.pipe(retryBackoff(drawn)), subs).toBe(expected);
        expectSubscriptions(source.subscriptions).toBe(subs);
      }),
    );

    it(
      'an unsubscribe ends the wait: no retry, no timer, no listener on wake$',
      marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const source = cold('a#     ');
        const wake$ = hot('  -------');
        const subs = '       ^-!    ';
        const expected = '   a------';

        expectObservable(source.pipe(retryBackoff({ ...drawn, wake$ })), subs).toBe(expected);
        expectSubscriptions(source.subscriptions).toBe('^!     ');
        expectSubscriptions(wake$.subscriptions).toBe('-^!    ');
      }),
    );

    it(
      'a second subscription starts fresh',
      marbles(({ cold, expectObservable }) => {
        const source = cold('#').pipe(retryBackoff({ ...drawn, maxAttempts: 1 }));
        const error = new MaxReconnectsExceededError(1, { cause: 'error' });

        expectObservable(source, '^-------!').toBe('  --#     ', {}, error);
        expectObservable(source, '----^-------!').toBe('------#  ', {}, error);
      }),
    );

    it('a synchronous source stops once nobody listens', () => {
      let pulled = 0;
      const numbers = function* (): Generator<number> {
        for (;;) yield pulled++;
      };
      const seen: number[] = [];

      from(numbers())
        .pipe(retryBackoff(), take(3))
        .subscribe({ next: (n) => seen.push(n), error: boom });

      expect(seen).toStrictEqual([0, 1, 2]);
      expect(pulled).toBe(3);
    });

    it.each<[string, RetryBackoffConfig]>([
      ['classify', { classify: boom }],
      ['policy', { policy: boom }],
      ['toError', { policy: () => ({ action: 'giveUp', toError: boom }) }],
      ['onRetry', { onRetry: boom }],
      ['onGiveUp', { maxAttempts: 0, onGiveUp: boom }],
      ['onComplete', { policy: () => ({ action: 'complete' }), onComplete: boom }],
      ['jitter', { jitter: boom }],
    ])('what %s throws is the error of the stream', (_name, config) =>
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('a#').pipe(retryBackoff(config))).toBe('a#', undefined, new Error('boom'));
      })(),
    );

    it('is typed', () => {
      // @ts-expect-error A policy answers with an object, null or undefined.
      retryBackoff({ policy: () => 'giveUp' });
      // @ts-expect-error The values pass through as they are.
      const text$: Observable<string> = from([1]).pipe(retryBackoff());
      expect(text$).toBeDefined();
    });
  });

  describe('delays', () => {
    it(
      'BAK-01 BAK-07 grow while the source fails, each exact in virtual time',
      marbles(({ cold, expectObservable }) => {
        const source = cold('a#');
        const expected = '   a--a----a--------a--------a---';
        const subs = '       ^----------------------------!';

        expectObservable(source.pipe(retryBackoff({ ...drawn, maxMs: 8 })), subs).toBe(expected);
      }),
    );

    it(
      'are drawn from random, so that a run can be reproduced to the millisecond',
      marbles(({ cold, expectObservable }) => {
        const source = inTurn(cold('(a#)'), cold('(b#)'), cold('(c#)'), cold('(d|)'));
        // The middle of U(1 s, 3 × 2^n s): 2 s, 3.5 s, then 6.5 s.
        const expected = 'a 1999ms b 3499ms c 6499ms (d|)';

        expectObservable(source.pipe(retryBackoff({ maxMs: 10_000, random: () => 0.5 }))).toBe(expected);
      }),
    );

    it(
      'BAK-03 the first retry may go out at once, and may again after a reset',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const fails = cold(' a#            ');
        const lasts = cold('   a-----#     ');
        const ends = cold('              a|');
        const expected = '   aa--a-----a--a|';
        const stableMs = 5;

        expectObservable(
          inTurn(fails, fails, lasts, fails, ends).pipe(
            retryBackoff({ ...drawn, stableMs, immediateFirst: true }),
          ),
        ).toBe(expected);
        expectSubscriptions(fails.subscriptions).toBe(['^!', '-^!', '----------^!']);
      }),
    );

    it(
      'BAK-05 are added to the floor of their class, and go on growing without it',
      marbles(({ cold, flush, expectObservable }) => {
        const told: RetryDecision[] = [];
        const source = inTurn<string>(cold('#', {}, 'busy'), cold('#', {}, 'lost'), cold('|'));
        const expected = '12ms ----|';

        expectObservable(
          source.pipe(
            retryBackoff({
              ...drawn,
              classify: String,
              policy: (failure) => (failure.class === 'busy' ? { floorMs: 10 } : undefined),
              onRetry: (decision) => told.push(decision),
            }),
          ),
        ).toBe(expected);
        flush();

        expect(told).toStrictEqual([
          {
            error: 'busy',
            class: 'busy',
            attempt: 1,
            classAttempt: 1,
            elapsedMs: 0,
            upMs: undefined,
            previousMs: 0,
            jitteredMs: 2,
            floorMs: 10,
            delayMs: 12,
          },
          {
            error: 'lost',
            class: 'lost',
            attempt: 2,
            classAttempt: 1,
            elapsedMs: 12,
            upMs: undefined,
            previousMs: 2,
            jitteredMs: 4,
            floorMs: 0,
            delayMs: 4,
          },
        ]);
      }),
    );

    it(
      'of an immediate first retry are the floor alone',
      marbles(({ cold, expectObservable }) => {
        const source = inTurn(cold('#'), cold('|'));

        expectObservable(
          source.pipe(retryBackoff({ immediateFirst: true, policy: () => ({ floorMs: 4 }) })),
        ).toBe('----|');
      }),
    );

    it.each([maxTimerMs, 2 ** 40, Infinity])(
      'a floor of %d ms ends at what a timer can hold, and does not fire at once',
      (floorMs) => {
        const told: number[] = [];
        const retried$ = throwError(() => lost).pipe(
          retryBackoff({ policy: () => ({ floorMs }), onRetry: ({ delayMs }) => told.push(delayMs) }),
        );

        retried$.subscribe().unsubscribe();

        expect(told).toStrictEqual([maxTimerMs]);
      },
    );

    it.each<[string, RetryBackoffConfig]>([
      ['a jitter of 0', { jitter: () => 0 }],
      ['an immediate first retry', { immediateFirst: true }],
      ['a policy of now', { policy: () => ({ action: 'now' }) }],
      ['a wake$ that replays', { wake$: new BehaviorSubject(true) }],
    ])(
      'of 0 by %s never retry within the failure, so a source that fails at once spares the stack',
      (_name, config) => {
        let dials = 0;
        const source = defer(() => {
          dials += 1;
          return dials < 10 ? throwError(() => lost) : NEVER;
        });

        source.pipe(retryBackoff(config)).subscribe({ error: boom }).unsubscribe();

        expect(dials).toBe(1);
      },
    );

    it('cost the values nothing: the clock is read once an attempt', () => {
      const now = jest.spyOn(asyncScheduler, 'now');
      range(1_000).pipe(retryBackoff()).subscribe();
      expect(now).toHaveBeenCalledTimes(1);
    });
  });

  describe('giving up', () => {
    it.each([0, 1, 3])('REC-05 errors once %d retries in a row were made', (maxAttempts) => {
      let dials = 0;
      let given: unknown;
      marbles(({ cold, expectObservable, flush }) => {
        const source = defer(() => {
          dials += 1;
          return cold('#', {}, `failure ${dials}`);
        });
        const error = new MaxReconnectsExceededError(maxAttempts, { cause: `failure ${maxAttempts + 1}` });

        expectObservable(
          source.pipe(
            retryBackoff({
              initialMs: 1,
              jitter: 'none',
              multiplier: 1,
              maxAttempts,
              onGiveUp: (e) => (given = e),
            }),
          ),
          tooLong,
        ).toBe(`${'-'.repeat(maxAttempts)}#`, undefined, error);
        flush();
      })();

      expect(dials).toBe(maxAttempts + 1);
      expect(given).toMatchObject({
        name: 'MaxReconnectsExceededError',
        attempts: maxAttempts,
        cause: `failure ${maxAttempts + 1}`,
      });
    });

    it(
      'REC-03 a class may be given up on at once, with its own error',
      marbles(({ cold, expectObservable }) => {
        const source = inTurn<string>(cold('#', {}, 'lost'), cold('a-#', undefined, 'fatal'));

        expectObservable(
          source.pipe(
            retryBackoff({
              ...drawn,
              classify: String,
              policy: (f) => ({ action: f.class === 'fatal' ? 'giveUp' : 'retry' }),
            }),
          ),
        ).toBe('--a-#', undefined, 'fatal');
      }),
    );

    it(
      'REC-04 the policy may replace the error it gives up with',
      marbles(({ cold, expectObservable }) => {
        expectObservable(
          cold('#', {}, 'fatal').pipe(
            retryBackoff({
              policy: () => ({ action: 'giveUp', toError: ({ error }) => `given up: ${String(error)}` }),
            }),
          ),
        ).toBe('#', undefined, 'given up: fatal');
      }),
    );

    it.each(['retry', 'complete', 'giveUp'] as const)(
      'who leaves as the policy is asked hears nothing of what was decided: %s',
      (action) => {
        const told = jest.fn();
        const source$ = new Subject<never>();
        const policy = () => {
          subscription.unsubscribe();
          return { action };
        };
        const config = { policy, onRetry: told, onGiveUp: told, onComplete: told };
        const subscription = source$.pipe(retryBackoff(config)).subscribe({ error: told, complete: told });
        source$.error(new Error('gone'));

        expect(told).not.toHaveBeenCalled();
      },
    );

    it('REC-02 a class may complete the stream, which is told, and is not giving up', () => {
      const onGiveUp = jest.fn();
      const onComplete = jest.fn();
      marbles(({ cold, expectObservable }) => {
        expectObservable(
          cold('a#').pipe(retryBackoff({ policy: () => ({ action: 'complete' }), onGiveUp, onComplete })),
          tooLong,
        ).toBe('a|');
      })();
      expect(onGiveUp).not.toHaveBeenCalled();
      expect(onComplete.mock.calls).toStrictEqual([
        [{ error: 'error', class: 'unknown', attempt: 1, classAttempt: 1, elapsedMs: 0, upMs: 1 }],
      ]);
    });

    it(
      'REC-11 the policy is given the count and the time elapsed, and null stops',
      marbles(({ cold, flush, expectObservable }) => {
        const asked: RetryFailure[] = [];
        const told: unknown[] = [];
        const source = inTurn(cold('--#'), cold('a-#'));
        const expected = '         ----a-#';
        const policy = (failure: RetryFailure): null | undefined => {
          asked.push(failure);
          return failure.attempt < 2 ? undefined : null;
        };

        expectObservable(
          source.pipe(retryBackoff({ ...drawn, policy, onGiveUp: (...args) => told.push(args) })),
          tooLong,
        ).toBe(expected);
        flush();

        const first = {
          error: 'error',
          class: 'unknown',
          attempt: 1,
          classAttempt: 1,
          elapsedMs: 0,
          upMs: undefined,
        };
        const second = {
          error: 'error',
          class: 'unknown',
          attempt: 2,
          classAttempt: 2,
          elapsedMs: 4,
          upMs: 2,
        };
        expect(asked).toStrictEqual([first, second]);
        expect(told).toStrictEqual([['error', second]]);
      }),
    );

    it.each<[string, string, number, unknown]>([
      ['the third failure of a class in a row', 'aaa', 2, 'no more of a'],
      ['a first failure where one is the limit', 'b', 0, new MaxReconnectsExceededError(0, { cause: 'b' })],
      [
        'the third of a class, though others came between: each has a budget of its own',
        'acacca',
        5,
        'no more of a',
      ],
    ])('maxFailures ends %s', (_name, classes, atMs, error) =>
      marbles(({ cold, expectObservable }) => {
        const source = inTurn<string>(...classes.split('').map((name) => cold('#', {}, name)));
        const policies: Record<string, RetryPolicy> = {
          a: { maxFailures: 3, toError: (failure) => `no more of ${failure.class}` },
          b: { maxFailures: 1 },
        };

        expectObservable(
          source.pipe(
            retryBackoff({
              initialMs: 1,
              multiplier: 1,
              jitter: 'none',
              classify: String,
              policy: (f) => policies[f.class],
            }),
          ),
          tooLong,
        ).toBe(`${'-'.repeat(atMs)}#`, undefined, error);
      })(),
    );

    it(
      'maxFailures counts again after a stable attempt',
      marbles(({ cold, expectObservable }) => {
        const fails = cold(' #      ');
        const lasts = cold(' a----# ');
        const expected = '   --a------a------a--';
        const subs = '       ^-----------------!';
        const policy = (): RetryPolicy => ({ maxFailures: 2, toError: () => 'too many' });

        expectObservable(
          inTurn(fails, lasts).pipe(retryBackoff({ ...drawn, stableMs: 5, policy })),
          subs,
        ).toBe(expected);
      }),
    );

    it('of more classes than anyone has, the count of the one seen longest ago is forgotten', () => {
      const told: number[] = [];
      const classes = ['first', ...Array.from({ length: 100 }, (_, n) => `class ${n}`), 'first', 'class 99'];
      marbles(({ cold, flush }) => {
        inTurn<string>(...classes.map((name) => cold('#', {}, name)), cold('|'))
          .pipe(
            retryBackoff({
              ...drawn,
              classify: String,
              onRetry: ({ classAttempt }) => told.push(classAttempt),
            }),
          )
          .subscribe();
        flush();
      })();

      expect(told.slice(-2)).toStrictEqual([1, 2]);
    });

    it(
      'maxAttempts spent is told as such, whatever error the class has',
      marbles(({ cold, expectObservable }) => {
        expectObservable(
          cold('#').pipe(
            retryBackoff({
              maxAttempts: 0,
              policy: () => ({ maxFailures: 3, toError: () => 'of the class' }),
            }),
          ),
        ).toBe('#', undefined, new MaxReconnectsExceededError(0, { cause: 'error' }));
      }),
    );
  });

  describe('retrying now', () => {
    const policy = ({ error }: RetryFailure): RetryPolicy | undefined =>
      error === 'asked' ? { action: 'now' } : undefined;

    it(
      'waits for no delay and counts for nothing',
      marbles(({ cold, flush, expectObservable }) => {
        const told: RetryDecision[] = [];
        const asked = cold('a#', undefined, 'asked');
        const fails = cold('b#');
        const expected = '  aab--aab----a-';
        const subs = '      ^------------!';

        expectObservable(
          inTurn(asked, asked, fails, asked, asked, fails, cold('a')).pipe(
            retryBackoff({ ...drawn, maxAttempts: 2, policy, onRetry: (d) => told.push(d) }),
          ),
          subs,
        ).toBe(expected);
        flush();

        expect(
          told.map(({ attempt, classAttempt, delayMs }) => [attempt, classAttempt, delayMs]),
        ).toStrictEqual([
          [0, 0, 0],
          [0, 0, 0],
          [1, 1, 2],
          [1, 1, 0],
          [1, 1, 0],
          [2, 2, 4],
        ]);
      }),
    );
  });

  describe('waiting', () => {
    it(
      'takes the delay and the floor of a retry, and counts for nothing',
      marbles(({ cold, flush, expectObservable }) => {
        const told: RetryDecision[] = [];
        const policy = ({ error }: RetryFailure): RetryPolicy =>
          error === 'paused' ? { action: 'wait', floorMs: 3, maxFailures: 1 } : {};
        const paused = cold('p#', undefined, 'paused');
        const fails = cold('b#');
        const expected = '  p-----p-----b--p-------p-------a-';
        const subs = '      ^--------------------------------!';

        expectObservable(
          inTurn(paused, paused, fails, paused, paused, cold('a')).pipe(
            retryBackoff({ ...drawn, maxAttempts: 1, policy, onRetry: (d) => told.push(d) }),
          ),
          subs,
        ).toBe(expected);
        flush();

        expect(
          told.map((d) => [d.attempt, d.classAttempt, d.previousMs, d.jitteredMs, d.floorMs]),
        ).toStrictEqual([
          [0, 0, 0, 2, 3],
          [0, 0, 0, 2, 3],
          [1, 1, 0, 2, 0],
          [1, 1, 2, 4, 3],
          [1, 1, 2, 4, 3],
        ]);
      }),
    );
  });

  describe('starting again', () => {
    it(
      'BAK-04 needs stableMs after the first value: a flapping source meets growing delays',
      marbles(({ cold, expectObservable }) => {
        const flaps = cold('  --a---#');
        const expected = '    --a-----  --a-------  --a-----------  --a---';
        const subs = '        ^----------------------------------------!';
        const stableMs = 5;

        expectObservable(flaps.pipe(retryBackoff({ ...drawn, stableMs })), subs).toBe(expected);
      }),
    );

    it(
      'BAK-04 an attempt of exactly stableMs is enough',
      marbles(({ cold, expectObservable }) => {
        const lasts = cold('  --a----#');
        const expected = '    --a------  --a------  --a------  --a-';
        const subs = '        ^-------------------------------!';
        const stableMs = 5;

        expectObservable(lasts.pipe(retryBackoff({ ...drawn, stableMs })), subs).toBe(expected);
      }),
    );

    it.each([
      ['back', -HOUR_MS, 5],
      ['forward', HOUR_MS, HOUR_MS + 7],
    ])('BAK-04 an attempt that lasts is stable though the clock is set %s meanwhile', (_way, stepMs, upMs) =>
      marbles(({ cold, flush, expectObservable }) => {
        const failures: unknown[] = [];
        const flaps = cold('  --a---#');
        const lasts = cold('  --a------#');
        const expected = '    --a-----  --a--------  --a---';
        const subs = '        ^---------------------------!';
        const policy = ({ attempt, elapsedMs, upMs }: RetryFailure): undefined => {
          failures.push({ attempt, elapsedMs, upMs });
        };
        timer(12).subscribe(() => stepClock(stepMs));

        expectObservable(
          inTurn(flaps, lasts).pipe(retryBackoff({ ...drawn, stableMs: 5, policy })),
          subs,
        ).toBe(expected);
        flush();
        expect(failures).toStrictEqual([
          { attempt: 1, elapsedMs: 0, upMs: 4 },
          { attempt: 1, elapsedMs: 0, upMs },
        ]);
      })(),
    );

    it(
      'BAK-04 one that does not is not, and no time is negative, where the clock is set back',
      marbles(({ cold, flush, expectObservable }) => {
        const failures: unknown[] = [];
        const flaps = cold('  --a---#');
        const expected = '    --a-----  --a-------  --a---';
        const subs = '        ^--------------------------!';
        const policy = ({ attempt, elapsedMs, upMs }: RetryFailure): undefined => {
          failures.push({ attempt, elapsedMs, upMs });
        };
        timer(12).subscribe(() => stepClock(-HOUR_MS));

        expectObservable(flaps.pipe(retryBackoff({ ...drawn, stableMs: 5, policy })), subs).toBe(expected);
        flush();
        expect(failures).toStrictEqual([
          { attempt: 1, elapsedMs: 0, upMs: 4 },
          { attempt: 2, elapsedMs: 0, upMs: 0 },
          { attempt: 3, elapsedMs: 10, upMs: 4 },
        ]);
      }),
    );

    it('BAK-04 no timer is left of an attempt that ends, by itself or not', () => {
      jest.useFakeTimers();
      const source = inTurn(
        throwError(() => lost),
        concat(of('a'), NEVER),
      );
      const left = source.pipe(retryBackoff({ initialMs: 1, jitter: 'none' })).subscribe();
      jest.advanceTimersByTime(1);
      expect(jest.getTimerCount()).toBe(1);
      left.unsubscribe();
      expect(jest.getTimerCount()).toBe(0);

      const over$ = new Subject<string>();
      inTurn(
        throwError(() => lost),
        over$,
      )
        .pipe(retryBackoff({ initialMs: 1, jitter: 'none' }))
        .subscribe();
      jest.advanceTimersByTime(1);
      over$.next('a');
      over$.complete();
      expect(jest.getTimerCount()).toBe(0);
      jest.useRealTimers();
    });

    it(
      'BAK-04 a long attempt without a value proves nothing',
      marbles(({ cold, expectSubscriptions, expectObservable }) => {
        const silent = cold('---------#');
        const subs = '       ^-----------------------!';

        expectObservable(silent.pipe(retryBackoff({ ...drawn, stableMs: 5 })), subs).toBe('-');
        expectSubscriptions(silent.subscriptions).toBe(['^--------!', '-----------^--------!']);
      }),
    );

    it(
      'REC-10 gives every outage the whole budget, its first delay and its own clock',
      marbles(({ cold, flush, expectObservable }) => {
        const asked: unknown[] = [];
        const lasts = cold('  a----#');
        const fails = cold('  #     ');
        const expected = '    ------a----------a----------a-';
        const subs = '        ^-----------------------------!';
        const config = { ...drawn, stableMs: 5, maxAttempts: 2 };
        const policy = ({ attempt, classAttempt, elapsedMs }: RetryFailure): undefined => {
          asked.push([attempt, classAttempt, elapsedMs]);
        };

        expectObservable(
          inTurn(fails, fails, lasts, fails, lasts, fails, lasts).pipe(retryBackoff({ ...config, policy })),
          subs,
        ).toBe(expected);
        flush();

        const outage = [
          [1, 1, 0],
          [2, 2, 2],
        ];
        expect(asked).toStrictEqual([...outage, ...outage, ...outage]);
      }),
    );

    it.each<[string, number, string]>([
      ['0 trusts any value', 0, 'a--a--a--'],
      ['Infinity trusts none', Infinity, 'a--a----a'],
    ])('a stableMs of %s', (_name, stableMs, expected) =>
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('a#').pipe(retryBackoff({ ...drawn, stableMs })), '^--------!').toBe(expected);
      })(),
    );

    it('counts right whatever the source does', () => {
      const attempts = fc.array(
        fc.record({ upMs: fc.option(fc.nat(9), { nil: undefined }), name: fc.constantFrom('a', 'b') }),
        { minLength: 1 },
      );
      fc.assert(
        fc.property(attempts, (plan) => {
          const told: RetryDecision[] = [];
          marbles(({ cold, flush }) => {
            const sources = plan.map(({ upMs, name }) =>
              cold(upMs === undefined ? '-#' : `a ${upMs}ms #`, undefined, name),
            );
            const retried$ = inTurn(...sources, EMPTY).pipe(
              retryBackoff({
                initialMs: 1,
                maxMs: 8,
                jitter: 'none',
                stableMs: 5,
                classify: String,
                onRetry: (d) => told.push(d),
              }),
            );
            retried$.subscribe();
            flush();
          })();

          const expected = plan.map(() => 0);
          plan.forEach(({ upMs }, i) => {
            // The letter itself takes a frame: an attempt is up for one ms more than its gap.
            const isStable = upMs !== undefined && upMs + 1 >= 5;
            expected[i] = isStable ? 1 : (expected[i - 1] ?? 0) + 1;
          });
          expect(told.map(({ attempt }) => attempt)).toStrictEqual(expected);
          expect(told.map(({ delayMs }) => delayMs)).toStrictEqual(
            expected.map((n) => Math.min(8, 2 ** (n - 1))),
          );
        }),
      );
    });
  });

  describe('waking', () => {
    const slow: RetryBackoffConfig = { initialMs: 9, jitter: 'none' };

    it(
      'ends the wait at once',
      marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const first = cold('  a#      ');
        const wake$ = hot('   ---w----');
        const second = cold('    b---|');
        const expected = '    a--b---|';

        expectObservable(inTurn(first, second).pipe(retryBackoff({ ...slow, wake$ }))).toBe(expected);
        expectSubscriptions(wake$.subscriptions).toBe('-^-!');
      }),
    );

    it(
      'from within onRetry counts too, also of a wake$ that replays nothing',
      marbles(({ cold, expectObservable }) => {
        const wake$ = new Subject<void>();
        const source = inTurn(cold('a#'), cold('b'));
        const expected = '         ab--';

        expectObservable(
          source.pipe(retryBackoff({ ...slow, wake$, onRetry: () => wake$.next() })),
          '^--!',
        ).toBe(expected);
      }),
    );

    it(
      'many times in one tick makes one retry, even of a source that fails at once',
      marbles(({ hot, expectObservable }) => {
        const source = concat(
          of('a'),
          throwError(() => lost),
        );
        const wake$ = hot(' ---(www)    ');
        const subs = '      ^----------!';
        const expected = '  a--a--------';

        expectObservable(source.pipe(retryBackoff({ ...slow, wake$ })), subs).toBe(expected);
      }),
    );

    it(
      'outside a wait does nothing',
      marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const source = cold('---a---|');
        const wake$ = hot('  -w--w---');

        expectObservable(source.pipe(retryBackoff({ ...slow, wake$ }))).toBe('---a---|');
        expectSubscriptions(wake$.subscriptions).toBe([]);
      }),
    );

    it(
      'leaves the count as it was: the next delay has grown',
      marbles(({ cold, hot, expectObservable }) => {
        const source = cold('a#                 ');
        const wake$ = hot('  --w                ');
        const expected = '   a-a 18ms a         ';

        expectObservable(source.pipe(retryBackoff({ ...slow, wake$ })), '^ 21ms !').toBe(expected);
      }),
    );

    it(
      'from a source that replays ends every wait, still one timer later',
      marbles(({ cold, expectObservable }) => {
        const wake$ = new BehaviorSubject(true);

        expectObservable(cold('a#').pipe(retryBackoff({ ...slow, wake$ })), '^---!').toBe('aaaa-');
      }),
    );

    it(
      'from a source that completed leaves the delays alone',
      marbles(({ cold, expectObservable }) => {
        expectObservable(inTurn(cold('#'), cold('|')).pipe(retryBackoff({ ...slow, wake$: EMPTY }))).toBe(
          '---------|',
        );
      }),
    );

    it(
      'that errors during a wait errors the stream',
      marbles(({ cold, hot, expectObservable }) => {
        const source = cold('a#  ');
        const wake$ = hot('  ---#', {}, 'of wake$');

        expectObservable(source.pipe(retryBackoff({ ...slow, wake$ })), tooLong).toBe(
          'a--#',
          undefined,
          'of wake$',
        );
      }),
    );
  });

  describe('options', () => {
    it.each<[string, RetryBackoffConfig]>([
      ['retryBackoff: maxAttempts must be a whole number from 0, or Infinity, got -1', { maxAttempts: -1 }],
      ['retryBackoff: maxAttempts must be a whole number from 0, or Infinity, got 1.5', { maxAttempts: 1.5 }],
      ['retryBackoff: maxAttempts must be a whole number from 0, or Infinity, got NaN', { maxAttempts: NaN }],
      ['retryBackoff: stableMs must be a number of at least 0, got -1', { stableMs: -1 }],
      ['retryBackoff: stableMs must be a number of at least 0, got NaN', { stableMs: NaN }],
      [
        'retryBackoff: stableMs must be a number of at least 0, got 5000 ms',
        { stableMs: '5000 ms' as never },
      ],
      ['backoff: initialMs must be above 0, got 0', { initialMs: 0 }],
    ])('BAK-06 refuses settings at construction: %s', (message, config) => {
      expect(thrownBy(() => retryBackoff(config))).toStrictEqual(new RangeError(message));
    });

    it('BAK-06 refuses an immediateFirst that is no boolean', () => {
      expect(thrownBy(() => retryBackoff({ immediateFirst: 1 as never }))).toStrictEqual(
        new TypeError('retryBackoff: immediateFirst must be a boolean, got number'),
      );
    });

    it.each(['classify', 'policy', 'onRetry', 'onGiveUp', 'onComplete'])(
      'refuses a %s that is no function',
      (name) => {
        expect(thrownBy(() => retryBackoff({ [name]: 1 }))).toStrictEqual(
          new TypeError(`retryBackoff: ${name} must be a function, got number`),
        );
      },
    );

    it.each<[string, RetryPolicy]>([
      ['policy.maxFailures must be at least 1, got 0', { maxFailures: 0 }],
      ['policy.maxFailures must be at least 1, got NaN', { maxFailures: NaN }],
      ['policy.floorMs must not be negative, got -1', { floorMs: -1 }],
      ['policy.floorMs must not be negative, got NaN', { floorMs: NaN }],
    ])('a policy out of its range is the error of the stream: %s', (message, policy) =>
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('#').pipe(retryBackoff({ policy: () => policy }))).toBe(
          '#',
          undefined,
          new RangeError(`retryBackoff: ${message}`),
        );
      })(),
    );
  });
});
