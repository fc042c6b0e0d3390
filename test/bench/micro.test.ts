import { map } from 'rxjs';
import { asking, piping, taking } from '../../bench/micro/case.js';
import type { CaseName } from '../../bench/micro/cases.js';
import { idOf, messageOf, textOf } from '../../bench/micro/messages.js';
import { isRight, type MicroRun, spread, toMarkdown, toTargets } from '../../bench/micro/report.js';
import { measureMicro } from '../../bench/micro/suite.js';

describe('a case', () => {
  it('takes new messages in every stretch', () => {
    const taken: number[] = [];
    const { fill, run } = taking(
      (index) => index,
      (message) => taken.push(message),
      () => taken.length,
      2,
    );
    fill();
    void run();
    fill();
    void run();

    expect(taken).toStrictEqual([0, 1, 2, 3]);
  });

  it('counts what is answered', () => {
    const { fill, run, done } = asking(
      (index) => index,
      (index) => (index === 1 ? undefined : index),
      3,
    );
    fill();
    void run();

    expect(done()).toBe(2);
  });

  it('counts what comes out of an operator', () => {
    const { fill, run, done } = piping(
      (index) => index,
      map((index) => index * 2),
      3,
    );
    fill();
    void run();

    expect(done()).toBe(3);
  });
});

describe('a message', () => {
  it('is numbered within its stream', () => {
    const [first, second] = [0, 20].map((index) => JSON.parse(textOf('trade')(index)) as object);

    expect(first).toMatchObject({ type: 'trade.BTC-USD', id: idOf(0) });
    expect(second).toMatchObject({ type: 'trade.BTC-USD', id: idOf(1) });
  });

  it('is of one stream if it is parsed already', () => {
    expect([0, 1].map((index) => messageOf('depth')(index))).toMatchObject([
      { type: 'depth.BTC-USD', id: idOf(0) },
      { type: 'depth.BTC-USD', id: idOf(1) },
    ]);
  });
});

describe('a report', () => {
  const run = (name: CaseName, ns: readonly number[], more: Partial<MicroRun> = {}): MicroRun => ({
    name,
    round: 0,
    due: 5,
    done: 5,
    ns,
    bytes: [90, 95, 100, 105, 110],
    ...more,
  });

  it('gives the fastest of the stretches, and the middle of the bytes', () => {
    const runs = [
      run('detectGaps', [9, 7, 8]),
      run('detectGaps', [1], { done: 4 }),
      run('ledger: receive, route, settle', [2], { bytes: [0] }),
    ];

    expect(toMarkdown(runs).split('\n').slice(2)).toStrictEqual([
      '| detectGaps | 7.0 | 100 | 5.0 |',
      '| ledger: receive, route, settle | 2.0 | 0 | – |',
      '',
    ]);
  });

  it('compares the fan-out with what rxjs has', () => {
    const [target] = toTargets([
      run('fan-out, each of 1 000 subscribers', [10]),
      run('Subject, each of 1 000 subscribers', [15]),
    ]);

    expect(target).toMatchObject({ value: 1.5, atLeast: 1.4 });
    expect(toTargets([])).toStrictEqual([]);
  });
});

describe('spread', () => {
  it.each([
    [[100, 100, 100], 0],
    [[90, 95, 100, 105, 110], 5],
    [[], NaN],
  ])('of %j is %s', (values, expected) => {
    expect(spread(values)).toBe(expected);
  });
});

describe('a small measurement', () => {
  it('is of all that went in, and of stretches in which nothing was collected', async () => {
    const names = [
      'dedupeBy, numbers',
      'fan-out, each of 1 000 subscribers',
      'whole feed without a socket, trade',
    ] as const;
    const runs = await measureMicro({ names, rounds: 1, warmUp: 1, stretches: 2 });

    expect(runs.map(({ name, due, done }) => [name, due, done])).toStrictEqual([
      [names[0], 15_000, 15_000],
      [names[1], 300_000, 300_000],
      [names[2], 15_000, 15_000],
    ]);
    expect(runs.every(isRight)).toBe(true);
    for (const { ns, bytes } of runs) expect([ns.length, bytes.length]).toStrictEqual([2, 2]);
  }, 60_000);
});
