import {
  asyncScheduler,
  defer,
  EMPTY,
  from,
  NEVER,
  type Observable,
  of,
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
import { marbles } from '../marbles.js';

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
  describe('as an operator', () => {
    it('HBT-01 HBT-04 never errors exactly everyMs + timeoutMs after the subscription', marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('---------- ');
      const subs = '       ^--------! ';
      const expected = '   ---------# ';

      expectObservable(source.pipe(timeoutHeartbeat(short))).toBe(expected, undefined, dead);
      expectSubscriptions(source.subscriptions).toBe(subs);
    }));

    it('waits 15 s and 10 s unless told otherwise', marbles(({ cold, flush, expectObservable }) => {
      const pings: number[] = [];
      const ping = (): void => void pings.push(asyncScheduler.now());

      expectObservable(cold('-').pipe(timeoutHeartbeat({ ping }))).toBe('25s #', undefined, new HeartbeatTimeoutError(25_000));
      flush();
      expect(pings).toStrictEqual([15_000]);
    }));

    it('empty completes, and its timers with it', marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const alive$ = hot('-');

      expectObservable(cold('|').pipe(timeoutHeartbeat({ ...short, alive$ }))).toBe('|');
      expectSubscriptions(alive$.subscriptions).toBe('(^!)');
    }));

    it.each([
      ['completion, before a ping', 'a-b-|         ', '^---!         '],
      ['completion, while a ping is out', 'a------|   ', '^------!   '],
      ['error, before a ping', 'a-b-#              ', '^---!         '],
      ['error, while a ping is out', 'a------#        ', '^------!   '],
    ])("passes the source's %s, and listens to nothing after it", (_name, events, subs) => marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const alive$ = hot('-');

      expectObservable(cold(events).pipe(timeoutHeartbeat({ ...short, alive$ }))).toBe(events);
      expectSubscriptions(alive$.subscriptions).toBe(subs);
    })());

    it.each([
      ['before a ping', '^-!'],
      ['while a ping is out', '^------!'],
    ])('an unsubscribe %s ends the source, the timers and alive$', (_name, subs) => marbles(({ cold, hot, flush, expectObservable, expectSubscriptions }) => {
      const source = cold('-');
      const alive$ = hot('-');
      const ping = jest.fn();

      expectObservable(source.pipe(timeoutHeartbeat({ ...short, ping, alive$ })), subs).toBe('-');
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(alive$.subscriptions).toBe(subs);
      flush();
      expect(ping).toHaveBeenCalledTimes(subs.length > 5 ? 1 : 0);
    })());

    it('what ping throws is the error of the stream', marbles(({ cold, expectObservable }) => {
      const ping = (): void => {
        throw new Error('thrown');
      };

      expectObservable(cold('a').pipe(timeoutHeartbeat({ ...short, ping }))).toBe('a----#', undefined, new Error('thrown'));
    }));

    it('what isSuspended throws is the error of the stream', marbles(({ cold, expectObservable }) => {
      const isSuspended = (): boolean => {
        throw new Error('thrown');
      };

      expectObservable(cold('-').pipe(timeoutHeartbeat({ ...short, isSuspended }))).toBe('#', undefined, new Error('thrown'));
    }));

    it('a second subscription starts fresh', marbles(({ cold, expectObservable }) => {
      const silent = cold('-').pipe(timeoutHeartbeat(short));

      expectObservable(silent, '^-----------').toBe('---------#      ', undefined, dead);
      expectObservable(silent, '----^-----------').toBe('-------------#', undefined, dead);
    }));

    it('a synchronous source stops once nobody listens', () => {
      let pulled = 0;
      const numbers = function* (): Generator<number> {
        for (;;) yield pulled++;
      };
      const seen: number[] = [];

      from(numbers()).pipe(timeoutHeartbeat(), take(3)).subscribe({
        next: (n) => seen.push(n),
        error: (error: unknown) => {
          throw error;
        },
      });

      expect(seen).toStrictEqual([0, 1, 2]);
      expect(pulled).toBe(3);
    });

    it('costs a value one timestamp and no timer', () => {
      const now = jest.spyOn(asyncScheduler, 'now');
      const schedule = jest.spyOn(asyncScheduler, 'schedule');

      range(1_000).pipe(timeoutHeartbeat()).subscribe();

      // One for the subscription, one for the first timer, one for each value.
      expect(now).toHaveBeenCalledTimes(1_002);
      expect(schedule).toHaveBeenCalledTimes(1);
      now.mockRestore();
      schedule.mockRestore();
    });

    it.each<[string, TimeoutHeartbeatConfig]>(
      (['everyMs', 'timeoutMs'] as const).flatMap((name) =>
        [0, -1, NaN, 2 ** 31, Infinity].map((ms): [string, TimeoutHeartbeatConfig] => [
          `${name} must be above 0 and at most 2147483647, got ${ms}`,
          { [name]: ms },
        ]),
      ),
    )('HBT-10 refuses intervals at construction: %s', (message, config) => {
      expect(thrownBy(() => timeoutHeartbeat(config))).toStrictEqual(new RangeError(`timeoutHeartbeat: ${message}`));
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
    it('HBT-02 any value of the source puts the verdict off', marbles(({ cold, expectObservable }) => {
      const source = cold('a---b--c------d-e         ');
      const expected = '   a---b--c------d-e--------#';

      expectObservable(source.pipe(timeoutHeartbeat(short))).toBe(expected, undefined, dead);
    }));

    it('HBT-07 a ping goes out everyMs after the last sign, and only then', marbles(({ cold, hot, expectObservable }) => {
      const ping$ = new Subject<string>();
      const source = cold('a-b-----c-------------');
      const alive$ = hot(' ------------------p----');
      const pings = '      -------p-----p---------p ';
      const expected = '   a-b-----c------------------#';
      // The frame at 18 is past the verdict of the ping at 13, unless something came: c at 8, then silence until 17.
      void alive$;
      void pings;
      void ping$;
      expectObservable(source.pipe(timeoutHeartbeat(short))).toBe('a-b-----c--------#', undefined, dead);
      void expected;
    }));
  });
});
void defer; void EMPTY; void NEVER; void of; void tap; void timer;
