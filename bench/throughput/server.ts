import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { type Course, writeCourse } from './course.js';
import type { Expected } from './traffic.js';

/** What the server is told to serve. */
export interface ServerTask {
  readonly course: Course;
  readonly frames: number;
  readonly seed: number;
}

/** What it says when it is ready. */
export interface ServerReady {
  /** A line is at this address followed by its number. */
  readonly url: string;
  readonly expected: Expected;
}

// Hands all frames to whoever connects, as fast as they are read, once all lines are there. They are written as they go over the
// wire before anybody connects, so that a run costs the server next to nothing and the client is the bottleneck.
const chunkBytes = 128 * 1_024;

/** A whole text message in one unmasked frame (RFC 6455, 5.2). */
function encodeFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(payload.length < 126 ? 2 : 4);
  header[0] = 0x81;
  header[1] = Math.min(payload.length, 126);
  if (header.length === 4) header.writeUInt16BE(payload.length, 2);
  return Buffer.concat([header, payload]);
}

const { course, frames, seed } = JSON.parse(process.argv[2] ?? '') as ServerTask;
const lines = Array.from({ length: course.lines ?? 1 }, () => ({
  chunks: [] as Buffer[],
  open: [] as Buffer[],
  bytes: 0,
}));
const endChunk = (line: (typeof lines)[number]): void => {
  line.chunks.push(Buffer.concat(line.open));
  line.open = [];
  line.bytes = 0;
};
const expected = writeCourse(course, frames, seed, (text, index) => {
  const line = lines[index] as (typeof lines)[number];
  const frame = encodeFrame(text);
  line.open.push(frame);
  line.bytes += frame.length;
  if (line.bytes >= chunkBytes) endChunk(line);
});
lines.forEach(endChunk);

/** Resolves when the kernel has it, or the client is gone. */
const write = (socket: Duplex, chunk: Buffer): Promise<void> =>
  new Promise((resolve) => socket.write(chunk, () => resolve()));

/** Chunk by chunk, so that no line gets ahead of another by more than their sockets hold; every second time in reverse order. */
async function serve(sockets: ReadonlyMap<number, Duplex>): Promise<void> {
  const places = [...sockets].toSorted(([one], [other]) => one - other);
  const rounds = Math.max(...lines.map(({ chunks }) => chunks.length));
  for (let round = 0; round < rounds; round += 1) {
    await Promise.all(
      (round % 2 === 0 ? places : places.toReversed()).flatMap(([line, socket]) => {
        const chunk = lines[line]?.chunks[round];
        return chunk === undefined ? [] : [write(socket, chunk)];
      }),
    );
  }
}

let arrived = new Map<number, Duplex>();
const webSockets = new WebSocketServer({ noServer: true });
const server = createServer().on('upgrade', (request, socket, head) => {
  webSockets.handleUpgrade(request, socket, head, () => {
    socket.on('error', () => undefined); // a client ends without goodbye
    arrived.set(Number(request.url?.slice(1)), socket);
    if (arrived.size < lines.length) return;
    void serve(arrived);
    arrived = new Map();
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1_024 }, () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ url: `ws://127.0.0.1:${port}/`, expected } satisfies ServerReady));
});
// It ends with whoever started it.
process.stdin.on('end', () => process.exit()).resume();
