import { NEVER, of } from 'rxjs';
import { HeartbeatTimeoutError } from '../../src/operators/timeoutHeartbeat.js';
import { checkHeartbeat, type HeartbeatConfig, withHeartbeat } from '../../src/streams/heartbeat.js';
import type { OpenSession } from '../../src/streams/session.js';
import { marbles } from '../marbles.js';

const rig = (heartbeat: HeartbeatConfig, socket: object = {}) => {
  const log: unknown[] = [];
  const session = {
    socket: { control$: NEVER, ping: () => log.push('frame'), ...socket },
    pinged: () => log.push('pinged'),
    send: (message: unknown) => log.push(message),
  } as unknown as OpenSession;
  const operator = withHeartbeat(session, {
    heartbeat,
    outbox: { sendNow: (write) => write() },
    transport: { settled: of(undefined) },
    isPaused: () => false,
  });
  return { log, operator };
};

describe('withHeartbeat', () => {
  it(
    'HBT-07 pings with a frame by default',
    marbles(({ flush, expectObservable }) => {
      const { log, operator } = rig({ everyMs: 5, timeoutMs: 3 });
      expectObservable(NEVER.pipe(operator)).toBe('--------#', undefined, new HeartbeatTimeoutError(8));
      flush();
      expect(log).toStrictEqual(['pinged', 'frame']);
    }),
  );

  it(
    'pings with a message of the application if told to, made anew each time',
    marbles(({ hot, flush, expectObservable }) => {
      let id = 0;
      const { log, operator } = rig({ everyMs: 5, timeoutMs: 3, ping: () => ({ ping: ++id }) });
      expectObservable(hot('------a').pipe(operator)).toBe(
        '------a-------#',
        undefined,
        new HeartbeatTimeoutError(8),
      );
      flush();
      expect(log).toStrictEqual(['pinged', { ping: 1 }, 'pinged', { ping: 2 }]);
    }),
  );

  it(
    'judges silence alone where the platform cannot ping',
    marbles(({ expectObservable }) => {
      const { operator } = rig({ everyMs: 5, timeoutMs: 3 }, { ping: undefined });
      expectObservable(NEVER.pipe(operator)).toBe('--------#', undefined, new HeartbeatTimeoutError(8));
    }),
  );

  it(
    'does nothing when it is off',
    marbles(({ expectObservable }) => {
      expectObservable(NEVER.pipe(rig({ off: true, everyMs: 5 }).operator)).toBe('');
    }),
  );
});

describe('checkHeartbeat', () => {
  it.each([[{ everyMs: 0 }], [{ timeoutMs: -1 }], [{ everyMs: Number.NaN }], [{ timeoutMs: 2 ** 31 }]])(
    'HBT-10 refuses %j',
    (wrong) => {
      expect(() => checkHeartbeat(wrong)).toThrow(RangeError);
    },
  );

  it('refuses a ping that is neither', () => {
    // @ts-expect-error no such kind of ping
    expect(() => checkHeartbeat({ ping: 'pong' })).toThrow(
      new TypeError(`heartbeat: ping must be 'frame' or a function, got "pong"`),
    );
  });
});
