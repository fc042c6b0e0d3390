/**
 * Lets everybody take short turns, one at a time, until each has a result. Every second time the order is reversed, so that who is
 * first of one is last of the next; then it begins with another, as the one at the turn of the order takes two turns in a row.
 *
 * @param take A turn, counted from 0; gives the result after the last.
 * @returns The results in the order of the runners.
 */
export async function inTurns<Runner, Result>(
  runners: readonly Runner[],
  take: (runner: Runner, turn: number) => Promise<Result | undefined>,
): Promise<Result[]> {
  const results = new Map<Runner, Result>();
  for (let turn = 0; results.size < runners.length; turn += 1) {
    const first = (turn >> 1) % runners.length;
    const order = [...runners.slice(first), ...runners.slice(0, first)];
    for (const runner of turn % 2 === 0 ? order : order.toReversed()) {
      if (results.has(runner)) continue;
      const result = await take(runner, turn);
      if (result !== undefined) results.set(runner, result);
    }
  }
  return runners.map((runner) => results.get(runner) as Result);
}
