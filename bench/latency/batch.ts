import { seededRandom } from '../../src/testing/random.js';
import { suites } from '../throughput/suites.js';

/** A trade as the server of paced traffic numbers and stamps it. */
export interface Stamped {
  readonly type: string;
  /** Rises by 1 within a stream. */
  readonly id: number;
  /** When it was written to the socket: see `stampUs`. */
  readonly sentAt: number;
}

/** What the first trade of every stream is numbered: all ids have ten digits. */
export const firstId = 7_000_000_000;

/** Writes a number over the digits that stand there: as many. */
function overwrite(bytes: Buffer, at: number, digits: number, value: number): void {
  let rest = value;
  for (let place = at + digits - 1; place >= at; place -= 1) {
    bytes[place] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

export interface Batch {
  /**
   * The frames as they go over the wire, in a buffer of their own. Their stamps are still to be written.
   *
   * @param index How many batches came before it.
   */
  readonly frames: (index: number) => Buffer;
  /** Writes a stamp into all of the frames, and takes next to no time for it: it comes between the look at the clock and the socket. */
  readonly stamp: (frames: Buffer, sentAt: number) => void;
}

/**
 * Writes frames of trades once, and from then on only their numbers and stamps: a server that did more would be slower than its client.
 *
 * @param size Frames; a multiple of how many streams there are.
 * @param streams They take turns. @default all of the suite
 */
export function createBatch(size: number, streams: readonly string[] = suites.trade.streams): Batch {
  if (!(size > 0 && size % streams.length === 0)) {
    throw new RangeError(`createBatch: size must be a multiple of ${streams.length} streams, got ${size}`);
  }
  const { trade } = suites;
  const random = seededRandom(1);
  const places = { id: [] as number[], sentAt: [] as number[] };
  let length = 0;
  const parts = Array.from({ length: size }, (_, index) => {
    const text = trade.write(streams[index % streams.length] as string, firstId, random, true);
    const payload = Buffer.from(text);
    // A whole text message in one unmasked frame (RFC 6455, 5.2) of 126 to 65 535 bytes.
    const header = Buffer.of(0x81, 126, payload.length >> 8, payload.length & 0xff);
    const begin = length + header.length;
    places.id.push(begin + text.indexOf('"id":') + 5);
    places.sentAt.push(begin + text.indexOf('"sentAt":') + 9);
    length = begin + payload.length;
    return Buffer.concat([header, payload]);
  });
  const written = Buffer.concat(parts);
  const perStream = size / streams.length;
  const digits = Buffer.alloc(13);

  return {
    frames: (index) => {
      const bytes = Buffer.from(written); // a socket may keep the one before
      for (const [frame, at] of places.id.entries()) {
        overwrite(bytes, at, 10, firstId + index * perStream + Math.floor(frame / streams.length));
      }
      return bytes;
    },
    stamp: (frames, sentAt) => {
      overwrite(digits, 0, 13, sentAt);
      for (const at of places.sentAt) frames.set(digits, at);
    },
  };
}
