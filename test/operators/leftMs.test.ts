import { asyncScheduler } from 'rxjs';
import { leftMs } from '../../src/operators/leftMs.js';

afterEach(() => jest.restoreAllMocks());

describe('leftMs', () => {
  it.each([
    ['is all of it as it begins', 1_000, 50],
    ['is the rest meanwhile', 1_049, 1],
    ['is nothing when it is over', 1_050, 0],
    ['is nothing long after', 9_000, 0],
    ['is no more than it was, though the clock was set back', 10, 50],
  ])('%s', (_title, now, left) => {
    jest.spyOn(asyncScheduler, 'now').mockReturnValue(now);

    expect(leftMs({ ms: 50, since: 1_000 })).toBe(left);
  });

  it('counts on from where it was noticed that the clock was set back', () => {
    const clock = jest.spyOn(asyncScheduler, 'now');
    const wait = { ms: 50, since: 1_000 };
    const left = [1_010, 10, 40, 60].map((now) => {
      clock.mockReturnValue(now);
      return leftMs(wait);
    });

    expect(left).toStrictEqual([40, 50, 20, 0]);
  });

  it('is nothing where there is no wait', () => {
    expect(leftMs()).toBe(0);
  });
});
