import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import {
  asyncScheduler,
  BehaviorSubject,
  filter,
  firstValueFrom,
  interval,
  map,
  NEVER,
  type Observable,
  ReplaySubject,
  throwError,
  timeout,
  timer,
} from 'rxjs';
import { type Farewell } from 'millrace';
import {
  type Closable,
  closeOnSignals,
  type CloseOnSignalsConfig,
  type EndSignal,
} from '../src/closeOnSignals.js';
import { type FaultServer, startFaultServer } from '../src/testing/faultServer.js';
import { marbles } from './marbles.js';

/** A process that only notes, with the time, what is done to it. */
class FakeProcess extends EventEmitter {
  readonly log: string[] = [];
  constructor(
    readonly pid = 4711,
    private readonly canRaise = true,
  ) {
    super();
  }
  kill(pid: number, signal: EndSignal): void {
    if (!this.canRaise) throw new Error('kill ENOSYS');
    // What Node asks of whoever raises a signal that is to end the process.
    this.log.push(`${asyncScheduler.now()} kill ${pid} ${signal}, ${this.listenerCount(signal)} listening`);
  }
  exit(code: number): void {
    this.log.push(`${asyncScheduler.now()} exit ${code}`);
  }
  signalAt(ms: number, signal: EndSignal = 'SIGTERM'): void {
    timer(ms).subscribe(() => this.emit(signal));
  }
}

/** Closes in so many virtual milliseconds. */
const closing = (ms: number): Closable & { readonly farewells: Farewell[] } => {
  const farewells: Farewell[] = [];
  return {
    farewells,
    close: (farewell) => {
      farewells.push(farewell);
      return timer(ms);
    },
  };
};

describe('closeOnSignals', () => {
  it(
    'closes, removes its listeners, then raises the signal again',
    marbles(({ flush }) => {
      const host = new FakeProcess();
      const feed = closing(40);
      const listening = closeOnSignals(feed, { process: host, reason: 'deploy' });
      host.signalAt(10, 'SIGINT');
      flush();

      expect(feed.farewells).toStrictEqual([{ reason: 'deploy', timeoutMs: 5_000 }]);
      expect(host.log).toStrictEqual(['50 kill 4711 SIGINT, 0 listening']);
      expect([listening.closed, host.listenerCount('SIGTERM')]).toStrictEqual([true, 0]);
    }),
  );

  it(
    'waits for the slowest of several, and takes one that fails for closed',
    marbles(({ flush }) => {
      const host = new FakeProcess();
      const failing = {
        close: () => {
          throw new Error('no');
        },
      };
      const rejecting = { close: () => throwError(() => new Error('no')) };
      closeOnSignals([closing(20), failing, closing(40), rejecting, { close: () => undefined }], {
        process: host,
      });
      host.signalAt(10);
      flush();

      expect(host.log).toStrictEqual(['50 kill 4711 SIGTERM, 0 listening']);
    }),
  );

  it(
    'waits no longer than timeoutMs, whatever a close that was under way had been given',
    marbles(({ flush }) => {
      const host = new FakeProcess();
      closeOnSignals({ close: () => NEVER }, { process: host, timeoutMs: 300 });
      host.signalAt(10);
      flush();

      expect(host.log).toStrictEqual(['310 kill 4711 SIGTERM, 0 listening']);
    }),
  );

  it(
    'ends at once at a second signal, but takes two within 500 ms for one',
    marbles(({ flush }) => {
      const host = new FakeProcess();
      const feed = closing(4_000);
      closeOnSignals(feed, { process: host });
      for (const at of [10, 11, 509, 511]) host.signalAt(at, 'SIGINT');
      flush();

      expect(feed.farewells).toHaveLength(1);
      expect(host.log).toStrictEqual(['511 kill 4711 SIGINT, 0 listening']);
    }),
  );

  it(
    'leaves the end to a program that listens itself, and tells it nothing twice',
    marbles(({ flush }) => {
      const host = new FakeProcess();
      let told = 0;
      host.on('SIGTERM', () => (told += 1));
      const listening = closeOnSignals(closing(40), { process: host });
      host.signalAt(10);
      flush();

      expect([host.log, told, listening.closed]).toStrictEqual([[], 1, true]);
    }),
  );

  it(
    'raises the signal once when several are at work, after the last of them',
    marbles(({ flush }) => {
      const host = new FakeProcess();
      closeOnSignals(closing(40), { process: host });
      closeOnSignals(closing(20), { process: host });
      host.signalAt(10);
      flush();

      expect(host.log).toStrictEqual(['50 kill 4711 SIGTERM, 0 listening']);
    }),
  );

  it(
    'exit: false lets the process go on; its listeners are gone, and a second signal during the close ends it all the same',
    marbles(({ flush }) => {
      const [patient, impatient] = [new FakeProcess(), new FakeProcess()];
      for (const host of [patient, impatient]) {
        closeOnSignals(closing(4_000), { process: host, exit: false });
        host.signalAt(10);
      }
      impatient.signalAt(600);
      flush();

      expect([patient.log, patient.listenerCount('SIGTERM')]).toStrictEqual([[], 0]);
      expect(impatient.log).toStrictEqual(['600 kill 4711 SIGTERM, 0 listening']);
    }),
  );

  it.each([
    ['the first process of a container, which is immune to its own signals', new FakeProcess(1), true],
    ['a platform that cannot raise it', new FakeProcess(4711, false), false],
  ])('exits with 128 and the number of the signal: %s', (_what, host, isKilled) =>
    marbles(({ flush }) => {
      closeOnSignals(closing(0), { process: host });
      host.signalAt(10);
      flush();

      expect(host.log).toStrictEqual([
        ...(isKilled ? ['10 kill 1 SIGTERM, 0 listening'] : []),
        '10 exit 143',
      ]);
    })(),
  );

  it('listens to the signals it is told of, until unsubscribed', () => {
    const host = new FakeProcess();
    const feed = closing(0);
    const listening = closeOnSignals(feed, { process: host, signals: ['SIGHUP', 'SIGTERM'] });
    expect(host.eventNames()).toStrictEqual(['SIGHUP', 'SIGTERM']);

    listening.unsubscribe();
    expect(host.eventNames()).toStrictEqual([]);
    expect(host.emit('SIGHUP')).toBe(false);
    expect(feed.farewells).toStrictEqual([]);
  });

  it("takes Node's own process by default", () => {
    const before = process.listenerCount('SIGTERM');
    const listening = closeOnSignals(closing(0));
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);

    listening.unsubscribe();
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });

  it.each<[string, CloseOnSignalsConfig]>([
    [
      'signals must be of SIGHUP, SIGINT, SIGQUIT, SIGUSR2, SIGTERM, SIGBREAK, got SIGKILL',
      { signals: ['SIGKILL' as EndSignal] },
    ],
    ['signals must name each once, got []', { signals: [] }],
    ['signals must name each once, got [SIGINT, SIGINT]', { signals: ['SIGINT', 'SIGINT'] }],
    ['timeoutMs must be from 0 to 2147483647, got -1', { timeoutMs: -1 }],
    ['code must be 1000 or from 3000 to 4999, got 1001', { code: 1001 }],
  ])('throws a RangeError: %s', (message, config) => {
    const host = new FakeProcess();
    const make = () => closeOnSignals(closing(0), { process: host, ...config });

    expect(make).toThrow(RangeError);
    expect(make).toThrow(message);
    expect(host.eventNames()).toStrictEqual([]);
  });

  it('throws a TypeError for what cannot be closed, and where there is no process', () => {
    // @ts-expect-error -- a number has no close()
    expect(() => closeOnSignals(7)).toThrow(
      new TypeError('closeOnSignals: a feed must have close(), got number'),
    );
    expect(() => closeOnSignals([])).toThrow(new TypeError('closeOnSignals: nothing to close, got []'));

    const descriptor = Object.getOwnPropertyDescriptor(globalThis, 'process')!;
    Object.defineProperty(globalThis, 'process', { value: undefined, configurable: true, writable: true });
    try {
      expect(() => closeOnSignals(closing(0))).toThrow(/no process here/);
    } finally {
      Object.defineProperty(globalThis, 'process', descriptor);
    }
  });
});

describe('closeOnSignals in a process of its own', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  const serve = async (config: Parameters<typeof startFaultServer>[0] = {}): Promise<FaultServer> => {
    const server = await startFaultServer(config);
    cleanups.push(() => server.close());
    return server;
  };

  /** The first end that the server sees. */
  const endOf = (server: FaultServer): Observable<{ code: number; reason: string }> => {
    const end$ = new ReplaySubject<{ code: number; reason: string }>(1);
    server.ends$.pipe(map(({ code, reason }) => ({ code, reason }))).subscribe(end$);
    return end$;
  };

  interface Child {
    readonly kill: (signal: EndSignal) => void;
    readonly output$: Observable<string>;
    /** The exit code and the signal it ended by. */
    readonly exited: Promise<readonly [number | null, string | null]>;
  }

  const start = (url: string, orders: object = {}): Child => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', 'test/fixtures/closesOnSignal.ts', url, JSON.stringify(orders)],
      { cwd: join(__dirname, '..'), stdio: ['ignore', 'pipe', 'inherit'] },
    );
    cleanups.push(() => child.kill('SIGKILL'));
    const output$ = new BehaviorSubject('');
    child.stdout.on('data', (chunk: Buffer) => output$.next(output$.value + chunk.toString()));
    return {
      kill: (signal) => child.kill(signal),
      output$,
      exited: once(child, 'close') as Promise<[number | null, string | null]>,
    };
  };

  const says = ({ output$ }: Child, what: string): Promise<string> =>
    firstValueFrom(
      output$.pipe(
        filter((output) => output.includes(what)),
        timeout(15_000),
      ),
    );

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'CLO-04 %s: the server sees code and reason, and the process ends by the signal',
    async (signal) => {
      const server = await serve();
      const end$ = endOf(server);
      const child = start(server.url, { config: { code: 4_000, reason: 'deploy' } });
      await says(child, 'ready');
      child.kill(signal);

      expect(await child.exited).toStrictEqual([null, signal]);
      expect(await firstValueFrom(end$)).toStrictEqual({ code: 4_000, reason: 'deploy' });
      await says(child, 'complete');
    },
  );

  it('CLO-07 what had arrived is delivered, with the buffer full of it', async () => {
    const server = await serve({
      onConnection: (client) => {
        for (let id = 0; id < 3_000; id += 1) client.send(JSON.stringify({ type: 'tick', id }));
      },
    });
    const child = start(server.url, { signalAtHeld: 500 });

    expect(await child.exited).toStrictEqual([null, 'SIGTERM']);
    await says(child, 'closing with some held');
    await says(child, 'complete {"missing":0,"held":0,"isMany":true}');
  });

  it('CLO-06 a server that never answers the close is left at the deadline', async () => {
    const server = await serve();
    const child = start(server.url, { config: { timeoutMs: 100 } });
    await says(child, 'ready');
    server.vanish();
    child.kill('SIGTERM');

    expect(await child.exited).toStrictEqual([null, 'SIGTERM']);
    await says(child, 'complete');
  });

  it('a second signal ends it long before the deadline', async () => {
    const server = await serve();
    const child = start(server.url, { config: { timeoutMs: 3_600_000 } });
    await says(child, 'ready');
    server.vanish();
    const presses = interval(200).subscribe(() => child.kill('SIGINT'));
    cleanups.push(() => presses.unsubscribe());

    expect(await child.exited).toStrictEqual([null, 'SIGINT']);
    await says(child, 'closing');
  });

  it("a listener of the program's own decides about the end", async () => {
    const server = await serve();
    const child = start(server.url, { own: true });
    await says(child, 'ready');
    child.kill('SIGTERM');

    expect(await child.exited).toStrictEqual([7, null]);
    await says(child, 'complete');
    await says(child, 'listeners 1'); // its own
  });

  it('CON-16 exit: false leaves no listener, and the process ends when nothing is left to do', async () => {
    const server = await serve();
    const child = start(server.url, { config: { exit: false } });
    await says(child, 'ready');
    child.kill('SIGTERM');

    expect(await child.exited).toStrictEqual([0, null]);
    await says(child, 'listeners 0');
  });
});
