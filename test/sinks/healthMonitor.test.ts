import fc from 'fast-check';
import { asyncScheduler, filter, map, NEVER, type Observable, Subject, tap, timer } from 'rxjs';
import {
  createHealthMonitor,
  type HealthChange,
  type HealthMonitor,
  type HealthMonitorConfig,
} from '../../src/sinks/healthMonitor.js';
import { HOUR_MS, marbles } from '../marbles.js';

type Silence = Pick<HealthChange, 'stream' | 'topic' | 'since' | 'at'>;

const unhealthy = (silence: Silence): HealthChange => ({
  type: 'unhealthy',
  ...silence,
  silentMs: silence.at - silence.since,
});
const recovered = (silence: Silence): HealthChange => ({ ...unhealthy(silence), type: 'recovered' });

/** Does something at each marble. */
const onEach = (source$: Observable<string>, act: (letter: string) => void): void => {
  source$.pipe(tap(act)).subscribe();
};

/** The changes by name alone: a capital for unhealthy, a small letter for recovered. */
const letters = ({ changes$ }: HealthMonitor): Observable<string> =>
  changes$.pipe(
    map(({ type, stream, topic = stream }) => (type === 'unhealthy' ? topic.toUpperCase() : topic)),
  );

/** Whether all is well, asked at each marble: y or n. */
const asked = (ask$: Observable<string>, monitor: HealthMonitor): Observable<string> =>
  ask$.pipe(map(() => (monitor.isHealthy() ? 'y' : 'n')));

describe('createHealthMonitor', () => {
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  describe('verdicts', () => {
    it(
      'fall exactly staleAfterMs after the last value, and end with the next',
      marbles(({ hot, time, expectObservable }) => {
        const values = hot('       --a-----b--------------c------');
        const staleAfterMs = time('------|                       ');
        const expected = '         --------------u--------r-----v';

        const monitor = createHealthMonitor({ streams: { trade: { staleAfterMs } } });
        onEach(values, () => monitor.record('trade'));
        expectObservable(monitor.changes$).toBe(expected, {
          u: unhealthy({ stream: 'trade', since: 8, at: 14 }),
          r: recovered({ stream: 'trade', since: 8, at: 23 }),
          v: unhealthy({ stream: 'trade', since: 23, at: 29 }),
        });
      }),
    );

    it(
      'measure a stream that never delivered from the start',
      marbles(({ time, expectObservable }) => {
        const staleAfterMs = time('-----|');
        const expected = '         -----u';

        const monitor = createHealthMonitor({ streams: { trade: { staleAfterMs } } });
        expectObservable(monitor.changes$).toBe(expected, {
          u: unhealthy({ stream: 'trade', since: 0, at: 5 }),
        });
      }),
    );

    it(
      'fall on each stream for itself: the data of one says nothing of another',
      marbles(({ hot, time, expectObservable }) => {
        const values = hot('       -a--ab----a----');
        const staleAfterMs = time('----|          ');
        const expected = '         ----Bb--ABa---A';

        const monitor = createHealthMonitor({ streams: { a: { staleAfterMs }, b: { staleAfterMs } } });
        onEach(values, (stream) => monitor.record(stream));
        expectObservable(letters(monitor)).toBe(expected);
      }),
    );

    it(
      'fall after three expected intervals, unless staleAfterMs says otherwise',
      marbles(({ time, expectObservable }) => {
        const expectedIntervalMs = time('--|    ');
        const staleAfterMs = time('      ---|   ');
        const expected = '               ---B--A';

        const monitor = createHealthMonitor({
          streams: { a: { expectedIntervalMs }, b: { expectedIntervalMs, staleAfterMs } },
        });
        expectObservable(letters(monitor)).toBe(expected);
      }),
    );

    it(
      'never fall on a stream that may be silent or has no limit, which needs no timer',
      marbles(({ expectObservable, flush }) => {
        const schedule = jest.spyOn(asyncScheduler, 'schedule');
        const monitor = createHealthMonitor({
          streams: {
            order: { staleAfterMs: 2, allowSilence: true },
            note: {},
            ever: { staleAfterMs: Infinity },
          },
        });
        monitor.record('order');
        expectObservable(monitor.changes$).toBe('');
        flush();
        expect(monitor.isHealthy()).toBe(true);
        expect(schedule).not.toHaveBeenCalled();
      }),
    );

    it(
      'reach every subscriber of changes$ from then on, and none that left',
      marbles(({ hot, time, expectObservable }) => {
        const values = hot('       ---a------');
        const staleAfterMs = time('--|       ');
        const early = '            ^---!     ';
        const heardEarly = '       --Aa------';
        const late = '             ----^-----';
        const heardLate = '        -----A----';

        const monitor = createHealthMonitor({ streams: { a: { staleAfterMs } } });
        onEach(values, () => monitor.record('a'));
        expectObservable(letters(monitor), early).toBe(heardEarly);
        expectObservable(letters(monitor), late).toBe(heardLate);
      }),
    );

    it('agree with a plain calculation for any traffic', () => {
      const odd = fc.integer({ min: 1, max: 15 }).map((n) => 2 * n + 1);
      const even = fc.nat(60).map((n) => 2 * n);
      const stream = fc.record({ staleAfterMs: odd, values: fc.uniqueArray(even, { maxLength: 12 }) });
      fc.assert(
        fc.property(fc.array(stream, { minLength: 1, maxLength: 12 }), (plans) => {
          const expected = plans.flatMap(({ staleAfterMs, values }, n) => {
            const at = [0, ...values.toSorted((one, other) => one - other), Infinity];
            return at.slice(1).flatMap((next, index) => {
              const since = at[index]!;
              const silence = { stream: `${n}`, since };
              if (next <= since + staleAfterMs) return [];
              const spell = [unhealthy({ ...silence, at: since + staleAfterMs })];
              return next === Infinity ? spell : [...spell, recovered({ ...silence, at: next })];
            });
          });

          const told: HealthChange[] = [];
          marbles(({ flush }) => {
            const monitor = createHealthMonitor({
              streams: Object.fromEntries(plans.map(({ staleAfterMs }, n) => [n, { staleAfterMs }])),
            });
            monitor.changes$.pipe(tap((each) => told.push(each))).subscribe();
            plans.forEach(({ values }, n) => {
              for (const at of values) {
                timer(at)
                  .pipe(tap(() => monitor.record(`${n}`)))
                  .subscribe();
              }
            });
            flush();
            const silent = new Set(plans.map((_, n) => `${n}`));
            expect(monitor.status().every(({ healthy, stream: name }) => !healthy && silent.has(name))).toBe(
              true,
            );
          })();

          const byName = ({ stream: one, at }: HealthChange, other: HealthChange): number =>
            Number(one) - Number(other.stream) || at - other.at;
          expect(told.map(({ at }) => at)).toStrictEqual(
            expected.map(({ at }) => at).toSorted((one, other) => one - other),
          );
          expect(told.toSorted(byName)).toStrictEqual(expected.toSorted(byName));
        }),
      );
    });
  });

  describe('the time of a value', () => {
    const staleAfterMs = 4;
    const streams = { a: { staleAfterMs } };

    it(
      'is the one given; a value older than the newest changes nothing',
      marbles(({ hot, expectObservable }) => {
        const values = hot('  --23----');
        const at = { '2': 2, '3': 1 };
        const expected = '    ------u ';

        const monitor = createHealthMonitor({ streams });
        onEach(values, (letter) => monitor.record('a', at[letter as keyof typeof at]));
        expectObservable(monitor.changes$).toBe(expected, { u: unhealthy({ stream: 'a', since: 2, at: 6 }) });
      }),
    );

    it(
      'in the past moves the verdict no further than it deserves',
      marbles(({ hot, expectObservable }) => {
        const values = hot('  ---v----');
        const expected = '    -----u  ';

        const monitor = createHealthMonitor({ streams });
        onEach(values, () => monitor.record('a', 1));
        expectObservable(monitor.changes$).toBe(expected, { u: unhealthy({ stream: 'a', since: 1, at: 5 }) });
      }),
    );

    it(
      'so long past that the value is stale already ends no silence',
      marbles(({ hot, expectObservable }) => {
        const values = hot('  ----------xy ');
        const at = { x: 5, y: 8 };
        const expected = '    ----u------rv';

        const monitor = createHealthMonitor({ streams });
        onEach(values, (letter) => monitor.record('a', at[letter as keyof typeof at]));
        expectObservable(monitor.changes$).toBe(expected, {
          u: unhealthy({ stream: 'a', since: 0, at: 4 }),
          r: recovered({ stream: 'a', since: 5, at: 8 }),
          v: unhealthy({ stream: 'a', since: 8, at: 12 }),
        });
      }),
    );

    it(
      'in the future counts as now at the next look, and puts no verdict off for ever',
      marbles(({ hot, expectObservable, flush }) => {
        const values = hot('  -v-------');
        const expected = '    --------u';

        const monitor = createHealthMonitor({ streams });
        onEach(values, () => monitor.record('a', 1_000_000));
        expectObservable(monitor.changes$).toBe(expected, { u: unhealthy({ stream: 'a', since: 4, at: 8 }) });
        flush();
        expect(monitor.status()).toMatchObject([{ lastAt: 4, ageMs: 4 }]);
      }),
    );

    it(
      'in the future ends a silence, but puts off neither the next verdict nor that of liveness',
      marbles(({ flush }) => {
        const monitor = createHealthMonitor({ streams: { trade: { staleAfterMs: 100 } }, livenessMs: 500 });
        const told: string[] = [];
        monitor.changes$.subscribe(({ at, type }) => told.push(`${at} ${type}`));
        timer(150).subscribe(() => {
          monitor.record('trade', 3_600_000);
          monitor.recordLiveness(3_600_000);
          expect(monitor.isHealthy()).toBe(true);
        });
        timer(300).subscribe(() => monitor.record('trade'));
        timer(649).subscribe(() => monitor.record('trade'));
        timer(650).subscribe(() => {
          expect(monitor.isStreamHealthy('trade')).toBe(true);
          expect(monitor.isHealthy()).toBe(false);
          monitor.stop();
        });
        flush();
        expect(told).toStrictEqual([
          '100 unhealthy',
          '150 recovered',
          '250 unhealthy',
          '300 recovered',
          '400 unhealthy',
          '649 recovered',
        ]);
      }),
    );

    it('survives a clock that is set back', () => {
      jest.useFakeTimers({ now: 1_000_000 });
      const changes: HealthChange[] = [];
      const monitor = createHealthMonitor({ streams: { a: { staleAfterMs: 100 } } });
      monitor.changes$.pipe(tap((each) => changes.push(each))).subscribe();
      jest.setSystemTime(400_000);
      jest.advanceTimersByTime(100);
      monitor.record('a');
      jest.advanceTimersByTime(100);
      expect(changes).toStrictEqual([unhealthy({ stream: 'a', since: 400_100, at: 400_200 })]);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('puts no verdict off where the clock is set back and another stream watched', () => {
      jest.useFakeTimers({ now: 10 * HOUR_MS });
      const monitor = createHealthMonitor({ streams: { a: { staleAfterMs: 100 } } });
      jest.advanceTimersByTime(50);
      jest.setSystemTime(9 * HOUR_MS);
      monitor.watch('a', 'x');
      jest.advanceTimersByTime(201);
      expect([monitor.isStreamHealthy('a'), monitor.isStreamHealthy('a', 'x')]).toStrictEqual([false, false]);
    });

    it('condemns no stream because the clock is set forward, but those that are silent', () => {
      jest.useFakeTimers({ now: 1_000_000 });
      const streams = { a: { staleAfterMs: 100 }, b: { staleAfterMs: 200 }, c: { staleAfterMs: 100 } };
      const changes: string[] = [];
      const monitor = createHealthMonitor({ streams });
      letters(monitor)
        .pipe(tap((each) => changes.push(each)))
        .subscribe();
      jest.advanceTimersByTime(50);
      monitor.record('b');
      jest.setSystemTime(1_000_050 + HOUR_MS);
      monitor.record('c');
      jest.advanceTimersByTime(50);
      expect(changes).toStrictEqual(['A']);
      jest.advanceTimersByTime(49);
      expect(changes).toStrictEqual(['A']);
      jest.advanceTimersByTime(1);
      expect(changes).toStrictEqual(['A', 'C']);
      jest.advanceTimersByTime(99);
      expect(changes).toStrictEqual(['A', 'C']);
      jest.advanceTimersByTime(1);
      expect(changes).toStrictEqual(['A', 'C', 'B']);
    });

    it('condemns no stream that falls due soon after the clock was set forward', () => {
      jest.useFakeTimers({ now: 1_000_000 });
      const monitor = createHealthMonitor({
        streams: { a: { staleAfterMs: 2_000 }, b: { staleAfterMs: 60_000 } },
      });
      jest.advanceTimersByTime(1_000);
      monitor.record('b');
      jest.setSystemTime(1_058_000);
      jest.advanceTimersByTime(59_999);
      expect(monitor.isStreamHealthy('b')).toBe(true);
      jest.advanceTimersByTime(1);
      expect(monitor.isStreamHealthy('b')).toBe(false);
    });

    it('puts no verdict off for ever because timers are late again and again, as in a hidden tab', () => {
      jest.useFakeTimers({ now: 1_000_000 });
      const streams = { a: { staleAfterMs: 5_000 }, b: { staleAfterMs: 5_000 }, c: { staleAfterMs: 5_000 } };
      const monitor = createHealthMonitor({ streams });
      const verdicts: boolean[] = [];
      jest.advanceTimersByTime(4_000);
      for (const stream of ['a', 'b', 'c']) {
        jest.advanceTimersByTime(10);
        monitor.record(stream);
      }
      jest.advanceTimersByTime(4_970); // one rang in time, and the next does in 10 ms
      for (const live of ['a', 'b']) {
        monitor.record(live);
        jest.setSystemTime(Date.now() + 60_000);
        jest.advanceTimersByTime(10);
        verdicts.push(monitor.isStreamHealthy('c'));
      }
      expect(verdicts).toStrictEqual([true, false]);
    });

    it.each<[string, (monitor: HealthMonitor) => void, (monitor: HealthMonitor) => void]>([
      ['while it is unhealthy', () => jest.advanceTimersByTime(150), (monitor) => monitor.record('a')],
      ['while it is stopped', (monitor) => monitor.stop(), (monitor) => monitor.start()],
      ['while it is not watched', (monitor) => monitor.unwatch('a'), (monitor) => monitor.watch('a')],
    ])('puts no verdict off if the clock is set back %s', (_, before, after) => {
      jest.useFakeTimers({ now: 1_000_000 });
      const monitor = createHealthMonitor({ streams: { a: { staleAfterMs: 100 } } });
      monitor.record('a');
      before(monitor);
      jest.setSystemTime(400_000);
      after(monitor);
      expect([monitor.isHealthy(), jest.getTimerCount()]).toStrictEqual([true, 1]);
      jest.advanceTimersByTime(100);
      expect([monitor.isHealthy(), monitor.status()[0]?.ageMs]).toStrictEqual([false, 100]);
    });
  });

  describe('before a verdict', () => {
    it(
      'what had already arrived is recorded first: a blocked event loop is no silence',
      marbles(({ hot, time, expectObservable }) => {
        const values = hot('       -a----a--------');
        const staleAfterMs = time('----|          ');
        const look = timer(time('    --|        '));
        const expected = '         ------------A--';

        const monitor = createHealthMonitor({ streams: { a: { staleAfterMs } }, settled: look });
        onEach(values, () => monitor.record('a'));
        expectObservable(letters(monitor)).toBe(expected);
      }),
    );

    it(
      'those that fall due together are looked at together, once',
      marbles(({ flush }) => {
        const settled = new Subject<void>();
        const fell: string[] = [];
        const monitor = createHealthMonitor({
          streams: { a: { staleAfterMs: 4 }, b: { staleAfterMs: 4 }, c: { staleAfterMs: 4 } },
          settled,
        });
        monitor.changes$.pipe(tap(({ stream, at }) => fell.push(`${stream}@${at}`))).subscribe();
        let lookers: boolean[] = [];
        timer(6)
          .pipe(
            tap(() => {
              monitor.record('b');
              monitor.unwatch('c');
              lookers = [settled.observed];
              settled.next();
              lookers.push(settled.observed);
              monitor.stop();
            }),
          )
          .subscribe();
        flush();
        expect(fell).toStrictEqual(['a@6']);
        expect(lookers).toStrictEqual([true, false]);
      }),
    );

    it(
      'there is none while nothing is settled, and none after stop',
      marbles(({ hot, time, expectObservable }) => {
        const script = hot('       ------x---s-----');
        const staleAfterMs = time('---|            ');
        const never = '            ----------------';
        const stopped = '          ----------------';

        const hanging = createHealthMonitor({ streams: { a: { staleAfterMs } }, settled: NEVER });
        const late = createHealthMonitor({ streams: { a: { staleAfterMs } }, settled: timer(4) });
        onEach(script, (letter) => (letter === 'x' ? late.stop() : late.record('a')));
        expectObservable(letters(hanging)).toBe(never);
        expectObservable(letters(late)).toBe(stopped);
      }),
    );
  });

  describe('start and stop', () => {
    it(
      'stop leaves nobody waiting for what is not settled',
      marbles(({ flush }) => {
        const settled = new Subject<void>();
        const monitor = createHealthMonitor({ streams: { a: { staleAfterMs: 2 } }, settled });
        const waiting: boolean[] = [];
        timer(5)
          .pipe(
            tap(() => {
              waiting.push(settled.observed);
              monitor.stop();
              waiting.push(settled.observed);
            }),
          )
          .subscribe();
        flush();
        expect(waiting).toStrictEqual([true, false]);
      }),
    );

    const staleAfterMs = 3;
    const streams = { a: { staleAfterMs } };
    /** s starts, x stops, a is a value. */
    const play = (script$: Observable<string>, monitor: HealthMonitor): void =>
      onEach(script$, (letter) => {
        if (letter === 's') monitor.start();
        else if (letter === 'x') monitor.stop();
        else monitor.record('a');
      });

    it(
      'while stopped no verdict falls; silence counts from the next start',
      marbles(({ hot, expectObservable }) => {
        const script = hot('  -ax-------s---');
        const expected = '    -------------u';

        const monitor = createHealthMonitor({ streams });
        play(script, monitor);
        expectObservable(monitor.changes$).toBe(expected, {
          u: unhealthy({ stream: 'a', since: 10, at: 13 }),
        });
      }),
    );

    it(
      'nothing is judged before the first start if autoStart is off',
      marbles(({ hot, expectObservable }) => {
        const script = hot('  -----s---');
        const expected = '    --------u';

        const monitor = createHealthMonitor({ streams, autoStart: false });
        play(script, monitor);
        expectObservable(monitor.changes$).toBe(expected, { u: unhealthy({ stream: 'a', since: 5, at: 8 }) });
      }),
    );

    it(
      'starting twice changes nothing, nor does stopping twice',
      marbles(({ hot, expectObservable }) => {
        const script = hot('  -s---xxass--');
        const expected = '    ---A---a---A';

        const monitor = createHealthMonitor({ streams });
        play(script, monitor);
        expectObservable(letters(monitor)).toBe(expected);
      }),
    );

    it(
      'an unhealthy spell outlasts a stop and a start, and ends with a value',
      marbles(({ hot, expectObservable }) => {
        const script = hot('  ----x-s--a---');
        const expected = '    ---u-----r--v';

        const monitor = createHealthMonitor({ streams });
        play(script, monitor);
        expectObservable(monitor.changes$).toBe(expected, {
          u: unhealthy({ stream: 'a', since: 0, at: 3 }),
          r: recovered({ stream: 'a', since: 0, at: 9 }),
          v: unhealthy({ stream: 'a', since: 9, at: 12 }),
        });
      }),
    );

    it(
      'a value ends an unhealthy spell while stopped, too',
      marbles(({ hot, expectObservable }) => {
        const script = hot('  ----x-a-s---');
        const expected = '    ---A--a----A';

        const monitor = createHealthMonitor({ streams });
        play(script, monitor);
        expectObservable(letters(monitor)).toBe(expected);
      }),
    );

    it(
      'a subscriber may stop it from inside a verdict',
      marbles(({ expectObservable }) => {
        const monitor = createHealthMonitor({ streams: { a: { staleAfterMs }, b: { staleAfterMs } } });
        onEach(letters(monitor), () => monitor.stop());
        expectObservable(letters(monitor)).toBe('---A');
      }),
    );

    it('CLO-02 TDN-08 stop leaves no timer', () => {
      jest.useFakeTimers();
      const monitor = createHealthMonitor({ streams });
      monitor.watch('a', 'topic');
      expect(jest.getTimerCount()).toBe(1);
      monitor.stop();
      monitor.stop();
      expect(jest.getTimerCount()).toBe(0);
      monitor.record('a');
      monitor.watch('a', 'another');
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  describe('topics', () => {
    const staleAfterMs = 4;
    const streams = { s: { staleAfterMs } };

    it(
      'are judged from watch to unwatch, each for itself; their values keep the stream fresh',
      marbles(({ hot, expectObservable }) => {
        const values = hot('  -b-x-x-x-x-b----');
        const unwatch = hot(' ------------u---');
        const expected = '    -----B-----b---S';

        const monitor = createHealthMonitor({ streams });
        monitor.watch('s', 'b');
        onEach(values, (topic) => monitor.record('s', undefined, topic));
        onEach(unwatch, () => monitor.unwatch('s', 'b'));
        expectObservable(letters(monitor)).toBe(expected);
      }),
    );

    it(
      'are measured from the first watch, and named in the change',
      marbles(({ hot, expectObservable }) => {
        const watch = hot('   --ww-----');
        const expected = '    ----s-t---';

        const monitor = createHealthMonitor({ streams });
        onEach(watch, () => monitor.watch('s', 'b'));
        expectObservable(monitor.changes$).toBe(expected, {
          s: unhealthy({ stream: 's', since: 0, at: 4 }),
          t: unhealthy({ stream: 's', topic: 'b', since: 2, at: 6 }),
        });
      }),
    );

    it(
      'that are unhealthy leave without a word, and come back fresh',
      marbles(({ hot, expectObservable }) => {
        const values = hot('  -x-x-x-x-x-x-x');
        const topic = hot('   ------u-w-----');
        const ask = hot('     tttttttttttttt');
        const expected = '    ----B-------B-';
        const answers = '     yyyynnyyyyyyyn';

        const monitor = createHealthMonitor({ streams });
        monitor.watch('s', 'b');
        onEach(values, () => monitor.record('s', undefined, 'x'));
        onEach(topic, (letter) => (letter === 'u' ? monitor.unwatch('s', 'b') : monitor.watch('s', 'b')));
        expectObservable(letters(monitor), '^-------------!').toBe(expected);
        expectObservable(asked(ask, monitor)).toBe(answers);
      }),
    );

    it(
      'a stream that nobody wants rests from unwatch to watch',
      marbles(({ hot, expectObservable }) => {
        const script = hot('  -----u--w--w---');
        const ask = hot('     tttttttttttttt ');
        const expected = '    ----S-------S  ';
        const answers = '     yyyynyyyyyyyyn ';

        const monitor = createHealthMonitor({ streams });
        onEach(script, (letter) => (letter === 'u' ? monitor.unwatch('s') : monitor.watch('s')));
        expectObservable(letters(monitor)).toBe(expected);
        expectObservable(asked(ask, monitor)).toBe(answers);
      }),
    );

    it(
      'a stream that nobody wants is not judged after a start either',
      marbles(({ expectObservable, flush }) => {
        const monitor = createHealthMonitor({ streams, autoStart: false });
        monitor.unwatch('s');
        monitor.start();
        expectObservable(letters(monitor)).toBe('');
        flush();
        expect(monitor.isHealthy()).toBe(true);
      }),
    );

    it('unwatching twice, or what was never watched, is harmless', () => {
      const monitor = createHealthMonitor({ streams, autoStart: false });
      monitor.watch('s', 'b');
      monitor.unwatch('s', 'b');
      monitor.unwatch('s', 'b');
      monitor.unwatch('s', 'never');
      monitor.unwatch('s');
      monitor.unwatch('s');
      expect(monitor.isHealthy()).toBe(true);
      expect(monitor.status().map(({ topic }) => topic)).toStrictEqual([undefined]);
    });
  });

  describe('liveness', () => {
    const streams = { a: {} };

    it(
      'HBT-02 lasts livenessMs after each sign of life, and data is none',
      marbles(({ hot, time, expectObservable }) => {
        const frames = hot('     -----f-----');
        const data = hot('       --d-d--d---');
        const livenessMs = time('---|       ');
        const ask = hot('        ttttttttttt');
        const answers = '        yyynnyyynnn';

        const monitor = createHealthMonitor({ streams, livenessMs });
        onEach(frames, () => monitor.recordLiveness());
        onEach(data, () => monitor.record('a'));
        expectObservable(asked(ask, monitor)).toBe(answers);
      }),
    );

    it(
      'keeps no stream fresh',
      marbles(({ hot, time, expectObservable }) => {
        const frames = hot('       ffffffff');
        const staleAfterMs = time('----|   ');
        const expected = '         ----A   ';

        const monitor = createHealthMonitor({ streams: { a: { staleAfterMs } } });
        onEach(frames, () => monitor.recordLiveness());
        expectObservable(letters(monitor)).toBe(expected);
      }),
    );

    it(
      'is what setAlive says; coming up is a sign of life',
      marbles(({ hot, time, expectObservable }) => {
        const link = hot('       --d--u----');
        const livenessMs = time('---|      ');
        const ask = hot('        tttttttttt');
        const bounded = '        yynnnyyynn';
        const unbounded = '      yynnnyyyyy';

        const one = createHealthMonitor({ streams, livenessMs });
        const other = createHealthMonitor({ streams });
        onEach(link, (letter) => {
          one.setAlive(letter === 'u');
          other.setAlive(letter === 'u');
        });
        expectObservable(asked(ask, one)).toBe(bounded);
        expectObservable(asked(ask, other)).toBe(unbounded);
      }),
    );

    it(
      'takes the newest sign of life, whatever order they come in',
      marbles(({ hot, time, expectObservable }) => {
        const frames = hot('     ---nn-----');
        const livenessMs = time('----|     ');
        const ask = hot('        tttttttttt');
        const answers = '        yyyyyynnnn';

        const monitor = createHealthMonitor({ streams, livenessMs });
        const at = [2, 1];
        onEach(frames, () => monitor.recordLiveness(at.shift()));
        expectObservable(asked(ask, monitor)).toBe(answers);
      }),
    );

    it(
      'rests while stopped, and counts from the next start',
      marbles(({ hot, time, expectObservable }) => {
        const script = hot('     -x----s----');
        const livenessMs = time('---|       ');
        const ask = hot('        ttttttttttt');
        const answers = '        yyyyyyyyynn';

        const monitor = createHealthMonitor({ streams, livenessMs });
        onEach(script, (letter) => (letter === 'x' ? monitor.stop() : monitor.start()));
        expectObservable(asked(ask, monitor)).toBe(answers);
      }),
    );
  });

  describe('status', () => {
    it(
      'is the table of the streams, each followed by the topics watched',
      marbles(({ hot, flush }) => {
        const script = hot('  -d---q');
        const monitor = createHealthMonitor({
          streams: {
            trade: { expectedIntervalMs: 1 },
            order: { staleAfterMs: 2, allowSilence: true },
            note: {},
          },
        });
        monitor.watch('trade', 'btc');
        let rows: unknown;
        onEach(script, (letter) => {
          if (letter === 'd') monitor.record('order');
          else if (letter === 'q') rows = monitor.status();
        });
        monitor.watch('note', 'n');
        monitor.recordLag('trade', -100);
        flush();
        expect(rows).toStrictEqual([
          { stream: 'trade', healthy: false, ageMs: 5, staleAfterMs: 3, allowSilence: false, lagMs: 0 },
          { stream: 'trade', topic: 'btc', healthy: false, ageMs: 5, staleAfterMs: 3, allowSilence: false },
          { stream: 'order', healthy: true, lastAt: 1, ageMs: 4, staleAfterMs: 2, allowSilence: true },
          { stream: 'note', healthy: true, ageMs: 5, allowSilence: false },
          { stream: 'note', topic: 'n', healthy: true, ageMs: 5, allowSilence: false },
        ]);
      }),
    );

    it(
      'answers for one stream, and for a topic; a topic not watched shares its stream’s verdict',
      marbles(({ flush }) => {
        const monitor = createHealthMonitor({ streams: { a: { staleAfterMs: 2 }, b: { staleAfterMs: 9 } } });
        monitor.watch('b', 'x');
        let answers: unknown;
        timer(4)
          .pipe(
            tap(() => {
              monitor.watch('a', 'fresh');
              answers = {
                a: monitor.isStreamHealthy('a'),
                'a/fresh': monitor.isStreamHealthy('a', 'fresh'),
                'a/unknown': monitor.isStreamHealthy('a', 'unknown'),
                b: monitor.isStreamHealthy('b'),
                'b/x': monitor.isStreamHealthy('b', 'x'),
              };
            }),
          )
          .subscribe();
        flush();
        expect(answers).toStrictEqual({
          a: false,
          'a/fresh': true,
          'a/unknown': false,
          b: true,
          'b/x': true,
        });
        expect(monitor.isStreamHealthy('b', 'x')).toBe(false);
      }),
    );

    it('tells how much the lag grew over the smallest seen', () => {
      const monitor = createHealthMonitor({ streams: { a: {} }, autoStart: false });
      const lag = (): number | undefined => monitor.status()[0]?.lagMs;
      expect(lag()).toBeUndefined();
      monitor.recordLag('a', 1_000, 1_500);
      expect(lag()).toBe(0);
      monitor.recordLag('a', 2_000, 2_700);
      expect(lag()).toBe(200);
      // The clock of the source may well be ahead.
      monitor.recordLag('a', 3_100, 3_000);
      expect(lag()).toBe(0);
      monitor.recordLag('a', 4_000, 4_000);
      expect(lag()).toBe(100);
      monitor.recordLag('a', NaN, 5_000);
      expect(lag()).toBe(100);
    });
  });

  it.each(['a', 'b'])(
    'takes a time that is none for no value, and judges stream or topic as before: %s',
    (name) => {
      jest.useFakeTimers();
      const monitor = createHealthMonitor({
        streams: { a: { staleAfterMs: 100 }, b: { staleAfterMs: 100 } },
      });
      if (name === 'b') monitor.watch('b', 'T');
      const topic = name === 'b' ? 'T' : undefined;
      const changes: unknown[] = [];
      monitor.changes$.subscribe(
        (change) => change.stream === name && change.topic === topic && changes.push(change.type),
      );
      jest.advanceTimersByTime(200);
      monitor.record(name, Date.parse('oops'), topic);
      expect([changes, monitor.isStreamHealthy(name, topic)]).toStrictEqual([['unhealthy'], false]);
      monitor.record(name, Date.now(), topic);
      jest.advanceTimersByTime(200);
      expect(changes).toStrictEqual(['unhealthy', 'recovered', 'unhealthy']);
      monitor.stop();
    },
  );

  describe('lag', () => {
    const lagOf = (monitor: HealthMonitor, topic?: string): number | undefined =>
      monitor.status().find((row) => row.topic === topic)?.lagMs;

    it('follows clocks that drift apart, within lagWindowMs', () => {
      const monitor = createHealthMonitor({ streams: { a: { lagWindowMs: 1_000 } }, autoStart: false });
      // Our clock gains 1 ms in 100.
      for (let at = 0; at <= 100_000; at += 100) monitor.recordLag('a', at - at / 100, at);
      expect(lagOf(monitor)).toBeLessThanOrEqual(10);
      expect(lagOf(monitor)).toBeGreaterThan(0);
    });

    it.each([
      ['forward', 3_600_000],
      ['back', -3_600_000],
    ])('gets over a clock that is set %s', (_, stepMs) => {
      const monitor = createHealthMonitor({ streams: { a: { lagWindowMs: 1_000 } }, autoStart: false });
      for (let ms = 0; ms < 2_000; ms += 100) monitor.recordLag('a', ms, ms + 50);
      for (let ms = 2_000; ms < 4_000; ms += 100) monitor.recordLag('a', ms, ms + 50 + stepMs);
      expect(lagOf(monitor)).toBe(0);
      monitor.recordLag('a', 4_000, 4_070 + stepMs);
      expect(lagOf(monitor)).toBe(20);
    });

    it('is told for half of lagWindowMs at least, an hour unless told otherwise', () => {
      const monitor = createHealthMonitor({ streams: { a: {} }, autoStart: false });
      monitor.recordLag('a', 0, 0);
      for (let at = 60_000; at < 3_600_000; at += 60_000) monitor.recordLag('a', at - 500, at);
      expect(lagOf(monitor)).toBe(500);
      monitor.recordLag('a', 3_599_500, 3_600_000);
      expect(lagOf(monitor)).toBe(0);
    });

    it('is each topic’s own too, where it is watched', () => {
      const monitor = createHealthMonitor({ streams: { a: {} }, autoStart: false });
      monitor.watch('a', 'x');
      monitor.recordLag('a', 0, 10, 'unwatched');
      monitor.recordLag('a', 0, 30, 'x');
      monitor.recordLag('a', 0, 70, 'x');
      expect([lagOf(monitor), lagOf(monitor, 'x')]).toStrictEqual([60, 40]);
    });
  });

  describe('recorder', () => {
    it('does for one stream what record and recordLag do', () => {
      const step = fc.record({
        stream: fc.constantFrom('a', 'b'),
        topic: fc.constantFrom(undefined, 'x', 'y'),
        do: fc.constantFrom('record', 'recordLag', 'watch', 'unwatch'),
        afterMs: fc.nat(8),
        lagMs: fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constant(NaN)),
      });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
          marbles(({ flush }) => {
            const [plain, asked] = [1, 2].map(() =>
              createHealthMonitor({ streams: { a: { staleAfterMs: 10, lagWindowMs: 20 }, b: {} } }),
            ) as [HealthMonitor, HealthMonitor];
            const recorders = { a: asked.recorder('a'), b: asked.recorder('b') };
            const [told, toldAsked]: [HealthChange[], HealthChange[]] = [[], []];
            plain.changes$.pipe(tap((change) => told.push(change))).subscribe();
            asked.changes$.pipe(tap((change) => toldAsked.push(change))).subscribe();
            let at = 0;
            for (const { stream, topic, do: act, afterMs, lagMs } of steps) {
              const now = (at += afterMs);
              timer(now)
                .pipe(
                  tap(() => {
                    if (act === 'record') {
                      plain.record(stream, now, topic);
                      recorders[stream].record(now, topic && recorders[stream].find(topic));
                    } else if (act === 'recordLag') {
                      plain.recordLag(stream, now - lagMs, now, topic);
                      recorders[stream].recordLag(now - lagMs, now, topic && recorders[stream].find(topic));
                    } else {
                      for (const monitor of [plain, asked]) monitor[act](stream, topic);
                    }
                    expect(asked.status()).toStrictEqual(plain.status());
                  }),
                )
                .subscribe();
            }
            flush();
            expect(toldAsked).toStrictEqual(told);
          })();
        }),
      );
    });

    it(
      'stamps no topic that took the place of another while a recovery was told',
      marbles(({ flush }) => {
        const monitor = createHealthMonitor({ streams: { a: { staleAfterMs: 5 } } });
        monitor.watch('a', 'x');
        const recorder = monitor.recorder('a');
        const x = recorder.find('x');
        const swap = (): void => {
          monitor.unwatch('a', 'x');
          monitor.watch('a', 'y');
        };
        monitor.changes$.pipe(filter(({ type }) => type === 'recovered')).subscribe(swap);
        timer(7)
          .pipe(
            tap(() => {
              recorder.record(7, x);
              expect([x, recorder.find('y')]).toStrictEqual([0, 0]);
              expect(monitor.status().map(({ topic, lastAt }) => [topic, lastAt])).toStrictEqual([
                [undefined, 7],
                ['y', undefined],
              ]);
              monitor.stop();
            }),
          )
          .subscribe();
        flush();
      }),
    );

    it('keeps its stream fresh, and its topics that are watched, and no other', () => {
      const monitor = createHealthMonitor({ streams: { a: {}, b: {} }, autoStart: false });
      const recorder = monitor.recorder('a');
      recorder.record(1_000, recorder.find('x'));
      monitor.watch('a', 'x');
      monitor.watch('a', 'y');
      const x = recorder.find('x');
      recorder.record(2_000, x);
      recorder.recordLag(1_900, 2_000, x);
      recorder.recordLag(2_950, 3_000, x);
      recorder.recordLag(2_930, 3_000, x);
      expect(
        monitor.status().map(({ stream, topic, lastAt, lagMs }) => [stream, topic, lastAt, lagMs]),
      ).toStrictEqual([
        ['a', undefined, 2_000, 20],
        ['a', 'x', 2_000, 20],
        ['a', 'y', undefined, undefined],
        ['b', undefined, undefined, undefined],
      ]);
    });
  });

  it(
    'sets one timer for 10 000 streams, and none for their values',
    marbles(({ flush }) => {
      const schedule = jest.spyOn(asyncScheduler, 'schedule');
      const names = Array.from({ length: 10_000 }, (_, n) => `stream ${n}`);
      const monitor = createHealthMonitor({
        streams: Object.fromEntries(names.map((name) => [name, { staleAfterMs: 1_000 }])),
      });
      const fell: number[] = [];
      monitor.changes$.pipe(tap(({ at }) => fell.push(at))).subscribe();
      expect(schedule).toHaveBeenCalledTimes(1);

      let byValues: number | undefined;
      timer(400)
        .pipe(
          tap(() => {
            schedule.mockClear();
            for (let round = 0; round < 3; round += 1) for (const name of names) monitor.record(name);
            byValues = schedule.mock.calls.length;
          }),
        )
        .subscribe();
      flush();
      expect(byValues).toBe(0);
      // At 1 000 it found that every deadline had moved on, and set itself once more.
      expect(schedule).toHaveBeenCalledTimes(1);
      expect(fell).toStrictEqual(names.map(() => 1_400));
    }),
  );

  it.each([
    ['record', (monitor: HealthMonitor) => monitor.record('b')],
    ['recordLag', (monitor: HealthMonitor) => monitor.recordLag('b', 0)],
    ['recorder', (monitor: HealthMonitor) => void monitor.recorder('b')],
    ['watch', (monitor: HealthMonitor) => monitor.watch('b', 'topic')],
    ['unwatch', (monitor: HealthMonitor) => monitor.unwatch('b', 'topic')],
    ['isStreamHealthy', (monitor: HealthMonitor) => void monitor.isStreamHealthy('b')],
  ])('%s refuses a stream it was not told of', (_, ask) => {
    const monitor = createHealthMonitor({ streams: { a: {} } });
    expect(() => ask(monitor)).toThrow(new TypeError('createHealthMonitor: no stream is called b'));
  });

  it.each<[HealthMonitorConfig, string]>([
    [{ streams: {}, livenessMs: 0 }, 'livenessMs must be above 0, got 0'],
    [{ streams: {}, livenessMs: NaN }, 'livenessMs must be above 0, got NaN'],
    [{ streams: { a: { staleAfterMs: 0 } } }, 'streams.a.staleAfterMs must be above 0, got 0'],
    [{ streams: { a: { staleAfterMs: -1 } } }, 'streams.a.staleAfterMs must be above 0, got -1'],
    [{ streams: { a: { lagWindowMs: 0 } } }, 'streams.a.lagWindowMs must be above 0, got 0'],
    [{ streams: { a: { expectedIntervalMs: 0 } } }, 'streams.a.expectedIntervalMs must be above 0, got 0'],
    [
      { streams: { a: { expectedIntervalMs: NaN } } },
      'streams.a.expectedIntervalMs must be above 0, got NaN',
    ],
  ])('HBT-10 refuses %p', (config, fault) => {
    expect(() => createHealthMonitor(config)).toThrow(new RangeError(`createHealthMonitor: ${fault}`));
  });

  it.each([
    [{ streams: {}, livenesMs: 1 }, 'livenesMs; did you mean livenessMs?'],
    [{ streams: { a: { staleAfterMS: 1 } } }, 'streams.a.staleAfterMS; did you mean streams.a.staleAfterMs?'],
  ])('HBT-10 refuses a misspelt option, which would judge nothing: %p', (config, option) => {
    const refusal = new TypeError(`createHealthMonitor: there is no option ${option}`);
    expect(() => createHealthMonitor(config as HealthMonitorConfig)).toThrow(refusal);
  });

  it('takes numbers for limits', () => {
    // @ts-expect-error a limit is a number of milliseconds
    expect(() => createHealthMonitor({ streams: { a: { staleAfterMs: 'soon' } } })).toThrow(RangeError);
  });

  it('may be taken apart where createHealthMonitor made it, and so may its recorders', () => {
    const monitor = { ...createHealthMonitor({ streams: { a: {} } }) };
    const recorder = { ...monitor.recorder('a') };
    monitor.watch('a', 'x');
    recorder.record(1_000, recorder.find('x'));
    monitor.record('a', 2_000);
    expect(monitor.status()).toMatchObject([{ lastAt: 2_000 }, { topic: 'x', lastAt: 1_000 }]);
    expect([monitor.isHealthy(), monitor.isStreamHealthy('a', 'x')]).toStrictEqual([true, true]);
    monitor.stop();
  });
});
