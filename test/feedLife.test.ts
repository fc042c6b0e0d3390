import { asyncScheduler, BehaviorSubject, defer, Observable, Subject } from 'rxjs';
import { FeedLife, type LifeOwner } from '../src/feedLife.js';
import type { RunUser } from '../src/feedRun.js';
import type { ConnectionState, ConnectionStatus } from '../src/streams/events.js';
import { marbles } from './marbles.js';

/** A feed that has only its life. Its frames, and the end of its sockets, come from the test. */
const rig = (readyState: ConnectionState = 'CONNECTED') => {
  const log: string[] = [];
  const status$ = new BehaviorSubject({ state: 'DISCONNECTED', generation: 0 } as ConnectionStatus);
  const server = { frames$: new Subject<never>(), gone$: new Subject<never>(), isFlushed: true };
  const owner: LifeOwner = {
    ...({ maxItems: 2, sliceMs: 5, overflow: 'drop-oldest', frameKey: undefined, lingerMs: 0 } as const),
    connection: {
      status$,
      readyState,
      run: () =>
        defer(() => {
          log.push('dial');
          server.frames$ = new Subject();
          return new Observable<never>((subscriber) => {
            subscriber.add(server.frames$.subscribe(subscriber));
            subscriber.add(() => log.push('hang up'));
          });
        }),
      setState: (state, extra) => {
        log.push(extra === undefined ? state : `${state} of ${(extra.cause as Error).message}`);
        status$.next({ ...status$.value, state, ...extra });
      },
      drop: (error) => log.push(`drop: ${error.name}, ${error.message}`),
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
    backlog: { came: () => undefined, done: () => undefined },
    ledger: { receive: () => undefined, settle: () => undefined },
    reading: {
      hold: () => undefined,
      letGo: () => undefined,
      yieldTurn: () => undefined,
      takeTurn: () => undefined,
    },
    losses: { count: () => undefined },
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
    onRunOver: () => log.push('over'),
  };
  const user = (name: string, told?: () => void): RunUser => ({
    ended: (failure) => {
      log.push(failure === undefined ? `${name} done` : `${name} failed`);
      told?.();
    },
  });
  return { life: new FeedLife(owner), log, status$, server, user };
};

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
      ...['begun', 'dial', 'over', 'CLOSED', 'trade complete', 'a done', 'b done', 'hang up'],
      ...['begun', 'dial'],
    ]);
  });

  it('is CLOSED of what a run fails with', () => {
    const { life, log, server, user } = rig();
    life.enter(user('a'));
    server.frames$.error(new Error('given up'));

    expect(log.slice(2)).toStrictEqual(['over', 'CLOSED of given up', 'a failed', 'hang up']);
  });

  it('is over once for each run, though the next begins while it tells of its end', () => {
    const { life, log, server, user } = rig();
    life.enter(user('a', () => void life.enter(user('b'))));
    server.frames$.complete();

    expect(log).toStrictEqual([
      ...['begun', 'dial', 'over', 'CLOSED', 'trade complete', 'a done', 'begun', 'dial', 'hang up'],
    ]);
    server.frames$.complete();
    expect(log.slice(9)).toStrictEqual(['over', 'CLOSED', 'trade complete', 'b done', 'hang up']);
  });

  it('starts a run clean, though the one before it has not been over', () => {
    const { life, log, user } = rig();
    const a = user('a');
    const first = life.enter(a);
    life.forget(first);
    life.enter(user('b'));
    expect(log).toStrictEqual(['begun', 'dial', 'over', 'begun', 'dial']);
    first.leave(a); // which forgets it again
    life.enter(user('c'));

    expect(log.slice(5)).toStrictEqual(['hang up']);
  });

  it('keeps what it was CLOSED of first', () => {
    const { life, log, status$, server, user } = rig();
    life.enter(user('a'));
    status$.next({ ...status$.value, state: 'CLOSED' });
    server.frames$.error(new Error('later'));

    expect(log.slice(2)).toStrictEqual(['over', 'a failed', 'hang up']);
  });

  describe('open', () => {
    it.each(['CONNECTED', 'AUTHENTICATED'] as const)(
      'resolves when it is %s, if that is ready',
      async (ready) => {
        const { life, log, status$ } = rig(ready);
        const opened = life.open().then(() => log.push('opened'));
        for (const state of ['CONNECTED', 'AUTHENTICATED'] as const) {
          status$.next({ ...status$.value, state });
          log.push(state);
          if (state === ready) await opened;
        }

        expect(log.slice(2)).toStrictEqual(
          ready === 'CONNECTED'
            ? ['CONNECTED', 'opened', 'AUTHENTICATED']
            : ['CONNECTED', 'AUTHENTICATED', 'opened'],
        );
      },
    );

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

    it('rejects if it is closed before it is ready', async () => {
      const { life, server } = rig();
      const opened = life.open();
      server.frames$.complete();

      await expect(opened).rejects.toThrow(new Error('open: the feed was closed before it was ready'));
    });
  });

  describe('reconnect', () => {
    it('drops the connection while it runs, and begins a run when it does not', () => {
      const { life, log, server } = rig();
      life.reconnect('first');
      life.reconnect('second');
      server.frames$.complete();
      life.reconnect();

      expect(log).toStrictEqual([
        ...['begun', 'dial', 'drop: ReconnectRequestedError, reconnect requested: second'],
        ...['over', 'CLOSED', 'trade complete', 'hang up', 'begun', 'dial'],
      ]);
    });

    it('begins the next run when it is closed, if it closes', async () => {
      const { life, log, server } = rig();
      life.reconnect();
      const ended = closed(log, life.close());
      life.reconnect();
      expect(log.slice(2)).toStrictEqual([
        ...['CLOSING', 'farewell undefined', 'over', 'trade complete', 'hang up'],
      ]);
      server.gone$.complete();
      await ended;

      expect(log.slice(7)).toStrictEqual(['CLOSED', 'trade complete', 'begun', 'dial', 'closed']);
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
        ...['CLOSING', 'farewell 4000', 'over', 'trade complete', 'a done', 'hang up', 'later'],
        ...['CLOSED', 'trade complete', 'closed'],
      ]);
    });

    it('is one end for who asks again meanwhile, and nothing for who asks after it', async () => {
      const { life, log, server } = rig();
      life.reconnect();
      const ended = life.close();
      expect(life.close()).toBe(ended);
      server.gone$.complete();
      await ended;
      log.length = 0;
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

    it('is told to a feed that never ran', async () => {
      const { life, log, server } = rig();
      const ended = closed(log, life.close());
      server.gone$.complete();
      await ended;

      expect(log).toStrictEqual(['CLOSING', 'farewell undefined', 'CLOSED', 'trade complete', 'closed']);
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
          ...['farewell undefined', 'at 29', 'over', 'trade complete', 'a done', 'hang up', 'terminate'],
          ...['CLOSED', 'trade complete'],
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
        ...['over', 'CLOSED of gone', 'a failed', 'hang up', 'CLOSED', 'trade complete'],
      ]);
    });

    it('refuses what cannot be said to a socket, and goes on', () => {
      const { life, log } = rig();
      life.reconnect();

      expect(() => life.close({ code: 1006 })).toThrow(RangeError);
      expect(log).toStrictEqual(['begun', 'dial']);
    });
  });
});
