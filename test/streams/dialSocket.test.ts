import { asyncScheduler, noop, of, Subscription, timer } from 'rxjs';
import { dialSocket, type SocketOwner } from '../../src/streams/dialSocket.js';
import type { FromSocketConfig } from '../../src/streams/fromSocketConfig.js';
import type { OpenSocket } from '../../src/streams/openSocket.js';
import type { SocketHandler, Transport } from '../../src/streams/transport.js';
import { closes, pings, scriptedTransport, silence } from '../../src/testing/scriptedTransport.js';
import { marbles } from '../marbles.js';

const url = 'ws://feed.test';

/** A dial that begins with `begin`; `log` has what the server sees and what the owner hears, with the millisecond. */
const rig = (
  script: string,
  frames: Record<string, unknown> = {},
  config: Partial<FromSocketConfig> = {},
  own: Partial<SocketOwner> = {},
) => {
  const log: string[] = [];
  const tell = (what: string): void => void log.push(`${asyncScheduler.now()} ${what}`);
  const transport = scriptedTransport(script, frames);
  transport.log$.subscribe(({ type }) => tell(type));
  const whole = new Subscription();
  const owner: SocketOwner = {
    onOpen: () => tell('onOpen'),
    onFailed: (error) => tell(`onFailed ${(error as Error).name}`),
    onDial: () => tell('onDial'),
    onGone: () => tell('onGone'),
    onControl: (kind) => tell(`onControl ${kind}`),
    farewell: () => ({}),
    ...own,
  };
  const begin = (): void => dialSocket(whole, { url, transport, ...config }, owner);
  return { log, tell, transport, whole, begin };
};

/** Leaves at that millisecond. */
const leaveAt = (ms: number, whole: Subscription): void =>
  void timer(ms).subscribe(() => whole.unsubscribe());

/** A scripted transport that hands its handler out. */
const overheard = (script: string) => {
  const scripted = scriptedTransport(script);
  const heard: { handler?: SocketHandler } = {};
  const transport: Transport = {
    ...scripted,
    dial: (request, handler) => {
      heard.handler = handler;
      return scripted.dial(request, handler);
    },
  };
  return { transport, heard };
};

describe('dialSocket', () => {
  it(
    'tells its owner of the way of the socket, and of the end after it is gone',
    marbles(({ flush }) => {
      const { begin, log } = rig('-op-x', { p: pings(), x: closes(1000, '') });
      begin();
      flush();

      expect(log).toStrictEqual([
        '0 dial',
        '0 onDial',
        '1 onOpen',
        '2 onControl ping',
        '4 onGone',
        '4 onFailed SocketClosedError',
      ]);
    }),
  );

  it(
    'destroys a dial that is left, of which only the end of the socket is told',
    marbles(({ flush }) => {
      const { begin, log, whole } = rig('-----o');
      begin();
      leaveAt(3, whole);
      flush();

      expect(log).toStrictEqual(['0 dial', '0 onDial', '3 terminate', '3 onGone']);
    }),
  );

  it(
    'CLO-06 destroys a socket whose server does not answer the farewell by the deadline',
    marbles(({ flush }) => {
      const { begin, log, whole } = rig('os', { s: silence() }, {}, { farewell: () => ({ timeoutMs: 7 }) });
      begin();
      leaveAt(3, whole);
      flush();

      expect(log.slice(-3)).toStrictEqual(['3 close', '10 terminate', '10 onGone']);
    }),
  );

  it(
    'reads again what a pause has held back before it says farewell',
    marbles(({ flush }) => {
      const { begin, log, whole } = rig('o', {}, {}, { onOpen: (socket) => socket.pause?.() });
      begin();
      leaveAt(3, whole);
      flush();

      expect(log.filter((line) => !line.includes('on'))).toStrictEqual([
        '0 dial',
        '0 pause',
        '3 resume',
        '3 close',
      ]);
    }),
  );

  it.each(['o', '-#'])('tells once that the socket of %s is gone', (script) => {
    marbles(({ flush }) => {
      const { begin, log, whole } = rig(script);
      begin();
      leaveAt(2, whole);
      flush();

      expect(log.filter((line) => line.endsWith('onGone'))).toHaveLength(1);
    })();
  });

  it(
    'has given up on a dial that takes too long by the time anybody hears so',
    marbles(({ flush }) => {
      const { begin, log } = rig('-----o', {}, { connectTimeoutMs: 3 });
      begin();
      flush();

      expect(log).toStrictEqual([
        '0 dial',
        '0 onDial',
        '3 terminate',
        '3 onFailed ConnectTimeoutError',
        '3 onGone',
      ]);
    }),
  );

  it.each([
    ['-o---a', 3, '5 a'],
    ['20s o-a', Infinity, '20002 a'],
  ])('does not end %s by a connect timeout of %p', (script, connectTimeoutMs, expected) => {
    marbles(({ flush }) => {
      const { begin, log, tell, whole } = rig(
        script,
        { a: 'a' },
        { connectTimeoutMs },
        { onOpen: ({ data$ }) => void data$.subscribe((data) => tell(String(data))) },
      );
      begin();
      leaveAt(21_000, whole);
      flush();

      expect(log.slice(2, 3)).toStrictEqual([expected]);
    })();
  });

  it(
    'CON-07 tells of a transport that throws as of any failure',
    marbles(({ flush }) => {
      const transport: Transport = {
        settled: of(undefined),
        dial: () => {
          throw new TypeError('no such option');
        },
      };
      const { begin, log } = rig('', {}, { transport });
      begin();
      flush();

      expect(log).toStrictEqual(['0 onFailed TypeError']);
    }),
  );

  it(
    'hears nothing more of a socket that was left',
    marbles(({ flush }) => {
      const { transport, heard } = overheard('o');
      const { begin, log, tell, whole } = rig(
        '',
        {},
        { transport },
        { onOpen: ({ data$ }) => void data$.subscribe((data) => tell(String(data))) },
      );
      begin();
      leaveAt(2, whole);
      timer(3).subscribe(() => {
        heard.handler?.message('late');
        heard.handler?.ping();
        heard.handler?.end(new Error('late'));
      });
      flush();

      expect(log.filter((line) => line.startsWith('3'))).toStrictEqual(['3 onGone']);
    }),
  );

  it(
    'gives the transport a handler whose methods work without their this',
    marbles(({ flush }) => {
      const scripted = scriptedTransport('opa', { p: pings(), a: 'a' });
      const transport: Transport = {
        ...scripted,
        dial: (request, { ...handler }) => scripted.dial(request, handler),
      };
      const { begin, log, tell, whole } = rig(
        '',
        {},
        { transport },
        { onOpen: ({ data$ }) => void data$.subscribe((data) => tell(String(data))) },
      );
      begin();
      leaveAt(3, whole);
      flush();

      expect(log).toStrictEqual(['0 onDial', '1 onControl ping', '2 a', '3 onGone']);
    }),
  );

  it(
    'completes what is asked of the socket after its end',
    marbles(({ flush }) => {
      let socket: OpenSocket | undefined;
      const { begin, log, tell } = rig(
        'o-x',
        { x: closes(1000, '') },
        {},
        { onOpen: (opened) => (socket = opened) },
      );
      begin();
      flush();
      socket?.data$.subscribe({ complete: () => tell('no data') });
      socket?.control$.subscribe({ complete: () => tell('no control') });

      expect(log.slice(-2)).toStrictEqual(['2 no data', '2 no control']);
    }),
  );

  it(
    'hands what was diverted to one function, and no more to those who subscribed',
    marbles(({ flush }) => {
      const { begin, log, tell, whole } = rig(
        'o-a',
        { a: 'a' },
        {},
        {
          onOpen: (socket) => {
            socket.data$.subscribe({ next: () => tell('emitted'), complete: () => tell('complete') });
            socket.divert((data) => tell(`diverted ${String(data)}`));
          },
        },
      );
      begin();
      leaveAt(4, whole);
      flush();

      expect(log.slice(2, 4)).toStrictEqual(['2 diverted a', '4 complete']);
    }),
  );

  it(
    'dials nothing for who has left, or leaves in the function that yields the url',
    marbles(({ flush }) => {
      const left = rig('o');
      left.whole.unsubscribe();
      left.begin();
      const leaving = rig('o', {}, { url: () => (leaving.whole.unsubscribe(), url) });
      leaving.begin();
      flush();

      expect([left.log, leaving.log]).toStrictEqual([[], []]);
    }),
  );

  it(
    'leaves a socket whose owner is gone by the time that it is dialled',
    marbles(({ flush }) => {
      const { begin, log, whole } = rig('o', {}, {}, { onDial: () => whole.unsubscribe(), onOpen: noop });
      begin();
      flush();

      expect(log.slice(0, 2)).toStrictEqual(['0 dial', '0 terminate']);
    }),
  );
});
