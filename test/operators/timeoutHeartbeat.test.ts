import * as fc from 'fast-check';
import {
  asyncScheduler,
  delay,
  EMPTY,
  from,
  lastValueFrom,
  type Observable,
  range,
  Subject,
  take,
  tap,
  timer,
} from 'rxjs';
import {
  HeartbeatTimeoutError,
  timeoutHeartbeat,
  type TimeoutHeartbeatConfig,
} from '../../src/operators/timeoutHeartbeat.js';
import { HOUR_MS, marbles, stepClock } from '../marbles.js';

/** Short enough to draw: a ping after 5 ms of silence, the verdict 4 ms later. */
const short: TimeoutHeartbeatConfig = { everyMs: 5, timeoutMs: 4 };

const dead = new HeartbeatTimeoutError(9);

/** What a call throws: compared whole, its class is compared too. */
const thrownBy = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    return error;
  }
};

describe('timeoutHeartbeat', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  describe('as an operator', () => {
    it(
      'HBT-01 HBT-04 never errors exactly everyMs + timeoutMs after the subscription',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('---------- ');
        const subs = '       ^--------! ';
        const expected = '   ---------# ';

        expectObservable(source.pipe(timeoutHeartbeat(short))).toBe(expected, undefined, dead);
        expectSubscriptions(source.subscriptions).toBe(subs);
      }),
    );

    it(
      'waits 15 s and 10 s unless told otherwise',
      marbles(({ cold, flush, expectObservable }) => {
        const pings: number[] = [];
        const ping = (): void => void pings.push(asyncScheduler.now());

        expectObservable(cold('-').pipe(timeoutHeartbeat({ ping }))).toBe(
          '25s #',
          undefined,
          new HeartbeatTimeoutError(25_000),
        );
        flush();
        expect(pings).toStrictEqual([15_000]);
      }),
    );

    it(
      'empty completes, and its timers with it',
      marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const alive$ = hot('-');

        expectObservable(cold('|').pipe(timeoutHeartbeat({ ...short, alive$ }))).toBe('|');
        expectSubscriptions(alive$.subscriptions).toBe('(^!)');
      }),
    );

    it.each([
      ['completion, before a ping', 'a-b-|         ', '^---!         '],
      ['completion, while a ping is out', 'a------|   ', '^------!   '],
      ['error, before a ping', 'a-b-#              ', '^---!         '],
      ['error, while a ping is out', 'a------#        ', '^------!   '],
    ])("passes the source's %s, and listens to nothing after it", (_name, events, subs) =>
      marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const alive$ = hot('-');

        expectObservable(cold(events).pipe(timeoutHeartbeat({ ...short, alive$ }))).toBe(events);
        expectSubscriptions(alive$.subscriptions).toBe(subs);
      })(),
    );

    it.each([
      ['before a ping', '^-!'],
      ['while a ping is out', '^------!'],
    ])('an unsubscribe %s ends the source, the timers and alive$', (_name, subs) =>
      marbles(({ cold, hot, flush, expectObservable, expectSubscriptions }) => {
        const source = cold('-');
        const alive$ = hot('-');
        const ping = jest.fn();

        expectObservable(source.pipe(timeoutHeartbeat({ ...short, ping, alive$ })), subs).toBe('-');
        expectSubscriptions(source.subscriptions).toBe(subs);
        expectSubscriptions(alive$.subscriptions).toBe(subs);
        flush();
        expect(ping).toHaveBeenCalledTimes(subs.length > 5 ? 1 : 0);
      })(),
    );

    it(
      'what ping throws is the error of the stream',
      marbles(({ cold, expectObservable }) => {
        const ping = (): void => {
          throw new Error('thrown');
        };

        expectObservable(cold('a').pipe(timeoutHeartbeat({ ...short, ping }))).toBe(
          'a----#',
          undefined,
          new Error('thrown'),
        );
      }),
    );

    it(
      'what isSuspended throws is the error of the stream',
      marbles(({ cold, expectObservable }) => {
        const isSuspended = (): boolean => {
          throw new Error('thrown');
        };

        expectObservable(cold('-').pipe(timeoutHeartbeat({ ...short, isSuspended }))).toBe(
          '#',
          undefined,
          new Error('thrown'),
        );
      }),
    );

    it(
      'a suspension that ends while the verdict waits for settled holds nothing against the other side',
      marbles(({ cold, time, expectObservable }) => {
        const settled = cold('--(s|)');
        const source = '            ------------a';
        const sub = '               ^-----------------!';
        const suspended = [time('   -------|'), time('----------|')] as const;
        const isSuspended = (): boolean => {
          const now = asyncScheduler.now();
          return now >= suspended[0] && now < suspended[1];
        };

        expectObservable(cold(source).pipe(timeoutHeartbeat({ ...short, settled, isSuspended })), sub).toBe(
          source,
        );
      }),
    );

    it(
      'a second subscription starts fresh',
      marbles(({ cold, expectObservable }) => {
        const silent = cold('-').pipe(timeoutHeartbeat(short));

        expectObservable(silent, '^-----------').toBe('---------#      ', undefined, dead);
        expectObservable(silent, '----^-----------').toBe('-------------#', undefined, dead);
      }),
    );

    it('a synchronous source stops once nobody listens', () => {
      let pulled = 0;
      const numbers = function* (): Generator<number> {
        for (;;) yield pulled++;
      };
      const seen: number[] = [];

      from(numbers())
        .pipe(timeoutHeartbeat(), take(3))
        .subscribe({
          next: (n) => seen.push(n),
          error: (error: unknown) => {
            throw error;
          },
        });

      expect(seen).toStrictEqual([0, 1, 2]);
      expect(pulled).toBe(3);
    });

    it('costs a value one timestamp, no timer and no signal', () => {
      const now = jest.spyOn(asyncScheduler, 'now');
      const schedule = jest.spyOn(asyncScheduler, 'schedule');
      const signal = jest.spyOn(Subject.prototype, 'next');

      range(1_000).pipe(timeoutHeartbeat()).subscribe();

      // One for the subscription, one for the first timer, one for each value.
      expect(now).toHaveBeenCalledTimes(1_002);
      expect(schedule).toHaveBeenCalledTimes(1);
      expect(signal).not.toHaveBeenCalled();
    });

    it.each<[string, TimeoutHeartbeatConfig]>(
      (['everyMs', 'timeoutMs'] as const).flatMap((name) =>
        [0, -1, NaN, 2 ** 31, Infinity].map((ms): [string, TimeoutHeartbeatConfig] => [
          `${name} must be above 0 and at most 2147483647, got ${ms}`,
          { [name]: ms },
        ]),
      ),
    )('HBT-10 refuses intervals at construction: %s', (message, config) => {
      expect(thrownBy(() => timeoutHeartbeat(config))).toStrictEqual(
        new RangeError(`timeoutHeartbeat: ${message}`),
      );
    });

    it('is typed', () => {
      // @ts-expect-error A ping is sent by a function.
      timeoutHeartbeat({ ping: 'ping' });
      // @ts-expect-error The values pass through as they are.
      const text$: Observable<string> = from([1]).pipe(timeoutHeartbeat());
      expect(text$).toBeDefined();
    });
  });

  describe('signs of life', () => {
    it(
      'HBT-02 any value of the source puts the verdict off',
      marbles(({ cold, expectObservable }) => {
        const source = cold('a---b--c------d-e         ');
        const expected = '   a---b--c------d-e--------#';

        expectObservable(source.pipe(timeoutHeartbeat(short))).toBe(expected, undefined, dead);
      }),
    );

    it('the verdict falls at the first silence of everyMs + timeoutMs, wherever it is', () => {
      // A value in the very frame of the verdict may fall on either side of it: 9 is left out.
      const gaps = fc.array(fc.integer({ min: 1, max: 12 }).filter((ms) => ms !== 9));
      fc.assert(
        fc.property(gaps, (all) =>
          marbles(({ cold, expectObservable }) => {
            const end = all.findIndex((ms) => ms > 9);
            const heard = end === -1 ? all : all.slice(0, end);
            const draw = (values: readonly number[]): string =>
              values.map((ms) => `${'-'.repeat(ms - 1)}a`).join('');
            expectObservable(cold(`a${draw(all)}`).pipe(timeoutHeartbeat(short))).toBe(
              `a${draw(heard)}--------#`,
              undefined,
              dead,
            );
          })(),
        ),
      );
    });

    it(
      'HBT-07 a ping goes out everyMs after the last sign',
      marbles(({ cold, expectObservable }) => {
        const ping$ = new Subject<string>();
        const source = cold('a-b-----c----------');
        const pings = '      -------p-----p-----';
        const expected = '   a-b-----c--------# ';

        expectObservable(ping$).toBe(pings);
        expectObservable(source.pipe(timeoutHeartbeat({ ...short, ping: () => ping$.next('p') }))).toBe(
          expected,
          undefined,
          dead,
        );
      }),
    );

    it(
      'a pong answers a ping, and the next goes out everyMs after it',
      marbles(({ cold, expectObservable }) => {
        const ping$ = new Subject<string>();
        const alive$ = ping$.pipe(delay(2));
        const pings = '      -----p------p------p---';
        const expected = '   -----------------------';
        const subs = '       ^---------------------!';

        expectObservable(ping$).toBe(pings);
        expectObservable(
          cold('-').pipe(timeoutHeartbeat({ ...short, alive$, ping: () => ping$.next('p') })),
          subs,
        ).toBe(expected);
      }),
    );

    it(
      'a pong in the last millisecond is in time',
      marbles(({ cold, hot, expectObservable }) => {
        const alive$ = hot('--------p         ');
        const expected = '  -----------------#';

        expectObservable(cold('-').pipe(timeoutHeartbeat({ ...short, alive$ }))).toBe(
          expected,
          undefined,
          dead,
        );
      }),
    );

    it(
      'a pong that comes before the ping returns is heard',
      marbles(({ cold, expectObservable }) => {
        const ping$ = new Subject<string>();
        const pings = '      -----p----p----p-';
        const subs = '       ^---------------!';

        expectObservable(ping$).toBe(pings);
        expectObservable(
          cold('-').pipe(timeoutHeartbeat({ ...short, alive$: ping$, ping: () => ping$.next('p') })),
          subs,
        ).toBe('-');
      }),
    );

    it(
      'an end of alive$ changes nothing, an error of it errors the stream',
      marbles(({ cold, expectObservable }) => {
        const ends = cold(' --|');
        const fails = cold('--#');

        expectObservable(cold('-').pipe(timeoutHeartbeat({ ...short, alive$: ends }))).toBe(
          '---------#',
          undefined,
          dead,
        );
        expectObservable(cold('-').pipe(timeoutHeartbeat({ ...short, alive$: fails }))).toBe('--#');
      }),
    );

    it(
      'a wall clock set back does not put the verdict off by as much',
      marbles(({ cold, flush, expectObservable }) => {
        const clock = asyncScheduler.now.bind(asyncScheduler);
        jest
          .spyOn(asyncScheduler, 'now')
          .mockImplementation(() => (clock() < 3 ? clock() : clock() - 3_600_000));
        const expected = '--------------#';

        expectObservable(cold('-').pipe(timeoutHeartbeat(short))).toBe(expected, undefined, dead);
        flush();
      }),
    );
  });

  it(
    'has been silent for timeoutMs at least, though the clock is set back while it waits for the answer',
    marbles(({ cold, expectObservable }) => {
      timer(11).subscribe(() => stepClock(-HOUR_MS));

      expectObservable(cold('-').pipe(timeoutHeartbeat({ everyMs: 10, timeoutMs: 4 }))).toBe(
        '--------------#',
        undefined,
        new HeartbeatTimeoutError(4),
      );
    }),
  );

  describe('before the verdict', () => {
    it(
      'asks once more for what had already arrived, so that a blocked event loop kills nothing',
      marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const source = hot(' ----------a         ');
        const settled = cold('         --s       ');
        const asked = ['                  ---------^!         ', '                  -------------------^-!'];
        const expected = '   ----------a----------#';

        expectObservable(source.pipe(timeoutHeartbeat({ ...short, settled }))).toBe(
          expected,
          undefined,
          new HeartbeatTimeoutError(11),
        );
        expectSubscriptions(settled.subscriptions).toBe(asked);
      }),
    );

    it(
      'hears what is handed over in the very tick of settled',
      marbles(({ expectObservable }) => {
        const socket$ = new Subject<string>();
        const settled = timer(0).pipe(tap(() => socket$.next('a')));
        const subs = '    ^----------------!';
        const expected = '---------a--------';

        expectObservable(socket$.pipe(timeoutHeartbeat({ ...short, settled })), subs).toBe(expected);
      }),
    );

    it(
      'a settled that only completes is as good as one that emits',
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('-').pipe(timeoutHeartbeat({ ...short, settled: EMPTY }))).toBe(
          '---------#',
          undefined,
          dead,
        );
      }),
    );

    it(
      'an error of settled errors the stream',
      marbles(({ cold, expectObservable }) => {
        const settled = cold('-#');

        expectObservable(cold('-').pipe(timeoutHeartbeat({ ...short, settled }))).toBe('----------#');
      }),
    );
  });

  describe('while a ping is held back', () => {
    it.each([
      ['emits', '---l'],
      ['completes', '---|'],
    ])('nothing is judged, and timeoutMs begins when what ping returned %s', (_name, leaves) =>
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const left = cold(leaves);
        const subs = '       -----^--!        ';
        const expected = '   ------------#    ';

        expectObservable(cold('-').pipe(timeoutHeartbeat({ ...short, ping: () => left }))).toBe(
          expected,
          undefined,
          new HeartbeatTimeoutError(12),
        );
        expectSubscriptions(left.subscriptions).toBe(subs);
      })(),
    );

    it(
      'a sign of life ends the wait, and the next ping is everyMs away',
      marbles(({ cold, hot, flush, expectObservable, expectSubscriptions }) => {
        const pings: number[] = [];
        const left = cold('---l');
        const ping = () => {
          pings.push(asyncScheduler.now());
          return left;
        };
        const source = hot(' ------a           ');
        const subs = ['      -----^!', '-----------^--!'];
        const expected = '   ------a-----------#';

        expectObservable(source.pipe(timeoutHeartbeat({ ...short, ping }))).toBe(
          expected,
          undefined,
          new HeartbeatTimeoutError(12),
        );
        expectSubscriptions(left.subscriptions).toBe(subs);
        flush();
        expect(pings).toStrictEqual([5, 11]);
      }),
    );

    it(
      'a ping that never leaves is never judged',
      marbles(({ cold, expectObservable }) => {
        const subs = '^ 1s !';

        expectObservable(cold('-').pipe(timeoutHeartbeat({ ...short, ping: () => cold('-') })), subs).toBe(
          '-',
        );
      }),
    );

    it(
      'its error is the error of the stream',
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('-').pipe(timeoutHeartbeat({ ...short, ping: () => cold('--#') }))).toBe(
          '-------#',
        );
      }),
    );

    it('a Promise tells the same', async () => {
      const failure = new Error('no room');
      const source = new Subject<never>().pipe(
        timeoutHeartbeat({ everyMs: 1, timeoutMs: 1, ping: () => Promise.reject(failure) }),
      );

      await expect(lastValueFrom(source)).rejects.toBe(failure);
    });
  });

  describe('while suspended', () => {
    it(
      'nothing is pinged, and the clock starts again',
      marbles(({ cold, expectObservable }) => {
        const ping$ = new Subject<string>();
        const isSuspended = (): boolean => asyncScheduler.now() < 7;
        const pings = '   ----------p----';
        const expected = '--------------#';

        expectObservable(ping$).toBe(pings);
        expectObservable(
          cold('-').pipe(timeoutHeartbeat({ ...short, isSuspended, ping: () => ping$.next('p') })),
        ).toBe(expected, undefined, dead);
      }),
    );

    it(
      'a suspension that comes and goes while a ping is out is not judged either, if alive$ tells of its end',
      marbles(({ cold, hot, expectObservable }) => {
        const ping$ = new Subject<string>();
        const isSuspended = (): boolean => asyncScheduler.now() > 5 && asyncScheduler.now() < 8;
        const alive$ = hot('--------r         ');
        const pings = '     -----p-------p----';
        const expected = '  -----------------#';

        expectObservable(ping$).toBe(pings);
        expectObservable(
          cold('-').pipe(timeoutHeartbeat({ ...short, alive$, isSuspended, ping: () => ping$.next('p') })),
        ).toBe(expected, undefined, dead);
      }),
    );

    it(
      'a ping that is out is not judged',
      marbles(({ cold, expectObservable }) => {
        const ping$ = new Subject<string>();
        const isSuspended = (): boolean => asyncScheduler.now() > 5 && asyncScheduler.now() < 12;
        const pings = '   -----p--------p----';
        const expected = '------------------#';

        expectObservable(ping$).toBe(pings);
        expectObservable(
          cold('-').pipe(timeoutHeartbeat({ ...short, isSuspended, ping: () => ping$.next('p') })),
        ).toBe(expected, undefined, dead);
      }),
    );
  });
});
