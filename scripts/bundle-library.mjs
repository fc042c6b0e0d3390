// What Node loads, in OUTDIR: a file for each entry. Node takes a third of a millisecond or more for a module, and the library has
// a hundred; a third file for what both entries share would be one more. Packages stay outside; nothing is minified.
//   node scripts/bundle-library.mjs OUTDIR
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';

const outdir = resolve(process.argv[2]);
/** Errors are the library's own in both entries, as a class is to be the same; what else the second one needs is a copy. */
const ownErrors = (library) => ({
  name: 'own errors',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\/failure\.js$/ }, () => ({ path: library, external: true })),
});
/** Node takes 35 µs to find what it has loaded once more, and esbuild has it looked for in each module. */
const requireOnce = (text) => {
  const names = new Map();
  return text.replace(
    /^var (\w+) = (require\("[^"]+"\)|__toESM\(require\("[^"]+"\), 1\));$/gm,
    (line, name, found) => {
      const known = names.get(found);
      if (known === undefined) names.set(found, name);
      return known === undefined ? line : `var ${name} = ${known};`;
    },
  );
};

mkdirSync(outdir, { recursive: true });
for (const [extension, format] of [
  ['.mjs', 'esm'],
  ['.cjs', 'cjs'],
]) {
  const bundle = (entryPoints, plugins) =>
    build({
      entryPoints,
      plugins,
      outdir,
      outExtension: { '.js': extension },
      bundle: true,
      packages: 'external',
      platform: 'node',
      format,
      target: 'es2022',
      logLevel: 'error',
      write: false,
    });
  const bundles = [
    await bundle({ index: 'src/index.ts' }, []),
    await bundle({ testing: 'src/testing/index.ts' }, [ownErrors(`./index${extension}`)]),
  ];
  for (const { path, text } of bundles.flatMap(({ outputFiles }) => outputFiles)) {
    const file = basename(path);
    // V8 keeps a file with one such character, be it in a comment, at two bytes a character for as long as the process lives.
    const [wide] = text.match(/.*[^\u0000-\u00ff].*/u) ?? [];
    if (wide !== undefined) throw new Error(`${file} is to be Latin-1 throughout, got ${wide.trim()}`);
    writeFileSync(join(outdir, file), requireOnce(text));
  }
}
