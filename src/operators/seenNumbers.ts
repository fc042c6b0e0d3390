/** Whole numbers seen lately, with the time of each one's last sighting. */
export interface SeenNumbers {
  /** How many are remembered. */
  readonly size: number;
  /** How many were forgotten to make room. */
  readonly evictions: number;
  /** When a number was last seen, or `undefined`; nothing changes. */
  find(key: number): number | undefined;
  /** As `find`, and the number counts as seen at `at` from now on. */
  see(key: number, at: number): number | undefined;
}

/** A hash table in which a number's place is where its hash says, or the next free one behind it. */
interface Generation {
  keys: Float64Array;
  /** As long as `keys`, or empty where times are not kept. */
  times: Float64Array;
  size: number;
}

/** No safe integer, so no key. */
const FREE = 2 ** 53;
const FEWEST_SLOTS = 16;

/**
 * Remembers safe integers in typed arrays: at least the last `maxKeys` different ones, never more than twice as many.
 * A number costs some nanoseconds and makes no garbage, where an LRU of objects takes hundreds; the tables begin with 16
 * slots and double as they fill.
 *
 * There are two generations. A number seen goes into the young one; when that holds `maxKeys`, it becomes the old one, and
 * what only the old one knew is forgotten. So nothing is ever moved or deleted one by one.
 *
 * @param keepTimes Without, every number was seen at 0, and half the memory is saved.
 */
export function createSeenNumbers(maxKeys: number, keepTimes: boolean): SeenNumbers {
  const blank = (slots: number): Generation => ({
    keys: new Float64Array(slots).fill(FREE),
    times: new Float64Array(keepTimes ? slots : 0),
    size: 0,
  });
  let young = blank(FEWEST_SLOTS);
  let old = blank(FEWEST_SLOTS);
  /** Numbers that both generations hold. */
  let shared = 0;
  let evictions = 0;

  const put = ({ keys, times }: Generation, slot: number, key: number, at: number): void => {
    keys[slot] = key;
    if (keepTimes) times[slot] = at;
  };

  const timeAt = ({ times }: Generation, slot: number): number => (keepTimes ? (times[slot] as number) : 0);

  const grow = ({ keys, times, size }: Generation): Generation => {
    const grown = blank(keys.length * 2);
    grown.size = size;
    for (let slot = 0; slot < keys.length; slot += 1) {
      const key = keys[slot] as number;
      if (key !== FREE) put(grown, slotOf(grown.keys, key), key, keepTimes ? (times[slot] as number) : 0);
    }
    return grown;
  };

  const add = (key: number, at: number, slot: number): void => {
    if (young.size === maxKeys) {
      evictions += old.size - shared;
      shared = 0;
      [young, old] = [old, young];
      young.keys.fill(FREE);
      young.size = 0;
      put(young, slotOf(young.keys, key), key, at);
    } else if (young.size * 2 >= young.keys.length) {
      young = grow(young);
      put(young, slotOf(young.keys, key), key, at);
    } else {
      put(young, slot, key, at);
    }
    young.size += 1;
  };

  return {
    get size() {
      return young.size + old.size - shared;
    },
    get evictions() {
      return evictions;
    },
    find(key) {
      const slot = slotOf(young.keys, key);
      if (young.keys[slot] === key) return timeAt(young, slot);
      const before = slotOf(old.keys, key);
      return old.keys[before] === key ? timeAt(old, before) : undefined;
    },
    see(key, at) {
      const slot = slotOf(young.keys, key);
      if (young.keys[slot] === key) {
        const seen = timeAt(young, slot);
        if (keepTimes) young.times[slot] = at;
        return seen;
      }
      const before = slotOf(old.keys, key);
      const isOld = old.keys[before] === key;
      const seen = isOld ? timeAt(old, before) : undefined;
      // Counted before it is added: if the generations change places, it is not forgotten but taken along.
      if (isOld) shared += 1;
      add(key, at, slot);
      return seen;
    },
  };
}

/**
 * The slot of a number in a table of 2 ** n slots that is never full, or the free one where it belongs. Eight neighbours share
 * a line of the processor's cache, since most ids rise by 1; beyond that, both halves of the number are mixed until multiples
 * and time stamps fall far apart.
 */
function slotOf(keys: Float64Array, key: number): number {
  const mask = keys.length - 1;
  const low = key | 0;
  let hash = Math.imul((low >>> 3) ^ Math.imul((key * 2 ** -32) | 0, 0x85ebca6b), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  let slot = (hash ^ (hash >>> 16) ^ (low & 7)) & mask;
  for (let found = keys[slot]; found !== key && found !== FREE; found = keys[slot]) slot = (slot + 1) & mask;
  return slot;
}
