/**
 * Order books by Binance's rules: `npx tsx examples/orderBook.ts --seconds 5`. The venue is a simulated one on loopback; it loses
 * messages, drops connections and answers with old snapshots. Each book is compared with the venue's own at every change.
 */
import { parseArgs } from 'node:util';
import { createFeed, type SyncEvent } from 'millrace';
import { fromEvent, groupBy, merge, mergeMap, NEVER, takeUntil, tap, throttleTime, timer } from 'rxjs';
import { bestOf, type Book, orderBooks } from './orderBook/orderBooks.js';
import { startVenue } from './orderBook/venue.js';
import { binanceSpot } from './venues/binanceSpot.js';

const { values } = parseArgs({ options: { seconds: { type: 'string' } } });
const seconds = values.seconds === undefined ? Infinity : Number(values.seconds);
if (!(seconds > 0)) throw new RangeError(`--seconds must be above 0, got '${String(values.seconds)}'`);

const symbols = ['AAAUSDT', 'BBBUSDT'];
const venue = await startVenue({
  symbols,
  random: Math.random,
  tickMs: 50,
  loseEveryMs: 1_200,
  dropEveryMs: 2_700,
});
const feed = createFeed({
  ...binanceSpot({ symbols, url: venue.url }),
  reconnect: { initialMs: 100, maxMs: 1_000 },
});

const count = { changes: 0, synced: 0, lost: 0, failed: 0, wrong: 0 };

/** Levels in one order, whichever they came in. */
const textOf = (levels: Iterable<readonly [string, string]>): string => [...levels].sort().join(' ');

function compare({ symbol, updateId, bids, asks }: Book): void {
  const real = venue.bookAt(symbol, updateId);
  count.changes += 1;
  if (real && textOf(real.bids) === textOf(bids) && textOf(real.asks) === textOf(asks)) return;
  count.wrong += 1;
  console.log(`${symbol} is wrong as of ${updateId}`);
}

function tell(event: SyncEvent): void {
  const { type, key } = event;
  if (type === 'synced') {
    count.synced += 1;
    console.log(
      `${key} synced after ${event.heldMs} ms, ${event.discarded} changes were in the snapshot already`,
    );
  } else if (type === 'lost') {
    count.lost += 1;
    console.log(`${key} lost: ${event.reason}`);
  } else if (type === 'failed') {
    count.failed += 1;
    console.log(`${key} ${(event.error as Error).message}; again in ${Math.round(event.retryInMs)} ms`);
  }
}

const print = (book: Book): void => {
  const { bid, ask } = bestOf(book);
  console.log(`${book.symbol} ${bid?.join(' × ')} | ${ask?.join(' × ')} as of ${book.updateId}`);
};

const end$ = merge(
  seconds === Infinity ? NEVER : timer(seconds * 1_000),
  fromEvent(process, 'SIGINT'),
  fromEvent(process, 'SIGTERM'),
);
const books = feed
  .stream('depth')
  .pipe(
    orderBooks((symbol) => venue.snapshot(symbol), {
      retry: { initialMs: 100, maxMs: 2_000 },
      onEvent: tell,
    }),
    tap(compare),
    groupBy(({ symbol }) => symbol),
    mergeMap((book$) => book$.pipe(throttleTime(500))),
    takeUntil(end$),
  )
  .subscribe(print);

await new Promise<void>((resolve) => books.add(resolve));
await feed.close();
await venue.close();
console.log(
  `${count.changes} changes, ${count.synced} snapshots, ${count.lost} times lost, ${count.failed} snapshots too old; ` +
    (count.wrong === 0 ? 'every book was right at every change' : `${count.wrong} books were wrong`),
);
process.exitCode = count.wrong === 0 && count.synced > 0 ? 0 : 1;
