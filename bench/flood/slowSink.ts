import { performance } from 'node:perf_hooks';
import { stampUs } from '../latency/clock.js';
import { quantile } from '../latency/quantile.js';
import { type TakerName, takers } from '../latency/takers.js';
import { createWitness, type Testimony } from '../latency/witness.js';
import { type Sample, slope } from './slope.js';

/** A listener that works on each trade for so long, and leaves after so many seconds. */
export interface SlowSinkTask {
  readonly kind: 'slow sink';
  readonly taker: TakerName;
  readonly url: string;
  readonly workUs: number;
  readonly seconds: number;
}

export interface SlowSinkResult extends Testimony {
  readonly kind: 'slow sink';
  readonly dropped: number;
  readonly perSecond: number;
  /** From the write of the server to the listener, ms, of what came after the first fifth of the time. */
  readonly ageP50Ms: number;
  readonly ageP99Ms: number;
  readonly ageMaxMs: number;
  /** How much older, ms in a second. */
  readonly ageGrowth: number;
  /** Live objects and buffers, MB: the most, and how it grows in a second, after the first fifth. */
  readonly heldMb: number;
  readonly heldGrowth: number;
  /** The most memory the process ever held, MB. */
  readonly peakMb: number;
}

const work = (us: number): void => {
  const until = stampUs() + us;
  while (stampUs() < until);
};

/** Bytes held after a collection; `external` has the array buffers in it. */
const heldMb = (): number => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
};

/** Needs `--expose-gc`. */
export async function runSlowSink({
  taker: name,
  url,
  workUs,
  seconds,
}: SlowSinkTask): Promise<SlowSinkResult> {
  const taker = await takers[name]();
  const { note, testimony } = createWitness();
  const ages: Sample[] = [];
  const held: Sample[] = [];
  let startedAt: number | undefined;
  let timer: NodeJS.Timeout | undefined;

  return new Promise((resolve) => {
    const elapsed = (): number => (performance.now() - (startedAt ?? NaN)) / 1_000;
    const finish = (at: number): void => {
      clearInterval(timer);
      const later = ages.filter((age) => age.at > seconds / 5);
      const sorted = Float64Array.from(later, ({ value }) => value).sort();
      const heldLater = held.filter((sample) => sample.at > seconds / 5);
      const facts = testimony();
      resolve({
        kind: 'slow sink',
        ...facts,
        dropped: dropped(),
        perSecond: facts.delivered / at,
        ageP50Ms: quantile(sorted, 0.5),
        ageP99Ms: quantile(sorted, 0.99),
        ageMaxMs: quantile(sorted, 1),
        ageGrowth: slope(later),
        heldMb: Math.max(...heldLater.map(({ value }) => value)),
        heldGrowth: slope(heldLater),
        peakMb: process.resourceUsage().maxRSS / 1_024,
      });
    };
    const sample = (): void => {
      const at = elapsed();
      held.push({ at, value: heldMb() });
      if (at >= seconds) finish(at);
    };
    const dropped = taker(url, (trade) => {
      if (startedAt === undefined) {
        startedAt = performance.now();
        timer = setInterval(sample, 250);
      }
      // One in ten is enough, and leaves the memory to those that are measured.
      if (trade.id % 10 === 0) ages.push({ at: elapsed(), value: (stampUs() - trade.sentAt) / 1_000 });
      note(trade);
      work(workUs);
    });
  });
}
