import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  NEVER,
  Observable,
  startWith,
  throwError,
} from 'rxjs';
import { retryInto } from '../../src/operators/retryBackoff.js';
import { createEndpoints } from '../../src/streams/endpoints.js';
import { InvalidUrlError, ReconnectRequestedError, SocketClosedError } from '../../src/streams/failure.js';
import { createRecovery, type RecoveryConfig } from '../../src/streams/recovery.js';
import { marbles } from '../marbles.js';

const closed = new SocketClosedError(1006, '');
const invalid = new InvalidUrlError('no');
const requested = new ReconnectRequestedError('asked');

const rig = (reconnect: RecoveryConfig['reconnect'] = {}) => {
  const log: unknown[] = [];
  const endpoints = createEndpoints();
  const recovery = createRecovery(
    { reconnect: { initialMs: 2, jitter: 'none', ...reconnect }, random: () => 0 },
    endpoints,
    {
      onHookFailed: (hook) => log.push(`${hook} failed`),
      onForgetPositions: () => log.push('forget'),
      onRetry: ({ delayMs }) => log.push(`retry in ${delayMs}`),
      onComplete: () => log.push('complete'),
      onGiveUp: () => log.push('give up'),
      upMsOf: ({ upMs = 0 }) => upMs,
    },
  );
  /** Dials one of three URLs each time, and fails with these errors one after the other. */
  const dials$ = (...errors: Error[]): Observable<string> =>
    defer(() => {
      const url = endpoints.choose(['a', 'b', 'c']);
      const error = errors.shift();
      return (error === undefined ? NEVER : throwError(() => error)).pipe(startWith(url));
    });
  const run$ = (...errors: Error[]): Observable<string> =>
    new Observable((subscriber) => retryInto(dials$(...errors), recovery, subscriber, subscriber));
  return { recovery, log, dials$, run$ };
};

afterEach(() => jest.restoreAllMocks());

describe('createRecovery', () => {
  it(
    'dials the next URL after each failure, with growing delays',
    marbles(({ expectObservable, flush }) => {
      const { run$, log } = rig();
      expectObservable(run$(closed, closed, closed), '^ 20ms !').toBe('a-b---c-------a');
      flush();

      expect(log).toStrictEqual(['retry in 2', 'retry in 4', 'retry in 8']);
    }),
  );

  it(
    'dials the same one again at once when asked to reconnect',
    marbles(({ expectObservable }) => {
      expectObservable(rig().run$(requested), '^--!').toBe('(aa)');
    }),
  );

  it(
    'waits no longer when woken',
    marbles(({ cold, expectObservable }) => {
      const { recovery, run$ } = rig({ initialMs: 1_000 });
      cold('---w').subscribe(() => {
        recovery.nextDial.wish();
        recovery.nextDial.wake();
      });

      expectObservable(run$(closed), '^----!').toBe('a--b');
    }),
  );

  it(
    'gives up for a URL that can never work when it was the last of them',
    marbles(({ expectObservable, flush }) => {
      const { run$, log } = rig();
      expectObservable(run$(invalid, invalid, invalid)).toBe('a-b---(c#)', undefined, invalid);
      flush();

      expect(log).toStrictEqual(['retry in 2', 'retry in 4', 'give up']);
    }),
  );

  it(
    'follows the policies of the user, and tells of those that fail',
    marbles(({ expectObservable, flush }) => {
      const policies = {
        network: () => {
          throw new Error('broken');
        },
        config: { action: 'complete', forgetPositions: true } as const,
      };
      const { run$, log } = rig({ policies });
      expectObservable(run$(closed, invalid)).toBe('a-(b|)');
      flush();

      expect(log).toStrictEqual(['reconnect.policies.network failed', 'retry in 2', 'forget', 'complete']);
    }),
  );

  it(
    'retries a rotation until it has led, and tells it by itself',
    marbles(({ expectObservable, flush }) => {
      const { recovery, dials$, log } = rig();
      let failures = 0;
      const rotation$ = dials$(closed, closed).pipe(
        recovery.retryingRotation(
          () => failures === 1,
          () => (failures += 1),
          () => log.push('never'),
        ),
      );
      expectObservable(rotation$).toBe('a-(b#)', undefined, closed);
      flush();

      expect([failures, log]).toStrictEqual([1, []]);
    }),
  );

  it(
    'gives up for what it is told to, whatever the policies say, and for nothing else',
    marbles(({ expectObservable, flush }) => {
      const { recovery, run$ } = rig();
      recovery.giveUpFor(closed);
      expectObservable(run$(invalid, closed)).toBe('a-(b#)', undefined, closed);
      flush();
    }),
  );

  it(
    'dials the next URL when it is begun again after it ended, but for what it was told to give up for',
    marbles(({ expectObservable }) => {
      const { recovery, run$ } = rig({ maxAttempts: 0 });
      recovery.giveUpFor(closed);
      const ends$ = [invalid, new SocketClosedError(1006, ''), closed].map((error) =>
        run$(error).pipe(catchError(() => EMPTY)),
      );

      expectObservable(concat(...ends$, run$()), '^!').toBe('(abcc)');
    }),
  );

  it(
    'completes a rotation as a policy says, and tells it by itself',
    marbles(({ expectObservable, flush }) => {
      const { recovery, dials$, log } = rig({ policies: { network: { action: 'complete' } } });
      const rotation$ = dials$(closed, closed).pipe(
        recovery.retryingRotation(
          () => false,
          () => log.push('never'),
          ({ error }) => log.push(`it: ${(error as Error).message}`),
        ),
      );
      expectObservable(rotation$).toBe('(a|)');
      flush();

      expect(log).toStrictEqual(['it: socket closed with 1006']);
    }),
  );

  it('tells the floor that a failure raised whole, though the clock goes on meanwhile', () => {
    let now = 0;
    jest.spyOn(asyncScheduler, 'now').mockImplementation(() => (now += 1));
    const { recovery } = rig({ policies: { network: { floorMs: 10 } } });
    const failure = {
      error: closed,
      class: 'network',
      attempt: 1,
      classAttempt: 1,
      elapsedMs: 0,
      upMs: undefined,
    };

    expect(recovery.rules().policy(failure)).toMatchObject({ floorMs: 10 });
  });

  it.each([
    { reconnect: { stableMs: -1 }, message: 'retryBackoff: stableMs must be a number of at least 0, got -1' },
    { reconnect: { initialMs: 0 }, message: 'backoff: initialMs must be above 0, got 0' },
    {
      reconnect: { policies: { network: { floorMs: -1 } } },
      message: 'reconnect: policies.network.floorMs must be at least 0, got -1',
    },
  ])('refuses on creation: $message', ({ reconnect, message }) => {
    expect(() => rig(reconnect)).toThrow(new RangeError(message));
  });
});
