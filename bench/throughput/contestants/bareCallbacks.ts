import { WebSocket } from 'ws';
import { type Contestant, noFindings } from '../job.js';
import type { Keyed } from '../suites.js';

/** Parses each frame, and calls who listens to its stream: the least that a router can do. */
export const bareCallbacks: Contestant = ({ lines, callbacks, tally }) => {
  const listeners = new Map([...callbacks.keys()].map((stream) => [stream, ({ id }: Keyed) => tally(id)]));
  for (const { url } of lines) {
    new WebSocket(url).on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Keyed;
      listeners.get(message.type)?.(message);
    });
  }
  return noFindings;
};
