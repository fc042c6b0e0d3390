import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { WebSocketServer } from 'ws';
import { suites } from '../throughput/suites.js';
import { flood, inBursts, poisson } from './paces.js';

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
// as TCP takes them, without `count` until the client leaves; with `client=1` only what is ordered for this client, when it is; with
// `arrivals=poisson` each trade alone instead of in bursts. What the network does not take waits here, and grows old.

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
  const streams = suites.trade.streams.slice(0, asked('streams', Infinity));
  const client = asked('client', NaN);
  const paced = searchParams.get('arrivals') === 'poisson' ? poisson : inBursts;
  sockets.handleUpgrade(request, socket, head, (one) => {
    one.on('error', () => socket.destroy()); // a client may just end
    if (perSecond === Infinity) flood(socket, count, streams);
    else if (Number.isNaN(client)) paced(socket, streams, perSecond)(count);
    else enter(client, paced(socket, streams, perSecond));
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
