/**
 * Lets everybody run once a round, every second round in reverse order, so that a machine that grows warmer or busier
 * treats all alike. One at a time.
 */
export async function inRounds<Name, T>(
  rounds: number,
  names: readonly Name[],
  run: (name: Name, round: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) results.push(await run(name, round));
  }
  return results;
}
