import fc from 'fast-check';
import { damage, sample, type Tally, tryReader } from './readerTexts.js';

describe('compileReader, with any schema it knows', () => {
  it('reads each text as JSON.parse and the schema do, or not at all', () => {
    const tally: Tally = { texts: 0, read: 0, schemas: 0, unreadable: 0 };
    fc.assert(
      fc.property(
        sample.chain((one) =>
          fc.record({
            one: fc.constant(one),
            texts: fc.array(one.text, { minLength: 1, maxLength: 3 }),
            damages: fc.array(damage, { maxLength: 30 }),
          }),
        ),
        ({ one, texts, damages }) => tryReader(one, texts, damages, tally),
      ),
      { numRuns: 1_000 },
    );
    expect(tally.texts).toBeGreaterThan(10_000);
    expect(tally.read / tally.texts).toBeGreaterThan(0.05);
    expect(tally.unreadable / tally.schemas).toBeLessThan(0.5);
  });
});
