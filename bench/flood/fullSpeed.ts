import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { type TakerName, takers } from '../latency/takers.js';
import { createWitness, type Testimony } from '../latency/witness.js';

/** As much as it can take over so many sockets, for so many seconds. */
export interface FullSpeedTask {
  readonly kind: 'full speed';
  readonly taker: TakerName;
  readonly url: string;
  readonly sockets: number;
  readonly seconds: number;
}

export interface FullSpeedResult extends Testimony {
  readonly kind: 'full speed';
  readonly dropped: number;
  readonly perSecond: number;
  /** How late a timer was, ms, after the first fifth of the time. */
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
  /** The most that the heap ever used, garbage included, as a timer saw it, MB. */
  readonly peakHeapMb: number;
  /** The most memory the process ever held, MB. */
  readonly peakMb: number;
}

/** The histogram measures from tick to tick of a timer of this period. */
const tickMs = 10;
const delayMs = (ns: number): number => Math.max(0, ns / 1e6 - tickMs);

/** With no sockets it tells what an idle process of the kind takes. */
export async function runFullSpeed({
  taker: name,
  url,
  sockets,
  seconds,
}: FullSpeedTask): Promise<FullSpeedResult> {
  const taker = await takers[name]();
  const delays = monitorEventLoopDelay({ resolution: tickMs });
  const witnesses = Array.from({ length: sockets }, createWitness);
  let peakHeapMb = 0;
  const watch = setInterval(() => {
    peakHeapMb = Math.max(peakHeapMb, process.memoryUsage().heapUsed / 1e6);
  }, 50);

  return new Promise((resolve) => {
    let startedAt: number | undefined;
    const start = (): void => {
      startedAt = performance.now();
      setTimeout(() => delays.enable(), seconds * 200);
      setTimeout(finish, seconds * 1_000);
    };
    const finish = (): void => {
      clearInterval(watch);
      delays.disable();
      const testimonies = witnesses.map(({ testimony }) => testimony());
      const sum = (of: (facts: Testimony) => number): number =>
        testimonies.reduce((total, facts) => total + of(facts), 0);
      const delivered = sum((facts) => facts.delivered);
      resolve({
        kind: 'full speed',
        delivered,
        missing: sum((facts) => facts.missing),
        disordered: sum((facts) => facts.disordered),
        dropped: drops.reduce((total, dropped) => total + dropped(), 0),
        perSecond: (delivered * 1_000) / (performance.now() - (startedAt ?? NaN)),
        delayP99Ms: delayMs(delays.percentile(99)),
        delayMaxMs: delayMs(delays.max),
        peakHeapMb,
        peakMb: process.resourceUsage().maxRSS / 1_024,
      });
    };
    const drops = witnesses.map(({ note }) =>
      taker(url, (trade) => {
        if (startedAt === undefined) start();
        note(trade);
      }),
    );
    if (sockets === 0) start();
  });
}
