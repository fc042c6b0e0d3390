import { byOptionPath } from '../src/byOptionPath.js';
import { InvalidProtocolsError, InvalidUrlError } from '../src/streams/failure.js';

const refusing = (error: unknown) => (): never => {
  throw error;
};
const thrownBy = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

describe('byOptionPath', () => {
  it('yields what was made', () => {
    expect(byOptionPath(() => 7)).toBe(7);
  });

  it.each([
    [new RangeError('timeoutHeartbeat: everyMs is wrong'), 'createFeed: heartbeat.everyMs is wrong'],
    [new TypeError('heartbeat: ping is wrong'), 'createFeed: heartbeat.ping is wrong'],
    [new RangeError('backoff: maxMs is wrong'), 'createFeed: reconnect.maxMs is wrong'],
    [new TypeError('reconnect: policies.auth is wrong'), 'createFeed: reconnect.policies.auth is wrong'],
    [new RangeError('fromSocket: connectTimeoutMs is wrong'), 'createFeed: connectTimeoutMs is wrong'],
    [new InvalidUrlError('fromSocket: url is wrong'), 'createFeed: url is wrong'],
    [new InvalidProtocolsError('fromSocket: protocols are wrong'), 'createFeed: protocols are wrong'],
  ])('tells of an option by its path, and keeps the class: %p', (refusal, message) => {
    const error = thrownBy(() => byOptionPath(refusing(refusal)));

    expect(error).toMatchObject({ name: refusal.name, message });
    expect((error as Error).stack).toContain(message);
  });

  it.each([
    new TypeError('createFeed: heartbeat.everyMs must be a number'),
    new RangeError('toString: is no part'),
    new RangeError('something else, of outbox: x'),
    new Error('outbox: is no refusal'),
    'outbox: no error',
  ])('leaves as it is what no part has refused: %p', (refusal) => {
    expect(thrownBy(() => byOptionPath(refusing(refusal)))).toBe(refusal);
  });
});
