import { asyncScheduler, timer } from 'rxjs';
import { createAlarm } from '../../src/streams/alarm.js';
import { marbles } from '../marbles.js';

/** Runs in virtual time with a wall clock that can be set back, by so many milliseconds in all. */
const withWallClock = (body: (setBack: (byMs: number) => void, passed: () => number) => void) =>
  marbles(() => {
    const passed = asyncScheduler.now.bind(asyncScheduler);
    let behindMs = 0;
    jest.spyOn(asyncScheduler, 'now').mockImplementation(() => passed() - behindMs);
    body((byMs) => (behindMs += byMs), passed);
  });

describe('createAlarm', () => {
  afterEach(() => jest.restoreAllMocks());

  it(
    'rings once at the instant set',
    marbles(() => {
      const rang: number[] = [];
      const alarm = createAlarm(() => rang.push(alarm.now()));
      alarm.set(5);
      timer(20).subscribe(() => expect(rang).toStrictEqual([5]));
    }),
  );

  it(
    'keeps the earlier of two instants, and takes one that is earlier still',
    marbles(() => {
      const rang: number[] = [];
      const alarm = createAlarm(() => rang.push(alarm.now()));
      for (const at of [5, 9]) alarm.set(at);
      timer(10).subscribe(() => [19, 15].forEach((at) => alarm.set(at)));
      timer(30).subscribe(() => expect(rang).toStrictEqual([5, 15]));
    }),
  );

  it(
    'is turned off by Infinity, and set again after',
    marbles(() => {
      const rang: number[] = [];
      const alarm = createAlarm(() => rang.push(alarm.now()));
      for (const at of [5, Infinity, 7]) alarm.set(at);
      timer(20).subscribe(() => expect(rang).toStrictEqual([7]));
    }),
  );

  it(
    'rings on the next turn for an instant that has passed',
    marbles(() => {
      const rang: number[] = [];
      const alarm = createAlarm(() => rang.push(alarm.now()));
      timer(4).subscribe(() => {
        alarm.set(1);
        expect(rang).toStrictEqual([]);
      });
      timer(5).subscribe(() => expect(rang).toStrictEqual([4]));
    }),
  );

  it(
    'rings early for an instant that no timer can hold, so that it can be set again',
    marbles(() => {
      const rang: number[] = [];
      const alarm = createAlarm(() => rang.push(alarm.now()));
      alarm.set(2 ** 32);
      timer(2 ** 31).subscribe(() => expect(rang).toStrictEqual([2 ** 31 - 1]));
    }),
  );

  it(
    'tells a time that never goes back, though the wall clock does',
    withWallClock((setBack) => {
      const alarm = createAlarm(() => undefined);
      const told: number[] = [];
      timer(10).subscribe(() => told.push(alarm.now()));
      timer(20).subscribe(() => {
        setBack(3_600_000);
        told.push(alarm.now());
      });
      timer(30).subscribe(() => {
        told.push(alarm.now());
        expect(told).toStrictEqual([10, 10, 20]);
      });
    }),
  );

  it(
    'knows what has passed when it rings, though the wall clock was set back meanwhile',
    withWallClock((setBack, passed) => {
      const rang: number[][] = [];
      const alarm = createAlarm(() => rang.push([passed(), alarm.now()]));
      alarm.set(100);
      timer(50).subscribe(() => setBack(3_600_000));
      timer(200).subscribe(() => expect(rang).toStrictEqual([[100, 100]]));
    }),
  );

  it(
    'lets an instant that was told be no further back than it truly is',
    withWallClock((setBack, passed) => {
      const alarm = createAlarm(() => undefined);
      let toldAt = 0;
      alarm.set(100);
      timer(50).subscribe(() => {
        setBack(3_600_000);
        toldAt = alarm.now();
      });
      timer(101).subscribe(() => expect(alarm.now() - toldAt).toBeLessThanOrEqual(passed() - 50));
    }),
  );
});
