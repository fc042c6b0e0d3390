import { LRUCache } from 'lru-cache';
import { asyncScheduler } from 'rxjs';
import { maxTimerMs } from './backoff.js';
import type { DropReason, Synced, SyncEvent, SyncSnapshotConfig } from './syncSnapshot.js';
import { type BegunWait, leftMs } from './leftMs.js';
import { tellEach } from './tellEach.js';

interface Holding<D> {
  readonly is: 'holding';
  readonly since: number;
  readonly held: D[];
  isFull: boolean;
}

/**
 * `holding` until a snapshot fits, with deltas of which each follows the one before; `whole` from the snapshot until a delta has
 * joined it; `live` from then on.
 */
type Stage<D, S> =
  | Holding<D>
  | { readonly is: 'whole'; readonly since: number; readonly snapshot: S }
  | { readonly is: 'live'; readonly since: number; last: D }
  | { readonly is: 'givenUp' };

/** How one key stands. */
export interface Track<D, S, K> {
  readonly key: K;
  stage: Stage<D, S>;
  /** Delays drawn in a row, and the last of them. */
  attempt: number;
  previousMs: number;
  /** How long to wait after the last failure at least. */
  floor: BegunWait | undefined;
}

/** What is decided about a key, and left to whoever owns the time. */
export interface Rounds<D, S, K> {
  /** Ends the round of this key that is under way, and begins one that asks for a snapshot in so many ms. */
  readonly begin: (track: Track<D, S, K>, delayMs: number) => void;
  readonly end: (track: Track<D, S, K>) => void;
}

/** The tracks of all keys; each call gives what is to be emitted. A round may be answered before `begin` returns. */
export interface SyncTracks<D, S, K> {
  /** Emits a delta that follows the one before it; for any other nothing is done and nobody told. */
  goOn(delta: D): Synced<D, S, K> | undefined;
  arrive(delta: D): Synced<D, S, K> | undefined;
  receive(track: Track<D, S, K>, snapshot: S): readonly Synced<D, S, K>[];
  fail(track: Track<D, S, K>, error: unknown): readonly never[];
  /** `undefined`: all keys. */
  resync(key: K | undefined): readonly never[];
  /** Drops what is held. */
  close(): void;
}

type Decisions<D, S, K extends string | number> = Pick<
  SyncSnapshotConfig<D, S, K>,
  'key' | 'covers' | 'joins' | 'follows' | 'repeats' | 'floorMs' | 'onEvent' | 'onDrop'
> & {
  readonly maxHeld: number;
  readonly maxKeys: number;
  readonly stableMs: number;
  readonly delayAfter: (attempt: number, previousMs: number) => number;
};

const NOTHING: readonly never[] = [];

/** A `Map` of V8 holds no more entries. */
export const MOST_KEYS = 2 ** 24;

/** The snapshot is older than the first delta at hand: what lies between them is in neither. */
export class SnapshotTooOldError extends Error {
  override readonly name = 'SnapshotTooOldError';
  constructor(readonly key: string | number) {
    super('the snapshot ends before the first delta at hand begins');
  }
}

/** The part of `syncSnapshot` that decides, key by key; it asks for nothing and sets no timer. */
export function createSyncTracks<D, S, K extends string | number>(
  { key, covers, joins, follows, repeats, floorMs, onEvent, onDrop, ...config }: Decisions<D, S, K>,
  rounds: Rounds<D, S, K>,
): SyncTracks<D, S, K> {
  const { maxHeld, maxKeys, stableMs, delayAfter } = config;
  const tracks = new LRUCache<K, Track<D, S, K>>({ max: maxKeys });

  const tell = (event: SyncEvent<K>): void => onEvent?.(event);
  const drop = (deltas: readonly D[], reason: DropReason): void => {
    if (onDrop) tellEach(deltas, (delta) => onDrop(delta, reason));
  };
  /** Calls what may throw while these deltas are in nobody's hold: the stream ends with that, and they with it. */
  const orDrop = <R>(deltas: readonly D[], call: () => R): R => {
    try {
      return call();
    } catch (error) {
      drop(deltas, 'ended');
      throw error;
    }
  };

  /** Back to an empty hold, whatever the stage was. */
  const holdAnew = (track: Track<D, S, K>, reason: DropReason): void => {
    const { stage } = track;
    track.stage = emptyHold();
    if (stage.is === 'holding') drop(stage.held, reason);
  };

  /** The next delay of the row. */
  const draw = (track: Track<D, S, K>): number => {
    track.previousMs = delayAfter(track.attempt, track.previousMs);
    track.attempt += 1;
    return track.previousMs;
  };

  const open = (id: K, held: D[]): void => {
    const forgotten = tracks.size === maxKeys ? tracks.pop() : undefined;
    const track: Track<D, S, K> = {
      key: id,
      stage: { ...emptyHold(), held },
      attempt: 0,
      previousMs: 0,
      floor: undefined,
    };
    tracks.set(id, track);
    if (forgotten) {
      rounds.end(forgotten);
      holdAnew(forgotten, 'forgotten');
      tell({ type: 'lost', key: forgotten.key, reason: 'forgotten', retryInMs: Infinity });
    }
    rounds.begin(track, 0);
  };

  const hold = (track: Track<D, S, K>, stage: Holding<D>, delta: D): void => {
    const { held } = stage;
    if (held.length > 0) {
      const last = held.at(-1) as D;
      const fate = orDrop([delta], () => {
        if (follows(last, delta)) return 'next';
        return repeats?.(last, delta) ? 'repeated' : 'gap';
      });
      if (fate === 'repeated') {
        drop([delta], 'repeated');
        return;
      }
      if (fate === 'gap') {
        // Only a snapshot that covers the hole can be gone on from, and it covers what is before it too.
        drop(held.splice(0, held.length, delta), 'gap');
        return;
      }
    }
    held.push(delta);
    if (held.length <= maxHeld) return;
    const oldest = held.splice(0, 1);
    try {
      if (!stage.isFull) tell({ type: 'overflow', key: track.key, maxHeld });
    } finally {
      stage.isFull = true;
      drop(oldest, 'overflow');
    }
  };

  /** A key that was in step for long enough begins a new row of troubles. */
  const forgive = (track: Track<D, S, K>): boolean => {
    const { stage } = track;
    const isStable = isInStep(stage) && asyncScheduler.now() - stage.since >= stableMs;
    if (isStable) track.attempt = track.previousMs = 0;
    return isStable;
  };

  /** The delta behind the gap is the first of a new row. */
  const lose = (track: Track<D, S, K>, delta: D): void => {
    const retryInMs = forgive(track) ? 0 : draw(track);
    track.stage = { ...emptyHold(), held: [delta] };
    tell({ type: 'lost', key: track.key, reason: 'gap', retryInMs });
    rounds.begin(track, retryInMs);
  };

  const goOn = (delta: D): Synced<D, S, K> | undefined => {
    // As `orDrop` does, but for its function, which every delta would cost.
    try {
      const id = key(delta);
      const stage = tracks.get(id)?.stage;
      if (stage?.is !== 'live' || !follows(stage.last, delta)) return undefined;
      stage.last = delta;
      return { type: 'delta', key: id, delta };
    } catch (error) {
      drop([delta], 'ended');
      throw error;
    }
  };

  return {
    goOn,

    arrive(delta) {
      const next = goOn(delta);
      if (next) return next;
      const id = orDrop([delta], () => key(delta));
      const track = tracks.get(id);
      if (!track) {
        open(id, [delta]);
        return undefined;
      }
      const { stage } = track;
      switch (stage.is) {
        case 'live':
          if (orDrop([delta], () => repeats?.(stage.last, delta))) drop([delta], 'repeated');
          else lose(track, delta);
          return undefined;
        case 'whole':
          if (orDrop([delta], () => covers(stage.snapshot, delta))) {
            drop([delta], 'covered');
            return undefined;
          }
          if (!orDrop([delta], () => joins(stage.snapshot, delta))) {
            lose(track, delta);
            return undefined;
          }
          track.stage = { is: 'live', since: stage.since, last: delta };
          return { type: 'delta', key: id, delta };
        case 'holding':
          hold(track, stage, delta);
          return undefined;
        case 'givenUp':
          drop([delta], 'gaveUp');
          return undefined;
      }
    },

    receive(track, snapshot) {
      const { stage } = track;
      if (stage.is !== 'holding') return NOTHING;
      const { held, since } = stage;
      const first = held.findIndex((delta) => !covers(snapshot, delta));
      const discarded = first < 0 ? held.length : first;
      const rest = held.slice(discarded);
      if (rest.length > 0 && !joins(snapshot, rest[0] as D)) {
        return fail(track, new SnapshotTooOldError(track.key));
      }
      const now = asyncScheduler.now();
      track.floor = undefined; // it is over
      track.stage =
        rest.length > 0
          ? { is: 'live', since: now, last: rest.at(-1) as D }
          : { is: 'whole', since: now, snapshot };
      orDrop(rest, () => {
        try {
          tell({ type: 'synced', key: track.key, discarded, heldMs: Math.max(0, now - since) });
        } finally {
          drop(held.slice(0, discarded), 'covered');
        }
      });
      return [
        { type: 'snapshot', key: track.key, snapshot },
        ...rest.map((delta) => ({ type: 'delta' as const, key: track.key, delta })),
      ];
    },

    fail,

    resync(id) {
      if (id !== undefined && !tracks.has(id)) {
        open(id, []);
        return NOTHING;
      }
      const meant = id === undefined ? [...tracks.values()] : [tracks.get(id) as Track<D, S, K>];
      for (const track of meant) {
        const retryInMs = leftMs(track.floor);
        const isLost = isInStep(track.stage);
        forgive(track);
        holdAnew(track, 'resync');
        if (isLost) tell({ type: 'lost', key: track.key, reason: 'resync', retryInMs });
        rounds.begin(track, retryInMs);
      }
      return NOTHING;
    },

    close() {
      tellEach([...tracks.values()], (track) => holdAnew(track, 'ended'));
    },
  };

  function fail(track: Track<D, S, K>, error: unknown): readonly never[] {
    const atLeastMs = floorMs?.(error, track.key) ?? 0;
    if (!(atLeastMs >= 0)) {
      throw new RangeError(`syncSnapshot: floorMs must give a number of at least 0, got ${atLeastMs}`);
    }
    if (atLeastMs === Infinity) {
      tell({ type: 'failed', key: track.key, error, retryInMs: Infinity });
      holdAnew(track, 'gaveUp');
      track.stage = { is: 'givenUp' };
      return NOTHING;
    }
    const retryInMs = Math.min(maxTimerMs, atLeastMs + draw(track));
    track.floor = { ms: Math.min(maxTimerMs, atLeastMs), since: asyncScheduler.now() };
    tell({ type: 'failed', key: track.key, error, retryInMs });
    rounds.begin(track, retryInMs);
    return NOTHING;
  }
}

const isInStep = <D, S>(
  stage: Stage<D, S>,
): stage is Extract<Stage<D, S>, { since: number; is: 'whole' | 'live' }> =>
  stage.is === 'whole' || stage.is === 'live';

function emptyHold<D>(): Holding<D> {
  return { is: 'holding', since: asyncScheduler.now(), held: [], isFull: false };
}
