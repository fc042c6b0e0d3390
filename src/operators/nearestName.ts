/** How many letters must be put in, taken out or changed to make one word of the other (Levenshtein, 1965). */
function distance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 0; row < from.length; row += 1) {
    const line = [row + 1];
    for (let column = 0; column < to.length; column += 1) {
      const changed = (above[column] ?? 0) + (from[row] === to[column] ? 0 : 1);
      line.push(Math.min(changed, (above[column + 1] ?? 0) + 1, (line[column] ?? 0) + 1));
    }
    above = line;
  }
  return above[to.length] ?? 0;
}

/** `stale_after_ms` and `StaleAfterMS` are spellings of the same name. */
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** How far a known name is from what was written; one that was only begun (`every` for `everyMs`) is near. */
const farness = (word: string, known: string): number =>
  word.length >= 3 && known.startsWith(word) ? 1 : distance(word, known);

/** The name that was probably meant by one that is unknown: it begins so, or at most a third of the letters differ. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const word = plain(name.slice(0, 40));
  const [best] = known
    .map((candidate) => ({ candidate, apart: farness(word, plain(candidate)) }))
    .sort((a, b) => a.apart - b.apart);
  return best !== undefined && best.apart <= word.length / 3 ? best.candidate : undefined;
}
