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

const contestants = (['import', 'require'] as const).flatMap((by) =>
  (['modules', 'bundle'] as const).map((form) => ({ by, form })),
);

/** Loads the dependencies and then the library, each time in a fresh process. */
export async function measureImports(rounds: number): Promise<ImportsRun[]> {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
  const built = await buildPrograms(['bench/imports/client.ts']);
  try {
    const needed = Object.keys({ ...dependencies, ...peerDependencies });
    const program = join(built.dir, 'imports/client.mjs');
    const loads: (Pick<ImportsRun, 'form'> & ImportsTask)[] = [];
    for (const { by, form } of contestants) {
      const file = await buildLibrary(join(built.dir, by, form), form, by);
      const library = by === 'import' ? pathToFileURL(file).href : file;
      loads.push({ by, form, dependencies: needed, library });
    }
    return await inRounds(rounds, loads, async ({ form, ...task }, round) => ({
      by: task.by,
      form,
      round,
      ...(await runClient<ImportsResult>(program, task)),
    }));
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
