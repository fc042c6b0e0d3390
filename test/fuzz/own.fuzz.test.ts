import fc from 'fast-check';
import * as v from 'valibot';
import { compileSchema, misfit } from '../../src/operators/compileSchema.js';
import { seededRandom } from '../../src/testing/random.js';
import { mutate } from './hostile.js';
import { anyValue, pick, type Random, randomChoice, randomSchema } from './randomSchema.js';
import { difference } from './sameOutcome.js';

/** `npm run test:fuzz` tries a quarter of a million. */
const CASES = Math.ceil(Number(process.env['FUZZ_CASES'] ?? 20_000) / 4);
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const INPUTS = 40;

/** As a server might write it: with a key more, one less, or in another order. */
function rewritten(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => (random() < 0.8 ? item : rewritten(random, item)) as unknown);
    if (random() < 0.3) items.push(pick(random, [null, 1, 'x', items[0]]));
    return items;
  }
  const entries = Object.entries(value).map(([key, item]) => [key, rewritten(random, item)] as const);
  if (random() < 0.2) entries.reverse();
  if (random() < 0.2) entries.splice(Math.floor(random() * 3), 0, ['more', 1]);
  if (random() < 0.2) entries.pop();
  return Object.fromEntries(entries);
}

const textOf = (value: unknown): string | undefined => {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
};

afterEach(() => v.deleteGlobalConfig());

it(`hands on what it may keep, and puts out what valibot does, ${CASES} times`, () => {
  const tally = { cases: 0, same: 0, copied: 0, misfit: 0, threw: 0 };
  const differences: unknown[] = [];
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seededRandom(seed);
      const { schema, valid } = random() < 0.2 ? randomChoice(random, 3) : randomSchema(random, 3);
      const compiled = compileSchema(schema, { isOwn: true });
      for (let n = 0; n < INPUTS; n++) {
        let value = n % 8 === 7 ? anyValue(random) : valid(random);
        if (n % 3 === 1) value = mutate(random, value);
        if (n % 3 === 2) value = rewritten(random, value);
        const text = textOf(value);
        if (text === undefined) continue;
        tally.cases += 1;
        let expected;
        try {
          expected = v.safeParse(schema, JSON.parse(text));
        } catch {
          tally.threw += 1;
          continue;
        }
        const input: unknown = JSON.parse(text);
        const output: unknown = compiled(input);
        if (output === misfit) tally.misfit += 1;
        else if (typeof output === 'object' && output === input) tally.same += 1;
        else tally.copied += 1;
        const wanted = expected.success ? expected.output : misfit;
        const other = difference(output, wanted, new Set());
        if (other !== undefined && differences.length < 5) differences.push({ seed, text, other });
      }
    }),
    { numRuns: Math.ceil(CASES / INPUTS), seed: SEED, endOnFailure: true },
  );
  if (process.env['FUZZ_CASES'] !== undefined)
    process.stdout.write(`own, fuzz seed ${SEED}: ${JSON.stringify(tally)}\n`);
  expect(differences).toStrictEqual([]);
  expect(tally.same / tally.cases).toBeGreaterThan(0.02);
  expect(tally.copied / tally.cases).toBeGreaterThan(0.1);
});
