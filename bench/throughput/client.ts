import { type Cost, createMeter } from '../lib/meter.js';
import { begin, type ClientTask } from './begin.js';
import { foldOf } from './course.js';
import type { Findings } from './job.js';
import type { Outcome } from './traffic.js';

/** What a client says when it is done. */
export interface ClientResult extends Cost {
  readonly outcome: Outcome;
  /** The share of the messages that was measured. */
  readonly measured: number;
}

// One contestant, once; the process is not used again, so that nobody meets what another left behind.
const task = JSON.parse(process.argv[2] ?? '') as ClientTask;
const { course, total } = task;

const warmUp = Math.floor(total * task.warmUp);
const { tally, sum } = createMeter({ warmUp, total, add: foldOf(course) }, (cost) => {
  const result: ClientResult = {
    outcome: { ...sum(), ...findings() },
    measured: (total - warmUp) / total,
    ...cost,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
});
const findings: () => Findings = await begin(task, tally);
