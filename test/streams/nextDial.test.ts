import { asyncScheduler, timer } from 'rxjs';
import { type RetryDecision, retryRules } from '../../src/operators/retryBackoff.js';
import { createEndpoints } from '../../src/streams/endpoints.js';
import { NextDial } from '../../src/streams/nextDial.js';
import { HOUR_MS, marbles, stepClock } from '../marbles.js';

const error = new Error('lost');

const rig = () => {
  const endpoints = createEndpoints();
  const rules = retryRules({ initialMs: 10, multiplier: 2, jitter: 'none' });
  const nextDial = new NextDial(endpoints, { rules: () => rules });
  const dial = (isRotation = false): void => {
    nextDial.begin(isRotation);
    endpoints.choose(['ws://a']);
  };
  const failed = (delayMs: number, floorMs = 0): void => {
    if (floorMs > 0) endpoints.raiseFloor(floorMs, error, false);
    nextDial.wait({ error, attempt: 3, delayMs, floorMs } as RetryDecision);
  };
  /** When the pause that begins now is over. */
  const over = (log: unknown[]): void => {
    nextDial.pause()?.over$.subscribe(() => log.push(asyncScheduler.now()));
  };
  return { endpoints, nextDial, dial, failed, over };
};

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

afterEach(() => jest.restoreAllMocks());

describe('NextDial', () => {
  it(
    'makes nobody wait whom nothing has failed for',
    marbles(() => {
      expect(rig().nextDial.pause()).toBeUndefined();
    }),
  );

  it(
    'has who comes back wait for what is left, with the row, and forgets both when it is over',
    marbles(({ flush }) => {
      const { nextDial, dial, failed } = rig();
      const row = { attempt: 3, classAttempts: new Map(), at: 0, elapsedMs: 0, previousMs: 0 };
      dial();
      failed(40);
      nextDial.row = row;
      at(10, () => {
        expect(nextDial.pause()).toMatchObject({ ms: 30, attempt: 3, cause: error });
        expect(nextDial.row).toBe(row);
      });
      at(40, () => {
        expect(nextDial.pause()).toBeUndefined();
        expect(nextDial.row).toBeUndefined();
      });
      flush();

      expect.assertions(4);
    }),
  );

  it(
    'waits for a dial no more once it has begun, but for that of a rotation, which stands for none',
    marbles(() => {
      const { nextDial, dial, failed } = rig();
      dial();
      failed(40);
      dial(true);

      expect(nextDial.pause()).toMatchObject({ ms: 40 });

      dial();

      expect(nextDial.pause()).toBeUndefined();
    }),
  );

  it(
    'ends the wait early for who wishes it, at once, and whoever else is woken waits for floors',
    marbles(({ flush }) => {
      const { nextDial, dial, failed, over } = rig();
      const log: unknown[] = [];
      dial();
      failed(100, 60);
      over(log);
      at(10, () => nextDial.wake()); // nobody has wished for it
      at(20, () => nextDial.wakeIfDue());
      at(30, () => {
        nextDial.wish();
        nextDial.wake();
      });
      flush();

      expect(log).toStrictEqual([30]);
    }),
  );

  it(
    'ends the wait at news of a network where no server asked for it',
    marbles(({ flush }) => {
      const { nextDial, dial, failed, over } = rig();
      const log: unknown[] = [];
      dial();
      failed(100);
      over(log);
      at(20, () => nextDial.wakeIfDue());
      flush();

      expect(log).toStrictEqual([20]);
    }),
  );

  it(
    'waits for a floor that no wait was for, with jitter on top',
    marbles(() => {
      const { nextDial, dial, endpoints } = rig();
      dial();
      endpoints.raiseFloor(60, error, false);

      expect(nextDial.pause()).toMatchObject({ ms: 70, attempt: 0, cause: error });
    }),
  );

  it(
    'knows that a timer has waited for the floor, whatever the clock says',
    marbles(({ flush }) => {
      const { nextDial, dial, failed, endpoints, over } = rig();
      dial();
      failed(60, 60);
      over([]);
      at(30, () => stepClock(-HOUR_MS));
      flush();
      nextDial.begin(false);

      expect(endpoints.floor()).toBeUndefined();
    }),
  );

  it(
    'has each run that ends wait longer than the one before, until a connection was stable',
    marbles(({ flush }) => {
      const { nextDial, dial } = rig();
      const waits: (number | undefined)[] = [];
      const ends = (ms: number, wasStable: boolean): void =>
        at(ms, () => {
          dial();
          if (wasStable) nextDial.endRow();
          nextDial.holdBack({ error });
          nextDial.rested();
          waits.push(nextDial.pause()?.ms);
        });
      ends(0, false);
      ends(5, false);
      ends(20, false);
      ends(50, true);
      ends(100, false); // long after
      flush();

      expect(waits).toStrictEqual([10, 20, 40, 10, 20]);
    }),
  );

  it(
    'takes no wish of who is told that a run ends, nor one from before, until all is told',
    marbles(() => {
      const { nextDial, dial } = rig();
      dial();
      nextDial.wish();
      nextDial.holdBack({ error });
      nextDial.wish();

      expect(nextDial.pause()).toMatchObject({ ms: 10, cause: error });

      nextDial.rested();
      nextDial.wish();

      expect(nextDial.pause()).toBeUndefined();
    }),
  );

  it(
    'waits no longer than a timer can',
    marbles(() => {
      const { nextDial, dial, endpoints } = rig();
      dial();
      endpoints.raiseFloor(2 ** 40, error, false);
      nextDial.holdBack({ error });

      expect(nextDial.pause()?.ms).toBe(2 ** 31 - 1);
    }),
  );
});
