import { filter, map, take, throwError, timer, toArray } from 'rxjs';
import { type Ack, AuthenticationError, type FeedConfig, type ReconnectConfig } from 'millrace';
import { closes, refuses, silence } from 'millrace/testing';
import { marbles } from '../marbles.js';
import { order, scene, told, Trade, trade, type TestSchemas } from '../scene.js';
import { feedOn, next, serve, soon, tick } from './loopback.js';

const ids = map(({ id }: { id: number }) => id);
const typeOf = (message: unknown): unknown => (message as { type?: unknown } | null)?.type;

/** Sends a login and waits for its answer. */
const login: NonNullable<FeedConfig<TestSchemas>['authenticate']> = (session) => {
  const answer$ = session.messages$.pipe(
    filter((message) => typeOf(message) === 'login'),
    take(1),
    map((message) => {
      if (!(message as { ok: boolean }).ok) throw new Error('bad token');
    }),
  );
  session.send({ op: 'login' });
  return answer$;
};
const accepted = { type: 'login', ok: true };
const refused = { type: 'login', ok: false };

describe('auth', () => {
  it('AUT-01 the token of the url and the token of the login are fetched anew for each connection', async () => {
    const server = await serve({
      onMessage: (client) => (client.id < 3 ? client.drop(1012) : client.send(tick(client.id))),
    });
    let tokens = 0;
    const fetchToken = (): Promise<string> => Promise.resolve(`token-${(tokens += 1)}`);
    const feed = feedOn(async () => `${server.url}/?token=${await fetchToken()}`, {
      authenticate: async (session) => session.send(await fetchToken()),
    });
    const urls = soon(
      server.dials$.pipe(
        map(({ url }) => url),
        take(3),
        toArray(),
      ),
    );
    const logins = soon(
      server.received$.pipe(
        map(({ data }) => data),
        take(3),
        toArray(),
      ),
    );
    feed.stream('tick').subscribe();

    expect(await urls).toStrictEqual(['/?token=token-1', '/?token=token-3', '/?token=token-5']);
    expect(await logins).toStrictEqual(['"token-2"', '"token-4"', '"token-6"']);
  });

  it(
    'AUT-02 a token provider that fails is asked again with growing delays, for as long as it takes',
    marbles(({ expectObservable }) => {
      let asked = 0;
      const url = () => ((asked += 1) <= 6 ? throwError(() => new Error('vault is sealed')) : 'ws://test');
      const { feed, transport } = scene('oa', { a: trade(1) }, { url });
      const retry$ = feed.events$.pipe(
        filter((event) => event.type === 'retry'),
        map(({ delayMs }) => delayMs),
      );

      expectObservable(retry$, '                           ^ 3s !').toBe(
        'a 74ms b 149ms c 299ms d 599ms e 749ms f',
        {
          a: 75,
          b: 150,
          c: 300,
          d: 600,
          e: 750,
          f: 750,
        },
      );
      expectObservable(transport.dials$).toBe('2625ms 1', { 1: 1 });
      expectObservable(feed.stream('trade').pipe(ids), '^ 3s !').toBe('2626ms a', { a: 1 });
    }),
  );

  it.each<[string, string, unknown]>([
    ['HTTP 401', 'r', refuses(401)],
    ['HTTP 403', 'r', refuses(403)],
    ['a close with 4401', 'or', closes(4401)],
    ['a close with 1008', 'or', closes(1008, 'invalid signature')],
    ['the answer to the login', 'or', refused],
  ])('AUT-03 %s is terminal after three in a row: disconnected, and no fourth dial', (_name, script, r) => {
    marbles(({ flush }) => {
      const attempts = Array<string>(9).fill(script);
      const { feed, transport, events } = scene(attempts, { r }, { authenticate: login }, { endMs: 60_000 });
      const errors: unknown[] = [];
      const states: string[] = [];
      let dials = 0;
      transport.dials$.subscribe(() => (dials += 1));
      feed.status$.subscribe(({ state }) => states.push(state));
      feed.stream('trade').subscribe({ error: (error: unknown) => errors.push(error) });
      timer(50_000).subscribe(() => expect(states.at(-1)).toBe('CLOSED'));
      flush();

      expect(errors).toMatchObject([{ name: 'AuthenticationError' }]);
      expect(dials).toBe(3);
      expect(told(events).filter((line) => line.endsWith('gaveUp'))).toHaveLength(1);
    })();
  });

  it.each<[string, () => Promise<unknown>, unknown]>([
    ['reject', () => Promise.reject(new Error('no credentials')), new Error('no credentials')],
    ['come too late', () => new Promise(() => undefined), new Error('not authenticated within 50 ms')],
  ])(
    'AUT-04 credentials that %s close the connection, with an error that says so',
    async (_name, authenticate, cause) => {
      const server = await serve();
      const feed = feedOn(server.url, { authenticate, authenticateTimeoutMs: 50 });
      const closed = soon(server.ends$);
      const ended = next(feed, 'disconnected');
      feed.stream('tick').subscribe({ error: () => undefined });

      expect(await ended).toMatchObject({
        class: 'auth',
        error: new AuthenticationError('authentication failed', { cause }),
      });
      expect((await ended).error).toMatchObject({ cause });
      expect(await closed).toMatchObject({ client: { id: 1 }, code: 3000, reason: 'authentication failed' });
    },
  );

  it(
    'AUT-05 subscriptions and messages wait for the answer to the login, and go out right after it',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(
        'o----y-b',
        { y: accepted, b: order('mine') },
        {
          authenticate: login,
          subscriptions: { subscribe: () => 'subscribe', unsubscribe: () => 'unsubscribe' },
        },
        { endMs: 20 },
      );
      feed.send('message');

      expectObservable(feed.stream('order')).toBe('-------b 12ms |', { b: order('mine') });
      expectObservable(transport.sends$).toBe('l----(sm)', {
        l: { op: 'login' },
        s: 'subscribe',
        m: 'message',
      });
    }),
  );

  it(
    'AUT-05 a login that is not answered in time surfaces in the events and the status, and is tried again',
    marbles(({ expectObservable, flush }) => {
      const { feed, transport, events } = scene(
        ['os', 'oy-b'],
        { s: silence(), y: accepted, b: trade(1) },
        { authenticate: login, authenticateTimeoutMs: 30 },
        { endMs: 200 },
      );
      const failure = new AuthenticationError('authentication failed', {
        cause: new Error('not authenticated within 30 ms'),
      });
      const causes: unknown[] = [];
      feed.status$.subscribe(({ cause }) => cause !== undefined && causes.push(cause));

      expectObservable(feed.stream('trade').pipe(ids)).toBe('108ms b 91ms |', { b: 1 });
      expectObservable(transport.dials$).toBe('1 104ms 2', { 1: 1, 2: 2 });
      flush();
      expect(causes).toStrictEqual([failure]);
      expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({ at: 30, error: failure });
    }),
  );

  /** What the server is asked to resume from, on each connection, by a feed whose trades are numbered. */
  const resuming = (config: Partial<FeedConfig<TestSchemas>>): Partial<FeedConfig<TestSchemas>> => ({
    streams: {
      trade: { schema: Trade, topic: (t) => t.symbol, sequence: { of: (t) => t.id } },
      order: { schema: Trade as never, allowSilence: true },
    },
    subscriptions: {
      subscribe: (topics) => topics.map(({ lastSequence = 'start' }) => `from ${lastSequence}`),
      unsubscribe: () => [],
      ack: (message) => (typeOf(message) === 'ack' ? (message as { ack: Ack }).ack : undefined),
    },
    ...config,
  });

  it(
    'AUT-08 after a failure that says the state is invalid, the url is asked anew and no topic resumes',
    marbles(({ expectObservable }) => {
      let asked = 0;
      const reconnect = { jitter: 'equal', initialMs: 100, policies: { auth: { forgetPositions: true } } };
      const { feed, transport } = scene(
        ['oax', 'oby', 'o'],
        { a: trade(7), b: trade(9), x: closes(1012), y: closes(4401, 'session expired') },
        resuming({ url: () => `ws://test/${(asked += 1)}`, reconnect: reconnect as ReconnectConfig }),
        { endMs: 1_000 },
      );
      feed.stream('trade', 'BTC').subscribe();

      expectObservable(transport.sends$).toBe('a 76ms b 151ms a', { a: 'from start', b: 'from 7' });
      const urls$ = transport.log$.pipe(
        filter((entry) => entry.type === 'dial'),
        map(({ url }) => url),
      );
      expectObservable(urls$).toBe('1 76ms 2 151ms 3', {
        1: 'ws://test/1',
        2: 'ws://test/2',
        3: 'ws://test/3',
      });
    }),
  );

  it(
    'AUT-08 a topic whose position the server no longer knows is asked for again from the start',
    marbles(({ flush }) => {
      const acked = (ack: object): object => ({
        type: 'ack',
        ack: { topics: [{ stream: 'trade', topic: 'BTC' }], ...ack },
      });
      const { feed, transport, events } = scene(
        ['oax', 'o'],
        { a: trade(7), x: closes(1012) },
        resuming({}),
        {
          reply: (message) => acked(message === 'from start' ? { ok: true } : { ok: false, restart: true }),
          endMs: 60_000,
        },
      );
      const asked: unknown[] = [];
      const errors: unknown[] = [];
      transport.sends$.subscribe((message) => asked.push(message));
      feed.stream('trade', 'BTC').subscribe({ error: (error: unknown) => errors.push(error) });
      flush();

      expect(asked).toStrictEqual(['from start', 'from 7', 'from start']);
      expect(errors).toStrictEqual([]);
      expect(told(events).filter((line) => line.endsWith(' subscribed'))).toHaveLength(2);
    }),
  );
});
