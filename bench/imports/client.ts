import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import type { LoadedBy } from './buildLibrary.js';

/** What a client is told to load: first what the library needs, then the library. */
export interface ImportsTask {
  readonly by: LoadedBy;
  readonly dependencies: readonly string[];
  readonly library: string;
}

/** How long each took, ms. */
export interface ImportsResult {
  readonly dependenciesMs: number;
  readonly libraryMs: number;
  /** Names that the dependencies export, all together. */
  readonly needed: number;
  /** Names that the library exports. */
  readonly names: number;
}

const { by, dependencies, library } = JSON.parse(process.argv[2] ?? '') as ImportsTask;
const require = createRequire(import.meta.url);
const load = async (module: string): Promise<number> =>
  Object.keys((by === 'import' ? await import(module) : require(module)) as object).length;

const startedAt = performance.now();
let needed = 0;
for (const module of dependencies) needed += await load(module);
const midAt = performance.now();
const names = await load(library);
const result: ImportsResult = {
  dependenciesMs: midAt - startedAt,
  libraryMs: performance.now() - midAt,
  needed,
  names,
};
console.log(JSON.stringify(result));
