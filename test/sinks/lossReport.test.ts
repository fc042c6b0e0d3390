import { LossReport } from '../../src/sinks/lossReport.js';

describe('LossReport', () => {
  it('tells of the 1st, 2nd, 4th, 8th … loss, each bound for itself', () => {
    const told: unknown[] = [];
    const report = new LossReport({
      onLoss: ({ of, policy, count }) => told.push([of, policy, count]),
    });
    for (let lost = 0; lost < 9; lost += 1) report.count('buffer', 'drop-oldest');
    report.count('authentication', 'drop-newest');

    expect(told).toStrictEqual([
      ['buffer', 'drop-oldest', 1],
      ['buffer', 'drop-oldest', 2],
      ['buffer', 'drop-oldest', 4],
      ['buffer', 'drop-oldest', 8],
      ['authentication', 'drop-newest', 1],
    ]);
  });

  it('tells as one of what is lost by an end', () => {
    const onLoss = jest.fn();
    new LossReport({ onLoss }).tell('buffer', 'closed', 7);

    expect(onLoss.mock.calls).toStrictEqual([[{ of: 'buffer', policy: 'closed', count: 7 }]]);
  });

  it('says which of anything else are to be told, and asks nobody', () => {
    const onLoss = jest.fn();
    const report = new LossReport({ onLoss });
    const counts = Array.from({ length: 9 }, () => report.notice('unrouted'));

    expect(counts).toStrictEqual([1, 2, undefined, 4, undefined, undefined, undefined, 8, undefined]);
    expect(onLoss).not.toHaveBeenCalled();
  });

  it('counts anew after a reset', () => {
    const counts: number[] = [];
    const report = new LossReport({ onLoss: ({ count }) => counts.push(count) });
    report.count('buffer', 'drop-oldest');
    report.reset();
    report.count('buffer', 'drop-oldest');

    expect(counts).toStrictEqual([1, 1]);
  });
});
