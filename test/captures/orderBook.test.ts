import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFeed, type SyncEvent } from 'millrace';
import { serveRecording } from 'millrace/testing';
import { from, lastValueFrom, map, type Observable, of, tap, toArray } from 'rxjs';
import {
  bestOf,
  binanceRules,
  type Depth,
  type DepthSnapshot,
  orderBooks,
} from '../../examples/orderBook/orderBooks.js';
import { binanceSpot } from '../../examples/venues/binanceSpot.js';

/*
 * No recording holds two snapshots of one book, so the books are checked against what else the venue says of them: Binance's best
 * bid and ask as of an update, and at Gate.io the first message of a pair, which is the whole book, against the snapshot.
 */

const folder = process.env.MILLRACE_CAPTURES ?? join(__dirname, '../../../shared/captures');

interface Line {
  readonly dir: string;
  readonly raw: string;
  readonly url?: string;
}

const linesOf = (file: string): Line[] =>
  readFileSync(join(folder, file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

const framesOf = (file: string): unknown[] =>
  linesOf(file)
    .filter(({ dir }) => dir === 'in')
    .map(({ raw }) => JSON.parse(raw) as unknown);

const describeIf = (...files: readonly string[]): jest.Describe => {
  const isThere = files.every((file) => existsSync(join(folder, file)));
  if (!isThere) process.stderr.write(`captures skipped: ${folder} has not all of ${files.join(', ')}\n`);
  return isThere ? describe : describe.skip;
};

/** A level as text, to be compared; the best of a side come first. */
const levelsOf = (side: Iterable<readonly [string, string]>, sign: 1 | -1): string[] =>
  [...side].sort(([one], [other]) => sign * (Number(one) - Number(other))).map((level) => level.join(' '));

describeIf('binance-spot.ndjson', 'binance-spot.rest.ndjson')('binance-spot', () => {
  interface Ticker {
    readonly u: number;
    readonly s: string;
    readonly b: string;
    readonly B: string;
    readonly a: string;
    readonly A: string;
  }
  const file = 'binance-spot.ndjson';
  let depths: readonly Depth[];
  let tickers: readonly Ticker[];
  let snapshots: ReadonlyMap<string, DepthSnapshot>;

  beforeAll(() => {
    const frames = framesOf(file) as { readonly stream: string; readonly data: unknown }[];
    const on = (name: string): unknown[] =>
      frames.filter(({ stream }) => stream.includes(name)).map(({ data }) => data);
    depths = on('@depth') as Depth[];
    tickers = on('@bookTicker') as Ticker[];
    snapshots = new Map(
      linesOf('binance-spot.rest.ndjson').map(({ url, raw }) => [
        new URL(url!).searchParams.get('symbol')!,
        JSON.parse(raw) as DepthSnapshot,
      ]),
    );
  });

  const snapshotOf = (symbol: string): Observable<DepthSnapshot> => of(snapshots.get(symbol)!);

  it('comes out of a feed as books whose best levels are those of the tickers, wherever both end at one update', async () => {
    const server = await serveRecording(join(folder, file), { speed: Infinity, thenClose: 1000 });
    const feed = createFeed({
      ...binanceSpot({ symbols: [...snapshots.keys()], url: server.url }),
      reconnect: { policies: { normal: { action: 'complete' } } },
    });
    const events: SyncEvent[] = [];
    const best = new Map<string, string>();
    const books$ = feed.stream('depth').pipe(
      orderBooks(snapshotOf, { onEvent: (event) => events.push(event) }),
      tap((book) => {
        const { bid, ask } = bestOf(book);
        best.set(`${book.symbol} ${book.updateId}`, [bid, ask].join(' '));
      }),
    );
    const ends = new Map<string, number>();
    await lastValueFrom(books$.pipe(tap(({ symbol, updateId }) => ends.set(symbol, updateId))));
    await feed.close();
    await server.close();

    const both = tickers.filter(({ s, u }) => best.has(`${s} ${u}`));
    expect(both.length).toBeGreaterThan(20);
    for (const { s, u, b, B, a, A } of both)
      expect(best.get(`${s} ${u}`)).toBe(
        [
          [b, B],
          [a, A],
        ].join(' '),
      );
    expect(ends).toStrictEqual(new Map(depths.map(({ s, u }) => [s, u])));
    expect(
      events.map(({ type }) => type).filter((type) => type !== 'started' && type !== 'synced'),
    ).toStrictEqual([]);
  });

  it('has snapshots that say what the changes before them said', () => {
    const told = depths.filter((depth) => binanceRules.covers(snapshots.get(depth.s)!, depth));

    expect(new Set(told.map(({ s }) => s))).toStrictEqual(new Set(snapshots.keys()));
    for (const { s } of told) {
      const { bids, asks } = snapshots.get(s)!;
      const last = new Map(told.filter((depth) => depth.s === s).flatMap(({ b, a }) => [...b, ...a]));
      const whole = new Map([...bids, ...asks]);
      for (const [price, quantity] of last) expect(whole.get(price) ?? '0.00000000').toBe(quantity);
    }
  });

  it.each<[string, (all: readonly Depth[], at: number) => readonly Depth[], readonly string[]]>([
    ['one is cut', (all, at) => all.toSpliced(at, 1), ['lost NKNUSDT']],
    ['two are swapped', (all, at) => all.toSpliced(at, 2, all[at + 1]!, all[at]!), ['lost NKNUSDT']],
    ['one is repeated', (all, at) => all.toSpliced(at, 0, all[at]!), []],
  ])(
    'reports a fault once, on the right book, and leaves the others alone: %s',
    async (_name, edit, expected) => {
      const clean = depths.filter(({ s }) => s !== 'NKNUSDT');
      const nkn = edit(
        depths.filter(({ s }) => s === 'NKNUSDT'),
        70,
      );
      const events: SyncEvent[] = [];
      const books = await lastValueFrom(
        from([...nkn, ...clean]).pipe(
          orderBooks(snapshotOf, { onEvent: (event) => events.push(event) }),
          map(({ symbol, updateId }) => `${symbol} ${updateId}`),
          toArray(),
        ),
      );

      expect(
        events.filter(({ type }) => type === 'lost').map(({ type, key }) => `${type} ${key}`),
      ).toStrictEqual(expected);
      const isAfter = ({ s, u }: Depth): boolean => u > snapshots.get(s)!.lastUpdateId;
      for (const { s, u } of clean.filter(isAfter)) expect(books).toContain(`${s} ${u}`);
      const last = depths.filter(({ s }) => s === 'NKNUSDT').at(-1)!;
      expect(books.includes(`NKNUSDT ${last.u}`)).toBe(expected.length === 0);
    },
  );
});

describeIf('gateio-v4.ndjson', 'gateio-v4.rest.ndjson')('gateio-v4', () => {
  let depths: readonly Depth[];
  let snapshots: ReadonlyMap<string, DepthSnapshot>;

  beforeAll(() => {
    const frames = framesOf('gateio-v4.ndjson') as {
      readonly channel: string;
      readonly event: string;
      readonly result: Depth;
    }[];
    depths = frames
      .filter(({ channel, event }) => channel === 'spot.order_book_update' && event === 'update')
      .map(({ result }) => result);
    snapshots = new Map(
      linesOf('gateio-v4.rest.ndjson').map(({ url, raw }) => {
        const { id, bids, asks } = JSON.parse(raw) as { readonly id: number } & DepthSnapshot;
        return [new URL(url!).searchParams.get('currency_pair')!, { lastUpdateId: id, bids, asks }];
      }),
    );
  });

  /** The first message of some pairs is the book as a whole, cut off as the snapshot is: at 100 levels a side. */
  const wholeFirst = (): Depth[] =>
    [...snapshots].flatMap(([symbol, { bids, asks }]) => {
      const first = depths.find(({ s }) => s === symbol)!;
      return first.b.length === bids.length && first.a.length === asks.length ? [first] : [];
    });

  it('has books that, from their first message on, become the snapshot, level by level', async () => {
    const firsts = wholeFirst();
    expect(firsts.length).toBeGreaterThanOrEqual(5);
    let changes = 0;

    for (const first of firsts) {
      const { lastUpdateId, bids, asks } = snapshots.get(first.s)!;
      const until = depths.filter(({ s, u }) => s === first.s && u <= lastUpdateId);
      changes += until.length - 1;
      const book = await lastValueFrom(
        from(until).pipe(orderBooks(() => of({ lastUpdateId: first.u, bids: first.b, asks: first.a }))),
      );

      expect(book.updateId).toBe(lastUpdateId);
      expect(levelsOf(book.bids, -1)).toStrictEqual(levelsOf(bids, -1));
      expect(levelsOf(book.asks, 1)).toStrictEqual(levelsOf(asks, 1));
    }
    expect(changes).toBeGreaterThan(0);
  });

  it('joins every snapshot to its changes without a gap', async () => {
    const events: SyncEvent[] = [];
    const ends = new Map<string, number>();
    await lastValueFrom(
      from(depths).pipe(
        orderBooks((symbol) => of(snapshots.get(symbol)!), { onEvent: (event) => events.push(event) }),
        tap(({ symbol, updateId }) => ends.set(symbol, updateId)),
      ),
    );

    expect(ends).toStrictEqual(new Map(depths.map(({ s, u }) => [s, u])));
    expect(new Set(events.map(({ type }) => type))).toStrictEqual(new Set(['started', 'synced']));
  });
});
