import * as fc from 'fast-check';
import {
  backoff,
  type BackoffConfig,
  type JitterName,
  jitters,
  maxTimerMs,
} from '../../src/operators/backoff.js';

const names = Object.keys(jitters) as JitterName[];

/** The delays of a row, each drawn with the one before it in mind. */
const row = (config: BackoffConfig, length: number): number[] => {
  const delayAfter = backoff(config);
  const delays: number[] = [];
  for (let n = 0; n < length; n += 1) delays.push(delayAfter(n, delays[n - 1] ?? 0));
  return delays;
};

/** What a call throws: compared whole, its class is compared too. */
const thrownBy = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    return error;
  }
};

/** A source of randomness for many draws: evenly spread over [0, 1), so that no seed decides a test. */
const even = (length: number): (() => number) => {
  let i = 0;
  return () => (i++ % length) / length;
};

describe('backoff', () => {
  it('BAK-01 delays grow by the multiplier and stop at the cap', () => {
    expect(row({ initialMs: 100, maxMs: 1_000, multiplier: 3, jitter: 'none' }, 5)).toStrictEqual([
      100, 300, 900, 1_000, 1_000,
    ]);
  });

  it('starts at 1 s, doubles, stops at 30 s and spreads widely unless told otherwise', () => {
    expect(row({ jitter: 'none' }, 7)).toStrictEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(row({ random: () => 0.5 }, 3)).toStrictEqual(row({ random: () => 0.5, jitter: 'wide' }, 3));
  });

  it.each<[JitterName, number, number[]]>([
    ['full', 0, [0, 0, 0, 0]],
    ['full', 0.5, [500, 1_000, 2_000, 2_500]],
    ['equal', 0, [500, 1_000, 2_000, 2_500]],
    ['equal', 0.5, [750, 1_500, 3_000, 3_750]],
    ['decorrelated', 0, [1_000, 1_000, 1_000, 1_000]],
    ['decorrelated', 0.5, [2_000, 3_000, 3_000, 3_000]],
    ['decorrelated-aws', 0, [1_000, 1_000, 1_000, 1_000]],
    ['decorrelated-aws', 0.5, [2_000, 3_500, 5_000, 5_000]],
    ['wide', 0, [1_000, 1_000, 1_000, 1_000]],
    ['wide', 0.5, [2_000, 3_500, 5_000, 5_000]],
    ['none', 0.5, [1_000, 2_000, 4_000, 5_000]],
  ])('%s jitter with a random of %d draws from its range', (jitter, random, expected) => {
    expect(row({ maxMs: 5_000, jitter, random: () => random }, 4)).toStrictEqual(expected);
  });

  it('decorrelated keeps clients spread in a long outage, where the original of AWS gathers a third of them at the cap', () => {
    const atCap = (jitter: JitterName): number => {
      const delayAfter = backoff({ jitter, random: even(1_000) });
      const delays = Array.from({ length: 1_000 }, () => delayAfter(50, 20_000));
      return delays.filter((ms) => ms === 30_000).length;
    };

    expect(atCap('decorrelated')).toBe(0);
    expect(atCap('decorrelated-aws')).toBeGreaterThan(300);
  });

  it('asks a jitter function with all it may draw from', () => {
    const seen: unknown[] = [];
    const random = (): number => 0.5;
    const delayAfter = backoff({
      initialMs: 10,
      maxMs: 90,
      multiplier: 4,
      random,
      jitter: (context) => {
        seen.push(context);
        return 42;
      },
    });

    expect(delayAfter(3, 7)).toBe(42);
    expect(seen).toStrictEqual([
      { initialMs: 10, maxMs: 90, multiplier: 4, attempt: 3, previousMs: 7, random },
    ]);
  });

  it('cuts the delay of a jitter function off at maxMs', () => {
    expect(backoff({ maxMs: 2_000, jitter: () => 9_999 })(0, 0)).toBe(2_000);
  });

  it.each([NaN, -1, Infinity])('refuses a jitter function that yields %d', (ms) => {
    expect(thrownBy(() => backoff({ jitter: () => ms })(0, 0))).toStrictEqual(
      new RangeError(`backoff: jitter must yield a finite number of at least 0, got ${ms}`),
    );
  });

  it('a multiplier of 1 keeps the delay, even at an infinite attempt', () => {
    expect(backoff({ multiplier: 1, jitter: 'none' })(Infinity, 0)).toBe(1_000);
  });

  it('refuses the delay drawn from a random that is NaN', () => {
    expect(() => backoff({ random: () => NaN })(0, 0)).toThrow(RangeError);
  });

  it.each(names)(
    'BAK-01 every delay of %s jitter is finite and within its bounds, at any attempt',
    (jitter) => {
      const lowest = { full: 0, equal: 0.5, decorrelated: 1, 'decorrelated-aws': 1, wide: 1, none: 1 }[
        jitter
      ];
      fc.assert(
        fc.property(
          fc.double({ min: 1e-3, max: maxTimerMs, noNaN: true }),
          fc.double({ min: 1, max: 1e6, noNaN: true }),
          fc.double({ min: 1, noNaN: true }),
          fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
          fc.oneof(fc.nat(), fc.constantFrom(1_024, Number.MAX_SAFE_INTEGER, Infinity)),
          fc.double({ min: 0, max: 1, noNaN: true }),
          (initialMs, ratio, multiplier, drawn, attempt, share) => {
            const maxMs = Math.min(maxTimerMs, initialMs * ratio);
            const delayMs = backoff({ initialMs, maxMs, multiplier, jitter, random: () => drawn })(
              attempt,
              share * maxMs,
            );
            // A sum of doubles may miss the bound by its last digit.
            expect(delayMs).toBeGreaterThanOrEqual(lowest * initialMs * (1 - 1e-12));
            expect(delayMs).toBeLessThanOrEqual(maxMs);
          },
        ),
      );
    },
  );

  it.each<[string, BackoffConfig]>([
    ['initialMs must be above 0, got 0', { initialMs: 0 }],
    ['initialMs must be above 0, got -1', { initialMs: -1 }],
    ['initialMs must be above 0, got NaN', { initialMs: NaN }],
    ['maxMs must be from initialMs (1000) to 2147483647, got 999', { maxMs: 999 }],
    ['maxMs must be from initialMs (1000) to 2147483647, got -1', { maxMs: -1 }],
    ['maxMs must be from initialMs (1000) to 2147483647, got NaN', { maxMs: NaN }],
    ['maxMs must be from initialMs (1000) to 2147483647, got 2147483648', { maxMs: 2 ** 31 }],
    ['maxMs must be from initialMs (1000) to 2147483647, got Infinity', { maxMs: Infinity }],
    ['maxMs must be from initialMs (Infinity) to 2147483647, got 30000', { initialMs: Infinity }],
    ['multiplier must be at least 1, got 0.5', { multiplier: 0.5 }],
    ['multiplier must be at least 1, got NaN', { multiplier: NaN }],
  ])('BAK-06 refuses settings at construction: %s', (message, config) => {
    expect(thrownBy(() => backoff(config))).toStrictEqual(new RangeError(`backoff: ${message}`));
  });

  it.each(['initialMs', 'maxMs', 'multiplier'])('BAK-06 refuses a text for %s', (name) => {
    expect(thrownBy(() => backoff({ [name]: '2000' }))).toStrictEqual(
      new TypeError(`backoff: ${name} must be a number, got string`),
    );
  });

  it('refuses a jitter it does not know, an inherited name included', () => {
    // @ts-expect-error No jitter has this name.
    expect(thrownBy(() => backoff({ jitter: 'some' }))).toStrictEqual(
      new RangeError(
        'backoff: jitter must be a function or one of full, equal, decorrelated, decorrelated-aws, wide, none, got some',
      ),
    );
    expect(() => backoff({ jitter: 'toString' as JitterName })).toThrow(RangeError);
  });

  it('refuses a random that is no function', () => {
    // @ts-expect-error A number is not a source of numbers.
    expect(thrownBy(() => backoff({ random: 0.5 }))).toStrictEqual(
      new TypeError('backoff: random must be a function, got number'),
    );
  });
});
