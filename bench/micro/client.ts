import { performance, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import type { Case } from './case.js';
import { type CaseName, cases } from './cases.js';

/** What a client is told to do. */
export interface MicroTask {
  readonly name: CaseName;
  /** Stretches that are not measured, for the compiler's sake; and those that are. */
  readonly warmUp: number;
  readonly stretches: number;
}

/** What it says when it is done. */
export interface MicroResult {
  /** Messages that should have come out, and that did. */
  readonly due: number;
  readonly done: number;
  /** For each message that came out, by stretch. */
  readonly ns: readonly number[];
  /** By stretch in which nothing was collected: only then does the heap grow by what is allocated. */
  readonly bytes: readonly number[];
}

interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

const collections: { readonly startTime: number; readonly duration: number }[] = [];
new PerformanceObserver((list) => collections.push(...list.getEntries())).observe({ entryTypes: ['gc'] });

const { name, warmUp, stretches: measured } = JSON.parse(process.argv[2] ?? '') as MicroTask;
const { count, fold = 1, fill, run, done }: Case = await cases[name]();
const stretches: Stretch[] = [];
for (let stretch = 0; stretch < warmUp + measured; stretch += 1) {
  fill();
  globalThis.gc?.();
  const used = getHeapStatistics().used_heap_size;
  const from = performance.now();
  const running = run();
  if (running !== undefined) await running;
  const to = performance.now();
  stretches.push({ from, to, bytes: getHeapStatistics().used_heap_size - used });
}
await wait(20); // the observer is told a little later

const out = count * fold;
const counted = stretches.slice(warmUp);
const isWhole = ({ from, to }: Stretch): boolean =>
  collections.every(({ startTime, duration }) => startTime > to || startTime + duration < from);
const result: MicroResult = {
  due: out * stretches.length,
  done: done(),
  ns: counted.map(({ from, to }) => ((to - from) * 1e6) / out),
  bytes: counted.filter(isWhole).map(({ bytes }) => bytes / out),
};
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
