import { config as rxjs, timer } from 'rxjs';
import { createLife } from './life.js';
import type { LifeFact } from './lifeFacts.js';
import type { LifePlay } from './lifePlay.js';

/** Every millisecond until here the facts are looked at, and every seventh after that. */
const BUSY_MS = 80;
/** No callback is answered any more, and all are served well. */
const WELL_MS = 150;
/** All have been. */
const SERVED_MS = 200;
/** It is closed, and callbacks are answered, and then closed for good. */
const CLOSE_MS = 220;
const CLOSE_AGAIN_MS = 260;
const CLOSED_MS = 285;
const END_MS = 400;

/** Lives a feed's life on jest's timers, promises and all; yields the facts that did not hold, and how. */
export async function liveOut(play: LifePlay): Promise<ReadonlyMap<LifeFact, string>> {
  const broken = new Map<LifeFact, string>();
  const breaks = (fact: LifeFact, how: string): void => {
    if (!broken.has(fact)) broken.set(fact, how);
  };
  const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

  jest.useFakeTimers({ now: 0, doNotFake: ['nextTick', 'queueMicrotask'] });
  rxjs.onUnhandledError = (error) => breaks('caught', String(error));
  try {
    const life = createLife(play, breaks);
    for (const [ms, deed] of play.timed) at(ms, () => life.act(deed));
    for (let ms = 1; ms < CLOSED_MS; ms += ms < BUSY_MS ? 1 : 7) at(ms, () => life.look());
    at(WELL_MS, () => {
      life.setReacting(false);
      life.beServedWell();
    });
    at(SERVED_MS, () => {
      life.lookWhoWasServed();
      life.setReacting(true);
    });
    for (const ms of [CLOSE_MS, CLOSE_AGAIN_MS])
      at(ms, () => {
        life.setReacting(ms === CLOSE_MS);
        for (let times = 0; times < 2; times += 1) life.act('close at once');
      });
    at(CLOSED_MS, () => life.lookAtTheEnd());
    while (jest.getTimerCount() > 0 && Date.now() < END_MS) {
      jest.advanceTimersToNextTimer();
      // Until no promise has anything to say.
      await new Promise((resolve) => {
        process.nextTick(resolve);
      });
    }
    life.lookAtPromises();
    if (jest.getTimerCount() > 0) breaks('still', `${jest.getTimerCount()} timers`);
  } catch (error) {
    breaks('caught', (error as Error).stack ?? String(error));
  } finally {
    rxjs.onUnhandledError = null;
    jest.clearAllTimers();
    jest.useRealTimers();
  }
  return broken;
}
