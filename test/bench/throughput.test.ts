import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import * as fc from 'fast-check';
import { delay, filter, firstValueFrom, Subject } from 'rxjs';
import { safeParse } from 'valibot';
import { WebSocket } from 'ws';
import { buildPrograms, type Built } from '../../bench/lib/build.js';
import { inRounds } from '../../bench/lib/inRounds.js';
import { inTurns } from '../../bench/lib/inTurns.js';
import { median } from '../../bench/lib/median.js';
import { addFact, addUnordered, type Cost, createMeter, type Meter } from '../../bench/lib/meter.js';
import { type Serving, startPartner, startServer } from '../../bench/lib/processes.js';
import { type Runner, runRound } from '../../bench/lib/runRound.js';
import { type ContestantName, contestants } from '../../bench/throughput/contestants.js';
import { type Course, writeCourse } from '../../bench/throughput/course.js';
import { isRight, race, type Run } from '../../bench/throughput/race.js';
import { toMarkdown } from '../../bench/throughput/report.js';
import type { ServerReady, ServerTask } from '../../bench/throughput/server.js';
import { type Keyed, suites, type SuiteName } from '../../bench/throughput/suites.js';
import { type Expected, factOf, type Outcome, writeTraffic } from '../../bench/throughput/traffic.js';

const kinds = Object.keys(suites) as SuiteName[];
const names = Object.keys(contestants) as ContestantName[];

const written = (kind: SuiteName, count: number, seed: number): { texts: string[]; expected: Expected } => {
  const texts: string[] = [];
  return { expected: writeTraffic(suites[kind], count, seed, (text) => texts.push(text)), texts };
};

/** The job in as few words as it takes. */
const judged = (kind: SuiteName, texts: readonly string[]): Outcome => {
  const suite = suites[kind];
  const seen = new Set<string>();
  const latest = new Map<string, number>();
  const counts = { delivered: 0, checksum: 0, duplicates: 0, rejected: 0, gaps: 0 };
  for (const text of texts) {
    const message = JSON.parse(text) as Keyed;
    const key = `${message.type} ${message.id}`;
    if (!safeParse(suite.schema, message).success) {
      counts.rejected += 1;
    } else if (seen.has(key)) {
      counts.duplicates += 1;
    } else {
      seen.add(key);
      if (message.id > (latest.get(message.type) ?? Infinity) + 1) counts.gaps += 1;
      latest.set(message.type, message.id);
      counts.delivered += 1;
      counts.checksum = addFact(
        counts.checksum,
        factOf(suite, suite.streams.indexOf(message.type), message.id),
      );
    }
  }
  return counts;
};

describe.each(kinds)('the traffic of %s', (kind) => {
  it('is decided by the seed', () => {
    expect(written(kind, 1_000, 1)).toStrictEqual(written(kind, 1_000, 1));
    expect(written(kind, 1_000, 1)).not.toStrictEqual(written(kind, 1_000, 2));
  });

  it('has 10 copies and 1 misfit in each thousand frames, and 20 streams', () => {
    const { texts } = written(kind, 3_000, 1);
    for (const from of [0, 1_000, 2_000]) {
      // The copies of a thousand may be of the thousand before.
      const before = judged(kind, texts.slice(0, from));
      const { duplicates, rejected } = judged(kind, texts.slice(0, from + 1_000));
      expect([duplicates - before.duplicates, rejected - before.rejected]).toStrictEqual([10, 1]);
    }
    expect(texts).toHaveLength(3_000);
    expect(new Set(texts.map((text) => (JSON.parse(text) as Keyed).type)).size).toBe(20);
  });

  it('says itself what is to be made of it', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { texts, expected } = written(kind, 2_000, seed);
        const ids = texts.map((text) => (JSON.parse(text) as Keyed).id);
        const untold = { duplicates: 0, rejected: 0 };

        expect(expected.job).toStrictEqual(judged(kind, texts));
        expect(expected.parsed).toStrictEqual({
          delivered: 2_000,
          checksum: ids.reduce(addFact, 0),
          ...untold,
        });
        expect(expected.frames).toStrictEqual({
          delivered: 2_000,
          checksum: texts.map(({ length }) => length).reduce(addFact, 0),
          ...untold,
        });
      }),
      { numRuns: 10 },
    );
  });

  it('begins and ends with a frame that is good and new', () => {
    const { texts } = written(kind, 2_000, 3);

    expect(judged(kind, texts.slice(0, 1)).delivered).toBe(1);
    expect(judged(kind, texts).delivered).toBe(judged(kind, texts.slice(0, -1)).delivered + 1);
  });

  it('has frames of one length, but for the misfits', () => {
    const lengths = written(kind, 2_000, 1)
      .texts.filter((text) => safeParse(suites[kind].schema, JSON.parse(text)).success)
      .map((text) => Buffer.byteLength(text));

    expect(new Set(lengths)).toStrictEqual(new Set([kind === 'trade' ? 216 : 1_482]));
  });

  it.each([0, -1_000, 1_500, NaN])('is not written for %s frames', (count) => {
    expect(() => written(kind, count, 1)).toThrow(
      new RangeError(`writeTraffic: count must be whole thousands, got ${count}`),
    );
  });
});

describe.each(kinds)('a small race of %s', (kind) => {
  const { expected } = written(kind, 2_000, 7);
  let runs: readonly Run[] = [];
  beforeAll(async () => {
    runs = await race([{ suite: kind, course: { kind }, frames: 2_000, seed: 7, names }], { rounds: 1 });
  }, 60_000);

  it.each(names)('%s delivers all that is new, in order, and nothing else', (contestant) => {
    const { delivered, checksum, duplicates, rejected, gaps } = expected[contestants[contestant].does];
    const run = runs.find((one) => one.contestant === contestant);

    expect(run?.outcome).toStrictEqual({
      delivered,
      checksum,
      duplicates,
      rejected,
      ...(contestant.startsWith('millrace') && { gaps }),
    });
    expect(run?.isRight).toBe(true);
    expect(run?.cpuUs).toHaveLength(1);
    expect(run?.cpuUs[0]).toBeGreaterThan(0);
    expect(run?.peakMb).toBeGreaterThan(1);
  });
});

describe('a run', () => {
  const right: Outcome = { delivered: 5, checksum: 4, duplicates: 3, rejected: 2, gaps: 1 };

  it('is right if every fact is', () => {
    expect(isRight(right, right)).toBe(true);
  });

  it('need not know of gaps', () => {
    const { delivered, checksum, duplicates, rejected } = right;

    expect(isRight({ delivered, checksum, duplicates, rejected }, right)).toBe(true);
  });

  it.each(Object.keys(right) as (keyof Outcome)[])('is wrong if %s is', (fact) => {
    expect(isRight({ ...right, [fact]: 0 }, right)).toBe(false);
  });

  it('may take a misfit for a duplicate only if it skims', () => {
    const skimmed = { ...right, duplicates: 4, rejected: 1 };

    expect([isRight(skimmed, right), isRight(skimmed, right, true)]).toStrictEqual([false, true]);
    expect(isRight({ ...right, duplicates: 4 }, right, true)).toBe(false);
  });
});

describe('inRounds', () => {
  it('turns every second round round, one run at a time', async () => {
    let running = 0;
    const order = await inRounds(3, ['a', 'b'], async (name, round) => {
      running += 1;
      await Promise.resolve();
      expect(running).toBe(1);
      running -= 1;
      return `${name}${round}`;
    });

    expect(order).toStrictEqual(['a0', 'b0', 'b1', 'a1', 'a2', 'b2']);
  });
});

describe('median', () => {
  it.each([
    [[3, 1, 2], 2],
    [[10, 9], 9.5],
    [[4], 4],
    [[], NaN],
  ])('of %j is %s', (values, middle) => {
    expect(median(values)).toBe(middle);
  });
});

describe('inTurns', () => {
  /** Who took each turn, where each needs so many. */
  const taken = async (needs: Readonly<Record<string, number>>): Promise<string[]> => {
    const order: string[] = [];
    let running = 0;
    const results = await inTurns(Object.keys(needs), async (name, turn) => {
      running += 1;
      await Promise.resolve();
      expect(running).toBe(1);
      running -= 1;
      order.push(`${name}${turn}`);
      return turn === needs[name]! - 1 ? name.toUpperCase() : undefined;
    });
    expect(results).toStrictEqual(Object.keys(needs).map((name) => name.toUpperCase()));
    return order;
  };

  it('turns every second turn round, and begins with each in turn', async () => {
    expect((await taken({ a: 4, b: 4, c: 4 })).join(' ')).toBe('a0 b0 c0 c1 b1 a1 b2 c2 a2 a3 c3 b3');
  });

  it('gives nobody a turn who has a result', async () => {
    expect((await taken({ a: 1, b: 3 })).join(' ')).toBe('a0 b0 b1 b2');
  });

  it('fails with whoever fails', async () => {
    await expect(inTurns(['a'], () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });
});

describe('startPartner', () => {
  it('hears what a program says, and tells when it has ended instead', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'millrace-partner-'));
    const program = join(dir, 'echo.mjs');
    writeFileSync(
      program,
      `process.stdin.once('data', (line) => { process.stdout.write(line); process.stdin.destroy(); });`,
    );
    const { say, hear, ended } = startPartner(program, {});
    say({ a: 1 });

    expect(await hear()).toStrictEqual({ a: 1 });
    await expect(hear()).rejects.toThrow(`${program} ended too early`);
    await ended;
    rmSync(dir, { recursive: true });
  });
});

describe('runRound', () => {
  const log: string[] = [];
  beforeEach(() => log.splice(0));

  /** A client that says these lines, and ends after the last, or when it is killed; either takes a while. */
  const runner = (name: string, lines: unknown[]): Runner => {
    const end$ = new Subject<void>();
    const ended = firstValueFrom(end$.pipe(delay(10)));
    void ended.then(() => log.push(`${name} gone`));
    return {
      name,
      ended,
      say: (line) => log.push(`${name} ${String(line)}`),
      hear: <T>() => {
        const line = lines.shift();
        if (lines.length === 0) end$.next();
        return line === undefined ? Promise.reject(new Error('too early')) : Promise.resolve(line as T);
      },
      kill: () => {
        log.push(`${name} killed`);
        end$.next();
      },
    };
  };
  const order = ({ name }: Runner, turn: number): void => {
    log.push(`${name} ${turn}`);
  };

  it('lets a turn begin when the client knows, and everybody end by himself', async () => {
    const a = runner('a', ['ready', 'over', 'ready', 'A']);
    const b = runner('b', ['ready', 'over', 'ready', 'B']);

    expect(await runRound([a, b], order)).toStrictEqual(['A', 'B']);
    expect(log.join(', ')).toBe(
      'a go, a 0, b go, b 0, b go, b 1, a go, a 1, b gone, a gone, a killed, b killed',
    );
  });

  it('tells who failed, in which turn, and leaves nobody behind', async () => {
    const a = runner('a', ['ready', 'over', 'ready', 'A']);
    const b = runner('b', ['ready', 'over']);

    await expect(runRound([a, b], order)).rejects.toMatchObject({
      message: 'b failed in turn 1',
      cause: new Error('too early'),
    });
    expect(log).toStrictEqual(expect.arrayContaining(['a gone', 'b gone']));
  });

  it('fails with who is out of step', async () => {
    await expect(runRound([runner('a', ['over', 'over'])], order)).rejects.toMatchObject({
      cause: new Error('"over" is not what to begin with'),
    });
    expect(log).not.toContain('a 0');
  });
});

describe('the server', () => {
  const course: Course = { kind: 'trade', streams: 7, lines: 2 };
  const sentBy = [1_000, 3_000, 4_000];
  let built: Built;
  let server: Serving<ServerReady>;
  beforeEach(async () => {
    built = await buildPrograms(['bench/throughput/server.ts']);
    const task: ServerTask = { course, frames: 4_000, seed: 1, sentBy };
    server = await startServer(join(built.dir, 'throughput/server.mjs'), task);
  });
  afterEach(async () => {
    await server.stop(); // and with it its sockets: one that lives on keeps jest from ending
    built.remove();
  });

  it('sends the frames of a turn when told so, to whom it is told, and no others', async () => {
    const { ready, say } = server;
    const frames: string[][] = [[], []];
    writeCourse(course, 4_000, 1, (text, line) => frames[line]!.push(text));
    const got: string[] = [];
    const wanted = new Subject<number>();
    for (const client of [5, 6]) {
      for (const line of [0, 1]) {
        new WebSocket(`${ready.url}${client}/${line}`).on('message', (data: Buffer) => {
          got.push(`${client} ${line} ${data.toString()}`);
          wanted.next(got.length);
        });
      }
    }
    const all: string[] = [];
    for (const [turn, client] of [5, 6, 6, 5, 5].map((one, index) => [[0, 0, 1, 1, 2][index]!, one])) {
      const had = got.length;
      const count = sentBy[turn!]! - (sentBy[turn! - 1] ?? 0);
      const done = firstValueFrom(wanted.pipe(filter((length) => length === had + count)));
      say({ client, turn });
      await done;
      all.push(...got.slice(had).map((text) => `${turn} ${text}`));
    }

    for (const line of [0, 1]) {
      const of = (client: number): string[] =>
        all.filter((text) => text.startsWith(`${client} ${line} `, 2)).map((text) => text.slice(6));
      expect(of(5)).toStrictEqual(frames[line]);
      expect(of(6)).toStrictEqual(frames[line]!.slice(0, of(6).length));
    }
    expect(all).toHaveLength(4_000 + 3_000);
    expect(got).toHaveLength(all.length);
  }, 20_000);
});

describe('createMeter', () => {
  afterEach(() => jest.useRealTimers());

  /** Does so many things of a hundred, in one go. */
  const metered = (things: number): Promise<ReturnType<Meter['sum']>> =>
    new Promise((resolve) => {
      const { start, tally, sum } = createMeter({ deliveredBy: [100], warmUp: 0, idleMs: 20 }, () =>
        resolve(sum()),
      );
      start();
      for (let thing = 0; thing < things; thing += 1) tally(thing);
    });

  it('counts what is done beyond the total', async () => {
    expect((await metered(103)).delivered).toBe(103);
  });

  it.each([99, 0])('gives up on who does not get there with %i', async (things) => {
    expect((await metered(things)).delivered).toBe(things);
  });

  describe('that reads a clock of ours', () => {
    let nowMs = 0;
    /** Works for so long, on a core and a half. */
    const spend = (ms: number): void => {
      nowMs += ms;
    };
    beforeEach(() => {
      nowMs = 7_000;
      jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
      jest
        .spyOn(process, 'cpuUsage')
        .mockImplementation(() => ({ user: nowMs * 1_000, system: nowMs * 500 }));
    });
    afterEach(() => jest.restoreAllMocks());

    it('sees a delay that lasts from the beginning to the end', async () => {
      const { loopDelayMaxMs, wallMs } = await new Promise<Cost>((resolve) => {
        const { start, tally } = createMeter({ deliveredBy: [1], warmUp: 0 }, resolve);
        start();
        spend(50); // nothing else gets a turn
        tally(1);
      });

      expect([wallMs, loopDelayMaxMs]).toStrictEqual([50, 40]);
    });

    it('counts no time between turns, but what is done in it', async () => {
      let turns = 0;
      const { cpuMs, wallMs, loopDelayMaxMs } = await new Promise<Cost>((resolve) => {
        const work = (): void => {
          start();
          spend(11);
          [1, 2].forEach(tally);
        };
        const { start, tally } = createMeter(
          {
            deliveredBy: [2, 4, 6],
            warmUp: 1,
            onTurn: () => {
              turns += 1;
              spend(50); // not within a turn
              work();
            },
          },
          resolve,
        );
        work();
      });

      expect(turns).toBe(2);
      expect(cpuMs).toStrictEqual([91.5, 91.5]);
      expect(wallMs).toBe(22);
      expect(loopDelayMaxMs).toBe(1);
    });
  });

  it('gives up on who does more between two turns, and not before the next', () => {
    jest.useFakeTimers();
    let isDone = false;
    const { start, tally } = createMeter({ deliveredBy: [2, 4], warmUp: 1, idleMs: 20 }, () => {
      isDone = true;
    });
    start();
    [1, 2, 3, 4].forEach(tally);
    jest.advanceTimersByTime(100);
    const wasDone = isDone;
    start();
    jest.advanceTimersByTime(100);
    jest.useRealTimers();

    expect([wasDone, isDone]).toStrictEqual([false, true]);
  });

  it('has given up for good when the last message comes after all', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const costs: Cost[] = [];
    const { start, tally, sum } = createMeter({ deliveredBy: [2], warmUp: 0, idleMs: 20 }, (cost) => {
      costs.push(cost);
    });
    start();
    tally(1);
    jest.advanceTimersByTime(100);
    tally(2); // in the same pass of the event loop
    jest.useRealTimers();
    await new Promise((resolve) => setImmediate(resolve));

    expect(sum().delivered).toBe(2);
    expect(costs.map(({ cpuMs }) => cpuMs.length)).toStrictEqual([1]);
  });

  it('tells an order from another', () => {
    const of = (...facts: number[]): number => facts.reduce(addFact, 0);

    expect(of(1, 2, 3)).not.toBe(of(1, 3, 2));
    expect(of(7e9, 7e9 + 1)).not.toBe(of(7e9 + 1, 7e9));
  });

  it('tells facts apart where no order is to be kept', () => {
    const of = (...facts: number[]): number => facts.reduce(addUnordered, 0);

    expect(of(7e9, 7e9 + 1, 3)).toBe(of(3, 7e9 + 1, 7e9));
    expect(of(7e9, 7e9 + 2)).not.toBe(of(7e9 + 1, 7e9 + 1));
    expect(of(7e9)).not.toBe(of(7e9 + 2 ** 32));
  });
});

describe('buildPrograms', () => {
  it('leaves nothing behind, and takes nothing else away', async () => {
    const { dir, remove } = await buildPrograms(['bench/throughput/server.ts']);
    const built = existsSync(`${dir}/throughput/server.mjs`);
    remove();

    expect([built, existsSync(dir), existsSync('node_modules/ws')]).toStrictEqual([true, false, true]);
  });
});

describe('toMarkdown', () => {
  const run = (contestant: string, round: number, cpuUs: readonly number[], isRight = true): Run => ({
    suite: 'trade',
    contestant,
    round,
    isRight,
    outcome: { delivered: 1, checksum: 1, duplicates: 0, rejected: 0 },
    cpuUs,
    wallUs: 8,
    loopDelayMaxMs: 2,
    peakMb: 50,
  });
  const rows = (runs: readonly Run[]): string[] => toMarkdown(runs).split('\n').slice(4, -1);

  it('compares turns of the same round, of the runs that are right', () => {
    expect(
      rows([
        run('reference', 0, [8, 8]),
        run('millrace', 0, [4, 4]),
        run('millrace', 1, [0.1, 0.1], false),
        run('reference', 1, [8, 8]),
        run('reference', 2, [100, 1_000]),
        run('broken', 0, [1, 1], false),
      ]),
    ).toStrictEqual([
      '| reference | 1.00 | – | – | 8.00 | 188.67 | 125 000 | 2.0 | 50 | 3 of 3 |',
      '| millrace | 2.00 | – | – | 4.00 | 4.00 | 125 000 | 2.0 | 50 | 1 of 2 |',
      '| broken | – | – | – | – | – | – | – | – | 0 of 1 |',
    ]);
  });

  it('is not led astray by a machine that is slow now and then, whoever it hits more', () => {
    const [, row] = rows([
      run('reference', 0, [8, 16, 16, 8, 8]),
      run('millrace', 0, [4, 8, 8, 8, 4]), // of these the median is 8
    ]);

    expect(row).toMatch(/^\| millrace \| 2\.00 \|/);
  });

  it('compares no turns of different rounds', () => {
    const [, row] = rows([
      run('reference', 0, [8, 8]),
      run('millrace', 0, [4, 4]),
      run('reference', 1, [80, 80, 80]),
      run('millrace', 1, [40, 40, 40]),
    ]);

    expect(row).toMatch(/^\| millrace \| 2\.00 \|/);
  });
});
