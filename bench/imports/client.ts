import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import type { LoadedBy } from './buildLibrary.js';

/** What a client is told to load, one after the other. */
export interface ImportsTask {
  readonly by: LoadedBy;
  readonly modules: readonly string[];
}

/** How long it took, ms. */
export interface ImportsResult {
  readonly ms: number;
  /** Names that the last module exports. */
  readonly names: number;
}

const { by, modules } = JSON.parse(process.argv[2] ?? '') as ImportsTask;
const require = createRequire(import.meta.url);
let names = 0;
const startedAt = performance.now();
for (const module of modules) {
  names = Object.keys((by === 'import' ? await import(module) : require(module)) as object).length;
}
const result: ImportsResult = { ms: performance.now() - startedAt, names };
console.log(JSON.stringify(result));
