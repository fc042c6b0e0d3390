import type { RetryFailure } from '../../src/operators/retryBackoff.js';
import { HandshakeError, ReconnectRequestedError, SocketClosedError } from '../../src/streams/failure.js';
import { type ReconnectConfig, resolvePolicies } from '../../src/streams/policies.js';

const failure = (name: string, error: unknown = new Error('x')): RetryFailure => ({
  error,
  class: name,
  attempt: 1,
  classAttempt: 3,
  elapsedMs: 0,
  upMs: undefined,
});

const boom = (): never => {
  throw new Error('boom');
};

const forever = { action: 'retry', maxFailures: Infinity, floorMs: 0 };

describe('resolvePolicies', () => {
  const { classify, policy } = resolvePolicies({});

  it.each([
    ['network', forever],
    ['normal', forever],
    ['unknown', forever],
    ['auth', { ...forever, maxFailures: 3, toError: expect.any(Function) as unknown }],
    ['protocol', { ...forever, maxFailures: 5 }],
    ['config', { ...forever, action: 'giveUp' }],
    ['rateLimited', { ...forever, floorMs: 10_000 }],
    ['requested', { action: 'now' }],
  ])('has a default for %s', (name, expected) => {
    expect(policy(failure(name))).toStrictEqual(expected);
  });

  it('BAK-05 takes Retry-After as the floor, of any class, never below the one configured', () => {
    const limited = new HandshakeError(429, 2_000, {});
    const own = resolvePolicies({ policies: { rateLimited: { floorMs: 60_000 } } });

    expect(policy(failure('rateLimited', limited))).toMatchObject({ floorMs: 2_000 });
    expect(policy(failure('network', limited))).toMatchObject({ floorMs: 2_000 });
    expect(own.policy(failure('rateLimited', limited))).toMatchObject({ floorMs: 60_000 });
  });

  it('BAK-05 has a floor for what is rate limited in terms of initialMs', () => {
    expect(resolvePolicies({ initialMs: 50 }).policy(failure('rateLimited'))).toMatchObject({ floorMs: 500 });
  });

  it('BAK-05 keeps the floor of the policy where Retry-After asks for no wait', () => {
    expect(policy(failure('rateLimited', new HandshakeError(429, 0, {})))).toMatchObject({ floorMs: 10_000 });
  });

  it.each([NaN, -1, '7', null])('takes a retryAfterMs of %p in a foreign error for none', (retryAfterMs) => {
    expect(policy(failure('network', { retryAfterMs }))).toMatchObject({ floorMs: 0 });
  });

  it('REC-04 lets the user override a policy field by field, and the class of a failure', () => {
    const own = resolvePolicies({
      policies: { auth: { floorMs: 5 } },
      classify: (error, byDefault) => ((error as SocketClosedError).code === 4_100 ? 'config' : byDefault),
    });

    expect(own.policy(failure('auth'))).toMatchObject({ maxFailures: 3, floorMs: 5 });
    expect([
      own.classify(new SocketClosedError(4_100, '')),
      own.classify(new SocketClosedError(1_000, '')),
    ]).toStrictEqual(['config', 'normal']);
  });

  describe('where a policy is a function', () => {
    it('REC-11 gives it the failure with its counts and its time', () => {
      const asked: RetryFailure[] = [];
      const own = resolvePolicies({ policies: { network: (f) => void asked.push(f) } });
      const network = failure('network');
      own.policy(network);
      own.policy(failure('auth'));

      expect(asked).toStrictEqual([network]);
    });

    it.each([
      ['null', null, { action: 'giveUp' }],
      ['undefined', undefined, { action: 'retry', maxFailures: 3 }],
      ['a policy', { maxFailures: 9 }, { action: 'retry', maxFailures: 9 }],
    ])('REC-11 takes %s', (_title, yielded, expected) => {
      const own = resolvePolicies({ policies: { auth: () => yielded } });

      expect(own.policy(failure('auth'))).toMatchObject(expected);
    });

    it.each<[string, () => never, string]>([
      ['throws', boom, 'boom'],
      [
        'yields a policy that is none',
        () => ({ action: 'stop' }) as never,
        'reconnect: policies.auth.action must be one of retry, giveUp, complete, got "stop"',
      ],
      [
        'yields a Promise, for a decision cannot wait',
        () => Promise.resolve({}) as never,
        'reconnect: policies.auth must yield its policy at once, got a Promise or an Observable',
      ],
    ])('tells if it %s, and uses the default', (_title, auth, message) => {
      const told: unknown[] = [];
      const own = resolvePolicies(
        { policies: { auth } },
        { onHookFailed: (hook, error) => told.push([hook, (error as Error).message]) },
      );

      expect(own.policy(failure('auth'))).toMatchObject({ action: 'retry', maxFailures: 3 });
      expect(told).toStrictEqual([['reconnect.policies.auth', message]]);
    });
  });

  it.each<[string, ReconnectConfig['classify'], string]>([
    ['throws', boom, 'boom'],
    [
      'yields no class',
      () => 'fatal' as never,
      'reconnect: classify must yield one of network, normal, rateLimited, auth, protocol, config, unknown, got "fatal"',
    ],
    [
      'yields a class that is not its to give',
      () => 'requested' as never,
      'reconnect: classify must yield one of network, normal, rateLimited, auth, protocol, config, unknown, got "requested"',
    ],
    [
      'yields the name of something that every object has',
      () => 'toString' as never,
      'reconnect: classify must yield one of network, normal, rateLimited, auth, protocol, config, unknown, got "toString"',
    ],
  ])('tells if classify %s, and uses the default', (_title, own, message) => {
    const told: unknown[] = [];
    const resolved = resolvePolicies(
      { classify: own! },
      { onHookFailed: (hook, error) => told.push([hook, (error as Error).message]) },
    );

    expect(resolved.classify(new SocketClosedError(1012, ''))).toBe('network');
    expect(told).toStrictEqual([['reconnect.classify', message]]);
  });

  it('AUT-08 says when the next connection is to forget its positions', () => {
    const told: unknown[] = [];
    const own = resolvePolicies(
      {
        policies: {
          auth: { forgetPositions: true },
          unknown: ({ classAttempt }) => ({ forgetPositions: classAttempt === 3 }),
        },
      },
      { onForgetPositions: ({ class: name }) => told.push(name) },
    );
    const policies = ['auth', 'network', 'unknown'].map((name) => own.policy(failure(name)));

    expect(told).toStrictEqual(['auth', 'unknown']);
    expect(policies.filter((each) => 'forgetPositions' in each)).toStrictEqual([]);
  });

  it("keeps a requested reconnect out of the user's hands", () => {
    const own = resolvePolicies({ classify: () => 'config' });

    expect([
      own.classify(new ReconnectRequestedError(undefined)),
      own.classify(new Error('x')),
    ]).toStrictEqual(['requested', 'config']);
    expect(classify(new Error('x'))).toBe('unknown');
  });

  it.each([
    [1, 'authentication failed 1 time'],
    [3, 'authentication failed 3 times in a row'],
  ])(
    'gives up on authentication after %i with an error that carries the last cause',
    (classAttempt, message) => {
      const cause = new SocketClosedError(1_008, 'bad token');
      const last = { ...failure('auth', cause), classAttempt };

      expect(policy(last).toError?.(last)).toMatchObject({
        name: 'AuthenticationError',
        message,
        cause,
        attempts: classAttempt,
      });
    },
  );

  it.each<[object, Error]>([
    [
      { policies: { auth: { maxFailures: 0 } } },
      new RangeError('reconnect: policies.auth.maxFailures must be at least 1, got 0'),
    ],
    [
      { policies: { network: { floorMs: -1 } } },
      new RangeError('reconnect: policies.network.floorMs must be at least 0, got -1'),
    ],
    [
      { policies: { netwrok: {} } },
      new TypeError(
        'reconnect: policies are for the classes network, normal, rateLimited, auth, protocol, config, unknown, got "netwrok"',
      ),
    ],
    [
      { policies: { requested: { action: 'giveUp' } } },
      new TypeError(
        'reconnect: policies are for the classes network, normal, rateLimited, auth, protocol, config, unknown, got "requested"',
      ),
    ],
    [{ classify: 'network' }, new TypeError('reconnect: classify must be a function, got string')],
  ])('refuses %j', (config, error) => {
    expect(() => resolvePolicies(config)).toThrow(error);
  });

  it('is typed', () => {
    // @ts-expect-error a misspelt action
    expect(() => resolvePolicies({ policies: { auth: { action: 'giveup' } } })).toThrow(TypeError);
    expect(() => resolvePolicies({ policies: { auth: {} }, classify: (_error, name) => name })).not.toThrow();
  });
});
