import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildPrograms } from '../lib/build.js';
import { inRounds } from '../lib/inRounds.js';
import { runClient } from '../lib/processes.js';
import type { BenchSuite } from '../suite.js';
import { buildLibrary } from './buildLibrary.js';
import type { ImportsResult, ImportsTask } from './client.js';
import { type ImportsRun, isRight, toMarkdown, toTargets } from './report.js';

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const whats = ['dependencies', 'modules', 'bundle'] as const;
const contestants = (['import', 'require'] as const).flatMap((by) => whats.map((what) => ({ by, what })));

/** Loads the dependencies, and the dependencies and then the library, each time in a fresh process. */
export async function measureImports(rounds: number): Promise<ImportsRun[]> {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
  const built = await buildPrograms(['bench/imports/client.ts']);
  try {
    const needed = Object.keys({ ...dependencies, ...peerDependencies });
    const program = join(built.dir, 'imports/client.mjs');
    const loads: (Pick<ImportsRun, 'what'> & ImportsTask)[] = [];
    for (const { by, what } of contestants) {
      if (what === 'dependencies') {
        loads.push({ by, what, modules: needed });
        continue;
      }
      const file = await buildLibrary(join(built.dir, by, what), what, by);
      const module = by === 'import' ? pathToFileURL(file).href : file;
      loads.push({ by, what, modules: [...needed, module] });
    }
    return await inRounds(rounds, loads, async ({ by, what, modules }, round) => {
      const task: ImportsTask = { by, modules };
      return { by, what, round, ...(await runClient<ImportsResult>(program, task)) };
    });
  } finally {
    built.remove();
  }
}

/** What `import 'millrace'` and `require('millrace')` cost over what they load besides. */
export const imports: BenchSuite = {
  name: 'imports',
  run: async ({ quick }) => {
    const runs = await measureImports(quick ? 5 : 31);
    return {
      name: 'imports',
      title: 'Loading',
      runs,
      markdown: toMarkdown(runs),
      targets: toTargets(runs),
      wrong: runs
        .filter((run) => !isRight(run))
        .map((run) => `imports: nothing loaded: ${JSON.stringify(run)}`),
    };
  },
};
