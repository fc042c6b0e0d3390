import { readFileSync } from 'node:fs';
import { arch, availableParallelism, platform } from 'node:os';

/** The packages that take part. */
const packages = [
  'rxjs',
  'ws',
  'valibot',
  'lru-cache',
  'partysocket',
  'reconnecting-websocket',
  'websocket-ts',
] as const;

const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')) as { readonly version: string })
    .version;

/** What the figures were measured with: processors, Node and packages, and when. */
export const machineLine = (): string =>
  [
    `${availableParallelism()} cores (${platform()} ${arch()})`,
    `Node ${process.version.slice(1)}`,
    ...packages.map((name) => `${name} ${versionOf(name)}`),
    new Date().toISOString().slice(0, 10),
  ].join(' · ');
