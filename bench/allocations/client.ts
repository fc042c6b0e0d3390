import { performance, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { createMeter } from '../lib/meter.js';
import { say, takeTurns, type Turn } from '../lib/takeTurns.js';
import { begin, type ClientTask } from '../throughput/begin.js';
import type { Findings } from '../throughput/job.js';
import type { Outcome } from '../throughput/traffic.js';

/** What a client says when it is done. */
export interface AllocationResult {
  readonly outcome: Outcome;
  /** Bytes by which the heap grew for each delivered message, once for each stretch in which nothing was collected. */
  readonly bytes: readonly number[];
}

// The heap grows by exactly what is allocated as long as nothing is collected. So the process runs with a young generation that seldom
// fills, the heap is read every so many messages, and the stretches that a collection fell into do not count.
const task = JSON.parse(process.argv[2] ?? '') as ClientTask;
const { course, deliveredBy } = task;
const stretch = { trade: 2_000, depth: 500 }[course.kind];
const warmUp = deliveredBy[task.warmUp - 1] ?? 0;

const readings: { readonly at: number; readonly used: number }[] = [];
const collections: { readonly startTime: number; readonly duration: number }[] = [];
new PerformanceObserver((list) => collections.push(...list.getEntries())).observe({ entryTypes: ['gc'] });

let delivered = 0;
const { tally, sum, start } = createMeter(
  { deliveredBy, warmUp: task.warmUp, onTurn: () => say('over' satisfies Turn) },
  () => {
    // The observer is told a little later.
    setTimeout(() => {
      const bytes = readings.slice(1).flatMap(({ at, used }, index) => {
        const before = readings[index] as (typeof readings)[number];
        const isWhole = collections.every(
          ({ startTime, duration }) => startTime > at || startTime + duration < before.at,
        );
        return isWhole ? [(used - before.used) / stretch] : [];
      });
      const result: AllocationResult = { outcome: { ...sum(), ...findings() }, bytes };
      say(result, () => process.exit());
    }, 20);
  },
);
const findings: () => Findings = await begin(task, (fact) => {
  tally(fact);
  delivered += 1;
  if (delivered >= warmUp && delivered % stretch === 0) {
    readings.push({ at: performance.now(), used: getHeapStatistics().used_heap_size });
  }
});
takeTurns(start);
