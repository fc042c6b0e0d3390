import { stripVTControlCharacters } from 'node:util';
import type { ConnectionStatus } from '../../../src/streams/events.js';
import { emptyTally } from '../../../examples/watch/tally.js';
import { blockOf, ledger, screenOf, summaryOf, type View } from '../../../examples/watch/view.js';

const counts = {
  received: 1_234,
  delivered: 1_200,
  control: 20,
  rejected: 1,
  unrouted: 0,
  duplicate: 13,
  dropped: 0,
  conflated: 0,
  held: 0,
};
const connected: ConnectionStatus = { state: 'CONNECTED', generation: 2, attempt: 0, since: 8_000 };
const view: View = {
  title: 'simulated exchange, seed 1',
  startedAt: 1_000,
  now: 13_400,
  status: connected,
  latencyMs: 1,
  rows: [{ name: 'trade', perSecond: 30, ageMs: 12, verdict: 'fresh', total: 1_200 }],
  note: undefined,
  counts,
  log: Array.from({ length: 20 }, (_, n) => ({
    at: 1_000 + n * 1_000,
    text: `event ${n}`,
    tone: 'plain' as const,
  })),
};

/** No wide characters here, and none outside the basic plane. */
const cells = (line: string): number => line.length;

describe('screenOf', () => {
  it('shows connection, streams, ledger and the newest events', () => {
    expect(screenOf(view, { width: 120, height: 12, colour: false })).toStrictEqual([
      'simulated exchange, seed 1  00:12.4',
      '● CONNECTED for 5.4s  generation 2  attempt 0  latency 1ms',
      '',
      expect.stringMatching(/^stream .* total$/),
      expect.stringMatching(/^trade .* 1200$/),
      '',
      'ledger: received 1234 = delivered 1200 + control 20 + rejected 1 + duplicate 13 ✓ balanced',
      '',
      'events   Ctrl-C to stop',
      '00:17.0  event 17',
      '00:18.0  event 18',
      '00:19.0  event 19',
    ]);
  });

  it('counts the next retry down and tells the cause', () => {
    const cause = new Error('socket closed with 1006');
    const status: ConnectionStatus = {
      state: 'RECONNECTING',
      generation: 1,
      attempt: 1,
      since: 13_000,
      retryInMs: 1_700,
      cause,
    };
    const [, line] = screenOf({ ...view, status }, { width: 120, height: 30, colour: false });
    expect(line).toBe(
      '● RECONNECTING for 400ms  generation 1  attempt 1  next retry in 1.3s  socket closed with 1006',
    );
    const [, later] = screenOf({ ...view, status, now: 20_000 }, { width: 120, height: 30, colour: false });
    expect(later).toContain('next retry in 0ms');
  });

  it('takes the latency of the feed where nobody measured another', () => {
    const line = (status: ConnectionStatus) =>
      screenOf({ ...view, latencyMs: undefined, status }, { width: 120, height: 30, colour: false })[1];
    expect(line({ ...connected, latencyMs: 34 })).toContain('latency 34ms');
    expect(line(connected)).toContain('latency –');
  });

  it('says what is missing', () => {
    expect(
      screenOf({ ...view, note: 'no room for more rows' }, { width: 80, height: 30, colour: false }),
    ).toContain('no room for more rows');
  });

  it.each([
    [80, 24],
    [120, 40],
    [40, 10],
    [20, 3],
    [1, 1],
    [80, 0],
  ])('fills no more than %d × %d, with and without colour', (width, height) => {
    const cause = new Error('x'.repeat(300));
    const big = {
      ...view,
      status: { ...connected, cause },
      rows: Array.from({ length: 9 }, () => view.rows[0]!),
    };
    const plain = screenOf(big, { width, height, colour: false });
    const coloured = screenOf(big, { width, height, colour: true });
    expect(plain.length).toBeLessThanOrEqual(height);
    for (const line of plain) expect(cells(line)).toBeLessThanOrEqual(width);
    expect(coloured.map((line) => stripVTControlCharacters(line))).toStrictEqual(plain);
    expect(plain.join('')).not.toContain('\u001B');
  });
});

describe('blockOf', () => {
  it('is the screen without the events', () => {
    const block = blockOf(view, { width: 120, colour: false });
    expect(block).toStrictEqual(
      screenOf(view, { width: 120, height: 50, colour: false }).slice(0, block.length),
    );
    expect(block.at(-1)).toMatch(/balanced$/);
  });

  it('breaks the ledger rather than losing its verdict', () => {
    const block = blockOf(view, { width: 40, colour: false });
    expect(block.slice(-3)).toStrictEqual([
      'ledger: received 1234 = delivered 1200 +',
      'control 20 + rejected 1 + duplicate 13 ✓',
      'balanced',
    ]);
  });
});

describe('summaryOf', () => {
  it('ends with what happened and the whole ledger, each in one line where there is no edge', () => {
    const summary = summaryOf(view, { ...emptyTally, drops: 2 }, { width: Infinity, colour: false });
    expect(summary.slice(-2)).toStrictEqual([
      expect.stringMatching(/^ran 12.4s: 2 drops, 0 reconnects, 13 duplicates removed, .* 1 reject, /),
      ledger(counts, { zeros: true }),
    ]);
    expect(summary[1]).toMatch(/^● CONNECTED/);
  });

  it('stays within a terminal', () => {
    for (const line of summaryOf(view, emptyTally, { width: 80, colour: false }))
      expect(cells(line)).toBeLessThanOrEqual(80);
  });
});

describe('ledger', () => {
  it('writes the whole sum', () => {
    expect(ledger(counts, { zeros: true })).toBe(
      'ledger: received 1234 = delivered 1200 + control 20 + rejected 1 + unrouted 0 + duplicate 13 + dropped 0 + conflated 0 + held 0 ✓ balanced',
    );
  });

  it('says when it does not add up', () => {
    expect(ledger({ ...counts, received: 1_235 }, { zeros: false })).toMatch(/✗ NOT balanced$/);
  });
});
