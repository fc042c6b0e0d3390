import { asyncScheduler, type Observable, Subject, type Subscription } from 'rxjs';
import type { OpenSession } from './session.js';

export interface ReadingConfig {
  /** Milliseconds after which a pause is too long. */
  readonly maxPauseMs: number;
  /** Reading has stopped, and it has gone on. */
  readonly onChange: (type: 'paused' | 'resumed') => void;
  /** The pause has lasted for `maxPauseMs`. */
  readonly onTooLong: () => void;
}

/** Whether a feed reads its sockets: all who can stop it, in one place. */
export interface Reading {
  /** Stopped on purpose, as somebody is told. */
  readonly isPaused: boolean;
  /** Stopped for the rest of this turn of the event loop. */
  readonly isYielding: boolean;
  /** Emits when a pause ends. */
  readonly resumed$: Observable<void>;
  /** A session's socket is read from here on, or as soon as reading goes on. */
  add(session: OpenSession): void;
  delete(session: OpenSession): void;
  /** Stops reading; it goes on when as many have let go. TCP pushes back meanwhile. */
  hold(): void;
  letGo(): void;
  /** `hold` and `letGo` for whoever may call them too often: one cannot take back what is another's. */
  pause(): void;
  resume(): void;
  /** Stops reading until `takeTurn`: no pause that anybody is told of, as it lasts until the event loop has been round. */
  yieldTurn(): void;
  takeTurn(): void;
  /** There is no connection: nothing to be read takes too long. */
  rest(): void;
  /** Forgets who holds it. */
  reset(): void;
}

export function createReading({ maxPauseMs, onChange, onTooLong }: ReadingConfig): Reading {
  const resumed$ = new Subject<void>();
  /** The one in charge, and one that has retired and delivers its last frames. */
  const sessions = new Set<OpenSession>();
  let holds = 0;
  let pauses = 0;
  let deadline: Subscription | undefined;

  const stop = (): void => {
    for (const { socket } of sessions) socket.pause?.();
  };
  const goOn = (): void => {
    if (!reading.isPaused && !reading.isYielding) for (const { socket } of sessions) socket.resume?.();
  };
  /** A server drops a reader that is slow for too long, so a pause has an end. */
  const arm = (): void => {
    if (deadline?.closed === false) return; // a rotation meanwhile does not put it off
    deadline = asyncScheduler.schedule(onTooLong, maxPauseMs);
  };

  const hold = (): void => {
    holds += 1;
    if (reading.isPaused) return;
    reading.isPaused = true;
    stop();
    arm();
    onChange('paused'); // last: who is told may let go, or end it all
  };
  const letGo = (): void => {
    holds = Math.max(0, holds - 1);
    if (!reading.isPaused || holds > 0) return;
    reading.isPaused = false;
    deadline?.unsubscribe();
    goOn();
    resumed$.next();
    onChange('resumed'); // last: who is told may hold it again
  };

  // Plain properties: with getters it would be a dictionary to the engine, and three times as large.
  const reading = {
    isPaused: false,
    isYielding: false,
    resumed$: resumed$.asObservable(),
    add(session: OpenSession) {
      sessions.add(session);
      if (reading.isPaused || reading.isYielding) session.socket.pause?.();
      if (reading.isPaused) arm();
    },
    delete: (session: OpenSession) => void sessions.delete(session),
    hold,
    letGo,
    pause() {
      pauses += 1;
      hold();
    },
    resume() {
      if (pauses === 0) return;
      pauses -= 1;
      letGo();
    },
    yieldTurn() {
      reading.isYielding = true;
      stop();
    },
    takeTurn() {
      reading.isYielding = false;
      goOn();
    },
    rest: () => deadline?.unsubscribe(),
    reset() {
      reading.isPaused = reading.isYielding = false;
      holds = pauses = 0;
    },
  };
  return reading;
}
