import { type Cost, createMeter } from '../lib/meter.js';
import { say, takeTurns, type Turn } from '../lib/takeTurns.js';
import { begin, type ClientTask } from './begin.js';
import { foldOf } from './course.js';
import type { Findings } from './job.js';
import type { Outcome } from './traffic.js';

/** What a client says when it is done. */
export interface ClientResult extends Cost {
  readonly outcome: Outcome;
}

// One contestant, once; the process is not used again, so that nobody meets what another left behind.
const task = JSON.parse(process.argv[2] ?? '') as ClientTask;
const { course, deliveredBy, warmUp } = task;

const { tally, sum, start } = createMeter(
  { deliveredBy, warmUp, add: foldOf(course), onTurn: () => say('over' satisfies Turn) },
  (cost) => {
    const result: ClientResult = { outcome: { ...sum(), ...findings() }, ...cost };
    say(result, () => process.exit());
  },
);
const findings: () => Findings = await begin(task, tally);
takeTurns(start);
