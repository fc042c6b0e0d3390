import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

export interface Built {
  /** Where the programs are: `throughput/client.ts` became `throughput/client.mjs`. */
  readonly dir: string;
  readonly remove: () => void;
}

/**
 * Compiles programs to plain JavaScript in a temporary directory: a loader that compiles as it goes would be measured along
 * with what it loads. Packages stay outside, and are found as they are from here.
 *
 * @param entries Files, relative to the root of the project.
 */
export async function buildPrograms(entries: readonly string[]): Promise<Built> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  symlinkSync(resolve('node_modules'), join(dir, 'node_modules'), 'junction');
  await build({
    entryPoints: [...entries],
    outdir: dir,
    outbase: 'bench',
    bundle: true,
    splitting: true, // a client loads its own contestant and nothing of the others
    packages: 'external',
    alias: { millrace: resolve('src/index.ts') },
    platform: 'node',
    format: 'esm',
    target: 'es2022',
    outExtension: { '.js': '.mjs' },
    logLevel: 'error',
  });
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
