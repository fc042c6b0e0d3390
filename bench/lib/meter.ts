import { performance } from 'node:perf_hooks';

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

/** A timer of this period tells how late timers are, ms. */
const tickMs = 10;

export interface Meter {
  /** Counts one thing done, and what it was. */
  readonly tally: (fact: number) => void;
  readonly sum: () => { readonly delivered: number; readonly checksum: number };
}

/** The checksum after one more fact. */
export type Fold = (checksum: number, fact: number) => number;

/** A checksum of all facts and their order. */
export const addFact: Fold = (checksum, fact) => (Math.imul(checksum, 31) + fact) | 0;

/** A checksum of all facts in any order: what comes over several connections has none. */
export const addUnordered: Fold = (checksum, fact) => {
  const mixed = Math.imul(fact ^ (fact / 2 ** 32), 0x9e3779b1);
  return (checksum + Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b)) | 0;
};

/**
 * Counts what a contestant does, and measures what it costs once it has warmed up.
 *
 * @param warmUp Things done before measuring begins.
 * @param total Things to be done in all; then `onDone` is called, once, on a later turn: a contestant that does too much has the time to.
 * @param add How the checksum is made.
 * @param idleMs When nothing was done for so long, `onDone` is called although there are fewer.
 */
export function createMeter(
  {
    warmUp,
    total,
    add = addFact,
    idleMs = 5_000,
  }: { readonly warmUp: number; readonly total: number; readonly add?: Fold; readonly idleMs?: number },
  onDone: (cost: Cost) => void,
): Meter {
  let delivered = 0;
  let checksum = 0;
  let before = process.cpuUsage();
  let startedAt = performance.now();

  // `monitorEventLoopDelay` would not see the turn in which measuring begins, nor the one in which it ends.
  let tickedAt = startedAt;
  let delays: number[] = [];
  const tick = (): void => {
    const now = performance.now();
    delays.push(Math.max(0, now - tickedAt - tickMs));
    tickedAt = now;
  };
  const ticks = setInterval(tick, tickMs);

  const start = (): void => {
    before = process.cpuUsage();
    startedAt = tickedAt = performance.now();
    delays = [];
  };
  const stop = (): void => {
    clearInterval(idle);
    clearInterval(ticks);
    const { user, system } = process.cpuUsage(before);
    const wallMs = performance.now() - startedAt;
    tick();
    delays.sort((a, b) => a - b);
    const cost: Cost = {
      cpuMs: (user + system) / 1_000,
      wallMs,
      loopDelayP99Ms: delays[Math.floor(delays.length * 0.99)] ?? 0,
      loopDelayMaxMs: delays.at(-1) ?? 0,
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
      checksum = add(checksum, fact);
      delivered += 1;
      if (delivered === warmUp) start();
      else if (delivered === total) stop();
    },
    sum: () => ({ delivered, checksum }),
  };
}
