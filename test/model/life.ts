import { asyncScheduler, BehaviorSubject } from 'rxjs';
import { isBalanced } from 'millrace';
import type { Breaks } from './lifeFacts.js';
import { createLifeFeed } from './lifeFeed.js';
import { createGuests, show } from './lifeGuests.js';
import type { Deed, LifePlay, Moment } from './lifePlay.js';
import { createLifeServer } from './lifeServer.js';
import { listenToLife } from './lifeTold.js';

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
  const isHolding = play.reorders || play.recovers !== 'never';
  const online$ = new BehaviorSubject(true);
  const promises = new Set<string>();
  const done = new Set<Deed>();
  const times = new Map<Moment, number>();
  let deeds = 0;
  let closes = 0;
  let named = 0;
  let isReacting = true;
  /** Callbacks on the stack that are of those `AHEAD`. */
  let behind = 0;
  /** Or since when nothing was done. */
  let unwantedSince = 0;

  const called = (moment: Moment): void => {
    if (!isReacting || deeds > MOST_DEEDS) return;
    const nth = times.get(moment) ?? 0;
    times.set(moment, nth + 1);
    const isAhead = AHEAD.has(moment) || (isHolding && moment === 'request failed');
    if (isAhead) behind += 1;
    for (const reaction of play.reactions)
      if (reaction.at === moment && reaction.nth === nth) reaction.deeds.forEach(act);
    if (isAhead) behind -= 1;
  };

  const server = createLifeServer(play, () => breaks('single', 'a storm of dials'));
  const feed = createLifeFeed(play, { server, online$, called });
  const told = listenToLife(feed, breaks, called);
  const { all, present, listen, leave } = createGuests({
    ...{ play, server, told, breaks, called },
    closes: () => closes,
    isBehind: () => behind > 0,
  });

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
  const request = (): void => {
    const settled = promised('request()');
    const match = (): boolean => {
      called('match');
      return false;
    };
    feed.request({}, { match, timeoutMs: 15 }).subscribe({ error: () => settled('request failed') });
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
    request,
  };
  const act = (deed: Deed): void => {
    deeds += 1;
    unwantedSince = asyncScheduler.now();
    done.add(deed);
    PERFORM[deed]();
  };

  return {
    act,
    setReacting: (is) => void (isReacting = is),
    look() {
      const { state } = told;
      const waiting = present();
      // CLOSED by a failure while frames wait: what they are is still to come.
      const isOver = state === 'DISCONNECTED' || (state === 'CLOSED' && play.turnMs === 0);
      if (waiting.length > 0 && isOver) breaks('heard', `${state} for ${show(waiting)}`);
      const now = asyncScheduler.now();
      if (waiting.length > 0 || done.has('open') || done.has('reconnect')) unwantedSince = now;
      const isGone = server.live.size === 0 && ['CLOSING', 'CLOSED', 'DISCONNECTED'].includes(state);
      const isSending = play.isRated && state === 'CLOSING';
      if (now - unwantedSince > play.lingerMs + LEAVING_MS && !isGone && !isSending)
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
      if (told.state === 'CLOSING') act('close at once'); // which may be asking a server that is silent
      act('reconnect');
      act('listen');
      for (const guest of all) guest.served = 0;
    },
    lookWhoWasServed() {
      const waiting = present();
      const unserved = waiting.filter(({ served, to }) => served === 0 && to !== 'other/');
      if (unserved.length > 0) breaks('heard', `nothing for ${show(unserved)}`);
      const wanted = [...new Set(waiting.map(({ to }) => to))].sort().join();
      const asked = [...server.asked].sort().join();
      // What was refused waits, and may be asked for later.
      const due = wanted.split(',').filter((to) => server.asked.has(to) || !server.refused.has(to));
      if (play.subscribes && due.join() !== asked)
        breaks('wanted', `asked for ${asked} instead of ${wanted}`);
      const watched = feed.health.status().filter(({ topic }) => topic !== undefined);
      const topics = watched.map(({ stream, topic }) => `${stream}/${topic}`).sort();
      const listenedTo = wanted.split(',').filter((to) => !to.endsWith('/'));
      if (topics.join() !== listenedTo.join()) breaks('wanted', `watches ${topics.join()}, not ${wanted}`);
    },
    lookAtTheEnd() {
      if (present().length > 0) breaks('closed', `without a word to ${show(present())}`);
      if (told.state !== 'CLOSED') breaks('closed', told.state);
      if (server.live.size > 0) breaks('closed', `${server.live.size} sockets`);
      const { held } = feed.stats();
      if (held > 0) breaks('closed', `${held} held`);
    },
    lookAtPromises() {
      if (promises.size > 0) breaks('settles', [...promises].join());
    },
  };
}
