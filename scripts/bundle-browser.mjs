// Bundles ENTRY for browsers into OUTFILE, and fails if `ws` or anything of Node's came along. Of the sources the same
// files are swapped as package.json swaps of dist.
//   node scripts/bundle-browser.mjs ENTRY OUTFILE
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const [entry, outfile] = process.argv.slice(2);
const { browser } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const sourceOf = (file) => file.replace(/\.js$/, '.ts');
const swaps = new Map(
  Object.entries(browser).map((pair) =>
    pair.map((built) => resolve(sourceOf(built.replace('./dist/esm', 'src')))),
  ),
);
const swapSources = {
  name: 'swap-sources',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir }) => ({
      path: swaps.get(sourceOf(resolve(resolveDir, path))),
    })),
};

// A module of Node's is an error by itself: esbuild finds none for browsers.
const { metafile } = await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  minify: true,
  platform: 'browser',
  format: 'iife',
  target: 'es2022',
  metafile: true,
  logLevel: 'error',
  plugins: [swapSources],
});

const files = Object.keys(metafile.inputs);
const foreign = files.filter((file) => /node_modules\/(@types\/)?ws\/|wsTransport\.[jt]s$/.test(file));
const bundled = readFileSync(outfile);
const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
console.log(`${files.length} files, ${kB(bundled.length)} minified, ${kB(gzipSync(bundled).length)} gzipped`);
if (foreign.length > 0) {
  console.error(`not for browsers: ${foreign.join(', ')}`);
  process.exitCode = 1;
}
