// Packs the package as it would be published, checks the tarball, and uses it from both module systems and from bundlers.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

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
  // What Node loads in either system, and the modules that bundlers take: the same names, each class by its own, and an error
  // that is the same class in both entries.
  const body = `
    const exported = { ...millrace, ...testing };
    const { createFeed, startExchange, SocketClosedError, closes } = exported;
    if (typeof createFeed !== 'function' || typeof startExchange !== 'function') throw new Error('exports are missing');
    for (const [name, { name: own }] of Object.entries(exported)) {
      if (typeof exported[name] === 'function' && own !== name) throw new Error(name + ' calls itself ' + own);
    }
    if (!(closes(1000).error(true) instanceof SocketClosedError)) throw new Error('testing has errors of its own');
    process.stdout.write(Object.keys(exported).filter((name) => !/^default$|^module.exports$/.test(name)).sort().join());`;
  const consumer = join(temp, 'consumer');
  writeFileSync(
    join(consumer, 'use.mjs'),
    `import * as millrace from 'millrace'; import * as testing from 'millrace/testing'; ${body}`,
  );
  writeFileSync(
    join(consumer, 'use.cjs'),
    `const millrace = require('millrace'); const testing = require('millrace/testing'); ${body}`,
  );
  const forms = {
    'an ES module': ['use.mjs'],
    CommonJS: ['use.cjs'],
    'modules for a bundler': ['--conditions=module', 'use.mjs'],
  };
  const names = Object.entries(forms).map(([form, args]) => {
    const told = execFileSync(process.execPath, args, { cwd: consumer, encoding: 'utf8' });
    console.log('imported as', form);
    return told;
  });
  if (new Set(names).size !== 1) throw new Error(`the forms export different names:\n${names.join('\n')}`);

  // The types alone, as strict as a consumer may be: without skipLibCheck, without those of `ws`, and in a page without Node's.
  mkdirSync(join(consumer, 'node_modules', '@types'));
  for (const name of ['@types/node', 'undici-types']) {
    symlinkSync(resolve('node_modules', name), join(consumer, 'node_modules', name));
  }
  const typed = `import { createFeed } from 'millrace'; import { object, number } from 'valibot';
    export const feed = createFeed({
      url: 'wss://feed.test', socket: { headers: { a: 'b' } }, streams: { any: { schema: object({ id: number() }) } },
    });
    feed.stream('any').subscribe(({ id }) => id.toFixed());
    // @ts-expect-error an option of ws that is misspelt
    createFeed({ url: 'wss://feed.test', socket: { header: {} }, streams: {} });`;
  const inPage = `import { webSocketTransport } from 'millrace'; export const transport = webSocketTransport(WebSocket);`;
  const inNode = `import { lookup } from 'node:dns'; import { Agent } from 'node:https'; import * as tls from 'node:tls';
    import type { SocketOptions } from 'millrace'; import { startExchange } from 'millrace/testing';
    export const socket: SocketOptions = {
      agent: new Agent(), lookup, ca: [...tls.rootCertificates], key: Buffer.of(), secureContext: tls.createSecureContext(),
      checkServerIdentity: tls.checkServerIdentity, createConnection: tls.connect, finishRequest: (request) => request.end(),
    };
    export const exchange = startExchange();`;
  const programs = {
    page: { lib: ['ES2023', 'DOM'], types: [], source: typed + inPage },
    node: { lib: ['ES2023'], types: ['node'], source: typed + inNode },
  };
  const strict = { module: 'NodeNext', strict: true, exactOptionalPropertyTypes: true, noEmit: true };
  for (const [name, { source, ...options }] of Object.entries(programs)) {
    const files = ['mts', 'cts'].map((extension) => `${name}.${extension}`);
    for (const file of files) writeFileSync(join(consumer, file), source);
    const project = { compilerOptions: { ...strict, ...options }, files };
    writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify(project));
    run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', consumer]);
    console.log('compiled', ...files);
  }

  // And a page of a browser, from both; what of `ws` or Node comes along is an error.
  const pages = {
    'page.mjs': `import { createFeed } from 'millrace'; globalThis.createFeed = createFeed;`,
    'page.cjs': `globalThis.createFeed = require('millrace').createFeed;`,
  };
  for (const [name, source] of Object.entries(pages)) {
    writeFileSync(join(consumer, name), source);
    run(process.execPath, ['scripts/bundle-browser.mjs', join(consumer, name), join(temp, 'page.js')]);
  }

  // Who uses one function gets that one, whatever the platform: 1.5 kB of 120.
  for (const platform of ['browser', 'node']) {
    const { outputFiles } = await build({
      stdin: { contents: `export { backoff } from 'millrace';`, resolveDir: consumer },
      bundle: true,
      minify: true,
      platform,
      format: 'esm',
      write: false,
    });
    const bytes = outputFiles[0].contents.length;
    console.log(`backoff alone for ${platform}: ${bytes} bytes`);
    if (bytes > 3_000) throw new Error('a bundle holds what it does not use');
  }
} finally {
  rmSync(temp, { recursive: true, force: true });
}
