import { join } from 'node:path';
import { buildPrograms } from '../lib/build.js';
import { type Partner, type Serving, startClient, startServer } from '../lib/processes.js';
import type { ClientTask } from './begin.js';
import { type ContestantName, entryOf } from './contestants.js';
import type { Order, ServerReady, ServerTask } from './server.js';
import type { Expected } from './traffic.js';
import { deliveredBy, type Turns, turnsOf } from './turns.js';

/** A course, and who runs it. */
export interface Heat extends Omit<ServerTask, 'ends'> {
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
interface Runner extends Partner {
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
  const task: ServerTask = { course, frames, seed, ends: turns.ends };
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

function enter(track: Track, contestant: ContestantName, client: number, program: Program): Runner {
  const { course, suite } = track.heat;
  const { url, expected } = track.server.ready;
  const task: ClientTask = {
    course,
    contestant,
    url: `${url}${client}/`,
    ends: deliveredBy(track.turns, course, expected[entryOf(contestant).does].delivered),
    warmUp: track.turns.warmUp,
  };
  const args = [...program.nodeArgs, ...profiling(program, suite, contestant)];
  return { track, contestant, client, ...startClient(program.path, task, args) };
}

/** One at a time, every second time in reverse order, until all have come in; by what each said at its end. */
async function takeTurns<Result>(runners: readonly Runner[], round: number): Promise<Result[]> {
  const results = new Map<Runner, Result>();
  for (let turn = 0; results.size < runners.length; turn += 1) {
    for (const runner of (round + turn) % 2 === 0 ? runners : runners.toReversed()) {
      const { track, client } = runner;
      if (results.has(runner) || turn >= track.turns.ends.length) continue;
      track.server.say({ client, turn } satisfies Order);
      const said = await runner.hear<Result | 'turn'>();
      if (said !== 'turn') results.set(runner, said);
    }
  }
  return runners.map((runner) => results.get(runner) as Result);
}

/**
 * Serves each heat, and lets all the contestants of all of them run, round by round. In a round everybody has a process of its own,
 * and they take short turns: whatever slows the machine for a second slows all alike.
 *
 * @param client The program that runs a contestant, in this folder's own.
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
  let runners: Runner[] = [];
  try {
    for (const heat of heats) tracks.push(await open(heat, warmUp, join(built.dir, 'throughput/server.mjs')));
    const field = tracks.flatMap((track) => track.heat.names.map((contestant) => ({ track, contestant })));
    const finishes: Finish<Result>[] = [];
    for (let round = 0; round < rounds; round += 1) {
      runners = field.map(({ track, contestant }, place) =>
        enter(track, contestant, round * field.length + place, program),
      );
      for (const [place, result] of (await takeTurns<Result>(runners, round)).entries()) {
        const { track, contestant } = field[place] as (typeof field)[number];
        const { heat, turns, server } = track;
        finishes.push({
          suite: heat.suite,
          turns,
          contestant,
          round,
          expected: server.ready.expected,
          result,
        });
      }
    }
    return finishes;
  } finally {
    // Where one failed the others still wait.
    await Promise.all(runners.map(({ kill }) => kill()));
    await Promise.all(tracks.map(({ server }) => server.stop()));
    built.remove();
  }
}
