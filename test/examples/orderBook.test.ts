import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { map, of } from 'rxjs';
import {
  bestOf,
  type Book,
  type Depth,
  type DepthSnapshot,
  orderBooks,
} from '../../examples/orderBook/orderBooks.js';
import { marbles } from '../marbles.js';

const depth = (U: number, u: number, b: Depth['b'] = [], a: Depth['a'] = [], s = 'AAA'): Depth => ({
  s,
  U,
  u,
  b,
  a,
});
const asOf = (lastUpdateId: number): DepthSnapshot => ({
  lastUpdateId,
  bids: [
    ['9.5', '1'],
    ['10', '2'],
  ],
  asks: [
    ['11', '3'],
    ['10.5', '4'],
  ],
});

const shown = (book: Book): string => {
  const { bid, ask } = bestOf(book);
  return `${book.updateId} ${bid?.join('×')} ${ask?.join('×')}`;
};

describe('orderBooks', () => {
  it(
    'is the snapshot, then what each change makes of it; a quantity of 0 takes a level away',
    marbles(({ cold, expectObservable }) => {
      const depth$ = cold('x-a-b-c', {
        x: depth(4, 6, [['10', '9']]),
        a: depth(7, 7, [['10', '0.00']]),
        b: depth(8, 9, [['9.75', '5']], [['10.5', '0']]),
        c: depth(10, 10, [], [['10.25', '6']]),
      });
      const expected = '   s-a-b-c';

      expectObservable(
        depth$.pipe(
          orderBooks(() => of(asOf(6))),
          map(shown),
        ),
        '^------!',
      ).toBe(expected, {
        s: '6 10×2 10.5×4',
        a: '7 9.5×1 10.5×4',
        b: '9 9.75×5 11×3',
        c: '10 9.75×5 10.25×6',
      });
    }),
  );

  it.each([
    ['ends before its first change begins', 5, '--------'],
    ['ends just before its first change', 6, '---(sa)-'],
    ['ends within its first change', 7, '---(sa)-'],
    ['ends with its first change', 8, '---s----'],
  ])('joins a snapshot that %s', (_name, lastUpdateId, expected) =>
    marbles(({ cold, expectObservable }) => {
      const snapshot = cold('---s', { s: asOf(lastUpdateId) });
      const books$ = cold('a', { a: depth(7, 8) }).pipe(
        orderBooks(() => snapshot),
        map(({ updateId }) => updateId),
      );

      expectObservable(books$, '^-------!').toBe(expected, { s: lastUpdateId, a: 8 });
    })(),
  );

  it(
    'says nothing of a book with a hole until it has a new snapshot, and goes on with the other book',
    marbles(({ cold, expectObservable }) => {
      const snapshots: Record<string, DepthSnapshot[]> = { AAA: [asOf(6), asOf(9)], BBB: [asOf(1)] };
      const depth$ = cold('xya--d-e---f', {
        x: depth(6, 6),
        y: depth(1, 1, [], [], 'BBB'),
        a: depth(7, 7),
        d: depth(9, 9),
        e: depth(2, 2, [], [], 'BBB'),
        f: depth(10, 10),
      });
      const expected = '   xya----e-d-f';

      const books$ = depth$.pipe(
        orderBooks((symbol) => of(snapshots[symbol]!.shift()!), { retry: { initialMs: 4, jitter: 'none' } }),
        map(({ symbol, updateId }) => `${symbol} ${updateId}`),
      );
      expectObservable(books$, '^-----------!').toBe(expected, {
        x: 'AAA 6',
        y: 'BBB 1',
        a: 'AAA 7',
        e: 'BBB 2',
        d: 'AAA 9',
        f: 'AAA 10',
      });
    }),
  );

  it('has no best level on an empty side', () => {
    expect(bestOf({ symbol: 'AAA', updateId: 1, bids: new Map(), asks: new Map() })).toStrictEqual({
      bid: undefined,
      ask: undefined,
    });
  });
});

describe('examples/orderBook.ts', () => {
  it('has every book right at every change, whatever its venue loses', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'examples/orderBook.ts', '--seconds', '3'],
      { cwd: resolve(__dirname, '../..') },
    );

    expect(stdout).toMatch(/^AAAUSDT synced after \d+ ms/m);
    expect(stdout).toMatch(/^BBBUSDT [\d.]+ × [\d.]+ \| [\d.]+ × [\d.]+ as of \d+$/m);
    expect(stdout).toMatch(/^(AAA|BBB)USDT lost: gap$/m);
    expect(stdout).toMatch(/every book was right at every change\n$/);
  });
});
