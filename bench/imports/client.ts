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
  /** Names that the library exports. */
  readonly names: number;
}

const { by, dependencies, library } = JSON.parse(process.argv[2] ?? '') as ImportsTask;
const require = createRequire(import.meta.url);
const load = async (module: string): Promise<object> =>
  (by === 'import' ? await import(module) : require(module)) as object;

const startedAt = performance.now();
for (const module of dependencies) await load(module);
const midAt = performance.now();
const loaded = await load(library);
const result: ImportsResult = {
  dependenciesMs: midAt - startedAt,
  libraryMs: performance.now() - midAt,
  names: Object.keys(loaded).length,
};
console.log(JSON.stringify(result));
