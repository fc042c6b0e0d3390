import { asyncScheduler, type SchedulerAction, type Subscription } from 'rxjs';
import { type RunHelpers, TestScheduler } from 'rxjs/testing';

/**
 * Virtual time as rxjs has it, but for one fault: an `asapScheduler` task overtakes the timers due in its millisecond and
 * runs in the turn of one of them, which then takes the turn of the next. If that one clears other timers of this
 * millisecond, a turn is left over in which nothing is due, and rxjs throws.
 */
export class MarbleScheduler extends TestScheduler {
  override schedule<T>(
    work: (this: SchedulerAction<T>, state?: T) => void,
    delay?: number,
    state?: T,
  ): Subscription {
    const turn = function (this: SchedulerAction<T>, given?: T): void {
      try {
        work.call(this, given);
      } catch (error) {
        if ((error as Error).message !== 'Expected a due immediate or interval') throw error;
      }
    };
    return super.schedule(turn, delay, state);
  }
}

/** A test body run in virtual time; expectations compare strictly, an error's class included. */
export const marbles = (body: (helpers: RunHelpers) => void) => (): void => {
  new MarbleScheduler((actual, expected) => {
    expect(actual).toStrictEqual(expected);
  }).run(body);
};

/** Sets the wall clock forward or back, which timers do not heed; once a test, which sets it right by `jest.restoreAllMocks()`. */
export const stepClock = (byMs: number): void => {
  const clock = asyncScheduler.now.bind(asyncScheduler);
  jest.spyOn(asyncScheduler, 'now').mockImplementation(() => clock() + byMs);
};

export const HOUR_MS = 3_600_000;
