import {
  createFeed,
  type Feed,
  type FeedConfig,
  type FeedEvent,
  HeartbeatTimeoutError,
  type Session,
  type Transport,
  wsTransport,
} from 'millrace';
import { type FaultServer, scriptedTransport, silence, startFaultServer } from 'millrace/testing';
import {
  asyncScheduler,
  defer,
  delay,
  EMPTY,
  filter,
  firstValueFrom,
  map,
  of,
  type Observable,
  take,
  timeout,
  timer,
  toArray,
} from 'rxjs';
import { marbles } from './marbles.js';
import { type Scene, scene, type TestSchemas, told, Trade, trade } from './scene.js';

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

describe('liveness, in virtual time', () => {
  const short = { everyMs: 20, timeoutMs: 10 };

  it(
    'HBT-01 HBT-04 HBT-07 a silent connection is pinged after everyMs, ended timeoutMs later, and made anew',
    marbles(({ expectObservable, flush }) => {
      const frames = { s: silence(), a: trade(1) };
      const { feed, transport, events } = scene(['os', 'o-a'], frames, { heartbeat: short }, { endMs: 125 });
      const values = '107ms a 17ms |';
      const pings = ' 20ms  1       ';

      expectObservable(feed.stream('trade')).toBe(values, { a: trade(1) });
      expectObservable(transport.pings$).toBe(pings, { 1: 1 });
      flush();
      expect(told(events)).toStrictEqual(['0 connected', '30 disconnected', '30 retry', '105 connected']);
      expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({
        error: new HeartbeatTimeoutError(30),
        class: 'network',
      });
    }),
  );

  it(
    'HBT-02 any frame puts the ping off, also one that is no use',
    marbles(({ expectObservable, flush }) => {
      const script = 'os 16ms a 18ms x 18ms a';
      const frames = { s: silence(), a: trade(1), x: 'no JSON' };
      const { feed, transport, events } = scene(script, frames, { heartbeat: short }, { endMs: 100 });

      feed.stream('trade').subscribe();
      expectObservable(transport.pings$).toBe('76ms 1', { 1: 1 });
      flush();
      expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({ at: 86 });
    }),
  );

  it(
    'reading that waits for its turn, as other feeds have theirs first, is not taken for a dead peer',
    marbles(({ flush }) => {
      const scripted = scriptedTransport('o-a----b', { a: trade(1), b: trade(2) });
      let turns = 0;
      const settled = defer(() => timer(turns++ === 0 ? 100 : 0)).pipe(map(() => undefined));
      const config = { heartbeat: short, transport: { ...scripted, settled } };
      const { feed, events } = scene([], {}, config, { endMs: 150 });
      feed.stream('trade').subscribe();
      flush();

      expect(told(events)).toStrictEqual(['0 connected', '120 pong', '140 pong']);
    }),
  );

  it(
    'HBT-09 the round trip is in the event, the status and the session, and ends with its connection',
    marbles(({ flush }) => {
      const isPong = (message: unknown): boolean => (message as { op?: string }).op === 'pong';
      const sessions: Session[] = [];
      const { feed, events } = scene(
        ['o 25ms #', 'o'],
        {},
        {
          heartbeat: { ...short, ping: () => ({ op: 'ping' }), isPong },
          onConnected: (session) => void sessions.push(session),
        },
        { endMs: 110, reply: () => of({ op: 'pong' }).pipe(delay(3)) },
      );
      const latencies: unknown[] = [];
      feed.status$.subscribe(({ state, latencyMs }) => latencies.push([state, latencyMs]));

      feed.stream('trade').subscribe();
      at(24, () => expect(sessions[0]?.latencyMs).toBe(3));
      at(105, () => expect(sessions[1]?.latencyMs).toBeUndefined());
      flush();
      expect(events.filter(({ type }) => type === 'pong')).toMatchObject([
        { at: 23, latencyMs: 3, generation: 1 },
      ]);
      expect(latencies).toStrictEqual([
        ['DISCONNECTED', undefined],
        ['CONNECTING', undefined],
        ['CONNECTED', undefined],
        ['CONNECTED', 3],
        ['RECONNECTING', undefined],
        ['CONNECTING', undefined],
        ['CONNECTED', undefined],
        ['CLOSING', undefined],
        ['CLOSED', undefined],
      ]);
      expect(feed.stats()).toMatchObject({ received: 1, control: 1 });
    }),
  );

  describe('a server that goes on sending, and hears nothing', () => {
    const isPong = (message: unknown): boolean => (message as { op?: string }).op === 'pong';
    const heartbeat = { ...short, latencyEveryMs: 40, ping: () => ({ op: 'ping' }), isPong };
    const script = `o${' 9ms a'.repeat(40)}`;
    /** Answers pings after 3 ms, while it hears them. */
    const deaf = (fromMs: number, toMs: number) => ({
      endMs: 300,
      reply: () =>
        of({ op: 'pong' }).pipe(
          delay(3),
          filter(() => timeMs() < fromMs || timeMs() >= toMs),
        ),
    });
    const timeMs = (): number => asyncScheduler.now();
    const seen = ({ feed, events }: Scene) => {
      const latencies: unknown[] = [];
      feed.status$.subscribe(({ state, latencyMs }) => {
        if (state === 'CONNECTED') latencies.push([timeMs(), latencyMs]);
      });
      feed.stream('trade').subscribe();
      return { latencies, told: () => told(events).filter((line) => !line.includes('duplicate')) };
    };

    it(
      'is told once, with no stale round trip meanwhile, until it answers again; the connection stays',
      marbles(({ flush }) => {
        const sessions: Session[] = [];
        const onConnected = (session: Session): void => void sessions.push(session);
        const played = scene(script, { a: trade(1) }, { heartbeat, onConnected }, deaf(50, 200));
        const { latencies, told } = seen(played);
        at(89, () => expect(sessions[0]?.latencyMs).toBe(3));
        at(91, () => expect(sessions[0]?.latencyMs).toBeUndefined());
        flush();

        expect(told()).toStrictEqual([
          '0 connected',
          '43 pong',
          '90 pongOverdue',
          '203 pong',
          '243 pong',
          '283 pong',
        ]);
        expect(played.events.find(({ type }) => type === 'pongOverdue')).toStrictEqual({
          type: 'pongOverdue',
          waitedMs: 10,
          generation: 1,
          at: 90,
        });
        expect(latencies).toStrictEqual([
          [0, undefined],
          [43, 3],
          [90, undefined],
          [203, 3],
          [243, 3],
          [283, 3],
        ]);
      }),
    );

    it(
      'is told again of the next time that it is so',
      marbles(({ flush }) => {
        let pings = 0;
        const reply = () => (++pings % 2 === 1 ? of({ op: 'pong' }) : EMPTY);
        const { told } = seen(scene(script, { a: trade(1) }, { heartbeat }, { endMs: 190, reply }));
        flush();

        expect(told()).toStrictEqual([
          '0 connected',
          '40 pong',
          '90 pongOverdue',
          '120 pong',
          '170 pongOverdue',
        ]);
      }),
    );

    it(
      'is not told of one that has never answered, as some venues never do',
      marbles(({ flush }) => {
        const { told } = seen(scene(script, { a: trade(1) }, { heartbeat }, deaf(0, Infinity)));
        flush();

        expect(told()).toStrictEqual(['0 connected']);
      }),
    );
  });

  it(
    'HBT-04 a socket that takes nothing any more is pinged and judged like any other, however much waits for it',
    marbles(({ flush }) => {
      const scripted = scriptedTransport(['os', 'o'], { s: silence() });
      const transport: Transport = {
        dial(request, handler) {
          const socket = scripted.dial(request, handler);
          let bufferedBytes = 0;
          return {
            ...socket,
            send(data) {
              bufferedBytes += data.length;
              socket.send(data);
            },
            get bufferedBytes() {
              return bufferedBytes;
            },
          };
        },
        settled: of(undefined),
      };
      const config = { transport, heartbeat: short, outbox: { maxBufferedBytes: 10 } };
      const { feed, events } = scene([], {}, config, { endMs: 150 });
      feed.stream('trade').subscribe();
      const messages = ['one message', 'another', 'a third'];
      at(5, () => {
        expect(messages.map((message) => feed.send(message))).toStrictEqual(['sent', 'queued', 'queued']);
      });
      at(140, () => expect(feed.takeUnsent()).toStrictEqual([])); // they went with the next connection
      flush();

      expect(told(events).slice(0, 4)).toStrictEqual([
        '0 connected',
        '30 disconnected',
        '30 retry',
        '105 connected',
      ]);
    }),
  );

  it(
    'HBT-04 a ping that the rate limit holds back is judged only from when it left',
    marbles(({ expectObservable, flush }) => {
      const { feed, transport, events } = scene(
        'os',
        { s: silence() },
        { heartbeat: short, outbox: { rate: { max: 1, perMs: 100, marginMs: 0 } } },
        { endMs: 150 },
      );
      feed.stream('trade').subscribe();
      at(10, () => void feed.send({ type: 'hello' }));

      expectObservable(transport.pings$).toBe('111ms 1', { 1: 1 });
      flush();
      expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({
        at: 121,
        error: new HeartbeatTimeoutError(121),
      });
    }),
  );

  it(
    'a ping hook that throws is told, costs a busy connection nothing, and leaves a silent one to be judged',
    marbles(({ flush }) => {
      const failure = new Error('no clock');
      const ping = (): never => {
        throw failure;
      };
      const script = 'o 9ms a 9ms a 9ms a 9ms a';
      const heartbeat = { ...short, latencyEveryMs: 25, ping, isPong: () => false };
      const { feed, events } = scene(script, { a: trade(1) }, { heartbeat }, { endMs: 75 });

      feed.stream('trade').subscribe();
      flush();
      expect(told(events).filter((line) => !/duplicate/.test(line))).toStrictEqual([
        '0 connected',
        '25 hookFailed',
        '50 hookFailed',
        '60 hookFailed',
        '70 disconnected',
        '70 retry',
      ]);
      expect(events.find(({ type }) => type === 'hookFailed')).toMatchObject({
        hook: 'heartbeat.ping',
        error: failure,
      });
      expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({
        error: new HeartbeatTimeoutError(30),
      });
    }),
  );

  it(
    'HBT-05 a ping of the application is answered when the answer is there, and is no data meanwhile',
    marbles(({ expectObservable, flush }) => {
      const isChallenge = (message: unknown): boolean => (message as { type?: string }).type === 'challenge';
      const reply = (message: unknown) => (isChallenge(message) ? of('signed').pipe(delay(5)) : undefined);
      const frames = { c: { type: 'challenge' }, a: trade(1) };
      const { feed, transport } = scene('o-ca', frames, { heartbeat: { reply } }, { endMs: 20 });
      const values = '---a 16ms |';
      const sends = ' 7ms s     ';

      expectObservable(feed.stream('trade')).toBe(values, { a: trade(1) });
      expectObservable(transport.sends$).toBe(sends, { s: 'signed' });
      flush();
      expect(feed.stats()).toMatchObject({ received: 2, delivered: 1, control: 1 });
    }),
  );

  it.each<[string, FeedConfig<TestSchemas>['heartbeat']]>([
    ['everyMs must be above 0', { everyMs: 0 }],
    ['timeoutMs must be above 0', { timeoutMs: -1 }],
    ['everyMs must be a whole number', { everyMs: 1.5 }],
    ['latencyEveryMs must be a whole number above 0', { latencyEveryMs: 0 }],
  ])('HBT-10 refuses intervals at creation: %s', (message, heartbeat) => {
    expect(() => scene('', {}, { heartbeat: heartbeat! })).toThrow(RangeError);
    expect(() => scene('', {}, { heartbeat: heartbeat! })).toThrow(message);
  });
});

describe('liveness, on a real socket', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  type Schemas = { readonly trade: typeof Trade };
  const soon = <T>(source$: Observable<T>): Promise<T> => firstValueFrom(source$.pipe(timeout(15_000)));

  const serve = async (...args: Parameters<typeof startFaultServer>): Promise<FaultServer> => {
    const server = await startFaultServer(...args);
    cleanups.push(() => server.close());
    return server;
  };
  const watch = (
    server: FaultServer,
    config: Partial<FeedConfig<Schemas>> = {},
  ): { readonly feed: Feed<Schemas>; readonly events: FeedEvent[]; readonly kinds: () => string[] } => {
    const feed = createFeed<Schemas>({
      url: server.url,
      heartbeat: { everyMs: 40, timeoutMs: 40 },
      reconnect: { initialMs: 10, maxMs: 10 },
      streams: { trade: { schema: Trade } },
      ...config,
    });
    const events: FeedEvent[] = [];
    feed.events$.subscribe((event) => events.push(event));
    cleanups.push(() => feed.close({ timeoutMs: 100 }));
    return { feed, events, kinds: () => events.map(({ type }) => type) };
  };
  /** Nothing runs meanwhile: no timer, no socket. */
  const block = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

  it('HBT-07 a ping frame, and a ping of the application, reach the server', async () => {
    const server = await serve();
    const frame = soon(server.control$);
    const message = soon(server.received$);
    const frames = watch(server);
    const messages = watch(server, {
      heartbeat: { everyMs: 40, timeoutMs: 40, ping: () => ({ op: 'ping' }) },
    });
    for (const { feed } of [frames, messages]) void feed.open();

    expect((await frame).type).toBe('ping');
    expect((await message).data).toBe('{"op":"ping"}');
  });

  it('HBT-01 HBT-04 a half-open connection is noticed, and values come again', async () => {
    const server = await serve({ onConnection: (client) => client.send(JSON.stringify(trade(client.id))) });
    const { feed, events } = watch(server);
    const values = soon(feed.stream('trade').pipe(take(2), toArray()));
    await soon(feed.stream('trade').pipe(take(1)));
    server.vanish();

    expect((await values).map(({ id }) => id)).toStrictEqual([1, 2]);
    const end = events.find((event) => event.type === 'disconnected');
    expect(end?.error).toMatchObject({ name: 'HeartbeatTimeoutError' });
  });

  it('HBT-09 the round trip of a real socket is told', async () => {
    const { feed } = watch(await serve());
    void feed.open();
    const pong = await soon(feed.events$.pipe(filter((event) => event.type === 'pong')));

    expect(pong.latencyMs).toBeGreaterThanOrEqual(0);
    expect((await soon(feed.status$)).latencyMs).toBe(pong.latencyMs);
  });

  describe('a blocked event loop', () => {
    /**
     * The pong has arrived, but is not read: the loop is blocked for longer than the verdict takes, from when the server
     * answered a ping. The timer of the verdict is the first to run after that.
     */
    const blockOnPing = async (config: Partial<FeedConfig<Schemas>>) => {
      const server = await serve();
      server.control$.subscribe(() => block(120));
      const watched = watch(server, config);
      void watched.feed.open();
      const verdict$ = watched.feed.events$.pipe(
        filter(({ type }) => type === 'pong' || type === 'disconnected'),
      );
      await soon(verdict$.pipe(take(3), toArray()));
      return watched.kinds().filter((type) => type !== 'state');
    };

    it('is not taken for a dead peer', async () => {
      expect(await blockOnPing({})).toStrictEqual(['connected', 'pong', 'pong', 'pong']);
    });

    it('would be, if the verdict did not wait for what has already arrived', async () => {
      const kinds = await blockOnPing({ transport: { ...wsTransport, settled: of(undefined) } });

      expect(kinds.slice(0, 2)).toStrictEqual(['connected', 'disconnected']);
    });
  });

  describe('a loop that was blocked while the pong came', () => {
    /** The first pong is read as it comes; each from the second on has waited for longer than timeoutMs. */
    const blockOnLatencyPing = async (config: Partial<FeedConfig<Schemas>>) => {
      const server = await serve();
      let pings = 0;
      server.control$.subscribe(() => ++pings > 1 && block(120));
      const heartbeat = { everyMs: 10_000, timeoutMs: 50, latencyEveryMs: 60 };
      const watched = watch(server, { heartbeat, ...config });
      void watched.feed.open();
      const pong$ = watched.feed.events$.pipe(filter(({ type }) => type === 'pong'));
      await soon(pong$.pipe(take(4), toArray()));
      return watched.kinds().filter((type) => type !== 'state');
    };

    it('is not taken for a server that does not answer', async () => {
      expect(await blockOnLatencyPing({})).toStrictEqual(['connected', 'pong', 'pong', 'pong', 'pong']);
    });

    it('would be, if nobody waited for what has already arrived', async () => {
      const kinds = await blockOnLatencyPing({ transport: { ...wsTransport, settled: of(undefined) } });

      expect(kinds.slice(0, 4)).toStrictEqual(['connected', 'pong', 'pongOverdue', 'pong']);
    });
  });

  it('a pause of reading that outlasts everyMs and timeoutMs is not taken for a dead peer', async () => {
    const count = 200;
    const server = await serve({
      onConnection: (client) => {
        for (let id = 1; id <= count; id += 1) client.send(JSON.stringify(trade(id)));
      },
    });
    const { feed, kinds } = watch(server, { buffer: { overflow: 'pause', maxItems: 20 } });
    const ids: number[] = [];
    await soon(
      feed.stream('trade').pipe(
        filter(({ id }) => {
          block(2);
          return ids.push(id) === count;
        }),
      ),
    );

    expect(ids).toStrictEqual(Array.from({ length: count }, (_, i) => i + 1));
    expect(kinds()).toContain('paused');
    expect(kinds()).not.toContain('disconnected');
  });
});
