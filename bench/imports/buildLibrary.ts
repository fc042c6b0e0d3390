import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** How a program loads modules. */
export type LoadedBy = 'import' | 'require';

/** Each module a file, as tsc leaves them for bundlers, or bundled, as Node gets them. */
export type Form = 'modules' | 'bundle';

const modules = (): string[] =>
  readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', name));

/**
 * Builds the JavaScript of the library alone. The bundle is the one that is shipped; the modules are compiled in a hundredth
 * of the time that tsc takes for the same files. Packages stay outside.
 *
 * @param dir Found or made; beneath a `node_modules`.
 * @returns The file that a user loads.
 */
export async function buildLibrary(dir: string, form: Form, by: LoadedBy): Promise<string> {
  if (form === 'bundle') {
    execFileSync(process.execPath, ['scripts/bundle-library.mjs', dir]);
    return join(dir, by === 'import' ? 'index.mjs' : 'index.cjs');
  }
  await build({
    entryPoints: modules(),
    outdir: dir,
    outbase: 'src',
    platform: 'node',
    format: by === 'import' ? 'esm' : 'cjs',
    target: 'es2022',
    logLevel: 'error',
  });
  writeFileSync(join(dir, 'package.json'), `{ "type": "${by === 'import' ? 'module' : 'commonjs'}" }\n`);
  return join(dir, 'index.js');
}
