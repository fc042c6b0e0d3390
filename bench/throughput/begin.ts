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
