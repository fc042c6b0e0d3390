import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { type Course, writeCourse } from './course.js';
import type { Expected } from './traffic.js';

/** What the server is told to serve. */
export interface ServerTask {
  readonly course: Course;
  readonly frames: number;
  readonly seed: number;
  /** Frames that were sent when each turn ends, the last one with all of them. */
  readonly sentBy: readonly number[];
}

/** To whom the frames of a turn are to be sent. */
export interface Order {
  readonly client: number;
  readonly turn: number;
}

/** What it says when it is ready. */
export interface ServerReady {
  /** A client's line is at this address followed by the client's number, a slash, and the line's. */
  readonly url: string;
  readonly expected: Expected;
}

// Hands a client the frames of a turn when told so, as fast as they are read, once all of its lines are there. They are written as they
// go over the wire before anybody connects, so that a run costs the server next to nothing and the client is the bottleneck.
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

const { course, frames, seed, sentBy } = JSON.parse(process.argv[2] ?? '') as ServerTask;
/** The frames of each line, turn by turn. */
const lines = Array.from({ length: course.lines ?? 1 }, () => ({
  turns: sentBy.map((): Buffer[] => []),
  open: [] as Buffer[],
  bytes: 0,
}));
/** The turn that is written, and how many frames are. */
let writing = 0;
let written = 0;
const endChunk = (line: (typeof lines)[number]): void => {
  if (line.bytes === 0) return;
  line.turns[writing]?.push(Buffer.concat(line.open));
  line.open = [];
  line.bytes = 0;
};
const expected = writeCourse(course, frames, seed, (text, index) => {
  const line = lines[index] as (typeof lines)[number];
  const frame = encodeFrame(text);
  line.open.push(frame);
  line.bytes += frame.length;
  if (line.bytes >= chunkBytes) endChunk(line);
  written += 1;
  if (written !== sentBy[writing]) return;
  lines.forEach(endChunk);
  writing += 1;
});

/** Resolves when the kernel has it, or the client is gone. */
const write = (socket: Duplex, chunk: Buffer): Promise<void> =>
  new Promise((resolve) => socket.write(chunk, () => resolve()));

/** Chunk by chunk, so that no line gets ahead of another by more than their sockets hold; every second time in reverse order. */
async function serve(sockets: readonly Duplex[], turn: number): Promise<void> {
  const places = sockets.map((socket, line) => ({ socket, chunks: lines[line]?.turns[turn] ?? [] }));
  const rounds = Math.max(...places.map(({ chunks }) => chunks.length));
  for (let round = 0; round < rounds; round += 1) {
    await Promise.all(
      (round % 2 === 0 ? places : places.toReversed()).flatMap(({ socket, chunks }) => {
        const chunk = chunks[round];
        return chunk === undefined ? [] : [write(socket, chunk)];
      }),
    );
  }
}

/** A client whose lines come one after another. */
interface Visitor {
  readonly sockets: Duplex[];
  readonly enter: (line: number, socket: Duplex) => void;
  readonly isHere: Promise<void>;
}

function createVisitor(): Visitor {
  const sockets: Duplex[] = [];
  let missing = lines.length;
  let arrive = (): void => undefined;
  const isHere = new Promise<void>((resolve) => (arrive = resolve));
  return {
    sockets,
    isHere,
    enter: (line, socket) => {
      if (sockets[line] === undefined) missing -= 1;
      sockets[line] = socket;
      if (missing === 0) arrive();
    },
  };
}

const visitors = new Map<number, Visitor>();
function visitor(client: number): Visitor {
  const one = visitors.get(client) ?? createVisitor();
  visitors.set(client, one);
  return one;
}

const webSockets = new WebSocketServer({ noServer: true });
const server = createServer().on('upgrade', (request, socket, head) => {
  webSockets.handleUpgrade(request, socket, head, () => {
    const [client, line] = (request.url ?? '').slice(1).split('/').map(Number);
    socket.on('error', () => undefined); // a client ends without goodbye
    visitor(client ?? NaN).enter(line ?? NaN, socket);
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1_024 }, () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ url: `ws://127.0.0.1:${port}/`, expected } satisfies ServerReady));
});
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { client, turn } = JSON.parse(line) as Order;
    const { isHere, sockets } = visitor(client);
    void isHere.then(() => serve(sockets, turn));
  })
  // It ends with whoever started it.
  .on('close', () => process.exit());
