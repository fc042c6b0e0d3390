import {
  asyncScheduler,
  config as rxjsConfig,
  EMPTY,
  ignoreElements,
  mergeMap,
  NEVER,
  noop,
  Observable,
  of,
  Subscription,
  take,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import { attach } from '../../src/operators/attach.js';
import { dialSession, type DialSessionConfig } from '../../src/streams/dialSession.js';
import {
  AuthenticationError,
  ReconnectRequestedError,
  SocketClosedError,
} from '../../src/streams/failure.js';
import { createLiveDials } from '../../src/streams/liveDials.js';
import { createOutbox } from '../../src/streams/outbox.js';
import type { OpenSession, Session } from '../../src/streams/session.js';
import type { SocketHandler, Transport } from '../../src/streams/transport.js';
import { closes, pongs, scriptedTransport, silence } from '../../src/testing/scriptedTransport.js';
import { marbles } from '../marbles.js';
import { readerOf } from './frameReader.js';
import { collectGarbage } from '../collectGarbage.js';

const boom = new Error('boom');

const rig = (script: string, own: Partial<DialSessionConfig> = {}) => {
  const log: unknown[] = [];
  const transport = scriptedTransport([script], {
    a: 'a',
    x: closes(1012, 'restart'),
    s: silence(),
    p: pongs(),
  });
  const dials = createLiveDials();
  const drop = (error: Error): void => dials.tell((each) => each.drop(error));
  const config: DialSessionConfig = {
    url: 'ws://test',
    transport,
    outbox: createOutbox(),
    generation: 7,
    maxHeld: 2,
    encode: (message) => JSON.stringify(message),
    peek: (data) => [data],
    onHeld: () => false,
    onPong: () => log.push('pong'),
    onPongOverdue: ({ generation }, waitedMs) => log.push(`no pong for ${waitedMs} at ${generation}`),
    onHookFailed: (hook) => log.push(hook),
    onNoRoom: ({ phase }) => log.push(`no room at ${phase}`),
    onLost: (frames) => frames > 0 && log.push(`lost ${frames}`),
    onEnd: (_session, error) => log.push(`end ${(error as Error | undefined)?.name ?? ''}`),
    isPaused: () => false,
    dials,
    drained$: NEVER,
    parted$: NEVER,
    ...own,
  };
  const dial = (welcome: (session: OpenSession) => Observable<string> = () => of('ready')) =>
    dialSession<string>(config, welcome).pipe(tap({ error: () => log.push('error') }));
  return { dial, log, transport, dials, drop };
};

/** Reads the frames of a session that is in charge at once. */
const reads = (session: OpenSession) => {
  session.start();
  return new Observable<string>((subscriber) => {
    session.deliver(({ data }) => subscriber.next(String(data)), readerOf(subscriber));
    return () => session.leave();
  });
};

describe('the dial of a session', () => {
  it('dials nothing for who left before it could begin, or while its provider was asked', () => {
    const log: string[] = [];
    const run = new Subscription();
    const { dial, transport } = rig('o', {
      url: () => {
        log.push('asked');
        run.unsubscribe();
        return 'ws://test';
      },
    });
    transport.log$.subscribe(({ type }) => log.push(type));
    attach(run, dial(), {});
    new Observable<string>((left) => {
      left.unsubscribe();
      dial().subscribe(left);
    }).subscribe();

    expect(log).toStrictEqual(['asked']);
  });

  it('forgets the welcome of a connection that has ended: after rotations it knows the session before', async () => {
    let handler: SocketHandler | undefined;
    const { dial } = rig('o', {
      transport: {
        settled: of(undefined),
        dial: (_request, told) => {
          handler = told;
          return { send: noop, close: noop, terminate: noop, bufferedBytes: 0 };
        },
      },
    });
    let session: OpenSession | undefined;
    const connect = (before: { readonly name: string }): Subscription =>
      dial((opened) => {
        session = opened;
        return of(before.name);
      }).subscribe();
    const known = ((): WeakRef<object> => {
      const before = { name: 'before' };
      const run = connect(before);
      handler?.open({ protocol: '', extensions: '' });
      run.unsubscribe();
      handler?.end(boom);
      return new WeakRef(before);
    })();
    await new Promise((resolve) => setImmediate(resolve)); // a WeakRef keeps what it was asked for until then
    collectGarbage();

    expect([session?.isOver, known.deref()]).toStrictEqual([true, undefined]);
  });

  it('opens nothing for who left during the dial, though the transport says so', () => {
    let handler: SocketHandler | undefined;
    const { dial, log } = rig('o', {
      transport: {
        settled: of(undefined),
        dial: (_request, told) => {
          handler = told;
          return { send: noop, close: noop, terminate: () => log.push('terminate'), bufferedBytes: 0 };
        },
      },
      onOpen: () => log.push('open'),
    });
    dial().subscribe().unsubscribe();
    handler?.open({ protocol: '', extensions: '' });

    expect(log).toStrictEqual(['terminate']);
  });

  it(
    'goes on with the welcome when the login is done, and errors when the socket ends',
    marbles(({ expectObservable, flush }) => {
      const { dial, log } = rig('--o--a-x', { authenticate: () => timer(2) });
      expectObservable(dial(reads).pipe(ignoreElements())).toBe(
        '-------#',
        undefined,
        new SocketClosedError(1012, 'restart'),
      );
      flush();
      expect(log).toStrictEqual(['end SocketClosedError', 'error']);
    }),
  );

  describe('AUT-05 whose login', () => {
    const tooLate = new AuthenticationError('authentication failed', {
      cause: new Error('not authenticated within 5 ms'),
    });
    const login = (count: number): Partial<DialSessionConfig> => ({
      authenticateTimeoutMs: 5,
      authenticate: (session) => {
        for (let n = 0; n < count; n += 1) session.send('login');
        return NEVER;
      },
    });

    it(
      'the rate holds back has its whole time all the same',
      marbles(({ expectObservable }) => {
        const outbox = createOutbox({ rate: { max: 1, perMs: 19, marginMs: 0 } });
        const { dial, transport } = rig('o', { ...login(3), outbox });
        expectObservable(dial()).toBe('45ms #', {}, tooLate);
        expectObservable(transport.sends$).toBe('a 19ms b 19ms c', { a: 'login', b: 'login', c: 'login' });
      }),
    );

    it(
      'the rate holds back halfway has the rest of its time after that',
      marbles(({ expectObservable }) => {
        const outbox = createOutbox({ rate: { max: 1, perMs: 19, marginMs: 0 } });
        const authenticate = (session: Session): Observable<never> => {
          timer(2).subscribe(() => session.send('login'));
          return NEVER;
        };
        const { dial } = rig('o', { ...login(0), authenticate, outbox });
        outbox.open({ send: noop, bufferedBytes: 0 }).send(noop);
        expectObservable(dial()).toBe('23ms #', {}, tooLate);
      }),
    );

    it(
      'waits for a full socket, and then for the rate, has no time counted from the look that finds room',
      marbles(({ expectObservable }) => {
        const { transport } = rig('o');
        let fullUntil = 0;
        const filling: Transport = {
          ...transport,
          dial(request, handler) {
            const socket = transport.dial(request, handler);
            return {
              ...socket,
              send: (data) => {
                fullUntil = asyncScheduler.now() + 10;
                socket.send(data);
              },
              get bufferedBytes() {
                return asyncScheduler.now() < fullUntil ? 1 : 0;
              },
            };
          },
        };
        const { dial } = rig('o', {
          ...login(2),
          authenticateTimeoutMs: 80,
          transport: filling,
          outbox: createOutbox({ maxBufferedBytes: 1, rate: { max: 1, perMs: 100, marginMs: 0 } }),
        });
        const error = new AuthenticationError('authentication failed', {
          cause: new Error('not authenticated within 80 ms'),
        });
        // 50 ms until the look, and 30 from when it has left.
        expectObservable(dial(), '^ 200ms !').toBe('131ms #', {}, error);
        expectObservable(transport.sends$, '^ 200ms !').toBe('a 100ms b', { a: 'login', b: 'login' });
      }),
    );

    it(
      'waits for a full socket has no more time: there it is the server that does not read',
      marbles(({ expectObservable }) => {
        const { transport } = rig('o');
        const full: Transport = {
          ...transport,
          dial: (request, handler) => ({
            ...transport.dial(request, handler),
            get bufferedBytes() {
              return 1;
            },
          }),
        };
        const { dial } = rig('o', {
          ...login(1),
          transport: full,
          outbox: createOutbox({ maxBufferedBytes: 1 }),
        });
        expectObservable(dial(), '^ 20ms !').toBe('-----#', {}, tooLate);
      }),
    );
  });

  it(
    'has ended its session by the time anybody hears why',
    marbles(({ flush }) => {
      const { dial, log } = rig('oaaa-x', { authenticate: () => NEVER });
      dial().subscribe({ error: () => undefined });
      flush();

      expect(log).toStrictEqual(['no room at login', 'lost 2', 'end SocketClosedError', 'error']);
    }),
  );

  it(
    'is ended from outside, its socket destroyed',
    marbles(({ flush, expectObservable }) => {
      const { dial, drop, transport, log } = rig('o');
      timer(3).subscribe(() => drop(new ReconnectRequestedError('resync')));
      dial().subscribe({ error: () => undefined });
      expectObservable(transport.closes$).toBe('---t', { t: 'terminate' });
      flush();

      expect(log).toStrictEqual(['end ReconnectRequestedError', 'error']);
    }),
  );

  it(
    'completes when a session that retired has ended, and delivers what comes before that',
    marbles(({ flush, expectObservable }) => {
      const { dial, log } = rig('os 4ms a-x');
      const values$ = dial((session) => {
        timer(3).subscribe(() => session.retire());
        return reads(session);
      });
      expectObservable(values$).toBe('------a-|');
      flush();

      expect(log).toStrictEqual(['end SocketClosedError']);
    }),
  );

  it(
    'does not wait for the end of a session that retired beyond drained$',
    marbles(({ expectObservable }) => {
      const { dial, transport } = rig('os', { drained$: timer(5) });
      const values$ = dial((session) => {
        timer(3).subscribe(() => session.retire());
        return NEVER;
      });
      expectObservable(values$).toBe('--------|');
      expectObservable(transport.closes$).toBe('---c----t', {
        c: { code: 1000, reason: 'rotated' },
        t: 'terminate',
      });
    }),
  );

  it(
    'does not wait for the end of a session that a hook closed beyond parted$, counted from its first close',
    marbles(({ expectObservable }) => {
      const { dial, transport } = rig('os', { parted$: timer(5) });
      const values$ = dial((session) => {
        for (const ms of [3, 6]) timer(ms).subscribe(() => session.close(4000, 'resync'));
        return NEVER;
      });
      const error = new SocketClosedError(1006, 'the close was not finished');
      expectObservable(values$).toBe('--------#', {}, error);
      expectObservable(transport.closes$).toBe('---c----t', {
        c: { code: 4000, reason: 'resync' },
        t: 'terminate',
      });
    }),
  );

  it(
    'says goodbye when it is unsubscribed, and tells of no error',
    marbles(({ flush }) => {
      const { dial, log } = rig('o-a');
      const subscription = dial().subscribe();
      timer(5).subscribe(() => subscription.unsubscribe());
      flush();

      expect(log).toStrictEqual(['lost 1', 'end ']);
    }),
  );

  it(
    'takes nothing more in from when it is told so',
    marbles(({ expectObservable }) => {
      const { dial, dials } = rig('o-a-a');
      timer(3).subscribe(() => dials.tell((each) => each.stopIntake()));
      expectObservable(dial(reads), '^-----!').toBe('--a');
    }),
  );

  it(
    'takes nothing more in though what a hook yielded throws as it is left',
    marbles(({ expectObservable, flush }) => {
      const reply = (): Observable<never> =>
        new Observable(() => () => {
          throw new Error('left');
        });
      const { dial, dials } = rig('o-a-a', { heartbeat: { reply } });
      const unhandled: unknown[] = [];
      rxjsConfig.onUnhandledError = (error) => unhandled.push(error);
      const asks = (session: OpenSession): Observable<string> => {
        session.heartbeat.reply('ask');
        return reads(session);
      };
      timer(3).subscribe(() => dials.tell((each) => each.stopIntake()));
      expectObservable(dial(asks), '^-----!').toBe('--a');
      flush();
      rxjsConfig.onUnhandledError = null;
      expect(unhandled).toHaveLength(1);
    }),
  );

  it(
    'takes the end of a pause for a sign of life, until it takes nothing more in',
    marbles(({ flush }) => {
      const { dial, dials, log } = rig('os', { heartbeat: { everyMs: 4, timeoutMs: 2 } });
      const stopped = rig('os', { heartbeat: { everyMs: 4, timeoutMs: 2 } });
      timer(3).subscribe(() => {
        stopped.dials.tell((each) => each.stopIntake());
        for (const list of [dials, stopped.dials]) list.tell((each) => each.resumed());
      });
      dial().subscribe({ error: () => log.push(asyncScheduler.now()) });
      stopped
        .dial()
        .pipe(takeUntil(timer(50)))
        .subscribe();
      flush();

      expect(log.slice(-3)).toStrictEqual(['end HeartbeatTimeoutError', 'error', 9]);
      expect(stopped.log).toStrictEqual(['end ']);
    }),
  );

  it(
    'is not dropped by who is asked where to dial',
    marbles(({ flush }) => {
      const { dial, drop, log } = rig('ox', {
        url: () => {
          drop(boom);
          return 'ws://test';
        },
      });
      dial().subscribe({ error: noop });
      flush();

      expect(log).toStrictEqual(['end SocketClosedError', 'error']);
    }),
  );

  it('is called by nobody after its end, nor if it was left before it could begin', () => {
    const listed = new Set<unknown>();
    const { dial } = rig('o', {
      dials: { add: (one) => listed.add(one), delete: (one) => listed.delete(one) },
    });
    const run = dial().subscribe();
    expect(listed.size).toBe(1);
    run.unsubscribe();
    new Observable<string>((left) => {
      left.unsubscribe();
      dial().subscribe(left);
    }).subscribe();

    expect(listed.size).toBe(0);
  });

  it(
    'is dialled anew by each subscription',
    marbles(({ expectObservable }) => {
      const { dial, transport } = rig('ox');
      const dialled$ = dial(() => EMPTY);
      for (const ms of [0, 20])
        timer(ms)
          .pipe(mergeMap(() => dialled$))
          .subscribe({ error: noop });
      expectObservable(transport.dials$, '^ 30ms !').toBe('1 19ms 2', { 1: 1, 2: 2 });
    }),
  );

  it(
    'takes control frames for signs of life, and frames',
    marbles(({ flush }) => {
      const { dial, log } = rig('osp--a', { heartbeat: { everyMs: 4, timeoutMs: 2 } });
      dial().subscribe({ error: () => log.push(asyncScheduler.now()) });
      flush();

      expect(log.slice(-3)).toStrictEqual(['end HeartbeatTimeoutError', 'error', 11]);
    }),
  );

  it(
    'says goodbye to the socket before it ends the session',
    marbles(({ flush }) => {
      const { dial, log } = rig('o', {
        farewell: () => {
          log.push('farewell');
          return {};
        },
      });
      const subscription = dial().subscribe();
      timer(5).subscribe(() => subscription.unsubscribe());
      flush();

      expect(log).toStrictEqual(['farewell', 'end ']);
    }),
  );

  it(
    'ends its socket, then its session, then tells of the error',
    marbles(({ flush }) => {
      const { dial, drop, transport, log } = rig('o');
      transport.closes$.subscribe((close) => log.push(close));
      timer(3).subscribe(() => drop(boom));
      dial().subscribe({ error: noop });
      flush();

      expect(log).toStrictEqual(['terminate', 'end Error', 'error']);
    }),
  );

  describe('whose listener', () => {
    it(
      'drops it as it opens ends the session, and begins no login',
      marbles(({ flush }) => {
        const authenticate = jest.fn(() => NEVER);
        const { dial, log, drop } = rig('op', { authenticate, onOpen: () => drop(boom) });
        dial().subscribe({ error: noop });
        flush();

        expect(log).toStrictEqual(['end Error', 'error']);
        expect(authenticate).not.toHaveBeenCalled();
      }),
    );

    it(
      'leaves as it opens ends the session, and begins no login',
      marbles(({ flush }) => {
        const authenticate = jest.fn(() => NEVER);
        const subscription = new Subscription();
        const { dial, log } = rig('op', { authenticate, onOpen: () => subscription.unsubscribe() });
        subscription.add(dial().subscribe());
        flush();

        expect(log).toStrictEqual(['end ']);
        expect(authenticate).not.toHaveBeenCalled();
      }),
    );

    it(
      'answers each ping of a quiet connection sets no timer for the answers',
      marbles(({ flush }) => {
        const schedule = jest.spyOn(asyncScheduler, 'schedule');
        const heartbeat = { everyMs: 20, timeoutMs: 10, latencyEveryMs: 1_000 };
        const answers: unknown[] = [];
        const onPong = (session: OpenSession): void => void answers.push(session.heartbeat.answered('frame'));
        const { dial } = rig('os 22ms p 23ms p 23ms p', { heartbeat, onPong });
        const subscription = dial().subscribe();
        timer(80).subscribe(() => subscription.unsubscribe());
        flush();

        const rings = schedule.mock.calls.filter(([work]) => work.name === 'ring').map(([, ms = 0]) => ms);
        schedule.mockRestore();
        expect(answers).toStrictEqual([4, 4, 4]);
        expect(rings.filter((ms) => ms < 500)).toStrictEqual([20, 20, 20, 20]);
      }),
    );

    it(
      'drops it at a pong hears nothing more of it',
      marbles(({ flush }) => {
        const { dial, log, drop } = rig('opp', {
          onPong: () => {
            log.push('pong');
            drop(boom);
          },
        });
        dial().subscribe({ error: noop });
        flush();

        expect(log).toStrictEqual(['pong', 'end Error', 'error']);
      }),
    );

    it(
      'leaves at a value stops the welcome',
      marbles(({ flush }) => {
        const { dial, log } = rig('o');
        dial(() => of('a', 'b').pipe(tap((value) => log.push(value))))
          .pipe(take(1))
          .subscribe();
        flush();

        expect(log).toStrictEqual(['a', 'end ']);
      }),
    );

    const fails = (): never => {
      throw boom;
    };
    it.each<[string, Partial<DialSessionConfig>, () => Observable<string>]>([
      ['the opening', { onOpen: fails }, () => NEVER],
      ['a pong', { onPong: fails }, () => NEVER],
      ['the welcome', {}, fails],
    ])('fails at %s makes that its error', (_event, own, welcome) =>
      marbles(({ flush }) => {
        const { dial, log } = rig('o-p', own);
        const errors: unknown[] = [];
        dial(welcome).subscribe({ error: (error: unknown) => errors.push(error) });
        flush();

        expect(errors).toStrictEqual([boom]);
        expect(log).toStrictEqual(['end Error', 'error']);
      })(),
    );
  });
});
