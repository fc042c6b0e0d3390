import { inspect } from 'node:util';
import { map, mergeMap, noop, of, Subject, switchMap, take, takeUntil, tap, throwError, timer } from 'rxjs';
import { ConnectTimeoutError, InvalidUrlError, SocketClosedError } from '../../src/streams/failure.js';
import {
  checkFarewell,
  checkUrl,
  checkUrls,
  fromSocket,
  type FromSocketConfig,
  type OpenSocket,
} from '../../src/streams/fromSocket.js';
import type { SocketHandler, Transport } from '../../src/streams/transport.js';
import { closes, opens, pings, scriptedTransport, silence } from '../../src/testing/scriptedTransport.js';
import { marbles } from '../marbles.js';

const url = 'ws://feed.test';
const data = switchMap((socket: OpenSocket) => socket.data$);

describe('fromSocket', () => {
  it(
    'is one connection a subscription, each its own',
    marbles(({ expectObservable }) => {
      const transport = scriptedTransport(['-o-a', 'o-b'], { a: 'a', b: 'b' });
      const socket$ = fromSocket({ url, transport });

      expectObservable(socket$.pipe(data), '^----!').toBe('---a');
      expectObservable(socket$.pipe(data), '--^--!').toBe('----b');
      expectObservable(transport.dials$).toBe('1-2', { 1: 1, 2: 2 });
    }),
  );

  it(
    'REC-02 ends in an error, a clean close too',
    marbles(({ expectObservable }) => {
      const transport = scriptedTransport('o-a-x', { a: 'a', x: closes(1000, 'bye') });

      expectObservable(fromSocket({ url, transport }).pipe(data)).toBe(
        '--a-#',
        undefined,
        new SocketClosedError(1000, 'bye'),
      );
    }),
  );

  it(
    'tells what was agreed on, and control frames apart from data',
    marbles(({ expectObservable }) => {
      const transport = scriptedTransport('O-p', {
        O: opens({ protocol: 'v1', extensions: 'x' }),
        p: pings(),
      });
      const socket$ = fromSocket({ url, transport }).pipe(
        mergeMap((socket) => socket.control$.pipe(map((kind) => [socket.protocol, socket.extensions, kind]))),
      );

      expectObservable(socket$, '^---!').toBe('--c', { c: ['v1', 'x', 'ping'] });
    }),
  );

  it(
    'gives a socket, and the transport a handler, whose methods work without their this',
    marbles(({ flush }) => {
      const log: string[] = [];
      const scripted = scriptedTransport('o-ap', { a: 'a', p: pings() });
      const transport: Transport = {
        ...scripted,
        dial: (request, { ...handler }) => scripted.dial(request, handler),
      };
      scripted.log$.subscribe(({ type }) => log.push(type));
      fromSocket({ url, transport })
        .pipe(take(1))
        .subscribe((socket) => {
          // eslint-disable-next-line @typescript-eslint/unbound-method -- that they need none is the fact
          const { send, close, terminate, divert } = socket;
          divert(noop);
          send('x');
          close();
          terminate();
        });
      flush();

      expect(log).toStrictEqual(['dial', 'send', 'close', 'terminate']);
    }),
  );

  it(
    'completes what is asked for after the end',
    marbles(({ flush }) => {
      const log: string[] = [];
      let socket: OpenSocket | undefined;
      fromSocket({ url, transport: scriptedTransport('o-a-x', { a: 'a', x: closes(1000, '') }) }).subscribe({
        next: (opened) => (socket = opened),
        error: noop,
      });
      flush();
      socket?.data$.subscribe({ complete: () => log.push('data') });
      socket?.control$.subscribe({ complete: () => log.push('control') });

      expect(log).toStrictEqual(['data', 'control']);
    }),
  );

  it(
    'CLO-04 says farewell on unsubscribe, with code and reason',
    marbles(({ expectObservable }) => {
      const transport = scriptedTransport('o');

      expectObservable(
        fromSocket({ url, transport, farewell: () => ({ code: 4001, reason: 'done' }) }),
        '^--!',
      ).toBe('s', {
        s: expect.anything() as unknown,
      });
      expectObservable(transport.closes$).toBe('---c', { c: { code: 4001, reason: 'done' } });
    }),
  );

  it(
    'CLO-06 destroys a socket whose server does not answer the farewell by the deadline',
    marbles(({ expectObservable }) => {
      const transport = scriptedTransport('os', { s: silence() });

      expectObservable(
        fromSocket({ url, transport, farewell: () => ({ timeoutMs: 7 }) }).pipe(data),
        '^--!',
      ).toBe('');
      expectObservable(transport.closes$).toBe('---c------t', {
        c: { code: 1000, reason: '' },
        t: 'terminate',
      });
    }),
  );

  it(
    'destroys a dial that is left',
    marbles(({ expectObservable }) => {
      const transport = scriptedTransport('-----o');

      expectObservable(fromSocket({ url, transport }), '^--!').toBe('');
      expectObservable(transport.closes$).toBe('---t', { t: 'terminate' });
    }),
  );

  it(
    'tells once when the socket is gone, by farewell or by its own end',
    marbles(({ flush }) => {
      const log: string[] = [];
      const dial = (script: string): void =>
        void fromSocket({
          url,
          transport: scriptedTransport(script),
          onDial: () => log.push('dial'),
          onGone: () => log.push('gone'),
        })
          .pipe(
            take(1),
            mergeMap(() => timer(2)),
          )
          .subscribe({ error: () => undefined });
      dial('o');
      dial('-#');
      flush();

      expect(log).toStrictEqual(['dial', 'dial', 'gone', 'gone']);
    }),
  );

  it(
    'gives up on a dial that takes too long, its providers included',
    marbles(({ expectObservable }) => {
      const transport = scriptedTransport('----------o');
      const slow = { url: () => timer(3).pipe(map(() => url)), transport, connectTimeoutMs: 8 };

      expectObservable(fromSocket(slow)).toBe('        --------#', undefined, new ConnectTimeoutError(8));
      expectObservable(transport.dials$).toBe('       ---1         ', { 1: 1 });
      expectObservable(transport.closes$).toBe('      --------t    ', { t: 'terminate' });
    }),
  );

  it(
    'has given up on the dial by the time anybody hears so',
    marbles(({ flush }) => {
      const transport = scriptedTransport('-----o');
      const log: unknown[] = [];
      transport.closes$.subscribe((close) => log.push(close));
      fromSocket({ url, transport, connectTimeoutMs: 3, onGone: () => log.push('gone') }).subscribe({
        error: (error: unknown) => log.push((error as Error).name),
      });
      flush();

      expect(log).toStrictEqual(['terminate', 'ConnectTimeoutError', 'gone']);
    }),
  );

  it(
    'does not end an open connection by its connect timeout',
    marbles(({ expectObservable }) => {
      const transport = scriptedTransport('-o---a', { a: 'a' });

      expectObservable(fromSocket({ url, transport, connectTimeoutMs: 3 }).pipe(data), '^------!').toBe(
        '-----a',
      );
    }),
  );

  it(
    'CON-04 passes the error of a provider on',
    marbles(({ expectObservable }) => {
      const transport = scriptedTransport('o');
      const failing: FromSocketConfig = { url: () => throwError(() => new Error('no token')), transport };

      expectObservable(fromSocket(failing)).toBe('#', undefined, new Error('no token'));
      expectObservable(transport.dials$).toBe('');
    }),
  );

  it(
    'CON-07 turns a transport that throws into an error',
    marbles(({ expectObservable }) => {
      const transport: Transport = {
        settled: of(undefined),
        dial: () => {
          throw new TypeError('no such option');
        },
      };

      expectObservable(fromSocket({ url, transport })).toBe('#', undefined, new TypeError('no such option'));
    }),
  );

  it(
    'hears nothing of a socket that was left',
    marbles(({ expectObservable }) => {
      const scripted = scriptedTransport('o');
      let old: SocketHandler | undefined;
      const transport: Transport = {
        settled: scripted.settled,
        dial: (request, handler) => {
          old = handler;
          return scripted.dial(request, handler);
        },
      };
      const left$ = new Subject<unknown>();
      const subscription = fromSocket({ url, transport }).pipe(data, tap(left$)).subscribe();
      timer(2).subscribe(() => subscription.unsubscribe());
      timer(3).subscribe(() => {
        old?.message('late');
        old?.end(new Error('late'));
      });

      expectObservable(left$).toBe('');
    }),
  );

  it.each([0, -1, Number.NaN, 2 ** 31])('refuses a connectTimeoutMs of %p', (connectTimeoutMs) => {
    expect(() => fromSocket({ url, connectTimeoutMs })).toThrow(
      new RangeError(
        `fromSocket: connectTimeoutMs must be above 0 and at most 2147483647, or Infinity, got ${connectTimeoutMs}`,
      ),
    );
  });

  it(
    'takes Infinity as no connect timeout',
    marbles(({ expectObservable }) => {
      expectObservable(
        fromSocket({ url, transport: scriptedTransport('20s o'), connectTimeoutMs: Infinity }),
        '^ 15s !',
      ).toBe('');
    }),
  );

  it.each([['relative/path'], ['ftp://x'], ['ws://x/#part'], [''], [7], [undefined], [null]])(
    'CON-05 refuses the url %p',
    (wrong) => {
      expect(() => checkUrl(wrong)).toThrow(InvalidUrlError);
    },
  );

  describe('of several URLs', () => {
    const urls = ['ws://a.test', new URL('wss://user:secret@b.test/path?token=secret')];

    it.each<[string, Partial<FromSocketConfig>, string]>([
      ['the first', {}, 'ws://a.test/'],
      ['the one that choose names', { choose: ([, second]) => second! }, 'wss://b.test/path'],
    ])('dials %s, and says which, without its secrets', (_title, config, expected) =>
      marbles(({ expectObservable }) => {
        const socket$ = fromSocket({ url: urls, transport: scriptedTransport('o'), ...config });

        expectObservable(socket$.pipe(map((socket) => socket.url)), '^-!').toBe('u', { u: expected });
      })(),
    );

    it(
      'asks choose once a connection, with the list that the provider yields for it',
      marbles(({ expectObservable, flush }) => {
        const transport = scriptedTransport(['#', 'o']);
        const asked: unknown[] = [];
        let turn = 0;
        const socket$ = fromSocket({
          url: () => timer(1).pipe(map(() => ['ws://a.test', `ws://b.test/${(turn += 1)}`])),
          choose: (offered) => {
            asked.push(offered);
            return offered[1]!;
          },
          transport,
        }).pipe(map((socket) => socket.url));

        expectObservable(socket$).toBe('-#', undefined, expect.anything());
        expectObservable(socket$, '---^--!').toBe('----u', { u: 'ws://b.test/2' });
        flush();

        expect(asked).toStrictEqual([1, 2].map((n) => ['ws://a.test', `ws://b.test/${n}`]));
      }),
    );

    it(
      'CON-05 an empty list, yielded, is an error of the dial',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('o');

        expectObservable(fromSocket({ url: () => [], transport })).toBe(
          '#',
          undefined,
          new InvalidUrlError('url must name at least one URL, got an empty list'),
        );
        expectObservable(transport.dials$).toBe('');
      }),
    );

    it.each<[string, unknown]>([
      ['url must name at least one URL, got an empty list', []],
      [
        'url[1] must be an absolute ws or wss URL without a fragment, got (no WebSocket URL)',
        ['ws://a', 'b'],
      ],
      ['url[0] must be a string or a URL, got number', [7]],
      ['url[0] must be a string or a URL, got undefined', new Array(1)],
    ])('CON-05 refuses at creation: %s', (message, url) => {
      expect(() => fromSocket({ url: url as string[] })).toThrow(new InvalidUrlError(message));
    });

    it('takes one URL for a list of one', () => {
      expect([checkUrls('ws://a'), checkUrls(['ws://a', 'ws://b'])]).toStrictEqual([
        ['ws://a'],
        ['ws://a', 'ws://b'],
      ]);
    });

    it('refuses a choose that is no function', () => {
      expect(() => fromSocket({ url, choose: 1 as never })).toThrow(
        new TypeError('fromSocket: choose must be a function, got number'),
      );
    });
  });

  it(
    'dials nothing for who leaves in the function that yields the url',
    marbles(({ expectObservable }) => {
      const left$ = new Subject<void>();
      const transport = scriptedTransport('o');
      const leaving = (): string => {
        left$.next();
        return url;
      };

      expectObservable(fromSocket({ url: leaving, transport }).pipe(data, takeUntil(left$))).toBe('|');
      expectObservable(transport.dials$).toBe('');
    }),
  );

  it(
    'shows no secret when its socket is printed',
    marbles(({ flush }) => {
      const printed: string[] = [];
      const transport = scriptedTransport('o');
      fromSocket({
        url: 'ws://user:secret@feed.test/?secret',
        socket: { headers: { a: 'secret' } },
        transport,
      })
        .pipe(take(1))
        .subscribe((socket) => printed.push(inspect(socket, { depth: 9 })));
      flush();

      expect(printed).toHaveLength(1);
      expect(printed[0]).not.toContain('secret');
    }),
  );

  it('takes a URL object', () => {
    expect(checkUrl(new URL('wss://feed.test/x'))).toBe('wss://feed.test/x');
    // @ts-expect-error a number is no url
    expect(() => fromSocket({ url: 7 })).toThrow(TypeError);
  });

  it.each([
    [{ code: 999 }, 'close: code must be 1000 or from 3000 to 4999, got 999'],
    [{ code: 1006 }, 'close: code must be 1000 or from 3000 to 4999, got 1006'],
    [{ code: 5000 }, 'close: code must be 1000 or from 3000 to 4999, got 5000'],
    [{ reason: 'ü'.repeat(62) }, 'close: reason must be at most 123 bytes, got 124'],
    [{ timeoutMs: -1 }, 'close: timeoutMs must be from 0 to 2147483647, got -1'],
  ])('CLO-04 refuses a farewell of %j', (farewell, message) => {
    expect(() => checkFarewell(farewell)).toThrow(new RangeError(message));
  });
});
