import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { type Batch, batchOf, createBatch } from './batch.js';
import { stampUs } from './clock.js';

/** What the server says when it is ready. */
export interface PacedReady {
  readonly url: string;
}

// Sends trades to whoever connects, as the address says: `?count=200000&perSecond=20000&streams=2`. Without `perSecond` as fast
// as TCP takes them, without `count` until the client leaves. What the network does not take waits here, and grows old.

const burst = 1_000;

/** By size and streams: written once for all who connect. */
const batches = new Map<string, Batch>();
function batchFor(size: number, streams: number): Batch {
  const key = `${size} of ${streams}`;
  const batch = batches.get(key) ?? createBatch(size, streams);
  batches.set(key, batch);
  return batch;
}

/** As fast as TCP takes them. */
function flood(socket: Duplex, count: number, streams: number): void {
  const batch = batchFor(burst, streams);
  let sent = 0;
  const more = (): void => {
    while (sent < count && !socket.destroyed) {
      const goesOn = socket.write(batch.stamp(sent / burst, Math.floor(stampUs())));
      sent += burst;
      if (!goesOn) {
        socket.once('drain', more);
        return;
      }
    }
  };
  more();
}

/** What is due goes out each millisecond, in batches of one trade a stream. */
function pace(socket: Duplex, count: number, streams: number, perSecond: number): void {
  const batch = batchFor(streams, streams);
  const startedAt = stampUs();
  let sent = 0;
  const timer = setInterval(() => {
    const at = stampUs();
    const due = Math.min(count, ((at - startedAt) / 1e6) * perSecond);
    for (; sent + streams <= due; sent += streams) socket.write(batch.stamp(sent / streams, Math.floor(at)));
    if (sent >= count) clearInterval(timer);
  }, 1);
  socket.on('close', () => clearInterval(timer));
}

const sockets = new WebSocketServer({ noServer: true });
const server = createServer().on('upgrade', (request, socket, head) => {
  const { searchParams } = new URL(request.url ?? '', 'ws://localhost');
  const asked = (name: string, otherwise: number): number => Number(searchParams.get(name) ?? otherwise);
  const count = asked('count', Infinity);
  const perSecond = asked('perSecond', Infinity);
  const streams = asked('streams', batchOf);
  sockets.handleUpgrade(request, socket, head, (client) => {
    client.on('error', () => socket.destroy()); // a client may just end
    if (perSecond === Infinity) flood(socket, count, streams);
    else pace(socket, count, streams, perSecond);
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ url: `ws://127.0.0.1:${port}` } satisfies PacedReady));
});
// It ends with whoever started it.
process.stdin.on('end', () => process.exit()).resume();
