import { LRUCache } from 'lru-cache';
import { asyncScheduler } from 'rxjs';
import { type OptionNames, refuseUnknown } from './refuseUnknown.js';
import { createSeenNumbers, type SeenNumbers } from './seenNumbers.js';

/** What tells values apart. `1`, `1n` and `'1'` are three keys; `0` and `-0` are one, and so is `NaN`. */
export type Key = string | number | bigint;

export interface SeenKeysConfig {
  /**
   * Keys remembered, 1 to 2 ** 24; the least recently seen are forgotten first. Whole numbers are remembered faster, and
   * up to twice as many of them. @default 10_000
   */
  readonly maxKeys?: number;
  /** Milliseconds since its last sighting after which a key counts as new. @default Infinity */
  readonly windowMs?: number;
}

const OPTIONS: OptionNames<SeenKeysConfig> = { maxKeys: true, windowMs: true };

export interface SeenKeysStats {
  /** Keys remembered now, also those whose `windowMs` has passed. */
  readonly size: number;
  /** Keys added that were known. */
  readonly hits: number;
  /** Keys added that were new. */
  readonly misses: number;
  /** Keys forgotten to make room for others. */
  readonly evictions: number;
}

/** A bounded memory of keys. */
export interface SeenKeys {
  /** Whether a key is new; from now on it is not. */
  add(key: Key): boolean;
  /** Whether a key is known; this is no sighting of it. */
  has(key: Key): boolean;
  stats(): SeenKeysStats;
}

/** A `Map` of V8 holds no more entries. */
export const MOST_KEYS = 2 ** 24;
/** Room of the first LRU. */
const FEWEST_OTHERS = 64;

/**
 * Remembers keys, each for `windowMs` after its last sighting and as long as it is among the last `maxKeys`.
 *
 * Whole numbers (safe integers) are kept in typed arrays, all other keys in an LRU; each of the two remembers its own last
 * `maxKeys` at least, so a mix of both costs no key its place. Memory grows with what is remembered.
 *
 * @throws {RangeError} If `maxKeys` is no whole number from 1 to 2 ** 24, or `windowMs` is not above 0.
 */
export function createSeenKeys(config: SeenKeysConfig = {}): SeenKeys {
  const memory = createKeyMemory(config);
  return {
    add: (key) => memory.add(key),
    has: (key) => memory.has(key),
    stats: () => memory.stats(),
  };
}

/** As `createSeenKeys`, for those who do not take it apart: a third of the memory, as its methods are not its own. */
export function createKeyMemory(config: SeenKeysConfig = {}): SeenKeys {
  const { maxKeys = 10_000, windowMs = Infinity } = config;
  refuseUnknown('createSeenKeys', config, OPTIONS);
  checkSeenKeys('createSeenKeys', config);
  return new NumbersAndOthers(maxKeys, windowMs);
}

/** Of a clock that was set back further than the window, no time comes again: what was seen before it is old for good. */
class WindowClock {
  private latest = -Infinity;
  private aheadMs = 0;

  constructor(private readonly windowMs: number) {}

  now(): number {
    const now = asyncScheduler.now() + this.aheadMs;
    if (now > this.latest) this.latest = now;
    if (now >= this.latest - this.windowMs) return now;
    this.latest += this.windowMs + 1;
    this.aheadMs += this.latest - now;
    return this.latest;
  }
}

class NumbersAndOthers implements SeenKeys {
  /** Absent where keys are known for ever. */
  private readonly clock: WindowClock | undefined;
  /** Made for the first number: many a stream is quiet, and some have only other keys. */
  private numbers: SeenNumbers | undefined = undefined;
  // It takes memory for all of its `max` at once, so it begins small, and when it is needed. Its own ttl reads the real
  // clock, so the last sighting is kept as the value.
  private others: LRUCache<Key, number> | undefined = undefined;
  private hits = 0;
  private misses = 0;
  private forgotten = 0;

  constructor(
    private readonly maxKeys: number,
    private readonly windowMs: number,
  ) {
    this.clock = windowMs === Infinity ? undefined : new WindowClock(windowMs);
  }

  add(key: Key): boolean {
    const now = this.clock?.now() ?? 0;
    if (this.isFresh(isWhole(key) ? this.seeNumber(key, now) : this.seeOther(key, now), now)) {
      this.hits += 1;
      return false;
    }
    this.misses += 1;
    return true;
  }

  has(key: Key): boolean {
    const seenAt = isWhole(key) ? this.numbers?.find(key) : this.others?.peek(key);
    return this.isFresh(seenAt, this.clock?.now() ?? 0);
  }

  stats(): SeenKeysStats {
    const { numbers, others, hits, misses, forgotten } = this;
    return {
      size: (numbers?.size ?? 0) + (others?.size ?? 0),
      hits,
      misses,
      evictions: (numbers?.evictions ?? 0) + forgotten,
    };
  }

  private isFresh(seenAt: number | undefined, now: number): boolean {
    // By a clock that was set back it was seen in the future: as old, for rather a value twice than none.
    return seenAt !== undefined && !(this.clock !== undefined && Math.abs(now - seenAt) > this.windowMs);
  }

  private seeNumber(key: number, now: number): number | undefined {
    this.numbers ??= createSeenNumbers(this.maxKeys, this.clock !== undefined);
    return this.numbers.see(key, now);
  }

  private seeOther(key: Key, now: number): number | undefined {
    let others = (this.others ??= new LRUCache({ max: Math.min(this.maxKeys, FEWEST_OTHERS) }));
    const seenAt = others.get(key);
    if (seenAt === undefined && others.size === others.max) {
      if (others.max === this.maxKeys) this.forgotten += 1;
      else others = this.others = grown(others, Math.min(this.maxKeys, others.max * 4));
    }
    if (seenAt === undefined) others.set(ownKey(key), now);
    // Without a window there is no time to renew.
    else if (this.clock !== undefined) others.set(key, now);
    return seenAt;
  }
}

/** The same keys in the same order, with room for more. */
function grown(keys: LRUCache<Key, number>, max: number): LRUCache<Key, number> {
  const roomier = new LRUCache<Key, number>({ max });
  keys.rforEach((seenAt, key) => roomier.set(key, seenAt));
  return roomier;
}

/** A text cut from another keeps the whole of that in memory: here a frame for each key, 200 MB where the keys take one. */
const ownKey = (key: Key): Key => (typeof key === 'string' ? ` ${key}`.slice(1) : key);

const isWhole = (key: Key): key is number => typeof key === 'number' && Number.isSafeInteger(key);

/** @throws {RangeError} In the name of `owner`, if an option is out of its range. */
export function checkSeenKeys(
  owner: string,
  { maxKeys = 10_000, windowMs = Infinity }: SeenKeysConfig,
): void {
  if (!(Number.isInteger(maxKeys) && maxKeys > 0 && maxKeys <= MOST_KEYS)) {
    throw new RangeError(`${owner}: maxKeys must be a whole number from 1 to ${MOST_KEYS}, got ${maxKeys}`);
  }
  if (!(windowMs > 0)) throw new RangeError(`${owner}: windowMs must be above 0, got ${windowMs}`);
}
