import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** What a client's work cost, from the end of the warm-up to its last message. */
export interface Cost {
  /** Time of all cores, garbage collection and compilation included, ms. */
  readonly cpuMs: number;
  readonly wallMs: number;
  /** How late timers were, ms. */
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  /** The most memory the process ever held, MB. */
  readonly peakMb: number;
}

/** Nanoseconds of the histogram to ms of delay: it measures from tick to tick of a timer of this period. */
const tickMs = 10;
const delayMs = (ns: number): number => Math.max(0, ns / 1e6 - tickMs);

export interface Meter {
  /** Counts one thing done, and what it was: the checksum depends on all of them and their order. */
  readonly tally: (fact: number) => void;
  readonly sum: () => { readonly delivered: number; readonly checksum: number };
}

/** The checksum after one more fact. */
export const addFact = (checksum: number, fact: number): number => (Math.imul(checksum, 31) + fact) | 0;

/**
 * Counts what a contestant does, and measures what it costs once it has warmed up.
 *
 * @param warmUp Things done before measuring begins.
 * @param total Things to be done in all; then `onDone` is called, once, on a later turn: a contestant that does too much has the time to.
 * @param idleMs When nothing was done for so long, `onDone` is called although there are fewer.
 */
export function createMeter(
  {
    warmUp,
    total,
    idleMs = 5_000,
  }: { readonly warmUp: number; readonly total: number; readonly idleMs?: number },
  onDone: (cost: Cost) => void,
): Meter {
  let delivered = 0;
  let checksum = 0;
  let before = process.cpuUsage();
  let startedAt = performance.now();
  const delays = monitorEventLoopDelay({ resolution: tickMs });

  const start = (): void => {
    before = process.cpuUsage();
    startedAt = performance.now();
    delays.enable();
  };
  const stop = (): void => {
    clearInterval(idle);
    const { user, system } = process.cpuUsage(before);
    const wallMs = performance.now() - startedAt;
    delays.disable();
    const cost: Cost = {
      cpuMs: (user + system) / 1_000,
      wallMs,
      loopDelayP99Ms: delayMs(delays.percentile(99)),
      loopDelayMaxMs: delayMs(delays.max),
      peakMb: process.resourceUsage().maxRSS / 1_024,
    };
    setImmediate(onDone, cost);
  };

  let lastSeen = -1;
  const idle = setInterval(() => {
    if (lastSeen === delivered) stop();
    lastSeen = delivered;
  }, idleMs);

  return {
    tally: (fact) => {
      checksum = addFact(checksum, fact);
      delivered += 1;
      if (delivered === warmUp) start();
      else if (delivered === total) stop();
    },
    sum: () => ({ delivered, checksum }),
  };
}
