import { createInterface } from 'node:readline';
import { type ContestantName, contestants } from './contestants.js';
import { type Course, streamsOfLine, suiteOf } from './course.js';
import type { Findings } from './job.js';
import { factOf } from './traffic.js';

/** What a client is told to do. */
export interface ClientTask {
  readonly course: Course;
  readonly contestant: ContestantName;
  /** A line is at this address followed by its number. */
  readonly url: string;
  /** What will be delivered when each turn ends, if all is right. */
  readonly deliveredBy: readonly number[];
  /** Turns before measuring begins. */
  readonly warmUp: number;
}

/** Loads the contestant and lets it begin; its findings are asked for when all is delivered. */
export async function begin(
  { course, contestant, url }: ClientTask,
  tally: (fact: number) => void,
): Promise<() => Findings> {
  const suite = suiteOf(course);
  const enter = await contestants[contestant].load();
  return enter({
    course,
    suite,
    tally,
    lines: Array.from({ length: course.lines ?? 1 }, (_, line) => ({
      url: `${url}${line}`,
      streams: streamsOfLine(course, line),
    })),
    callbacks: new Map(
      suite.streams.map((stream, index) => [stream, ({ id }) => tally(factOf(suite, index, id))]),
    ),
  });
}

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
