import type { Contestant } from './job.js';
import type { Extent } from './traffic.js';

interface Entry {
  readonly does: Extent;
  readonly load: () => Promise<Contestant>;
}

/** Who takes part, by name, in the order of the table. Each client loads one of them. */
export const contestants = {
  'ws, count only': {
    does: 'frames',
    load: async () => (await import('./contestants/countOnly.js')).countOnly,
  },
  'ws + JSON.parse': {
    does: 'parsed',
    load: async () => (await import('./contestants/parseOnly.js')).parseOnly,
  },
  reference: {
    does: 'job',
    load: async () => (await import('./contestants/reference.js')).reference,
  },
  partysocket: {
    does: 'job',
    load: async () => (await import('./contestants/partySocket.js')).partySocket,
  },
  'reconnecting-websocket': {
    does: 'job',
    load: async () => (await import('./contestants/reconnectingWebSocket.js')).reconnectingWebSocket,
  },
  'websocket-ts': {
    does: 'job',
    load: async () => (await import('./contestants/websocketTs.js')).websocketTs,
  },
  'rxjs idiom': {
    does: 'job',
    load: async () => (await import('./contestants/rxjsIdiom.js')).rxjsIdiom,
  },
  millrace: {
    does: 'job',
    load: async () => (await import('./contestants/millrace.js')).millrace,
  },
} satisfies Record<string, Entry>;
export type ContestantName = keyof typeof contestants;
