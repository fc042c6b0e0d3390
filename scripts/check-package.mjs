// Packs the package as it would be published, checks the tarball, and uses it from both module systems.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const run = (command, args, options = {}) =>
  execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
const temp = mkdtempSync(join(tmpdir(), 'millrace-package-'));
try {
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', temp], { encoding: 'utf8' });
  const tarball = join(temp, Object.values(JSON.parse(packed))[0].filename);
  run('npx', ['publint', 'run', tarball, '--strict']);
  // Node 20 is the oldest that runs it, so the resolution of Node 10, which knows no exports, is left out.
  run('npx', ['attw', tarball, '--profile', 'node16', '--no-color']);

  // A consumer's tree: the unpacked tarball, and its dependencies as installed here.
  const home = join(temp, 'consumer', 'node_modules', 'millrace');
  mkdirSync(home, { recursive: true });
  run('tar', ['-xzf', tarball, '-C', home, '--strip-components=1']);
  for (const name of ['rxjs', 'ws', 'valibot', 'lru-cache', 'tslib']) {
    symlinkSync(resolve('node_modules', name), join(temp, 'consumer', 'node_modules', name));
  }
  const body = `
    if (typeof createFeed !== 'function' || typeof startExchange !== 'function') throw new Error('exports are missing');
    console.log('imported', typeof require === 'function' ? 'as CommonJS' : 'as an ES module');`;
  const consumer = join(temp, 'consumer');
  writeFileSync(
    join(consumer, 'use.mjs'),
    `import { createFeed } from 'millrace'; import { startExchange } from 'millrace/testing'; ${body}`,
  );
  writeFileSync(
    join(consumer, 'use.cjs'),
    `const { createFeed } = require('millrace'); const { startExchange } = require('millrace/testing'); ${body}`,
  );
  run(process.execPath, ['use.mjs'], { cwd: consumer });
  run(process.execPath, ['use.cjs'], { cwd: consumer });

  // And a page of a browser, from both; what of `ws` or Node comes along is an error.
  const pages = {
    'page.mjs': `import { createFeed } from 'millrace'; globalThis.createFeed = createFeed;`,
    'page.cjs': `globalThis.createFeed = require('millrace').createFeed;`,
  };
  for (const [name, source] of Object.entries(pages)) {
    writeFileSync(join(consumer, name), source);
    run(process.execPath, ['scripts/bundle-browser.mjs', join(consumer, name), join(temp, 'page.js')]);
  }
} finally {
  rmSync(temp, { recursive: true, force: true });
}
