import { gzipSync } from 'node:zlib';
import { createFeed, InflatedTooLargeError } from 'millrace';
import { filter, map, take, toArray } from 'rxjs';
import { htx } from '../../examples/venues/htx.js';
import { closedAfter, serve, soon } from '../behaviours/loopback.js';

const frame = (message: object): Buffer => gzipSync(JSON.stringify(message));

/** Trades of one symbol, in one frame. */
const trades = (...ids: number[]): Buffer =>
  frame({
    ch: 'market.btcusdt.trade.detail',
    ts: 1_700_000_000_000,
    tick: {
      id: 1,
      ts: 1_700_000_000_000,
      data: ids.map((tradeId) => ({
        id: tradeId,
        ts: 1_700_000_000_000,
        tradeId,
        amount: 0.001,
        price: 45_285.2,
        direction: 'buy',
      })),
    },
  });

const ack = frame({ id: '1', status: 'ok', subbed: 'market.btcusdt.trade.detail', ts: 1 });

describe('HTX, over a real socket', () => {
  it('delivers trades out of gzip frames, and answers pings in text', async () => {
    const heard: unknown[] = [];
    const server = await serve({
      onMessage: (client, data) => {
        const message = JSON.parse(data as string) as object;
        heard.push(message);
        if ('sub' in message) [ack, frame({ ping: 7 })].forEach((answer) => client.send(answer));
        if ('pong' in message) [trades(1, 2), trades(2, 3)].forEach((answer) => client.send(answer));
      },
    });
    const feed = closedAfter(createFeed(htx({ url: server.url })));
    const ids = await soon(
      feed.stream('trade', 'btcusdt').pipe(
        map(({ tradeId }) => tradeId),
        take(3),
        toArray(),
      ),
    );

    expect(ids).toStrictEqual([1, 2, 3]);
    expect(heard).toMatchObject([{ sub: 'market.btcusdt.trade.detail' }, { pong: 7 }]);
    expect(feed.stats()).toMatchObject({ delivered: 3, duplicate: 1, control: 2, rejected: 0 });
  });

  it('rejects a frame that inflates too far, and one that is no gzip, and goes on', async () => {
    const bomb = gzipSync(Buffer.alloc(32 * 1024 * 1024, 32));
    const server = await serve({
      onConnection: (client) => {
        for (const data of [bomb, Buffer.from('no gzip'), trades(1)]) client.send(data);
      },
    });
    const feed = closedAfter(createFeed(htx({ url: server.url })));
    const causes = soon(
      feed.rejected$.pipe(
        filter(({ reason }) => reason === 'decode'),
        map(({ cause }) => String(cause)),
        take(2),
        toArray(),
      ),
    );

    expect((await soon(feed.stream('trade'))).tradeId).toBe(1);
    expect(await causes).toStrictEqual([
      String(new InflatedTooLargeError(1024 * 1024)),
      'Error: incorrect header check',
    ]);
    expect(feed.stats()).toMatchObject({ delivered: 1, rejected: 2 });
  });
});
