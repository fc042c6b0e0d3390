import { config as rxjsConfig, delay, map, of, take, timer, toArray } from 'rxjs';
import * as v from 'valibot';
import { createFeed, jsonCodec, ProtocolError } from 'millrace';
import { refuses, startFaultServer } from 'millrace/testing';
import { marbles } from '../marbles.js';
import { scene, trade } from '../scene.js';
import { closedAfter, feedOn, next, serve, soon, tick } from './loopback.js';

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

describe('errors', () => {
  it('ERR-01 a frame that cannot be decoded is handed out as it came, and the streams go on', async () => {
    const server = await serve();
    const feed = feedOn(server.url);
    const rejected = soon(feed.rejected$);
    await feed.open();
    const value = soon(feed.stream('tick'));
    server.broadcast('{"type":"tick",');
    server.broadcast(tick(1));

    expect(await rejected).toMatchObject({
      reason: 'decode',
      raw: '{"type":"tick",',
      cause: { name: 'SyntaxError' },
    });
    expect(await value).toStrictEqual({ type: 'tick', id: 1 });
    expect(feed.stats()).toMatchObject({ received: 2, delivered: 1, rejected: 1 });
  });

  it('ERR-02 each feed has a codec of its own, for both ways', async () => {
    const server = await serve({ onConnection: (client) => client.send(new Uint8Array([1, 2, 3])) });
    const sent = soon(
      server.received$.pipe(
        map(({ data }) => data),
        take(1),
        toArray(),
      ),
    );
    const bytes = closedAfter(
      createFeed({
        url: server.url,
        codec: {
          decode: (data) => ({
            type: 'bytes',
            sum: [...(data as Uint8Array)].reduce((sum, byte) => sum + byte),
          }),
          encode: (message) => new Uint8Array([message as number]),
        },
        streams: { bytes: { schema: v.object({ type: v.literal('bytes'), sum: v.number() }) } },
      }),
    );
    const json = feedOn(server.url, { codec: { ...jsonCodec } });
    const undecodable = soon(json.rejected$);

    expect(await soon(bytes.stream('bytes'))).toStrictEqual({ type: 'bytes', sum: 6 });
    await bytes.open();
    bytes.send(7);
    expect((await sent).map((data) => [...(data as Uint8Array)])).toStrictEqual([[7]]);
    await json.open();
    expect(await undecodable).toMatchObject({ reason: 'decode' });
  });

  it('ERR-03 a frame above maxPayload ends the connection with 1009 on both sides, and the feed returns', async () => {
    const server = await serve({
      onConnection: (client) => client.send(client.id === 1 ? 'x'.repeat(1_001) : tick(client.id)),
    });
    const feed = feedOn(server.url, { socket: { maxPayload: 1_000 } });
    const ended = next(feed, 'disconnected');
    const farewell = soon(server.ends$);
    const value = soon(feed.stream('tick'));

    const { error } = await ended;
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ name: 'ProtocolError', code: 1009 });
    const { code, reason } = await farewell;
    expect([code, Buffer.byteLength(reason) <= 123]).toStrictEqual([1009, true]);
    expect(await value).toStrictEqual({ type: 'tick', id: 2 });
  });

  it(
    'ERR-03 a message the codec cannot read breaks no protocol: it is rejected, and nothing is said to the server',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o-x-a', { x: '{', a: trade(1) }, {}, { endMs: 8 });

      expectObservable(feed.stream('trade')).toBe('----a---|', { a: trade(1) });
      expectObservable(transport.sends$).toBe('');
      expectObservable(transport.closes$.pipe(take(1))).toBe('--------(c|)', {
        c: { code: 1000, reason: '' },
      });
    }),
  );

  it(
    'ERR-04 a subscriber that throws misses nothing itself, and costs the others nothing',
    marbles(({ flush, expectObservable }) => {
      const uncaught: unknown[] = [];
      rxjsConfig.onUnhandledError = (error) => uncaught.push(error);
      const { feed } = scene('o-a-b', { a: trade(1), b: trade(2) }, {}, { endMs: 6 });
      let calls = 0;
      feed.stream('trade').subscribe(() => {
        calls += 1;
        throw new Error('my own fault');
      });

      expectObservable(feed.stream('trade')).toBe('--a-b-|', { a: trade(1), b: trade(2) });
      flush();
      rxjsConfig.onUnhandledError = null;
      expect(calls).toBe(2);
      expect(uncaught).toStrictEqual([new Error('my own fault'), new Error('my own fault')]);
      expect(feed.stats()).toMatchObject({ received: 2, delivered: 2 });
    }),
  );

  it(
    'ERR-04 a subscriber whose own operator throws gets that error alone',
    marbles(({ expectObservable }) => {
      const { feed } = scene('o-a-b', { a: trade(1), b: trade(2) }, {}, { endMs: 6 });
      const failure = new Error('my own fault');
      const fragile$ = feed.stream('trade').pipe(
        map(() => {
          throw failure;
        }),
      );

      expectObservable(fragile$).toBe('              --#', undefined, failure);
      expectObservable(feed.stream('trade')).toBe('--a-b-|', { a: trade(1), b: trade(2) });
    }),
  );

  it('ERR-06 whoever waits for the connection gets the failure of the dial, not a close', async () => {
    const server = await startFaultServer();
    closedAfter(server).refuse(404);
    const feed = feedOn(server.url);

    await expect(feed.open()).rejects.toMatchObject({ name: 'HandshakeError', status: 404 });
    await expect(soon(feed.stream('tick'))).rejects.toMatchObject({ name: 'HandshakeError', status: 404 });
  });

  it(
    'ERR-07 a feed that gives up errors its streams, and never completes them; each one once',
    marbles(({ flush }) => {
      const { feed } = scene(['o-a-#', 'r'], { a: trade(1), r: refuses(404) }, {}, { endMs: 500 });
      const ends: string[] = [];
      for (const name of ['trade', 'order'] as const) {
        feed.stream(name).subscribe({
          error: (error: unknown) => ends.push(`${name} ${(error as Error).name}`),
          complete: () => ends.push(`${name} complete`),
        });
      }
      flush();
      expect(ends).toStrictEqual(['trade HandshakeError', 'order HandshakeError']);
    }),
  );

  it(
    'ERR-07 what goes wrong after a stream has ended reaches nobody',
    marbles(({ expectObservable, flush }) => {
      const { feed, events } = scene('o-a--#', { a: trade(1) }, {}, { endMs: 20 });

      expectObservable(feed.stream('trade').pipe(take(1))).toBe('--(a|)', { a: trade(1) });
      flush();
      expect(events.some(({ type }) => type === 'disconnected' || type === 'gaveUp')).toBe(false);
    }),
  );

  it(
    'ERR-09 reference ids that start again from 0 find the request that is waiting',
    marbles(({ expectObservable }) => {
      const refOf = (message: unknown): unknown => (message as { ref?: number }).ref;
      const { feed } = scene(
        'o',
        {},
        {},
        { endMs: 60, reply: (message) => of({ ref: refOf(message), of: message }).pipe(delay(5)) },
      );
      void feed.open();
      // Ids of two bits, with three requests out at a time.
      for (let n = 0; n < 12; n += 1) {
        at(1 + 2 * n, () => {
          const ref = n % 4;
          feed.request({ ref, n }, { match: (message) => refOf(message) === ref }).subscribe((reply) => {
            expect(reply).toStrictEqual({ ref, of: { ref, n } });
            answered.push(n);
          });
        });
      }
      const answered: number[] = [];
      expectObservable(timer(50).pipe(map(() => answered.join()))).toBe('50ms (a|)', {
        a: '0,1,2,3,4,5,6,7,8,9,10,11',
      });
    }),
  );

  it(
    'ERR-09 acks whose ids wrap, or are all the same, confirm the topics they name',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        'o',
        {},
        {
          subscriptions: {
            subscribe: (topics, id) => ({ ref: id % 2, topic: topics[0]?.topic }),
            unsubscribe: () => undefined,
            ack: (message) => {
              const { ref, topic } = message as { ref?: number; topic: string };
              return ref === undefined
                ? undefined
                : { topics: [{ stream: 'trade', topic }], id: ref, ok: true };
            },
            batch: 1,
          },
        },
        { endMs: 60, reply: (message) => of(message).pipe(delay(5)) },
      );
      for (const topic of ['a', 'b', 'c', 'd', 'e']) feed.stream('trade', topic).subscribe();
      flush();
      expect(events.flatMap((event) => (event.type === 'subscribed' ? [event.topic] : []))).toStrictEqual([
        'a',
        'b',
        'c',
        'd',
        'e',
      ]);
    }),
  );
});
