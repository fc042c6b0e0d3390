import { ConstantBackoff, WebsocketBuilder } from 'websocket-ts';
import { WebSocket } from 'ws';
import { byHand } from '../byHand.js';
import type { Contestant } from '../job.js';

/** The job by hand, behind a socket that reconnects; it takes the platform's WebSocket, which Node 20 has none of. */
export const websocketTs: Contestant = (job) => {
  const { take, findings } = byHand(job);
  Object.assign(globalThis, { WebSocket });
  for (const { url } of job.lines) {
    new WebsocketBuilder(url)
      .withBackoff(new ConstantBackoff(1_000))
      .onMessage((_socket, { data }) => take(data as string))
      .build();
  }
  return findings;
};
