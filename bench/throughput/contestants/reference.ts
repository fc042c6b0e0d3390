import { WebSocket } from 'ws';
import { byHand } from '../byHand.js';
import type { Contestant } from '../job.js';

/** The whole job by hand, without RxJS, reconnects and bounds: what all are measured against. Several lines share one memory. */
export const reference: Contestant = (job) => {
  const { take, findings } = byHand(job);
  for (const { url } of job.lines) {
    new WebSocket(url).on('message', (data: Buffer) => take(data.toString()));
  }
  return findings;
};
