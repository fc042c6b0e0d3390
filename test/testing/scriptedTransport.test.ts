import {
  asyncScheduler,
  config,
  ignoreElements,
  map,
  mergeMap,
  Observable,
  retry,
  take,
  tap,
  timer,
} from 'rxjs';
import * as v from 'valibot';
import { createFeed } from '../../src/feed.js';
import { HandshakeError, SocketClosedError } from '../../src/streams/failure.js';
import type { Data, Socket, Transport } from '../../src/streams/transport.js';
import {
  closes,
  fails,
  opens,
  pings,
  pongs,
  refuses,
  type ScriptEntry,
  scriptedTransport,
  silence,
} from '../../src/testing/scriptedTransport.js';
import { marbles } from '../marbles.js';

/** What one dial tells its handler; the socket is handed to `client` before anything comes. */
const heard = (
  transport: Transport,
  client: (socket: Socket) => void = () => undefined,
): Observable<unknown> =>
  new Observable((subscriber) => {
    const socket = transport.dial(
      { url: 'ws://test', protocols: [], options: {} },
      {
        open: ({ protocol }) => subscriber.next(`open${protocol}`),
        message: (data: Data) => subscriber.next(data),
        ping: () => subscriber.next('ping'),
        pong: () => subscriber.next('pong'),
        end: (error) => subscriber.error(error),
      },
    );
    client(socket);
  });

const at = (ms: number, what: () => void): void => void asyncScheduler.schedule(what, ms);

const closed = (code: number, reason = ''): SocketClosedError => new SocketClosedError(code, reason);

describe('scriptedTransport', () => {
  it(
    'BAK-07 runs a feed in virtual time, as its documentation shows',
    marbles(({ expectObservable }) => {
      const streams = { trade: { schema: v.object({ type: v.literal('trade'), id: v.number() }) } };
      const transport = scriptedTransport(
        [
          '--o--a 10ms x', // opens after 2 ms, a trade, later a close
          '#            ', // refused
          'o-b 20s |    ', // time progressions and (groups) as in run mode
        ],
        { a: { type: 'trade', id: 1 }, b: { type: 'trade', id: 2 }, x: closes(1012, 'restart') },
      );
      const feed = createFeed({ url: 'ws://test', transport, streams, reconnect: { jitter: 'none' } });
      const ids$ = feed.stream('trade').pipe(
        map(({ id }) => id),
        take(2),
      );

      expectObservable(transport.dials$).toBe('1 1015ms 2 1999ms 3  ', { 1: 1, 2: 2, 3: 3 });
      expectObservable(ids$).toBe('            -----1 3012ms (2|)', { 1: 1, 2: 2 });
    }),
  );

  describe('plays the server', () => {
    it(
      'opens, speaks and closes at the times of the marbles',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('--o--a-b 10ms |', { a: 'hello', b: { n: 1 } });
        const expected = '                    --o--a-b 10ms #';

        expectObservable(heard(transport)).toBe(
          expected,
          { o: 'open', a: 'hello', b: '{"n":1}' },
          closed(1000),
        );
      }),
    );

    it(
      'keeps the order within a group',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('-(oab|)', { a: 'a', b: 'b' });
        const expected = '                    -(oab#)';

        expectObservable(heard(transport)).toBe(expected, { o: 'open', a: 'a', b: 'b' }, closed(1000));
      }),
    );

    it(
      'sends bytes as they are',
      marbles(({ expectObservable }) => {
        const bytes = Uint8Array.of(0, 255);

        expectObservable(heard(scriptedTransport('(oa)', { a: bytes }))).toBe('(oa)', {
          o: 'open',
          a: bytes,
        });
      }),
    );

    it(
      'agrees on the subprotocol that opens() names',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('p', { p: opens({ protocol: '.v2' }) });

        expectObservable(heard(transport)).toBe('p', { p: 'open.v2' });
      }),
    );

    it(
      'sends pings and pongs of its own',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('o-i-u', { i: pings(), u: pongs() });
        const expected = '                    o-i-u';

        expectObservable(heard(transport)).toBe(expected, { o: 'open', i: 'ping', u: 'pong' });
      }),
    );

    it(
      'closes with a code and a reason',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('o-x', { x: closes(4001, 'bye') });

        expectObservable(heard(transport)).toBe('o-#', { o: 'open' }, closed(4001, 'bye'));
      }),
    );

    it('CON-09 refuses a dial with a status and its headers, Retry-After counted from that moment', () => {
      const headers = { 'Retry-After': new Date(30_005).toUTCString() };
      const errors: unknown[] = [];
      marbles(({ flush }) => {
        const transport = scriptedTransport('5s r', { r: refuses(503, headers) });
        heard(transport).subscribe({ error: (error: unknown) => errors.push(error) });
        flush();
      })();

      expect(errors).toStrictEqual([new HandshakeError(503, 25_000, {})]);
      expect(errors[0]).toMatchObject({
        status: 503,
        retryAfterMs: 25_000,
        headers: { 'retry-after': headers['Retry-After'] },
      });
    });

    it.each([
      ['CON-10 drops a dial', '-#', {}, { code: 'ECONNREFUSED' }],
      ['drops an open connection', 'o#', {}, { name: 'SocketClosedError', code: 1006 }],
      ['fails a dial with a code', '-x', { x: fails('ENOTFOUND') }, { code: 'ENOTFOUND' }],
      [
        'fails a dial with an error',
        '-x',
        { x: fails(new RangeError('mine')) },
        { name: 'RangeError', message: 'mine' },
      ],
      ['fails an open connection with a code', 'ox', { x: fails('ECONNRESET') }, { code: 'ECONNRESET' }],
    ])('%s: %s', (_title, script, frames, expected) => {
      const errors: unknown[] = [];
      marbles(({ flush }) => {
        heard(scriptedTransport(script, frames)).subscribe({ error: (error: unknown) => errors.push(error) });
        flush();
      })();

      expect(errors).toHaveLength(1);
      expect(errors[0]).toMatchObject(expected);
    });

    it(
      'stays silent for ever on an empty script and beyond the last',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('');

        expectObservable(heard(transport)).toBe('-');
        expectObservable(heard(transport)).toBe('-');
      }),
    );

    it(
      'plays the scripts in the order of the dials, each from its own dial',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport(['o--#', '#', '-oa|'], { a: 'a' });
        const source = heard(transport).pipe(retry({ delay: () => timer(3) }), take(3));
        const dials = '   a-----b--c';
        const expected = 'o---------o(a|)';

        expectObservable(transport.dials$).toBe(dials, { a: 1, b: 2, c: 3 });
        expectObservable(source).toBe(expected, { o: 'open', a: 'a' });
      }),
    );

    it('runs in real time outside a TestScheduler, a frame being 1 ms', async () => {
      const told: unknown[] = [];
      const transport = scriptedTransport('-o--(a|)', { a: 'a' });
      await new Promise((resolve) =>
        heard(transport).subscribe({ next: (event) => told.push(event), error: resolve }),
      );

      expect(told).toStrictEqual(['open', 'a']);
    });
  });

  describe('answers the client', () => {
    it(
      'answers a ping frame at once',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('o');
        const source = heard(transport, (socket) => at(3, () => socket.ping?.()));
        const pinged = '  ---a';
        const expected = 'o--p';

        expectObservable(source).toBe(expected, { o: 'open', p: 'pong' });
        expectObservable(transport.pings$).toBe(pinged, { a: 1 });
      }),
    );

    it(
      'CLO-04 answers a close at once, with the same code and reason',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('o----a', { a: 'too late' });
        const source = heard(transport, (socket) => at(3, () => socket.close(4000, 'done')));
        const asked = '   ---x';
        const expected = 'o--#';

        expectObservable(source).toBe(expected, { o: 'open' }, closed(4000, 'done'));
        expectObservable(transport.closes$).toBe(asked, { x: { code: 4000, reason: 'done' } });
      }),
    );

    it(
      'takes a close without a code for 1005',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('o');
        const source = heard(transport, (socket) => at(1, () => socket.close()));

        expectObservable(source).toBe('o#', { o: 'open' }, closed(1005));
      }),
    );

    it(
      'CLO-06 answers nothing after a silence, yet says what the script says, and is destroyed at once',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport(
          'os----a',
          { s: silence(), a: 'a' },
          { reply: () => 'an answer' },
        );
        const source = heard(transport, (socket) => {
          at(2, () => socket.ping?.());
          at(3, () => socket.send('?'));
          at(4, () => socket.close(1000));
          at(5, () => socket.send('too late'));
          at(9, () => socket.terminate());
        });
        const did = '      d-psc----t';
        const expected = ' o-----a--#';

        expectObservable(transport.log$.pipe(map(({ type }) => type.charAt(0)))).toBe(did);
        expectObservable(source).toBe(expected, { o: 'open', a: 'a' }, closed(1006));
      }),
    );

    it.each([
      ['terminate', (socket: Socket) => socket.terminate()],
      ['close', (socket: Socket) => socket.close(1000)],
    ])('CON-07 gives up a dial on %s, and the script never opens', (_name, giveUp) => {
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('--oa', { a: 'a' });
        const source = heard(transport, (socket) => at(1, () => giveUp(socket)));

        expectObservable(source).toBe('-#', undefined, closed(1006));
        expectObservable(transport.closes$).toBe('-t', { t: 'terminate' });
      })();
    });

    it('tells nothing from inside a call of the client', () => {
      const told: string[] = [];
      marbles(({ flush }) => {
        const transport = scriptedTransport('o-a', { a: 'held' }, { reply: () => 'answer' });
        const source = heard(transport, (socket) => {
          for (const [ms, call] of [
            [1, () => socket.pause?.()],
            [3, () => socket.resume?.()],
            [3, () => socket.ping?.()],
            [3, () => socket.send('?')],
            [3, () => socket.close()],
          ] as const) {
            at(ms, () => {
              told.push('call');
              call();
              told.push('returned');
            });
          }
        });
        source.subscribe({ next: (event) => told.push(String(event)), error: () => told.push('end') });
        flush();
      })();

      const calls = ['call', 'returned'];
      const four = [...calls, ...calls, ...calls, ...calls];
      expect(told).toStrictEqual(['open', ...calls, ...four, 'held', 'pong', 'answer', 'end']);
    });

    it(
      'takes no notice of a client that is not open, or is over',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('--o-|');
        const everything = (socket: Socket) => (): void => {
          socket.send('x');
          socket.ping?.();
          socket.pause?.();
          socket.resume?.();
        };
        const source = heard(transport, (socket) => {
          at(1, everything(socket));
          at(5, everything(socket));
          at(6, () => socket.close());
          at(7, () => socket.terminate());
        });
        const expected = '--o-#';

        expectObservable(source).toBe(expected, { o: 'open' }, closed(1000));
        expectObservable(transport.log$.pipe(map(({ type }) => type))).toBe('d', { d: 'dial' });
      }),
    );

    it(
      'TDN-05 holds back what it does while the client pauses, its end too',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('oabc-|', { a: 'a', b: 'b', c: 'c' });
        const source = heard(transport, (socket) => {
          at(2, () => socket.pause?.());
          at(8, () => socket.resume?.());
        });
        const did = '     d-p-----r';
        const expected = 'oab-----(c#)';

        expectObservable(transport.log$.pipe(map(({ type }) => type.charAt(0)))).toBe(did);
        expectObservable(source).toBe(expected, { o: 'open', a: 'a', b: 'b', c: 'c' }, closed(1000));
      }),
    );

    it(
      'stops again when the client pauses between two messages that were held back',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('oabc', { a: 'a', b: 'b', c: 'c' });
        let mine: Socket | undefined;
        const source = heard(transport, (socket) => {
          mine = socket;
          at(0, () => socket.pause?.());
          at(5, () => socket.resume?.());
          at(9, () => socket.resume?.());
        }).pipe(tap((event) => event === 'b' && mine?.pause?.()));
        const expected = 'o----(ab)c';

        expectObservable(source).toBe(expected, { o: 'open', a: 'a', b: 'b', c: 'c' });
      }),
    );

    it(
      'still sends stepsAfterPause steps to a client that pauses, at the time of each, and as many after the next pause',
      marbles(({ expectObservable }) => {
        const frames = Object.fromEntries(Array.from('abcdef', (letter) => [letter, letter]));
        const transport = scriptedTransport('oabcdef', frames, { stepsAfterPause: 2 });
        const source = heard(transport, (socket) => {
          at(1, () => socket.pause?.());
          at(2, () => socket.pause?.()); // it pauses already: no more come for that
          at(8, () => {
            socket.resume?.();
            socket.pause?.();
          });
          at(12, () => socket.resume?.());
        });
        const did = '     dp------(rp)r';
        const expected = 'oabc----(de)f';

        expectObservable(transport.log$.pipe(map(({ type }) => type.charAt(0)))).toBe(did);
        expectObservable(source).toBe(expected, { o: 'open', ...frames });
      }),
    );

    it(
      'counts an end among the steps that come after a pause',
      marbles(({ expectObservable }) => {
        const told = (stepsAfterPause: number) =>
          heard(scriptedTransport('oa|', { a: 'a' }, { stepsAfterPause }), (socket) =>
            at(0, () => socket.pause?.()),
          );

        expectObservable(told(0)).toBe('o', { o: 'open' });
        expectObservable(told(1)).toBe('oa', { o: 'open', a: 'a' });
        expectObservable(told(2)).toBe('oa#', { o: 'open', a: 'a' }, closed(1000));
      }),
    );

    it(
      'says nothing more once it was destroyed amid what was held back',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('oabc', { a: 'a', b: 'b', c: 'c' });
        let mine: Socket | undefined;
        const source = heard(transport, (socket) => {
          mine = socket;
          at(0, () => socket.pause?.());
          at(5, () => socket.resume?.());
        }).pipe(tap((event) => event === 'b' && mine?.terminate()));
        const expected = 'o----(ab#)';

        expectObservable(source).toBe(expected, { o: 'open', a: 'a', b: 'b', c: 'c' }, closed(1006));
      }),
    );
  });

  describe('replies to messages', () => {
    it(
      'replies at once, or in its own time, and not to everything',
      marbles(({ cold, expectObservable }) => {
        const replies: Record<string, unknown> = {
          login: { ok: true },
          slow: cold('--a-b', { a: 'first', b: 'second' }),
        };
        const transport = scriptedTransport('o', {}, { reply: (message) => replies[message as string] });
        const source = heard(transport, (socket) => {
          at(1, () => socket.send('login'));
          at(3, () => socket.send('slow'));
          at(4, () => socket.send('unknown'));
        });
        const expected = 'oa---b-c';

        expectObservable(source).toBe(expected, { o: 'open', a: '{"ok":true}', b: 'first', c: 'second' });
      }),
    );

    it(
      'can be a step, and differ from attempt to attempt',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport(
          ['o', 'o'],
          {},
          {
            reply: (_login, attempt) => (attempt === 1 ? closes(4401, 'wrong') : 'welcome'),
          },
        );
        const source = heard(transport, (socket) => at(1, () => socket.send('login'))).pipe(
          retry({ delay: () => timer(2) }),
        );
        const expected = 'o--ow';

        expectObservable(source).toBe(expected, { o: 'open', w: 'welcome' });
      }),
    );

    it('shows the decoded message to the reply and in sends$, or the raw one', () => {
      const seen: unknown[] = [];
      const bytes = Uint8Array.of(1);
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('o', {}, { reply: (message) => void seen.push(message) });
        const source = heard(transport, (socket) => {
          at(1, () => socket.send('{"op":"login"}'));
          at(2, () => socket.send('no json'));
          at(3, () => socket.send(bytes));
        });
        const sent = '-abc';

        expectObservable(source).toBe('o', { o: 'open' });
        expectObservable(transport.sends$).toBe(sent, { a: { op: 'login' }, b: 'no json', c: bytes });
      })();

      expect(seen).toStrictEqual([{ op: 'login' }, 'no json', bytes]);
    });

    it('ends with the silence of the server, also for an answer under way', () => {
      const asked: unknown[] = [];
      marbles(({ cold, expectObservable }) => {
        const transport = scriptedTransport(
          'o--s',
          { s: silence() },
          {
            reply: (message) => {
              asked.push(message);
              return cold('-a-b', { a: 'in time', b: 'too late' });
            },
          },
        );
        const source = heard(transport, (socket) => {
          at(1, () => socket.send('before'));
          at(5, () => socket.send('after'));
        });
        const expected = 'o-a';

        expectObservable(source).toBe(expected, { o: 'open', a: 'in time' });
      })();

      expect(asked).toStrictEqual(['before']);
    });

    it.each([
      [
        'an error of the reply',
        () => {
          throw new Error('oops');
        },
        new Error('oops'),
      ],
      [
        'a reply without JSON',
        () => () => 1,
        new TypeError('scriptedTransport: a reply has no JSON, got function'),
      ],
      ['an opening', () => opens(), new TypeError('scriptedTransport: a reply cannot answer a dial')],
    ])('leaves %s uncaught, for the test to fail', (_title, reply: () => unknown, error) => {
      const uncaught = jest.fn();
      config.onUnhandledError = uncaught;
      try {
        marbles(({ flush }) => {
          heard(scriptedTransport('o', {}, { reply }), (socket) => at(1, () => socket.send('?'))).subscribe();
          flush();
        })();
      } finally {
        config.onUnhandledError = null;
      }

      expect(uncaught.mock.calls).toStrictEqual([[error]]);
    });
  });

  describe('keeps a log', () => {
    it(
      'tells everything the client did, in order',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport(['o', '']);
        const source = heard(transport, (socket) => {
          at(1, () => socket.send('[1]'));
          at(2, () => socket.ping?.());
          at(3, () => socket.pause?.());
          at(4, () => socket.resume?.());
          at(5, () => socket.close(1000, 'bye'));
        }).pipe(retry(1), ignoreElements());
        const entries: Record<string, ScriptEntry> = {
          d: { attempt: 1, type: 'dial', url: 'ws://test', protocols: [] },
          s: { attempt: 1, type: 'send', data: [1] },
          p: { attempt: 1, type: 'ping' },
          u: { attempt: 1, type: 'pause' },
          r: { attempt: 1, type: 'resume' },
          c: { attempt: 1, type: 'close', code: 1000, reason: 'bye' },
          e: { attempt: 2, type: 'dial', url: 'ws://test', protocols: [] },
          t: { attempt: 2, type: 'terminate' },
        };
        const did = '     dspur(ce)-t';
        const expected = '----------#';

        expectObservable(source).toBe(expected, undefined, closed(1006));
        expectObservable(transport.log$).toBe(did, entries);
      }),
    );

    it(
      'shows an entry to whoever subscribes within its millisecond, and no later',
      marbles(({ expectObservable }) => {
        const transport = scriptedTransport('');
        heard(transport).subscribe();

        expectObservable(transport.dials$).toBe('a', { a: 1 });
        expectObservable(timer(1).pipe(mergeMap(() => transport.dials$))).toBe('-');
      }),
    );
  });

  describe('checks its arguments at creation', () => {
    it.each([
      ['a letter without a frame', { a: 1 }, "frames has nothing for 'q' at position 2 of 'o-q'"],
      ['a key that is no letter', { ab: 1 }, "a key of frames must be one letter of a marble, got 'ab'"],
      ['a key that means time', { '-': 1 }, "a key of frames must be one letter of a marble, got '-'"],
      ['a frame without JSON', { f: () => 1 }, 'frames.f has no JSON, got function'],
    ])('refuses %s', (_title, frames, message) => {
      expect(() => scriptedTransport(['o', 'o-q'], frames)).toThrow(
        new TypeError(`scriptedTransport: ${message}`),
      );
    });

    it('takes attempts as strings only', () => {
      // @ts-expect-error A number is no script.
      expect(() => scriptedTransport([1])).toThrow(TypeError);
    });
  });
});
