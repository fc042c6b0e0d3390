/** A row is a power of two of words: so many with four letters each, one for how many letters there are, and one for the place. */
const LETTER_WORDS = 6;
const LENGTH = LETTER_WORDS;
const PLACE = LETTER_WORDS + 1;
const ROW = LETTER_WORDS + 2;
const MOST_LETTERS = 4 * LETTER_WORDS;
const FEWEST_ROWS = 16;
/** More than names need that nobody chose to collide: half-full tables of up to 130 000 took 51 looks at most. */
const MOST_LOOKS = 64;
/** The row of a name for which there is none. */
const NO_ROW = -1;

/** The name that is looked for, as a row has it. */
const sought = new Int32Array(ROW);

/**
 * Places by name, as a `Map<string, number>` has them. To find a name that has just been cut out of a message a `Map` goes to three
 * places in memory, one after another: its bucket, the entry, and the letters of the name it keeps. Here those stand in the row itself.
 *
 * Rows are looked at one after another from where the hash points to, and at most half of them are taken. Who chooses names can choose
 * such that the hash sends to one row: those for which there is none near enough are left to a `Map`. That bounds a look-up. To delete a
 * name takes as long as the run of rows behind it, which such names can make as long as they are many (8 000: 0.2 ms).
 */
export class PlaceTable {
  private rows = new Int32Array(FEWEST_ROWS * ROW);
  /** Rows that are taken. */
  private used = 0;
  /** Names that no row can hold, or none was free for. */
  private readonly others = new Map<unknown, number>();

  get(name: string): number | undefined {
    const { rows, others } = this;
    const row = spell(name) ? rowOf(rows, sought, 0) : NO_ROW;
    const place = row === NO_ROW ? 0 : (rows[row + PLACE] as number);
    if (place !== 0) return place - 1;
    return others.size === 0 ? undefined : others.get(name);
  }

  /** @param place A whole number from 0. */
  set(name: string, place: number): void {
    if (2 * this.used * ROW >= this.rows.length) this.grow();
    const { rows, others } = this;
    const row = others.has(name) || !spell(name) ? NO_ROW : rowOf(rows, sought, 0);
    if (row === NO_ROW) {
      others.set(name, place);
      return;
    }
    if (rows[row + PLACE] === 0) this.used += 1;
    rows.set(sought, row);
    rows[row + PLACE] = place + 1; // 0 is for a row that is free
  }

  delete(name: string): void {
    const { rows, others } = this;
    const row = others.delete(name) || !spell(name) ? NO_ROW : rowOf(rows, sought, 0);
    if (row === NO_ROW || rows[row + PLACE] === 0) return;
    rows[row + PLACE] = 0;
    this.used -= 1;
    this.closeUp(row);
  }

  /** Rows behind one that has become free move up to where they are looked for. */
  private closeUp(freed: number): void {
    const { rows } = this;
    const mask = rows.length - 1;
    for (let row = (freed + ROW) & mask; rows[row + PLACE] !== 0; row = (row + ROW) & mask) {
      const place = rows[row + PLACE] as number;
      rows[row + PLACE] = 0;
      const better = rowOf(rows, rows, row);
      rows.copyWithin(better, row, row + ROW);
      rows[better + PLACE] = place;
    }
  }

  /**
   * From behind a free row on, so that a name comes after all that stand between where its hash points to and itself. Then it is no
   * further from there than it was.
   */
  private grow(): void {
    const { rows: before } = this;
    const mask = before.length - 1;
    this.rows = new Int32Array(2 * before.length);
    let free = 0;
    while (before[free + PLACE] !== 0) free += ROW;
    for (let from = (free + ROW) & mask; from !== free; from = (from + ROW) & mask) {
      if (before[from + PLACE] === 0) continue;
      this.rows.set(before.subarray(from, from + ROW), rowOf(this.rows, before, from));
    }
  }
}

/**
 * Writes a name into `sought`, four letters a word; the words behind are anything. `false` if no row can hold it: it is too long, one of
 * its letters takes more than eight bits, or it is not even a string.
 */
function spell(name: unknown): boolean {
  if (typeof name !== 'string') return false;
  const { length } = name;
  if (length > MOST_LETTERS) return false;
  let all = 0;
  for (let at = 0; at < length;) {
    const word = at >> 2;
    let four = 0;
    for (const end = Math.min(at + 4, length); at < end; at += 1) {
      const code = name.charCodeAt(at);
      all |= code;
      four = (four << 8) | code;
    }
    sought[word] = four;
  }
  sought[LENGTH] = length;
  return all <= 0xff;
}

/** The row of a name that stands at `from` of `words`, or the free one where it belongs; `NO_ROW` if neither is near. */
function rowOf(rows: Int32Array, words: Int32Array, from: number): number {
  const mask = rows.length - 1;
  const length = words[from + LENGTH] as number;
  const end = from + ((length + 3) >> 2);
  let hash = length;
  for (let at = from; at < end; at += 1) {
    hash = Math.imul(hash ^ (words[at] as number), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  // Once more, or the first letter of the last four would not count in a small table.
  hash = Math.imul(hash, 0x85ebca6b);
  let row = Math.imul(hash ^ (hash >>> 15), ROW) & mask;
  let looks = MOST_LOOKS;
  while (rows[row + PLACE] !== 0 && !(rows[row + LENGTH] === length && isSame(rows, row, words, from, end))) {
    looks -= 1;
    if (looks === 0) return NO_ROW;
    row = (row + ROW) & mask;
  }
  return row;
}

function isSame(rows: Int32Array, row: number, words: Int32Array, from: number, end: number): boolean {
  for (let at = from; at < end; at += 1) {
    if (rows[row + at - from] !== words[at]) return false;
  }
  return true;
}
