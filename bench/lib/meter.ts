import { performance } from 'node:perf_hooks';

/** What a client's work cost, from the end of the warm-up to its last message. */
export interface Cost {
  /** Time of all cores, garbage collection and compilation included, ms, turn by turn; to wait for the next one included. */
  readonly cpuMs: readonly number[];
  /** Of all these turns, waiting left out. */
  readonly wallMs: number;
  /** How late a timer was at most, ms: never later than its turn is long. */
  readonly loopDelayMaxMs: number;
  /** The most memory the process ever held, MB. */
  readonly peakMb: number;
}

/** A timer of this period tells how late timers are, ms. */
const tickMs = 10;

export interface Meter {
  /** A turn begins. */
  readonly start: () => void;
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
  readonly deliveredBy: readonly number[];
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
 * Counts what a contestant does, and measures what it costs once it has warmed up. It works in turns. CPU time is read at the end of
 * each, so that what it leaves to be done later, and what it takes to wait, is part of the next; of the rest nothing is measured
 * between two turns.
 *
 * @param onDone Called after the last turn, once, on a later turn of the event loop: a contestant that does too much has the time to.
 */
export function createMeter(
  { deliveredBy, warmUp, add = addFact, idleMs = 5_000, onTurn = () => undefined }: MeterConfig,
  onDone: (cost: Cost) => void,
): Meter {
  let delivered = 0;
  let checksum = 0;
  let turn = 0;
  /** With how many the turn ends; NaN between two, and after the last: what comes then ends nothing. */
  let end = NaN;
  let before = process.cpuUsage();
  const cpuMs: number[] = [];

  // `monitorEventLoopDelay` would not see the turn of the loop in which measuring begins, nor the one in which it ends.
  let wallMs = 0;
  let startedAt = 0;
  let tickedAt = 0;
  let loopDelayMaxMs = 0;
  let ticks: NodeJS.Timeout | undefined;
  const tick = (): void => {
    const now = performance.now();
    if (turn >= warmUp) loopDelayMaxMs = Math.max(loopDelayMaxMs, now - tickedAt - tickMs);
    tickedAt = now;
  };

  let idle: NodeJS.Timeout | undefined;
  let lastSeen = -1;
  const look = (): void => {
    if (lastSeen === delivered) finish();
    lastSeen = delivered;
  };

  const start = (): void => {
    end = deliveredBy[turn] ?? NaN;
    startedAt = tickedAt = performance.now();
    ticks = setInterval(tick, tickMs);
    idle = setInterval(look, idleMs);
  };
  const stop = (): void => {
    const usage = process.cpuUsage();
    tick();
    if (turn >= warmUp) {
      cpuMs.push((usage.user - before.user + usage.system - before.system) / 1_000);
      wallMs += tickedAt - startedAt;
    }
    before = usage;
    turn += 1;
    end = NaN;
    clearInterval(ticks);
    clearInterval(idle);
  };
  const finish = (): void => {
    stop();
    const peakMb = process.resourceUsage().maxRSS / 1_024;
    setImmediate(onDone, { cpuMs, wallMs, loopDelayMaxMs, peakMb } satisfies Cost);
  };
  const pass = (): void => {
    if (turn === deliveredBy.length - 1) {
      finish();
      return;
    }
    stop();
    setImmediate(onTurn);
  };

  return {
    start,
    tally: (fact) => {
      checksum = add(checksum, fact);
      delivered += 1;
      if (delivered === end) pass();
    },
    sum: () => ({ delivered, checksum }),
  };
}
