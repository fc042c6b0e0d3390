import {
  asyncScheduler,
  map,
  merge,
  NEVER,
  noop,
  Observable,
  Subject,
  take,
  takeUntil,
  throwError,
  timer,
} from 'rxjs';
import type { FeedEvent } from '../../src/streams/events.js';
import {
  type Connection,
  type ConnectionConfig,
  type ConnectionHooks,
  createConnection,
} from '../../src/streams/connection.js';
import type { Frame } from '../../src/streams/session.js';
import { PauseTimeoutError, ReconnectRequestedError } from '../../src/streams/failure.js';
import { fails, opens, refuses, scriptedTransport } from '../../src/testing/scriptedTransport.js';
import { HOUR_MS, marbles, stepClock } from '../marbles.js';

const rig = (
  scripts: string[],
  frames: Record<string, unknown> = {},
  config: Partial<ConnectionConfig> = {},
  own: Partial<ConnectionHooks> = {},
) => {
  const events: FeedEvent[] = [];
  const transport = scriptedTransport(scripts, frames);
  const connection = createConnection(
    {
      url: 'ws://test',
      transport,
      random: () => 0.5,
      reconnect: { jitter: 'none', initialMs: 10, maxMs: 40, stableMs: 100 },
      ...config,
    },
    {
      tell: (event) => events.push(event),
      tellAfter(first, event) {
        first();
        this.tell(event);
      },
      encode: (message) => JSON.stringify(message),
      peek: (data) => [data],
      maxHeld: 2,
      onLost: () => undefined,
      onUnsent: () => undefined,
      onHeld: () => false,
      join: () => undefined,
      forgetPositions: () => undefined,
      onReady: () => undefined,
      onEnded: () => undefined,
      onOver: () => undefined,
      isPaused: () => false,
      resumed$: NEVER,
      ...own,
    },
  );
  return { connection, transport, events };
};

/** What it delivers, as an Observable. */
const framesOf = (connection: Connection): Observable<Frame> =>
  new Observable((subscriber) => connection.run((frame) => subscriber.next(frame)).subscribe(subscriber));

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a connection', () => {
  it(
    'REC-10 gives the frames of one session after another, each with its generation',
    marbles(({ expectObservable }) => {
      const { connection } = rig(['oa|', 'oa|', 'oa'], { a: 'x' });
      const frames$ = framesOf(connection).pipe(
        map(({ session: { generation }, data }) => [generation, data]),
      );

      // dials at 0, then 10 after the close at 2, then 20 after the close at 14
      expectObservable(frames$, '^ 50ms !').toBe('-a 11ms b 21ms c', {
        a: [1, 'x'],
        b: [2, 'x'],
        c: [3, 'x'],
      });
    }),
  );

  it(
    'reports its state, the attempt and the delay',
    marbles(({ flush }) => {
      const { connection, events } = rig(['r', 'o'], { r: refuses(502) });
      const subscription = connection.run(noop).subscribe();
      timer(14).subscribe(() => subscription.unsubscribe());
      flush();
      const states = events
        .filter((event) => event.type === 'state')
        .map(({ status: { state, generation, attempt, retryInMs, since } }) => [
          since,
          state,
          generation,
          attempt,
          retryInMs,
        ]);

      expect(states).toStrictEqual([
        [0, 'CONNECTING', 1, 0, undefined],
        [0, 'RECONNECTING', 1, 1, 10],
        [10, 'CONNECTING', 2, 1, undefined],
        [10, 'CONNECTED', 2, 0, undefined],
      ]);
    }),
  );

  it(
    'tells what was agreed on, and whether it had been connected before',
    marbles(({ flush }) => {
      const { connection, events } = rig(['O|', 'o'], {
        O: opens({ protocol: 'v1', extensions: 'permessage-deflate' }),
      });
      const subscription = connection.run(noop).subscribe();
      timer(20).subscribe(() => subscription.unsubscribe());
      flush();

      expect(events.filter(({ type }) => type === 'connected')).toStrictEqual([
        {
          type: 'connected',
          isReconnect: false,
          url: 'ws://test/',
          protocol: 'v1',
          extensions: 'permessage-deflate',
          generation: 1,
          at: 0,
        },
        {
          type: 'connected',
          isReconnect: true,
          url: 'ws://test/',
          protocol: '',
          extensions: '',
          generation: 2,
          at: 11,
        },
      ]);
    }),
  );

  it(
    'counts the frames that find no room while it authenticates, and those whose login never came',
    marbles(({ flush }) => {
      const lost: number[] = [];
      const { connection } = rig(
        ['oaaa|'],
        { a: 'x' },
        { authenticate: () => NEVER },
        { onLost: (frames) => lost.push(frames) },
      );
      const subscription = connection.run(noop).subscribe();
      timer(6).subscribe(() => subscription.unsubscribe());
      flush();

      expect(lost).toStrictEqual([1, 2]);
    }),
  );

  it(
    'a hook that fails after the connection is ready is told, and ends nothing',
    marbles(({ flush, expectObservable }) => {
      const { connection, events, transport } = rig(
        ['oa'],
        { a: 'x' },
        { onConnected: () => throwError(() => new Error('no snapshot')) },
      );
      expectObservable(framesOf(connection).pipe(map(({ data }) => data)), '^--!').toBe('-x');
      expectObservable(transport.dials$).toBe('1', { 1: 1 });
      flush();

      expect(events.filter(({ type }) => type === 'hookFailed')).toMatchObject([
        { hook: 'onConnected', error: new Error('no snapshot') },
      ]);
    }),
  );

  it(
    'drops a connection for a reason given, and counts it as any other failure',
    marbles(({ flush, expectObservable }) => {
      const { connection, events, transport } = rig(['o', 'o']);
      const subscription = connection.run(noop).subscribe();
      timer(3).subscribe(() => connection.drop(new PauseTimeoutError(7)));
      timer(30).subscribe(() => subscription.unsubscribe());
      expectObservable(transport.closes$.pipe(take(1))).toBe('---(t|)', { t: 'terminate' });
      expectObservable(transport.dials$).toBe('1 12ms 2', { 1: 1, 2: 2 });
      flush();

      expect(events.find(({ type }) => type === 'retry')).toMatchObject({
        class: 'network',
        attempt: 1,
        delayMs: 10,
      });
    }),
  );

  it(
    'SND-06 sends what waited once the next connection is ready',
    marbles(({ flush, expectObservable }) => {
      const { connection, transport } = rig(['o|', 'o']);
      const subscription = connection.run(noop).subscribe();
      timer(5).subscribe(() => expect(connection.send('m').result).toBe('queued'));
      timer(30).subscribe(() => subscription.unsubscribe());
      expectObservable(transport.sends$).toBe('11ms m');
      flush();
    }),
  );

  it(
    'REC-11 errors with what the policies gave up with, and says so once',
    marbles(({ flush, expectObservable }) => {
      const { connection, events } = rig(['x'], { x: fails('CERT_HAS_EXPIRED') });
      expectObservable(connection.run(noop)).toBe(
        '#',
        undefined,
        Object.assign(new Error('scripted CERT_HAS_EXPIRED'), { code: 'CERT_HAS_EXPIRED' }),
      );
      flush();

      expect(events.map(({ type }) => type)).toStrictEqual(['state', 'disconnected', 'gaveUp', 'state']);
      expect(connection.status$.value).toMatchObject({
        state: 'CLOSED',
        cause: { code: 'CERT_HAS_EXPIRED' },
      });
    }),
  );

  it(
    'says when no socket is left',
    marbles(({ expectObservable }) => {
      const { connection } = rig(['o']);
      expectObservable(rig(['o']).connection.sockets().gone$).toBe('|');
      const subscription = connection.run(noop).subscribe();
      timer(3).subscribe(() => subscription.unsubscribe());
      expectObservable(connection.sockets().gone$, '-^').toBe('---|');
    }),
  );

  it(
    'tries the next URL after a failure, and the preferred one again after a recovery',
    marbles(({ flush }) => {
      const { connection, transport } = rig(
        ['#', 'o 200ms |', '#', 'o'],
        {},
        {
          url: ['ws://a.test/', 'ws://b.test/?key=secret'],
        },
      );
      const urls: string[] = [];
      transport.log$.subscribe((entry) => entry.type === 'dial' && urls.push(entry.url));
      const subscription = connection.run(noop).subscribe();
      timer(400).subscribe(() => subscription.unsubscribe());
      flush();

      expect(urls).toStrictEqual([
        'ws://a.test/',
        'ws://b.test/?key=secret',
        'ws://a.test/',
        'ws://b.test/?key=secret',
      ]);
    }),
  );

  it(
    'gives up for a URL that can never work only when the others have had their turn',
    marbles(({ flush, expectObservable }) => {
      const { connection, transport } = rig(
        ['x', 'x', 'x'],
        { x: refuses(404) },
        { url: ['ws://a', 'ws://b'] },
      );
      expectObservable(transport.dials$).toBe('1 9ms 2', { 1: 1, 2: 2 });
      connection.run(noop).subscribe({ error: () => undefined });
      flush();

      expect(connection.status$.value).toMatchObject({ state: 'CLOSED', cause: { status: 404 } });
    }),
  );

  describe('REC-19 with word of the network', () => {
    it(
      'drops the connection when it is gone, and dials when it is back without waiting out the delay',
      marbles(({ hot, flush, expectObservable }) => {
        const { connection, transport, events } = rig(
          ['o', '#', 'o'],
          {},
          {
            online$: hot('t--t-f--t', { t: true, f: false }),
            reconnect: { jitter: 'none', initialMs: 1_000, maxMs: 1_000 },
          },
        );
        const subscription = connection.run(noop).subscribe();
        timer(40).subscribe(() => subscription.unsubscribe());
        expectObservable(transport.dials$).toBe('1-------2', { 1: 1, 2: 2 });
        flush();

        expect(events.find(({ type }) => type === 'disconnected')).toMatchObject({
          at: 5,
          class: 'network',
          error: { name: 'OfflineError' },
        });
      }),
    );
  });

  /** What a run tells, in short, when `leave` is called at the first event that `isIt`. */
  const toldWhenLeft = (
    flush: () => void,
    scripts: string[],
    isIt: (event: FeedEvent) => boolean,
    leave: (connection: Connection, stop: () => void) => void,
  ): string[] => {
    const log: string[] = [];
    const stop$ = new Subject<void>();
    let hasLeft = false;
    const { connection } = rig(
      scripts,
      { a: 'x' },
      {},
      {
        tell: (event) => {
          log.push(event.type === 'state' ? event.status.state : event.type);
          if (hasLeft || !isIt(event)) return;
          hasLeft = true;
          leave(connection, () => stop$.next());
        },
        onEnded: () => log.push('ended'),
        onOver: () => log.push('over'),
        onLost: (frames) => log.push(`lost ${frames}`),
      },
    );
    connection
      .run(() => log.push('frame'))
      .pipe(takeUntil(merge(stop$, timer(500))))
      .subscribe({ error: noop, complete: () => log.push('|') });
    flush();
    return log;
  };
  const isState = (state: string) => (event: FeedEvent) =>
    event.type === 'state' && event.status.state === state;
  const isType = (type: string) => (event: FeedEvent) => event.type === type;

  it.each([
    [isState('CONNECTING'), ['CONNECTING', '|']],
    [isState('CONNECTED'), ['CONNECTING', 'CONNECTED', '|', 'lost 0', 'ended', 'lost 0']],
    [isType('connected'), ['CONNECTING', 'CONNECTED', 'connected', '|', 'lost 0', 'ended', 'lost 0']],
  ])('ends in order when whoever is told leaves at once (%#)', (isIt, expected) => {
    marbles(({ flush }) => {
      expect(toldWhenLeft(flush, ['oa'], isIt, (_connection, stop) => stop())).toStrictEqual(expected);
    })();
  });

  it(
    'ends in order when whoever is told closes it, and begins no rotation after that',
    marbles(({ flush }) => {
      const log = toldWhenLeft(flush, ['oa', 'o'], isType('connected'), (connection) => {
        connection.close({ timeoutMs: 10 });
        connection.rotate();
      });

      expect(log).toStrictEqual(['CONNECTING', 'CONNECTED', 'connected', '|', 'lost 0', 'ended', 'lost 0']);
    }),
  );

  it(
    'takes nothing more in while it flushes what waits, nor waits any longer for a rotation to be due',
    marbles(({ expectObservable, flush }) => {
      const { connection, events } = rig(
        ['oa 4ms a', 'o'],
        { a: 'x' },
        { outbox: { rate: { max: 1, perMs: 1_000 } }, rotate: { everyMs: 10 }, random: () => 0 },
      );
      const frames$ = framesOf(connection).pipe(map(({ data }) => data));
      timer(3).subscribe(() => {
        for (const message of [1, 2]) connection.send(message);
        connection.close({ timeoutMs: 50 });
      });
      expectObservable(frames$).toBe('-x 51ms |');
      flush();

      expect(events.map(({ type }) => type)).not.toContain('rotating');
    }),
  );

  it(
    'begins no rotation while it flushes what waits',
    marbles(({ flush }) => {
      const { connection, events } = rig(['o', 'o'], {}, { outbox: { rate: { max: 1, perMs: 100 } } });
      let endedAt = 0;
      connection.run(noop).subscribe({ complete: () => (endedAt = asyncScheduler.now()) });
      timer(10).subscribe(() => {
        expect([connection.send('a').result, connection.send('b').result]).toStrictEqual(['sent', 'queued']);
        connection.close({ timeoutMs: 500 });
        connection.rotate();
      });
      flush();

      expect(events.map(({ type }) => type)).not.toContain('rotating');
      expect(endedAt).toBe(116);
    }),
  );

  it(
    'begins no rotation for whoever hears that the session has ended',
    marbles(({ flush }) => {
      const { connection, events } = rig(
        ['oa|', 'o'],
        { a: 'x' },
        {},
        { onEnded: () => connection.rotate() },
      );
      connection
        .run(noop)
        .pipe(takeUntil(timer(50)))
        .subscribe();
      flush();

      expect(events.map(({ type }) => type)).not.toContain('rotating');
      expect(events.filter(isState('CONNECTING'))).toHaveLength(2);
    }),
  );

  it(
    'tells of a drop from within as of any other, and dials again',
    marbles(({ flush }) => {
      const log = toldWhenLeft(flush, ['oa', 'o'], isType('connected'), (connection) =>
        connection.drop(new PauseTimeoutError(1)),
      );

      expect(log).toStrictEqual([
        'CONNECTING',
        'CONNECTED',
        'connected',
        'lost 0',
        'ended',
        'over',
        'disconnected',
        'retry',
        'RECONNECTING',
        'CONNECTING',
        'CONNECTED',
        'connected',
        '|',
        'lost 0',
        'ended',
        'lost 0',
      ]);
    }),
  );

  it(
    'can be run again by whoever hears that it is over',
    marbles(({ flush }) => {
      const { connection, events } = rig(['o', 'o']);
      const again = (): void =>
        void connection
          .run(noop)
          .pipe(takeUntil(timer(50)))
          .subscribe();
      connection.run(noop).subscribe({ complete: again });
      timer(10).subscribe(() => connection.close({ timeoutMs: 10 }));
      flush();

      expect(events.flatMap((event) => (event.type === 'state' ? [event.status.state] : []))).toStrictEqual([
        'CONNECTING',
        'CONNECTED',
        'CONNECTING',
        'CONNECTED',
      ]);
    }),
  );

  describe('that is given up', () => {
    const reason = new Error('enough');
    const givenUp = (
      flush: () => void,
      scripts: string[],
      atMs: number,
      react: (event: FeedEvent, connection: Connection) => void = noop,
    ): string[] => {
      const log: string[] = [];
      const { connection, transport } = rig(
        scripts,
        {},
        {},
        {
          tell: (event) => {
            log.push(event.type === 'state' ? event.status.state : event.type);
            if (event.type === 'disconnected') log.push(`${event.class} after ${event.upMs}`);
            react(event, connection);
          },
          onEnded: () => log.push('ended'),
        },
      );
      transport.dials$.subscribe((dial) => log.push(`dial ${dial}`));
      connection.run(noop).subscribe({
        error: (error: unknown) => log.push(error === reason ? '#' : String(error)),
        complete: () => log.push('|'),
      });
      timer(atMs).subscribe(() => {
        log.length = 0;
        connection.giveUp(reason);
      });
      flush();
      return log;
    };

    it(
      'tells of it, and ends with what it is given up for',
      marbles(({ flush }) => {
        expect(givenUp(flush, ['o'], 7)).toStrictEqual([
          ...['ended', 'disconnected', 'unknown after 7', 'gaveUp', 'CLOSED', '#'],
        ]);
      }),
    );

    it(
      'was never up for less than nothing, though the clock was set back',
      marbles(({ flush }) => {
        timer(6).subscribe(() => stepClock(-HOUR_MS));

        expect(givenUp(flush, ['o'], 7)).toContain('unknown after 0');
      }),
    );

    it(
      'between two connections, tells of no other one',
      marbles(({ flush }) => {
        expect(givenUp(flush, ['o--#', 'o'], 7)).toStrictEqual(['gaveUp', 'CLOSED', '#']);
      }),
    );

    it(
      'between two connections, leaves what it waited for to who runs it again as he is told',
      marbles(({ flush }) => {
        const log = givenUp(flush, ['o--#', 'o'], 7, ({ type }, connection) => {
          if (type !== 'gaveUp') return;
          const again = connection.run(noop).subscribe({ error: noop });
          timer(50).subscribe(() => again.unsubscribe());
        });
        expect(log.slice(0, 5)).toStrictEqual(['gaveUp', 'RECONNECTING', '#', 'CONNECTING', 'dial 2']);
      }),
    );

    it(
      'between two connections, lets nobody get round that wait who asks for the next one as he is told',
      marbles(({ flush }) => {
        const log = givenUp(flush, ['o--#', 'o'], 7, ({ type }, connection) => {
          if (type !== 'gaveUp') return;
          connection.drop(new ReconnectRequestedError(undefined));
          const again = connection.run(noop).subscribe({ error: noop });
          timer(50).subscribe(() => again.unsubscribe());
        });
        expect(log.slice(0, 5)).toStrictEqual(['gaveUp', 'RECONNECTING', '#', 'CONNECTING', 'dial 2']);
      }),
    );

    it(
      'leaves nothing that who is told could drop, and be dialled again for',
      marbles(({ flush }) => {
        const log = givenUp(flush, ['o', 'o'], 7, ({ type }, connection) => {
          if (type === 'gaveUp') connection.drop(new ReconnectRequestedError(undefined));
        });

        expect(log).not.toContain('dial 2');
      }),
    );

    it(
      'does nothing to one that nobody runs',
      marbles(({ flush }) => {
        expect(givenUp(flush, ['o'], 7, (_event, connection) => connection.close({}))).toStrictEqual([]);
      }),
    );
  });
});
