import { type IdleRun, isRight, toMarkdown, toTargets } from '../../bench/idle/report.js';
import { measureIdle } from '../../bench/idle/suite.js';

const run = (holder: IdleRun['holder'], kB: number, more: Partial<IdleRun> = {}): IdleRun => ({
  holder,
  round: 0,
  connections: 10,
  messages: 0,
  connected: holder === 'nothing' ? 0 : 10,
  delivered: 0,
  heapUsed: kB * 750,
  external: kB * 250,
  rss: kB * 2_000,
  ...more,
});

describe('a run', () => {
  it.each<[boolean, IdleRun]>([
    [true, run('millrace', 1)],
    [false, run('millrace', 1, { connected: 9 })],
    [true, run('ws', 1, { messages: 3, delivered: 30 })],
    [false, run('ws', 1, { messages: 3, delivered: 29 })],
    [true, run('nothing', 1, { messages: 3 })],
    [false, run('nothing', 1, { connected: 1 })],
  ])('is right: %s', (right, of) => {
    expect(isRight(of)).toBe(right);
  });
});

describe('a report', () => {
  const runs = [run('nothing', 1_000), run('ws', 1_050), run('millrace', 1_250)];

  it('tells the whole connection from the share of the library', () => {
    expect(toMarkdown(runs).split('\n').slice(2)).toStrictEqual([
      '| ws | 5.0 | – | 10.0 | 1 of 1 |',
      '| millrace | 25.0 | 20.0 | 50.0 | 1 of 1 |',
      '',
    ]);
    expect(toTargets(runs).map(({ value, atMost }) => [value, atMost])).toStrictEqual([
      [25, 20],
      [20, 20],
    ]);
  });

  it('keeps what is idle after messages apart', () => {
    const later = runs.map((each) => ({ ...each, messages: 1_000, delivered: each.connected * 1_000 }));
    const lines = toMarkdown([...runs, ...later]).split('\n');

    expect(lines[4]).toBe('| ws, after 1 000 messages each | 5.0 | – | 10.0 | 1 of 1 |');
    expect(toTargets(later)).toStrictEqual([]);
  });
});

describe('a few connections', () => {
  it('are held, with all that came over them delivered', async () => {
    const runs = await measureIdle({ rounds: 1, connections: 3, messages: [0, 1_000] });

    expect(runs.map(({ holder, connected, delivered }) => [holder, connected, delivered])).toStrictEqual([
      ['nothing', 0, 0],
      ['ws', 3, 0],
      ['millrace', 3, 0],
      ['nothing', 0, 0],
      ['ws', 3, 3_000],
      ['millrace', 3, 3_000],
    ]);
    expect(runs.every(isRight)).toBe(true);
  }, 60_000);
});
