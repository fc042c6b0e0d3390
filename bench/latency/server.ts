import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { type Batch, batchOf, createBatch } from './batch.js';
import { stampUs } from './clock.js';

/** What the server says when it is ready. */
export interface PacedReady {
  readonly url: string;
}

/** To whom more is to be sent, said in a line of JSON. */
export interface PacedOrder {
  readonly client: number;
  readonly count: number;
}

// Sends trades to whoever connects, as the address says: `?count=200000&perSecond=20000&streams=2`. Without `perSecond` as fast
// as TCP takes them, without `count` until the client leaves; with `client=1` only what is ordered for this client, when it is. What the
// network does not take waits here, and grows old.

const burst = 1_000;

/** By size and streams: written once for all who connect. */
const batches = new Map<string, Batch>();
function batchFor(size: number, streams: number): Batch {
  const key = `${size} of ${streams}`;
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
function flood(socket: Duplex, count: number, streams: number): void {
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

/** What is due goes out about each millisecond, in batches of one trade a stream; goes on where it was when it is called again. */
function paceFor(socket: Duplex, streams: number, perSecond: number): (count: number) => void {
  const batch = batchFor(streams, streams);
  let sent = 0;
  return (count) => {
    const end = sent + count;
    const before = sent;
    const startedAt = stampUs();
    const timer = setInterval(() => {
      const due = Math.min(end, before + ((stampUs() - startedAt) / 1e6) * perSecond);
      for (; sent + streams <= due; sent += streams) send(socket, batch, sent / streams);
      if (sent >= end || socket.destroyed) clearInterval(timer);
    }, 1);
  };
}

/** Those who are told when to go on. */
const clients = new Map<number, (count: number) => void>();
/** What they were told before they were here. */
const early = new Map<number, number>();

function enter(client: number, pace: (count: number) => void): void {
  clients.set(client, pace);
  const count = early.get(client);
  early.delete(client);
  if (count !== undefined) pace(count);
}

function go({ client, count }: PacedOrder): void {
  const pace = clients.get(client);
  if (pace === undefined) early.set(client, count);
  else pace(count);
}

const sockets = new WebSocketServer({ noServer: true });
const server = createServer().on('upgrade', (request, socket, head) => {
  const { searchParams } = new URL(request.url ?? '', 'ws://localhost');
  const asked = (name: string, otherwise: number): number => Number(searchParams.get(name) ?? otherwise);
  const count = asked('count', Infinity);
  const perSecond = asked('perSecond', Infinity);
  const streams = asked('streams', batchOf);
  const client = asked('client', NaN);
  sockets.handleUpgrade(request, socket, head, (one) => {
    one.on('error', () => socket.destroy()); // a client may just end
    if (perSecond === Infinity) flood(socket, count, streams);
    else if (Number.isNaN(client)) paceFor(socket, streams, perSecond)(count);
    else enter(client, paceFor(socket, streams, perSecond));
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ url: `ws://127.0.0.1:${port}` } satisfies PacedReady));
});
createInterface({ input: process.stdin })
  .on('line', (line) => go(JSON.parse(line) as PacedOrder))
  // It ends with whoever started it.
  .on('close', () => process.exit());
