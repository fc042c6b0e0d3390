import { once } from 'node:events';
import { connect } from 'node:net';
import { filter, firstValueFrom, takeUntil, tap } from 'rxjs';
import * as v from 'valibot';
import {
  createFeed,
  type FeedBufferConfig,
  type FeedConfig,
  isBalanced,
  type PauseTimeoutError,
} from 'millrace';
import { type Flood, heldMiB, rssMiB, startFlood, work } from './floods.js';

const COUNT = Number(process.env.LOAD_MESSAGES ?? 1_000_000);
const KEYS = 100;
/** What the sink takes for each value: the server is more than ten times faster. */
const SINK_US = 15;

const Quote = v.object({ type: v.literal('quote'), key: v.number(), seq: v.number() });
type Quotes = { readonly quote: typeof Quote };

const feedOn = (url: string, buffer: FeedBufferConfig, more: Partial<FeedConfig<Quotes>> = {}) =>
  createFeed<Quotes>({
    url,
    buffer,
    streams: { quote: { schema: Quote } },
    reconnect: { initialMs: 10 },
    ...more,
  });

const print = (title: string, figures: object): void => {
  process.stdout.write(`${title}: ${JSON.stringify(figures)}\n`);
};
const perSecond = (messages: number, began: bigint): number =>
  Math.round((messages * 1e9) / Number(process.hrtime.bigint() - began));

/** Messages a second that the server sends to a reader that does nothing but read. */
async function paceOf(flood: Flood): Promise<number> {
  const socket = connect(flood.port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n');
  const began = process.hrtime.bigint();
  let bytes = 0;
  socket.on('data', (data) => {
    bytes += data.length;
    // Half of what it sends, and more.
    if (bytes > COUNT * 20) socket.pause();
  });
  await once(socket, 'pause');
  const pace = perSecond(await flood.sent(), began);
  socket.destroy();
  return pace;
}

describe('under a flood', () => {
  it('pause loses nothing, holds little, and is not taken for silence', async () => {
    const flood = await startFlood(COUNT, KEYS);
    const serverPerSecond = await paceOf(flood);
    const feed = feedOn(
      flood.url,
      { overflow: 'pause', maxItems: 10_000 },
      { heartbeat: { everyMs: 20, timeoutMs: 20 } },
    );
    const told = new Map<string, number>();
    feed.events$.subscribe(({ type }) => told.set(type, (told.get(type) ?? 0) + 1));
    let seen = 0;
    let inOrder = true;
    const held: number[] = [];
    const mostRss: number[] = [];
    const began = process.hrtime.bigint();
    await firstValueFrom(
      feed.stream('quote').pipe(
        tap(({ seq }) => {
          work(SINK_US);
          inOrder &&= seq === seen;
          seen += 1;
          if (seen % (COUNT / 20) !== 0) return;
          held.push(heldMiB());
          mostRss.push(rssMiB());
        }),
        filter(() => seen === COUNT),
        takeUntil(feed.events$.pipe(filter(({ type }) => type === 'disconnected'))),
      ),
      { defaultValue: undefined },
    );
    const stats = feed.stats();
    print('pause', {
      serverPerSecond,
      sinkPerSecond: perSecond(COUNT, began),
      heldMiB: [Math.min(...held), Math.max(...held)],
      rssMiB: [Math.min(...mostRss), Math.max(...mostRss)],
      ...Object.fromEntries(told),
    });
    await feed.close({ timeoutMs: 100 });

    expect(inOrder).toBe(true);
    expect({ delivered: stats.delivered, dropped: stats.dropped, rejected: stats.rejected }).toStrictEqual({
      delivered: COUNT,
      dropped: 0,
      rejected: 0,
    });
    expect(isBalanced(stats)).toBe(true);
    expect(told.get('paused')).toBeGreaterThan(COUNT / 20_000);
    expect(told.get('disconnected')).toBeUndefined();
    // Flat: what is held does not grow with what has passed.
    expect(Math.max(...held) - held[0]!).toBeLessThan(32);
  });

  it('maxPauseMs ends a pause that is too long, and the feed returns', async () => {
    const flood = await startFlood(COUNT, KEYS);
    const feed = feedOn(flood.url, { overflow: 'pause', maxItems: 10_000, maxPauseMs: 20 });
    const ended = firstValueFrom(feed.events$.pipe(filter((event) => event.type === 'disconnected')));
    const returned = firstValueFrom(
      feed.events$.pipe(filter((event) => event.type === 'connected' && event.isReconnect)),
    );
    const subscription = feed.stream('quote').subscribe(() => work(SINK_US));
    const { error } = await ended;
    await returned;
    subscription.unsubscribe();
    await feed.close({ timeoutMs: 100 });
    print('maxPauseMs', { error: String(error) });

    expect((error as PauseTimeoutError).name).toBe('PauseTimeoutError');
  });

  it('conflate delivers of each key the newest that has arrived, in no longer than one drain', async () => {
    const flood = await startFlood(COUNT, KEYS);
    const arrived = new Map<number, number>();
    const waitsSince = new Map<number, number>();
    let seen = 0;
    /** Asked about what has to wait; what passes straight through is new anyhow. */
    const keyOf = (data: string | Uint8Array): number => {
      const [, key, seq] = /"key":(\d+),"seq":(\d+)/.exec(data as string)!.map(Number);
      arrived.set(key!, seq!);
      if (!waitsSince.has(key!)) waitsSince.set(key!, seen);
      return key!;
    };
    const feed = feedOn(flood.url, { overflow: 'conflate', key: keyOf });
    const last = new Map<number, number>();
    let stale = 0;
    let longestWait = 0;
    let inOrder = true;
    const began = process.hrtime.bigint();
    await firstValueFrom(
      feed.stream('quote').pipe(
        tap(({ key, seq }) => {
          work(SINK_US);
          seen += 1;
          if (seq < (arrived.get(key) ?? 0)) stale += 1;
          inOrder &&= seq > (last.get(key) ?? -1);
          longestWait = Math.max(longestWait, seen - (waitsSince.get(key) ?? seen));
          waitsSince.delete(key);
          last.set(key, seq);
        }),
        filter(() => [...last.values()].reduce((sum, seq) => sum + Number(seq >= COUNT - KEYS), 0) === KEYS),
      ),
    );
    const stats = feed.stats();
    await feed.close({ timeoutMs: 100 });
    print('conflate', {
      perSecond: perSecond(COUNT, began),
      delivered: stats.delivered,
      conflated: stats.conflated,
      longestWait,
      heldMiB: heldMiB(),
      rssMiB: rssMiB(),
    });

    expect({ stale, inOrder, dropped: stats.dropped }).toStrictEqual({ stale: 0, inOrder: true, dropped: 0 });
    expect(stats.delivered + stats.conflated).toBe(COUNT);
    // While a value waits for its turn, every other key has one, and no more.
    expect(longestWait).toBeLessThanOrEqual(KEYS);
    expect(stats.conflated).toBeGreaterThan(COUNT / 10);
  });
});
