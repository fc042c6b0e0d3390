import {
  asyncScheduler,
  filter,
  firstValueFrom,
  ignoreElements,
  map,
  throwError,
  timeout,
  timer,
} from 'rxjs';
import * as v from 'valibot';
import {
  AuthenticationError,
  createFeed,
  type Feed,
  type FeedConfig,
  type FeedEvent,
  HandshakeError,
  InvalidUrlError,
  type ReconnectConfig,
  type SocketClosedError,
} from 'millrace';
import {
  closes,
  fails,
  type FaultServer,
  refuses,
  type ScriptedTransport,
  silence,
  startFaultServer,
} from 'millrace/testing';
import { marbles } from './marbles.js';
import { scene, type TestSchemas, trade } from './scene.js';

/** Every delay is 100 ms, and a connection is stable after 500. */
const steady: ReconnectConfig = { jitter: 'none', initialMs: 100, multiplier: 1, stableMs: 500 };

const oops = (): never => {
  throw new Error('oops');
};

interface Watched {
  readonly feed: Feed<TestSchemas>;
  readonly transport: ScriptedTransport;
  readonly events: FeedEvent[];
  /** When each dial was made, virtual ms. */
  readonly dials: number[];
  /** How each subscription of `watch` ended, and when. */
  readonly ends: unknown[];
  readonly errors: unknown[];
  readonly ids: number[];
  /** Subscribes to the trades. */
  readonly watch: () => void;
}

/** A scene with one subscriber, and what came of it. */
function watched(
  attempts: string | readonly string[],
  frames: Readonly<Record<string, unknown>> = {},
  reconnect: ReconnectConfig = {},
  { endMs = 20_000, ...config }: Partial<FeedConfig<TestSchemas>> & { readonly endMs?: number } = {},
): Watched {
  const made = scene(attempts, frames, { reconnect: { ...steady, ...reconnect }, ...config }, { endMs });
  const dials: number[] = [];
  const ends: unknown[] = [];
  const errors: unknown[] = [];
  const ids: number[] = [];
  made.transport.dials$.subscribe(() => dials.push(asyncScheduler.now()));
  const watch = (): void =>
    void made.feed.stream('trade').subscribe({
      next: ({ id }) => ids.push(id),
      error: (error: unknown) => {
        ends.push(`${asyncScheduler.now()} error`);
        errors.push(error);
      },
      complete: () => ends.push(`${asyncScheduler.now()} complete`),
    });
  watch();
  return { ...made, dials, ends, errors, ids, watch };
}

/** Runs a story in virtual time to its end, and yields what is left of it. */
const play = <T>(story: () => T): T => {
  let result: T | undefined;
  marbles(({ flush }) => {
    result = story();
    flush();
  })();
  return result!;
};

const eventsOf = <K extends FeedEvent['type']>(events: readonly FeedEvent[], type: K) =>
  events.filter((event): event is Extract<FeedEvent, { type: K }> => event.type === type);

describe('a failure has the policy of its class', () => {
  it.each<[string, ReconnectConfig['policies'], readonly number[], string]>([
    ['is retried', {}, [0, 101], '150 complete'],
    ['completes the feed', { normal: { action: 'complete' } }, [0], '1 complete'],
    ['makes the feed give up', { normal: { action: 'giveUp' } }, [0], '1 error'],
  ])("REC-02 a server's own 1000 %s, as its policy says", (_title, policies, dials, end) => {
    const story = play(() => watched(['o|', 'o'], {}, { policies: policies! }, { endMs: 150 }));

    expect([story.dials, story.ends]).toStrictEqual([dials, [end]]);
    expect(eventsOf(story.events, 'disconnected')[0]).toMatchObject({
      at: 1,
      class: 'normal',
      error: { code: 1000 },
    });
  });

  it('a connection that is ready shows no failures, and the row goes on if it falls too soon', () => {
    const { events } = play(() => watched(['ox', 'ox', 'o'], { x: closes(1012) }, {}, { endMs: 250 }));

    expect(
      eventsOf(events, 'state').map(({ status: { state, attempt } }) => `${state} ${attempt}`),
    ).toStrictEqual([
      'CONNECTING 0',
      'CONNECTED 0',
      'RECONNECTING 1',
      'CONNECTING 1',
      'CONNECTED 0',
      'RECONNECTING 2',
      'CONNECTING 2',
      'CONNECTED 0',
      'CLOSING 0',
      'CLOSED 0',
    ]);
  });

  it('a connection was up for as long as it was ready: not while it dialled or logged in', () => {
    const { events } = play(() =>
      watched(
        ['--#', 'o--#', 'o-----#'],
        {},
        {},
        {
          authenticate: ({ generation }) => timer(generation === 3 ? 2 : 9).pipe(ignoreElements()),
          endMs: 250,
        },
      ),
    );

    expect(eventsOf(events, 'disconnected').map(({ upMs }) => upMs)).toStrictEqual([0, 0, 4]);
  });

  it('REC-03 some codes are fatal at once, others are not', () => {
    const story = play(() =>
      watched(
        ['ox', 'oy'],
        { x: closes(1012), y: closes(4404) },
        {
          classify: (error, byDefault) => ((error as SocketClosedError).code === 4404 ? 'config' : byDefault),
        },
      ),
    );

    expect([story.dials, story.ends]).toStrictEqual([[0, 101], ['102 error']]);
    expect(story.errors).toMatchObject([{ name: 'SocketClosedError', code: 4404 }]);
  });

  it('REC-04 the reason decides where the code does not', () => {
    const story = play(() =>
      watched(
        ['ox', 'oy'],
        { x: closes(4000, 'shard moved'), y: closes(4000, 'account closed') },
        {
          classify: (error, byDefault) =>
            (error as SocketClosedError).reason === 'account closed' ? 'config' : byDefault,
        },
      ),
    );

    expect([story.dials, story.ends]).toStrictEqual([[0, 101], ['102 error']]);
    expect(story.errors).toMatchObject([{ code: 4000, reason: 'account closed' }]);
    expect(eventsOf(story.events, 'disconnected').map((event) => event.class)).toStrictEqual([
      'unknown',
      'config',
    ]);
  });

  it('CON-09 the HTTP status decides, and its default can be overruled', () => {
    const story = play(() =>
      watched(
        ['r', 'q'],
        { r: refuses(404), q: refuses(451) },
        {
          classify: (error, byDefault) => {
            const { status } = error as HandshakeError;
            if (status === 404) return 'network'; // it is deploying
            return status === 451 ? 'config' : byDefault;
          },
        },
      ),
    );

    expect([story.dials, story.ends]).toStrictEqual([[0, 100], ['100 error']]);
    expect(story.errors).toMatchObject([{ name: 'HandshakeError', status: 451 }]);
  });

  it.each([
    ['HTTP 418', 'r', { r: refuses(418) }, 1_100],
    ['HTTP 429', 'r', { r: refuses(429) }, 1_100],
    ['HTTP 429 with Retry-After', 'r', { r: refuses(429, { 'Retry-After': '3' }) }, 3_100],
    ['HTTP 500 with Retry-After', 'r', { r: refuses(500, { 'Retry-After': '3' }) }, 3_100],
    ['a close with 1013', 'ox', { x: closes(1013) }, 1_101],
    ['a close with 4429', 'ox', { x: closes(4429) }, 1_101],
    ['a close with 1012, for comparison', 'ox', { x: closes(1012) }, 101],
  ])('BAK-05 %s waits for its floor, and the jitter on top', (_title, script, frames, at) => {
    const story = play(() => watched([script, 'o'], frames));

    expect(story.dials).toStrictEqual([0, at]);
  });

  it('REC-08 a loss before the socket is open is retried like any other', () => {
    const story = play(() =>
      watched(
        ['--#', '--d', '--s', 'o-a'],
        { d: fails('ENOTFOUND'), s: silence(), a: trade(1) },
        {},
        {
          connectTimeoutMs: 50,
        },
      ),
    );

    expect(story.dials).toStrictEqual([0, 102, 204, 354]);
    expect(eventsOf(story.events, 'disconnected').map((event) => event.class)).toStrictEqual([
      'network',
      'network',
      'network',
    ]);
    expect(story.ids).toStrictEqual([1]);
  });

  it('REC-10 reconnects for as long as it takes, and each outage counts from 1', () => {
    const attempts = Array.from({ length: 100 }, () => ['#', '#', 'o 600ms #']).flat();
    const story = play(() => watched([...attempts, 'o'], {}, { maxAttempts: 3 }, { endMs: 200_000 }));

    expect(story.dials).toHaveLength(301);
    expect(story.ends).toStrictEqual(['200000 complete']);
    expect(eventsOf(story.events, 'retry').map(({ attempt }) => attempt)).toStrictEqual(
      // The first of an outage is the loss of the connection before, but there is none before the first.
      Array.from({ length: 300 }, (_, n) => (n < 2 ? n + 1 : ((n - 2) % 3) + 1)),
    );
  });
});

describe('a policy that is a function', () => {
  it('REC-11 is given the count and the time elapsed, and its null stops', () => {
    const asked: unknown[] = [];
    const story = play(() =>
      watched(
        ['#', '#', '#', '#', 'o'],
        {},
        {
          policies: {
            network: ({ attempt, classAttempt, elapsedMs, error }) => {
              asked.push([attempt, classAttempt, elapsedMs, (error as { code?: string }).code]);
              return elapsedMs < 250 ? undefined : null;
            },
          },
        },
      ),
    );

    expect(asked).toStrictEqual([0, 100, 200, 300].map((ms, n) => [n + 1, n + 1, ms, 'ECONNREFUSED']));
    expect([story.dials, story.ends]).toStrictEqual([[0, 100, 200, 300], ['300 error']]);
    expect(story.errors).toMatchObject([{ code: 'ECONNREFUSED' }]);
  });

  it('REC-11 may choose a delay of its own by its floor', () => {
    const story = play(() =>
      watched(
        ['#', '#', 'o'],
        {},
        {
          policies: { network: ({ classAttempt }) => ({ floorMs: 1_000 * classAttempt }) },
        },
      ),
    );

    expect(story.dials).toStrictEqual([0, 1_100, 3_200]);
  });

  it.each<[string, ReconnectConfig, string]>([
    [
      'a policy that throws',
      {
        policies: { network: oops },
      },
      'reconnect.policies.network',
    ],
    [
      'a policy that means nothing',
      { policies: { network: () => 'stop' as never } },
      'reconnect.policies.network',
    ],
    [
      'a classify that throws',
      {
        classify: oops,
      },
      'reconnect.classify',
    ],
    ['a class that does not exist', { classify: () => 'fatal' as never }, 'reconnect.classify'],
  ])('%s is told, and the feed goes on by the default', (_title, reconnect, hook) => {
    const story = play(() => watched(['#', 'o-a'], { a: trade(1) }, reconnect, { endMs: 400 }));

    expect([story.dials, story.ids, story.ends]).toStrictEqual([[0, 100], [1], ['400 complete']]);
    expect(eventsOf(story.events, 'hookFailed')).toMatchObject([{ at: 0, hook }]);
  });

  it.each<[string, Partial<FeedConfig<TestSchemas>>, string]>([
    ['a jitter that throws', { reconnect: { ...steady, jitter: oops } }, 'reconnect.jitter'],
    ['a jitter that yields no delay', { reconnect: { ...steady, jitter: () => NaN } }, 'reconnect.jitter'],
    ['a random that throws', { reconnect: { ...steady, jitter: 'full' }, random: oops }, 'random'],
    ['a random out of its range', { reconnect: { ...steady, jitter: 'full' }, random: () => NaN }, 'random'],
  ])('%s is told, and the default draws the delay', (_title, config, hook) => {
    const story = play(() => watched(['#', 'o-a'], { a: trade(1) }, {}, { ...config, endMs: 400 }));

    expect([story.ids, story.ends]).toStrictEqual([[1], ['400 complete']]);
    expect(eventsOf(story.events, 'hookFailed')).toMatchObject([{ at: 0, hook }]);
    expect(eventsOf(story.events, 'retry')).toMatchObject([{ at: 0, attempt: 1 }]);
  });

  it.each<[string, object]>([
    ['createFeed: reconnect.policies are for the classes', { policies: { netwrok: {} } }],
    ['createFeed: reconnect.policies.auth.action must be one of', { policies: { auth: { action: 'stop' } } }],
    ['createFeed: reconnect.policies.auth has no field max', { policies: { auth: { max: 3 } } }],
    ['createFeed: reconnect.classify must be a function', { classify: 'network' }],
    ['createFeed: reconnect.immediateFirst must be true or false', { immediateFirst: 'yes' }],
    ['createFeed: reconnect.stableMs must be a number', { stableMs: '5s' }],
    ['createFeed: reconnect.initialMs must be a number', { initialMs: '1000' }],
  ])('BAK-06 a mistake in the options is refused at creation: %s', (message, reconnect) => {
    expect(() => scene('o', {}, { reconnect })).toThrow(message);
  });
});

describe('a feed that gives up', () => {
  it.each([0, 1, 3])('REC-05 does so after %i retries, and says after how many and why', (maxAttempts) => {
    const story = play(() => watched(['#', '#', '#', '#', 'o'], {}, { maxAttempts }));

    expect(story.dials).toHaveLength(maxAttempts + 1);
    expect(story.errors).toMatchObject([
      { name: 'MaxReconnectsExceededError', attempts: maxAttempts, cause: { code: 'ECONNREFUSED' } },
    ]);
    expect(eventsOf(story.events, 'gaveUp')).toMatchObject([{ error: story.errors[0] }]);
  });

  it('REC-05 counts the retries since a connection was stable, one that only opened is none', () => {
    const story = play(() => watched(['#', 'o--#', '#', 'o'], {}, { maxAttempts: 2 }));

    expect(story.dials).toHaveLength(3);
    expect(story.errors).toMatchObject([{ attempts: 2, cause: { code: 'ECONNREFUSED' } }]);
  });

  it.each<[string, Record<string, unknown>, ReconnectConfig, string]>([
    ['attempts spent', { r: refuses(500) }, { maxAttempts: 0 }, 'MaxReconnectsExceededError'],
    ['a fatal status', { r: refuses(404) }, {}, 'HandshakeError'],
    [
      'logins refused',
      { r: refuses(401) },
      { policies: { auth: { maxFailures: 1 } } },
      'AuthenticationError',
    ],
    ['a null of a policy', { r: refuses(500) }, { policies: { network: () => null } }, 'HandshakeError'],
  ])(
    'REC-06 is started again after %s, by a subscriber and by reconnect()',
    (_title, frames, config, name) => {
      const story = play(() => {
        const made = watched(['r', 'r', 'r', 'o-a'], { ...frames, a: trade(1) }, config, { endMs: 400 });
        timer(100).subscribe(() => made.watch());
        timer(200).subscribe(() => made.feed.reconnect('try again'));
        timer(300).subscribe(() => made.watch());
        return made;
      });

      expect(story.dials).toStrictEqual([0, 100, 200, 300]);
      expect(story.ends).toStrictEqual(['0 error', '100 error', '400 complete']);
      expect(story.errors).toMatchObject([{ name }, { name }]);
      expect(story.ids).toStrictEqual([1]);
      expect(eventsOf(story.events, 'gaveUp').map(({ at }) => at)).toStrictEqual([0, 100, 200]);
    },
  );

  it('CON-05 does so at once on a url that is none, and shows no secret of it', () => {
    const story = play(() => watched('o', {}, {}, { url: () => ['ws://a.test', 'user:secret@host'] }));

    expect([story.dials, story.ends]).toStrictEqual([[], ['0 error']]);
    expect(story.errors).toStrictEqual([
      new InvalidUrlError(
        'url[1] must be an absolute ws or wss URL without a fragment, got (no WebSocket URL)',
      ),
    ]);
    expect(eventsOf(story.events, 'disconnected')).toMatchObject([{ class: 'config' }]);
  });

  it.each([7, '', [], ['ws://a', 7]])('CON-05 the url %j does not get as far as a feed', (url) => {
    expect(() => scene('o', {}, { url: url as string })).toThrow(InvalidUrlError);
  });
});

describe('a login that fails', () => {
  it('AUT-02 at its provider is retried with backoff, and told', () => {
    let asked = 0;
    const story = play(() =>
      watched(
        'o-a',
        { a: trade(1) },
        { multiplier: 2 },
        {
          url: () => {
            asked += 1;
            return asked < 4 ? throwError(() => new Error('no token')) : 'ws://feed.test';
          },
        },
      ),
    );

    expect(eventsOf(story.events, 'retry').map(({ at, delayMs }) => [at, delayMs])).toStrictEqual([
      [0, 100],
      [100, 200],
      [300, 400],
    ]);
    expect([story.dials, story.ids]).toStrictEqual([[700], [1]]);
  });

  it('AUT-03 is terminal after three, each with a fresh provider', () => {
    let asked = 0;
    const story = play(() =>
      watched(
        ['r', 'r', 'r', 'o'],
        { r: refuses(401) },
        {},
        { url: () => `ws://feed.test/?token=${(asked += 1)}` },
      ),
    );

    expect([story.dials, asked, story.ends]).toStrictEqual([[0, 100, 200], 3, ['200 error']]);
    expect(story.errors).toMatchObject([
      { name: 'AuthenticationError', attempts: 3, cause: { name: 'HandshakeError', status: 401 } },
    ]);
  });

  it('AUT-03 is terminal at once where the user says so', () => {
    const story = play(() => watched('r', { r: refuses(403) }, { policies: { auth: { maxFailures: 1 } } }));

    expect([story.dials, story.ends]).toStrictEqual([[0], ['0 error']]);
    expect(story.errors).toStrictEqual([
      new AuthenticationError('authentication failed 1 time', {
        cause: new HandshakeError(403, undefined, {}),
      }),
    ]);
  });

  it('AUT-03 has a budget of its own: a network that fails between the refusals gives none back', () => {
    const attempts = ['r', '#', 'r', '#', '#', 'r', 'o'];
    const story = play(() => watched(attempts, { r: refuses(401) }));

    expect(story.dials).toHaveLength(6);
    expect(story.errors).toMatchObject([{ name: 'AuthenticationError', attempts: 3 }]);
    expect(eventsOf(story.events, 'retry').map((event) => [event.class, event.classAttempt])).toStrictEqual([
      ['auth', 1],
      ['network', 1],
      ['auth', 2],
      ['network', 2],
      ['network', 3],
    ]);
  });

  it('AUT-03 has its whole budget again after a stable connection', () => {
    const attempts = ['r', 'r', 'o 600ms #', 'r', 'r', 'o-a'];
    const story = play(() => watched(attempts, { r: refuses(401), a: trade(1) }));

    expect([story.dials.length, story.ids, story.errors]).toStrictEqual([6, [1], []]);
  });
});

describe('on a real socket', () => {
  const Tick = v.object({ type: v.literal('tick'), id: v.number() });
  let server: FaultServer;
  let feed: Feed<{ tick: typeof Tick }> | undefined;
  const feedWith = (reconnect: ReconnectConfig): Feed<{ tick: typeof Tick }> =>
    (feed = createFeed({
      url: server.url.replace('://', '://user:secret@') + '/?token=secret',
      reconnect: { initialMs: 1, maxMs: 2, ...reconnect },
      streams: { tick: { schema: Tick } },
    }));
  const next = <K extends FeedEvent['type']>(from: Feed<{ tick: typeof Tick }>, type: K) =>
    firstValueFrom(
      from.events$.pipe(
        filter((event): event is Extract<FeedEvent, { type: K }> => event.type === type),
        timeout(10_000),
      ),
    );

  beforeEach(async () => {
    server = await startFaultServer({
      onConnection: (client) => client.send(JSON.stringify({ type: 'tick', id: 1 })),
    });
  });
  afterEach(async () => {
    await feed?.close({ timeoutMs: 100 });
    feed = undefined;
    await server.close();
  });

  it.each([
    [401, 'auth'],
    [403, 'auth'],
    [429, 'rateLimited'],
    [503, 'rateLimited'],
    [500, 'network'],
    [302, 'config'],
  ])(
    'CON-09 HTTP %i reaches classify and is %s, which stops the feed if it says so',
    async (status, name) => {
      const asked: unknown[] = [];
      server.refuse(status, { 'Retry-After': '7' });
      const refused = feedWith({
        classify: (error, byDefault) => {
          asked.push([(error as HandshakeError).status, (error as HandshakeError).retryAfterMs, byDefault]);
          return 'config';
        },
      });

      await expect(refused.open()).rejects.toMatchObject({ name: 'HandshakeError', status });
      expect(asked).toStrictEqual([[status, 7_000, name]]);
    },
  );

  it.each(['0', 'Thu, 01 Jan 1970 00:00:30 GMT', 'soon'])(
    'BAK-05 a 429 with the Retry-After %p, which asks for no wait, waits as one without',
    async (after) => {
      server.refuse(429, { 'Retry-After': after });
      const limited = feedWith({});
      const retry = next(limited, 'retry');
      limited.stream('tick').subscribe();

      expect(await retry).toMatchObject({ class: 'rateLimited', floorMs: 10 });
    },
  );

  it('BAK-05 the Retry-After of a 429 is the floor of the delay', async () => {
    server.refuse(429, { 'Retry-After': '60' });
    const limited = feedWith({ jitter: 'none' });
    const retry = next(limited, 'retry');
    limited.stream('tick').subscribe();

    expect(await retry).toMatchObject({ class: 'rateLimited', floorMs: 60_000, delayMs: 60_001 });
  });

  it('CON-10 a server that hangs up during the handshake is dialled again', async () => {
    server.refuse('drop');
    const dropped = feedWith({});
    const retry = next(dropped, 'retry');
    const tick = firstValueFrom(
      dropped.stream('tick').pipe(
        map(({ id }) => id),
        timeout(10_000),
      ),
    );
    const { class: name, error } = await retry;
    server.refuse();

    expect([name, await tick]).toStrictEqual(['network', 1]);
    expect(String(error)).not.toContain('secret');
  });

  it('REC-06 a feed that gave up on a server is there again when its next subscriber is', async () => {
    server.refuse(401);
    const refused = feedWith({ policies: { auth: { maxFailures: 2 } } });

    await expect(refused.open()).rejects.toMatchObject({
      name: 'AuthenticationError',
      attempts: 2,
      cause: { status: 401 },
    });

    server.refuse();
    expect(await firstValueFrom(refused.stream('tick').pipe(timeout(10_000)))).toMatchObject({ id: 1 });
  });
});
