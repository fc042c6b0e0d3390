import { createInterface } from 'node:readline';

/** What a client says in between: that it knows it is its turn, and that this is over. */
export type Turn = 'ready' | 'over';

/** Says how it stands, or what was found. */
export const say = (line: unknown, then?: () => void): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`, then);
};

/** Is told whose turn it is, line by line, by who started the process, and ends with him. */
export const takeTurns = (start: () => void): void => {
  createInterface({ input: process.stdin })
    .on('line', () => {
      start();
      say('ready' satisfies Turn);
    })
    .on('close', () => process.exit());
};
