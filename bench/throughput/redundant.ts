import { seededRandom } from '../../src/testing/random.js';
import { addUnordered } from '../lib/meter.js';
import type { Suite } from './suites.js';
import { type Expected, factOf, firstIds } from './traffic.js';

/** Of a thousand frames of a line. */
const shared = 999;

/**
 * Writes traffic of which each line carries every message, in the same order. In each thousand frames of a line one, each time
 * another, does not fit the schema: the good one of another line is what counts. The last of each thousand is a
 * message that no other line has, so that all is delivered only when every line was read so far.
 *
 * @param count Frames of all lines; each line gets its share, of whole thousands.
 * @param onFrame Gets each one, and its line. Which line is first with a message changes every hundred messages.
 * @returns What is to be made of it.
 */
export function writeRedundant(
  suite: Suite,
  lines: number,
  count: number,
  seed: number,
  onFrame: (text: string, line: number) => void,
): Expected {
  const thousands = count / lines / 1_000;
  if (!(lines > 1 && thousands > 0 && Number.isInteger(thousands))) {
    throw new RangeError(`writeRedundant: count must be whole thousands for each line, got ${count}`);
  }
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const nextIds = firstIds(suite);
  const places = Array.from({ length: lines }, (_, line) => line);
  const checksums = { frames: 0, parsed: 0, job: 0 };
  const write = (stream: number, id: number, fits: boolean): string =>
    suite.write(suite.streams[stream] as string, id, random, fits);
  const take = (): { stream: number; id: number } => {
    const stream = below(suite.streams.length);
    const id = nextIds[stream] as number;
    nextIds[stream] = id + 1;
    checksums.job = addUnordered(checksums.job, factOf(suite, stream, id));
    return { stream, id };
  };
  const send = (text: string, id: number, line: number): void => {
    checksums.frames = addUnordered(checksums.frames, text.length);
    checksums.parsed = addUnordered(checksums.parsed, id);
    onFrame(text, line);
  };

  for (let thousand = 0; thousand < thousands; thousand += 1) {
    const broken = new Set<number>();
    while (broken.size < lines) broken.add(below(shared));
    const brokenOf = [...broken];
    for (let place = 0; place < shared; place += 1) {
      const { stream, id } = take();
      const text = write(stream, id, true);
      for (const line of place % 200 < 100 ? places : places.toReversed()) {
        send(brokenOf[line] === place ? write(stream, id, false) : text, id, line);
      }
    }
    for (const line of places) {
      const { stream, id } = take();
      send(write(stream, id, true), id, line);
    }
  }

  const delivered = thousands * (shared + lines);
  const rejected = thousands * lines;
  const untold = { duplicates: 0, rejected: 0 };
  return {
    frames: { delivered: count, checksum: checksums.frames, ...untold },
    parsed: { delivered: count, checksum: checksums.parsed, ...untold },
    job: { delivered, checksum: checksums.job, duplicates: count - delivered - rejected, rejected, gaps: 0 },
  };
}
