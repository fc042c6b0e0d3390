import fc from 'fast-check';
import { LIFE_FACTS, type LifeFact } from './lifeFacts.js';
import { type LifePlay, lifePlays } from './lifePlay.js';
import { liveOut } from './liveOut.js';

/** `npm run test:model` has 10 000, or as many as the time allows. */
const RUNS = Number(process.env['MODEL_RUNS'] ?? 150);
/** Of the plays, and of the search for a smaller one that fails. */
const LIMIT_MS = 45_000;

describe('a feed that is opened, closed, left and joined from inside its callbacks', () => {
  let found: fc.RunDetails<[LifePlay]>;
  let broken: ReadonlyMap<LifeFact, string>;

  beforeAll(async () => {
    found = await fc.check(
      fc.asyncProperty(lifePlays, async (play) => (await liveOut(play)).size === 0),
      { numRuns: RUNS, interruptAfterTimeLimit: LIMIT_MS },
    );
    broken = found.counterexample === null ? new Map() : await liveOut(found.counterexample[0]);
  }, 2 * LIMIT_MS);

  it(`holds in up to ${RUNS} random lives to what follows`, () => {
    expect(found.failed ? fc.defaultReportMessage(found) : undefined).toBeUndefined();
  });

  it.each(Object.entries(LIFE_FACTS) as [LifeFact, string][])('%s: %s', (fact) => {
    expect(broken.get(fact)).toBeUndefined();
  });
});
