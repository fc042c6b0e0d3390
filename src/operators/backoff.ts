import { type OptionNames, refuseUnknown } from './refuseUnknown.js';

/** The longest delay a timer can hold; a longer one would overflow and fire at once. */
export const maxTimerMs = 2 ** 31 - 1;

/** Of `initialMs`. */
export const defaultInitialMs = 1_000;

/** What a jitter function draws from. */
export interface JitterContext {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly multiplier: number;
  /** Delays drawn before this one in the row: 0 at the first. */
  readonly attempt: number;
  /** The delay drawn before this one, ms; 0 at the first. */
  readonly previousMs: number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

export type JitterName = 'full' | 'equal' | 'decorrelated' | 'decorrelated-aws' | 'wide' | 'none';

/** The name of a built-in, or a function that yields the delay in ms: finite, at least 0, cut off at `maxMs`. */
export type Jitter = JitterName | ((context: JitterContext) => number);

export interface BackoffConfig {
  /** The first delay before jitter, ms. Above 0. @default 1_000 */
  readonly initialMs?: number;
  /** No delay is longer, ms. From `initialMs` to 2^31 - 1, the most a timer can hold. @default 30_000 */
  readonly maxMs?: number;
  /** What each failure multiplies the delay by. At least 1; 1 keeps it at `initialMs`. @default 2 */
  readonly multiplier?: number;
  /** How clients that failed together are spread in time; `'none'` turns it off. @default 'wide' */
  readonly jitter?: Jitter;
  /** A number in [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** For those whose own options these are among: `backoff` itself takes what it knows of them. */
export const BACKOFF_OPTIONS: OptionNames<BackoffConfig> = {
  initialMs: true,
  maxMs: true,
  multiplier: true,
  jitter: true,
  random: true,
};

const uniform = (random: () => number, low: number, high: number): number => low + random() * (high - low);

/** e = min(cap, base × multiplier^n); an infinite power ends at the cap. */
const exponential = ({ initialMs, maxMs, multiplier, attempt }: JitterContext): number =>
  Math.min(maxMs, initialMs * multiplier ** attempt);

/**
 * The built-in jitters, with e = min(maxMs, initialMs × multiplier^attempt) and U(a, b) a uniform draw. `full`, `equal` and
 * `decorrelated-aws` are those of "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export const jitters: Readonly<Record<JitterName, (context: JitterContext) => number>> = {
  /** U(0, e). */
  full: (context) => uniform(context.random, 0, exponential(context)),

  /** e/2 + U(0, e/2). */
  equal: (context) => uniform(context.random, exponential(context) / 2, exponential(context)),

  /**
   * U(initialMs, min(maxMs, 3 × previous)): the range is cut off before the draw, so that clients stay spread in a long
   * outage. `multiplier` has no part in it.
   */
  decorrelated: ({ initialMs, maxMs, previousMs, random }) =>
    uniform(random, initialMs, Math.min(maxMs, 3 * Math.max(previousMs, initialMs))),

  /** min(maxMs, U(initialMs, 3 × previous)): cut off after the draw, which gathers clients at `maxMs`. */
  'decorrelated-aws': ({ initialMs, maxMs, previousMs, random }) =>
    Math.min(maxMs, uniform(random, initialMs, 3 * Math.max(previousMs, initialMs))),

  /** min(maxMs, U(initialMs, 3e)). */
  wide: (context) =>
    Math.min(context.maxMs, uniform(context.random, context.initialMs, 3 * exponential(context))),

  /** e. */
  none: exponential,
};

/**
 * Yields the delay before a retry, in ms: a pure function of how many delays came before it, the one drawn last, and
 * `random`. The result is finite, at least 0 and at most `maxMs`, whatever the attempt.
 *
 * @returns A function that throws a `RangeError` if `jitter` or `random` yields what is no delay.
 * @throws {RangeError} On creation, if a number is out of its range or no jitter has that name.
 * @throws {TypeError} On creation, if a number is none, `random` is not a function, or an option is misspelt.
 */
export function backoff(config: BackoffConfig = {}): (attempt: number, previousMs: number) => number {
  refuseUnknown('backoff', config, BACKOFF_OPTIONS);
  return delaysBy(config);
}

/** The same, of options that stand among others. */
export function delaysBy({
  initialMs = defaultInitialMs,
  maxMs = 30_000,
  multiplier = 2,
  jitter = 'wide',
  random = Math.random,
}: BackoffConfig): (attempt: number, previousMs: number) => number {
  // From a config file, '100' > 0 holds as well; then '100' + 50 is '10050'.
  for (const [name, value] of Object.entries({ initialMs, maxMs, multiplier })) {
    if (typeof value !== 'number') {
      throw new TypeError(`backoff: ${name} must be a number, got ${typeof value}`);
    }
  }
  if (!(initialMs > 0)) throw new RangeError(`backoff: initialMs must be above 0, got ${initialMs}`);
  if (!(maxMs >= initialMs && maxMs <= maxTimerMs)) {
    throw new RangeError(
      `backoff: maxMs must be from initialMs (${initialMs}) to ${maxTimerMs}, got ${maxMs}`,
    );
  }
  if (!(multiplier >= 1)) throw new RangeError(`backoff: multiplier must be at least 1, got ${multiplier}`);
  if (typeof jitter !== 'function' && !Object.hasOwn(jitters, jitter)) {
    throw new RangeError(
      `backoff: jitter must be a function or one of ${Object.keys(jitters).join(', ')}, got ${jitter}`,
    );
  }
  if (typeof random !== 'function')
    throw new TypeError(`backoff: random must be a function, got ${typeof random}`);

  const draw = typeof jitter === 'function' ? jitter : jitters[jitter];
  return (attempt, previousMs) => {
    // 1 ** Infinity is NaN, so a count that never ends is taken as a very large one.
    const n = Math.min(attempt, Number.MAX_SAFE_INTEGER);
    const delayMs = draw({ initialMs, maxMs, multiplier, attempt: n, previousMs, random });
    if (!(delayMs >= 0 && delayMs < Infinity)) {
      throw new RangeError(`backoff: jitter must yield a finite number of at least 0, got ${delayMs}`);
    }
    return Math.min(maxMs, delayMs);
  };
}
