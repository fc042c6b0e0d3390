import { checkFault, checkSchedule, type Fault, targetOf } from '../../src/testing/fault.js';
import type { Channel } from '../../src/testing/market.js';

const channels = [
  { stream: 'trade', topic: 'BTC' },
  { stream: 'trade', topic: 'ETH' },
  { stream: 'order', topic: undefined },
] as unknown as readonly Channel[];

describe('targetOf', () => {
  it('strikes the trades of the first symbol by default, and what is named otherwise', () => {
    expect([
      targetOf({}, channels),
      targetOf({ symbol: 'ETH' }, channels),
      targetOf({ stream: 'order' }, channels),
    ]).toStrictEqual([channels[0], channels[1], channels[2]]);
    expect(targetOf({ symbol: 'XRP' }, channels)).toBeUndefined();
  });
});

describe('checkFault', () => {
  it.each<Fault>([
    { type: 'drop' },
    { type: 'vanish' },
    { type: 'malformed' },
    { type: 'skip', symbol: 'ETH' },
    { type: 'flood', messages: 100_000 },
    { type: 'refuse', status: 503, forMs: 10 },
  ])('takes %j', (fault) => {
    expect(() => checkFault('inject', fault, channels)).not.toThrow();
  });

  it.each([
    [{ type: 'drop', code: 1004 }, 'code must be 1000 to 1014 (not 1004) or 3000 to 4999, got 1004'],
    [{ type: 'skip', symbol: 'XRP' }, 'no such stream or symbol: trade XRP'],
    [{ type: 'silence', stream: 'trade', forMs: -1 }, 'forMs must be from 0 to 2147483647, got -1'],
    [{ type: 'flood', messages: 100_001 }, 'messages must be an integer from 1 to 100000, got 100001'],
    [{ type: 'refuse', status: 101, forMs: 1 }, 'status must be an integer from 200 to 599, got 101'],
    [{ type: 'explode' }, 'unknown fault explode'],
  ])('refuses %j', (fault, message) => {
    expect(() => checkFault('inject', fault as Fault, channels)).toThrow(
      new RangeError(`inject: ${message}`),
    );
  });
});

describe('checkSchedule', () => {
  it.each([
    [{ atMs: -1 }, 'startExchange: faults: atMs must be from 0 to 2147483647, got -1'],
    [{ atMs: 0, every: 0 }, 'startExchange: faults: every must be from 1 to 2147483647, got 0'],
  ])('refuses %j', (when, message) => {
    expect(() => checkSchedule('startExchange', [{ ...when, fault: { type: 'drop' } }], channels)).toThrow(
      new RangeError(message),
    );
  });
});
