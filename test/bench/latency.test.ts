import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { BehaviorSubject, filter, firstValueFrom } from 'rxjs';
import { WebSocket, WebSocketServer } from 'ws';
import { type Batch, createBatch, firstId, type Stamped } from '../../bench/latency/batch.js';
import type { LatencyResult, LatencyTask } from '../../bench/latency/client.js';
import { offsetUsOf, stampUs } from '../../bench/latency/clock.js';
import { quantile } from '../../bench/latency/quantile.js';
import { isRight, type LatencyRun, toMarkdown, toTargets } from '../../bench/latency/report.js';
import type { PacedReady } from '../../bench/latency/server.js';
import { measureLatency } from '../../bench/latency/suite.js';
import { summarize } from '../../bench/latency/summarize.js';
import { type TakerName, takers } from '../../bench/latency/takers.js';
import { createWitness } from '../../bench/latency/witness.js';
import { buildPrograms, type Built } from '../../bench/lib/build.js';
import * as processes from '../../bench/lib/processes.js';
import { type Runner, runRound } from '../../bench/lib/runRound.js';
import { suites } from '../../bench/throughput/suites.js';

/** What a client reads from the bytes. */
function read(bytes: Buffer): Stamped[] {
  const frames: Stamped[] = [];
  for (let at = 0; at < bytes.length;) {
    expect([...bytes.subarray(at, at + 2)]).toStrictEqual([0x81, 126]);
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    frames.push(JSON.parse(bytes.toString('utf8', at + 4, end)) as Stamped);
    at = end;
  }
  return frames;
}

/** What a client reads from a batch that was sent. */
function sent({ frames, stamp }: Batch, index: number, sentAt: number): Stamped[] {
  const bytes = frames(index);
  stamp(bytes, sentAt);
  return read(bytes);
}

describe('createBatch', () => {
  const { streams } = suites.trade;

  it('goes on in every stream where the batch before ended', () => {
    const batch = createBatch(2 * streams.length);
    const { note, testimony } = createWitness();
    for (const index of [0, 1, 2]) sent(batch, index, 1_000_000_000_001).forEach(note);

    expect(testimony()).toStrictEqual({ delivered: 6 * streams.length, missing: 0, disordered: 0 });
  });

  it('writes nothing anew but numbers and stamps', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 1e12, max: 2e12 - 1 }), (index, sentAt) => {
        const batch = createBatch(4, streams.slice(0, 2));
        const [plain, stamped] = [sent(batch, 0, 1e12), sent(batch, index, sentAt)];
        const ids = [0, 0, 1, 1].map((later) => firstId + index * 2 + later);

        expect(stamped).toStrictEqual(plain.map((trade, at) => ({ ...trade, id: ids[at], sentAt })));
      }),
      { numRuns: 50 },
    );
  });

  it('deals the frames out to the streams it is given', () => {
    expect(sent(createBatch(4, streams.slice(0, 2)), 0, 1e12).map(({ type }) => type)).toStrictEqual(
      [0, 1, 0, 1].map((stream) => streams[stream]),
    );
  });

  it('leaves alone what it gave before', () => {
    const { frames, stamp } = createBatch(streams.length);
    const first = frames(0);
    stamp(first, 1e12);
    const before = Buffer.from(first);
    stamp(frames(1), 1.5e12);

    expect(first.equals(before)).toBe(true);
  });

  it.each([0, 3, -20])('is not made of %s frames', (size) => {
    expect(() => createBatch(size)).toThrow(
      new RangeError(`createBatch: size must be a multiple of 20 streams, got ${size}`),
    );
  });
});

describe('stampUs', () => {
  it('has thirteen digits, and does not go back', () => {
    const stamps = [stampUs(), stampUs(), stampUs()];

    expect(stamps.map((stamp) => String(Math.floor(stamp)).length)).toStrictEqual([13, 13, 13]);
    expect(stamps).toStrictEqual(stamps.toSorted((a, b) => a - b));
  });
});

describe('offsetUsOf', () => {
  it('is not misled by an interruption between two readings', () => {
    let us = 0;
    let reading = 0;
    const pass = (): number => {
      reading += 1;
      us += reading % 7 === 2 ? 1_000 : 1; // now and then somebody else gets a turn
      return us;
    };

    const offsetUs = offsetUsOf(
      () => pass() / 1_000,
      () => pass() + 5_000_000,
    );

    expect(Math.abs(offsetUs - 5_000_000)).toBeLessThan(1);
  });
});

describe('createWitness', () => {
  const trade = (type: string, number: number): Stamped => ({ type, id: firstId + number, sentAt: 0 });

  it('tells what is missing from what comes again', () => {
    const { note, testimony } = createWitness();
    [trade('a', 0), trade('b', 1), trade('a', 3), trade('a', 3), trade('a', 2), trade('a', 4)].forEach(note);

    expect(testimony()).toStrictEqual({ delivered: 6, missing: 3, disordered: 2 });
  });
});

describe('quantile', () => {
  it.each([
    [[1, 2, 3, 4], 0.5, 2],
    [[1, 2, 3, 4], 0.51, 3],
    [[1, 2, 3, 4], 1, 4],
    [[1, 2, 3, 4], 0, 1],
    [[], 0.5, NaN],
  ])('of %j at %s is %s', (values, share, expected) => {
    expect(quantile(values, share)).toBe(expected);
  });
});

describe('summarize', () => {
  it('leaves out the warm-up, and takes the middle of each turn and the end of all', () => {
    const tookUs = Float64Array.of(90, 91, 92, 3, 2, 1, 40, 60, 50);

    expect(summarize(tookUs, 3, 1)).toStrictEqual({ p50Us: [2, 50], p99Us: 60, p999Us: 60, maxUs: 60 });
    expect(tookUs).toStrictEqual(Float64Array.of(90, 91, 92, 3, 2, 1, 40, 60, 50));
  });

  it('tells the ends of two thousand trades apart', () => {
    const tookUs = Float64Array.from({ length: 2_000 }, (_, index) => 2_000 - index);

    expect(summarize(tookUs, 1_000, 0)).toStrictEqual({
      p50Us: [1_500, 500],
      p99Us: 1_980,
      p999Us: 1_998,
      maxUs: 2_000,
    });
  });

  it('has no middle of a turn that was not ended', () => {
    expect(summarize(Float64Array.of(9, 9, 1, 3, 7), 2, 1)).toMatchObject({ p50Us: [1], maxUs: 7 });
    expect(summarize(Float64Array.of(9), 2, 1)).toMatchObject({ p50Us: [], maxUs: NaN });
  });
});

const names = Object.keys(takers) as TakerName[];

describe('the server', () => {
  let built: Built;
  let server: processes.Serving<PacedReady>;
  beforeAll(async () => {
    built = await buildPrograms(['bench/latency/server.ts']);
  });
  beforeEach(async () => {
    server = await processes.startServer(join(built.dir, 'latency/server.mjs'), {});
  });
  afterEach(() => server.stop()); // and with it its sockets: one that lives on keeps jest from ending
  afterAll(() => built.remove());

  /** A client, and what it gets. */
  function enter(query: string): {
    trades: Stamped[];
    ages: number[];
    have: (count: number) => Promise<void>;
  } {
    const trades: Stamped[] = [];
    const ages: number[] = [];
    const count$ = new BehaviorSubject(0);
    new WebSocket(`${server.ready.url}/?${query}`).on('message', (data: Buffer) => {
      const trade = JSON.parse(data.toString()) as Stamped;
      ages.push(stampUs() - trade.sentAt);
      count$.next(trades.push(trade));
    });
    return {
      trades,
      ages,
      have: async (count) => {
        await firstValueFrom(count$.pipe(filter((length) => length >= count)));
      },
    };
  }

  it('sends what was ordered for a client, when it is here, and goes on with the next order', async () => {
    server.say({ client: 7, count: 40 });
    const { trades, have } = enter('client=7&perSecond=20000');
    await have(40);
    server.say({ client: 7, count: 60 });
    await have(100);
    const { note, testimony } = createWitness();
    trades.forEach(note);

    expect(testimony()).toStrictEqual({ delivered: 100, missing: 0, disordered: 0 });
  });

  it('is never faster than its pace, and stamps trades as they go', async () => {
    const { trades, ages, have } = enter('client=7&perSecond=20000');
    server.say({ client: 7, count: 20 });
    await have(20); // connected, and compiled
    const orderedAt = stampUs();
    server.say({ client: 7, count: 8_000 });
    await have(8_020);

    const early = trades.slice(20).map(({ sentAt }, index) => orderedAt + (index * 1e6) / 20_000 - sentAt);
    expect(Math.max(...early)).toBeLessThan(0);
    const sorted = ages.slice(20).sort((a, b) => a - b);
    expect(sorted[0]).toBeGreaterThan(0);
    expect(quantile(sorted, 0.5)).toBeLessThan(100_000); // the order takes four times as long
  });

  it('sends trades alone, at moments of their own, in the long run as many as it should', async () => {
    const { trades, have } = enter('client=7&perSecond=20000&arrivals=poisson');
    server.say({ client: 7, count: 20 });
    await have(20);
    const orderedAt = stampUs();
    server.say({ client: 7, count: 8_000 });
    await have(8_020);
    const { note, testimony } = createWitness();
    trades.forEach(note);
    const gaps = trades.slice(21).map(({ sentAt }, index) => sentAt - trades[index + 20]!.sentAt);
    const short = gaps.filter((us) => us < 50).length / gaps.length;

    expect(testimony()).toStrictEqual({ delivered: 8_020, missing: 0, disordered: 0 });
    expect(Math.min(...gaps)).toBeGreaterThan(0); // each has a write, and a stamp, of its own
    expect(trades[8_019]!.sentAt - orderedAt).toBeGreaterThan(0.9 * 8_000 * 50);
    expect(short).toBeGreaterThan(0.55); // of exponential gaps 1 - 1/e are shorter than their mean; of even ones hardly any
  });

  it('stamps each of the batches that are due at once', async () => {
    const { trades, have } = enter('client=7&perSecond=1000000');
    server.say({ client: 7, count: 2_000 });
    await have(2_000);

    // All are due within two milliseconds, and a timer runs at most once in each.
    expect(new Set(trades.map(({ sentAt }) => sentAt)).size).toBeGreaterThan(50);
  });

  it('stamps what it sends as fast as it can', async () => {
    const { trades, ages, have } = enter('count=20000&streams=2');
    const askedAt = stampUs();
    await have(20_000);
    const { note, testimony } = createWitness();
    trades.forEach(note);

    expect(testimony()).toStrictEqual({ delivered: 20_000, missing: 0, disordered: 0 });
    expect(trades[0]!.sentAt).toBeGreaterThan(askedAt);
    expect(trades[19_999]!.sentAt).toBeGreaterThan(trades[0]!.sentAt);
    expect(Math.min(...ages)).toBeGreaterThan(0);
  });
});

describe('a client', () => {
  let built: Built;
  let server: WebSocketServer;
  let client: processes.Partner;
  beforeAll(async () => {
    built = await buildPrograms(['bench/latency/client.ts']);
  });
  beforeEach(async () => {
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
  });
  afterEach(() => {
    client.kill();
    server.close();
  });
  afterAll(() => built.remove());

  /** What a client says that is sent trades of these numbers, turn by turn, each of the last so many seconds old. */
  async function told(
    numbers: readonly (readonly number[])[],
    seconds: readonly number[],
  ): Promise<LatencyResult> {
    const { port } = server.address() as AddressInfo;
    const task: LatencyTask = { taker: 'ws + JSON.parse', url: `ws://127.0.0.1:${port}`, turns: 2, each: 3 };
    const connected = once(server, 'connection') as Promise<[WebSocket]>;
    client = processes.startPartner(join(built.dir, 'latency/client.mjs'), task);
    const [result] = await runRound<LatencyResult, Runner>([{ name: 'client', ...client }], (_, turn) => {
      void connected.then(([socket]) => {
        const sentAt = stampUs() - seconds[turn]! * 1e6;
        for (const number of numbers[turn]!) {
          socket.send(JSON.stringify({ type: 'trade', id: firstId + number, sentAt }));
        }
      });
    });
    return result as LatencyResult;
  }

  it('tells how old trades were after the first half of the turns', async () => {
    const { p50Us, maxUs, ...testimony } = await told(
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
      [1_000, 100],
    );

    expect(testimony).toMatchObject({ delivered: 6, missing: 0, disordered: 0 });
    expect(p50Us).toHaveLength(1);
    expect(p50Us[0]).toBeGreaterThan(100e6);
    expect(maxUs).toBeGreaterThanOrEqual(p50Us[0]!);
    expect(maxUs).toBeLessThan(1_000e6);
  });

  it.each([
    ['is lost', [3, 5], { delivered: 5, missing: 1, disordered: 0 }],
    ['comes again', [3, 4, 4], { delivered: 6, missing: 0, disordered: 1 }],
  ])('gets to an end when a trade %s, and says so', async (_what, last, testimony) => {
    const result = await told([[0, 1, 2], last], [0, 0]);

    expect(result).toMatchObject(testimony);
    expect(isRight({ taker: 'ws + JSON.parse', arrivals: 'bursts', round: 0, total: 6, ...result })).toBe(
      false,
    );
  });
});

describe('a small run', () => {
  const config = { names, arrivals: 'poisson' as const, rounds: 1, perSecond: 2_000, turns: 5, each: 80 };
  const { startPartner } = processes;
  afterEach(() => jest.restoreAllMocks());

  it('delivers every trade to every contestant in short turns, and tells how long each took', async () => {
    const went: string[] = [];
    jest.spyOn(processes, 'startPartner').mockImplementation((program, task) => {
      const partner = startPartner(program, task);
      return {
        ...partner,
        say: (line) => {
          went.push((task as LatencyTask).taker);
          partner.say(line);
        },
      };
    });
    const runs = await measureLatency(config);

    expect(runs.map(({ taker, delivered }) => [taker, delivered])).toStrictEqual(
      names.map((taker) => [taker, 400]),
    );
    expect(runs.every(isRight)).toBe(true);
    for (const { p50Us, p99Us, maxUs } of runs) {
      // Two processes read one clock: with two, an age could be anything.
      expect(p50Us).toHaveLength(2);
      expect(Math.min(...p50Us)).toBeGreaterThan(0);
      expect(p99Us).toBeGreaterThanOrEqual(Math.min(...p50Us));
      expect(maxUs).toBeLessThan(60e6);
    }
    for (let turn = 0; turn < config.turns; turn += 1) {
      const inTurn = went.slice(turn * names.length, (turn + 1) * names.length);
      expect(inTurn.sort()).toStrictEqual(names.toSorted());
    }
  }, 60_000);

  it('tells who failed', async () => {
    jest.spyOn(processes, 'startPartner').mockImplementation((program, task) => ({
      ...startPartner(program, task),
      hear: () => Promise.reject(new Error('too early')),
    }));

    await expect(measureLatency({ ...config, names: ['millrace', 'reference'] })).rejects.toMatchObject({
      message: 'latency, poisson, round 0: millrace failed in turn 0',
      cause: new Error('too early'),
    });
  });
});

describe('a report', () => {
  const run = (
    taker: TakerName,
    p50Us: number | readonly number[],
    p99Us: number,
    more: Partial<LatencyRun> = {},
  ): LatencyRun => ({
    taker,
    arrivals: 'bursts',
    round: 0,
    total: 100,
    delivered: 100,
    missing: 0,
    disordered: 0,
    p50Us: [p50Us].flat(),
    p99Us,
    p999Us: 3,
    maxUs: 4,
    ...more,
  });

  it('counts no run that lost, or repeated', () => {
    expect(isRight(run('millrace', 1, 2))).toBe(true);
    expect(isRight(run('millrace', 1, 2, { delivered: 90 }))).toBe(false);
    expect(isRight(run('millrace', 1, 2, { missing: 1 }))).toBe(false);
    expect(isRight(run('millrace', 1, 2, { disordered: 1 }))).toBe(false);
  });

  it('gives medians of the runs that are right', () => {
    const runs = [run('reference', 10, 20), run('reference', 30, 40, { disordered: 1, round: 1 })];

    expect(toMarkdown(runs).split('\n')[4]).toBe('| reference | 10 | 20 | 3 | 4 | – | 1 of 2 |');
  });

  it('measures the middle by the bare socket, and the end by the reference', () => {
    const targets = toTargets([
      run('ws + JSON.parse', 100, 200),
      run('reference', 110, 400),
      run('millrace', 120, 300),
    ]);

    expect(targets.map(({ value, atMost }) => [value, atMost])).toStrictEqual([
      [1.2, 1.1],
      [0.75, 1],
    ]);
  });

  it('compares turns of the same round', () => {
    const [target] = toTargets([
      run('ws + JSON.parse', [200, 100, 200], 200),
      run('millrace', [120, 120, 240], 300), // of these the median is 120
      run('ws + JSON.parse', [1_000, 10, 10], 200, { round: 1 }),
      run('millrace', [1_200, 12, 12], 300, { round: 1 }),
    ]);

    expect(target?.value).toBe(1.2);
  });

  it('compares ends of the same round', () => {
    const [target] = toTargets([
      run('reference', 1, 400),
      run('millrace', 1, 300),
      run('reference', 1, 100, { round: 1 }),
      run('millrace', 1, 50, { round: 1 }),
      run('reference', 1, 1_000, { round: 2 }),
      run('millrace', 1, 100, { round: 2 }), // by medians 0.25, and all by the first round's as well
      run('millrace', 1, 1, { round: 3 }),
      run('reference', 1, 1, { round: 3, disordered: 1 }),
    ]);

    expect(target?.value).toBe(0.5);
  });

  it('keeps trades that came alone apart from those that came in bursts', () => {
    const runs = [
      run('ws + JSON.parse', 100, 200),
      run('millrace', 120, 300),
      run('ws + JSON.parse', 20, 200, { arrivals: 'poisson' }),
      run('millrace', 21, 100, { arrivals: 'poisson' }),
    ];

    expect(toTargets(runs).map(({ what, value }) => [what, value])).toStrictEqual([
      ['latency p50 at 20 000 a second, each alone, to that of ws + JSON.parse', 1.05],
      ['latency p50 at 20 000 a second, twenty at once, to that of ws + JSON.parse', 1.2],
    ]);
    expect(
      toMarkdown(runs)
        .split('\n')
        .filter((line) => line.startsWith('| mill') || line.startsWith('#')),
    ).toStrictEqual([
      '### Each trade alone, at any time (Poisson)',
      '| millrace | 21 | 100 | 3 | 4 | 1.05 | 1 of 1 |',
      '### Twenty at once, each millisecond',
      '| millrace | 120 | 300 | 3 | 4 | 1.20 | 1 of 1 |',
    ]);
  });

  it('has no target for what was not run', () => {
    expect(toTargets([run('millrace', 1, 2)])).toStrictEqual([]);
  });
});
