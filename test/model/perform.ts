import { config as rxjs, delay, map, takeUntil, timer } from 'rxjs';
import { createActor, type Fact } from './actor.js';
import type { Play } from './play.js';

/** No act is performed any more, and all listeners leave. */
const QUIET_MS = 250;
/** Somebody listens again. */
const AGAIN_MS = 350;
const CLOSE_MS = 700;
/** A feed that works takes a frame in this last part of its time, and works it off. */
const LAST_MS = 100;
const END_MS = 4_000;

/**
 * Performs a play on jest's timers; yields the facts that did not hold, and how. (A `TestScheduler` fails where one of two
 * timers that are due together clears the other: it keeps the wrong one.)
 */
export function perform({ turnMs, casts, acts }: Play): ReadonlyMap<Fact, unknown> {
  const broken = new Map<Fact, unknown>();
  const breaks = (fact: Fact, how: unknown): void => {
    if (!broken.has(fact)) broken.set(fact, how);
  };
  let position = 0;
  let passed = 0;
  let isQuiet = false;
  const cue = (): void => {
    const act = acts[position];
    if (act === undefined || isQuiet) return;
    passed += 1;
    if (passed <= act.after) return;
    position += 1;
    passed = 0;
    actors[act.feed % actors.length]!.perform(act);
  };

  jest.useFakeTimers({ now: 0, doNotFake: ['nextTick', 'queueMicrotask'] });
  rxjs.onUnhandledError = (error) => breaks('caught', error);
  const settled = timer(turnMs).pipe(map(() => undefined));
  const actors = casts.map((cast) => createActor(cast, { settled, cue, breaks }));
  try {
    const quiet$ = timer(QUIET_MS - 1);
    quiet$.subscribe(() => (isQuiet = true));
    timer(3, 3).pipe(takeUntil(quiet$)).subscribe(cue);
    for (const actor of actors) {
      timer(0, 30)
        .pipe(takeUntil(quiet$))
        .subscribe(() => actor.attend());
      timer(QUIET_MS).subscribe(() => actor.calmDown());
      timer(AGAIN_MS).subscribe(() => actor.attend());
      timer(CLOSE_MS - LAST_MS)
        .pipe(
          map(() => actor.workedOff()),
          delay(LAST_MS),
        )
        .subscribe((before) => {
          if (actor.workedOff() === before && !actor.mayGiveUp) breaks('lively', `stuck after ${before}`);
          actor.close();
        });
    }
    jest.advanceTimersByTime(END_MS);
    for (const actor of actors) actor.inspect();
    if (jest.getTimerCount() > 0) breaks('still', `${jest.getTimerCount()} timers`);
  } catch (error) {
    breaks('caught', error);
  } finally {
    rxjs.onUnhandledError = null;
    jest.clearAllTimers();
    jest.useRealTimers();
  }
  return broken;
}
