import { addFact, addUnordered, type Fold } from '../lib/meter.js';
import { writeRedundant } from './redundant.js';
import { type Suite, suites, type SuiteName } from './suites.js';
import { type Expected, writeTraffic } from './traffic.js';

/** What is served, and over how many connections. */
export interface Course {
  readonly kind: SuiteName;
  /** @default the twenty of the kind */
  readonly streams?: number;
  /** Connections, among which the streams are dealt out. @default 1 */
  readonly lines?: number;
  /** Every line carries every message, instead. */
  readonly isRedundant?: boolean;
  /** The streams are topics of one stream. */
  readonly byTopic?: boolean;
}

export const suiteOf = ({ kind, streams }: Course): Suite =>
  streams === undefined
    ? suites[kind]
    : {
        ...suites[kind],
        streams: Array.from({ length: streams }, (_, index) => `${kind}.${String(index).padStart(5, '0')}`),
      };

/** The streams of a line. */
export const streamsOfLine = (course: Course, line: number): string[] =>
  suiteOf(course).streams.filter(
    (_, stream) => course.isRedundant === true || stream % (course.lines ?? 1) === line,
  );

/** Several lines have no common order. */
export const foldOf = ({ lines = 1 }: Course): Fold => (lines === 1 ? addFact : addUnordered);

/** Writes so many frames, each for one of the lines, and says what is to be made of them. */
export function writeCourse(
  course: Course,
  frames: number,
  seed: number,
  onFrame: (text: string, line: number) => void,
): Expected {
  const suite = suiteOf(course);
  const { lines = 1, isRedundant = false } = course;
  return isRedundant
    ? writeRedundant(suite, lines, frames, seed, onFrame)
    : writeTraffic(
        suite,
        frames,
        seed,
        (text, stream) => {
          onFrame(text, stream % lines);
        },
        foldOf(course),
      );
}
