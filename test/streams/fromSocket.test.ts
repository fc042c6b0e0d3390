import { inspect } from 'node:util';
import { map, mergeMap, switchMap, take, throwError, timer } from 'rxjs';
import { ConnectTimeoutError, InvalidUrlError, SocketClosedError } from '../../src/streams/failure.js';
import { fromSocket } from '../../src/streams/fromSocket.js';
import type { FromSocketConfig } from '../../src/streams/fromSocketConfig.js';
import type { OpenSocket } from '../../src/streams/openSocket.js';
import { closes, opens, pings, scriptedTransport } from '../../src/testing/scriptedTransport.js';
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
    'CON-04 passes the error of a provider on',
    marbles(({ expectObservable }) => {
      const transport = scriptedTransport('o');
      const failing: FromSocketConfig = { url: () => throwError(() => new Error('no token')), transport };

      expectObservable(fromSocket(failing)).toBe('#', undefined, new Error('no token'));
      expectObservable(transport.dials$).toBe('');
    }),
  );

  it.each([0, -1, Number.NaN, 2 ** 31])('refuses a connectTimeoutMs of %p', (connectTimeoutMs) => {
    expect(() => fromSocket({ url, connectTimeoutMs })).toThrow(
      new RangeError(
        `fromSocket: connectTimeoutMs must be above 0 and at most 2147483647, or Infinity, got ${connectTimeoutMs}`,
      ),
    );
  });

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
      expect(() => fromSocket({ url: url as string[] })).toThrow(
        new InvalidUrlError(`fromSocket: ${message}`),
      );
    });

    it('refuses a choose that is no function', () => {
      expect(() => fromSocket({ url, choose: 1 as never })).toThrow(
        new TypeError('fromSocket: choose must be a function, got number'),
      );
    });
  });

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

  it('takes no number for a url', () => {
    // @ts-expect-error a number is no url
    expect(() => fromSocket({ url: 7 })).toThrow(TypeError);
  });
});
