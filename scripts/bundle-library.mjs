// What Node loads, in OUTDIR: a file for each entry and one for what they share, so that a class is the same in both. Node
// takes a third of a millisecond for a module, and the library has a hundred. Packages stay outside; nothing is minified.
//   node scripts/bundle-library.mjs OUTDIR
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build, transform } from 'esbuild';

const outdir = resolve(process.argv[2]);
const asIs = (text) => text;
// esbuild splits ES modules only, so CommonJS is made from its pieces.
const toCommonJs = async (text, sourcefile) =>
  (await transform(text, { sourcefile, format: 'cjs', platform: 'node', target: 'es2022' })).code;

mkdirSync(outdir, { recursive: true });
for (const [extension, convert] of [
  ['.mjs', asIs],
  ['.cjs', toCommonJs],
]) {
  const { outputFiles } = await build({
    entryPoints: { index: 'src/index.ts', testing: 'src/testing/index.ts' },
    outdir,
    outExtension: { '.js': extension },
    chunkNames: 'shared',
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
    write: false,
  });
  for (const { path, text } of outputFiles) {
    const file = basename(path);
    // V8 keeps a file with one such character, be it in a comment, at two bytes a character for as long as the process lives.
    const [wide] = text.match(/.*[^\u0000-\u00ff].*/u) ?? [];
    if (wide !== undefined) throw new Error(`${file} is to be Latin-1 throughout, got ${wide.trim()}`);
    writeFileSync(join(outdir, file), await convert(text, file));
  }
}
