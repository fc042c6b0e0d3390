import { join } from 'node:path';
import { buildPrograms } from '../lib/build.js';
import { inRounds } from '../lib/inRounds.js';
import { runClient } from '../lib/processes.js';
import type { BenchSuite } from '../suite.js';
import { type CaseName, cases } from './cases.js';
import type { MicroResult, MicroTask } from './client.js';
import { isRight, type MicroRun, toMarkdown, toTargets } from './report.js';

export interface MicroConfig extends Omit<MicroTask, 'name'> {
  readonly names: readonly CaseName[];
  readonly rounds: number;
}

/** MB of each half of the young generation, from the start: more than a stretch allocates. */
const youngMb = 64;
const nodeArgs = ['--expose-gc', `--min-semi-space-size=${youngMb}`, `--max-semi-space-size=${youngMb}`];

/** Lets each thing work alone in a process of its own. */
export async function measureMicro({ names, rounds, ...task }: MicroConfig): Promise<MicroRun[]> {
  const built = await buildPrograms(['bench/micro/client.ts']);
  const program = join(built.dir, 'micro/client.mjs');
  try {
    return await inRounds(rounds, names, async (name, round) => ({
      name,
      round,
      ...(await runClient<MicroResult>(program, { name, ...task } satisfies MicroTask, nodeArgs)),
    }));
  } finally {
    built.remove();
  }
}

/** What each part costs alone, in time and in garbage. */
export const micro: BenchSuite = {
  name: 'micro',
  run: async ({ quick }) => {
    const runs = await measureMicro({
      names: Object.keys(cases) as CaseName[],
      rounds: quick ? 1 : 3,
      warmUp: quick ? 6 : 20,
      stretches: quick ? 6 : 20,
    });
    return {
      name: 'micro',
      title: 'Each part alone',
      runs,
      markdown: toMarkdown(runs),
      targets: toTargets(runs),
      wrong: runs
        .filter((run) => !isRight(run))
        .map(({ name, due, done }) => `micro: ${name} is wrong: ${done} of ${due}`),
    };
  },
};
