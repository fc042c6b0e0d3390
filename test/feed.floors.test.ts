import {
  asyncScheduler,
  BehaviorSubject,
  filter,
  interval,
  noop,
  of,
  repeat,
  retry,
  take,
  takeUntil,
  throwError,
  timer,
} from 'rxjs';
import type { ConnectionStatus, Feed, FeedConfig } from 'millrace';
import { closes, refuses } from 'millrace/testing';
import { HOUR_MS, marbles, stepClock } from './marbles.js';
import { scene, type TestSchemas } from './scene.js';

const frames = {
  ...{ t: refuses(429, { 'Retry-After': '2' }), s: refuses(429), r: refuses(502) },
  ...{ x: closes(1012), p: closes(1013) },
};
const at = (ms: number, task: () => void): void => void timer(ms).subscribe(task);

/** A feed whose every delay is 100 ms, when it dialled, and what it did. */
const waiting = (attempts: readonly string[], config: Partial<FeedConfig<TestSchemas>> = {}) => {
  const reconnect = { jitter: 'none', initialMs: 100, multiplier: 1 } as const;
  const { feed, transport } = scene(attempts, frames, { reconnect, ...config }, { endMs: 10_000 });
  const dials: number[] = [];
  transport.dials$.subscribe(() => dials.push(asyncScheduler.now()));
  const statuses: ConnectionStatus[] = [];
  feed.status$.subscribe((status) => statuses.push(status));
  const join = (): { unsubscribe(): void } => feed.stream('trade').subscribe({ error: noop });
  return { feed, dials, statuses, join };
};

const leaveAt500 = (join: () => { unsubscribe(): void }): void => {
  const first = join();
  at(500, () => first.unsubscribe());
};

afterEach(() => jest.restoreAllMocks());

describe('what a server asked to wait', () => {
  it(
    'BAK-05 is waited for by who leaves and comes back, with jitter on top',
    marbles(({ flush }) => {
      const { dials, statuses, join } = waiting(['t', 'o']);
      leaveAt500(join);
      at(700, () => {
        join();
        expect(statuses.at(-1)).toMatchObject({
          state: 'RECONNECTING',
          retryInMs: 1_400,
          cause: { name: 'HandshakeError', status: 429 },
        });
      });
      flush();

      expect(dials).toStrictEqual([0, 2_100]);
    }),
  );

  it(
    'BAK-05 is not waited for again when it is over',
    marbles(({ flush }) => {
      const { dials, join } = waiting(['t', 'o']);
      leaveAt500(join);
      at(2_100, join);
      flush();

      expect(dials).toStrictEqual([0, 2_100]);
    }),
  );

  it(
    'BAK-05 is no longer because the clock was set back',
    marbles(({ flush }) => {
      const { dials, statuses, join } = waiting(['t', 'o']);
      leaveAt500(join);
      at(700, () => {
        const clock = asyncScheduler.now.bind(asyncScheduler);
        jest.spyOn(asyncScheduler, 'now').mockImplementation(() => clock() - 3_600_000);
        join();
        expect(statuses.at(-1)).toMatchObject({ state: 'RECONNECTING', retryInMs: 2_100 });
        jest.restoreAllMocks();
      });
      flush();

      expect(dials).toStrictEqual([0, 2_800]);
    }),
  );

  it(
    'is over when it was waited for, though the clock was set back meanwhile',
    marbles(({ flush }) => {
      const { dials, join } = waiting(['t', 'r', 'o']);
      join();
      at(1_000, () => stepClock(-HOUR_MS));
      at(9_999, () => jest.restoreAllMocks());
      flush();

      expect(dials).toStrictEqual([0, 2_100 - HOUR_MS, 2_200 - HOUR_MS]);
    }),
  );

  it(
    'is not cut short by a reconnect() that has been made by who left and came back as it was told',
    marbles(({ flush }) => {
      const { feed, dials, join } = waiting(['o', 't', 'o']);
      let last = join();
      feed.events$
        .pipe(filter(({ type }) => type === 'disconnected'))
        .pipe(take(1))
        .subscribe(() => {
          last.unsubscribe();
          last = join();
        });
      at(500, () => feed.reconnect());
      flush();

      expect(dials).toStrictEqual([0, 500, 2_600]);
    }),
  );

  it(
    'BAK-05 is given up by who leaves again',
    marbles(({ flush }) => {
      const { dials, statuses, join } = waiting(['t', 'o']);
      leaveAt500(join);
      at(700, () => join().unsubscribe());
      flush();

      expect(dials).toStrictEqual([0]);
      // At last the scene closes it.
      expect(statuses.slice(-3).map(({ state }) => state)).toStrictEqual([
        'DISCONNECTED',
        'CLOSING',
        'CLOSED',
      ]);
    }),
  );

  it(
    'is cut short by reconnect(), and what is left of it is the floor if that fails',
    marbles(({ flush }) => {
      const { feed, dials, join } = waiting(['t', 'r', 'o']);
      leaveAt500(join);
      at(700, join);
      at(1_000, () => feed.reconnect());
      flush();

      expect(dials).toStrictEqual([0, 1_000, 2_100]);
    }),
  );

  const givingUp = { rateLimited: { action: 'giveUp' } } as const;
  const again = (feed: Feed<TestSchemas>): void => feed.reconnect();
  it.each<[string, NonNullable<FeedConfig<TestSchemas>['reconnect']>, (feed: Feed<TestSchemas>) => void]>([
    ['was left by all', {}, again],
    ['gave up', { policies: givingUp }, again],
    [
      'was closed',
      {},
      (feed) => {
        void feed.close();
        feed.reconnect();
      },
    ],
    [
      'closes',
      {},
      (feed) => {
        const isClosing$ = feed.status$.pipe(filter(({ state }) => state === 'CLOSING'));
        isClosing$.pipe(take(1)).subscribe(() => feed.reconnect());
        void feed.close();
      },
    ],
  ])('is cut short by reconnect() of a feed that %s, for one dial', (_how, own, ask) =>
    marbles(({ flush }) => {
      const { feed, dials, statuses, join } = waiting(['t', 'r', 'o'], {
        reconnect: { jitter: 'none', initialMs: 100, ...own },
      });
      leaveAt500(join);
      at(700, () => ask(feed));
      flush();

      expect(dials).toStrictEqual([0, 700, 2_100]);
      expect(statuses.filter(({ state }) => state === 'RECONNECTING').at(-1)).toMatchObject({
        cause: { name: 'HandshakeError', status: 502 },
      });
    })(),
  );

  it.each<[string, 'gaveUp' | 'disconnected']>([
    ['as it gives up', 'gaveUp'],
    ['before that', 'disconnected'],
  ])('BAK-05 is waited for by who asks for a reconnect() %s: who always does is not banned', (_when, asked) =>
    marbles(({ flush }) => {
      const { feed, dials, join } = waiting(['t', 't', 'o'], {
        reconnect: { jitter: 'none', initialMs: 100, policies: givingUp },
      });
      feed.events$.pipe(filter(({ type }) => type === asked)).subscribe(() => feed.reconnect());
      join();
      flush();

      expect(dials).toStrictEqual([0, 2_100, 4_300]);
    })(),
  );

  it(
    'is over once a server has let it in',
    marbles(({ flush }) => {
      const { feed, dials, join } = waiting(['t', 'o 49ms x', 'o']);
      join();
      at(1_000, () => feed.reconnect());
      flush();

      expect(dials).toStrictEqual([0, 1_000, 1_150]);
    }),
  );

  it(
    'is not cut short by a network that comes and goes',
    marbles(({ flush }) => {
      const online$ = new BehaviorSubject(true);
      const { dials, join } = waiting(['t', 'o'], { online$ });
      join();
      for (const ms of [100, 300, 500]) {
        at(ms, () => online$.next(false));
        at(ms + 100, () => online$.next(true));
      }
      flush();

      expect(dials).toStrictEqual([0, 2_100]);
    }),
  );

  it(
    'of a rotation holds for the reconnect too',
    marbles(({ flush }) => {
      const { feed, dials, join } = waiting(['o 999ms x', 't', 'o']);
      join();
      at(500, () => feed.rotate());
      flush();

      expect(dials).toStrictEqual([0, 500, 2_600]);
    }),
  );

  it.each<[string, 'giveUp' | 'complete', string, string, number, number]>([
    ['gives up', 'giveUp', 't', 'HandshakeError', 0, 2_000],
    ['gives up, though it is only that of the policy', 'giveUp', 's', 'HandshakeError', 0, 1_000],
    ['completes the feed', 'complete', 't', 'HandshakeError', 0, 2_000],
    ['completes it after it was up', 'complete', 'o 499ms p', 'SocketClosedError', 500, 1_500],
  ])('BAK-05 holds where a policy %s: who comes back waits', (_what, action, first, name, sinceMs, overMs) =>
    marbles(({ flush }) => {
      const policies = { rateLimited: { action } };
      const { feed, dials, statuses } = waiting([first, 'o'], {
        reconnect: { jitter: 'none', initialMs: 100, policies },
      });
      feed
        .stream('trade')
        .pipe(retry(9), repeat(9), takeUntil(timer(9_000)))
        .subscribe();
      flush();

      expect(dials).toStrictEqual([0, overMs + 100]);
      expect(statuses.filter(({ state }) => state === 'RECONNECTING')).toMatchObject([
        { attempt: 0, retryInMs: overMs + 100 - sinceMs, cause: { name } },
      ]);
    })(),
  );

  it(
    'BAK-05 holds for the one that a policy gave up for, and keeps nobody from the next',
    marbles(({ flush }) => {
      const policies = { rateLimited: { action: 'giveUp' } } as const;
      const { dials, join } = waiting(['t', 'r', 'r', 'o'], {
        url: ['wss://a', 'wss://b'],
        reconnect: { jitter: 'none', initialMs: 100, multiplier: 1, policies },
      });
      join();
      at(500, join);
      flush();

      expect(dials).toStrictEqual([0, 500, 600, 700]);
    }),
  );
});

describe('the wait after a failure', () => {
  const row = { jitter: 'none', initialMs: 1_000, multiplier: 2, stableMs: 500 } as const;
  const refused = (config: Partial<FeedConfig<TestSchemas>> = {}) =>
    waiting(Array<string>(9).fill('r'), { reconnect: row, ...config });
  /** Leaves and comes back every so many ms, as `switchMap` over topics does. */
  const switching = (everyMs: number, endMs: number, join: () => { unsubscribe(): void }): void => {
    let last = join();
    const again = interval(everyMs).subscribe(() => {
      last.unsubscribe();
      last = join();
    });
    at(endMs, () => {
      again.unsubscribe();
      last.unsubscribe();
    });
  };
  const leaveAt = (ms: number, join: () => { unsubscribe(): void }): void => {
    const first = join();
    at(ms, () => first.unsubscribe());
  };

  it(
    'is waited for by who leaves and comes back, and the row goes on',
    marbles(({ flush }) => {
      const { dials, statuses, join } = refused();
      switching(370, 8_000, join);
      at(1_300, () => {
        expect(statuses.at(-1)).toMatchObject({ state: 'RECONNECTING', attempt: 2, retryInMs: 1_890 });
        expect(statuses.at(-1)).toMatchObject({ cause: { name: 'HandshakeError', status: 502 } });
      });
      flush();

      expect(dials).toStrictEqual([0, 1_000, 3_000, 7_000]);
    }),
  );

  it(
    'comes to its end though the clock was set back',
    marbles(({ flush }) => {
      const { dials, join } = refused();
      switching(370, 3_000, join);
      at(100, () => stepClock(-HOUR_MS));
      flush();

      expect(dials.map((ms) => ms + (ms < 0 ? HOUR_MS : 0))).toStrictEqual([0, 1_370]);
    }),
  );

  it(
    'gives up after as many failures as without leaving',
    marbles(({ flush }) => {
      const { dials, statuses, join } = refused({ reconnect: { ...row, maxAttempts: 2 } });
      switching(370, 2_900, join);
      at(2_900, join);
      flush();

      expect(dials).toStrictEqual([0, 1_000, 3_000]);
      expect(statuses.find(({ state }) => state === 'CLOSED')).toMatchObject({
        cause: { name: 'MaxReconnectsExceededError', attempts: 2 },
      });
    }),
  );

  it(
    'is over for who comes back later: he dials at once, in a row of his own',
    marbles(({ flush }) => {
      const { dials, join } = refused();
      leaveAt(1_500, join);
      at(3_000, () => leaveAt(1_500, join));
      flush();

      expect(dials).toStrictEqual([0, 1_000, 3_000, 4_000]);
    }),
  );

  it(
    'begins anew when the feed gives up: who starts it again waits, in a row of his own',
    marbles(({ flush }) => {
      const { dials, join } = refused({ reconnect: { ...row, maxAttempts: 1 } });
      join();
      at(1_001, join);
      flush();

      expect(dials).toStrictEqual([0, 1_000, 2_000, 3_000]);
    }),
  );

  it(
    'begins anew when a policy completes the feed',
    marbles(({ flush }) => {
      const policies = { normal: { action: 'complete' } } as const;
      const { dials, join } = waiting(['r', 'o|', 'r', 'r'], { reconnect: { ...row, policies } });
      join();
      at(1_002, () => leaveAt(2_500, join));
      flush();

      expect(dials).toStrictEqual([0, 1_000, 2_001, 3_001]);
    }),
  );

  it.each([
    ['while somebody waits', 1_500],
    ['when all have left', 500],
  ])('is over when the feed is closed %s', (_when, leftAt) =>
    marbles(({ flush }) => {
      const { feed, dials, join } = refused();
      leaveAt(leftAt, join);
      at(600, () => void feed.close());
      at(700, () => leaveAt(1_500, join));
      flush();

      expect(dials).toStrictEqual([0, 700, 1_700]);
    })(),
  );

  it(
    'is ended by reconnect() of a feed that all have left',
    marbles(({ flush }) => {
      const { feed, dials, join } = refused();
      leaveAt(500, join);
      at(700, () => feed.reconnect());
      at(1_701, () => void feed.close());
      flush();

      expect(dials).toStrictEqual([0, 700, 1_700]);
    }),
  );

  it(
    'is ended by reconnect() and by a network that comes back, as ever',
    marbles(({ flush }) => {
      const online$ = new BehaviorSubject(true);
      const { feed, dials, join } = refused({ online$ });
      leaveAt(300, join);
      at(400, join);
      at(500, () => feed.reconnect());
      at(600, () => online$.next(false));
      at(700, () => online$.next(true));
      at(701, () => void feed.close());
      flush();

      expect(dials).toStrictEqual([0, 500, 700]);
    }),
  );
});

/** As `waiting`, with several URLs: dials as `at host`, and the floor and delay of each retry. */
const failingOver = (
  attempts: readonly string[],
  hosts: readonly string[],
  config: Partial<FeedConfig<TestSchemas>> = {},
) => {
  const { feed, transport, events } = scene(
    attempts,
    { ...frames, s: refuses(429, { 'Retry-After': '1' }), n: refuses(404), p: closes(1013) },
    {
      url: hosts.map((host) => `wss://${host}`),
      reconnect: { jitter: 'none', initialMs: 100, multiplier: 1, stableMs: 500 },
      ...config,
    },
    { endMs: 10_000 },
  );
  const dials: string[] = [];
  transport.log$.pipe(filter((entry) => entry.type === 'dial')).subscribe(({ url }) => {
    dials.push(`${asyncScheduler.now()} ${url.slice('wss://'.length)}`);
  });
  const retries = (): string[] =>
    events.filter((event) => event.type === 'retry').map((event) => `${event.floorMs}, ${event.delayMs}`);
  const join = (): { unsubscribe(): void } => feed.stream('trade').subscribe();
  return { feed, dials, retries, join };
};

describe('what one of several servers asked to wait', () => {
  const story = (attempts: readonly string[], hosts: readonly string[]) => {
    const played = failingOver(attempts, hosts);
    played.join();
    return played;
  };

  it(
    'keeps nobody from the next one, which is dialled after the ordinary delay',
    marbles(({ flush }) => {
      const { dials, retries } = story(['t', 'o'], ['a', 'b']);
      flush();

      expect(dials).toStrictEqual(['0 a', '100 b']);
      expect(retries()).toStrictEqual(['0, 100']);
    }),
  );

  it(
    'leaves that one out until it is over, whatever the others do',
    marbles(({ flush }) => {
      const { dials } = story(['t', ...Array<string>(21).fill('r'), 'o'], ['a', 'b']);
      flush();

      expect(dials.slice(0, 4)).toStrictEqual(['0 a', '100 b', '200 b', '300 b']);
      expect(dials.slice(-4)).toStrictEqual(['1900 b', '2000 a', '2100 b', '2200 a']);
    }),
  );

  it(
    'is waited for where all of them asked, until the first of them is ready',
    marbles(({ flush }) => {
      const { dials, retries } = story(['t', 's', 'o'], ['a', 'b']);
      flush();

      expect(dials).toStrictEqual(['0 a', '100 b', '1200 b']);
      expect(retries()).toStrictEqual(['0, 100', '1000, 1100']);
    }),
  );

  it(
    'holds for all the URLs of its host',
    marbles(({ flush }) => {
      const { dials } = story(['t', 'r', 'o'], ['a/x', 'a/y', 'b:81/x', 'a/z']);
      flush();

      expect(dials).toStrictEqual(['0 a/x', '100 b:81/x', '200 b:81/x']);
    }),
  );

  it(
    'is not over when another has let us in',
    marbles(({ flush }) => {
      const { dials } = story(['t', 'o 599ms x', 'o 599ms x', 'o 599ms x', 'o'], ['a', 'b']);
      flush();

      expect(dials).toStrictEqual(['0 a', '100 b', '800 b', '1500 b', '2200 a']);
    }),
  );

  it(
    'is that of the connection in use, though a rotation is dialling another',
    marbles(({ flush }) => {
      const { feed, dials, join } = failingOver(['r', 'o 599ms p', '', 'o'], ['a', 'b']);
      join();
      at(600, () => feed.rotate());
      flush();

      expect(dials).toStrictEqual(['0 a', '100 b', '600 a', '800 a']);
    }),
  );

  it(
    'turns a rotation to the next one',
    marbles(({ flush }) => {
      const { feed, dials, join } = failingOver(['t', 'o', 'o', 'o'], ['a', 'b']);
      join();
      at(1_000, () => feed.rotate());
      at(3_000, () => feed.rotate());
      flush();

      expect(dials).toStrictEqual(['0 a', '100 b', '1000 b', '3000 a']);
    }),
  );

  it(
    'turns reconnect() to the first that will be ready',
    marbles(({ flush }) => {
      const { feed, dials, join } = failingOver(['t', 's', 'r', 'o'], ['a', 'b']);
      join();
      at(500, () => feed.reconnect());
      flush();

      expect(dials).toStrictEqual(['0 a', '100 b', '500 b', '1200 b']);
    }),
  );

  it(
    'is heard though the user wants the next connection now',
    marbles(({ flush }) => {
      let failures = 0;
      const classify = <C>(_error: unknown, byDefault: C): C => {
        if ((failures += 1) === 1) feed.reconnect();
        return byDefault;
      };
      const { feed, dials, join } = failingOver(['t', 'r', 'o'], ['a'], {
        reconnect: { jitter: 'none', initialMs: 100, classify },
      });
      join();
      flush();

      expect(dials).toStrictEqual(['0 a', '0 a', '2100 a']);
    }),
  );

  it(
    'leaves it out for who leaves and comes back',
    marbles(({ flush }) => {
      const { dials, join } = failingOver(['t', 'o', 'o', 'o'], ['a', 'b']);
      const first = join();
      at(500, () => first.unsubscribe());
      at(1_000, () => {
        const second = join();
        at(200, () => second.unsubscribe());
      });
      at(3_000, join);
      flush();

      expect(dials).toStrictEqual(['0 a', '100 b', '1000 b', '3000 b']);
    }),
  );

  it(
    'does not make one that can never work the last',
    marbles(({ flush }) => {
      const { dials } = story(['t', ...Array<string>(19).fill('n'), 'o'], ['a', 'b']);
      flush();

      expect(dials.at(-1)).toBe('2000 a');
    }),
  );

  it(
    'holds for all where the list itself was refused',
    marbles(({ flush }) => {
      let asked = 0;
      const refused = Object.assign(new Error('too many tokens'), { retryAfterMs: 2_000 });
      const urls = ['wss://a', 'wss://b'];
      const { dials, join } = failingOver(['r', 'o'], [], {
        url: () => ((asked += 1) === 2 ? throwError(() => refused) : of(urls)),
      });
      join();
      flush();

      expect(dials).toStrictEqual(['0 a', '2200 b']);
    }),
  );

  it(
    'holds for all where the list was refused as the user wanted the next connection now',
    marbles(({ flush }) => {
      const asked: number[] = [];
      const refused = Object.assign(new Error('too many tokens'), { retryAfterMs: 2_000 });
      const urls = ['wss://a', 'wss://b'];
      const { feed, dials, join } = failingOver(['o', 'o'], [], {
        url: () => (asked.push(asyncScheduler.now()) === 2 ? throwError(() => refused) : of(urls)),
      });
      join();
      at(500, () => feed.reconnect());
      flush();

      expect(asked).toStrictEqual([0, 500, 2_600]);
      expect(dials).toStrictEqual(['0 a', '2600 a']);
    }),
  );

  it(
    'is waited for where the next list has nobody else',
    marbles(({ flush }) => {
      let asked = 0;
      const { feed, dials, retries, join } = failingOver(['t', 'o'], [], {
        url: () => ((asked += 1) === 1 ? ['wss://a', 'wss://b'] : ['wss://a']),
      });
      const errors: unknown[] = [];
      feed.events$
        .pipe(filter(({ type }) => type === 'disconnected'))
        .subscribe((event) => errors.push(event));
      join();
      flush();

      expect(dials).toStrictEqual(['0 a', '2100 a']);
      expect(retries()).toStrictEqual(['0, 100', '1900, 2000']);
      expect(errors).toMatchObject([
        { error: { name: 'HandshakeError' } },
        {
          class: 'network',
          error: { name: 'HostPausedError', leftMs: 1_900, cause: { name: 'HandshakeError', status: 429 } },
        },
      ]);
    }),
  );

  it(
    'costs none of the attempts where nobody was dialled, and is waited for all the same',
    marbles(({ flush }) => {
      let asked = 0;
      const { dials, retries, join } = failingOver(['t', 'o'], [], {
        url: () => ((asked += 1) === 1 ? ['wss://a', 'wss://b'] : ['wss://a']),
        reconnect: { jitter: 'none', initialMs: 100, multiplier: 1, maxAttempts: 1 },
      });
      join();
      flush();

      expect([asked, dials]).toStrictEqual([3, ['0 a', '2100 a']]);
      expect(retries()).toStrictEqual(['0, 100', '1900, 2000']);
    }),
  );

  it(
    'is no hindrance to the user, whatever the list has become',
    marbles(({ flush }) => {
      let asked = 0;
      const { feed, dials, join } = failingOver(['t', 'o'], [], {
        url: () => ((asked += 1) === 1 ? ['wss://a', 'wss://b'] : ['wss://a']),
      });
      join();
      at(50, () => feed.reconnect());
      flush();

      expect(dials).toStrictEqual(['0 a', '50 a']);
    }),
  );

  it(
    'is waited for by a rotation that begins after one was given up',
    marbles(({ flush }) => {
      const { feed, dials, join } = failingOver(['o', 't', 'o'], ['a'], {
        reconnect: { jitter: 'none', initialMs: 100, maxAttempts: 0 },
      });
      const failures: string[] = [];
      feed.events$.subscribe((event) => {
        if (event.type === 'rotateFailed') failures.push((event.error as Error).name);
      });
      join();
      for (const ms of [1_000, 1_500, 3_000]) at(ms, () => feed.rotate());
      flush();

      expect(dials).toStrictEqual(['0 a', '1000 a', '3100 a']);
      expect(failures).toStrictEqual(['MaxReconnectsExceededError', 'HostPausedError']);
    }),
  );
});

describe('a feed that ended by itself, and is started again at once, each time', () => {
  const doubling = { jitter: 'none', initialMs: 100 } as const;
  const ends: readonly (readonly [
    string,
    readonly string[],
    NonNullable<FeedConfig<TestSchemas>['reconnect']>,
  ])[] = [
    ['gives up by a policy', ['f', 'f', 'f', 'f', 'o'], {}],
    ['spends all attempts', ['#', '#', '#', '#', 'o'], { maxAttempts: 0 }],
    [
      'is completed by a policy',
      ['on', 'on', 'on', 'on', 'o'],
      { policies: { normal: { action: 'complete' } } },
    ],
  ];
  const started = (
    attempts: readonly string[],
    reconnect: NonNullable<FeedConfig<TestSchemas>['reconnect']>,
  ) => {
    const { feed, transport } = scene(
      attempts,
      { ...frames, f: refuses(404), n: closes(1000) },
      { reconnect: { ...doubling, ...reconnect } },
      { endMs: 10_000 },
    );
    const dials: number[] = [];
    transport.dials$.subscribe(() => dials.push(asyncScheduler.now()));
    return { feed, dials, stream$: feed.stream('trade').pipe(retry(), repeat(), takeUntil(timer(9_000))) };
  };
  /** From one end to the next dial. A connection that was up ended a millisecond after it was dialled. */
  const waits = (dials: readonly number[], upMs: number): number[] =>
    dials.slice(1).map((ms, index) => ms - (dials[index] as number) - upMs);

  it.each(ends)('dials at growing delays where it %s', (_how, attempts, reconnect) =>
    marbles(({ flush }) => {
      const { dials, stream$ } = started(attempts, reconnect);
      stream$.subscribe();
      flush();

      expect(waits(dials, attempts[0] === 'on' ? 1 : 0)).toStrictEqual([100, 200, 400, 800]);
    })(),
  );

  it(
    'is RECONNECTING meanwhile, and tells why',
    marbles(({ flush }) => {
      const { feed, stream$ } = started(['f', 'o'], {});
      const statuses: ConnectionStatus[] = [];
      feed.status$.subscribe((status) => statuses.push(status));
      stream$.subscribe();
      at(50, () =>
        expect(statuses.at(-1)).toMatchObject({
          ...{ state: 'RECONNECTING', attempt: 0, retryInMs: 100 },
          cause: { name: 'HandshakeError', status: 404 },
        }),
      );
      flush();
      expect.assertions(1);
    }),
  );

  it(
    'begins with the first delay again after a connection that was stable',
    marbles(({ flush }) => {
      const { dials, stream$ } = started(['f', 'f', 'o 599ms n', 'f', 'o'], {
        stableMs: 500,
        policies: { normal: { action: 'complete' } },
      });
      stream$.subscribe();
      flush();

      expect(dials).toStrictEqual([0, 100, 300, 1_000, 1_200]);
    }),
  );

  it(
    'begins with the first delay again where the connection before it was stable, though a dial failed since',
    marbles(({ flush }) => {
      const { dials, stream$ } = started(['f', 'f', 'o 599ms x', 'f', 'o'], { stableMs: 500 });
      stream$.subscribe();
      flush();

      // Up from 300 to 900, then a retry after 100 that is refused.
      expect(dials).toStrictEqual([0, 100, 300, 1_000, 1_100]);
    }),
  );

  it(
    'dials at growing delays, too, where any connection counts as stable, and none is made',
    marbles(({ flush }) => {
      const { dials, stream$ } = started(['f', 'f', 'f', 'o'], { stableMs: 0 });
      stream$.subscribe();
      flush();

      expect(waits(dials, 0)).toStrictEqual([100, 200, 400]);
    }),
  );

  it.each(['disconnected', 'gaveUp', 'CLOSED'])(
    'waits, too, where somebody asks for a reconnect() each time he is told %s',
    (when) =>
      marbles(({ flush }) => {
        const { dials, feed, stream$ } = started(['f', 'f', 'f', 'f', 'o'], {});
        feed.events$.pipe(takeUntil(timer(9_000))).subscribe((event) => {
          const what = event.type === 'state' ? event.status.state : event.type;
          if (what === when) feed.reconnect();
        });
        stream$.subscribe();
        flush();

        expect(waits(dials, 0)).toStrictEqual([100, 200, 400, 800]);
      })(),
  );

  it.each(
    ends.flatMap(([how, attempts, reconnect]) =>
      (['as his stream ends', 'when it is told to be CLOSED'] as const).map(
        (when) => [how, when, attempts, reconnect] as const,
      ),
    ),
  )('waits, too, where it %s, and who listens asks for a reconnect() %s', (_how, when, attempts, reconnect) =>
    marbles(({ flush }) => {
      const { dials, feed } = started(attempts, reconnect);
      const again = (): void => {
        if (asyncScheduler.now() < 9_000) feed.reconnect();
      };
      const end = (): void => {
        if (when === 'as his stream ends') again();
        if (asyncScheduler.now() < 9_000) listen();
      };
      const listen = (): void => void feed.stream('trade').subscribe({ error: end, complete: end });
      if (when === 'when it is told to be CLOSED')
        feed.status$.pipe(filter(({ state }) => state === 'CLOSED')).subscribe(again);
      listen();
      flush();

      expect(waits(dials, attempts[0] === 'on' ? 1 : 0)).toStrictEqual([100, 200, 400, 800]);
    })(),
  );

  it(
    'counts no end that is long past',
    marbles(({ flush }) => {
      const { dials, feed } = started(['f', 'f', 'f', 'f'], {});
      for (const ms of [0, 50, 1_000, 1_050]) at(ms, () => feed.stream('trade').subscribe({ error: noop }));
      flush();

      expect(dials).toStrictEqual([0, 100, 1_000, 1_100]);
    }),
  );

  it(
    'dials at once when reconnect() asks for it, and the next end waits on',
    marbles(({ flush }) => {
      const { dials, feed, stream$ } = started(['f', 'f', 'o'], {});
      stream$.subscribe();
      at(50, () => feed.reconnect());
      flush();

      expect(dials).toStrictEqual([0, 50, 250]);
    }),
  );

  it(
    'waits for a floor and the delay on top',
    marbles(({ flush }) => {
      const { dials, stream$ } = started(['t', 't', 'o'], {
        policies: { rateLimited: { action: 'giveUp' } },
      });
      stream$.subscribe();
      flush();

      expect(dials).toStrictEqual([0, 2_100, 4_300]);
    }),
  );
});
