import { join } from 'node:path';
import { buildPrograms } from '../lib/build.js';
import { inRounds } from '../lib/inRounds.js';
import { runClient, startServer } from '../lib/processes.js';
import type { ClientResult, ClientTask } from './client.js';
import { type ContestantName, contestants } from './contestants.js';
import type { ServerReady, ServerTask } from './server.js';
import type { Expected, Outcome } from './traffic.js';

/** One contestant's one run: a line of `bench/results/throughput.json`. */
export interface Run {
  readonly suite: string;
  readonly contestant: string;
  readonly round: number;
  /** Exactly what was to be made of the traffic; the figures of a run that is not right count for nothing. */
  readonly isRight: boolean;
  readonly outcome: Outcome;
  /** Time of all cores per message, and from the first to the last of those measured, µs. */
  readonly cpuUs: number;
  readonly wallUs: number;
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  readonly peakMb: number;
}

export interface RaceConfig extends ServerTask {
  readonly rounds: number;
  readonly names: readonly ContestantName[];
  /** Where `--cpu-prof` leaves a profile of each client. @default no profiles */
  readonly profileDir?: string;
}

/** Every fact that the contestant tells is the expected one; who does not watch for gaps tells of none. */
export const isRight = (outcome: Outcome, expected: Outcome): boolean =>
  outcome.delivered === expected.delivered &&
  outcome.checksum === expected.checksum &&
  outcome.duplicates === expected.duplicates &&
  outcome.rejected === expected.rejected &&
  (outcome.gaps === undefined || outcome.gaps === expected.gaps);

const rounded = (value: number): number => Number(value.toFixed(3));

export function toRun(
  { suite, frames }: ServerTask,
  contestant: ContestantName,
  round: number,
  expected: Expected,
  { outcome, measured, cpuMs, wallMs, loopDelayP99Ms, loopDelayMaxMs, peakMb }: ClientResult,
): Run {
  const messages = frames * measured;
  return {
    suite,
    contestant,
    round,
    isRight: isRight(outcome, expected[contestants[contestant].does]),
    outcome,
    cpuUs: rounded((cpuMs * 1_000) / messages),
    wallUs: rounded((wallMs * 1_000) / messages),
    loopDelayP99Ms: rounded(loopDelayP99Ms),
    loopDelayMaxMs: rounded(loopDelayMaxMs),
    peakMb: Math.round(peakMb),
  };
}

/** Lets the contestants do the same job on the same bytes, round by round, one client process at a time. */
export async function race({ rounds, names, profileDir, ...task }: RaceConfig): Promise<Run[]> {
  const built = await buildPrograms(['bench/throughput/server.ts', 'bench/throughput/client.ts']);
  const profiling = ({ suite, contestant }: ClientTask): string[] =>
    profileDir === undefined
      ? []
      : [
          '--cpu-prof',
          `--cpu-prof-dir=${profileDir}`,
          `--cpu-prof-name=${suite}-${contestant.replaceAll(/\W+/g, '-')}.cpuprofile`,
        ];
  const program = (name: string): string => join(built.dir, `throughput/${name}.mjs`);
  try {
    const server = await startServer<ServerReady>(program('server'), task);
    const { url, expected } = server.ready;
    try {
      return await inRounds(rounds, names, async (contestant, round) => {
        const total = expected[contestants[contestant].does].delivered;
        const job: ClientTask = { suite: task.suite, contestant, url, total };
        const result = await runClient<ClientResult>(program('client'), job, profiling(job));
        return toRun(task, contestant, round, expected, result);
      });
    } finally {
      await server.stop();
    }
  } finally {
    built.remove();
  }
}
