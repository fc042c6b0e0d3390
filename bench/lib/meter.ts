import { performance } from 'node:perf_hooks';

/** What a client's work cost, from the end of the warm-up to its last message. */
export interface Cost {
  /** Time of all cores, garbage collection and compilation included, ms, turn by turn; to wait for the next one included. */
  readonly cpuMs: readonly number[];
  /** Of all these turns, waiting left out. */
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

export interface MeterConfig {
  /** How many things are done when each turn ends, the last one with all of them. */
  readonly ends: readonly number[];
  /** Turns before measuring begins. */
  readonly warmUp: number;
  /** How the checksum is made. @default in order */
  readonly add?: Fold;
  /** When nothing was done for so long within a turn, that is all, although there is less than there should be. @default 5_000 */
  readonly idleMs?: number;
  /** A turn ended, and another is to follow. */
  readonly onTurn?: () => void;
}

/**
 * Counts what a contestant does, and measures what it costs once it has warmed up. It works in turns: between them it waits for the
 * others, and then nothing is measured but its CPU time, which is what it takes to wait.
 *
 * @param onDone Called after the last turn, once, on a later turn of the event loop: a contestant that does too much has the time to.
 */
export function createMeter(
  { ends, warmUp, add = addFact, idleMs = 5_000, onTurn = () => undefined }: MeterConfig,
  onDone: (cost: Cost) => void,
): Meter {
  let delivered = 0;
  let checksum = 0;
  const cpuMs: number[] = [];
  let before = process.cpuUsage();
  let turn = 0;
  /** What begins or ends a turn: so many things done. */
  let edge = 1;
  let isMyTurn = false;

  // `monitorEventLoopDelay` would not see the turn of the loop in which measuring begins, nor the one in which it ends.
  let wallMs = 0;
  let startedAt = 0;
  let tickedAt = 0;
  const delays: number[] = [];
  let ticks: NodeJS.Timeout | undefined;
  const tick = (): void => {
    const now = performance.now();
    if (turn >= warmUp) delays.push(Math.max(0, now - tickedAt - tickMs));
    tickedAt = now;
  };

  const start = (): void => {
    isMyTurn = true;
    startedAt = tickedAt = performance.now();
    ticks = setInterval(tick, tickMs);
    edge = ends[turn] ?? NaN;
  };
  const stop = (): void => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    tick();
    clearInterval(ticks);
    if (turn >= warmUp) {
      cpuMs.push((user + system) / 1_000);
      wallMs += tickedAt - startedAt;
    }
    isMyTurn = false;
    turn += 1;
  };
  const finish = (): void => {
    stop();
    clearInterval(idle);
    delays.sort((a, b) => a - b);
    const cost: Cost = {
      cpuMs,
      wallMs,
      loopDelayP99Ms: delays[Math.floor(delays.length * 0.99)] ?? 0,
      loopDelayMaxMs: delays.at(-1) ?? 0,
      peakMb: process.resourceUsage().maxRSS / 1_024,
    };
    setImmediate(onDone, cost);
  };
  const pass = (): void => {
    if (!isMyTurn) start();
    if (delivered !== edge) return;
    if (turn === ends.length - 1) {
      finish();
      return;
    }
    stop();
    edge = delivered + 1;
    setImmediate(onTurn);
  };

  let lastSeen = -1;
  const idle = setInterval(() => {
    if (isMyTurn && lastSeen === delivered) finish();
    lastSeen = delivered;
  }, idleMs);

  return {
    tally: (fact) => {
      checksum = add(checksum, fact);
      delivered += 1;
      if (delivered === edge) pass();
    },
    sum: () => ({ delivered, checksum }),
  };
}
