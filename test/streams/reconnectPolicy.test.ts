import { checkPolicy, defaultPolicies } from '../../src/streams/reconnectPolicy.js';

describe('defaultPolicies', () => {
  it('is the table: what differs from retrying for ever', () => {
    const forever = { action: 'retry', maxFailures: Infinity, floorMs: 0, forgetPositions: false };

    expect(defaultPolicies(50)).toStrictEqual({
      network: forever,
      normal: forever,
      rateLimited: { ...forever, floorMs: 500 },
      auth: { ...forever, maxFailures: 3 },
      protocol: { ...forever, maxFailures: 5 },
      config: { ...forever, action: 'giveUp' },
      unknown: forever,
    });
  });
});

describe('checkPolicy', () => {
  it('yields what is given, and leaves out what is undefined, so that it overrides nothing', () => {
    expect(
      checkPolicy('p', { action: 'complete', maxFailures: undefined, floorMs: 0, forgetPositions: true }),
    ).toStrictEqual({ action: 'complete', floorMs: 0, forgetPositions: true });
  });

  it.each([
    [{ action: 'giveup' }, 'action must be one of retry, giveUp, complete, got "giveup"'],
    [{ action: 'now' }, 'action must be one of retry, giveUp, complete, got "now"'],
    [{ action: null }, 'action must be one of retry, giveUp, complete, got object'],
    [{ maxFailures: '3' }, 'maxFailures must be at least 1, got "3"'],
    [{ forgetPositions: 1 }, 'forgetPositions must be a boolean, got 1'],
  ])('refuses %j', (policy, message) => {
    expect(() => checkPolicy('policies.auth', policy)).toThrow(`reconnect: policies.auth.${message}`);
  });

  it.each([
    [{ maxFailures: 0 }, 'p.maxFailures must be at least 1, got 0'],
    [{ maxFailures: NaN }, 'p.maxFailures must be at least 1, got NaN'],
    [{ floorMs: -1 }, 'p.floorMs must be at least 0, got -1'],
  ])('refuses the number in %j as out of its range', (policy, message) => {
    expect(() => checkPolicy('p', policy)).toThrow(new RangeError(`reconnect: ${message}`));
  });

  it.each([
    ['p must be a policy or a function, got "retry"', 'retry'],
    ['p must be a policy or a function, got object', null],
    ['p must be a policy or a function, got object', []],
    ['p must be a policy or a function, got 3', 3],
    ['p has no field maxAttempts, only action, maxFailures, floorMs, forgetPositions', { maxAttempts: 3 }],
  ])('refuses what is none: %s', (message, policy) => {
    expect(() => checkPolicy('p', policy)).toThrow(new TypeError(`reconnect: ${message}`));
  });
});
