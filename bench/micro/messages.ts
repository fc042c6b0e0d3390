import { seededRandom } from '../../src/testing/random.js';
import { type Keyed, suites, type SuiteName } from '../throughput/suites.js';

const random = seededRandom(1);

/** The id of a message: ten digits, rising by 1. */
export const idOf = (index: number): number => 7_000_000_000 + index;

/** Texts as `ws` hands them over: flat, one byte a letter, each its own. */
export const textOf =
  (kind: SuiteName, streams = suites[kind].streams) =>
  (index: number): string =>
    Buffer.from(
      suites[kind].write(
        streams[index % streams.length] as string,
        idOf(Math.floor(index / streams.length)),
        random,
        true,
      ),
    ).toString();

/** The message of one stream, as JSON has it. */
export const messageOf = (kind: SuiteName): ((index: number) => Keyed) => {
  const text = textOf(kind, suites[kind].streams.slice(0, 1));
  return (index) => JSON.parse(text(index)) as Keyed;
};
