import { take } from 'rxjs';
import { HandshakeError, SocketClosedError } from 'millrace';
import { closes, refuses } from 'millrace/testing';
import { marbles } from '../marbles.js';
import { scene, trade } from '../scene.js';
import { feedOn, next, serve, soon, tick } from './loopback.js';

const dials = { 1: 1, 2: 2 };

describe('close', () => {
  it('CLO-04 code and reason of the server reach the feed, those of the feed reach the server', async () => {
    const server = await serve();
    const feed = feedOn(server.url);
    const ended = next(feed, 'disconnected');
    await feed.open();
    server.drop(4321, 'mäintenance');
    expect((await ended).error).toStrictEqual(new SocketClosedError(4321, 'mäintenance'));
    expect((await ended).error).toMatchObject({ code: 4321, reason: 'mäintenance' });

    await next(feed, 'connected');
    const closed = soon(server.ends$);
    await feed.close({ code: 4001, reason: 'fertig ✓' });
    expect(await closed).toMatchObject({ code: 4001, reason: 'fertig ✓' });
  });

  it('CLO-04 a hook closes its session with a code and a reason', async () => {
    const server = await serve();
    const feed = feedOn(server.url, {
      onConnected: (session, { isReconnect }) => {
        if (!isReconnect) session.close(4002, 'wrong region');
      },
    });
    const closed = soon(server.ends$);
    const ended = next(feed, 'disconnected');
    feed.stream('tick').subscribe();

    expect(await closed).toMatchObject({ code: 4002, reason: 'wrong region' });
    expect((await ended).error).toMatchObject({ code: 4002 });
  });

  it('CLO-08 the last unsubscribe closes the socket, with 1000', async () => {
    const server = await serve({ onConnection: (client) => client.send(tick(1)) });
    const feed = feedOn(server.url);
    const closed = soon(server.ends$);
    await soon(feed.stream('tick'));

    expect(await closed).toMatchObject({ code: 1000, reason: '' });
    expect(server.clients.size).toBe(0);
  });

  it(
    'CLO-08 after lingerMs, counted anew each time the last one leaves',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o', {}, { lingerMs: 5 });

      expectObservable(feed.stream('trade'), '^-!           ').toBe('');
      expectObservable(feed.stream('order'), '-----^-!      ').toBe('');
      expectObservable(feed.stream('trade'), '-----------^-!').toBe('');
      expectObservable(transport.dials$).toBe('1             ', dials);
      expectObservable(transport.closes$).toBe('------------------c', { c: { code: 1000, reason: '' } });
    }),
  );

  it(
    'CLO-11 a subscription after completion, or after an error, opens a new socket',
    marbles(({ expectObservable }) => {
      const script = { a: trade(1), r: refuses(404), x: closes(1000) };
      const soon = { initialMs: 3, jitter: 'none' } as const;
      const completed = scene(['o-x', 'oa'], script, {
        reconnect: { ...soon, policies: { normal: { action: 'complete' } } },
      });
      expectObservable(completed.feed.stream('trade')).toBe('--|');
      expectObservable(completed.feed.stream('trade').pipe(take(1)), '-----^').toBe('------(a|)', script);
      expectObservable(completed.transport.dials$).toBe('1----2', dials);

      const failed = scene(['--r', 'oa'], script, { reconnect: soon });
      expectObservable(failed.feed.stream('trade')).toBe(
        '--#',
        undefined,
        new HandshakeError(404, undefined, {}),
      );
      expectObservable(failed.feed.stream('trade').pipe(take(1)), '-----^').toBe('------(a|)', script);
      expectObservable(failed.transport.dials$).toBe('1----2', dials);
    }),
  );
});
