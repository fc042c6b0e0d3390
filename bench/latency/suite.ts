import { join } from 'node:path';
import { buildPrograms } from '../lib/build.js';
import { startPartner, startServer } from '../lib/processes.js';
import { type Runner, runRound } from '../lib/runRound.js';
import type { BenchSuite } from '../suite.js';
import type { LatencyResult, LatencyTask } from './client.js';
import { isRight, type LatencyRun, toMarkdown, toTargets } from './report.js';
import type { Arrivals } from './paces.js';
import type { PacedOrder, PacedReady } from './server.js';
import { type TakerName, takers } from './takers.js';

export interface LatencyConfig {
  readonly names: readonly TakerName[];
  readonly arrivals: Arrivals;
  readonly rounds: number;
  readonly perSecond: number;
  readonly turns: number;
  /** Trades of a turn. */
  readonly each: number;
}

interface LatencyRunner extends Runner {
  readonly client: number;
}

/** Lets each contestant take the same trades at the same pace, in short turns; in each round all have processes of their own. */
export async function measureLatency({
  names,
  arrivals,
  rounds,
  perSecond,
  turns,
  each,
}: LatencyConfig): Promise<LatencyRun[]> {
  const built = await buildPrograms(['bench/latency/server.ts', 'bench/latency/client.ts']);
  const runs: LatencyRun[] = [];
  try {
    const server = await startServer<PacedReady>(join(built.dir, 'latency/server.mjs'), {});
    try {
      for (let round = 0; round < rounds; round += 1) {
        const runners = names.map((taker, place): LatencyRunner => {
          const client = round * names.length + place;
          const url = `${server.ready.url}/?client=${client}&perSecond=${perSecond}&arrivals=${arrivals}`;
          const task: LatencyTask = { taker, url, turns, each };
          const name = `latency, ${arrivals}, round ${round}: ${taker}`;
          return { name, client, ...startPartner(join(built.dir, 'latency/client.mjs'), task) };
        });
        const results = await runRound<LatencyResult, LatencyRunner>(runners, ({ client }) =>
          server.say({ client, count: each } satisfies PacedOrder),
        );
        for (const [place, taker] of names.entries())
          runs.push({ taker, arrivals, round, total: turns * each, ...(results[place] as LatencyResult) });
      }
      return runs;
    } finally {
      await server.stop();
    }
  } finally {
    built.remove();
  }
}

/** How long a trade is on its way at 20 000 a second, from the server's write to the listener: each alone, and 20 each millisecond. */
export const latency: BenchSuite = {
  name: 'latency',
  run: async ({ quick, contestants }) => {
    const names = (Object.keys(takers) as TakerName[]).filter((name) => contestants?.includes(name) ?? true);
    const runs: LatencyRun[] = [];
    for (const arrivals of ['poisson', 'bursts'] as const) {
      const some = await measureLatency({
        names,
        arrivals,
        rounds: quick ? 1 : 4,
        perSecond: 20_000,
        // Half of them warm up: 140 000 trades, as a Map that keeps 100 000 keys, old ones for new, doubles last at the 131 073rd.
        turns: quick ? 10 : 56,
        each: 5_000,
      });
      runs.push(...some);
    }
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
