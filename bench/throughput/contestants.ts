import type { Contestant } from './job.js';
import type { Extent } from './traffic.js';

interface Entry {
  readonly does: Extent;
  /** It may drop the broken copy of a known message unparsed, and then tells of a duplicate. */
  readonly skims?: boolean;
  readonly load: () => Promise<Contestant>;
}

/** Who takes part, by name, in the order of the tables. Each client loads one of them. */
export const contestants = {
  'ws, count only': {
    does: 'frames',
    load: async () => (await import('./contestants/countOnly.js')).countOnly,
  },
  'ws + JSON.parse': {
    does: 'parsed',
    load: async () => (await import('./contestants/parseOnly.js')).parseOnly,
  },
  'ws + JSON.parse + callbacks': {
    does: 'parsed',
    load: async () => (await import('./contestants/bareCallbacks.js')).bareCallbacks,
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
  'queue and promise': {
    does: 'job',
    load: async () => (await import('./contestants/promisedQueue.js')).promisedQueue,
  },
  millrace: {
    does: 'job',
    load: async () => (await import('./contestants/millrace.js')).millrace,
  },
  'millrace, reader': {
    does: 'job',
    load: async () => (await import('./contestants/millrace.js')).millraceReader,
  },
  'millrace, skim': {
    does: 'job',
    skims: true,
    load: async () => (await import('./contestants/millrace.js')).millraceSkim,
  },
} satisfies Record<string, Entry>;
export type ContestantName = keyof typeof contestants;

export const entryOf = (name: ContestantName): Entry => contestants[name];

/** Those of `all` that are asked for; all, if nobody is. */
export const chosen = (all: readonly ContestantName[], asked: readonly string[] = all): ContestantName[] =>
  all.filter((name) => asked.includes(name));
