import { concatMap, filter, firstValueFrom, range, take, timeout } from 'rxjs';
import * as v from 'valibot';
import { createFeed, type FeedEvent, isBalanced } from 'millrace';
import { startExchange } from 'millrace/testing';

const Trade = v.object({ type: v.literal('trade'), symbol: v.string(), seq: v.number(), id: v.number() });

describe('rotation on real sockets', () => {
  it('ten in a row under 3 000 messages a second lose nothing and repeat nothing, and leave one socket', async () => {
    const exchange = await startExchange({ tickMs: 1, replayOnReconnect: 0 });
    const feed = createFeed({
      url: exchange.url,
      subscriptions: {
        subscribe: (args, id) => ({ op: 'subscribe', args, id }),
        unsubscribe: (args, id) => ({ op: 'unsubscribe', args, id }),
        ack: (message) => {
          const { type, id, ok } = message as { type: string; id: number; ok: boolean };
          return type === 'ack' ? { id, ok } : undefined;
        },
      },
      isControl: (message) => /welcome|heartbeat/.test((message as { type: string }).type),
      streams: {
        trade: { schema: Trade, key: (t) => t.id, topic: (t) => t.symbol, sequence: { of: (t) => t.seq } },
      },
    });
    try {
      const events: FeedEvent['type'][] = [];
      const last = new Map<string, number>();
      const steps: number[] = [];
      feed.events$.subscribe(({ type }) => events.push(type));
      feed.stream('trade').subscribe(({ symbol, seq }) => {
        const before = last.get(symbol);
        if (before !== undefined) steps.push(seq - before);
        last.set(symbol, seq);
      });
      await feed.open();
      const rotated$ = feed.events$.pipe(
        filter(({ type }) => type === 'rotated'),
        take(1),
      );
      await firstValueFrom(
        range(10).pipe(
          concatMap(() =>
            feed.stream('trade').pipe(
              take(100),
              filter((_, index) => index === 99),
            ),
          ),
          concatMap(() => {
            const done = firstValueFrom(rotated$);
            feed.rotate();
            return done;
          }),
          filter((_, index) => index === 9),
          timeout(18_000),
        ),
      );
      await firstValueFrom(feed.stream('trade').pipe(take(1)));

      expect(new Set(steps)).toStrictEqual(new Set([1]));
      expect(events.filter((type) => type === 'rotated')).toHaveLength(10);
      expect(events.filter((type) => /gap|late|rotateFailed|disconnected|overflow/.test(type))).toStrictEqual(
        [],
      );
      expect(isBalanced(feed.stats())).toBe(true);
      expect(exchange.stats().connections).toBe(11);
    } finally {
      await feed.close();
      // The client's end of a socket closes first.
      await firstValueFrom(exchange.clients$.pipe(filter((clients) => clients === 0)));
      await exchange.close();
    }
  });
});
