import fc from 'fast-check';
import { walkQuote } from '../../src/testing/quote.js';

describe('walkQuote', () => {
  it('keeps the bid below the price and the ask above it, whatever is drawn', () => {
    const draws = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
    fc.assert(
      fc.property(draws, fc.integer({ min: 1, max: 50 }), (random, steps) => {
        const step = walkQuote(() => random.next().value as number);
        for (let count = 0; count < steps; count += 1) {
          const { bid, price, ask, updates, bids, asks } = step();
          expect([Number(bid) < Number(price), Number(price) < Number(ask)]).toStrictEqual([true, true]);
          expect([bids[0]?.[0], asks[0]?.[0]]).toStrictEqual([bid, ask]);
          expect([1, 2, 3]).toContain(updates);
        }
      }),
    );
  });

  it('is the same for the same draws', () => {
    const draws = (): (() => number) => {
      let count = 0;
      return () => (count++ % 10) / 10;
    };
    expect(walkQuote(draws())()).toStrictEqual(walkQuote(draws())());
  });
});
