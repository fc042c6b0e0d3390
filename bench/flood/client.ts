import type { FullSpeedTask } from './fullSpeed.js';
import type { SlowSinkTask } from './slowSink.js';
import type { StallTask } from './stall.js';

/** What a client is told to do. */
export type FloodTask = FullSpeedTask | SlowSinkTask | StallTask;

// Each loads what it needs and no more: the memory of the process is measured.
const task = JSON.parse(process.argv[2] ?? '') as FloodTask;
const run = {
  'full speed': async (of: FullSpeedTask) => (await import('./fullSpeed.js')).runFullSpeed(of),
  'slow sink': async (of: SlowSinkTask) => (await import('./slowSink.js')).runSlowSink(of),
  stall: async (of: StallTask) => (await import('./stall.js')).runStall(of),
}[task.kind] as (of: FloodTask) => Promise<unknown>;
process.stdout.write(`${JSON.stringify(await run(task))}\n`, () => process.exit());
