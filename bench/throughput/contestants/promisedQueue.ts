import { on } from 'node:events';
import { WebSocket } from 'ws';
import { byHand } from '../byHand.js';
import type { Contestant } from '../job.js';

/** The job by hand at the end of Node's own `on()`: a queue without a bound, and a promise for each message. */
export const promisedQueue: Contestant = (job) => {
  const { take, findings } = byHand(job);
  for (const { url } of job.lines) void read(url, take);
  return findings;
};

async function read(url: string, take: ReturnType<typeof byHand>['take']): Promise<void> {
  for await (const [data] of on(new WebSocket(url), 'message') as AsyncIterable<[Buffer]>) {
    take(data.toString());
  }
}
