import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { filter, firstValueFrom, fromEvent, interval, map, takeUntil } from 'rxjs';
import { WebSocketServer } from 'ws';

const root = resolve(__dirname, '../..');

interface Run {
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves once the text has been written to stdout. */
  readonly until: (text: string) => Promise<string>;
  readonly end: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
}

const children = new Set<ChildProcessWithoutNullStreams>();
const servers = new Set<{ close(): unknown }>();

function watch(...args: string[]): Run {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/watch.ts', ...args], {
    cwd: root,
    env: { ...process.env, FORCE_COLOR: '1' },
  });
  children.add(child);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const end = once(child, 'close').then(([code]) => {
    children.delete(child);
    return { code: code as number | null, out, err };
  });
  return {
    child,
    end,
    until: (text) =>
      firstValueFrom(
        fromEvent(child.stdout, 'data').pipe(
          map(() => out),
          filter((soFar) => soFar.includes(text)),
          takeUntil(end),
        ),
        { defaultValue: out },
      ),
  };
}

/** Runs beside the other tests, which takes seconds off them all. */
let alone: Run;
beforeAll(() => {
  alone = watch('--seconds', '5');
});

afterEach(() => {
  for (const server of servers) server.close();
  servers.clear();
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

describe('npm start', () => {
  it('closes gracefully on Ctrl-C, also when npm passes it on a second time', async () => {
    const { child, until, end } = watch('--no-faults');
    await until('● fresh');
    child.kill('SIGINT');
    child.kill('SIGINT');
    const { code, out, err } = await end;

    expect(err).toBe('');
    expect(out).toMatch(/^● CLOSED /m);
    expect(out).toMatch(/✓ balanced\n$/);
    expect(code).toBe(0);
  });

  it('ends quietly when its reader leaves', async () => {
    const { child, until, end } = watch('--no-faults');
    await until('connected');
    child.stdout.destroy();
    expect(await end).toMatchObject({ code: 0, err: '' });
  });
});

describe('npm start -- <url>', () => {
  const serve = async (): Promise<{ readonly server: WebSocketServer; readonly url: string }> => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    servers.add({
      close: () => {
        for (const client of server.clients) client.terminate();
        server.close();
      },
    });
    await once(server, 'listening');
    return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/?token=secret` };
  };

  it('makes a row of every kind of message, and asks for them on every connection', async () => {
    const { server, url } = await serve();
    const asked: unknown[] = [];
    server.on('connection', (client) => {
      client.on('message', (data: Buffer) => {
        asked.push(JSON.parse(data.toString()));
        if (asked.length % 2 === 1) return;
        for (const e of ['trade', 'depth', 'trade']) client.send(JSON.stringify({ data: { e } }));
        client.send('not json');
        if (asked.length === 2) client.close(1012);
      });
    });
    const subscribe = ['--subscribe', '{"op":"a"}', '--subscribe', '{"op":"b"}'];
    const { until, child, end } = watch(url, ...subscribe, '--route', 'data.e');
    await until('reconnected');
    await until('rejected a message (decode)');
    child.kill('SIGINT');
    const { code, out, err } = await end;

    expect(err).toBe('');
    expect(asked).toStrictEqual([{ op: 'a' }, { op: 'b' }, { op: 'a' }, { op: 'b' }]);
    expect(out).toMatch(/^trade .* 4$/m);
    expect(out).toMatch(/^depth .* 2$/m);
    expect(out).toMatch(/^ledger: received 8 = delivered 6 \+ control 0 \+ rejected 2 .* ✓ balanced$/m);
    expect(out).not.toContain('secret');
    expect(code).toBe(0);
  });

  it('exits at once with 130 on a second Ctrl-C', async () => {
    const { server, url } = await serve();
    server.on('connection', (client) => client.pause());
    const { child, until, end } = watch(url);
    await until('generation 1\n');
    const presses = interval(300).subscribe({
      next: () => child.kill('SIGINT'),
      error: (error: unknown) => {
        throw error;
      },
    });
    const { code } = await end;
    presses.unsubscribe();

    expect(code).toBe(130);
  });

  it('says why and exits with 1 when the feed gives up', async () => {
    const server = createServer((_, response) => response.writeHead(404).end());
    server.on('upgrade', (_, socket) => socket.end('HTTP/1.1 404 Not Found\r\n\r\n'));
    servers.add(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { end } = watch(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const { code, out, err } = await end;

    expect(err).toBe('the feed gave up: handshake refused with HTTP 404\n');
    expect(out).toMatch(/✓ balanced\n$/);
    expect(code).toBe(1);
  });
});

describe('its command line', () => {
  it('explains itself', async () => {
    expect(await watch('--help').end).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringMatching(/^Usage: npm start/) as string,
    });
  });

  it('names a bad option and exits with 2', async () => {
    expect(await watch('--seconds', 'ten').end).toStrictEqual({
      code: 2,
      out: '',
      err: "--seconds must be above 0 and at most 2147483, got 'ten'\nnpm start -- --help lists the options.\n",
    });
  });
});

describe('npm start, left alone', () => {
  it('shows values at once, a gap, a reject, a drop, a reconnect and no duplicate of the replay; ends balanced', async () => {
    const { code, out, err } = await alone.end;

    expect(err).toBe('');
    expect(out).toMatch(/^\d\d:0[01]\.\d {2}connected to \S+, generation 1$/m);
    const [firstTrades] = out.match(/^trade .*$/m) ?? [];
    expect(firstTrades).toMatch(/fresh .* [1-9]\d*$/);
    expect(out).toMatch(/ gap in trade \S+: 1 missing between /);
    expect(out).toMatch(/ rejected a message of ticker \(schema\): /);
    expect(out).toMatch(/ disconnected after .* closed with 1006 \(network\)$/m);
    expect(out).toMatch(/ retry 1 in \d+ ms: network, jitter \d+ ms /);
    expect(out).toMatch(/ reconnected to \S+, generation 2$/m);
    expect(out).toMatch(
      /^ran 5\.\ds: 1 drop, 1 reconnect \(delays \d+ ms\), [1-9]\d* duplicates removed, 1 gap /m,
    );
    expect(out).toMatch(/^ledger: received \d+ = delivered \d+ \+ .* ✓ balanced\n$/m);
    expect(out).not.toContain('\u001B');
    expect(code).toBe(0);
  }, 15_000);
});
