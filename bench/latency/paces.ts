import type { Duplex } from 'node:stream';
import { seededRandom } from '../../src/testing/random.js';
import { type Batch, createBatch } from './batch.js';
import { stampUs } from './clock.js';

/** How the trades of a second are spread over it. */
export type Arrivals = 'poisson' | 'bursts';

/** Sends so many more, and goes on where it was when it is called again. */
export type Pace = (count: number) => void;

const burst = 1_000;

/** By size and streams: written once for all who connect. */
const batches = new Map<string, Batch>();
function batchFor(size: number, streams: readonly string[]): Batch {
  const key = `${size} of ${streams.join()}`;
  const batch = batches.get(key) ?? createBatch(size, streams);
  batches.set(key, batch);
  return batch;
}

/** The clock is read when all else is done, so that each batch says when it was written to the socket. */
function send(socket: Duplex, batch: Batch, index: number): boolean {
  const frames = batch.frames(index);
  batch.stamp(frames, Math.floor(stampUs()));
  return socket.write(frames);
}

/** As fast as TCP takes them. */
export function flood(socket: Duplex, count: number, streams: readonly string[]): void {
  const batch = batchFor(burst, streams);
  let sent = 0;
  const more = (): void => {
    while (sent < count && !socket.destroyed) {
      const goesOn = send(socket, batch, sent / burst);
      sent += burst;
      if (!goesOn) {
        socket.once('drain', more);
        return;
      }
    }
  };
  more();
}

/** What is due goes out about each millisecond, in batches of one trade a stream. */
export function inBursts(socket: Duplex, streams: readonly string[], perSecond: number): Pace {
  const batch = batchFor(streams.length, streams);
  let sent = 0;
  return (count) => {
    const end = sent + count;
    const before = sent;
    const startedAt = stampUs();
    const timer = setInterval(() => {
      const due = Math.min(end, before + ((stampUs() - startedAt) / 1e6) * perSecond);
      for (; sent + streams.length <= due; sent += streams.length) {
        send(socket, batch, sent / streams.length);
      }
      if (sent >= end || socket.destroyed) clearInterval(timer);
    }, 1);
  };
}

/**
 * Each trade goes out alone, when it is due: a Poisson process, as of many traders who do not know of each other. The same
 * moments for everybody. A timer would be up to a millisecond late, so the clock is watched.
 */
export function poisson(socket: Duplex, streams: readonly string[], perSecond: number): Pace {
  const random = seededRandom(1);
  const singles = streams.map((name) => batchFor(1, [name]));
  let sent = 0;
  return (count) => {
    const end = sent + count;
    let dueAt = stampUs();
    const next = (): void => {
      if (socket.destroyed) return;
      dueAt -= (Math.log(1 - random()) * 1e6) / perSecond;
      while (stampUs() < dueAt);
      send(socket, singles[sent % singles.length] as Batch, Math.floor(sent / singles.length));
      sent += 1;
      if (sent < end) setImmediate(next); // others have orders, too
    };
    next();
  };
}
