import { map, of, throwError, timer } from 'rxjs';
import type { Feed, FeedConfig, Transport } from 'millrace';
import { closes, refuses, scriptedTransport, silence } from '../src/testing/scriptedTransport.js';
import { HOUR_MS, marbles, stepClock } from './marbles.js';
import { scene, type TestSchemas, told, trade } from './scene.js';

const at = (ms: number, act: () => void): void => {
  timer(ms).subscribe(act);
};
const always = (script: string): readonly string[] => Array.from({ length: 400 }, () => script);
const isNotice = (message: unknown): boolean => (message as { type?: string }).type === 'notice';
/** The letters a to h are the trades 0 to 7. */
const trades = Object.fromEntries(Array.from('abcdefgh', (letter, index) => [letter, trade(index)]));
const notice = { type: 'notice' };

/** A scene whose transport counts the sockets that are dialled, and neither gone nor destroyed. */
const counted = (
  attempts: readonly string[],
  frames: Readonly<Record<string, unknown>>,
  config: Partial<FeedConfig<TestSchemas>>,
  server: { readonly endMs: number },
) => {
  const scripted = scriptedTransport(attempts, frames);
  const live = new Set<number>();
  const count = { dials: 0, most: 0, live };
  const transport: Transport = {
    ...scripted,
    dial(request, handler) {
      const mine = ++count.dials;
      live.add(mine);
      count.most = Math.max(count.most, live.size);
      const socket = scripted.dial(request, {
        ...handler,
        end(error) {
          live.delete(mine);
          handler.end(error);
        },
      });
      return {
        ...socket,
        terminate() {
          live.delete(mine);
          socket.terminate();
        },
      };
    },
  };
  return { ...scene([], {}, { transport, ...config }, server), count };
};

afterEach(() => {
  jest.restoreAllMocks();
});

describe('the sockets of rotations', () => {
  it(
    'are two at most, where servers answer no close handshake',
    marbles(({ flush }) => {
      const { feed, count } = counted(always('(so)'), { s: silence() }, {}, { endMs: 5_000 });
      feed.stream('trade').subscribe();
      for (let ms = 10; ms < 2_500; ms += 10) at(ms, () => feed.rotate());
      flush();

      // A rotation waits until the last one is over: its old connection had drainMs, 1 000.
      expect(count).toMatchObject({ most: 2, dials: 5 });
      expect(count.live.size).toBe(0);
    }),
  );

  describe.each<[string, string[], Partial<FeedConfig<TestSchemas>>]>([
    ['for the old connection to be gone', ['0 connected', '1 rotating', '1 rotated', '1 connected'], {}],
    [
      'for its topics to be confirmed',
      ['0 connected', '0 subscribing'],
      { subscriptions: { subscribe: () => 'sub', unsubscribe: () => 'unsub', ack: () => undefined } },
    ],
  ])('that a rotation waited to make, %s', (_what, before, config) => {
    it.each<[string, (feed: Feed<TestSchemas>, leave: () => void) => void, string[]]>([
      ['leaves it', (_feed, leave) => leave(), []],
      ['closes it', (feed) => void feed.close(), []],
      ['closes it at once', (feed) => void feed.close({ timeoutMs: 0 }), []],
      ['reconnects it', (feed) => feed.reconnect(), ['20 disconnected', '20 retry', '20 connected']],
      ['lets it give up', () => undefined, ['27 disconnected', '27 gaveUp']],
    ])('are not made, if who has it %s', (_who, act, events) =>
      marbles(({ flush }) => {
        const isFirst = config.subscriptions === undefined;
        const scripts = [...(isFirst ? ['(so)', '(so) 22ms n'] : ['(so) 23ms n']), '(so)', '(so)'];
        const frames = { s: silence(), n: closes(1000) };
        const reconnect = { policies: { normal: { action: 'giveUp' } } } as const;
        const server = { endMs: 5_000 };
        const { feed, events: all, count } = counted(scripts, frames, { ...config, reconnect }, server);
        const subscription = feed.stream('trade').subscribe({ error: () => undefined });
        if (isFirst) at(1, () => feed.rotate());
        at(10, () => feed.rotate());
        at(20, () => act(feed, () => subscription.unsubscribe()));
        flush();

        const isAsked = (event: string): boolean => /^(2\d|5000) (un)?subscrib/.test(event);
        expect(told(all).filter((event) => !isAsked(event))).toStrictEqual([...before, ...events]);
        const isDialled = (event: string): boolean => event.endsWith(' connected');
        expect(count.dials).toBe([...before, ...events].filter(isDialled).length);
      })(),
    );
  });

  it(
    'are two at most, where logins are refused',
    marbles(({ flush }) => {
      let logins = 0;
      const { feed, count } = counted(
        always('(so)'),
        { s: silence() },
        {
          authenticate: () => (++logins === 1 ? of(undefined) : throwError(() => new Error('refused'))),
          reconnect: {
            jitter: 'none',
            initialMs: 50,
            maxMs: 50,
            policies: { auth: { maxFailures: Infinity } },
          },
        },
        { endMs: 2_000 },
      );
      feed.stream('trade').subscribe();
      at(10, () => feed.rotate());
      flush();

      expect(logins).toBeGreaterThan(10);
      expect(count.most).toBe(2);
      expect(count.live.size).toBe(0);
    }),
  );
});

describe('a notice', () => {
  it(
    'on every connection is followed ever more slowly',
    marbles(({ flush }) => {
      const { feed, count } = counted(
        always('o-n'),
        { n: notice },
        { rotate: { when: isNotice } },
        { endMs: 10_000 },
      );
      feed.stream('trade').subscribe();
      flush();

      // After 2 ms the first time; then after 75, 150, 300, 600 and 750 ms, over and over.
      expect(count.dials).toBe(17);
    }),
  );

  it(
    'is followed at once again, once a connection has been stable',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(
        ['o-n', 'o 598ms n', 'o'],
        { n: notice },
        { rotate: { when: isNotice } },
        { endMs: 5_000 },
      );
      feed.stream('trade').subscribe();

      expectObservable(transport.dials$).toBe('1-2 598ms 3', { 1: 1, 2: 2, 3: 3 });
    }),
  );

  it(
    'is followed at once where the clock was set back, and after that ever more slowly',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(
        ['o-n', 'o 598ms n', 'o-n', 'o'],
        { n: notice },
        { rotate: { when: isNotice } },
        { endMs: 5_000 },
      );
      feed.stream('trade').subscribe();
      timer(500).subscribe(() => stepClock(-HOUR_MS));

      expectObservable(transport.dials$).toBe('1-2 598ms 3 76ms 4', { 1: 1, 2: 2, 3: 3, 4: 4 });
    }),
  );

  const every20Ms = `o ${'19ms n '.repeat(150)}`;
  const policies = { config: { action: 'complete' } };
  const beginnings = (events: Parameters<typeof told>[0]): string[] =>
    told(events).filter((event) => event.endsWith(' rotating'));

  it.each<[string, string, object, number[]]>([
    ['', 'r', {}, [20, 115, 270, 580, 1_200, 1_970, 2_730]],
    [', by a policy', 'r', { policies }, [20, 115, 270, 580, 1_200, 1_970, 2_730]],
    ['; meanwhile it counts for nothing', '50ms r', {}, [20, 155, 370, 740, 1_400, 2_210]],
  ])('is followed ever more slowly once a rotation was given up%s', (_title, refusal, reconnect, times) =>
    marbles(({ flush }) => {
      const { feed, events } = scene(
        [every20Ms, ...always(refusal)],
        { n: notice, r: refuses(404) },
        {
          rotate: { when: isNotice },
          reconnect: { jitter: 'equal', initialMs: 100, maxMs: 1_000, ...reconnect },
        },
        { endMs: 3_000 },
      );
      feed.stream('trade').subscribe();
      flush();

      expect(beginnings(events)).toStrictEqual(times.map((ms) => `${ms} rotating`));
    })(),
  );

  it(
    'is followed at once again, once a connection is stable that took over after a failure',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        ['o-n-n', 'r', 'o 598ms n', 'o'],
        { n: notice, r: refuses(404) },
        { rotate: { when: isNotice } },
        { endMs: 5_000 },
      );
      feed.stream('trade').subscribe();
      flush();

      expect(beginnings(events)).toStrictEqual(['2 rotating', '79 rotating', '678 rotating']);
    }),
  );

  it(
    'that comes during the login is followed when it is done',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        ['on', 'o'],
        { n: notice },
        { authenticate: () => timer(5), rotate: { when: isNotice } },
        { endMs: 1_000 },
      );
      feed.stream('trade').subscribe();
      flush();

      expect(told(events).filter((event) => /rotat/.test(event))).toStrictEqual(['5 rotating', '10 rotated']);
    }),
  );
});

describe('close()', () => {
  const slowly = { outbox: { rate: { max: 1, perMs: 100 } } };

  it.each([
    ['gives up a rotation that is on its way', 10],
    ['lets no rotation begin', 13],
  ])('with messages to flush %s', (_title, rotateMs) =>
    marbles(({ flush }) => {
      const { feed, transport, events } = scene(['o', '-----o'], {}, slowly, { endMs: 2_000 });
      const sent: unknown[] = [];
      transport.sends$.subscribe((message) => sent.push(message));
      feed.stream('trade').subscribe();
      at(9, () => {
        for (const message of [1, 2, 3]) feed.send(message);
      });
      at(12, () => void feed.close());
      at(rotateMs, () => feed.rotate());
      flush();

      const states = events.flatMap((event) => (event.type === 'state' ? [event.status.state] : []));
      expect(states).toStrictEqual(['CONNECTING', 'CONNECTED', 'CLOSING', 'CLOSED']);
      expect(sent).toStrictEqual([1, 2, 3]);
      expect(told(events)).not.toContain('15 overflow');
    })(),
  );

  it(
    'CLO-06 has its deadline also where the last subscriber has just left',
    marbles(({ flush }) => {
      const { feed, events } = scene('os', { s: silence() }, {}, { endMs: 9_000 });
      const subscription = feed.stream('trade').subscribe();
      at(10, () => subscription.unsubscribe());
      at(20, () => void feed.close({ timeoutMs: 100 }));
      flush();

      const closed = events.find((event) => event.type === 'state' && event.status.state === 'CLOSED');
      expect(closed?.at).toBe(120);
    }),
  );
});

describe('a rotation', () => {
  it(
    'leaves upMs the time of the connection that was lost',
    marbles(({ flush }) => {
      const { feed, events } = scene(['o', 'o 9ms x', 'o'], { x: closes(1012) }, {}, { endMs: 2_000 });
      feed.stream('trade').subscribe();
      at(1_000, () => feed.rotate());
      flush();

      expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({ at: 1_010, upMs: 10 });
    }),
  );

  it(
    'hears a frame once that found no room behind the last ones of the old connection',
    marbles(({ flush }) => {
      const { feed, transport } = scene(
        ['(so)', 'oabp'],
        { s: silence(), a: trade(1), b: trade(2), p: { type: 'ping' } },
        {
          buffer: { maxItems: 2 },
          heartbeat: {
            reply: (message) => ((message as { type?: string }).type === 'ping' ? 'pong' : undefined),
          },
        },
        { endMs: 3_000 },
      );
      const sent: unknown[] = [];
      transport.sends$.subscribe((message) => sent.push(message));
      feed.stream('trade').subscribe();
      at(10, () => feed.rotate());
      flush();

      expect(sent).toStrictEqual(['pong']);
    }),
  );

  it(
    'during a pause loses nothing of what the old connection has not read',
    marbles(({ flush }) => {
      const scripted = scriptedTransport(['oabcdefg', 'o 10ms h'], trades, { stepsAfterPause: 3 });
      const { feed, events } = scene(
        [],
        {},
        {
          // A turn of the event loop that takes 1.5 s: longer than drainMs.
          transport: { ...scripted, settled: timer(1_500).pipe(map(() => undefined)) },
          buffer: { overflow: 'pause', maxItems: 2, sliceMs: 1 },
        },
        { endMs: 9_000 },
      );
      const seen: number[] = [];
      feed.stream('trade').subscribe(({ id }) => seen.push(id));
      at(20, () => feed.rotate());
      flush();

      expect(told(events)).toStrictEqual(expect.arrayContaining(['4 paused', '20 rotated', '1501 resumed']));
      expect(seen).toStrictEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    }),
  );

  it(
    'during a pause does not put off its end',
    marbles(({ flush }) => {
      const scripted = scriptedTransport(['oabcdefg', 'o', 'o'], trades, { stepsAfterPause: 3 });
      const { feed, events } = scene(
        [],
        {},
        {
          transport: { ...scripted, settled: timer(5_000).pipe(map(() => undefined)) },
          buffer: { overflow: 'pause', maxItems: 2, sliceMs: 1, maxPauseMs: 1_000 },
        },
        { endMs: 4_000 },
      );
      feed.stream('trade').subscribe();
      at(900, () => feed.rotate());
      flush();

      expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({
        at: 1_004,
        error: { name: 'PauseTimeoutError' },
      });
    }),
  );

  it(
    'ends a request that the old connection did not answer as sent, for its socket is closed',
    marbles(({ flush }) => {
      const { feed } = scene(['(so)', 'o'], { s: silence() }, {}, { endMs: 5_000 });
      const errors: unknown[] = [];
      feed.stream('trade').subscribe();
      at(5, () => {
        feed
          .request('question', { match: () => false })
          .subscribe({ error: (error: unknown) => errors.push(error) });
      });
      at(10, () => feed.rotate());
      flush();

      expect(errors).toMatchObject([
        {
          name: 'RequestDisconnectedError',
          sent: true,
          cause: { name: 'SocketClosedError', code: 1006, reason: 'rotated' },
        },
      ]);
    }),
  );
});

describe('a pause', () => {
  it(
    'does not keep the peer from its half of the close handshake',
    marbles(({ flush }) => {
      const scripted = scriptedTransport('oabcdefg', trades);
      const ends: unknown[] = [];
      scripted.closes$.subscribe((end) => ends.push(end));
      const { feed } = scene(
        [],
        {},
        {
          transport: { ...scripted, settled: timer(5_000).pipe(map(() => undefined)) },
          buffer: { overflow: 'pause', maxItems: 2, sliceMs: 1 },
        },
        { endMs: 9_000 },
      );
      const subscription = feed.stream('trade').subscribe();
      at(20, () => subscription.unsubscribe());
      flush();

      expect(ends).toStrictEqual([{ code: 1000, reason: '' }]);
    }),
  );
});

describe('the moment of a rotation', () => {
  const oops = (): never => {
    throw new Error('oops');
  };

  it.each<[string, Partial<FeedConfig<TestSchemas>>]>([
    ['random', { rotate: { everyMs: 100 }, random: oops }],
    ['reconnect.jitter', { rotate: { when: isNotice }, reconnect: { initialMs: 10, jitter: oops } }],
  ])('is drawn by the default where %s fails, and no connection is lost', (hook, config) =>
    marbles(({ flush }) => {
      const { feed, events } = scene(always('o-n'), { n: notice }, config, { endMs: 250 });
      feed.stream('trade').subscribe();
      flush();

      const types = events.map(({ type }) => type);
      expect(types).toEqual(expect.arrayContaining(['hookFailed', 'rotated']));
      expect(types).not.toContain('disconnected');
      expect(events.find(({ type }) => type === 'hookFailed')).toMatchObject({ hook });
    })(),
  );
});

describe('whoever closes when told of a rotation', () => {
  it(
    'is not told of a connection after that',
    marbles(({ flush }) => {
      const { feed, events } = scene(['o', 'o'], {}, {}, { endMs: 100 });
      feed.events$.subscribe(({ type }) => {
        if (type === 'rotated') void feed.close();
      });
      feed.stream('trade').subscribe();
      at(10, () => feed.rotate());
      flush();

      expect(told(events)).toStrictEqual(['0 connected', '10 rotating', '10 rotated']);
    }),
  );
});
