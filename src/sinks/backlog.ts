import { defer, filter, type Observable, of, Subject, switchMap, take } from 'rxjs';

export interface BacklogConfig {
  /** As the transport's: emits once what had arrived at the socket has been handed over. */
  readonly settled: Observable<unknown>;
  /** Reading is stopped, so that more waits at the socket. */
  readonly isPaused: () => boolean;
  /** Emits when a pause ends. */
  readonly resumed$: Observable<unknown>;
}

/** How far a feed is behind its socket. */
export interface Backlog {
  /** A frame came. */
  came(): void;
  /** A frame, the oldest as a rule, is worked off or dropped. */
  done(): void;
  /** Counts from nothing again; whoever waits here waits on. */
  clear(): void;
  /** Emits once and completes when whatever had arrived is worked off, and reading is not stopped. */
  readonly workedOff$: Observable<unknown>;
}

/**
 * Counts the frames between socket and subscribers, for a verdict of silence that must wait for them: a stream is not
 * silent whose values stand in line. Frames that come later put nothing off. O(1) per frame.
 */
export function createBacklog({ settled, isPaused, resumed$ }: BacklogConfig): Backlog {
  const done$ = new Subject<void>();
  let cameCount = 0;
  let doneCount = 0;

  const reach = (mark: number): Observable<unknown> =>
    doneCount >= mark ? of(undefined) : done$.pipe(filter(() => doneCount >= mark));

  return {
    came() {
      cameCount += 1;
    },
    done() {
      doneCount += 1;
      if (done$.observed) done$.next();
    },
    clear() {
      cameCount = 0;
      doneCount = 0;
    },
    workedOff$: defer(() => (isPaused() ? resumed$ : of(undefined))).pipe(
      take(1),
      switchMap(() => settled.pipe(take(1))),
      switchMap(() => reach(cameCount)),
      take(1),
    ),
  };
}
