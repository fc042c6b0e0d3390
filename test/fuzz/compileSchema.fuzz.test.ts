import fc from 'fast-check';
import * as v from 'valibot';
import { seededRandom } from '../../src/testing/random.js';
import { type Runnable, schemaNode } from '../../src/operators/schemaNode.js';
import { createWorld, disguise, mutate } from './hostile.js';
import { anyValue, randomChoice, randomSchema } from './randomSchema.js';
import { expectSameOutcome } from './sameOutcome.js';

/** `npm run test:fuzz` tries a million. */
const CASES = Number(process.env['FUZZ_CASES'] ?? 20_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const INPUTS = 40;

/** Whether anywhere in a node something of a kind is found. */
const has = (node: unknown, kinds: ReadonlySet<unknown>): boolean =>
  typeof node === 'object' &&
  node !== null &&
  (kinds.has((node as { kind?: unknown }).kind) ||
    Object.entries(node).some(
      ([key, inner]) => !['schema', 'run', 'owner', 'known', 'test'].includes(key) && has(inner, kinds),
    ));
const choices = new Set(['union', 'variant']);
const left = new Set(['valibot']);

afterEach(() => v.deleteGlobalConfig());

it(`decides and puts out as valibot does, ${CASES} times`, () => {
  const tally = { cases: 0, fits: 0, misfit: 0, throws: 0, schemas: 0, partly: 0, wholly: 0 };
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seededRandom(seed);
      const { schema, valid } = random() < 0.25 ? randomChoice(random, 3) : randomSchema(random, 3);
      v.setGlobalConfig({ abortEarly: random() < 0.2, abortPipeEarly: random() < 0.2 });
      const node = schemaNode(schema as unknown as Runnable);
      tally.schemas += 1;
      if (node.kind === 'valibot') tally.wholly += 1;
      else if (has(node, left)) tally.partly += 1;
      for (let n = 0; n < INPUTS; n++) {
        const world = createWorld();
        let input = n % 8 === 7 ? anyValue(random) : valid(random);
        if (n % 3 === 1) input = mutate(random, input);
        if (n % 4 === 2) input = disguise(random, input, world);
        tally[expectSameOutcome(schema, input, world, has(node, choices))] += 1;
        tally.cases += 1;
      }
    }),
    { numRuns: Math.ceil(CASES / INPUTS), seed: SEED, endOnFailure: true },
  );
  if (process.env['FUZZ_CASES'] !== undefined)
    process.stdout.write(`fuzz seed ${SEED}: ${JSON.stringify(tally)}\n`);
  expect(tally.wholly / tally.schemas).toBeLessThan(0.25);
  expect(Math.min(tally.fits, tally.misfit) / tally.cases).toBeGreaterThan(0.2);
});
