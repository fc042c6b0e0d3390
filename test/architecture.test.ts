import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const root = join(__dirname, '..');
const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replaceAll('\\', '/'));

interface Import {
  readonly from: string;
  /** Relative to src for our own, the bare name for a package. */
  readonly to: string;
  readonly isTypeOnly: boolean;
}

const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:[^'"]*?\sfrom\s+)?'([^']+)'/gm;

const importsOf = (file: string): Import[] =>
  [...readFileSync(join(root, 'src', file), 'utf8').matchAll(STATEMENT)].map(([, type, to]) => ({
    from: file,
    to: to!.startsWith('.') ? normalize(join(dirname(file), to!)).replace(/\.js$/, '.ts') : to!,
    isTypeOnly: type !== undefined,
  }));

const imports = files.flatMap(importsOf);
const room = (file: string): string => (file.includes('/') ? file.split('/')[0]! : 'root');
const isOurs = (to: string): boolean => to.endsWith('.ts');
const show = ({ from, to }: Import): string => `${from} → ${to}`;

/** What a room may import of ours, and of ours as types only. */
const rules: Readonly<Record<string, { values: readonly string[]; types: readonly string[] }>> = {
  operators: { values: ['operators'], types: ['operators'] },
  streams: { values: ['streams', 'operators'], types: ['streams', 'operators'] },
  sinks: { values: ['sinks', 'operators'], types: ['sinks', 'operators', 'streams'] },
  testing: { values: ['testing', 'streams', 'operators'], types: ['testing', 'streams', 'operators'] },
};

describe('the rooms of src', () => {
  it('has imports to check in every room', () => {
    expect(new Set(imports.map(({ from }) => room(from)))).toStrictEqual(
      new Set(['root', 'operators', 'streams', 'sinks', 'testing']),
    );
    expect(imports.length).toBeGreaterThan(50);
  });

  it.each(Object.entries(rules))('%s imports only what it may know', (name, { values, types }) => {
    const wrong = imports
      .filter(({ from, to }) => room(from) === name && isOurs(to))
      .filter(({ to, isTypeOnly }) => !(isTypeOnly ? types : values).includes(room(to)));

    expect(wrong.map(show)).toStrictEqual([]);
  });

  it('lets operators use rxjs, valibot and lru-cache, and no other package', () => {
    const foreign = imports.filter(({ from, to }) => room(from) === 'operators' && !isOurs(to));

    expect(
      foreign.filter(({ to }) => !['rxjs', 'valibot', 'lru-cache'].includes(to)).map(show),
    ).toStrictEqual([]);
  });

  it('has one file that imports ws as a value outside testing', () => {
    const users = imports.filter(
      ({ from, to, isTypeOnly }) => to === 'ws' && !isTypeOnly && room(from) !== 'testing',
    );

    expect(users.map(({ from }) => from)).toStrictEqual(['streams/wsTransport.ts']);
  });

  it('has one file that knows all three rooms', () => {
    const knows = (file: string): string[] =>
      ['operators', 'streams', 'sinks'].filter((name) =>
        imports.some(
          ({ from, to, isTypeOnly }) => from === file && isOurs(to) && !isTypeOnly && room(to) === name,
        ),
      );

    expect(files.filter((file) => file !== 'index.ts' && knows(file).length === 3)).toStrictEqual([
      'feed.ts',
    ]);
  });

  it('keeps index.ts for the outside', () => {
    expect(
      imports.filter(({ from, to }) => from !== 'testing/index.ts' && to === 'index.ts').map(show),
    ).toStrictEqual([]);
  });

  it('reads no real clock, timer or randomness', () => {
    const uses = files
      .filter((file) => room(file) !== 'testing')
      .flatMap((file) =>
        readFileSync(join(root, 'src', file), 'utf8')
          .split('\n')
          .filter((line) => !/^\s*(\*|\/\*|\/\/)/.test(line))
          .filter((line) => /\b(Date\.now|performance\.now|setTimeout|setInterval|Math\.random)\b/.test(line))
          .map((line) => `${file}: ${line.trim()}`),
      );

    // The default of an injected source is the one place where real randomness may stand.
    expect(uses.filter((use) => !/random = Math\.random/.test(use))).toStrictEqual([]);
  });

  it('uses nothing of Node that a browser lacks, but in testing and in what a bundle for browsers leaves out', () => {
    const uses = files
      .filter((file) => room(file) !== 'testing' && !/^streams\/ws(Transport|Handshake|Text)\.ts$/.test(file))
      .flatMap((file) =>
        readFileSync(join(root, 'src', file), 'utf8')
          .split('\n')
          .filter((line) => !/^\s*(\*|\/\*|\/\/)/.test(line))
          .filter((line) => /\b(Buffer|process|setImmediate|__dirname|require)\b|'node:/.test(line))
          .map((line) => `${file}: ${line.trim()}`),
      );

    // Where there is one, else a MessageChannel; and closeOnSignals asks for a process when it is called.
    const isMeant = /^(streams\/settled\.ts: .*setImmediate|closeOnSignals\.ts: )/;
    expect(uses.filter((use) => !isMeant.test(use))).toStrictEqual([]);
  });

  it('mirrors each source file that holds code with a test of the same name', () => {
    const tested = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
    const untested = files.filter(
      (file) =>
        !/(^|\/)index\.ts$/.test(file) &&
        /^export (async )?(function|const|class) /m.test(readFileSync(join(root, 'src', file), 'utf8')) &&
        !tested.includes(file.replace(/\.ts$/, '.test.ts')),
    );

    expect(untested).toStrictEqual([]);
  });
});
