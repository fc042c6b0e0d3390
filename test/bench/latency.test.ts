import { join } from 'node:path';
import * as fc from 'fast-check';
import { filter, firstValueFrom, Subject } from 'rxjs';
import { WebSocket } from 'ws';
import { batchOf, createBatch, firstId, type Stamped } from '../../bench/latency/batch.js';
import { offsetUsOf, stampUs } from '../../bench/latency/clock.js';
import { quantile } from '../../bench/latency/quantile.js';
import { isRight, type LatencyRun, toMarkdown, toTargets } from '../../bench/latency/report.js';
import type { PacedReady } from '../../bench/latency/server.js';
import { measureLatency } from '../../bench/latency/suite.js';
import { type TakerName, takers } from '../../bench/latency/takers.js';
import { createWitness } from '../../bench/latency/witness.js';
import { buildPrograms } from '../../bench/lib/build.js';
import { startServer } from '../../bench/lib/processes.js';
import { suites } from '../../bench/throughput/suites.js';

/** What a client reads from the bytes. */
function framesOf(bytes: Buffer): Stamped[] {
  const frames: Stamped[] = [];
  for (let at = 0; at < bytes.length;) {
    expect([...bytes.subarray(at, at + 2)]).toStrictEqual([0x81, 126]);
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    frames.push(JSON.parse(bytes.toString('utf8', at + 4, end)) as Stamped);
    at = end;
  }
  return frames;
}

describe('createBatch', () => {
  it('goes on in every stream where the batch before ended', () => {
    const { stamp } = createBatch(2 * batchOf);
    const { note, testimony } = createWitness();
    for (const index of [0, 1, 2]) framesOf(stamp(index, 1_000_000_000_001)).forEach(note);

    expect(testimony()).toStrictEqual({ delivered: 6 * batchOf, missing: 0, disordered: 0 });
  });

  it('writes the stamp, and nothing else anew', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 1e12, max: 2e12 - 1 }), (index, sentAt) => {
        const { stamp } = createBatch(4, 2);
        const [plain, stamped] = [framesOf(stamp(0, 1e12)), framesOf(stamp(index, sentAt))];
        const ids = [0, 0, 1, 1].map((later) => firstId + index * 2 + later);

        expect(stamped).toStrictEqual(plain.map((trade, at) => ({ ...trade, id: ids[at], sentAt })));
      }),
      { numRuns: 50 },
    );
  });

  it('deals the frames out to as many streams as asked for', () => {
    expect(framesOf(createBatch(4, 2).stamp(0, 1e12)).map(({ type }) => type)).toStrictEqual(
      [0, 1, 0, 1].map((stream) => suites.trade.streams[stream]),
    );
  });

  it('leaves alone what it gave before', () => {
    const { stamp } = createBatch(batchOf);
    const first = stamp(0, 1e12);
    const before = Buffer.from(first);
    stamp(1, 1.5e12);

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

const names = Object.keys(takers) as TakerName[];

describe('the server', () => {
  it('sends what was ordered for a client, when it is here, and goes on with the next order', async () => {
    const { dir, remove } = await buildPrograms(['bench/latency/server.ts']);
    const { ready, say, stop } = await startServer<PacedReady>(join(dir, 'latency/server.mjs'), {});
    const { note, testimony } = createWitness();
    const taken = new Subject<number>();
    const arrivalOf = (count: number): Promise<unknown> =>
      firstValueFrom(taken.pipe(filter((delivered) => delivered === count)));
    say({ client: 7, count: 40 });
    const first = arrivalOf(40);
    const socket = new WebSocket(`${ready.url}/?client=7&perSecond=20000`).on('message', (data: Buffer) => {
      note(JSON.parse(data.toString()) as Stamped);
      taken.next(testimony().delivered);
    });
    await first;
    const second = arrivalOf(100);
    say({ client: 7, count: 60 });
    await second;
    socket.terminate();
    await stop();
    remove();

    expect(testimony()).toStrictEqual({ delivered: 100, missing: 0, disordered: 0 });
  }, 20_000);
});

describe('a small run', () => {
  it('delivers every trade to every contestant, and tells how long each took', async () => {
    const runs = await measureLatency({ names, rounds: 1, perSecond: 2_000, turns: 5, each: 80 });

    expect(runs.map(({ taker, delivered, dropped }) => [taker, delivered, dropped])).toStrictEqual(
      names.map((taker) => [taker, 400, 0]),
    );
    expect(runs.every(isRight)).toBe(true);
    for (const { p50Us, p99Us, maxUs } of runs) {
      // Two processes read one clock: with two, an age could be anything.
      expect(p50Us).toHaveLength(4);
      expect(Math.min(...p50Us)).toBeGreaterThan(0);
      expect(p99Us).toBeGreaterThanOrEqual(Math.min(...p50Us));
      expect(maxUs).toBeLessThan(60e6);
    }
  }, 60_000);
});

describe('a report', () => {
  const run = (
    taker: TakerName,
    p50Us: number | readonly number[],
    p99Us: number,
    more: Partial<LatencyRun> = {},
  ): LatencyRun => ({
    taker,
    round: 0,
    total: 100,
    delivered: 100,
    missing: 0,
    disordered: 0,
    dropped: 0,
    p50Us: [p50Us].flat(),
    p99Us,
    p999Us: 3,
    maxUs: 4,
    ...more,
  });

  it('counts a run that dropped what it tells, and none that lost, or repeated', () => {
    expect(isRight(run('millrace', 1, 2, { delivered: 90, missing: 10, dropped: 10 }))).toBe(true);
    expect(isRight(run('millrace', 1, 2, { delivered: 90, missing: 10 }))).toBe(false);
    expect(isRight(run('millrace', 1, 2, { missing: 1 }))).toBe(false);
    expect(isRight(run('millrace', 1, 2, { disordered: 1 }))).toBe(false);
  });

  it('gives medians of the runs that are right', () => {
    const runs = [run('reference', 10, 20), run('reference', 30, 40, { disordered: 1, round: 1 })];

    expect(toMarkdown(runs).split('\n')[2]).toBe('| reference | 10 | 20 | 3 | 4 | 0 | 1 of 2 |');
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
      run('ws + JSON.parse', [100, 200, 200], 200),
      run('millrace', [120, 120, 240], 300), // of these the median is 120
      run('ws + JSON.parse', [1_000, 1_000, 1_000], 200, { round: 1 }),
      run('millrace', [1_200, 1_200, 1_200], 300, { round: 1 }),
    ]);

    expect(target?.value).toBe(1.2);
  });

  it('has no target for what was not run', () => {
    expect(toTargets([run('millrace', 1, 2)])).toStrictEqual([]);
  });
});
