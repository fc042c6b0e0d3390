import { asyncScheduler, type Observable, Subject, type Subscription } from 'rxjs';
import type { OpenSession } from './session.js';

export interface ReadingConfig {
  /** Milliseconds after which a pause is too long. */
  readonly maxPauseMs: number;
  /** Reading has stopped, and it has gone on. */
  readonly onReading: (type: 'paused' | 'resumed') => void;
  /** A pause has ended, whether anybody is told of it or not; before `resumed$` emits. */
  readonly onResume: () => void;
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
  /** Forgets who holds it, and what is read; `tellEnd` says later that this ended a pause, if it is still so. */
  reset(): void;
  tellEnd(): void;
}

export const createReading = (config: ReadingConfig): Reading => new HeldReading(config);

/** A class, since every idle connection keeps one: closures of its own took four times the memory. */
class HeldReading implements Reading {
  isPaused = false;
  isYielding = false;
  /** Made for the first who asks for it. */
  private resumes$: Subject<void> | undefined = undefined;
  /** The one in charge, and one that has retired and delivers its last frames. */
  private sessions: readonly OpenSession[] = [];
  private holds = 0;
  /** Somebody knows of the pause. */
  private isTold = false;
  private pauses = 0;
  private deadline: Subscription | undefined = undefined;

  constructor(private readonly config: ReadingConfig) {}

  get resumed$(): Observable<void> {
    return (this.resumes$ ??= new Subject());
  }

  add(session: OpenSession): void {
    this.sessions = this.sessions.concat(session); // a spread would keep room for 16 more
    if (this.isPaused || this.isYielding) session.socket.pause?.();
    if (this.isPaused) this.arm();
  }

  delete(session: OpenSession): void {
    this.sessions = this.sessions.filter((other) => other !== session);
  }

  hold(): void {
    this.holds += 1;
    if (this.isPaused) return;
    this.isPaused = true;
    this.arm();
    this.stop(); // after that: a transport may call back, and who is called let go
    if (!this.isHeld() || this.isTold) return;
    this.isTold = true;
    this.config.onReading('paused'); // last: who is told may let go, or end it all
  }

  letGo(): void {
    this.holds = Math.max(0, this.holds - 1);
    if (!this.isPaused || this.holds > 0) return;
    this.isPaused = false;
    this.rest();
    this.goOn();
    if (this.isHeld()) return; // a transport called back, and who was called holds it again: one pause that goes on
    this.config.onResume();
    this.resumes$?.next();
    this.tellEnd(); // last: who is told may hold it again
  }

  pause(): void {
    this.pauses += 1;
    this.hold();
  }

  resume(): void {
    if (this.pauses === 0) return;
    this.pauses -= 1;
    this.letGo();
  }

  yieldTurn(): void {
    this.isYielding = true;
    this.stop();
  }

  takeTurn(): void {
    this.isYielding = false;
    this.goOn();
  }

  rest(): void {
    this.deadline?.unsubscribe();
  }

  reset(): void {
    this.isPaused = this.isYielding = false;
    this.holds = this.pauses = 0;
    this.sessions = [];
    this.rest();
  }

  tellEnd(): void {
    if (this.isHeld() || !this.isTold) return;
    this.isTold = false;
    this.config.onReading('resumed');
  }

  /** Asked anew: who was called meanwhile may have let go, which the compiler does not see. */
  private isHeld(): boolean {
    return this.isPaused;
  }

  /** A transport may call back, and who is called change his mind: so each socket is stopped only if it still is to be. */
  private stop(): void {
    for (const { socket } of this.sessions) if (this.isPaused || this.isYielding) socket.pause?.();
  }

  private goOn(): void {
    for (const { socket } of this.sessions) if (!this.isPaused && !this.isYielding) socket.resume?.();
  }

  /** A server drops a reader that is slow for too long, so a pause has an end: where there is a connection, or once there is one. */
  private arm(): void {
    // A rotation meanwhile does not put it off. One that has rung is not closed: `rest` follows it, as the connection is dropped.
    if (this.sessions.length === 0 || this.deadline?.closed === false) return;
    this.deadline = asyncScheduler.schedule(() => this.config.onTooLong(), this.config.maxPauseMs);
  }
}
