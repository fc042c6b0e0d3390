import {
  catchError,
  concatMap,
  concatWith,
  defer,
  EMPTY,
  filter,
  finalize,
  isObservable,
  map,
  merge,
  mergeAll,
  type Observable,
  of,
  type OperatorFunction,
  startWith,
  Subject,
  switchMap,
  take,
  takeUntil,
  throwError,
  throwIfEmpty,
  timeout,
  timer,
} from 'rxjs';
import { backoff, BACKOFF_OPTIONS, type BackoffConfig, maxTimerMs } from './backoff.js';
import { fromYielded, type Yielded } from './fromYielded.js';
import { type OptionNames, refuseUnknown } from './refuseUnknown.js';
import { createSyncTracks, MOST_KEYS, type Track } from './syncTracks.js';
import { tellEach } from './tellEach.js';
import { createTurns } from './turns.js';

/** What comes out: the state of a key as a whole, then each change to it; a further snapshot starts that key anew. */
export type Synced<D, S, K = string> =
  | { readonly type: 'snapshot'; readonly key: K; readonly snapshot: S }
  | { readonly type: 'delta'; readonly key: K; readonly delta: D };

/**
 * What happens to a key. `retryInMs` is how long until its next snapshot is asked for; Infinity: not of its own accord.
 *
 * - `started`: a snapshot is asked for
 * - `synced`: one fits; `discarded` deltas were in it already, after at most `heldMs` of waiting
 * - `lost`: what was emitted of the key cannot be gone on with
 * - `failed`: no snapshot, or one that does not fit
 * - `overflow`: `maxHeld` is reached; from now on the oldest delta makes room for the newest
 */
export type SyncEvent<K = string> =
  | { readonly type: 'started'; readonly key: K }
  | { readonly type: 'synced'; readonly key: K; readonly discarded: number; readonly heldMs: number }
  | {
      readonly type: 'lost';
      readonly key: K;
      readonly reason: 'gap' | 'resync' | 'forgotten';
      readonly retryInMs: number;
    }
  | { readonly type: 'failed'; readonly key: K; readonly error: unknown; readonly retryInMs: number }
  | { readonly type: 'overflow'; readonly key: K; readonly maxHeld: number };

/**
 * Why a delta is not emitted: a snapshot holds it already, it holds nothing new, its key's row was broken off before a snapshot
 * came, too many waited, the key was forgotten or given up, or the stream is over.
 */
export type DropReason =
  'covered' | 'repeated' | 'gap' | 'resync' | 'overflow' | 'forgotten' | 'gaveUp' | 'ended';

export interface SyncSnapshotConfig<D, S, K extends string | number = string> {
  /** What a delta changes: each key has a snapshot, and a row of deltas, of its own. */
  readonly key: (delta: D) => K;
  /**
   * Asks for a snapshot: the first value counts. A throw, an error and an end without a value are failures, and are retried.
   * Never asked twice at a time for one key.
   */
  readonly snapshot: (key: K) => Yielded<S>;
  /** Whether the snapshot holds all of this delta already. */
  readonly covers: (snapshot: S, delta: D) => boolean;
  /** Whether this delta, the first one not covered, goes on from the snapshot: nothing is missing between them. */
  readonly joins: (snapshot: S, firstDelta: D) => boolean;
  /** Whether nothing is missing between two deltas. */
  readonly follows: (previous: D, delta: D) => boolean;
  /** Whether a delta that does not follow holds nothing newer than `previous`; then it is dropped, and is no gap. @default none does */
  readonly repeats?: (previous: D, delta: D) => boolean;
  /** Deltas that wait per key; the oldest makes room for the newest. @default 10_000 */
  readonly maxHeld?: number;
  /** Keys followed, 1 to 2 ** 24; the least recently seen is forgotten first. @default 10_000 */
  readonly maxKeys?: number;
  /** Snapshots asked for at a time; other keys wait their turn. @default 5 */
  readonly concurrency?: number;
  /** Milliseconds a snapshot may take, its wait for a turn apart. @default 10_000 */
  readonly timeoutMs?: number;
  /** How long to wait after a failure, and after a gap that follows soon on another trouble. @default that of `backoff` */
  readonly retry?: BackoffConfig;
  /** Milliseconds a key must have been in step for its next gap to be answered at once, as its first; 0: every gap is. @default 5_000 */
  readonly stableMs?: number;
  /** Milliseconds to wait at least after this error, a Retry-After say, backoff on top; Infinity gives the key up until `resync$`. @default 0 */
  readonly floorMs?: (error: unknown, key: K) => number;
  /** Starts a key anew, one not seen yet as well; `undefined` all that are known. If it errors, the stream does. */
  readonly resync$?: Observable<K | undefined>;
  /** Told of everything that happens. */
  readonly onEvent?: (event: SyncEvent<K>) => void;
  /** Told of each delta that is not emitted: where it throws at one, of the others that are dropped with that all the same. */
  readonly onDrop?: (delta: D, reason: DropReason) => void;
}

const OPTIONS: OptionNames<SyncSnapshotConfig<never, never>> = {
  key: true,
  snapshot: true,
  covers: true,
  joins: true,
  follows: true,
  repeats: true,
  maxHeld: true,
  maxKeys: true,
  concurrency: true,
  timeoutMs: true,
  retry: true,
  stableMs: true,
  floorMs: true,
  resync$: true,
  onEvent: true,
  onDrop: true,
};

/** There was no snapshot in time. */
export class SnapshotTimeoutError extends Error {
  override readonly name = 'SnapshotTimeoutError';
  constructor(
    readonly key: string | number,
    readonly timeoutMs: number,
  ) {
    super(`no snapshot within ${timeoutMs} ms`);
  }
}

/**
 * Joins a stream of changes with snapshots of what they change, per key: holds the deltas back, asks for the snapshot, drops what it
 * covers, and goes on from there in order. After a gap it starts that key again; the others do not notice.
 *
 *     deltas                -5-6-7------8-x     x: 10, so 9 is missing
 *     snapshot(), as of 6    -------S           asked for at 5
 *     syncSnapshot          --------(S7)8--     5 and 6 are in S; at x a new one is asked for
 *
 * A snapshot older than the first delta held is asked for again, after a backoff, while the deltas are held on. What is emitted
 * stays true as of its place in the row; a gap is found before anything behind it is emitted. Completes and errors with the source:
 * what is held then is dropped. What a hook causes at once has its turn after what it was told of. If `key`, `covers`, `joins`,
 * `follows`, `repeats`, `floorMs` or an `on…` throws, the stream errors; the delta that it was asked about, and those that were about to
 * come out, are told to `onDrop` before, as `ended`.
 *
 * @throws {RangeError} On creation, if a number is out of its range, those of `backoff` included.
 * @throws {TypeError} On creation, if what must be a function is none, or an option is misspelt.
 */
export function syncSnapshot<D, S, K extends string | number = string>(
  config: SyncSnapshotConfig<D, S, K>,
): OperatorFunction<D, Synced<D, S, K>> {
  refuseUnknown('syncSnapshot', config, OPTIONS);
  refuseUnknown('syncSnapshot', config.retry ?? {}, BACKOFF_OPTIONS, 'retry');
  const { key, snapshot, covers, joins, follows, repeats, floorMs, onEvent, onDrop } = config;
  const { maxHeld = 10_000, maxKeys = 10_000, concurrency = 5, timeoutMs = 10_000 } = config;
  const { stableMs = 5_000, resync$ = EMPTY, retry } = config;
  for (const [name, needed] of Object.entries({ key, snapshot, covers, joins, follows })) {
    check(name, needed, 'function');
  }
  for (const [name, optional] of Object.entries({ repeats, floorMs, onEvent, onDrop })) {
    if (optional !== undefined) check(name, optional, 'function');
  }
  if (!isObservable(resync$)) {
    throw new TypeError(`syncSnapshot: resync$ must be an Observable, got ${typeof resync$}`);
  }
  checkWhole('maxHeld', maxHeld, Number.MAX_SAFE_INTEGER);
  checkWhole('maxKeys', maxKeys, MOST_KEYS);
  checkWhole('concurrency', concurrency, Number.MAX_SAFE_INTEGER);
  check('timeoutMs', timeoutMs, 'number');
  if (!(timeoutMs > 0 && timeoutMs <= maxTimerMs)) {
    throw new RangeError(
      `syncSnapshot: timeoutMs must be above 0 and at most ${maxTimerMs}, got ${timeoutMs}`,
    );
  }
  check('stableMs', stableMs, 'number');
  if (!(stableMs >= 0)) throw new RangeError(`syncSnapshot: stableMs must be at least 0, got ${stableMs}`);
  const delayAfter = backoff(retry);

  return (source) =>
    defer(() => {
      /** What is to be done in its turn, and what it emits. */
      type Step = () => readonly Synced<D, S, K>[];
      const flights$ = new Subject<Observable<Step>>();
      const waiting$ = new Subject<Step>();
      const done$ = new Subject<void>();
      /** Deltas that wait for their turn. */
      const arriving: D[] = [];
      let underWay = 0;
      const inTurn = createTurns<Step>(concurrency);
      /** The round under way of each key; a value ends it. */
      const roundOf = new Map<Track<D, S, K>, Subject<void>>();

      const end = (track: Track<D, S, K>): void => {
        const round$ = roundOf.get(track);
        roundOf.delete(track);
        round$?.next();
      };

      const started = ({ key: id }: Track<D, S, K>): readonly never[] => {
        onEvent?.({ type: 'started', key: id });
        return [];
      };

      const failed = new WeakSet<Track<D, S, K>>();
      const begin = (track: Track<D, S, K>, delayMs: number): void => {
        end(track);
        const round$ = new Subject<void>();
        roundOf.set(track, round$);
        const received =
          (value: S): Step =>
          () =>
            tracks.receive(track, value);
        /** A step may have to wait for the one before it, and the round be over by then. */
        const ifStill =
          (step: Step): Step =>
          () =>
            roundOf.get(track) === round$ ? step() : [];
        const flight = defer(() => fromYielded(snapshot(track.key))).pipe(
          take(1),
          throwIfEmpty(),
          timeout({
            first: timeoutMs,
            with: () => throwError(() => new SnapshotTimeoutError(track.key, timeoutMs)),
          }),
          map(received),
          startWith<Step>(() => started(track)),
          inTurn,
          catchError((error: unknown) => {
            failed.add(track);
            return of<Step>(() => tracks.fail(track, error));
          }),
        );
        // After a failure by way of a timer, be it of 0 ms: a hook that fails at once cannot exhaust the stack.
        const round =
          delayMs > 0 || failed.has(track) ? timer(delayMs).pipe(switchMap(() => flight)) : flight;
        flights$.next(round.pipe(map(ifStill), takeUntil(round$)));
      };

      const tracks = createSyncTracks<D, S, K>(
        { ...config, maxHeld, maxKeys, stableMs, delayAfter },
        { begin, end },
      );
      const forced =
        (id: K | undefined): Step =>
        () =>
          tracks.resync(id);

      const drop = (deltas: readonly D[]): void => {
        if (onDrop) tellEach(deltas, (delta) => onDrop(delta, 'ended'));
      };

      /** A step is over before the next begins; what nobody listens to any more is dropped. */
      function* perform(step: Step): Iterable<Synced<D, S, K>> {
        let out: readonly Synced<D, S, K>[] = [];
        let taken = 0;
        underWay += 1;
        try {
          out = step();
          while (taken < out.length) yield out[taken++] as Synced<D, S, K>;
        } finally {
          underWay -= 1;
          drop(out.slice(taken).flatMap((left) => (left.type === 'delta' ? [left.delta] : [])));
        }
      }
      /** What goes on goes straight through; all else is a step, as whoever is told of it may cause the next. */
      const arrive = (delta: D): Synced<D, S, K> | undefined => {
        const out = underWay === 0 ? tracks.goOn(delta) : undefined;
        if (out !== undefined) return out;
        arriving.push(delta);
        waiting$.next(() => {
          arriving.shift();
          return [tracks.arrive(delta)].filter(isThere);
        });
        return undefined;
      };
      /** The end of the source has its turn too. */
      const over = (failure?: { readonly error: unknown }): Observable<never> => {
        waiting$.next(() => {
          if (failure) throw failure.error;
          done$.next();
          return [];
        });
        return EMPTY;
      };

      return merge(
        merge(waiting$, flights$.pipe(mergeAll()), resync$.pipe(map(forced))).pipe(concatMap(perform)),
        source.pipe(
          map(arrive),
          filter(isThere),
          concatWith(defer(() => over())),
          catchError((error: unknown) => over({ error })),
        ),
      ).pipe(
        takeUntil(done$),
        finalize(() => {
          try {
            tracks.close();
          } finally {
            drop(arriving.splice(0));
          }
        }),
      );
    });
}

const isThere = <T>(value: T | undefined): value is T => value !== undefined;

function check(name: string, value: unknown, type: 'function' | 'number'): void {
  if (typeof value !== type)
    throw new TypeError(`syncSnapshot: ${name} must be a ${type}, got ${typeof value}`);
}

function checkWhole(name: string, value: number, most: number): void {
  check(name, value, 'number');
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new RangeError(`syncSnapshot: ${name} must be a whole number from 1 to ${most}, got ${value}`);
}
