import { asyncScheduler, map, type Observable, of, type Subscription, timer } from 'rxjs';
import * as v from 'valibot';
import { createFeed, type FeedConfig, isBalanced } from 'millrace';
import { createNumberedServer, HELLO, POISON, type Trade } from './numberedServer.js';
import type { Act, Cast } from './play.js';

/** What must hold, whatever is called from inside whichever callback. */
export const FACTS = {
  balanced: 'the books of the feed and of each stream balance in every callback',
  once: 'no value comes twice, to one listener or to two',
  ordered: 'what one connection brings keeps its order, and a lower number is told as late',
  ended: 'nothing comes after an end',
  blameless: 'no connection is given up for a silence of the feed’s own making, or a pause that was short',
  lively: 'a feed that is left alone goes on, unless it gave up',
  empty: 'nothing is held after close(): the line and all holes are empty',
  closed: 'a feed is CLOSED after close()',
  caught: 'nothing is thrown that nobody catches, and no hook fails',
  still: 'nothing runs on after close()',
};
export type Fact = keyof typeof FACTS;

export interface Stage {
  readonly settled: Observable<void>;
  /** A callback: the next act may be performed in it. */
  readonly cue: () => void;
  readonly breaks: (fact: Fact, how: unknown) => void;
}

export interface Actor {
  readonly perform: (act: Act) => void;
  /** Somebody listens if nobody does. */
  readonly attend: () => void;
  /** Takes back every pause, and all listeners leave. */
  readonly calmDown: () => void;
  /** How many messages it worked off so far. */
  readonly workedOff: () => number;
  readonly close: () => void;
  /** After `close()` and a while. */
  readonly inspect: () => void;
  readonly mayGiveUp: boolean;
}

const TradeSchema = v.object({
  type: v.literal('trade'),
  symbol: v.string(),
  id: v.number(),
  n: v.number(),
  dial: v.number(),
});
const OrderSchema = v.object({ type: v.literal('order'), orderId: v.string() });
type ActedSchemas = { readonly trade: typeof TradeSchema; readonly order: typeof OrderSchema };

const MOST_LISTENERS = 5;
const SUBSCRIPTIONS: NonNullable<FeedConfig<ActedSchemas>['subscriptions']> = {
  subscribe: (_topics, id) => ({ op: 'subscribe', id }),
  unsubscribe: () => ({ op: 'unsubscribe' }),
  ack: (message) => {
    const { type, id } = message as { readonly type?: string; readonly id?: number };
    return type === 'ack' && id !== undefined ? { id, ok: true } : undefined;
  },
};
const SKIM: NonNullable<FeedConfig<ActedSchemas>['skim']> = {
  route: (data) => (String(data).startsWith('{"type":"trade"') ? 'trade' : undefined),
  key: (data) => {
    const id = /"id":(\d+)/.exec(String(data))?.[1];
    return id === undefined ? undefined : Number(id);
  },
};

/** A feed as its cast says, watched in each of its callbacks. */
export function createActor(cast: Cast, { settled, cue, breaks }: Stage): Actor {
  const { overflow, reading, sequence } = cast;
  const server = createNumberedServer(cast, settled);
  let logins = 0;
  const feed = createFeed<ActedSchemas>({
    url: 'ws://test',
    transport: server.transport,
    random: () => 0.5,
    lingerMs: cast.lingerMs,
    heartbeat: { everyMs: 40, timeoutMs: 90, latencyEveryMs: 25 },
    reconnect: { jitter: 'none', initialMs: 5, maxMs: 20, stableMs: 50 },
    buffer: {
      maxItems: cast.maxItems,
      sliceMs: 2, // a socket that goes on is read 1 ms later: with less, two that share a turn could starve one another
      overflow,
      maxPauseMs: cast.maxPauseMs,
      ...(overflow === 'conflate' && { key: (data) => /"symbol":"(\w+)"/.exec(String(data))?.[1] }),
    },
    reader: reading.includes('reader'),
    ...(reading.includes('skim') && { skim: SKIM }),
    ...(reading === 'unpack' && {
      unpack: (decoded) => (Array.isArray(decoded) ? (decoded as unknown[]) : [decoded]),
    }),
    ...(cast.logsIn && { authenticate: () => (++logins % 3 === 0 ? of(undefined) : timer(5)) }),
    ...(cast.subscribes && { subscriptions: SUBSCRIPTIONS }),
    streams: {
      trade: {
        schema: TradeSchema,
        topic: ({ symbol }) => symbol,
        key: ({ symbol, id }) => {
          if (symbol === POISON) throw new Error('a key that cannot be told');
          return id;
        },
        ...(sequence !== 'none' && {
          sequence: {
            of: ({ id }) => id,
            scope: 'stream',
            ...((sequence === 'reordered' || sequence === 'both') && { reorder: { maxItems: 3, maxMs: 4 } }),
            ...((sequence === 'recovered' || sequence === 'both') && {
              recover: ({ after, before }) =>
                timer(cast.answerMs).pipe(map(() => [...server.missing(after, before), { type: 'trade' }])),
            }),
          },
        }),
      },
      order: { schema: OrderSchema, allowSilence: true },
    },
  });

  /** In every callback: the books are checked, and then whoever was called may do what he likes. */
  const called = (by: string): void => {
    const { streams, ...counts } = feed.stats();
    for (const page of [counts, ...Object.values(streams)])
      if (!isBalanced(page)) breaks('balanced', `${by}: ${JSON.stringify(page)}`);
    cue();
  };

  const listeners: Subscription[] = [];
  let pausedAt = Infinity;
  /** When the last pause ended that lasted too long. */
  let longPauseEndedAt = -Infinity;
  /** One is on, or was, while the connection was up: whoever hears of its end may let go. */
  const wasPausedTooLong = (at: number, upMs: number): boolean =>
    at - pausedAt >= cast.maxPauseMs || longPauseEndedAt >= at - upMs;
  /** Nothing is held back, or in one frame with what is conflated. */
  const comesInOrder =
    (sequence === 'none' || sequence === 'told') && !(overflow === 'conflate' && reading === 'unpack');
  const late = new Set<number>();
  /** When each trade was delivered, by the count of those that were. */
  const deliveries = new Map<number, number>();

  const createCritic = (): ((trade: Trade) => void) => {
    const seen = new Set<number>();
    const lastOf = new Map<string, number>();
    let highest = 0;
    return (trade) => {
      const { symbol, id, n, dial } = trade;
      const { delivered } = feed.stats().streams['trade']!;
      const before = deliveries.get(id) ?? delivered;
      deliveries.set(id, before);
      if (seen.has(id) || before !== delivered) breaks('once', trade);
      seen.add(id);
      // What is conflated takes the place of an older one of its symbol.
      const row = overflow === 'conflate' ? `${dial} ${symbol}` : `${dial}`;
      if (comesInOrder && n <= (lastOf.get(row) ?? 0)) breaks('ordered', trade);
      lastOf.set(row, n);
      if (sequence !== 'none' && id < highest && !late.has(id)) breaks('ordered', trade);
      highest = Math.max(highest, id);
    };
  };

  const join = (choice: number): void => {
    if (listeners.length >= MOST_LISTENERS) return;
    let isOver = false;
    const listen = <T>(values$: Observable<T>, judge: (value: T) => void): Subscription =>
      values$.subscribe({
        next: (value) => {
          if (isOver) breaks('ended', value);
          judge(value);
          called('next');
        },
        error: () => {
          isOver = true;
          called('error');
        },
        complete: () => {
          isOver = true;
          called('complete');
        },
      });
    if (choice > 3) listeners.push(listen(feed.stream('order'), () => undefined));
    else
      listeners.push(
        listen(feed.stream('trade', [undefined, undefined, 'BTC', 'ETH'][choice]), createCritic()),
      );
  };

  server.log$.subscribe(({ type }) => called(type));
  feed.events$.subscribe((event) => {
    if (event.type === 'late') late.add(event.sequence);
    if (event.type === 'hookFailed') breaks('caught', event);
    if (event.type === 'paused') pausedAt = event.at;
    if (event.type === 'resumed') {
      if (event.at - pausedAt >= cast.maxPauseMs) longPauseEndedAt = event.at;
      pausedAt = Infinity;
    }
    if (event.type === 'disconnected') {
      const { name } = (event.error ?? {}) as { readonly name?: string };
      if (name === 'HeartbeatTimeoutError') breaks('blameless', event);
      if (name === 'PauseTimeoutError' && !wasPausedTooLong(event.at, event.upMs)) breaks('blameless', event);
    }
    called(event.type);
  });

  return {
    mayGiveUp: overflow === 'error',
    perform({ do: deed, choice }) {
      if (deed === 'close') void feed.close({ timeoutMs: choice * 5 });
      if (deed === 'reconnect') feed.reconnect();
      if (deed === 'rotate') feed.rotate();
      if (deed === 'pause') feed.pause();
      if (deed === 'resume') feed.resume();
      if (deed === 'join') join(choice);
      if (deed === 'leave') listeners.splice(choice, 1)[0]?.unsubscribe();
      if (deed === 'leaveAll') for (const listener of listeners.splice(0)) listener.unsubscribe();
      if (deed === 'send') feed.send(JSON.parse(HELLO));
      if (deed === 'work') jest.setSystemTime(asyncScheduler.now() + choice);
      called(deed);
    },
    attend() {
      if (listeners.every(({ closed }) => closed)) join(0);
    },
    calmDown() {
      for (let count = 0; count < 100; count += 1) feed.resume();
      for (const listener of listeners.splice(0)) listener.unsubscribe();
    },
    workedOff() {
      const { received, held, dropped, conflated } = feed.stats();
      return received - held - dropped - conflated;
    },
    close: () => void feed.close({ timeoutMs: 0 }),
    inspect() {
      const { streams, ...counts } = feed.stats();
      for (const page of [counts, ...Object.values(streams)]) if (page.held !== 0) breaks('empty', page);
      feed.status$.subscribe(({ state }) => state === 'CLOSED' || breaks('closed', state)).unsubscribe();
    },
  };
}
