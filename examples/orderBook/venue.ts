import { type FaultClient, startFaultServer } from 'millrace/testing';
import { asyncScheduler, defer, interval, map, type Observable, tap, timer } from 'rxjs';
import type { Depth, DepthSnapshot } from './orderBooks.js';

export interface Venue {
  readonly url: string;
  /** A book over "REST": it takes a while, and now and then it is an old one out of a cache. */
  snapshot(symbol: string): Observable<DepthSnapshot>;
  /** What the book was as of an update; `undefined` if that is too long ago, or no message ended there. */
  bookAt(symbol: string, updateId: number): DepthSnapshot | undefined;
  close(): Promise<void>;
}

export interface VenueConfig {
  readonly symbols: readonly string[];
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Milliseconds from one message of a symbol to the next. */
  readonly tickMs: number;
  /** Milliseconds from one lost message to the next. */
  readonly loseEveryMs: number;
  /** Milliseconds from one dropped connection to the next. */
  readonly dropEveryMs: number;
}

/** Messages of which each symbol's book is remembered. */
const REMEMBERED = 2_000;

/** A venue on loopback that speaks Binance's protocol of depth streams, and misbehaves: it loses messages and drops connections. */
export async function startVenue({ symbols, random, ...every }: VenueConfig): Promise<Venue> {
  const markets = new Map(symbols.map((symbol) => [symbol, createMarket(symbol, random)]));
  const wanted = new WeakMap<FaultClient, Set<string>>();
  let isLosing = false;

  const server = await startFaultServer({
    onMessage(client, data) {
      const { method, params, id } = JSON.parse(String(data)) as Request;
      const topics = wanted.get(client) ?? new Set();
      wanted.set(client, topics);
      for (const topic of params) {
        if (method === 'SUBSCRIBE') topics.add(topic);
        else topics.delete(topic);
      }
      client.send(JSON.stringify({ result: null, id }));
    },
  });

  const publish = (depth: Depth): void => {
    const stream = `${depth.s.toLowerCase()}@depth@100ms`;
    const data = { e: 'depthUpdate', E: asyncScheduler.now(), ...depth };
    for (const client of server.clients) {
      if (wanted.get(client)?.has(stream)) client.send(JSON.stringify({ stream, data }));
    }
  };

  const running = [
    interval(every.tickMs).pipe(
      tap(() => {
        const all = [...markets.values()].map((market) => market.move());
        const lost = isLosing ? Math.floor(random() * all.length) : -1;
        isLosing = false;
        all.filter((_, index) => index !== lost).forEach(publish);
      }),
    ),
    interval(every.loseEveryMs).pipe(tap(() => (isLosing = true))),
    interval(every.dropEveryMs).pipe(tap(() => server.drop(1001))),
  ].map((happening$) => happening$.subscribe());

  return {
    url: server.url,
    snapshot: (symbol) =>
      defer(() => {
        const market = markets.get(symbol)!;
        const answer = random() < 0.3 ? market.ago(5) : market.ago(0);
        return timer(20 + random() * 60).pipe(map(() => answer));
      }),
    bookAt: (symbol, updateId) => markets.get(symbol)?.at(updateId),
    close() {
      for (const happening of running) happening.unsubscribe();
      return server.close();
    },
  };
}

interface Request {
  readonly method: string;
  readonly params: readonly string[];
  readonly id: number;
}

const TICK = 100;
const money = (cents: number): string => (cents / TICK).toFixed(2);

/** One book: its middle walks, levels come and go around it; each change of a level is an update. */
function createMarket(symbol: string, random: () => number) {
  const bids = new Map<number, string>();
  const asks = new Map<number, string>();
  const past: DepthSnapshot[] = [];
  let middle = Math.round(10_000 + random() * 90_000);
  let last = Math.round(random() * 1_000_000);

  const levels = (side: ReadonlyMap<number, string>, sign: 1 | -1) =>
    [...side]
      .sort(([one], [other]) => sign * (one - other))
      .map(([cents, quantity]) => [money(cents), quantity] as const);

  const remember = (): void => {
    past.push({ lastUpdateId: last, bids: levels(bids, -1), asks: levels(asks, 1) });
    if (past.length > REMEMBERED) past.shift();
  };

  const move = (): Depth => {
    const first = last + 1;
    const changed = { b: new Map<string, string>(), a: new Map<string, string>() };
    const set = (name: 'b' | 'a', cents: number, quantity: string): void => {
      const side = name === 'b' ? bids : asks;
      if (quantity === '0') side.delete(cents);
      else side.set(cents, quantity);
      changed[name].set(money(cents), quantity);
      last += 1;
    };
    const some = (): string => (0.01 + random() * 5).toFixed(2);
    const away = (): number => 1 + Math.floor(random() * 20);

    middle += Math.floor(random() * 3) - 1;
    for (const cents of bids.keys()) if (cents >= middle) set('b', cents, '0');
    for (const cents of asks.keys()) if (cents <= middle) set('a', cents, '0');
    set('b', middle - away(), random() < 0.3 ? '0' : some());
    set('a', middle + away(), random() < 0.3 ? '0' : some());
    set('b', middle - 1, some());
    set('a', middle + 1, some());
    remember();
    return { s: symbol, U: first, u: last, b: [...changed.b], a: [...changed.a] };
  };

  for (let count = 0; count < 20; count++) move();
  return {
    move,
    at: (updateId: number) => past.find(({ lastUpdateId }) => lastUpdateId === updateId),
    /** So many messages ago. */
    ago: (messages: number) => past.at(-1 - messages)!,
  };
}
