import { skip } from 'rxjs';
import type { ConnectionState, Feed } from 'millrace';
import type { LifeSchemas } from './lifeFeed.js';
import type { Breaks } from './lifeFacts.js';
import type { Moment } from './lifePlay.js';

/**
 * What each state may be followed by: a rotation is told as the state that it was in, and at the end of a stream the next run may
 * begin: with what is left of a wait that a server asked the one before for.
 */
const AFTER: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  DISCONNECTED: ['CONNECTING', 'RECONNECTING', 'CLOSING', 'CLOSED'],
  CONNECTING: ['CONNECTED', 'RECONNECTING', 'DISCONNECTED', 'CLOSING', 'CLOSED'],
  CONNECTED: ['CONNECTED', 'AUTHENTICATED', 'RECONNECTING', 'DISCONNECTED', 'CLOSING', 'CLOSED'],
  AUTHENTICATED: ['AUTHENTICATED', 'RECONNECTING', 'DISCONNECTED', 'CLOSING', 'CLOSED'],
  RECONNECTING: ['CONNECTING', 'DISCONNECTED', 'CLOSING', 'CLOSED'],
  CLOSING: ['CLOSED', 'CONNECTING', 'RECONNECTING', 'DISCONNECTED'],
  CLOSED: ['CONNECTING', 'RECONNECTING', 'CLOSING'],
};
/** Nothing of these is told of a feed at its end. */
const FAILING: ReadonlySet<string> = new Set(['retry', 'gaveUp', 'connected', 'rotating', 'rotated']);
const ENDS: ReadonlySet<ConnectionState> = new Set(['DISCONNECTED', 'CLOSED']);

/** What a feed has told so far. */
export interface LifeTold {
  readonly state: ConnectionState;
  /** CLOSING, and not yet CLOSED. */
  readonly isClosing: boolean;
  /** Who comes until that is done shares the end. */
  readonly isGivingUp: boolean;
  /** Times that it gave up. */
  readonly failures: number;
}

/** Listens to all states and events, each of which must fit those before it. */
export function listenToLife(
  { status$, events$ }: Pick<Feed<LifeSchemas>, 'status$' | 'events$'>,
  breaks: Breaks,
  called: (moment: Moment) => void,
): LifeTold {
  const told = { state: 'DISCONNECTED' as ConnectionState, isClosing: false, isGivingUp: false, failures: 0 };
  /** The generations that were told as disconnected. */
  const lost = new Set<number>();
  status$.pipe(skip(1)).subscribe(({ state, latencyMs }) => {
    const isPong = state === told.state && latencyMs !== undefined;
    if (!isPong && !AFTER[told.state].includes(state)) breaks('told', `${told.state}, then ${state}`);
    told.state = state;
    if (state === 'CLOSING') told.isClosing = true;
    if (state === 'CLOSED') told.isClosing = false;
    called(state);
  });
  events$.subscribe((event) => {
    if (event.type === 'gaveUp') {
      told.failures += 1;
      told.isGivingUp = true;
      queueMicrotask(() => (told.isGivingUp = false));
    }
    if (event.type === 'disconnected') {
      if (lost.has(event.generation)) breaks('told', `disconnected twice: ${event.generation}`);
      lost.add(event.generation);
    }
    if (ENDS.has(told.state) && FAILING.has(event.type)) breaks('told', `${event.type} while ${told.state}`);
    if (event.type === 'hookFailed') breaks('caught', String(event.error));
    called(event.type === 'state' ? 'state event' : (event.type as Moment));
  });
  return told;
}
