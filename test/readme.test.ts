import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import * as millrace from 'millrace';
import * as rxjs from 'rxjs';
import ts from 'typescript';
import * as v from 'valibot';
import { WebSocketServer } from 'ws';

const root = join(__dirname, '..');
const modules: Readonly<Record<string, unknown>> = { millrace, rxjs, valibot: v };
const snippetsOf = (file: string): string[] =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

const snippets = snippetsOf('README.md');

/** Runs a snippet as CommonJS; what it logs goes to `log`. */
const run = (
  code: string,
  log: (line: unknown) => void,
  scope: Readonly<Record<string, unknown>> = {},
): unknown => {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const names = Object.keys(scope);
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- a snippet is run as its reader would run it
  const body = new Function('require', 'exports', 'console', ...names, outputText) as (
    ...args: unknown[]
  ) => unknown;
  return body((name: string) => modules[name], {}, { log }, ...names.map((name) => scope[name]));
};

describe('the README', () => {
  it('has the snippets that are run here, and no others', () => {
    expect(snippets).toHaveLength(3);
  });

  it('starts with a quick start that delivers typed values', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    let feed: millrace.Feed<millrace.Schemas> | undefined;
    try {
      server.on('connection', (socket) => {
        for (const [id, symbol] of [
          [1, 'BTC-USD'],
          [2, 'ETH-USD'],
          [1, 'BTC-USD'],
          [3, 'BTC-USD'],
        ] as const) {
          socket.send(JSON.stringify({ type: 'trade', symbol, id, price: `${id}.5` }));
        }
      });
      const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const logged: unknown[] = [];
      await new Promise<void>((resolve) => {
        const code = `${snippets[0]!.replace('wss://feed.example.com', url)}; return feed;`;
        feed = run(code, (line) => {
          logged.push(line);
          if (logged.length === 2) resolve();
        }) as millrace.Feed<millrace.Schemas>;
      });

      expect(logged).toStrictEqual(['1.5', '3.5']);
    } finally {
      await feed?.close();
      server.close();
    }
  });

  it('shows the marbles of the example that is run', () => {
    const example = readFileSync(join(root, 'examples/reconnectTiming.test.ts'), 'utf8');
    const lines = snippets[1]!.trimEnd().split('\n');

    expect(lines.filter((line) => !example.includes(line))).toStrictEqual([]);
  });

  it('names what a feed really has', () => {
    const feed = millrace.createFeed({ url: 'ws://feed.test', streams: { trade: { schema: v.any() } } });
    const expressions = snippets[2]!
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+\/\//)[0]!);

    expect(
      expressions
        .map((expression) => run(`return ${expression};`, () => undefined, { feed }))
        .every((value) => typeof value === 'object'),
    ).toBe(true);
    expect(expressions).toHaveLength(5);
  });
});

describe('docs/connection.md', () => {
  const [signals, network, ...others] = snippetsOf('docs/connection.md');

  it('has the snippets that are run here, and no others', () => {
    expect(others).toStrictEqual([]);
  });

  it('closes feeds on signals', () => {
    const closable = { close: () => undefined };
    const before = process.listenerCount('SIGTERM');
    const returned = signals!.replace('closeOnSignals(', 'return closeOnSignals(');
    const listening = run(returned, () => undefined, {
      feed: closable,
      otherFeed: closable,
    }) as rxjs.Subscription;

    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    listening.unsubscribe();
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });

  it('REC-19 hands the events of a page to a feed', () => {
    const page = new EventTarget();
    const online$ = run(`${network!}; return online$;`, () => undefined, {
      window: page,
    }) as rxjs.Observable<boolean>;
    const told: boolean[] = [];
    online$.subscribe((isOnline) => told.push(isOnline));
    for (const type of ['offline', 'online']) page.dispatchEvent(new Event(type));

    expect(told).toStrictEqual([false, true]);
  });
});

/** What the snippets take for granted: the reader's own things. Of these, and of what they do not import, a snippet may use all. */
const GIVEN = `
import * as v from 'valibot';
import { createFeed, type SubscriptionsConfig } from 'millrace';

export { v };
export const Trade = v.object({ type: v.literal('trade'), symbol: v.string(), id: v.number() });
export const Book = v.object({ type: v.literal('book'), bids: v.array(v.string()) });
export const Order = v.object({ type: v.literal('order'), orderId: v.string() });
export const Quote = v.object({ type: v.literal('quote'), bid: v.string() });
const Depth = v.object({ s: v.string(), U: v.number(), u: v.number() });
export const more = { url: '', streams: { trade: { schema: Trade } } };
export const subscriptions: SubscriptionsConfig = { subscribe: () => '', unsubscribe: () => '' };
export const feed = createFeed({
  url: '',
  streams: { trade: { schema: Trade, topic: (t) => t.symbol }, depth: { schema: Depth } },
});
export const otherFeed = feed;
export const feeds = [feed, otherFeed];
export declare const fetchTrades: (
  topic: string | undefined,
  range: { fromId: number; toId: number },
) => Promise<unknown[]>;
export declare const fetchDepth: (symbol: string) => Promise<{ lastUpdateId: number }>;
export declare const depthRules: {
  key: (delta: { s: string }) => string;
  snapshot: typeof fetchDepth;
  covers: () => boolean;
  joins: () => boolean;
  follows: () => boolean;
};
export declare const save: (value: unknown) => Promise<void>;
export declare const count: () => void;
export declare const log: (value: unknown) => void;
export declare const isMarketOpen: () => boolean;
export declare const mqtt: { on(event: string, listener: () => void): void };
export declare const window: EventTarget;
`;

/** Where a snippet stands that shows some options and not the whole call, by the option it begins with. */
const AROUND: Readonly<Record<string, readonly [string, string]>> = {
  sequence: ['createFeed({ ...more, streams: { trade: { schema: Trade,', '} } });'],
  trade: ['createFeed({ ...more, subscriptions, streams: {', '} });'],
  resync$: ["feed.stream('depth').pipe(syncSnapshot({ ...depthRules,", '}));'],
};

const whole = (snippet: string): string => {
  const [before, after] = AROUND[/^([\w$]+): /.exec(snippet)?.[1] ?? ''] ?? ['', ''];
  return `${before}${snippet.replaceAll('…', '...more')}${after}\nexport {};`;
};

/** What the compiler says of these modules, which stand side by side in the root of the project. */
function faultsIn(virtual: Readonly<Record<string, string>>): string[] {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config,
    ts.sys,
    root,
  );
  const files = new Map(Object.entries(virtual).map(([name, text]) => [join(root, name), text]));
  const host = ts.createCompilerHost(options);
  host.fileExists = (path) => files.has(path) || ts.sys.fileExists(path);
  host.readFile = (path) => files.get(path) ?? ts.sys.readFile(path);
  const program = ts.createProgram([...files.keys()], { ...options, types: ['node'] }, host);
  return [...files.keys()].flatMap((path) => {
    const source = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText }) =>
        `${path.slice(root.length + 1)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
}

describe('every snippet of the README and docs', () => {
  it('is right by the types of the library', () => {
    const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((page) => `docs/${page}`)];
    const given = [...GIVEN.matchAll(/^export (?:declare )?const (\w+)/gm)].map(([, name]) => name!);
    const from = new Map(
      [
        ...Object.keys(rxjs).map((name) => [name, 'rxjs'] as const),
        ...Object.keys(millrace).map((name) => [name, 'millrace'] as const),
        ...['v', ...given].map((name) => [name, './given.js'] as const),
      ].filter(([name]) => name !== 'default'),
    );
    const globals = [...from].map(([name, module]) => `const ${name}: typeof import('${module}').${name};`);
    const modules = pages.flatMap((page) =>
      snippetsOf(page).map(
        (code, index) => [`${page.replace(/\W/g, '_')}_${index + 1}.ts`, whole(code)] as const,
      ),
    );

    expect(
      faultsIn({
        'given.ts': GIVEN,
        'globals.ts': `declare global {\n${globals.join('\n')}\n}\nexport {};`,
        ...Object.fromEntries(modules),
      }),
    ).toStrictEqual([]);
  });
});
