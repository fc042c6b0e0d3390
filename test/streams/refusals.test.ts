import { timer } from 'rxjs';
import { Refusals } from '../../src/streams/refusals.js';
import { HOUR_MS, marbles, stepClock } from '../marbles.js';

const half = (): number => 0.5;

describe('Refusals', () => {
  it(
    'lets a topic wait twice as long each time, up to a minute',
    marbles(({ flush }) => {
      const refusals = new Refusals(half);
      const waits = Array.from({ length: 8 }, () => {
        refusals.add('a');
        refusals.want('a');
        return refusals.leftMs('a');
      });
      flush();

      expect(waits).toStrictEqual([750, 1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000]);
      expect(refusals.leftMs('b')).toBe(0);
    }),
  );

  it(
    'begins anew with who wants it when the wait is over, and where it was confirmed',
    marbles(({ flush }) => {
      const refusals = new Refusals(half);
      const added = (): number => {
        refusals.add('a');
        return refusals.leftMs('a');
      };
      added();
      timer(700).subscribe(() => expect(refusals.leftMs('a')).toBe(50));
      timer(750).subscribe(() => {
        expect(refusals.leftMs('a')).toBe(0);
        expect(added()).toBe(1_500); // nobody has come meanwhile: it was asked for as the wait was over
      });
      timer(2_250).subscribe(() => {
        refusals.want('a');
        expect(added()).toBe(750);
        refusals.forget('a');
        expect([refusals.leftMs('a'), added()]).toStrictEqual([0, 750]);
      });
      flush();
      expect.assertions(5);
    }),
  );

  it(
    'makes no wait longer because the clock was set back',
    marbles(() => {
      const refusals = new Refusals(half);
      refusals.add('a');
      stepClock(-HOUR_MS);
      expect(refusals.leftMs('a')).toBe(750);
      refusals.waited('a');

      expect(refusals.leftMs('a')).toBe(0);
    }),
  );

  it(
    'lets topics that are refused together wait together',
    marbles(({ flush }) => {
      const draws = [0.1, 0.5, 0.9];
      const refusals = new Refusals(() => draws.shift() ?? NaN);
      const waits = (): number[] => ['a', 'b'].map((key) => (refusals.add(key), refusals.leftMs(key)));

      expect([waits(), waits()]).toStrictEqual([
        [550, 550],
        [1_500, 1_500],
      ]);
      timer(1).subscribe(() => {
        refusals.add('c');
        expect(refusals.leftMs('c')).toBe(950);
      });
      flush();
      expect.assertions(2);
    }),
  );

  it(
    'lets all topics of a server that refuses thousands wait twice as long each time',
    marbles(() => {
      const refusals = new Refusals(half);
      const keys = Array.from({ length: 5_000 }, (_, index) => `${index}`);
      const waits = [1, 2, 3].map(() => {
        for (const key of keys) refusals.add(key);
        return new Set(keys.map((key) => refusals.leftMs(key)));
      });

      expect(waits).toStrictEqual([new Set([750]), new Set([1_500]), new Set([3_000])]);
    }),
  );

  it(
    'knows the fifty thousand topics refused last, and twice as many at most',
    marbles(() => {
      const refusals = new Refusals(half);
      for (let index = 0; index <= 100_000; index += 1) refusals.add(`${index}`);
      const isKnown = (index: number): boolean => refusals.leftMs(`${index}`) > 0;

      expect([0, 49_999, 50_000, 100_000].map(isKnown)).toStrictEqual([false, false, true, true]);
    }),
  );

  it(
    'knows a topic for two minutes after it was refused, and for four at most while others are',
    marbles(({ flush }) => {
      const refusals = new Refusals(half);
      const times: [number, number][] = [];
      const again = (ms: number, key: string): void => {
        timer(ms).subscribe(() => {
          refusals.add(key);
          times.push([ms, refusals.leftMs(key)]);
        });
      };
      again(0, 'a');
      again(1, 'b');
      again(119_999, 'a'); // known still
      again(120_000, 'c');
      again(239_998, 'b');
      again(240_000, 'c'); // of the old ones by now
      again(360_000, 'd');
      again(480_000, 'e');
      again(480_001, 'c'); // forgotten
      flush();

      expect(times.map(([, ms]) => ms)).toStrictEqual([750, 750, 1_500, 750, 1_500, 1_500, 750, 750, 750]);
    }),
  );
});
