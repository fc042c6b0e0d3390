import { performance } from 'node:perf_hooks';

/** What a client is told to load, one after the other. */
export interface ImportsTask {
  readonly modules: readonly string[];
}

/** How long it took, ms. */
export interface ImportsResult {
  readonly ms: number;
  /** Names that the last module exports. */
  readonly names: number;
}

const { modules } = JSON.parse(process.argv[2] ?? '') as ImportsTask;
let names = 0;
const startedAt = performance.now();
for (const module of modules) names = Object.keys((await import(module)) as object).length;
const result: ImportsResult = { ms: performance.now() - startedAt, names };
console.log(JSON.stringify(result));
