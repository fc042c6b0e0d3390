import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Flood {
  readonly url: string;
  readonly port: number;
  /** Messages written so far, to the client that got the most. */
  sent(): Promise<number>;
}

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A server in a process of its own that floods whoever connects; ended after the test. */
export async function startFlood(count: number, keys: number): Promise<Flood> {
  const child = fork(join(__dirname, 'floodServer.ts'), [String(count), String(keys)], {
    execArgv: ['--import', 'tsx'],
  });
  stops.push(() => child.disconnect());
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    url: `ws://127.0.0.1:${port}`,
    port,
    async sent() {
      child.send('?');
      const [{ sent }] = (await once(child, 'message')) as [{ sent: number }];
      return sent;
    },
  };
}

/** Keeps the processor busy, as a sink that takes its time over every value; a real clock, and nothing is asserted on it. */
export function work(microseconds: number): void {
  const until = process.hrtime.bigint() + BigInt(microseconds * 1_000);
  while (process.hrtime.bigint() < until);
}

const MIB = 1024 * 1024;

/** Bytes held after a collection: objects, and buffers beside them. */
export function heldMiB(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return Math.round((heapUsed + arrayBuffers) / MIB);
}

export const rssMiB = (): number => Math.round(process.memoryUsage().rss / MIB);
