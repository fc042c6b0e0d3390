import type { ClientResult } from './client.js';
import { type ContestantName, entryOf } from './contestants.js';
import { type Heat, type HeatsConfig, runHeats } from './runHeats.js';
import type { Expected, Outcome } from './traffic.js';
import type { Turns } from './turns.js';

/** One contestant's one run: a line of the results. */
export interface Run {
  /** What it was a race of. */
  readonly suite: string;
  readonly contestant: string;
  readonly round: number;
  /** Exactly what was to be made of the traffic; the figures of a run that is not right count for nothing. */
  readonly isRight: boolean;
  readonly outcome: Outcome;
  /** Time of all cores per frame, µs, in each turn that is measured. */
  readonly cpuUs: readonly number[];
  /** From the first to the last frame of its turns, µs a frame. */
  readonly wallUs: number;
  /** Within its turns. */
  readonly loopDelayMaxMs: number;
  readonly peakMb: number;
}

/**
 * The warm-up of what is compared at its steadiest: the costs of a message settle long after its code is compiled, at different times
 * for different contestants. See docs/performance.md.
 */
export const LONG_WARM_UP = 0.75;

/** Every fact that the contestant tells is the expected one; who does not watch for gaps tells of none. */
export const isRight = (outcome: Outcome, expected: Outcome, skims = false): boolean =>
  outcome.delivered === expected.delivered &&
  outcome.checksum === expected.checksum &&
  outcome.duplicates + outcome.rejected === expected.duplicates + expected.rejected &&
  (skims || outcome.rejected === expected.rejected) &&
  (outcome.gaps === undefined || outcome.gaps === expected.gaps);

const rounded = (value: number): number => Number(value.toFixed(3));

function toRun(
  { suite, turns: { sentBy, warmUp } }: { readonly suite: string; readonly turns: Turns },
  contestant: ContestantName,
  round: number,
  expected: Expected,
  { outcome, cpuMs, wallMs, loopDelayMaxMs, peakMb }: ClientResult,
): Run {
  const framesOf = (from: number, to: number): number => (sentBy[to] ?? NaN) - (sentBy[from] ?? 0);
  const all = framesOf(warmUp - 1, sentBy.length - 1);
  const { does, skims } = entryOf(contestant);
  return {
    suite,
    contestant,
    round,
    isRight: isRight(outcome, expected[does], skims),
    outcome,
    cpuUs: cpuMs.map((ms, turn) => rounded((ms * 1_000) / framesOf(warmUp + turn - 1, warmUp + turn))),
    wallUs: rounded((wallMs * 1_000) / all),
    loopDelayMaxMs: rounded(loopDelayMaxMs),
    peakMb: Math.round(peakMb),
  };
}

/** A wrong run, for who reads the report. */
export const told = ({ suite, contestant, round, outcome }: Omit<Run, 'isRight'>): string =>
  `${suite}, round ${round}: ${contestant} is wrong: ${JSON.stringify(outcome)}`;

/** Lets the contestants do the same job on the same bytes. */
export async function race(heats: readonly Heat[], config: HeatsConfig): Promise<Run[]> {
  const finishes = await runHeats<ClientResult>(heats, config, 'throughput/client');
  return finishes.map(({ contestant, round, expected, result, ...finish }) =>
    toRun(finish, contestant, round, expected, result),
  );
}
