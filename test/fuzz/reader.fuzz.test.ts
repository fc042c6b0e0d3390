import fc from 'fast-check';
import { damage, sample, type Tally, tryReader } from '../operators/readerTexts.js';

/** Texts are some 40 times as many. */
const RUNS = Number(process.env['FUZZ_READERS'] ?? 20_000);

describe('a compiled reader', () => {
  it(`never reads a text wrongly, in ${RUNS} random schemas`, () => {
    const tally: Tally = { texts: 0, read: 0, schemas: 0, unreadable: 0 };
    const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    process.stdout.write(`reader fuzz: seed ${seed}\n`);
    fc.assert(
      fc.property(
        sample.chain((one) =>
          fc.record({
            one: fc.constant(one),
            texts: fc.array(one.text, { minLength: 1, maxLength: 5 }),
            damages: fc.array(damage, { maxLength: 40 }),
          }),
        ),
        ({ one, texts, damages }) => tryReader(one, texts, damages, tally),
      ),
      { numRuns: RUNS, seed },
    );
    process.stdout.write(
      `reader fuzz: ${tally.texts} texts, ${tally.read} of them read; ${tally.schemas} schemas, ${tally.unreadable} of them without a reader\n`,
    );
    expect(tally.unreadable / tally.schemas).toBeLessThan(0.5);
  });
});
