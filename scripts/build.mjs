// For bundlers plain tsc, twice: ES modules to dist/esm, CommonJS to dist/cjs; a bundler drops what is not used, module by
// module, and swaps what a browser lacks. For Node, which reads all of it at each start, the same in few files in dist/node.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';

const node = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit' });

rmSync('dist', { recursive: true, force: true });
for (const project of ['tsconfig.build.json', 'tsconfig.cjs.json']) {
  node('node_modules/typescript/bin/tsc', '-p', project);
}
writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');
node('scripts/bundle-library.mjs', 'dist/node');
