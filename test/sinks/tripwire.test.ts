import { asyncScheduler, timer } from 'rxjs';
import { createTripwire, type Poison, type Tripwire, type TripwireConfig } from '../../src/sinks/tripwire.js';
import { marbles } from '../marbles.js';

/** A tripwire, and the messages it is about: `x` is rejected, anything else is not. */
const wired = (config: TripwireConfig = {}) => {
  const verdicts: string[] = [];
  let received = 0;
  const tripwire: Tripwire = createTripwire(
    config,
    () => received,
    ({ type, rejects, of, inMs }: Poison) =>
      verdicts.push(`${asyncScheduler.now()} ${type} ${rejects}/${of} in ${inMs}`),
  );
  const take = (messages: string): void => {
    for (const message of messages) {
      received += 1;
      if (message === 'x') tripwire.reject();
    }
  };
  return { tripwire, verdicts, take };
};
const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

describe('createTripwire', () => {
  afterEach(() => jest.restoreAllMocks());

  it(
    'tells at the very message that passes the share, once',
    marbles(({ flush }) => {
      const { tripwire, verdicts, take } = wired({ minMessages: 4, perMs: 100 });
      at(1, () => take('x-x'));
      at(5, () => take('x'));
      at(6, () => take('xxxx'));
      at(50, () => tripwire.reset());
      flush();
      expect(verdicts).toStrictEqual(['5 poisoned 3/4 in 4']);
    }),
  );

  it(
    'a share below the limit, and too few messages, are no poison',
    marbles(() => {
      const { verdicts, take } = wired({ minMessages: 4 });
      take('x--x--x--x--');
      expect(verdicts).toStrictEqual([]);
      const few = wired({ minMessages: 4 });
      few.take('xxx');
      expect(few.verdicts).toStrictEqual([]);
      few.take('x');
      expect(few.verdicts).toStrictEqual(['0 poisoned 4/4 in 0']);
      few.tripwire.reset();
    }),
  );

  it(
    'without options it takes more than half of 20, and with a share of 1 nothing is too much',
    marbles(() => {
      const { tripwire, verdicts, take } = wired();
      take('x'.repeat(19));
      expect(verdicts).toStrictEqual([]);
      take('x');
      expect(verdicts).toStrictEqual(['0 poisoned 20/20 in 0']);
      tripwire.reset();
      const off = wired({ maxShare: 1 });
      off.take('x'.repeat(1_000));
      expect(off.verdicts).toStrictEqual([]);
    }),
  );

  it(
    'is cured at the end of a window that is clean enough, with or without a reject in it',
    marbles(({ flush }) => {
      const { verdicts, take } = wired({ minMessages: 2, perMs: 10 });
      at(3, () => take('xx'));
      at(5, () => take('xxx'));
      at(14, () => take('---'));
      at(15, () => take('x--'));
      flush(); // ends by itself: a cured tripwire has no timer
      expect(verdicts).toStrictEqual(['3 poisoned 2/2 in 0', '23 cured 1/6 in 10']);
    }),
  );

  it(
    'silence cures nothing: the window goes on until there are messages enough',
    marbles(({ flush }) => {
      const { verdicts, take } = wired({ minMessages: 2, perMs: 10 });
      take('xx');
      at(35, () => take('-'));
      at(45, () => take('-'));
      flush();
      expect(verdicts).toStrictEqual(['0 poisoned 2/2 in 0', '50 cured 0/2 in 50']);
    }),
  );

  it(
    'can be poisoned again',
    marbles(({ flush }) => {
      const { tripwire, verdicts, take } = wired({ minMessages: 2, perMs: 10 });
      take('xx');
      at(5, () => take('--'));
      at(20, () => take('-xx'));
      at(25, () => tripwire.reset());
      flush();
      expect(verdicts).toStrictEqual(['0 poisoned 2/2 in 0', '10 cured 0/2 in 10', '20 poisoned 2/2 in 0']);
    }),
  );

  it(
    'counts anew after perMs, so that what was clean long ago excuses nothing',
    marbles(({ flush }) => {
      const { tripwire, verdicts, take } = wired({ minMessages: 3, perMs: 10 });
      take('x-------');
      at(20, () => take('xxx'));
      at(25, () => tripwire.reset());
      flush();
      expect(verdicts).toStrictEqual(['20 poisoned 3/3 in 0']);
    }),
  );

  it(
    'a stream too slow for perMs is judged over the time its messages take',
    marbles(({ flush }) => {
      const { tripwire, verdicts, take } = wired({ minMessages: 3, perMs: 10 });
      for (const ms of [0, 20, 40]) at(ms, () => take('x'));
      at(45, () => tripwire.reset());
      flush();
      expect(verdicts).toStrictEqual(['40 poisoned 3/3 in 40']);
    }),
  );

  it(
    'asks for no clock, no timer and no count while nothing is rejected, and for one timer while it is poisoned',
    marbles(() => {
      const now = jest.spyOn(asyncScheduler, 'now');
      const schedule = jest.spyOn(asyncScheduler, 'schedule');
      const { tripwire, take } = wired({ minMessages: 2 });
      take('-'.repeat(10_000));
      expect(now).not.toHaveBeenCalled();
      take('x-');
      expect(schedule).not.toHaveBeenCalled();
      take('x'.repeat(20_000));
      expect(schedule).toHaveBeenCalledTimes(1);
      tripwire.reset();
    }),
  );

  it(
    'starts with a clean slate after a reset, and leaves no timer',
    marbles(({ flush }) => {
      const { tripwire, verdicts, take } = wired({ minMessages: 3, perMs: 10 });
      take('xxx');
      at(1, () => tripwire.reset());
      at(2, () => take('xx'));
      flush();
      expect(verdicts).toStrictEqual(['0 poisoned 3/3 in 0']);
    }),
  );

  it.each<[TripwireConfig, string]>([
    [{ maxShare: -0.1 }, 'maxShare must be from 0 to 1, got -0.1'],
    [{ maxShare: NaN }, 'maxShare must be from 0 to 1, got NaN'],
    [{ minMessages: 0 }, 'minMessages must be a whole number above 0, got 0'],
    [{ minMessages: 1.5 }, 'minMessages must be a whole number above 0, got 1.5'],
    [{ perMs: 0 }, 'perMs must be from 1 to 2147483647, got 0'],
    [{ perMs: Infinity }, 'perMs must be from 1 to 2147483647, got Infinity'],
  ])('refuses %p', (config, fault) => {
    expect(() => wired(config)).toThrow(new RangeError(`createTripwire: ${fault}`));
  });

  it('takes a share for a limit', () => {
    // @ts-expect-error a share is a number
    expect(() => wired({ maxShare: 'half' })).toThrow(RangeError);
  });
});
