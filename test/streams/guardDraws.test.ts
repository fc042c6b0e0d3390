import type { JitterContext } from '../../src/operators/backoff.js';
import { guardDraws } from '../../src/streams/guardDraws.js';
import type { RecoveryConfig } from '../../src/streams/recovery.js';

const context: JitterContext = {
  initialMs: 100,
  maxMs: 1_000,
  multiplier: 2,
  attempt: 1,
  previousMs: 0,
  random: () => 0.5,
};
const oops = (): never => {
  throw new Error('oops');
};

const guarded = (config: RecoveryConfig) => {
  const told: [string, string][] = [];
  const { reconnect, random } = guardDraws(
    config,
    (hook, error) => told.push([hook, String(error)]),
    () => 0.25,
  );
  const jitter = reconnect?.jitter as (context: JitterContext) => number;
  return { told, random: random!, jitter };
};

describe('guardDraws', () => {
  it.each<[RecoveryConfig]>([[{}], [{ reconnect: { jitter: 'none', maxMs: 2_000 } }]])(
    'leaves a config alone without a function that draws: %p',
    (config) => {
      expect(guardDraws(config, oops)).toBe(config);
    },
  );

  it('draws as the functions do, and leaves the other options as they are', () => {
    const config = {
      reconnect: { jitter: ({ attempt }: JitterContext) => attempt, stableMs: 3 },
      random: () => 0,
      url: 'ws://feed.test',
    };
    const { random, reconnect, url } = guardDraws(config, oops);

    expect([random(), reconnect.jitter(context), reconnect.stableMs, url]).toStrictEqual([
      0,
      1,
      3,
      'ws://feed.test',
    ]);
  });

  it('gives a jitter its context', () => {
    const { jitter } = guarded({
      reconnect: { jitter: ({ initialMs, attempt, random }) => initialMs * (attempt + random()) },
    });

    expect(jitter(context)).toBe(150);
  });

  it.each<[string, () => number, string]>([
    ['throws', oops, 'Error: oops'],
    [
      'yields NaN',
      () => NaN,
      'RangeError: backoff: jitter must yield a finite number of at least 0, got NaN',
    ],
    ['yields -1', () => -1, 'RangeError: backoff: jitter must yield a finite number of at least 0, got -1'],
  ])('takes the default for a jitter that %s, and tells of it each time', (_what, jitter, error) => {
    const { told, ...own } = guarded({ reconnect: { jitter } });

    // The middle between initialMs and 3 × initialMs × multiplier.
    expect([own.jitter(context), own.jitter(context)]).toStrictEqual([350, 350]);
    expect(told).toStrictEqual([
      ['reconnect.jitter', error],
      ['reconnect.jitter', error],
    ]);
  });

  it.each<[string, () => unknown, string]>([
    ['throws', oops, 'Error: oops'],
    ...[NaN, -0.1, 1, '0.5', null, 0n].map((value): [string, () => unknown, string] => [
      `yields ${typeof value} ${String(value)}`,
      () => value,
      `RangeError: createFeed: random must yield a number in [0, 1), got ${String(value)}`,
    ]),
  ])('takes the default for a random that %s, and tells of it', (_what, random, error) => {
    const { told, ...own } = guarded({ random: random as () => number });

    expect(own.random()).toBe(0.25);
    expect(told).toStrictEqual([['random', error]]);
  });
});
