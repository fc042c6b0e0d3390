import { filter, map, take, timer, toArray } from 'rxjs';
import * as v from 'valibot';
import {
  createFeed,
  type Data,
  type FeedConfig,
  RequestDisconnectedError,
  RequestTimeoutError,
  type SendResult,
  SocketClosedError,
} from 'millrace';
import { closes } from 'millrace/testing';
import { marbles } from '../marbles.js';
import { scene, type TestSchemas } from '../scene.js';
import { closedAfter, feedOn, next, serve, soon } from './loopback.js';

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

/** Frames as they are: what goes in comes out, text as a string, binary as bytes. */
const Frame = v.union([v.string(), v.instance(Uint8Array)]);
const rawCodec = { decode: (data: Data): unknown => data, encode: (message: unknown) => message as Data };

describe('send', () => {
  it('SND-01 what is sent before the connection is open arrives, in order, ahead of what is sent after', async () => {
    const server = await serve();
    const feed = feedOn(server.url);
    const received = soon(
      server.received$.pipe(
        map(({ data }) => data),
        take(4),
        toArray(),
      ),
    );
    const connected = next(feed, 'connected');
    for (const n of [1, 2, 3]) feed.send(n);
    feed.stream('tick').subscribe();
    await connected;
    feed.send(4);

    expect(await received).toStrictEqual(['1', '2', '3', '4']);
  });

  it(
    'SND-02 a full queue rejects the newest, and looking at the feed consumes nothing',
    marbles(({ expectObservable, flush }) => {
      const { feed, transport } = scene('-----o', {}, { outbox: { maxMessages: 2 } }, { endMs: 20 });
      const results: SendResult[] = [];
      feed.stream('trade').subscribe();
      at(1, () => results.push(feed.send('a'), feed.send('b'), feed.send('c')));
      at(2, () => {
        feed.stats();
        feed.health.status();
        feed.status$.pipe(take(1)).subscribe();
      });
      at(3, () => results.push(feed.send('d')));
      at(10, () => results.push(feed.send('e')));

      expectObservable(transport.sends$).toBe('-----(ab)-e');
      flush();
      expect(results).toStrictEqual(['queued', 'queued', 'rejected', 'rejected', 'sent']);
    }),
  );

  it.each([0, -1, NaN])('SND-02 a queue for %d messages is refused', (maxMessages) => {
    expect(() => scene('o', {}, { outbox: { maxMessages } })).toThrow(RangeError);
  });

  it('SND-03 says sent, queued or rejected: what was sent arrives, what was rejected does not', async () => {
    const server = await serve();
    const feed = feedOn(server.url, { outbox: { maxMessages: 1 } });
    const received = soon(
      server.received$.pipe(
        map(({ data }) => data),
        take(2),
        toArray(),
      ),
    );
    const results = [feed.send('first'), feed.send('too many')];
    await feed.open();
    results.push(feed.send('last'));

    expect(await received).toStrictEqual(['"first"', '"last"']);
    await feed.close();
    results.push(feed.send('after the end'));
    expect(results).toStrictEqual(['queued', 'rejected', 'sent', 'rejected']);
  });

  it.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('order')],
  ])('SND-03 %s cannot be encoded: send() throws, and nothing goes out', (_name, message) => {
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o', {}, {}, { endMs: 20 });
      feed.stream('trade').subscribe();
      at(2, () => expect(() => feed.send(message)).toThrow(TypeError));

      expectObservable(transport.sends$).toBe('');
    })();
  });

  it(
    'SND-04 what waits can be taken out by the caller: it comes encoded, oldest first, and is not sent',
    marbles(({ expectObservable, flush }) => {
      const { feed, transport } = scene('----o', {}, { codec: rawCodec }, { endMs: 20 });
      const bytes = Uint8Array.of(1, 2, 3);
      const taken: unknown[] = [];
      feed.stream('trade').subscribe();
      at(1, () => [feed.send('before'), feed.send(bytes)]);
      at(2, () => taken.push(feed.takeUnsent(), feed.takeUnsent()));
      at(3, () => feed.send('after'));

      expectObservable(transport.sends$).toBe('----a', { a: 'after' });
      flush();
      expect(taken).toStrictEqual([['before', bytes], []]);
    }),
  );

  it(
    'SND-04 the bytes that wait are counted: text in UTF-8, binary by its length, a view without its buffer',
    marbles(({ flush }) => {
      const { feed } = scene('----o', {}, { codec: rawCodec }, { endMs: 20 });
      const counts: number[] = [];
      const send = (data: Data): void => {
        feed.send(data);
        counts.push(feed.bufferedBytes);
      };
      feed.stream('trade').subscribe();
      at(1, () => {
        send('abc'); // 3
        send('héé'); // 5
        send(new Uint8Array(7));
        send(new Uint8Array(100).subarray(10, 21)); // 11
      });
      at(6, () => counts.push(feed.bufferedBytes));
      flush();

      expect(counts).toStrictEqual([3, 8, 15, 26, 0]);
    }),
  );

  it(
    'SND-05 a message for a closed feed is rejected without a throw, and is not sent by the next start either',
    marbles(({ expectObservable, flush }) => {
      const { feed, transport } = scene(['o', 'o'], {}, {}, { endMs: 30 });
      const results: SendResult[] = [];
      feed.stream('trade').subscribe();
      at(3, () => void feed.close());
      for (const ms of [3, 4, 8]) at(ms, () => results.push(feed.send('lost')));
      at(10, () => feed.reconnect());
      at(12, () => results.push(feed.send('kept')));

      expectObservable(transport.sends$).toBe('------------k', { k: 'kept' });
      flush();
      expect(results).toStrictEqual(['rejected', 'rejected', 'rejected', 'sent']);
    }),
  );

  it(
    'SND-06 a message sent during an outage waits for the next connection, however many dials that takes',
    marbles(({ expectObservable, flush }) => {
      const { feed, transport } = scene(['o-x', '#', '--o'], { x: closes(1012) }, {}, { endMs: 400 });
      const results: SendResult[] = [];
      feed.stream('trade').subscribe();
      for (const ms of [5, 100, 228]) at(ms, () => results.push(feed.send(ms)));

      expectObservable(transport.sends$).toBe('229ms (abc)', { a: 5, b: 100, c: 228 });
      flush();
      expect(results).toStrictEqual(['queued', 'queued', 'queued']);
    }),
  );

  it(
    'SND-06 a message that waited longer than outbox.maxAgeMs is not sent any more',
    marbles(({ expectObservable }) => {
      const outbox = { maxAgeMs: 10 } as FeedConfig<TestSchemas>['outbox'];
      const { feed, transport } = scene('20ms o', {}, outbox && { outbox }, { endMs: 40 });
      feed.stream('trade').subscribe();
      at(5, () => feed.send('too old'));
      at(15, () => feed.send('young'));

      expectObservable(transport.sends$).toBe('20ms y', { y: 'young' });
    }),
  );

  // Wait for requests that know whether they were written.
  const match = (message: unknown): boolean => (message as { reply?: boolean }).reply === true;
  it(
    'SND-06 a request that still waits in line outlives a reconnect, and is answered on the next connection',
    marbles(({ expectObservable }) => {
      const outbox = { rate: { max: 1, perMs: 20 } };
      const { feed, transport } = scene(
        ['o----x', 'o'],
        { x: closes(1012) },
        { outbox },
        { reply: (message) => (message === 'ask' ? { reply: true } : undefined), endMs: 200 },
      );
      feed.stream('trade').subscribe();
      at(1, () => feed.send('first'));

      expectObservable(feed.request('ask', { match }), '--^').toBe('80ms (r|)', { r: { reply: true } });
      expectObservable(transport.sends$).toBe('-f 78ms a', { f: 'first', a: 'ask' });
    }),
  );

  it(
    'SND-06 a request that was written errors with its connection, one that waits at its own timeout',
    marbles(({ expectObservable }) => {
      const { feed } = scene(['o----x', '#', '#'], { x: closes(1012) }, {}, { endMs: 300 });
      feed.stream('trade').subscribe();

      expectObservable(feed.request('ask', { match }), '--^').toBe(
        '-----#',
        undefined,
        new RequestDisconnectedError('its connection was lost before a reply came', {
          cause: new SocketClosedError(1012, ''),
        }),
      );
      expectObservable(feed.request('ask', { match, timeoutMs: 20 }), '10ms ^').toBe(
        '30ms #',
        undefined,
        new RequestTimeoutError(20, false),
      );
    }),
  );

  it(
    'SND-09 no window of perMs carries more than max messages, and closing takes what waits out of the line',
    marbles(({ expectObservable }) => {
      const rate = { max: 2, perMs: 10 };
      const { feed, transport } = scene(['o 12ms x', 'o'], { x: closes(1012) }, { outbox: { rate } });
      feed.stream('trade').subscribe();
      at(1, () => 'abcdefghij'.split('').forEach((letter) => feed.send(letter)));
      at(105, () => void feed.close({ timeoutMs: 0 }));

      // A window is 1 ms longer than asked, for what a clock of whole ms cannot see. The third pair is due at 23, but the connection is gone at 13 and back at 88.
      expectObservable(transport.sends$).toBe('-(ab) 7ms (cd) 72ms (ef) 7ms (gh)');
    }),
  );

  it(
    'SND-09 heartbeats, subscriptions and messages share one window, which a reconnect does not empty',
    marbles(({ expectObservable, flush }) => {
      const { feed, transport } = scene(
        ['o', 'o'],
        {},
        {
          outbox: { rate: { max: 1, perMs: 100, marginMs: 0 } },
          heartbeat: { everyMs: 150, timeoutMs: 1_000, ping: () => 'ping' },
          subscriptions: { subscribe: () => 'sub', unsubscribe: () => 'unsub' },
        },
      );
      feed.stream('trade').subscribe();
      at(10, () => feed.reconnect());
      at(11, () => feed.send('message'));

      const sent: unknown[] = [];
      transport.sends$.subscribe((message) => sent.push(message));

      expectObservable(transport.sends$.pipe(map(() => 'x')), '^ 350ms !').toBe('x 100ms x 100ms x 100ms x');
      flush();
      expect(sent.slice(0, 4).sort()).toStrictEqual(['message', 'ping', 'sub', 'sub']);
    }),
  );

  it('SND-11 text and binary alternate in order, both ways, also after a reconnect', async () => {
    const sent: readonly Data[] = Array.from({ length: 40 }, (_, n) =>
      n % 2 === 0 ? `text ${n}` : Uint8Array.of(n, 0, 255),
    );
    const plain = (data: unknown): unknown => (typeof data === 'string' ? data : [...(data as Uint8Array)]);
    const server = await serve({ onMessage: (client, data) => client.send(data) });
    const feed = closedAfter(
      createFeed({
        url: server.url,
        codec: rawCodec,
        route: () => 'frame',
        reconnect: { initialMs: 5, maxMs: 20 },
        streams: { frame: { schema: Frame } },
      }),
    );
    await feed.open();
    for (let connection = 1; connection <= 2; connection += 1) {
      const atServer = soon(server.received$.pipe(take(sent.length), toArray()));
      const echoed = soon(feed.stream('frame').pipe(take(sent.length), toArray()));
      for (const data of sent) feed.send(data);

      expect((await atServer).map(({ data }) => plain(data))).toStrictEqual(sent.map(plain));
      expect((await echoed).map(plain)).toStrictEqual(sent.map(plain));
      const back = soon(feed.events$.pipe(filter(({ type }) => type === 'connected')));
      server.drop(1012);
      await back;
    }
  });
});
