import { join } from 'node:path';
import { buildPrograms } from '../lib/build.js';
import { inRounds } from '../lib/inRounds.js';
import { runClient, startServer } from '../lib/processes.js';
import type { BenchSuite } from '../suite.js';
import type { LatencyResult, LatencyTask } from './client.js';
import { isRight, type LatencyRun, toMarkdown, toTargets } from './report.js';
import type { PacedReady } from './server.js';
import { type TakerName, takers } from './takers.js';

export interface LatencyConfig {
  readonly names: readonly TakerName[];
  readonly rounds: number;
  readonly perSecond: number;
  readonly seconds: number;
}

/** Lets each contestant take the same trades at the same pace, one client process at a time. */
export async function measureLatency({
  names,
  rounds,
  perSecond,
  seconds,
}: LatencyConfig): Promise<LatencyRun[]> {
  const built = await buildPrograms(['bench/latency/server.ts', 'bench/latency/client.ts']);
  try {
    const server = await startServer<PacedReady>(join(built.dir, 'latency/server.mjs'), {});
    try {
      return await inRounds(rounds, names, async (taker, round) => {
        const total = perSecond * seconds;
        const url = `${server.ready.url}/?count=${total}&perSecond=${perSecond}`;
        const task: LatencyTask = { taker, url, total };
        const result = await runClient<LatencyResult>(join(built.dir, 'latency/client.mjs'), task);
        return { taker, round, total, ...result };
      });
    } finally {
      await server.stop();
    }
  } finally {
    built.remove();
  }
}

/** How long a trade is on its way at 20 000 a second, 20 each millisecond, from the server's write to the listener. */
export const latency: BenchSuite = {
  name: 'latency',
  run: async ({ quick, contestants }) => {
    const names = (Object.keys(takers) as TakerName[]).filter((name) => contestants?.includes(name) ?? true);
    const runs = await measureLatency({
      names,
      rounds: quick ? 1 : 11,
      perSecond: 20_000,
      seconds: quick ? 2 : 6,
    });
    return {
      name: 'latency',
      title: 'Delay at 20 000 trades a second',
      runs,
      markdown: toMarkdown(runs),
      targets: toTargets(runs),
      wrong: runs
        .filter((run) => !isRight(run))
        .map((run) => `latency: ${run.taker} is wrong: ${JSON.stringify(run)}`),
    };
  },
};
