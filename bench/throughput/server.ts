import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { WebSocketServer } from 'ws';
import { suites, type SuiteName } from './suites.js';
import { type Expected, writeTraffic } from './traffic.js';

/** What the server is told to serve. */
export interface ServerTask {
  readonly suite: SuiteName;
  readonly frames: number;
  readonly seed: number;
}

/** What it says when it is ready. */
export interface ServerReady {
  readonly url: string;
  readonly expected: Expected;
}

// Hands all frames to whoever connects, as fast as they are read. They are written as they go over the wire before anybody
// connects, so that a run costs the server next to nothing and the client is the bottleneck.

/** A whole text message in one unmasked frame (RFC 6455, 5.2). */
function encodeFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(payload.length < 126 ? 2 : 4);
  header[0] = 0x81;
  header[1] = Math.min(payload.length, 126);
  if (header.length === 4) header.writeUInt16BE(payload.length, 2);
  return Buffer.concat([header, payload]);
}

const { suite, frames, seed } = JSON.parse(process.argv[2] ?? '') as ServerTask;
const chunks: Buffer[] = [];
let chunk: Buffer[] = [];
const endChunk = (): void => {
  chunks.push(Buffer.concat(chunk));
  chunk = [];
};
const expected = writeTraffic(suites[suite], frames, seed, (text) => {
  if (chunk.push(encodeFrame(text)) === 1_000) endChunk(); // traffic comes in whole thousands
});

const sockets = new WebSocketServer({ noServer: true });
const server = createServer().on('upgrade', (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, () => Readable.from(chunks).pipe(socket, { end: false }));
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ url: `ws://127.0.0.1:${port}`, expected } satisfies ServerReady));
});
// It ends with whoever started it.
process.stdin.on('end', () => process.exit()).resume();
