import {
  asyncScheduler,
  BehaviorSubject,
  map,
  type Observable,
  of,
  skip,
  type Subscription,
  throwError,
  timer,
} from 'rxjs';
import * as v from 'valibot';
import {
  type Ack,
  type ConnectionState,
  createFeed,
  isBalanced,
  type MissingNumbers,
  SubscriptionRefusedError,
  type TopicRef,
} from 'millrace';
import type { Deed, LifePlay, Moment } from './lifePlay.js';
import { createLifeServer, type LifeValue, WELL } from './lifeServer.js';

/** What must hold, whatever is done to a feed from inside whichever callback. */
export const LIFE_FACTS = {
  heard: 'whoever listens is heard: no feed is CLOSED or DISCONNECTED for him, and he gets the next values',
  ended: 'nothing comes after an end, nor after leaving, and no end comes twice',
  asked: 'nothing completes that nobody closed, nor errors but for what was told as gaveUp',
  fresh: 'who comes to a feed that is over gets nothing of its past',
  single: 'there is one socket, or two in a rotation, and no storm',
  idle: 'a feed that nobody wants is neither connected nor connecting',
  wanted: 'the server is asked for what is listened to, and health watches that, and nothing else',
  balanced: 'the books balance at every instant',
  settles: 'each open(), each close() and each request() settles',
  closed: 'after close() it is CLOSED, nothing is held, no socket is left, and everybody was told',
  caught: 'nothing is thrown that nobody catches, and no hook fails',
  still: 'no timer is left',
  told: 'a state follows one that it may follow, and no failure is told twice, nor of a feed that is at an end',
};
export type LifeFact = keyof typeof LIFE_FACTS;
export type Breaks = (fact: LifeFact, how: string) => void;

const Value = v.object({ type: v.literal('trade'), symbol: v.string(), id: v.number(), dial: v.number() });
type LifeSchemas = { readonly trade: typeof Value; readonly other: typeof Value };

/** What each state may be followed by: a rotation is told as the state that it was in, and at the end of a stream the next run may begin. */
const AFTER: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  DISCONNECTED: ['CONNECTING', 'CLOSING', 'CLOSED'],
  CONNECTING: ['CONNECTED', 'RECONNECTING', 'DISCONNECTED', 'CLOSING', 'CLOSED'],
  CONNECTED: ['CONNECTED', 'AUTHENTICATED', 'RECONNECTING', 'DISCONNECTED', 'CLOSING', 'CLOSED'],
  AUTHENTICATED: ['AUTHENTICATED', 'RECONNECTING', 'DISCONNECTED', 'CLOSING', 'CLOSED'],
  RECONNECTING: ['CONNECTING', 'DISCONNECTED', 'CLOSING', 'CLOSED'],
  CLOSING: ['CLOSED', 'CONNECTING', 'DISCONNECTED'],
  CLOSED: ['CONNECTING', 'CLOSING'],
};
/** Nothing of these is told of a feed at its end. */
const FAILING: ReadonlySet<string> = new Set(['retry', 'gaveUp', 'connected', 'rotating', 'rotated']);
const ENDS: ReadonlySet<ConnectionState> = new Set(['DISCONNECTED', 'CLOSED']);

/** Who listens, and what was so when he began. */
interface Guest {
  readonly number: number;
  readonly to: string;
  readonly dials: number;
  readonly cameWhenOver: boolean;
  readonly cameWhenClosing: boolean;
  readonly closes: number;
  readonly failures: number;
  subscription: Subscription | undefined;
  hasLeft: boolean;
  end: string | undefined;
  served: number;
}

/** When so much was done nobody reacts any more: reactions may lead to one another. */
const MOST_DEEDS = 60;
/** Behind these comes what is on its way; as a run ends its requests fail, and what it held comes out behind that. */
const AHEAD: ReadonlySet<Moment> = new Set(['value', 'gap', 'late', 'recover hook', 'match']);
/** Milliseconds that a feed may take to go when nobody wants it any more, beyond its linger time. */
const LEAVING_MS = 25;

export interface Life {
  readonly act: (deed: Deed) => void;
  /** From here on callbacks are answered, or not. */
  setReacting(isReacting: boolean): void;
  /** At every millisecond. */
  readonly look: () => void;
  /** All are served well: takes every pause back, and connects anew. */
  readonly beServedWell: () => void;
  /** Some time after that. */
  readonly lookWhoWasServed: () => void;
  /** Some time after the last `close()`. */
  readonly lookAtTheEnd: () => void;
  /** After everything. */
  readonly lookAtPromises: () => void;
}

/** A feed as its play says, and everybody who has to do with it. */
export function createLife(play: LifePlay, breaks: Breaks): Life {
  const { turnMs, lingerMs, normal, reactions } = play;
  const server = createLifeServer(play, () => breaks('single', 'a storm of dials'));
  const isHolding = play.reorders || play.recovers !== 'never';
  const isWaiting = turnMs > 0; // CLOSED by a failure while frames wait: what they are is still to come
  const names = (refs: readonly TopicRef[]): string[] =>
    refs.map(({ stream, topic = '' }) => `${stream}/${topic}`);
  const online$ = new BehaviorSubject(true);
  let logins = 0;
  const logIn = (): Promise<void> | Observable<unknown> => {
    called('login');
    if (play.login === 'promised') return Promise.resolve();
    if (play.login === 'takes time') return timer(2);
    return play.login === 'fails at times' && ++logins % 3 === 1 ? throwError(() => new Error('no')) : of(0);
  };
  const recover = ({ after, before, topic = 'X' }: MissingNumbers): Observable<unknown[]> => {
    called('recover hook');
    const missing = Array.from({ length: before - after - 1 }, (_, place) => after + 1 + place);
    const page = missing.map((id) => ({ type: 'trade', symbol: topic, id, dial: server.dials }));
    if (play.recovers === 'in vain') return throwError(() => new Error('no'));
    return play.recovers === 'at once' ? of(page) : timer(3).pipe(map(() => page));
  };
  const feed = createFeed<LifeSchemas>({
    url: ['ws://one', 'ws://two'].slice(0, play.urls),
    ...(play.unpacks && { unpack: (decoded) => decoded as unknown[] }),
    transport: server.transport,
    random: () => 0.5,
    lingerMs,
    heartbeat: play.beats ? { everyMs: 25, timeoutMs: 8 } : { off: true },
    online$,
    ...(play.login !== 'none' && { authenticate: logIn }),
    ...(play.greets && {
      onConnected: () => {
        called('greeting');
        return timer(1);
      },
    }),
    reconnect: {
      ...{ jitter: 'none', initialMs: 4, maxMs: 10, stableMs: 50 },
      classify: (_error, byDefault) => {
        called('classify');
        return byDefault;
      },
      policies: {
        normal: () => {
          called('policy');
          return { action: normal };
        },
      },
    },
    ...(isWaiting && { buffer: { maxItems: 2, sliceMs: 1, overflow: play.overflow } }),
    ...(play.isRated && { outbox: { rate: { max: 2, perMs: 30 } } }),
    ...(play.subscribes && {
      subscriptions: {
        subscribe: (refs) => {
          called('subscribe hook');
          return { subscribe: names(refs) };
        },
        unsubscribe: (refs) => {
          called('unsubscribe hook');
          return { unsubscribe: names(refs) };
        },
        ...(play.answers !== 'never' && {
          ack: (message) => (message as { ack?: Ack }).ack,
          ackTimeoutMs: 25,
        }),
      },
    }),
    streams: {
      trade: {
        schema: Value,
        topic: ({ symbol }) => symbol,
        replay: play.replay,
        staleAfterMs: 30,
        sequence: {
          of: ({ id }) => id,
          scope: 'connection',
          ...(play.reorders && { reorder: { maxItems: 5, maxMs: 8 } }),
          ...(play.recovers !== 'never' && { recover, recovery: { timeoutMs: 15 } }),
        },
      },
      other: { schema: Value, allowSilence: true },
    },
  });

  const guests: Guest[] = [];
  const promises = new Set<string>();
  const done = new Set<Deed>();
  /** The generations that were told as disconnected. */
  const lost = new Set<number>();
  const times = new Map<Moment, number>();
  let deeds = 0;
  let isReacting = true;
  let isClosing = false;
  let failures = 0;
  /** Who comes until that is done shares the end. */
  let isGivingUp = false;
  /** Callbacks on the stack behind which comes what is on its way, or was held: it is for whoever comes in time. */
  let behind = 0;
  let named = 0;
  let state: ConnectionState = 'DISCONNECTED';
  /** Or since when nothing was done. */
  let unwantedSince = 0;

  const present = (): Guest[] => guests.filter(({ end, hasLeft }) => end === undefined && !hasLeft);
  const show = (who: readonly Guest[]): string => who.map(({ number, to }) => `#${number} ${to}`).join();
  let closes = 0;

  const called = (moment: Moment): void => {
    if (!isReacting || deeds > MOST_DEEDS) return;
    const nth = times.get(moment) ?? 0;
    times.set(moment, nth + 1);
    const isAhead = AHEAD.has(moment) || (isHolding && moment === 'request failed');
    if (isAhead) behind += 1;
    for (const reaction of reactions)
      if (reaction.at === moment && reaction.nth === nth) reaction.deeds.forEach(act);
    if (isAhead) behind -= 1;
  };

  const listen = (to: string, values$: Observable<LifeValue>): void => {
    const guest: Guest = {
      number: guests.length,
      to,
      dials: server.dials,
      cameWhenOver: behind === 0 && ((state === 'CLOSED' && !isGivingUp) || state === 'DISCONNECTED'),
      cameWhenClosing: isClosing,
      closes,
      failures: state === 'CLOSED' || isGivingUp || isClosing ? -1 : failures,
      subscription: undefined,
      hasLeft: false,
      end: undefined,
      served: 0,
    };
    guests.push(guest);
    const ends = (how: string): void => {
      if (guest.end !== undefined) breaks('ended', `${show([guest])}: ${guest.end}, then ${how}`);
      guest.end = how;
    };
    guest.subscription = values$.subscribe({
      next: ({ id, dial }) => {
        const isGone = guest.end !== undefined || (guest.hasLeft && guest.subscription !== undefined);
        if (isGone) breaks('ended', `${show([guest])}: a value after ${guest.end ?? 'it left'}`);
        const isOld = guest.cameWhenOver && dial <= guest.dials;
        if (isOld && !isWaiting) breaks('fresh', `${show([guest])}: a value of dial ${dial}`);
        if (id >= WELL) guest.served += 1;
        called('value');
      },
      error: (error: unknown) => {
        ends((error as Error).name);
        const isRefused = play.answers === 'in part' && error instanceof SubscriptionRefusedError;
        if (guest.failures === failures && !isRefused) breaks('asked', `${show([guest])}: ${guest.end}`);
        called('error');
      },
      complete: () => {
        ends('complete');
        const isAsked = normal === 'complete' || guest.closes < closes || guest.cameWhenClosing;
        if (!isAsked) breaks('asked', show([guest]));
        called('complete');
      },
    });
    if (guest.hasLeft) guest.subscription.unsubscribe();
  };
  const leave = (guest: Guest | undefined): void => {
    if (guest === undefined) return;
    guest.hasLeft = true;
    guest.subscription?.unsubscribe();
  };
  /** Calls back when it is settled. */
  const promised = (what: string): ((moment: Moment) => void) => {
    const name = `${what} ${++named}`;
    promises.add(name);
    return (moment) => {
      promises.delete(name);
      called(moment);
    };
  };
  const open = (): void => {
    const settled = promised('open()');
    feed.open().then(
      () => settled('opened'),
      () => settled('not opened'),
    );
  };
  const close = (timeoutMs?: number): void => {
    closes += 1;
    const settled = promised('close()');
    void feed.close(timeoutMs === undefined ? {} : { timeoutMs }).then(() => settled('closed'));
  };
  const PERFORM: Readonly<Record<Deed, () => void>> = {
    listen: () => listen('trade/', feed.stream('trade')),
    'listen to X': () => listen('trade/X', feed.stream('trade', 'X')),
    'listen to Y': () => listen('trade/Y', feed.stream('trade', 'Y')),
    'listen elsewhere': () => listen('other/', feed.stream('other')),
    leave: () => leave(present()[0]),
    'leave all': () => present().forEach(leave),
    open,
    close: () => close(),
    'close within 9 ms': () => close(9),
    'close at once': () => close(0),
    reconnect: () => feed.reconnect(),
    rotate: () => feed.rotate(),
    pause: () => feed.pause(),
    resume: () => feed.resume(),
    'go offline': () => online$.next(false),
    'go online': () => online$.next(true),
    send: () => void feed.send({}),
    request: () => {
      const settled = promised('request()');
      const match = (): boolean => {
        called('match');
        return false;
      };
      const reply$ = feed.request({}, { match, timeoutMs: 15 });
      reply$.subscribe({ error: () => settled('request failed') });
    },
  };
  const act = (deed: Deed): void => {
    deeds += 1;
    unwantedSince = asyncScheduler.now();
    done.add(deed);
    PERFORM[deed]();
  };

  feed.status$.pipe(skip(1)).subscribe((status) => {
    const isPong = status.state === state && status.latencyMs !== undefined;
    if (!isPong && !AFTER[state].includes(status.state)) breaks('told', `${state}, then ${status.state}`);
    ({ state } = status);
    if (state === 'CLOSING') isClosing = true;
    if (state === 'CLOSED') isClosing = false;
    called(status.state);
  });
  feed.events$.subscribe((event) => {
    if (event.type === 'gaveUp') {
      failures += 1;
      isGivingUp = true;
      queueMicrotask(() => (isGivingUp = false));
    }
    if (event.type === 'disconnected') {
      if (lost.has(event.generation)) breaks('told', `disconnected twice: ${event.generation}`);
      lost.add(event.generation);
    }
    if (ENDS.has(state) && FAILING.has(event.type)) breaks('told', `${event.type} while ${state}`);
    if (event.type === 'hookFailed') breaks('caught', String(event.error));
    called(event.type === 'state' ? 'state event' : (event.type as Moment));
  });

  return {
    act,
    setReacting: (is) => void (isReacting = is),
    look() {
      const waiting = present();
      const isOver = state === 'DISCONNECTED' || (state === 'CLOSED' && !isWaiting);
      if (waiting.length > 0 && isOver) breaks('heard', `${state} for ${show(waiting)}`);
      const now = asyncScheduler.now();
      if (waiting.length > 0 || done.has('open') || done.has('reconnect')) unwantedSince = now;
      const isGone = server.live.size === 0 && ['CLOSING', 'CLOSED', 'DISCONNECTED'].includes(state);
      const isSending = play.isRated && state === 'CLOSING';
      if (now - unwantedSince > lingerMs + LEAVING_MS && !isGone && !isSending)
        breaks('idle', `${state} at ${now}`);
      if (server.live.size > (done.has('rotate') ? 2 : 1)) breaks('single', `${server.live.size} sockets`);
      const { streams, ...counts } = feed.stats();
      for (const page of [counts, ...Object.values(streams)])
        if (!isBalanced(page)) breaks('balanced', JSON.stringify(page));
    },
    beServedWell() {
      for (let pauses = 0; pauses < MOST_DEEDS; pauses += 1) feed.resume();
      server.serveWell();
      online$.next(true);
      if (state === 'CLOSING') act('close at once'); // which may be asking a server that is silent
      act('reconnect');
      act('listen');
      for (const guest of guests) guest.served = 0;
    },
    lookWhoWasServed() {
      const waiting = present();
      const unserved = waiting.filter(({ served, to }) => served === 0 && to !== 'other/');
      if (unserved.length > 0) breaks('heard', `nothing for ${show(unserved)}`);
      const wanted = [...new Set(waiting.map(({ to }) => to))].sort().join();
      const asked = [...server.asked].sort().join();
      if (play.subscribes && wanted !== asked) breaks('wanted', `asked for ${asked} instead of ${wanted}`);
      const watched = feed.health.status().filter(({ topic }) => topic !== undefined);
      const topics = watched.map(({ stream, topic }) => `${stream}/${topic}`).sort();
      const listenedTo = wanted.split(',').filter((to) => !to.endsWith('/'));
      if (topics.join() !== listenedTo.join()) breaks('wanted', `watches ${topics.join()}, not ${wanted}`);
    },
    lookAtTheEnd() {
      if (present().length > 0) breaks('closed', `without a word to ${show(present())}`);
      if (state !== 'CLOSED') breaks('closed', state);
      if (server.live.size > 0) breaks('closed', `${server.live.size} sockets`);
      const { held } = feed.stats();
      if (held > 0) breaks('closed', `${held} held`);
    },
    lookAtPromises() {
      if (promises.size > 0) breaks('settles', [...promises].join());
    },
  };
}
