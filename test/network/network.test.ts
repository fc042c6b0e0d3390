import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { startFaultServer } from '../../src/testing/faultServer.js';

const root = join(__dirname, '..', '..');

/** What keeps a command from running here; empty if nothing does. */
const obstacle = (file: string, ...args: string[]): string => {
  try {
    execFileSync(file, args, { stdio: 'pipe' });
    return '';
  } catch (error) {
    const { stderr, message } = error as { stderr?: Buffer; message: string };
    const reason = (stderr?.toString() || message).trim();
    process.stderr.write(`SKIPPED: ${file} ${args.join(' ')}: ${reason}\n`); // jest shows no title of what it skips
    return ` (SKIPPED: ${reason})`;
  }
};

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Runs a command to its end; returns what it wrote and its exit code. */
const run = async (file: string, ...args: string[]): Promise<{ output: string; code: number | null }> => {
  const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { output, code };
};

const noNetwork = obstacle('unshare', '-n', 'sh', '-c', 'ip link set lo up && nft list tables');
(noNetwork === '' ? describe : describe.skip)(`a network that is cut${noNetwork}`, () => {
  const facts = new Map<string, unknown>();
  beforeAll(async () => {
    const { output, code } = await run(
      'unshare',
      '-n',
      process.execPath,
      '--import',
      'tsx',
      'test/network/halfOpen.ts',
    );
    for (const line of output.trimEnd().split('\n')) {
      const { scenario, ...rest } = JSON.parse(line) as { scenario: string };
      facts.set(scenario, rest);
    }
    expect(code).toBe(0);
  });

  it('HBT-01 HBT-04 REC-20 while ready: only the heartbeat notices; the feed recovers without a duplicate and tells the gap', () => {
    expect(facts.get('ready')).toStrictEqual({
      error: 'HeartbeatTimeoutError',
      class: 'network',
      noticedAfterMs: expect.any(Number) as number,
      reconnecting: true,
      dials: ['ConnectTimeoutError', 'ConnectTimeoutError'],
      gaps: 1,
      duplicates: 0,
      isWhole: true,
      outcome: ['complete'],
    });
    // 200 ms to the ping and 200 ms for its answer, from the last frame; TCP alone would take minutes.
    const { noticedAfterMs } = facts.get('ready') as { noticedAfterMs: number };
    expect(noticedAfterMs).toBeGreaterThan(300);
    expect(noticedAfterMs).toBeLessThan(20_000);
  });

  it('REC-20 during the dial: it times out, as do the next, and the feed recovers', () => {
    expect(facts.get('dialling')).toStrictEqual({
      failures: ['network ConnectTimeoutError', 'network ConnectTimeoutError'],
      outcome: ['complete'],
    });
  });

  it('CLO-06 during close(): it resolves by the deadline', () => {
    const { tookMs, ...rest } = facts.get('closing') as { tookMs: number };
    expect(rest).toStrictEqual({ state: 'CLOSED', outcome: ['complete'] });
    expect(tookMs).toBeGreaterThan(300); // 400 were given, and the answer never came
    expect(tookMs).toBeLessThan(20_000); // ws itself waits for 30 s
  });

  it('REC-20 during the backoff: the next dial times out, and the feed recovers', () => {
    expect(facts.get('backing off')).toStrictEqual({ error: 'ConnectTimeoutError', outcome: ['complete'] });
  });

  it('a name that nobody resolves is a failure of the network, and retried', () => {
    expect(facts.get('unresolvable')).toStrictEqual({
      failures: ['network', 'network'],
      isDns: true,
      outcome: ['complete'],
    });
  });
});

const noProcesses = obstacle('unshare', '--pid', '--fork', 'true');
(noProcesses === '' ? describe : describe.skip)(`the first process of a container${noProcesses}`, () => {
  it('ends by closeOnSignals, although the kernel spares it its own signal', async () => {
    const server = await startFaultServer({
      onConnection: (client) => client.send('{"type":"tick","id":1}'),
    });
    try {
      const orders = JSON.stringify({ signalAtHeld: 0 });
      const fixture = ['--import', 'tsx', 'test/fixtures/closesOnSignal.ts', server.url, orders];
      const { output, code } = await run(
        'unshare',
        '--pid',
        '--fork',
        '--kill-child',
        process.execPath,
        ...fixture,
      );

      expect(output).toContain('complete');
      expect(code).toBe(143);
    } finally {
      await server.close();
    }
  });
});
