import { join } from 'node:path';
import type { PacedReady } from '../latency/server.js';
import { buildPrograms } from '../lib/build.js';
import { inRounds } from '../lib/inRounds.js';
import { runClient, startServer } from '../lib/processes.js';
import type { BenchSuite } from '../suite.js';
import type { HolderName, IdleResult, IdleTask } from './client.js';
import { type IdleRun, isRight, toMarkdown, toTargets } from './report.js';

export interface IdleConfig {
  readonly rounds: number;
  readonly connections: number;
  /** Over each connection, before it is measured. */
  readonly messages: readonly number[];
}

const holders: readonly HolderName[] = ['nothing', 'ws', 'millrace'];

/** Holds connections in a process of its own each time, and asks it what it holds. */
export async function measureIdle({ rounds, connections, messages: counts }: IdleConfig): Promise<IdleRun[]> {
  const built = await buildPrograms(['bench/latency/server.ts', 'bench/idle/client.ts']);
  try {
    const server = await startServer<PacedReady>(join(built.dir, 'latency/server.mjs'), {});
    try {
      const tasks = counts.flatMap((messages) => holders.map((holder) => ({ holder, messages })));
      return await inRounds(rounds, tasks, async ({ holder, messages }, round) => {
        const url = `${server.ready.url}/?count=${messages}&streams=2`;
        const task: IdleTask = { holder, url, connections, messages };
        const program = join(built.dir, 'idle/client.mjs');
        return {
          holder,
          round,
          connections,
          messages,
          ...(await runClient<IdleResult>(program, task, ['--expose-gc'])),
        };
      });
    } finally {
      await server.stop();
    }
  } finally {
    built.remove();
  }
}

/** What a connection costs in memory on which nothing comes: a feed of two streams with every default. */
export const idle: BenchSuite = {
  name: 'idle',
  run: async ({ quick }) => {
    const runs = await measureIdle({
      rounds: quick ? 1 : 3,
      connections: 500,
      messages: quick ? [0] : [0, 1_000],
    });
    return {
      name: 'idle',
      title: 'Idle connections',
      runs,
      markdown: toMarkdown(runs),
      targets: toTargets(runs),
      wrong: runs
        .filter((run) => !isRight(run))
        .map((run) => `idle: ${run.holder} is wrong: ${JSON.stringify(run)}`),
    };
  },
};
