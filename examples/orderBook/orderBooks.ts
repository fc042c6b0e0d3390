import { type Synced, syncSnapshot, type SyncSnapshotConfig } from 'millrace';
import { defer, map, type Observable, type OperatorFunction } from 'rxjs';

/** A price and the quantity at it, as the venue writes them; a quantity of 0 removes the level. */
type Level = readonly [price: string, quantity: string];

/** The changes `U … u` of a book. */
export interface Depth {
  readonly s: string;
  readonly U: number;
  readonly u: number;
  readonly b: readonly Level[];
  readonly a: readonly Level[];
}

/** A book as of the update `lastUpdateId`, as `/api/v3/depth` answers it. */
export interface DepthSnapshot {
  readonly lastUpdateId: number;
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

/** A book as it is now: the same object with each change, a new one with each snapshot. */
export interface Book {
  readonly symbol: string;
  readonly updateId: number;
  readonly bids: ReadonlyMap<string, string>;
  readonly asks: ReadonlyMap<string, string>;
}

/** "How to manage a local order book correctly", Binance spot API, web socket streams. */
export const binanceRules = {
  key: ({ s }: Depth) => s,
  covers: ({ lastUpdateId }: DepthSnapshot, { u }: Depth) => u <= lastUpdateId,
  // U <= lastUpdateId + 1 <= u; the second half holds for whatever is not covered.
  joins: ({ lastUpdateId }: DepthSnapshot, { U }: Depth) => U <= lastUpdateId + 1,
  follows: (previous: Depth, { U }: Depth) => U === previous.u + 1,
  repeats: (previous: Depth, { u }: Depth) => u <= previous.u,
};

type Options = Omit<SyncSnapshotConfig<Depth, DepthSnapshot>, keyof typeof binanceRules | 'snapshot'>;

/** From the changes of many symbols to their books; one that cannot be vouched for is not emitted until it is whole again. */
export const orderBooks =
  (
    snapshot: (symbol: string) => Observable<DepthSnapshot>,
    options: Options = {},
  ): OperatorFunction<Depth, Book> =>
  (depth$) =>
    depth$.pipe(syncSnapshot({ ...binanceRules, snapshot, ...options }), toBooks());

/** The highest bid and the lowest ask, or `undefined` where that side is empty. */
export function bestOf({ bids, asks }: Book): {
  readonly bid: Level | undefined;
  readonly ask: Level | undefined;
} {
  const best = (side: ReadonlyMap<string, string>, isBetter: (a: number, b: number) => boolean) =>
    [...side].reduce<Level | undefined>(
      (so, level) => (so === undefined || isBetter(Number(level[0]), Number(so[0])) ? level : so),
      undefined,
    );
  return { bid: best(bids, (a, b) => a > b), ask: best(asks, (a, b) => a < b) };
}

interface MutableBook extends Book {
  updateId: number;
  readonly bids: Map<string, string>;
  readonly asks: Map<string, string>;
}

const toBooks = (): OperatorFunction<Synced<Depth, DepthSnapshot>, Book> => (synced$) =>
  defer(() => {
    const books = new Map<string, MutableBook>();
    return synced$.pipe(
      map((synced) => {
        if (synced.type === 'snapshot') {
          const { lastUpdateId, bids, asks } = synced.snapshot;
          const book = {
            symbol: synced.key,
            updateId: lastUpdateId,
            bids: new Map(bids),
            asks: new Map(asks),
          };
          books.set(synced.key, book);
          return book;
        }
        // A snapshot always comes first.
        const book = books.get(synced.key)!;
        const { u, b, a } = synced.delta;
        change(book.bids, b);
        change(book.asks, a);
        book.updateId = u;
        return book;
      }),
    );
  });

function change(side: Map<string, string>, levels: readonly Level[]): void {
  for (const [price, quantity] of levels) {
    if (Number(quantity) === 0) side.delete(price);
    else side.set(price, quantity);
  }
}
