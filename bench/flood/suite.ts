import { join } from 'node:path';
import type { PacedReady } from '../latency/server.js';
import type { TakerName } from '../latency/takers.js';
import { buildPrograms } from '../lib/build.js';
import { inRounds } from '../lib/inRounds.js';
import { runClient, startServer } from '../lib/processes.js';
import type { BenchSuite } from '../suite.js';
import type { FloodTask } from './client.js';
import type { FullSpeedResult } from './fullSpeed.js';
import { type FloodRun, isRight, toMarkdown, toTargets } from './report.js';
import type { SlowSinkResult } from './slowSink.js';
import type { StallResult } from './stall.js';

/** One row of a table: what runs once a round. */
export type Scene =
  | { readonly kind: 'slow sink'; readonly taker: TakerName }
  | { readonly kind: 'full speed'; readonly taker: TakerName; readonly sockets: number }
  | { readonly kind: 'stall'; readonly traffic: string; readonly query: string };

export interface FloodConfig {
  readonly scenes: readonly Scene[];
  readonly rounds: number;
  readonly slowSeconds: number;
  readonly fullSeconds: number;
  readonly blockMs: number;
}

/** Into a slow sink, which takes at most 25 000. */
const perSecondIn = 60_000;

/** Plays the scenes, one client process at a time. */
export async function measureFlood({
  scenes,
  rounds,
  slowSeconds,
  fullSeconds,
  blockMs,
}: FloodConfig): Promise<FloodRun[]> {
  const built = await buildPrograms(['bench/latency/server.ts', 'bench/flood/client.ts']);
  const client = <T>(task: FloodTask, nodeArgs: readonly string[] = []): Promise<T> =>
    runClient<T>(join(built.dir, 'flood/client.mjs'), task, nodeArgs);
  const play = async (scene: Scene, url: string, round: number): Promise<FloodRun> => {
    const { kind } = scene;
    if (kind === 'slow sink') {
      const task = { ...scene, url: `${url}/?perSecond=${perSecondIn}`, workUs: 40, seconds: slowSeconds };
      return { ...scene, round, perSecondIn, ...(await client<SlowSinkResult>(task, ['--expose-gc'])) };
    }
    if (kind === 'full speed') {
      return { ...scene, round, ...(await client<FullSpeedResult>({ ...scene, url, seconds: fullSeconds })) };
    }
    const { traffic, query } = scene;
    const task = { kind, url: `${url}/${query}`, blockMs };
    return { traffic, round, ...(await client<StallResult>(task)) };
  };
  try {
    return await inRounds(rounds, scenes, async (scene, round) => {
      // A server of its own for each: who was slow leaves much behind in it.
      const server = await startServer<PacedReady>(join(built.dir, 'latency/server.mjs'), {});
      try {
        return await play(scene, server.ready.url, round);
      } finally {
        await server.stop();
      }
    });
  } finally {
    built.remove();
  }
}

const full = (taker: TakerName, sockets: number): Scene => ({ kind: 'full speed', taker, sockets });

const slow = (taker: TakerName): Scene => ({ kind: 'slow sink', taker });

const scenes: readonly Scene[] = [
  slow('millrace'),
  full('ws + JSON.parse', 0),
  full('ws + JSON.parse', 1),
  full('reference', 1),
  full('millrace', 1),
  full('ws + JSON.parse', 10),
  full('millrace', 10),
  { kind: 'stall', traffic: 'full speed', query: '' },
];
/** Only in a whole run. */
const moreScenes: readonly Scene[] = [
  slow('reference'),
  full('reference', 10),
  { kind: 'stall', traffic: '1 000 a second', query: '?perSecond=1000' },
];

/** What becomes of age, memory and timers when more comes than can be worked off. */
export const flood: BenchSuite = {
  name: 'flood',
  run: async ({ quick, contestants }) => {
    const isAsked = (scene: Scene): boolean =>
      contestants?.includes(scene.kind === 'stall' ? 'millrace' : scene.taker) ?? true;
    const runs = await measureFlood({
      scenes: [...scenes, ...(quick ? [] : moreScenes)].filter(isAsked),
      rounds: quick ? 1 : 3,
      slowSeconds: quick ? 2 : 10,
      fullSeconds: quick ? 1 : 5,
      blockMs: 2_000,
    });
    return {
      name: 'flood',
      title: 'More than can be worked off',
      runs,
      markdown: toMarkdown(runs),
      targets: toTargets(runs),
      wrong: runs
        .filter((run) => !isRight(run))
        .map((run) => `flood: ${run.kind} is wrong: ${JSON.stringify(run)}`),
    };
  },
};
