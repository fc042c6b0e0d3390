import fc from 'fast-check';

/** What somebody does to a feed. */
export const DEEDS = [
  ...(['listen', 'listen to X', 'listen to Y', 'listen elsewhere', 'leave', 'leave all'] as const),
  ...(['open', 'close', 'close within 9 ms', 'close at once', 'reconnect', 'rotate'] as const),
  ...(['pause', 'resume', 'send', 'request', 'go offline', 'go online'] as const),
] as const;
export type Deed = (typeof DEEDS)[number];

/** When somebody is called by a feed: a state, an event, or what befell him. */
export const MOMENTS = [
  ...(['CONNECTING', 'CONNECTED', 'AUTHENTICATED', 'RECONNECTING'] as const),
  ...(['DISCONNECTED', 'CLOSING', 'CLOSED'] as const),
  ...([
    'state event',
    'connected',
    'disconnected',
    'gaveUp',
    'subscribing',
    'unsubscribed',
    'gap',
    'late',
  ] as const),
  ...(['value', 'value', 'error', 'error', 'complete', 'complete', 'request failed'] as const),
  ...(['opened', 'not opened', 'closed', 'subscribe hook', 'unsubscribe hook', 'login', 'greeting'] as const),
  ...([
    'subscribed',
    'subscriptionRefused',
    'ackOverdue',
    'recover hook',
    'classify',
    'policy',
    'match',
  ] as const),
  ...([
    'paused',
    'resumed',
    'retry',
    'rotating',
    'rotated',
    'rotateFailed',
    'overflow',
    'unhealthy',
  ] as const),
] as const;
export type Moment = (typeof MOMENTS)[number];

/** A feed, its server, and all that is done to it, by timers and from inside its callbacks. */
export interface LifePlay {
  /** The servers' scripts, one a dial; see `LIFE_LETTERS`. Who dials more often is served well. */
  readonly attempts: readonly string[];
  readonly lingerMs: number;
  readonly replay: number;
  readonly reorders: boolean;
  /** Asks elsewhere for what is missing. */
  readonly recovers: 'never' | 'at once' | 'in time' | 'in vain';
  readonly subscribes: boolean;
  /** What the server says to that: nothing, yes, or yes to all but one topic, which it refuses, and the last, on which it is silent. */
  readonly answers: 'never' | 'well' | 'in part';
  readonly urls: number;
  /** A frame may hold more than one message. */
  readonly unpacks: boolean;
  readonly login: 'none' | 'at once' | 'promised' | 'takes time' | 'fails at times';
  readonly greets: boolean;
  /** It notices within some 30 ms that a server is silent. */
  readonly beats: boolean;
  /** The outbox lets two messages a while pass. */
  readonly isRated: boolean;
  /** Milliseconds that a turn of the event loop takes; with 0, frames never wait. */
  readonly turnMs: number;
  readonly overflow: 'drop-oldest' | 'error';
  /** What a server's `close` with 1000 leads to. */
  readonly normal: 'retry' | 'complete' | 'giveUp';
  /** Each with its millisecond. */
  readonly timed: readonly (readonly [number, Deed])[];
  /** Done inside a callback, when its moment comes the n-th time. */
  readonly reactions: readonly Reaction[];
}

export interface Reaction {
  readonly at: Moment;
  readonly nth: number;
  readonly deeds: readonly Deed[];
}

const deed = fc.constantFrom(...DEEDS);

export const lifePlays: fc.Arbitrary<LifePlay> = fc.record({
  attempts: fc.array(
    fc.constantFrom(
      ...['o-a-b', 'o(ab)-(cd)', 'oa(ac)', 'o-(ac)-n', 'o(ac)n', 'o-a 5ms n', 'oabcd-e', 'o-a-c 20ms n'],
      ...['r', '--r', 'u', '#', 'o--#', 'on', 'o(abc)#', '---', 'o---a---c---d', 'o-a-s', 's', 'o(ac)s'],
      ...['oa-(bcde)-a', 'oa--(bcd)(ecb)#', 'oa-(bcde)n'],
    ),
    { maxLength: 5 },
  ),
  lingerMs: fc.constantFrom(0, 0, 20),
  replay: fc.constantFrom(0, 2),
  reorders: fc.boolean(),
  recovers: fc.constantFrom<LifePlay['recovers'][]>('never', 'never', 'at once', 'in time', 'in vain'),
  subscribes: fc.boolean(),
  answers: fc.constantFrom<LifePlay['answers'][]>('never', 'well', 'in part'),
  urls: fc.constantFrom(1, 1, 2),
  unpacks: fc.boolean(),
  login: fc.constantFrom<LifePlay['login'][]>(
    'none',
    'none',
    'at once',
    'promised',
    'takes time',
    'fails at times',
  ),
  greets: fc.boolean(),
  beats: fc.boolean(),
  isRated: fc.boolean(),
  turnMs: fc.constantFrom(0, 3),
  overflow: fc.constantFrom<LifePlay['overflow'][]>('drop-oldest', 'error'),
  normal: fc.constantFrom<LifePlay['normal'][]>('retry', 'complete', 'giveUp'),
  timed: fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), deed), { minLength: 2, maxLength: 7 }),
  reactions: fc.array(
    fc.record({
      at: fc.constantFrom(...MOMENTS),
      nth: fc.nat(2),
      deeds: fc.array(deed, { minLength: 1, maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
});
