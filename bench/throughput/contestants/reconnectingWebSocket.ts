import module from 'reconnecting-websocket';
import { WebSocket } from 'ws';
import { byHand } from '../byHand.js';
import type { Contestant } from '../job.js';

// Its types say that it is the default of what is imported; Node, that it is what is imported.
const ReconnectingWebSocket = module as unknown as typeof module.default;

/** The job by hand, behind a socket that reconnects. */
export const reconnectingWebSocket: Contestant = (job) => {
  const { take, findings } = byHand(job);
  for (const { url } of job.lines) {
    new ReconnectingWebSocket(url, [], { WebSocket }).addEventListener('message', ({ data }) =>
      take(data as string),
    );
  }
  return findings;
};
