import { join } from 'node:path';
import { buildPrograms } from '../lib/build.js';
import { type Serving, startPartner, startServer } from '../lib/processes.js';
import { type Runner, runRound } from '../lib/runRound.js';
import type { ClientTask } from './begin.js';
import { type ContestantName, entryOf } from './contestants.js';
import type { Order, ServerReady, ServerTask } from './server.js';
import type { Expected } from './traffic.js';
import { deliveredByTurn, type Turns, turnsOf } from './turns.js';

/** A course, and who runs it. */
export interface Heat extends Omit<ServerTask, 'sentBy'> {
  /** What it is called in the results. */
  readonly suite: string;
  readonly names: readonly ContestantName[];
}

export interface HeatsConfig {
  readonly rounds: number;
  /**
   * The share of the messages after which measuring begins: a client runs for weeks, so what counts is what it takes when all of
   * its code is compiled. @default 0.5
   */
  readonly warmUp?: number;
  /** Where `--cpu-prof` leaves a profile of each client. @default no profiles */
  readonly profileDir?: string | undefined;
}

/** The program that runs a contestant. */
interface Program {
  readonly path: string;
  /** Options for Node. */
  readonly nodeArgs: readonly string[];
  readonly profileDir: string | undefined;
}

/** A heat's own server. */
interface Track {
  readonly heat: Heat;
  readonly turns: Turns;
  readonly server: Serving<ServerReady>;
}

/** A contestant's own process. */
interface HeatRunner extends Runner {
  readonly track: Track;
  readonly contestant: ContestantName;
  /** No two of a server's clients have the same. */
  readonly client: number;
}

/** How a client came in. */
export interface Finish<Result> {
  readonly suite: string;
  readonly turns: Turns;
  readonly contestant: ContestantName;
  readonly round: number;
  readonly expected: Expected;
  /** What it said. */
  readonly result: Result;
}

async function open(heat: Heat, warmUp: number, program: string): Promise<Track> {
  const { course, frames, seed } = heat;
  const turns = turnsOf(course, frames, warmUp);
  const task: ServerTask = { course, frames, seed, sentBy: turns.sentBy };
  return { heat, turns, server: await startServer(program, task) };
}

const profiling = ({ profileDir }: Program, suite: string, contestant: string): string[] =>
  profileDir === undefined
    ? []
    : [
        '--cpu-prof',
        `--cpu-prof-dir=${profileDir}`,
        `--cpu-prof-name=${`${suite} ${contestant}`.replaceAll(/\W+/g, '-')}.cpuprofile`,
      ];

function enter(
  track: Track,
  contestant: ContestantName,
  round: number,
  client: number,
  program: Program,
): HeatRunner {
  const { course, suite } = track.heat;
  const { url, expected } = track.server.ready;
  const task: ClientTask = {
    course,
    contestant,
    url: `${url}${client}/`,
    deliveredBy: deliveredByTurn(track.turns, expected[entryOf(contestant).does].delivered),
    warmUp: track.turns.warmUp,
  };
  const args = [...program.nodeArgs, ...profiling(program, suite, contestant)];
  const name = `${suite}, round ${round}: ${contestant}`;
  return { name, track, contestant, client, ...startPartner(program.path, task, args) };
}

/**
 * Serves each heat, and lets all the contestants of all of them run, round by round. In a round everybody has a process of its own,
 * and they take short turns: whatever slows the machine for a second slows all alike.
 *
 * @param client The program that runs a contestant: its path below `bench`, without `.ts`.
 * @param nodeArgs Options for Node.
 */
export async function runHeats<Result>(
  heats: readonly Heat[],
  { rounds, warmUp = 0.5, profileDir }: HeatsConfig,
  client: string,
  nodeArgs: readonly string[] = [],
): Promise<Finish<Result>[]> {
  const built = await buildPrograms(['bench/throughput/server.ts', `bench/${client}.ts`]);
  const program: Program = { path: join(built.dir, `${client}.mjs`), nodeArgs, profileDir };
  const tracks: Track[] = [];
  try {
    for (const heat of heats) tracks.push(await open(heat, warmUp, join(built.dir, 'throughput/server.mjs')));
    const field = tracks.flatMap((track) => track.heat.names.map((contestant) => ({ track, contestant })));
    const finishes: Finish<Result>[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const runners = field.map(({ track, contestant }, place) =>
        enter(track, contestant, round, round * field.length + place, program),
      );
      const results = await runRound<Result, HeatRunner>(runners, ({ track, client }, turn) =>
        track.server.say({ client, turn } satisfies Order),
      );
      finishes.push(
        ...runners.map((runner, place) => ({
          suite: runner.track.heat.suite,
          turns: runner.track.turns,
          contestant: runner.contestant,
          round,
          expected: runner.track.server.ready.expected,
          result: results[place] as Result,
        })),
      );
    }
    return finishes;
  } finally {
    await Promise.all(tracks.map(({ server }) => server.stop()));
    built.remove();
  }
}
