import { Socket } from 'node:net';
import { EMPTY, map, noop, type Observable, of, take, timer, toArray } from 'rxjs';
import { type FeedConfig, InvalidProtocolsError } from 'millrace';
import { marbles } from '../marbles.js';
import { scene, told, type TestSchemas } from '../scene.js';
import { feedOn, next, serve, soon, tick } from './loopback.js';

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

describe('connect', () => {
  it(
    'CON-01 open() connects at once, without a subscriber, and the connection outlives the last of them',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o', {}, {}, { endMs: 12 });
      at(3, () => void feed.open());

      expectObservable(feed.stream('trade'), '-----^--!').toBe('');
      expectObservable(transport.dials$).toBe('           ---1', { 1: 1 });
      expectObservable(transport.closes$.pipe(take(1))).toBe(' 12ms (c|)', { c: { code: 1000, reason: '' } });
    }),
  );

  it(
    'CON-02 open() twice, and subscribers before and after the opening, make one socket',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('---o', {}, {}, { endMs: 12 });
      for (const ms of [0, 1, 5]) at(ms, () => void feed.open());
      for (const ms of [0, 2, 6]) at(ms, () => void feed.stream('trade').subscribe());

      expectObservable(transport.dials$).toBe('1', { 1: 1 });
    }),
  );

  it.each<[string, (url: string) => string | Promise<string> | Observable<string>]>([
    ['a value', (url) => url],
    ['a Promise', (url) => Promise.resolve(url)],
    ['an Observable', (url) => of(url)],
  ])('CON-03 a url function that yields %s is asked anew for each attempt', async (_kind, wrap) => {
    const server = await serve({ onConnection: (client) => client.drop(1012) });
    let asked = 0;
    const feed = feedOn(() => wrap(`${server.url}/${(asked += 1)}`));
    const paths = soon(
      server.dials$.pipe(
        map(({ url }) => url),
        take(3),
        toArray(),
      ),
    );
    feed.stream('tick').subscribe();

    expect(await paths).toStrictEqual(['/1', '/2', '/3']);
  });

  it('CON-04 a url function that throws, then rejects, is told of and asked again', async () => {
    const server = await serve({ onConnection: (client) => client.send(tick(1)) });
    let asked = 0;
    const feed = feedOn(() => {
      asked += 1;
      if (asked === 1) throw new Error('thrown');
      return asked === 2 ? Promise.reject(new Error('rejected')) : server.url;
    });
    const failures: unknown[] = [];
    feed.events$.subscribe((event) => event.type === 'retry' && failures.push(event.error));
    const value = soon(feed.stream('tick'));

    expect(await value).toStrictEqual({ type: 'tick', id: 1 });
    expect(failures).toStrictEqual([new Error('thrown'), new Error('rejected')]);
  });

  it.each<[string, unknown, string]>([
    ['no URL', () => 'http//oops', 'InvalidUrlError'],
    ['another scheme', () => 'ftp://feed.test', 'InvalidUrlError'],
    ['a number', () => 7, 'InvalidUrlError'],
    ['nothing', () => undefined, 'InvalidUrlError'],
  ])('CON-05 a url function that yields %s ends the feed at once, with its error', (_kind, url, name) => {
    marbles(({ flush }) => {
      const { feed, transport, events } = scene('o', {}, { url } as Partial<FeedConfig<TestSchemas>>);
      const errors: unknown[] = [];
      let dials = 0;
      transport.dials$.subscribe(() => (dials += 1));
      feed.stream('trade').subscribe({ error: (error: unknown) => errors.push(error) });
      flush();

      expect(told(events)).toStrictEqual(['0 disconnected', '0 gaveUp']);
      expect(errors).toMatchObject([{ name }]);
      expect(dials).toBe(0);
    })();
  });

  it.each<[string, unknown]>([
    ['no token', () => 'a b'],
    ['one of them twice', () => ['v1', 'v1']],
    ['nothing', () => undefined],
  ])(
    'CON-06 a protocols function that yields %s ends the feed at once, with its error',
    (_kind, protocols) => {
      marbles(({ flush }) => {
        const { feed, events } = scene('o', {}, { protocols } as Partial<FeedConfig<TestSchemas>>);
        const errors: unknown[] = [];
        feed.stream('trade').subscribe({ error: (error: unknown) => errors.push(error) });
        flush();

        expect(told(events)).toStrictEqual(['0 disconnected', '0 gaveUp']);
        expect(errors).toMatchObject([{ name: 'InvalidProtocolsError' }]);
      })();
    },
  );

  it(
    'CON-05 a url function that completes without a value is told of at each of its attempts',
    marbles(({ flush }) => {
      const { feed, events } = scene('o', {}, { url: () => EMPTY }, { endMs: 200 });
      feed.stream('trade').subscribe();
      flush();

      expect(told(events)).toStrictEqual(['0 disconnected', '0 retry', '75 disconnected', '75 retry']);
      expect(events.find(({ type }) => type === 'retry')).toMatchObject({
        error: new TypeError('url must yield a value, but its provider completed without one'),
      });
    }),
  );

  it.each<[string, NonNullable<FeedConfig<TestSchemas>['protocols']>, string | undefined, string]>([
    ['none', [], undefined, ''],
    ['one', 'v1.json', 'v1.json', 'v1.json'],
    ['several', ['v2.json', 'v1.json'], 'v2.json,v1.json', 'v2.json'],
    ['a function', () => 'v1.json', 'v1.json', 'v1.json'],
    ['an asynchronous function', () => Promise.resolve(['v1.json']), 'v1.json', 'v1.json'],
  ])('CON-06 subprotocols may be %s', async (_kind, protocols, offered, agreed) => {
    const server = await serve();
    const feed = feedOn(server.url, { protocols });
    const request = soon(server.dials$);
    const connected = next(feed, 'connected');
    feed.stream('tick').subscribe();

    expect((await request).headers['sec-websocket-protocol']).toBe(offered);
    expect((await connected).protocol).toBe(agreed);
  });

  it('CON-06 a subprotocol that is none is refused: at creation, or as the feed dials', async () => {
    const { url } = await serve();
    expect(() => feedOn(url, { protocols: ['v 1'] })).toThrow(TypeError);

    const feed = feedOn(url, { protocols: () => Promise.resolve(['v1', 'v1']) });
    const gaveUp = next(feed, 'gaveUp');
    feed.stream('tick').subscribe({ error: noop });
    expect((await gaveUp).error).toStrictEqual(new InvalidProtocolsError('protocols must not repeat one'));
  });

  it('CON-15 headers go with the handshake, and win over what millrace and ws would send', async () => {
    const server = await serve();
    const url = new URL(server.url);
    url.username = 'user';
    url.password = 'password';
    const headers = { 'X-Client': 'desk-7', Authorization: 'Bearer token', Host: 'venue.test' };
    const feed = feedOn(url, { socket: { headers } });
    const request = soon(server.dials$);
    feed.stream('tick').subscribe();

    expect((await request).headers).toMatchObject({
      'x-client': 'desk-7',
      authorization: 'Bearer token',
      host: 'venue.test',
    });
  });

  it('CON-16 importing millrace, and making a feed, starts no timer, draws no number and opens no socket', async () => {
    const spies = [
      ...(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'] as const).map((name) =>
        jest.spyOn(globalThis, name),
      ),
      jest.spyOn(Math, 'random'),
      jest.spyOn(Socket.prototype, 'connect'),
    ];
    const signals = process.eventNames().length;
    try {
      await jest.isolateModulesAsync(async () => {
        const { createFeed } = await import('millrace');
        const { object } = await import('valibot');
        createFeed({ url: 'ws://feed.test', streams: { any: { schema: object({}) } } });
      });
      expect(spies.map((spy) => spy.mock.calls.length)).toStrictEqual([0, 0, 0, 0, 0, 0]);
      expect(process.eventNames()).toHaveLength(signals);
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  });
});
