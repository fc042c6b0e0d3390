/** Names to look at at most: the one that two letters point to, and those behind it. */
const MOST_IN_A_ROW = 4;
/** Names at most that two letters may tell apart; to look for those letters among more takes too long. */
const MOST_NAMES = 200;
/** Letters from the front in which names may differ. */
const MOST_PLACES = 64;

/**
 * Finds what a name stands for, as a `Map` does. A name that was cut out of a message is a new string each time, and to hash it
 * costs a `Map` three times as much as it takes to look at two of its letters: those by which these names differ most.
 *
 * Names that two letters do not tell apart are left to a `Map`.
 */
export function createNameTable<T>(values: ReadonlyMap<string, T>): (name: string) => T | undefined {
  if (values.size > MOST_NAMES) return (name) => values.get(name);
  const names = [...values.keys()];
  const first = placeOfMost(names, () => '');
  const second = placeOfMost(names, (name) => name.charAt(first));
  const size = 2 ** Math.ceil(Math.log2(8 * names.length + 1));
  const mask = size - 1;
  // The code of a letter that is not there is NaN, and `|` makes that 0.
  const rowOf = (name: string): number =>
    ((name.charCodeAt(first) * 61) | 0) ^ ((name.charCodeAt(second) * 7) | 0) ^ (name.length << 2);
  // Two flat lists: each further object to go through on the way is another place in memory to wait for.
  const nameAt = Array.from({ length: size }, (): string | undefined => undefined);
  const valueAt = Array.from({ length: size }, (): T | undefined => undefined);
  for (const [name, value] of values) {
    const row = rowOf(name);
    let at = row;
    while (nameAt[at & mask] !== undefined) at += 1;
    if (at - row >= MOST_IN_A_ROW) return (name) => values.get(name);
    nameAt[at & mask] = name;
    valueAt[at & mask] = value;
  }

  return (name) => {
    const row = rowOf(name);
    for (let at = row; at < row + MOST_IN_A_ROW; at += 1) {
      const known = nameAt[at & mask];
      if (known === name) return valueAt[at & mask];
      if (known === undefined) break;
    }
    return undefined;
  };
}

/** Where the letter is that tells most of the names apart, given what is known of each. */
function placeOfMost(names: readonly string[], known: (name: string) => string): number {
  const longest = Math.min(MOST_PLACES, Math.max(0, ...names.map(({ length }) => length)));
  let best = 0;
  let most = 0;
  for (let place = 0; place < longest; place += 1) {
    const { size } = new Set(names.map((name) => `${name.length} ${known(name)} ${name.charAt(place)}`));
    if (size <= most) continue;
    most = size;
    best = place;
  }
  return best;
}
