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

/**
 * Remembers safe integers in typed arrays: at least the last `maxKeys` different ones, never more than twice as many.
 * A number costs some nanoseconds and makes no garbage, where an LRU of objects takes hundreds. Eight neighbours share a
 * slot of eight bytes, since most ids rise by 1; the tables are made when they are needed and double as they fill.
 *
 * There are two generations. A number seen goes into the young one; when that holds `maxKeys`, it becomes the old one, and
 * what only the old one knew is forgotten. So nothing is ever moved or deleted one by one. A number above all that the old
 * one holds is not looked for there.
 *
 * Where no times are kept, numbers that follow each other without a hole, the largest of all, are a run. Of that only the ends are
 * kept, until it is forgotten with its generation, or another run begins: at a larger number, or when it is long. Then it goes into
 * the table. So most ids cost a comparison.
 *
 * @param keepTimes Without, every number was seen at 0; with, each has a slot of its own, and its time in another array.
 */
export const createSeenNumbers = (maxKeys: number, keepTimes: boolean): SeenNumbers =>
  new Generations(maxKeys, keepTimes);

/**
 * A slot is two words: the low half of its numbers, without the bits that tell them apart; the high half, and behind it a bit for
 * each number seen. A slot without bits is free. Where a slot is says the hash of its block of numbers; or it is the first one behind
 * that is free, as one looks at each ninth.
 */
type Words = Int32Array;

const NO_WORDS: Words = new Int32Array(2);
const NO_TIMES = new Float64Array(0);
const FEWEST_SLOTS = 16;
/** Numbers: so many take 0.3 ms to go into the table. */
const LONGEST_RUN = 2 ** 16;
/** Of the second word the high half of a number takes what is above: a sign and 21 bits. */
const HIGH_SHIFT = 10;
/**
 * Words from a slot that is taken to the next that is looked at: nine slots on. Eight neighbours lie together, so the one behind belongs
 * to another eight, nearly always; and with an odd number each slot is reached.
 */
const APART = 18;

/** A class, since closures of each memory's own took twice the time: the methods of a class are the same in all of them. */
class Generations implements SeenNumbers {
  evictions = 0;
  /** The part of a number that says which bit of its slot is its own. */
  private readonly place: number;
  /** So many bits that is. */
  private readonly shift: number;
  // The run of each generation: its first number, and the one behind its last; `NaN` where there is none. No number from `next` on is
  // remembered.
  private from = NaN;
  private next = NaN;
  private oldFrom = NaN;
  private oldNext = NaN;
  /** How many numbers the young one may hold before its run ends. */
  private runUntil = 0;
  private young = NO_WORDS;
  private old = NO_WORDS;
  /** One a slot. */
  private youngTimes = NO_TIMES;
  private oldTimes = NO_TIMES;
  /** Numbers, not slots. */
  private youngSize = 0;
  private oldSize = 0;
  /** Numbers that both generations hold. */
  private shared = 0;
  /** Slots of the young one that are not free: at most half of them. */
  private used = 0;
  /** The largest number of each; that of the young one without its runs. */
  private largestYoung = -Infinity;
  private largestOld = -Infinity;

  constructor(
    private readonly maxKeys: number,
    private readonly keepTimes: boolean,
  ) {
    this.shift = keepTimes ? 0 : 3;
    this.place = (1 << this.shift) - 1;
  }

  get size(): number {
    return this.youngSize + this.oldSize - this.shared;
  }

  find(key: number): number | undefined {
    if (key >= this.next) return undefined;
    if (key >= this.from) return 0;
    const low = key >> this.shift;
    const high = highOf(key);
    const bit = 1 << (key & this.place);
    const slot = slotOf(this.young, low, high);
    if (((this.young[slot + 1] as number) & bit) === 0) return this.findOld(key);
    return this.keepTimes ? this.youngTimes[slot >> 1] : 0;
  }

  see(key: number, at: number): number | undefined {
    if (key === this.next && this.youngSize < this.runUntil) {
      this.next = key + 1;
      this.youngSize += 1;
      return undefined;
    }
    if (key < this.next && key >= this.from) return 0;
    if (!this.canBeginRun(key)) return this.seeApart(key, at);
    if (this.youngSize === this.maxKeys) this.turn();
    this.beginRun(key);
    return undefined;
  }

  /** It is larger than all that are remembered; `next` may be `NaN`. */
  private canBeginRun(key: number): boolean {
    return !this.keepTimes && key > this.largestYoung && key > this.largestOld && !(key < this.next);
  }

  /** The run before, if there is one, goes into the table. */
  private beginRun(key: number): void {
    const { from, next } = this;
    for (let first = from; first < next;) {
      const offset = first & this.place;
      const count = Math.min(this.place + 1 - offset, next - first);
      this.addBits(first, ((1 << count) - 1) << offset);
      first += count;
    }
    this.from = key;
    this.next = key + 1;
    this.runUntil = Math.min(this.maxKeys, this.youngSize + LONGEST_RUN);
    this.youngSize += 1;
  }

  /** One that is not in the young run, and begins none. */
  private seeApart(key: number, at: number): number | undefined {
    const { young, keepTimes } = this;
    const low = key >> this.shift;
    const high = highOf(key);
    const bit = 1 << (key & this.place);
    const slot = slotOf(young, low, high);
    const bits = young[slot + 1] as number;
    if ((bits & bit) !== 0) {
      if (!keepTimes) return 0;
      const seenAt = this.youngTimes[slot >> 1];
      this.youngTimes[slot >> 1] = at;
      return seenAt;
    }
    const seenAt = key > this.largestOld ? undefined : this.findOld(key);
    // Counted before it is added: if the generations change places, it is not forgotten but taken along.
    if (seenAt !== undefined) this.shared += 1;
    if (this.youngSize === this.maxKeys) this.turn();
    if (bits === 0 || this.youngSize === 0) this.addSlot(low, high, bit, at);
    else young[slot + 1] = bits | bit;
    this.youngSize += 1;
    if (key > this.largestYoung) this.largestYoung = key;
    return seenAt;
  }

  private findOld(key: number): number | undefined {
    if (key < this.oldNext && key >= this.oldFrom) return 0;
    const slot = slotOf(this.old, key >> this.shift, highOf(key));
    if (((this.old[slot + 1] as number) & (1 << (key & this.place))) === 0) return undefined;
    return this.keepTimes ? this.oldTimes[slot >> 1] : 0;
  }

  /** Numbers of one slot, without times. */
  private addBits(key: number, bits: number): void {
    const low = key >> this.shift;
    const high = highOf(key);
    const slot = slotOf(this.young, low, high);
    const known = this.young[slot + 1] as number;
    if (known === 0) this.addSlot(low, high, bits, 0);
    else this.young[slot + 1] = known | bits;
  }

  private addSlot(low: number, high: number, bits: number, at: number): void {
    this.used += 1;
    if (this.used * 4 > this.young.length) this.grow();
    const slot = slotOf(this.young, low, high);
    this.young[slot] = low;
    this.young[slot + 1] = (high << HIGH_SHIFT) | bits;
    if (this.keepTimes) this.youngTimes[slot >> 1] = at;
  }

  private grow(): void {
    const { young: words, youngTimes: times } = this;
    const slots = Math.max(FEWEST_SLOTS, words.length);
    this.young = new Int32Array(slots * 2);
    if (this.keepTimes) this.youngTimes = new Float64Array(slots);
    for (let from = 0; from < words.length; from += 2) {
      const low = words[from] as number;
      const bits = words[from + 1] as number;
      if (bits === 0) continue;
      const slot = slotOf(this.young, low, bits >> HIGH_SHIFT);
      this.young[slot] = low;
      this.young[slot + 1] = bits;
      if (this.keepTimes) this.youngTimes[slot >> 1] = times[from >> 1] as number;
    }
  }

  /** The young generation is full: it becomes the old one, and that an empty young one. */
  private turn(): void {
    this.evictions += this.oldSize - this.shared;
    [this.young, this.old] = [this.old, this.young];
    [this.youngTimes, this.oldTimes] = [this.oldTimes, this.youngTimes];
    this.oldSize = this.youngSize;
    this.largestOld = this.from < this.next ? this.next - 1 : this.largestYoung;
    [this.oldFrom, this.oldNext] = [this.from, this.next];
    this.from = this.next = NaN;
    this.young.fill(0);
    this.youngSize = 0;
    this.largestYoung = -Infinity;
    this.shared = 0;
    this.used = 0;
  }
}

const highOf = (key: number): number => Math.floor(key * 2 ** -32);

/**
 * Where a block of numbers is in a table of 2 ** n slots that is never full, or the free slot where it belongs. Both halves
 * are mixed until multiples and time stamps fall far apart; but eight slots that are neighbours by number are so in the processor's
 * cache.
 */
function slotOf(words: Words, low: number, high: number): number {
  const mask = words.length - 2;
  let hash = Math.imul((low >> 3) ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  let slot = ((hash ^ (hash >>> 16) ^ (low & 7)) << 1) & mask;
  for (;;) {
    const bits = words[slot + 1] as number;
    if (bits === 0 || (words[slot] === low && bits >> HIGH_SHIFT === high)) return slot;
    slot = (slot + APART) & mask;
  }
}
