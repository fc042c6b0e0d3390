import {
  asyncScheduler,
  BehaviorSubject,
  defer,
  EMPTY,
  ignoreElements,
  NEVER,
  noop,
  Observable,
  Subject,
  throwError,
  timer,
} from 'rxjs';
import { FeedClosedError, FeedLife, type LifeOwner } from '../src/feedLife.js';
import type { RunUser } from '../src/feedRun.js';
import type { ConnectionState, ConnectionStatus } from '../src/streams/events.js';
import { marbles } from './marbles.js';

/** A feed that has only its life. Its frames, and the end of its sockets, come from the test. */
const rig = (readyState: ConnectionState = 'CONNECTED') => {
  const log: string[] = [];
  const status$ = new BehaviorSubject({ state: 'DISCONNECTED', generation: 0 } as ConnectionStatus);
  const server = {
    frames$: new Subject<never>(),
    gone$: new Subject<never>(),
    isFlushed: true,
    onHangUp: noop,
  };
  const owner: LifeOwner = {
    ...({
      maxItems: 2,
      sliceMs: 5,
      overflow: 'drop-oldest',
      frameKey: undefined,
      lingerMs: 0,
      initialMs: 100,
    } as const),
    connection: {
      status$,
      readyState,
      run: () =>
        defer(() => {
          log.push('dial');
          status$.next({ ...status$.value, state: 'CONNECTING' });
          server.frames$ = new Subject();
          return new Observable<never>((subscriber) => {
            subscriber.add(server.frames$.subscribe(subscriber));
            subscriber.add(() => {
              log.push('hang up');
              server.onHangUp();
            });
          });
        }),
      setState: (state, extra) => {
        log.push(extra === undefined ? state : `${state} of ${(extra.cause as Error).message}`);
        status$.next({ ...status$.value, state, ...extra });
      },
      drop: (error) => log.push(`drop: ${error.name}, ${error.message}`),
      wake: () => log.push('wake'),
      rested: noop,
      giveUp: noop,
      discardUnsent: noop,
      close: ({ code }) => {
        log.push(`farewell ${code}`);
        if (server.isFlushed) server.frames$.complete();
      },
      sockets: () => ({
        gone$: (server.gone$ = new Subject<never>()),
        terminate: () => {
          log.push('terminate');
          server.gone$.complete();
        },
      }),
    },
    dispatch: { receive: () => undefined },
    backlog: { came: () => undefined, done: () => undefined, turnedAway: () => undefined },
    ledger: { receive: () => undefined, settle: () => undefined },
    reading: {
      hold: () => undefined,
      letGo: () => undefined,
      yieldTurn: () => undefined,
      takeTurn: () => undefined,
    },
    losses: { count: () => undefined, tell: () => undefined },
    turns: {
      join: () => ({
        mayWork: () => true,
        enter: () => true,
        exit: () => undefined,
        wait: () => undefined,
        leave: () => undefined,
      }),
    },
    outlets: new Map([['trade', { complete: () => log.push('trade complete') }]]),
    onRunBegun: () => log.push('begun'),
    onRunOver: () => {
      log.push('over');
      return () => undefined;
    },
  };
  const user = (name: string, told?: () => void): RunUser => ({
    ended: (failure) => {
      log.push(failure === undefined ? `${name} done` : `${name} failed`);
      told?.();
    },
  });
  /** As the connection does when it dials. */
  const redial = (): void => status$.next({ ...status$.value, generation: status$.value.generation + 1 });
  return { life: new FeedLife(owner), owner, log, status$, server, redial, user };
};

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

const closed = (log: string[], promise: Promise<void>): Promise<void> =>
  promise.then(() => void log.push('closed'));

describe('the life of a feed', () => {
  it('is one run for all who want it, and another for who comes after that', () => {
    const { life, log, server, user } = rig();
    const first = life.enter(user('a'));
    expect(life.enter(user('b'))).toBe(first);
    server.frames$.complete();
    expect(life.enter(user('c'))).not.toBe(first);

    expect(log).toStrictEqual([
      ...['begun', 'dial', 'over', 'hang up', 'trade complete', 'CLOSED', 'a done', 'b done'],
      ...['begun', 'dial'],
    ]);
  });

  it('is another run for who comes as soon as the one before is over, which then changes nothing any more', () => {
    const { life, owner, log, server, user } = rig();
    life.enter(user('a'));
    owner.onRunOver = () => () => void life.enter(user('b'));
    server.frames$.complete();

    expect(log).toStrictEqual([
      ...['begun', 'dial', 'hang up', 'DISCONNECTED', 'begun', 'dial', 'trade complete', 'a done'],
    ]);
  });

  it('is another run for who comes when it is told that it is CLOSED', () => {
    const { life, log, status$, server, user } = rig();
    life.enter(user('a'));
    status$.subscribe(({ state }) => state === 'CLOSED' && life.enter(user('b')));
    server.frames$.complete();

    expect(log.slice(2)).toStrictEqual([
      ...['over', 'hang up', 'trade complete', 'CLOSED', 'begun', 'dial', 'a done'],
    ]);
  });

  it('is CLOSED of what a run fails with', () => {
    const { life, log, server, user } = rig();
    life.enter(user('a'));
    server.frames$.error(new Error('given up'));

    expect(log.slice(2)).toStrictEqual(['over', 'hang up', 'CLOSED of given up', 'a failed']);
  });

  it('is over once for each run, though the next begins while it tells of its end', () => {
    const { life, log, server, user } = rig();
    life.enter(user('a', () => void life.enter(user('b'))));
    server.frames$.complete();

    expect(log).toStrictEqual([
      ...['begun', 'dial', 'over', 'hang up', 'trade complete', 'CLOSED', 'a done', 'begun', 'dial'],
    ]);
    server.frames$.complete();
    expect(log.slice(9)).toStrictEqual(['over', 'hang up', 'trade complete', 'CLOSED', 'b done']);
  });

  it('is over before the connection goes that its last user has left: who hears of that comes for the next run', () => {
    const { life, log, server, user } = rig();
    const a = user('a');
    const first = life.enter(a);
    server.onHangUp = () => {
      server.onHangUp = noop;
      life.enter(user('b'));
    };
    first.leave(a);
    life.enter(user('c'));

    expect(log).toStrictEqual(['begun', 'dial', 'over', 'hang up', 'DISCONNECTED', 'begun', 'dial']);
  });

  it.each([
    ['as the one before is over', 'onRunOver'],
    ['as its connection goes', 'onHangUp'],
  ])('%s, is told first that this is DISCONNECTED, and once', (_when, hook) => {
    const { life, owner, log, status$, server, user } = rig();
    const a = user('a');
    const first = life.enter(a);
    status$.next({ ...status$.value, state: 'CONNECTED' });
    const next = (): (() => void) => {
      server.onHangUp = noop;
      life.enter(user('b'));
      return noop;
    };
    if (hook === 'onHangUp') server.onHangUp = next;
    else owner.onRunOver = next;
    log.length = 0;
    first.leave(a);

    expect(log.filter((line) => !['over', 'hang up'].includes(line))).toStrictEqual([
      'DISCONNECTED',
      'begun',
      'dial',
    ]);
  });

  it('is one run for whoever comes as that is told', () => {
    const { life, owner, log, status$, user } = rig();
    const a = user('a');
    const first = life.enter(a);
    status$.next({ ...status$.value, state: 'CONNECTED' });
    owner.onRunOver = () => {
      life.enter(user('b'));
      return noop;
    };
    status$.subscribe(({ state }) => state === 'DISCONNECTED' && life.enter(user('c')));
    log.length = 0;
    first.leave(a);

    expect(log).toStrictEqual(['DISCONNECTED', 'begun', 'dial', 'hang up']);
  });

  it('keeps what it was CLOSED of first', () => {
    const { life, log, status$, server, user } = rig();
    life.enter(user('a'));
    status$.next({ ...status$.value, state: 'CLOSED' });
    server.frames$.error(new Error('later'));

    expect(log.slice(2)).toStrictEqual(['over', 'hang up', 'a failed']);
  });

  it('is CLOSED once, though whoever is told that its streams end closes it', () => {
    const { life, owner, log, server, user } = rig();
    life.enter(user('a'));
    owner.onRunOver = () => () => void life.close();
    Object.assign(owner.connection, { sockets: () => ({ gone$: EMPTY, terminate: noop }) });
    server.frames$.complete();

    expect(log.filter((line) => line === 'CLOSED')).toHaveLength(1);
  });

  describe('open', () => {
    it.each(['CONNECTED', 'AUTHENTICATED'] as const)(
      'resolves when it is %s, if that is ready',
      async (ready) => {
        const { life, log, status$ } = rig(ready);
        void life.open().then(() => log.push('opened'));
        for (const state of ['CONNECTED', 'AUTHENTICATED'] as const) {
          status$.next({ ...status$.value, state });
          log.push(state);
          await nextTurn();
        }

        expect(log.slice(2)).toStrictEqual(
          ready === 'CONNECTED'
            ? ['CONNECTED', 'opened', 'AUTHENTICATED']
            : ['CONNECTED', 'AUTHENTICATED', 'opened'],
        );
      },
    );

    it('does not resolve at a state that is past when it hears of it', async () => {
      const { life, log, status$ } = rig();
      status$.subscribe(({ state }) => {
        if (state === 'CONNECTED') status$.next({ ...status$.value, state: 'RECONNECTING' });
      });
      void life.open().then(() => log.push('opened'));
      status$.next({ ...status$.value, state: 'CONNECTED' });
      await nextTurn();

      expect(log).not.toContain('opened');
    });

    it('rejects, and begins no other run, if the first ends as it begins', async () => {
      const { life, owner, log } = rig();
      owner.connection.run = () => throwError(() => new Error('given up'));

      await expect(life.open()).rejects.toThrow(new Error('given up'));
      expect(log.filter((what) => what === 'begun')).toHaveLength(1);
    });

    it('while it closes waits for that, and then for what begins with it', async () => {
      const { life, log, status$, server } = rig();
      life.reconnect();
      void life.close();
      void life.open().then(() => log.push('opened'));
      log.length = 0;
      server.gone$.complete();
      await nextTurn();
      expect(log).toStrictEqual(['trade complete', 'CLOSED', 'begun', 'dial']);
      status$.next({ ...status$.value, state: 'CONNECTED' });
      await nextTurn();

      expect(log.slice(4)).toStrictEqual(['opened']);
    });

    it('while it closes rejects, if it is closed once more', async () => {
      const { life, log, server } = rig();
      life.reconnect();
      void life.close();
      const opened = life.open();
      void life.close();
      server.gone$.complete();

      await expect(opened).rejects.toThrow(FeedClosedError);
      expect(log.filter((what) => what === 'dial')).toHaveLength(1);
    });

    it('keeps it running when nobody else wants it', () => {
      const { life, log, user } = rig();
      void life.open();
      const a = user('a');
      life.enter(a).leave(a);

      expect(log).toStrictEqual(['begun', 'dial']);
    });

    it('that is done leaves nobody in the run but who keeps it going', async () => {
      const { life, status$, user } = rig();
      const leave = jest.spyOn(life.enter(user('a')), 'leave');
      const opened = life.open();
      status$.next({ ...status$.value, state: 'CONNECTED' });
      await opened;

      expect(leave).toHaveBeenCalledTimes(1);
    });

    it('rejects with what it gave up for', async () => {
      const { life, server } = rig();
      const opened = life.open();
      server.frames$.error(new Error('given up'));

      await expect(opened).rejects.toThrow(new Error('given up'));
    });

    it('that was rejected listens to no state any more', async () => {
      const { life, status$, server } = rig();
      const opened = life.open();
      server.frames$.error(new Error('gone'));
      await expect(opened).rejects.toThrow('gone');

      expect(status$.observed).toBe(false);
    });

    it('that nobody awaits is no unhandled rejection when it is closed', async () => {
      const unhandled = jest.fn();
      process.once('unhandledRejection', unhandled);
      const { life, server } = rig();
      void life.open();
      server.frames$.complete();
      for (let turn = 0; turn < 3; turn += 1) await nextTurn();
      process.off('unhandledRejection', unhandled);

      expect(unhandled).not.toHaveBeenCalled();
    });

    it('rejects if it is closed before it is ready', async () => {
      const { life, server } = rig();
      const opened = life.open();
      server.frames$.complete();

      await expect(opened).rejects.toThrow(new FeedClosedError());
    });
  });

  describe('reconnect', () => {
    it('drops the connection, or the wait for it, and begins a run when there is none', () => {
      const { life, log, server, redial } = rig();
      life.reconnect('first');
      life.reconnect('second');
      redial();
      server.frames$.complete();
      life.reconnect();

      expect(log).toStrictEqual([
        ...['drop: ReconnectRequestedError, reconnect requested: first', 'begun', 'dial', 'wake'],
        'drop: ReconnectRequestedError, reconnect requested: second',
        ...['over', 'hang up', 'trade complete', 'CLOSED'],
        ...['drop: ReconnectRequestedError, reconnect requested', 'begun', 'dial', 'wake'],
      ]);
    });

    it.each([
      ['begins the next run initialMs after this one, if that has nothing to drop any more', 0],
      ['but not if it is closed before', 50],
      ['but not if the next run has begun before', 51],
    ])('%s', (_what, ms) =>
      marbles(({ flush }) => {
        const { life, owner, log, status$, server, user } = rig();
        Object.assign(owner.connection, { sockets: () => ({ gone$: EMPTY, terminate: noop }) });
        life.enter(user('a'));
        life.reconnect();
        status$.next({ ...status$.value, state: 'CLOSED' });
        server.frames$.error(new Error('given up'));
        expect(log.slice(3)).toStrictEqual(['over', 'hang up', 'a failed']);
        log.length = 0;
        if (ms === 50) asyncScheduler.schedule(() => void life.close(), ms);
        if (ms === 51) asyncScheduler.schedule(() => void life.enter(user('b')), ms);
        flush();

        expect(log).toStrictEqual(ms === 50 ? [] : ['begun', 'dial']);
        expect(asyncScheduler.now()).toBe(ms === 0 ? 100 : ms);
      })(),
    );

    it.each(['the last one has left', 'it is closed'])('does not bring it back after %s', async (by) => {
      const { life, log, server, user } = rig();
      const a = user('a');
      const run = life.enter(a);
      life.reconnect();
      const ended = by === 'it is closed' ? life.close() : undefined;
      run.leave(a);
      server.gone$.complete();
      await ended;
      life.enter(user('b'));
      server.frames$.complete();

      expect(log.filter((what) => what === 'dial')).toHaveLength(2);
    });

    it('begins the next run when it is closed, if it closes', async () => {
      const { life, log, server } = rig();
      void life.open();
      const ended = closed(log, life.close());
      life.reconnect();
      expect(log.slice(2)).toStrictEqual([
        ...['CLOSING', 'farewell undefined', 'over', 'hang up', 'trade complete'],
      ]);
      server.gone$.complete();
      await ended;

      expect(log.slice(7)).toStrictEqual([
        ...['trade complete', 'CLOSED', 'drop: ReconnectRequestedError, reconnect requested'],
        ...['begun', 'dial', 'wake', 'closed'],
      ]);
      const again = life.close();
      server.gone$.complete();
      await again;
      expect(log.slice(12)).toContain('farewell undefined');
      expect(log.slice(12)).not.toContain('begun');
    });
  });

  describe('close', () => {
    it('ends the run, and is done when its sockets are gone', async () => {
      const { life, log, server, user } = rig();
      life.enter(user('a'));
      const ended = closed(log, life.close({ code: 4000 }));
      log.push('later');
      server.gone$.complete();
      await ended;

      expect(log.slice(2)).toStrictEqual([
        ...['CLOSING', 'farewell 4000', 'over', 'hang up', 'trade complete', 'a done', 'later'],
        ...['trade complete', 'CLOSED', 'closed'],
      ]);
    });

    it('of one that gave up is done when the sockets that it left behind are gone, and tells nothing', async () => {
      const { life, log, server, user } = rig();
      life.enter(user('a'));
      server.frames$.error(new Error('gone'));
      log.length = 0;
      const ended = closed(log, life.close());
      await Promise.resolve();
      log.push('later');
      server.gone$.complete();
      await ended;

      expect(log).toStrictEqual(['later', 'closed']);
    });

    it('of one that gave up leaves alone what is dialled by who is told what was not sent', async () => {
      const { life, owner, log, server, user } = rig();
      life.enter(user('a'));
      server.frames$.error(new Error('gone'));
      const gone$ = [EMPTY, NEVER];
      Object.assign(owner.connection, {
        sockets: () => ({ gone$: gone$[0], terminate: () => log.push('terminate') }),
        discardUnsent: () => gone$.shift(),
      });
      await life.close();

      expect(log).not.toContain('terminate');
    });

    it.each([
      ['ends them at its deadline', false, 20, ['terminate']],
      ['leaves no timer where they go by themselves', true, 10, []],
    ])('of one that gave up %s', (_what, doGo, endsAt, told) =>
      marbles(({ flush }) => {
        const { life, log, server, user } = rig();
        life.enter(user('a'));
        server.frames$.error(new Error('gone'));
        log.length = 0;
        void life.close({ timeoutMs: 20 });
        if (doGo) timer(10).subscribe(() => server.gone$.complete());
        flush();

        expect([asyncScheduler.now(), log]).toStrictEqual([endsAt, told]);
      })(),
    );

    it(
      'is not done before the run is, though its sockets are gone, nor before 5 s are over',
      marbles(({ flush }) => {
        const { life, log, server, user } = rig();
        server.isFlushed = false;
        life.enter(user('a'));
        void life.close();
        server.gone$.complete();
        expect(log).not.toContain('CLOSED');
        flush();

        expect([asyncScheduler.now(), log.includes('CLOSED')]).toStrictEqual([5_000, true]);
      }),
    );

    it('is one end for who asks again meanwhile, and nothing for who asks after it', async () => {
      const { life, owner, log, server } = rig();
      life.reconnect();
      const ended = life.close();
      expect(life.close()).toBe(ended);
      server.gone$.complete();
      await ended;
      log.length = 0;
      Object.assign(owner.connection, { sockets: () => ({ gone$: EMPTY, terminate: noop }) });
      await life.close();

      expect(log).toStrictEqual([]);
    });

    it('ends a run that has no connection yet, after one that was closed', async () => {
      const { life, log, server } = rig();
      life.reconnect();
      server.frames$.complete();
      life.reconnect();
      log.length = 0;
      const ended = life.close();
      server.gone$.complete();
      await ended;

      expect(log).toContain('hang up');
    });

    it('ends what has begun since, too, if it is asked again, and is done after both', async () => {
      const { life, log, server, user } = rig();
      life.enter(user('a'));
      const first = closed(log, life.close());
      const { gone$ } = server;
      life.enter(user('b'));
      life.reconnect();
      log.length = 0;
      const second = closed(log, life.close());
      server.gone$.complete();
      await Promise.resolve();
      expect(log).toStrictEqual([
        ...['CLOSING', 'farewell undefined', 'over', 'hang up', 'trade complete', 'b done'],
        ...['trade complete', 'CLOSED'],
      ]);
      log.length = 0;
      gone$.complete();
      await Promise.all([first, second]);

      expect(log).toStrictEqual(['closed', 'closed']);
    });

    it('is followed by no drop of what has begun since, where a reconnect() was to follow it', async () => {
      const { life, log, server, user } = rig();
      life.enter(user('a'));
      const ended = life.close();
      life.reconnect();
      life.enter(user('b'));
      log.length = 0;
      server.gone$.complete();
      await ended;

      expect(log).toStrictEqual([]);
    });

    it('takes back a reconnect() that was to follow it, if it is asked again', async () => {
      const { life, log, server } = rig();
      life.reconnect();
      const ended = life.close();
      life.reconnect();
      void life.close();
      server.gone$.complete();
      await ended;

      expect(log.at(-1)).toBe('CLOSED');
    });

    it(
      'asked again has the earlier of both deadlines',
      marbles(({ flush }) => {
        for (const [first, second] of [
          [30, 20],
          [20, 30],
        ] as const) {
          const { life, log, server, user } = rig();
          server.isFlushed = false;
          life.enter(user('a'));
          const began = asyncScheduler.now();
          void life.close({ timeoutMs: first });
          void life.close({ timeoutMs: second });
          flush();

          expect([
            asyncScheduler.now() - began,
            log.filter((what) => what === 'terminate').length,
          ]).toStrictEqual([20, 1]);
        }
      }),
    );

    it('ends a run that began as it was told', async () => {
      const { life, log, status$, server, user } = rig();
      status$.subscribe(({ state }) => state === 'CLOSING' && life.enter(user('a')));
      const ended = life.close();
      server.gone$.complete();
      await ended;

      expect(log).toStrictEqual([
        ...['CLOSING', 'begun', 'dial', 'farewell undefined', 'over', 'hang up', 'trade complete', 'CLOSED'],
        ...['a done', 'trade complete'],
      ]);

      const late = rig();
      late.status$.subscribe(({ state }) => state === 'CLOSING' && late.life.enter(late.user('a')));
      const closing = late.life.close();
      late.status$.next({ ...late.status$.value, state: 'CLOSED' });
      late.log.length = 0;
      late.server.gone$.complete();
      await closing;
      expect(late.log).toStrictEqual(['trade complete']);
    });

    it.each([
      ['at once', EMPTY, []],
      ['later', timer(5), ['no sooner']],
    ])(
      'is done with another that ends all %s, and leaves alone what follows',
      async (_when, gone$, meanwhile) => {
        const { life, owner, log, status$, user } = rig();
        const waits = [EMPTY, gone$.pipe(ignoreElements())];
        Object.assign(owner.connection, { sockets: () => ({ gone$: waits.shift(), terminate: noop }) });
        let other = Promise.resolve();
        status$.subscribe(({ state }) => {
          if (state === 'CLOSED') life.enter(user('b'));
          if (state !== 'CLOSING' || log.length > 1) return;
          life.enter(user('a'));
          other = life.close().then(() => void log.push('the other, too'));
        });
        const ended = closed(log, life.close());
        await nextTurn();
        if (log.at(-1) === 'a done') log.push('no sooner');
        await Promise.all([ended, other]);

        expect(log).toStrictEqual([
          ...['CLOSING', 'begun', 'dial', 'CLOSING', 'farewell undefined'],
          ...['over', 'hang up', 'trade complete', 'a done', ...meanwhile],
          ...['trade complete', 'CLOSED', 'begun', 'dial', 'closed', 'the other, too'],
        ]);
      },
    );

    it('says farewell before what follows has begun', async () => {
      const { life, log, status$, server } = rig();
      status$.subscribe(({ state }) => state === 'CLOSING' && life.reconnect());
      const ended = life.close();
      server.gone$.complete();
      await ended;

      expect(log).toStrictEqual([
        ...['CLOSING', 'farewell undefined', 'trade complete', 'CLOSED'],
        ...['drop: ReconnectRequestedError, reconnect requested', 'begun', 'dial', 'wake'],
      ]);
    });

    it('is told to a feed that never ran', async () => {
      const { life, log, server } = rig();
      const ended = closed(log, life.close());
      server.gone$.complete();
      await ended;

      expect(log).toStrictEqual(['CLOSING', 'farewell undefined', 'trade complete', 'CLOSED', 'closed']);
    });

    it(
      'ends the run and its sockets at the deadline, and leaves no timer behind',
      marbles(({ flush }) => {
        const { life, log, server, user } = rig();
        server.isFlushed = false;
        life.enter(user('a'));
        void life.close({ timeoutMs: 30 });
        asyncScheduler.schedule(() => log.push(`at ${asyncScheduler.now()}`), 29);
        flush();

        expect(log.slice(3)).toStrictEqual([
          ...['farewell undefined', 'at 29', 'over', 'hang up', 'trade complete', 'a done', 'terminate'],
          ...['trade complete', 'CLOSED'],
        ]);
        expect(asyncScheduler.now()).toBe(30);
      }),
    );

    it(
      'that is done leaves no deadline',
      marbles(({ flush }) => {
        const { life, log, server } = rig();
        life.reconnect();
        void life.close({ timeoutMs: 30 });
        server.gone$.complete();
        flush();

        expect([asyncScheduler.now(), log.includes('terminate')]).toStrictEqual([0, false]);
      }),
    );

    it('leaves a run alone that began while it waited for the sockets', async () => {
      const { life, log, server, user } = rig();
      life.enter(user('a'));
      const ended = life.close();
      life.enter(user('b'));
      log.length = 0;
      server.gone$.complete();
      await ended;

      expect(log).toStrictEqual([]);
    });

    it('is done when the run fails, too', async () => {
      const { life, log, server, user } = rig();
      server.isFlushed = false;
      life.enter(user('a'));
      const ended = life.close();
      server.frames$.error(new Error('gone'));
      server.gone$.complete();
      await ended;

      expect(log.slice(4)).toStrictEqual([
        ...['over', 'hang up', 'CLOSED of gone', 'a failed', 'trade complete'],
      ]);
    });

    it('refuses what cannot be said to a socket, and goes on', () => {
      const { life, log } = rig();
      void life.open();

      expect(() => life.close({ code: 1006 })).toThrow(RangeError);
      expect(log).toStrictEqual(['begun', 'dial']);
    });
  });
});
