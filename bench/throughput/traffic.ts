import { seededRandom } from '../../src/testing/random.js';
import { addFact, type Fold } from '../lib/meter.js';
import type { Suite } from './suites.js';

/** What a contestant made of the traffic. */
export interface Outcome {
  readonly delivered: number;
  /** Of what was delivered, in order. */
  readonly checksum: number;
  readonly duplicates: number;
  readonly rejected: number;
  /** Holes in the streams' numbers; absent from those who do not watch them. */
  readonly gaps?: number;
}

/** How much a contestant does: count frames, parse them too, or the whole job. */
export type Extent = 'frames' | 'parsed' | 'job';
export type Expected = Readonly<Record<Extent, Outcome>>;

/** What a contestant that does the whole job says of a delivered message. */
export const factOf = (suite: Suite, stream: number, id: number): number =>
  id * suite.streams.length + stream;

/** In each thousand. */
const copies = 10;
const misfits = 1;
/** A copy is of one of so many messages before it. */
const memory = 50;

/** The numbers of the streams begin here: all have ten digits, and no two streams share one. */
export const firstIds = ({ streams }: Suite): number[] => {
  const apart = Math.min(10_000_000, Math.floor(2_900_000_000 / streams.length));
  return streams.map((_, stream) => 7_000_000_000 + stream * apart);
};

/**
 * Writes traffic that the seed decides entirely. In each thousand frames 10 repeat one of the last 50, 1 does not fit the schema,
 * and uses up a number of its stream, which leaves a hole; the first and the last frame are good and new.
 *
 * @param count Frames; whole thousands.
 * @param onFrame Gets each one, and the place of its stream.
 * @param add How checksums are made.
 * @returns What is to be made of it.
 */
export function writeTraffic(
  suite: Suite,
  count: number,
  seed: number,
  onFrame: (text: string, stream: number) => void,
  add: Fold = addFact,
): Expected {
  if (!(count > 0 && count % 1_000 === 0)) {
    throw new RangeError(`writeTraffic: count must be whole thousands, got ${count}`);
  }
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const nextIds = firstIds(suite);
  /** Streams that delivered, and whether a number is missing since. */
  const holes = new Map<number, boolean>();
  const recent: { readonly text: string; readonly stream: number; readonly id: number }[] = [];
  const checksums = { frames: 0, parsed: 0, job: 0 };
  let delivered = 0;
  let gaps = 0;

  const send = (text: string, stream: number, id: number): void => {
    checksums.frames = add(checksums.frames, text.length);
    checksums.parsed = add(checksums.parsed, id);
    onFrame(text, stream);
  };

  for (let sent = 0; sent < count; sent += 1_000) {
    const places = new Set<number>();
    while (places.size < copies + misfits) places.add(1 + below(998));
    const [misfitAt] = places;
    for (let place = 0; place < 1_000; place += 1) {
      if (places.has(place) && place !== misfitAt) {
        const { text, stream, id } = recent[below(recent.length)] as (typeof recent)[number];
        send(text, stream, id);
        continue;
      }
      const stream = below(suite.streams.length);
      const id = nextIds[stream] as number;
      nextIds[stream] = id + 1;
      const fits = place !== misfitAt;
      const text = suite.write(suite.streams[stream] as string, id, random, fits);
      send(text, stream, id);
      if (!fits) {
        if (holes.has(stream)) holes.set(stream, true);
        continue;
      }
      if (holes.get(stream) === true) gaps += 1;
      holes.set(stream, false);
      checksums.job = add(checksums.job, factOf(suite, stream, id));
      delivered += 1;
      recent.push({ text, stream, id });
      if (recent.length > memory) recent.shift();
    }
  }

  const untold = { duplicates: 0, rejected: 0 };
  const thousands = count / 1_000;
  return {
    frames: { delivered: count, checksum: checksums.frames, ...untold },
    parsed: { delivered: count, checksum: checksums.parsed, ...untold },
    job: {
      delivered,
      checksum: checksums.job,
      duplicates: copies * thousands,
      rejected: misfits * thousands,
      gaps,
    },
  };
}
