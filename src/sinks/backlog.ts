import {
  defer,
  endWith,
  filter,
  identity,
  ignoreElements,
  map,
  type Observable,
  of,
  repeat,
  Subject,
  switchMap,
  take,
  takeWhile,
} from 'rxjs';

export interface BacklogConfig {
  /** As the transport's: emits once what had arrived at the socket has been handed over. */
  readonly settled: Observable<unknown>;
  /** Reading is stopped, so that more waits at the socket. */
  readonly isPaused: () => boolean;
  /** Emits when a pause ends. */
  readonly resumed$: Observable<unknown>;
  /** Reading rests until the next `settled`, so that what had arrived is not all handed over yet. @default never */
  readonly isYielding?: () => boolean;
}

/** How far a feed is behind its socket. */
export interface Backlog {
  /** A frame came. */
  came(): void;
  /** The first of those that wait is worked off or dropped. */
  done(): void;
  /** The frame that came last has no place of its own behind those that wait: it is dropped, or has that of the one it replaces. */
  turnedAway(): void;
  /** Counts from nothing again; whoever waits here waits on. */
  clear(): void;
  /**
   * Emits once and completes when whatever had arrived is worked off, and reading is not stopped:
   *
   *     settled      ---s---s---s-----       one a turn
   *     isYielding   -yyyyyyy---------
   *     done         ----------------d       the last that had come by the end of the quiet turn
   *     workedOff$   ----------------(x|)
   *
   * Reading that rests in every turn puts it off by 100 of them at most.
   */
  readonly workedOff$: Observable<unknown>;
}

/**
 * Counts the frames between socket and subscribers, for a verdict of silence that must wait for them: a stream is not
 * silent whose values stand in line. Frames that come later put nothing off. O(1) per frame.
 */
export const createBacklog = (config: BacklogConfig): Backlog => new FramesBehind(config);

/** A class, since every idle connection keeps one: closures of its own took three times the memory. */
class FramesBehind implements Backlog {
  private cameCount = 0;
  private doneCount = 0;
  /** Made when somebody waits, which few ever do. */
  private done$: Subject<void> | undefined = undefined;

  constructor(private readonly config: BacklogConfig) {}

  get workedOff$(): Observable<unknown> {
    return defer(() =>
      this.turn$().pipe(
        repeat(MAX_TURNS),
        takeWhile(identity),
        ignoreElements(),
        endWith(undefined),
        switchMap(() => this.reach(this.cameCount)),
        take(1),
      ),
    );
  }

  came(): void {
    this.cameCount += 1;
  }

  done(): void {
    this.doneCount += 1;
    if (this.done$?.observed === true) this.done$.next();
  }

  turnedAway(): void {
    this.cameCount -= 1;
  }

  clear(): void {
    this.cameCount = 0;
    this.doneCount = 0;
  }

  private reach(mark: number): Observable<unknown> {
    if (this.doneCount >= mark) return of(undefined);
    this.done$ ??= new Subject();
    return this.done$.pipe(filter(() => this.doneCount >= mark));
  }

  /** A turn, and whether reading rested in it: at its start, if whoever goes on with `settled` does so before us, or at its end. */
  private turn$(): Observable<boolean> {
    const { config } = this;
    const isYielding = (): boolean => config.isYielding?.() === true;
    return defer(() => (config.isPaused() ? config.resumed$ : of(undefined))).pipe(
      take(1),
      switchMap(() => {
        const wasYielding = isYielding();
        return config.settled.pipe(
          take(1),
          map(() => wasYielding || isYielding()),
        );
      }),
    );
  }
}

/**
 * Under a permanent flood a verdict must fall at last. A turn reads 64 KiB at least, and the kernel holds some 6 MiB at most
 * (`tcp_rmem` of Linux): by then whatever had arrived has been read.
 */
const MAX_TURNS = 100;
