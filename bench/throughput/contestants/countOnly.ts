import { WebSocket } from 'ws';
import { type Contestant, noFindings } from '../job.js';

/** The least that can be done with a frame: what is left after this is what the others spend. */
export const countOnly: Contestant = ({ lines, tally }) => {
  for (const { url } of lines) new WebSocket(url).on('message', (data: Buffer) => tally(data.length));
  return noFindings;
};
