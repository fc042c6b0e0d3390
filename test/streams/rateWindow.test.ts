import fc from 'fast-check';
import { createRateWindow } from '../../src/streams/rateWindow.js';

describe('createRateWindow', () => {
  it('has room at once for max sends, and then once the oldest has left the window', () => {
    const rate = createRateWindow({ max: 2, perMs: 1_000, marginMs: 0 });
    expect(rate.freeAt).toBe(-Infinity);
    rate.take(0);
    rate.take(400);

    expect(rate.freeAt).toBe(1_001);
    rate.take(1_001);
    expect(rate.freeAt).toBe(1_401);
  });

  it('SND-09 lets no server count more than max in any rolling window, though clocks tell whole milliseconds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.double({ min: 0, max: 40, noNaN: true }), { maxLength: 60 }),
        (max, perMs, waits) => {
          const rate = createRateWindow({ max, perMs, marginMs: 0 });
          const sentAt: number[] = [];
          let now = 0;
          for (const wait of waits) {
            now += wait;
            if (Math.floor(now) < rate.freeAt) continue;
            rate.take(Math.floor(now));
            sentAt.push(now);
          }

          for (const from of sentAt) {
            expect(sentAt.filter((at) => at >= from && at - from <= perMs).length).toBeLessThanOrEqual(max);
          }
        },
      ),
    );
  });

  it.each([
    [{ max: 1, perMs: 1_000 }, 1_051],
    [{ max: 1, perMs: 19 }, 20],
    [{ max: 1, perMs: 1_000, marginMs: 200 }, 1_201],
  ])('SND-09 keeps clear of the limit by a margin: %j', (config, freeAt) => {
    const rate = createRateWindow(config);
    rate.take(0);

    expect(rate.freeAt).toBe(freeAt);
  });

  it.each([
    [{ max: 0, perMs: 1 }, 'rate.max must be a whole number above 0, got 0'],
    [{ max: 1.5, perMs: 1 }, 'rate.max must be a whole number above 0, got 1.5'],
    [{ max: Number.NaN, perMs: 1 }, 'rate.max must be a whole number above 0, got NaN'],
    [{ max: 1, perMs: -1 }, 'rate.perMs must be above 0 and at most 2147483647, got -1'],
    [{ max: 1, perMs: 2 ** 31 }, 'rate.perMs must be above 0 and at most 2147483647, got 2147483648'],
    [{ max: 1, perMs: Number.NaN }, 'rate.perMs must be above 0 and at most 2147483647, got NaN'],
    [{ max: 1, perMs: 1, marginMs: -1 }, 'rate.marginMs must be from 0 to 2147483647, got -1'],
    [{ max: 1, perMs: 1, marginMs: Infinity }, 'rate.marginMs must be from 0 to 2147483647, got Infinity'],
  ])('refuses %j', (config, message) => {
    expect(() => createRateWindow(config)).toThrow(new RangeError(`outbox: ${message}`));
  });
});
