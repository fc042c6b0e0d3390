import fc from 'fast-check';
import { type Fact, FACTS } from './actor.js';
import { perform } from './perform.js';
import { type Play, plays } from './play.js';

/** `npm run test:model` performs 1 000, or as many as the time allows. */
const RUNS = Math.ceil(Number(process.env['MODEL_RUNS'] ?? 150) / 10);
/** Of the plays, and of the search for a smaller one that fails. */
const LIMIT_MS = 45_000;

describe('feeds that share their turns, each called from inside the callbacks of all', () => {
  let found: fc.RunDetails<[Play]>;
  let broken: ReadonlyMap<Fact, unknown>;

  beforeAll(() => {
    found = fc.check(
      fc.property(plays, (play) => perform(play).size === 0),
      { numRuns: RUNS, interruptAfterTimeLimit: LIMIT_MS },
    );
    broken = found.counterexample === null ? new Map() : perform(found.counterexample[0]);
  }, 2 * LIMIT_MS);

  it(`hold in up to ${RUNS} random plays to what follows`, () => {
    expect(found.failed ? fc.defaultReportMessage(found) : undefined).toBeUndefined();
  });

  it.each(Object.entries(FACTS) as [Fact, string][])('%s: %s', (fact) => {
    expect(broken.get(fact)).toBeUndefined();
  });
});
