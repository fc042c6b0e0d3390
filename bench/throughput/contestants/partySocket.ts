import PartySocket from 'partysocket/ws';
import { WebSocket } from 'ws';
import { byHand } from '../byHand.js';
import type { Contestant } from '../job.js';

/** The job by hand, behind a socket that reconnects. */
export const partySocket: Contestant = (job) => {
  const { take, findings } = byHand(job);
  for (const { url } of job.lines) {
    new PartySocket(url, [], { WebSocket }).addEventListener('message', ({ data }) => take(data as string));
  }
  return findings;
};
