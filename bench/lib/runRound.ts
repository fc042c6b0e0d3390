import { inTurns } from './inTurns.js';
import type { Partner } from './processes.js';
import type { Turn } from './takeTurns.js';

/** A client that takes turns. */
export interface Runner extends Partner {
  /** What it is called if it fails. */
  readonly name: string;
}

/**
 * Lets clients take turns until each has said what it found, and has ended.
 *
 * @param order Lets a turn begin; the client knows by then that it is its turn.
 * @returns The results in the order of the runners. Rejects if one fails, when all are gone.
 */
export async function runRound<Result, R extends Runner>(
  runners: readonly R[],
  order: (runner: R, turn: number) => void,
): Promise<Result[]> {
  const take = async (runner: R, turn: number): Promise<Result | undefined> => {
    runner.say('go');
    const first = await runner.hear<Turn>();
    if (first !== 'ready') throw new Error(`${JSON.stringify(first)} is not what to begin with`);
    order(runner, turn);
    const said = await runner.hear<Result | Turn>();
    return said === 'over' ? undefined : (said as Result);
  };
  const whenAllEnded = (): Promise<unknown> => Promise.all(runners.map(({ ended }) => ended));
  try {
    const results = await inTurns(runners, async (runner, turn) => {
      try {
        return await take(runner, turn);
      } catch (cause) {
        throw new Error(`${runner.name} failed in turn ${turn}`, { cause });
      }
    });
    await whenAllEnded(); // a profile is written at the end
    return results;
  } finally {
    for (const { kill } of runners) kill(); // where one failed the others still wait
    await whenAllEnded();
  }
}
