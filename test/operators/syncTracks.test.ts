import {
  createSyncTracks,
  type Rounds,
  SnapshotTooOldError,
  type Track,
} from '../../src/operators/syncTracks.js';

type TestTrack = Track<number, number, string>;

/** Deltas are numbers of one key, in steps of 1; every delay is 7 ms. */
function scene() {
  const begun: { readonly track: TestTrack; readonly delayMs: number }[] = [];
  const told: unknown[] = [];
  const rounds: Rounds<number, number, string> = {
    begin: (track, delayMs) => begun.push({ track, delayMs }),
    end: () => undefined,
  };
  const tracks = createSyncTracks<number, number, string>(
    {
      key: () => 'A',
      covers: (snapshot, delta) => delta <= snapshot,
      joins: (snapshot, delta) => delta === snapshot + 1,
      follows: (previous, delta) => delta === previous + 1,
      maxHeld: 10,
      maxKeys: 10,
      stableMs: Infinity,
      delayAfter: () => 7,
      onEvent: (event) => told.push(event),
    },
    rounds,
  );
  return { tracks, begun, told };
}

describe('createSyncTracks', () => {
  it('begins a round at the first delta, and holds the others without one', () => {
    const { tracks, begun } = scene();

    expect([5, 6, 7].map((delta) => tracks.arrive(delta))).toStrictEqual([undefined, undefined, undefined]);
    expect(begun.map(({ delayMs }) => delayMs)).toStrictEqual([0]);
  });

  it('answers a snapshot with itself and what goes on from it', () => {
    const { tracks, begun } = scene();
    for (const delta of [5, 6, 7]) tracks.arrive(delta);

    expect(tracks.receive(begun[0]!.track, 6)).toStrictEqual([
      { type: 'snapshot', key: 'A', snapshot: 6 },
      { type: 'delta', key: 'A', delta: 7 },
    ]);
    expect(tracks.arrive(8)).toStrictEqual({ type: 'delta', key: 'A', delta: 8 });
  });

  it('answers a second snapshot of one round with nothing', () => {
    const { tracks, begun } = scene();
    tracks.arrive(5);
    tracks.receive(begun[0]!.track, 5);

    expect(tracks.receive(begun[0]!.track, 5)).toStrictEqual([]);
  });

  it('begins a further round after a delay where a snapshot is too old, and says which key it is about', () => {
    const { tracks, begun, told } = scene();
    tracks.arrive(5);

    expect(tracks.receive(begun[0]!.track, 3)).toStrictEqual([]);
    expect(begun.map(({ delayMs }) => delayMs)).toStrictEqual([0, 7]);
    expect(told).toStrictEqual([
      { type: 'failed', key: 'A', error: new SnapshotTooOldError('A'), retryInMs: 7 },
    ]);
    expect(told[0]).toHaveProperty('error.key', 'A');
  });
});
