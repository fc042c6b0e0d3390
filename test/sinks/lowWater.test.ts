import fc from 'fast-check';
import { createLowWater } from '../../src/sinks/lowWater.js';

describe('createLowWater', () => {
  it('is the smallest so far, within half the window', () => {
    const water = createLowWater(100);

    expect([water.note(5, 0), water.note(7, 10), water.note(3, 20), water.note(4, 49)]).toStrictEqual([
      5, 5, 3, 3,
    ]);
  });

  it('forgets a value after half the window at the soonest, and after the whole of it at the latest', () => {
    const water = createLowWater(100);

    expect([water.note(1, 0), water.note(9, 49), water.note(8, 50), water.note(9, 99)]).toStrictEqual([
      1, 1, 1, 1,
    ]);
    expect([water.note(9, 100), water.note(9, 150)]).toStrictEqual([8, 9]);
  });

  it('remembers nothing across a silence of a whole window', () => {
    const water = createLowWater(100);
    water.note(1, 0);

    expect(water.note(9, 100)).toBe(9);
  });

  it('a clock that was set back makes nothing last longer', () => {
    const water = createLowWater(100);
    water.note(1, 1_000_000);

    expect([water.note(9, 0), water.note(9, 50), water.note(9, 100)]).toStrictEqual([1, 1, 9]);
  });

  it('is never below the true minimum of the window, nor above that of its newer half', () => {
    const step = fc.record({ value: fc.integer(), afterMs: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const water = createLowWater(100);
        let at = 0;
        const seen: { readonly value: number; readonly at: number }[] = [];
        for (const { value, afterMs } of steps) {
          at += afterMs;
          seen.push({ value, at });
          const least = (ms: number): number =>
            Math.min(...seen.filter((each) => at - each.at < ms).map((each) => each.value));
          const noted = water.note(value, at);
          expect(noted).toBeGreaterThanOrEqual(least(100));
          expect(noted).toBeLessThanOrEqual(least(50));
        }
      }),
    );
  });
});
