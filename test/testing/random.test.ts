import * as fc from 'fast-check';
import { seededRandom } from '../../src/testing/random.js';

const draw = (count: number, random: () => number): number[] => Array.from({ length: count }, random);

describe('seededRandom', () => {
  it('draws the same row for the same seed, always in [0, 1)', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const row = draw(50, seededRandom(seed));
        expect(draw(50, seededRandom(seed))).toStrictEqual(row);
        expect(row.every((value) => value >= 0 && value < 1)).toBe(true);
      }),
    );
  });

  it('draws the row mulberry32 is known for', () => {
    expect(draw(3, seededRandom(1)).map((value) => value * 2 ** 32)).toStrictEqual([
      2693262067, 11749833, 2265367787,
    ]);
  });

  it('draws other rows for neighbouring seeds', () => {
    expect(draw(5, seededRandom(1))).not.toStrictEqual(draw(5, seededRandom(2)));
  });

  it('spreads evenly: each tenth gets a tenth of 100 000 draws, give or take 5 %', () => {
    const tenths = new Array<number>(10).fill(0);
    for (const value of draw(100_000, seededRandom(7))) tenths[Math.floor(value * 10)]! += 1;
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});
