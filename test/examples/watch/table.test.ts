import fc from 'fast-check';
import { paint } from '../../../examples/watch/paint.js';
import { type Row, table } from '../../../examples/watch/table.js';

const trade: Row = {
  name: 'trade',
  perSecond: 30.12,
  ageMs: 12,
  verdict: 'fresh',
  duplicates: 15,
  gaps: 1,
  rejects: 0,
  drops: 0,
  total: 1_234,
};
const order: Row = { name: 'order', perSecond: 0, verdict: 'quiet', total: 0 };
const ticker: Row = { ...trade, name: 'ticker', ageMs: 2_400, verdict: 'stale' };
const plain = (rows: readonly Row[], width: number): string[] =>
  table(rows, width).map((line) => paint(line, { width, colour: false }));

describe('table', () => {
  it('aligns its columns', () => {
    expect(plain([trade, ticker, order], 80)).toStrictEqual([
      'stream               msg/s    age  health      dups  gaps rejects  drops   total',
      'trade                 30.1   12ms  ● fresh       15     1       0      0    1234',
      'ticker                30.1   2.4s  ▲ stale       15     1       0      0    1234',
      'order                  0.0      –  ○ quiet        –     –       –      –       0',
    ]);
  });

  it.each([40, 72, 80, 120, 200])('has no line longer than %d cells', (width) => {
    const row: fc.Arbitrary<Row> = fc.record({
      name: fc.string({ unit: 'grapheme-ascii' }),
      perSecond: fc.double({ min: 0, max: 1e9, noNaN: true }),
      ageMs: fc.nat(1e9),
      verdict: fc.constantFrom('fresh', 'stale', 'waiting', 'quiet', 'unjudged'),
      duplicates: fc.nat(),
      gaps: fc.nat(),
      rejects: fc.nat(),
      drops: fc.nat(),
      total: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 5 }), (rows) => {
        const lines = plain(rows, width);
        const widest = Math.max(...lines.map((line) => line.length));
        expect(widest).toBeLessThanOrEqual(width);
        for (const line of lines) expect(line.length).toBe(widest);
      }),
    );
  });

  it('shows every column at 72 cells, and a long name cut short', () => {
    const [header, row] = plain([{ ...trade, name: 'a-name-that-is-long' }], 72);
    expect(header).toMatch(/^stream .*total$/);
    expect(row).toMatch(/^a-name-th… .* 1234$/);
  });

  it('paints a gap and a stale stream in red', () => {
    const [, line] = table([ticker], 80).map((each) => paint(each, { width: 80, colour: true }));
    expect(line).toContain('\u001B[31;1m   2.4s\u001B[0m');
    expect(line).toContain('\u001B[31;1m     1\u001B[0m');
  });
});
