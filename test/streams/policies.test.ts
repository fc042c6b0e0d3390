import type { RetryFailure } from '../../src/operators/retryBackoff.js';
import { HandshakeError, ReconnectRequestedError, SocketClosedError } from '../../src/streams/failure.js';
import { resolvePolicies } from '../../src/streams/policies.js';

const failure = (name: string, error: unknown = new Error('x')): RetryFailure => ({
  error,
  class: name,
  attempt: 1,
  classAttempt: 3,
  elapsedMs: 0,
  upMs: undefined,
});

describe('resolvePolicies', () => {
  const { classify, policy } = resolvePolicies({});

  it.each([
    ['network', {}],
    ['normal', {}],
    ['unknown', {}],
    ['auth', { maxFailures: 3, toError: expect.any(Function) as unknown }],
    ['protocol', { maxFailures: 5 }],
    ['config', { action: 'giveUp' }],
    ['rateLimited', { floorMs: 10_000 }],
    ['requested', { action: 'now' }],
  ])('has a default for %s', (name, expected) => {
    expect(policy(failure(name))).toStrictEqual(expected);
  });

  it('BAK-05 takes Retry-After as the floor, never below the one configured', () => {
    const limited = failure('rateLimited', new HandshakeError(429, 2_000, {}));

    expect(policy(limited)).toStrictEqual({ floorMs: 2_000 });
    expect(resolvePolicies({ policies: { rateLimited: { floorMs: 60_000 } } }).policy(limited)).toStrictEqual(
      { floorMs: 60_000 },
    );
    expect(resolvePolicies({ initialMs: 50 }).policy(failure('rateLimited'))).toStrictEqual({ floorMs: 500 });
  });

  it('REC-04 lets the user override a policy field by field, and the class of a failure', () => {
    const own = resolvePolicies({
      policies: { auth: { maxFailures: 1 } },
      classify: (error, byDefault) => ((error as SocketClosedError).code === 4_100 ? 'config' : byDefault),
    });

    expect(own.policy(failure('auth'))).toMatchObject({ maxFailures: 1 });
    expect([
      own.classify(new SocketClosedError(4_100, '')),
      own.classify(new SocketClosedError(1_000, '')),
    ]).toStrictEqual(['config', 'normal']);
  });

  it("keeps a requested reconnect out of the user's hands", () => {
    const own = resolvePolicies({ classify: () => 'config' });

    expect([
      own.classify(new ReconnectRequestedError(undefined)),
      own.classify(new Error('x')),
    ]).toStrictEqual(['requested', 'config']);
    expect(classify(new Error('x'))).toBe('unknown');
  });

  it('gives up on authentication with an error that carries the last cause', () => {
    const cause = new SocketClosedError(1_008, 'bad token');
    const error = policy(failure('auth', cause))?.toError?.(failure('auth', cause));

    expect(error).toMatchObject({
      name: 'AuthenticationError',
      message: 'authentication failed 3 times in a row',
      cause,
    });
  });

  it.each([
    [{ auth: { maxFailures: 0 } }, 'reconnect: policies.auth.maxFailures must be at least 1, got 0'],
    [{ network: { floorMs: -1 } }, 'reconnect: policies.network.floorMs must not be negative, got -1'],
  ])('refuses %j', (policies, message) => {
    expect(() => resolvePolicies({ policies })).toThrow(new RangeError(message));
  });
});
