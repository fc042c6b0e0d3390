import { setTimeout as wait } from 'node:timers/promises';
import { suites } from '../throughput/suites.js';

/** What a client is told to do. */
export interface IdleTask {
  readonly holder: HolderName;
  readonly url: string;
  readonly connections: number;
  /** How many come over each before it is idle. */
  readonly messages: number;
}

/** What the process holds after a collection, bytes. */
export interface IdleResult {
  readonly connected: number;
  readonly delivered: number;
  /** `external` of Node, which has the array buffers in it. */
  readonly external: number;
  readonly heapUsed: number;
  readonly rss: number;
}

/** Two streams a connection. */
const names = suites.trade.streams.slice(0, 2);

let connected = 0;
let delivered = 0;
/** Keeps what was made, and is in use until the end. */
const kept: unknown[] = [];

/** Who holds connections: makes one, and says when it is open. */
const holders = {
  nothing: async () => {
    await Promise.all([import('ws'), import('millrace')]); // what the others load is not theirs to pay
    return () => Promise.resolve();
  },
  ws: async () => {
    const [{ WebSocket }] = await Promise.all([import('ws'), import('millrace')]);
    return (url: string) =>
      new Promise<void>((resolve) => {
        // As the feed does: what a client offers to compress with, it keeps in memory.
        const socket = new WebSocket(url, { perMessageDeflate: false }).on('open', resolve);
        socket.on('message', () => (delivered += 1));
        kept.push(socket);
      });
  },
  millrace: async () => {
    const { takeAll, tradeFeed } = await import('../latency/tradeFeed.js');
    return (url: string) => {
      const feed = tradeFeed(url, { names });
      takeAll(feed, () => (delivered += 1), names);
      kept.push(feed);
      return feed.open();
    };
  },
} satisfies Record<string, () => Promise<(url: string) => Promise<void>>>;
export type HolderName = keyof typeof holders;

const { holder, url, connections, messages } = JSON.parse(process.argv[2] ?? '') as IdleTask;
const open = await holders[holder]();
const goal = holder === 'nothing' ? 0 : connections;
while (connected < goal) {
  const some = Math.min(50, goal - connected);
  await Promise.all(Array.from({ length: some }, () => open(url)));
  connected += some;
}
for (let turn = 0; turn < 200 && delivered < connected * messages; turn += 1) await wait(50);

// What the sockets of the handshakes left behind goes with the second collection, or the third.
for (let times = 0; times < 3; times += 1) {
  await wait(50);
  globalThis.gc?.();
}
const { heapUsed, external, rss } = process.memoryUsage();
const result: IdleResult = { connected, delivered, heapUsed, external, rss };
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(kept.length === connected ? 0 : 1));
