import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { type Observable, Subject, timer } from 'rxjs';
import type { Command, Report } from './page.js';

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Chromium: the one that `CHROMIUM` names, else the first in the path; `undefined` if there is none. */
export const chromium =
  process.env['CHROMIUM'] ??
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)))
    .find(isExecutable);

/** Nothing of the outside: no update, no sync, no first run. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Page {
  /** What the page tells, in order; hot. */
  readonly reports$: Observable<Report>;
  /** Queues a command; the page fetches one after the other. */
  command(command: Command): void;
  close(): Promise<void>;
}

/** How long a page that asked for it has its event loop blocked. */
export const BLOCK_MS = 1_500;

const root = join(__dirname, '..', '..');

/** Bundles page.ts, serves it on loopback and opens it in a Chromium of its own; resolves once it runs. */
export async function openPage(executable: string): Promise<Page> {
  const temp = mkdtempSync(join(tmpdir(), 'millrace-browser-'));
  const outfile = join(temp, 'page.js');
  await promisify(execFile)(
    process.execPath,
    ['scripts/bundle-browser.mjs', join(__dirname, 'page.ts'), outfile],
    { cwd: root },
  );
  const bundle = readFileSync(outfile);

  const reports$ = new Subject<Report>();
  const commands: Command[] = [];
  let waiting: ServerResponse | undefined;
  const hand = (): void => {
    if (waiting === undefined || commands.length === 0) return;
    waiting.setHeader('content-type', 'application/json').end(JSON.stringify(commands.shift()));
    waiting = undefined;
  };

  const server = createServer((request, response) => {
    if (request.url === '/') {
      response
        .setHeader('content-type', 'text/html')
        .end('<!doctype html><meta charset=utf-8><title>millrace</title><script src=/page.js></script>');
    } else if (request.url === '/page.js') {
      response.setHeader('content-type', 'text/javascript').end(bundle);
    } else if (request.url === '/command') {
      waiting = response;
      hand();
    } else if (request.url === '/block') {
      timer(BLOCK_MS).subscribe(() => response.end());
      reports$.next({ type: 'blocked' });
    } else if (request.url === '/report') {
      void text(request).then((body) => {
        response.end();
        reports$.next(JSON.parse(body) as Report);
      });
    } else {
      response.writeHead(404).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const browser = spawn(
    executable,
    [...FLAGS, `--user-data-dir=${join(temp, 'profile')}`, `http://127.0.0.1:${port}/`],
    { stdio: 'ignore' },
  );
  const exited = once(browser, 'exit');
  const ready = new Promise<void>((resolve, reject) => {
    reports$.subscribe(({ type }) => {
      if (type === 'ready') resolve();
    });
    void exited.then(([code]) => reject(new Error(`Chromium ended with ${String(code)}`)), reject);
  });

  const close = async (): Promise<void> => {
    browser.kill();
    await exited;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    // Its children write on for a moment.
    await rm(temp, { recursive: true, force: true, maxRetries: 20 });
  };
  try {
    await ready;
  } catch (error) {
    await close();
    throw error;
  }
  return {
    reports$,
    command(command) {
      commands.push(command);
      hand();
    },
    close,
  };
}
