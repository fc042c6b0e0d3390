import { join } from 'node:path';
import { buildPrograms } from '../lib/build.js';
import { inRounds } from '../lib/inRounds.js';
import { runClient, startServer } from '../lib/processes.js';
import type { ClientTask } from './begin.js';
import type { ClientResult } from './client.js';
import { type ContestantName, entryOf } from './contestants.js';
import type { ServerReady, ServerTask } from './server.js';
import type { Expected, Outcome } from './traffic.js';

/** One contestant's one run: a line of the results. */
export interface Run {
  /** What it was a race of. */
  readonly suite: string;
  readonly contestant: string;
  readonly round: number;
  /** Exactly what was to be made of the traffic; the figures of a run that is not right count for nothing. */
  readonly isRight: boolean;
  readonly outcome: Outcome;
  /** Time of all cores per frame, and from the first to the last of those measured, µs. */
  readonly cpuUs: number;
  readonly wallUs: number;
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  readonly peakMb: number;
}

/**
 * The warm-up of what is compared at its steadiest: the costs of a message settle long after its code is compiled, at different times
 * for different contestants. See docs/performance.md.
 */
export const LONG_WARM_UP = 0.75;

export interface RaceConfig extends ServerTask {
  /** What it is called in the results. */
  readonly suite: string;
  readonly rounds: number;
  readonly names: readonly ContestantName[];
  /**
   * The share of the messages after which measuring begins: a client runs for weeks, so what counts is what it takes when all of
   * its code is compiled. @default 0.5
   */
  readonly warmUp?: number;
  /** Where `--cpu-prof` leaves a profile of each client. @default no profiles */
  readonly profileDir?: string | undefined;
}

/** Every fact that the contestant tells is the expected one; who does not watch for gaps tells of none. */
export const isRight = (outcome: Outcome, expected: Outcome, skims = false): boolean =>
  outcome.delivered === expected.delivered &&
  outcome.checksum === expected.checksum &&
  outcome.duplicates + outcome.rejected === expected.duplicates + expected.rejected &&
  (skims || outcome.rejected === expected.rejected) &&
  (outcome.gaps === undefined || outcome.gaps === expected.gaps);

const rounded = (value: number): number => Number(value.toFixed(3));

export function toRun(
  { suite, frames }: Pick<RaceConfig, 'suite' | 'frames'>,
  contestant: ContestantName,
  round: number,
  expected: Expected,
  { outcome, measured, cpuMs, wallMs, loopDelayP99Ms, loopDelayMaxMs, peakMb }: ClientResult,
): Run {
  const messages = frames * measured;
  const { does, skims } = entryOf(contestant);
  return {
    suite,
    contestant,
    round,
    isRight: isRight(outcome, expected[does], skims),
    outcome,
    cpuUs: rounded((cpuMs * 1_000) / messages),
    wallUs: rounded((wallMs * 1_000) / messages),
    loopDelayP99Ms: rounded(loopDelayP99Ms),
    loopDelayMaxMs: rounded(loopDelayMaxMs),
    peakMb: Math.round(peakMb),
  };
}

/** A wrong run, for who reads the report. */
export const told = ({ suite, contestant, round, outcome }: Omit<Run, 'isRight'>): string =>
  `${suite}, round ${round}: ${contestant} is wrong: ${JSON.stringify(outcome)}`;

const profiling = (profileDir: string | undefined, suite: string, contestant: string): string[] =>
  profileDir === undefined
    ? []
    : [
        '--cpu-prof',
        `--cpu-prof-dir=${profileDir}`,
        `--cpu-prof-name=${`${suite} ${contestant}`.replaceAll(/\W+/g, '-')}.cpuprofile`,
      ];

/** How a client came in. */
interface Finish<Result> {
  readonly contestant: ContestantName;
  readonly round: number;
  readonly expected: Expected;
  /** What it said. */
  readonly result: Result;
}

/**
 * Serves a course, and lets the contestants run it round by round, one client process at a time.
 *
 * @param client The program that runs a contestant.
 * @param nodeArgs Options for Node.
 */
export async function raceWith<Result>(
  { suite, rounds, names, warmUp = 0.5, profileDir, ...task }: RaceConfig,
  client: string,
  nodeArgs: readonly string[] = [],
): Promise<Finish<Result>[]> {
  const built = await buildPrograms(['bench/throughput/server.ts', `bench/${client}.ts`]);
  try {
    const server = await startServer<ServerReady>(join(built.dir, 'throughput/server.mjs'), task);
    const { url, expected } = server.ready;
    try {
      return await inRounds(rounds, names, async (contestant, round) => {
        const { delivered: total } = expected[entryOf(contestant).does];
        const job: ClientTask = { course: task.course, contestant, url, total, warmUp };
        const args = [...nodeArgs, ...profiling(profileDir, suite, contestant)];
        const result = await runClient<Result>(join(built.dir, `${client}.mjs`), job, args);
        return { contestant, round, expected, result };
      });
    } finally {
      await server.stop();
    }
  } finally {
    built.remove();
  }
}

/** Lets the contestants do the same job on the same bytes. */
export async function race(config: RaceConfig): Promise<Run[]> {
  const finishes = await raceWith<ClientResult>(config, 'throughput/client');
  return finishes.map(({ contestant, round, expected, result }) =>
    toRun(config, contestant, round, expected, result),
  );
}
