import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildPrograms } from '../lib/build.js';
import { inRounds } from '../lib/inRounds.js';
import { runClient } from '../lib/processes.js';
import type { BenchSuite } from '../suite.js';
import { buildLibrary, type Form } from './buildLibrary.js';
import type { ImportsResult, ImportsTask } from './client.js';
import { type ImportsRun, isRight, toMarkdown, toTargets } from './report.js';

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** Loads the dependencies, and the dependencies and then the library, each time in a fresh process. */
export async function measureImports(rounds: number): Promise<ImportsRun[]> {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
  const built = await buildPrograms(['bench/imports/client.ts']);
  try {
    const needed = Object.keys({ ...dependencies, ...peerDependencies });
    const withMillrace = async (form: Form): Promise<readonly string[]> => [
      ...needed,
      pathToFileURL(await buildLibrary(join(built.dir, form), form)).href,
    ];
    const loads = {
      dependencies: needed,
      modules: await withMillrace('modules'),
      'one file': await withMillrace('one file'),
    };
    const names = ['dependencies', 'modules', 'one file'] as const;
    const program = join(built.dir, 'imports/client.mjs');
    return await inRounds(rounds, names, async (what, round) => {
      const task: ImportsTask = { modules: loads[what] };
      return { what, round, ...(await runClient<ImportsResult>(program, task)) };
    });
  } finally {
    built.remove();
  }
}

/** What `import 'millrace'` costs over what it imports. */
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
