import { rateOf, type Sample, samples } from '../../../examples/watch/rates.js';

const at = (ms: number, trade: number): Sample => ({ at: ms, totals: new Map([['trade', trade]]) });

describe('rateOf', () => {
  it('is 0 until there are two samples', () => {
    expect(rateOf([], 'trade')).toBe(0);
    expect(rateOf([at(0, 5)], 'trade')).toBe(0);
    expect(rateOf([at(0, 5), at(0, 6)], 'trade')).toBe(0);
  });

  it('is messages per second from the oldest sample to the newest', () => {
    expect(rateOf([at(0, 100), at(500, 500), at(2_000, 160)], 'trade')).toBe(30);
  });

  it('counts a name that was not there before from 0', () => {
    expect(rateOf([{ at: 0, totals: new Map() }, at(500, 10)], 'trade')).toBe(20);
    expect(rateOf([at(0, 5), at(500, 10)], 'book')).toBe(0);
  });
});

describe('samples', () => {
  it('keeps the newest five', () => {
    const kept = [1, 2, 3, 4, 5, 6, 7].map((n) => at(n, n)).reduce<readonly Sample[]>(samples, []);
    expect(kept.map((sample) => sample.at)).toStrictEqual([3, 4, 5, 6, 7]);
  });
});
