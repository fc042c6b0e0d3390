import fc from 'fast-check';
import { concatMap, from, map, NEVER, of, range, Subject, take, tap, throwError, timer } from 'rxjs';
import {
  bufferBounded,
  type BufferBoundedConfig,
  BufferOverflowError,
  BufferPauseTimeoutError,
  type Overflow,
} from '../../src/operators/bufferBounded.js';
import { marbles } from '../marbles.js';

/** A sink that takes `ms` for each value. */
const slow = (ms: number) => (value: string) => timer(ms).pipe(map(() => value));

/** The real clock under our hands, outside virtual time. */
const fakeClock = () => {
  let now = 0;
  const spy = jest.spyOn(Date, 'now').mockImplementation(() => now);
  return { advance: (ms: number) => (now += ms), restore: () => spy.mockRestore() };
};

describe('bufferBounded', () => {
  it(
    'passes straight through with nothing waiting',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  --a--(bc)--d|');
      const subs = '        ^-----------!';
      const expected = '    --a--(bc)--d|';

      expectObservable(source.pipe(bufferBounded(1))).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'passes never, empty and an error through',
    marbles(({ hot, cold, expectObservable }) => {
      expectObservable(hot('-').pipe(bufferBounded(1))).toBe('-');
      expectObservable(cold('|').pipe(bufferBounded(1))).toBe('|');
      expectObservable(cold('-a-#').pipe(bufferBounded(1))).toBe('-a-#');
    }),
  );

  it(
    'stops a synchronous source that was taken from enough',
    marbles(() => {
      let made = 0; // in virtual time: a machine that stands still for a slice ends it
      range(0, 1_000)
        .pipe(
          tap(() => (made += 1)),
          bufferBounded(10),
          take(3),
        )
        .subscribe();

      expect(made).toBe(3);
    }),
  );

  describe('in front of a slow sink', () => {
    const cases: [Overflow, string, string[]][] = [
      ['drop-oldest', '----a---c---d|', ['b']],
      ['drop-newest', '----a---b---c|', ['d']],
    ];
    it.each(cases)('drops by the policy %s', (overflow, expected, lost) => {
      marbles(({ hot, flush, expectObservable }) => {
        const dropped: string[] = [];
        const source = hot('(abcd)-------|');
        const operator = bufferBounded<string>(2, {
          overflow,
          project: slow(4),
          onDrop: (value, reason) => dropped.push(`${value} ${reason}`),
        });

        expectObservable(source.pipe(operator)).toBe(expected);
        flush();
        expect(dropped).toStrictEqual(lost.map((value) => `${value} overflow`));
      })();
    });

    it(
      'conflates by key: the newest wins and keeps the place in line',
      marbles(({ hot, flush, expectObservable }) => {
        const dropped: string[] = [];
        const values = { x: 'A0', a: 'A1', b: 'B1', c: 'A2' };
        const source = hot('  xabc---------|', values);
        const expected = '    ----x---c---b|';
        const operator = bufferBounded<string>(5, {
          overflow: 'conflate',
          key: (value) => value[0],
          project: slow(4),
          onDrop: (value, reason) => dropped.push(`${value} ${reason}`),
        });

        expectObservable(source.pipe(operator)).toBe(expected, values);
        flush();
        expect(dropped).toStrictEqual(['A1 conflated']);
      }),
    );

    it(
      'conflates without being asked what it replaced',
      marbles(({ hot, expectObservable }) => {
        const values = { x: 'A0', a: 'A1', c: 'A2' };
        const operator = bufferBounded<string>(5, {
          overflow: 'conflate',
          key: (value) => value[0],
          project: slow(4),
        });

        expectObservable(hot('xac------|', values).pipe(operator)).toBe('----x---c|', values);
      }),
    );

    it(
      'errors by the policy error, after what was in line',
      marbles(({ hot, expectObservable }) => {
        const source = hot('  (abcd)-e');
        const expected = '    ----a---b---(c#)';
        const operator = bufferBounded<string>(2, { overflow: 'error', project: slow(4) });

        expectObservable(source.pipe(operator)).toBe(expected, undefined, new BufferOverflowError(2));
      }),
    );

    it(
      'pauses its source when the line is longer than maxItems, and resumes it at half',
      marbles(({ hot, flush, expectObservable }) => {
        const log: string[] = [];
        const at = (what: string) => () => log.push(what);
        const source = hot('(abcde)-----------------|');
        const expected = '  ----a---b---c---d---e---|';
        const operator = bufferBounded<string>(2, {
          overflow: 'pause',
          project: slow(4),
          onPause: at('pause'),
          onResume: at('resume'),
        });

        expectObservable(
          source.pipe(
            operator,
            tap((value) => log.push(value)),
          ),
        ).toBe(expected);
        flush();
        expect(log).toStrictEqual(['pause', 'a', 'b', 'c', 'resume', 'd', 'e']);
      }),
    );

    it(
      'errors when a pause lasts longer than maxPauseMs',
      marbles(({ hot, expectObservable }) => {
        const operator = bufferBounded<string>(1, { overflow: 'pause', project: () => NEVER, maxPauseMs: 5 });

        expectObservable(hot('(abc)').pipe(operator)).toBe(
          '-----#',
          undefined,
          new BufferPauseTimeoutError(5),
        );
      }),
    );

    it(
      'runs as many at once as concurrency says',
      marbles(({ hot, expectObservable }) => {
        const source = hot('  (abc)-----|');
        const expected = '    ----(ab)c-|';

        expectObservable(source.pipe(bufferBounded<string>(5, { project: slow(4), concurrency: 2 }))).toBe(
          expected.replace('----(ab)c-|', '----(ab)c-|'),
        );
      }),
    );

    it(
      'lets what waits come out before it completes or errors',
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('(ab|)').pipe(bufferBounded<string>(5, { project: slow(4) }))).toBe(
          '----a---(b|)',
        );
        expectObservable(cold('(ab#)').pipe(bufferBounded<string>(5, { project: slow(4) }))).toBe(
          '----a---(b#)',
        );
      }),
    );

    it(
      'errors when the sink does, or throws',
      marbles(({ cold, expectObservable }) => {
        const fail = (): never => {
          throw new Error('bad sink');
        };
        expectObservable(cold('-a').pipe(bufferBounded(5, { project: fail }))).toBe(
          '-#',
          undefined,
          new Error('bad sink'),
        );
        expectObservable(
          cold('-a').pipe(bufferBounded(5, { project: () => throwError(() => new Error('bad sink')) })),
        ).toBe('-#', undefined, new Error('bad sink'));
      }),
    );

    it(
      'hands what still waits to onDrop when it is left, and leaves no timer',
      marbles(({ hot, flush, expectObservable, expectSubscriptions }) => {
        const dropped: string[] = [];
        const source = hot('(abc)');
        const operator = bufferBounded<string>(5, {
          project: slow(4),
          onDrop: (value, reason) => dropped.push(`${value} ${reason}`),
        });

        expectObservable(source.pipe(operator), '^-!').toBe('');
        expectSubscriptions(source.subscriptions).toBe('^-!');
        flush();
        expect(dropped).toStrictEqual(['b ended', 'c ended']);
      }),
    );
  });

  describe('as a time slice', () => {
    it('makes the rest wait once a turn has lasted sliceMs, and goes on in the next turn, in order', () => {
      const clock = fakeClock();
      try {
        const turn$ = new Subject<void>();
        const source$ = new Subject<number>();
        const out: number[] = [];
        source$
          .pipe(
            bufferBounded(100, { sliceMs: 5, settled: turn$ }),
            tap(() => clock.advance(2)),
          )
          .subscribe((value) => out.push(value));
        for (let value = 1; value <= 7; value += 1) source$.next(value);
        expect(out).toStrictEqual([1, 2, 3]);
        turn$.next();
        expect(out).toStrictEqual([1, 2, 3, 4, 5, 6]);
        turn$.next();
        expect(out).toStrictEqual([1, 2, 3, 4, 5, 6, 7]);
        source$.next(8);
        expect(out).toStrictEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      } finally {
        clock.restore();
      }
    });

    it('asks for the next turn once, however many values pass', () => {
      let asked = 0;
      const turn$ = new Subject<void>();
      const source$ = new Subject<number>();
      source$
        .pipe(bufferBounded(100, { settled: turn$.pipe(tap({ subscribe: () => (asked += 1) })) }))
        .subscribe();
      for (let value = 0; value < 50; value += 1) source$.next(value);
      expect(asked).toBe(1);
      turn$.next();
      source$.next(51);

      expect(asked).toBe(2);
    });

    it('queues what a subscriber sends while it is being served, in order', () => {
      const source$ = new Subject<number>();
      const out: number[] = [];
      source$.pipe(bufferBounded(10)).subscribe((value) => {
        if (value < 3) source$.next(value + 1);
        out.push(value);
      });
      source$.next(1);

      expect(out).toStrictEqual([1, 2, 3]);
    });

    it('leaves no subscription to the next turn behind', () => {
      const turn$ = new Subject<void>();
      const source$ = new Subject<number>();
      const subscription = source$.pipe(bufferBounded(10, { settled: turn$ })).subscribe();
      source$.next(1);
      expect(turn$.observed).toBe(true);
      subscription.unsubscribe();

      expect([turn$.observed, source$.observed]).toStrictEqual([false, false]);
    });
  });

  it('counts exactly: in = out + dropped + conflated + ended, in order, never more than maxItems waiting', () => {
    const scripts = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 2 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(
        scripts,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 5 }),
        fc.constantFrom<Overflow>('drop-oldest', 'drop-newest', 'conflate'),
        fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
        (script, maxItems, workMs, overflow, leaveAt) => {
          marbles(({ flush }) => {
            interface Value {
              readonly n: number;
              readonly key: number;
            }
            const out: Value[] = [];
            const dropped: Value[] = [];
            let sent = 0;
            let started = 0;
            const subscription = from(script)
              .pipe(
                concatMap(([waitMs, key]) => timer(waitMs).pipe(map((): Value => ({ n: (sent += 1), key })))),
                bufferBounded<Value>(maxItems, {
                  overflow,
                  key: ({ key }) => key,
                  project: (value) => {
                    started += 1;
                    return timer(workMs).pipe(map(() => value));
                  },
                  onDrop: (value) => dropped.push(value),
                }),
              )
              .subscribe((value) => {
                out.push(value);
                expect(sent - started - dropped.length).toBeLessThanOrEqual(maxItems);
              });
            if (leaveAt !== undefined) timer(leaveAt).subscribe(() => subscription.unsubscribe());
            flush();

            expect(started + dropped.length).toBe(sent);
            expect(out.length).toBeGreaterThanOrEqual(started - 1);
            if (overflow !== 'conflate') {
              expect(out.map(({ n }) => n)).toStrictEqual(out.map(({ n }) => n).sort((a, b) => a - b));
            }
          })();
        },
      ),
    );
  });

  it.each<[string, number, object, string]>([
    ['maxItems', 0, {}, 'RangeError: bufferBounded: maxItems must be a whole number above 0, got 0'],
    ['maxItems', 1.5, {}, 'RangeError: bufferBounded: maxItems must be a whole number above 0, got 1.5'],
    [
      'maxItems',
      Number.NaN,
      {},
      'RangeError: bufferBounded: maxItems must be a whole number above 0, got NaN',
    ],
    [
      'overflow',
      1,
      { overflow: 'spill' },
      'RangeError: bufferBounded: overflow must be one of drop-oldest, drop-newest, conflate, error, pause, got spill',
    ],
    [
      'key',
      1,
      { overflow: 'conflate' },
      'TypeError: bufferBounded: key must be a function for conflate, got undefined',
    ],
    [
      'concurrency',
      1,
      { concurrency: 0 },
      'RangeError: bufferBounded: concurrency must be a whole number above 0, got 0',
    ],
    ['sliceMs', 1, { sliceMs: 0 }, 'RangeError: bufferBounded: sliceMs must be above 0, got 0'],
    ['sliceMs', 1, { sliceMs: Number.NaN }, 'RangeError: bufferBounded: sliceMs must be above 0, got NaN'],
    [
      'maxPauseMs',
      1,
      { maxPauseMs: -1 },
      'RangeError: bufferBounded: maxPauseMs must be above 0 and at most 2147483647, got -1',
    ],
  ])('refuses a wrong %s', (_name, maxItems, config, shown) => {
    let caught: unknown;
    try {
      bufferBounded(maxItems, config as BufferBoundedConfig<unknown>);
    } catch (error) {
      caught = error;
    }
    expect(String(caught)).toBe(shown);
  });

  it('is typed by its project', () => {
    const lengths$ = of('abc').pipe(bufferBounded(1, { project: (text: string) => of(text.length) }));
    // @ts-expect-error a length is no text
    const texts$ = lengths$.pipe(map((text: string) => text));

    expect([lengths$, texts$]).toHaveLength(2);
  });
});
