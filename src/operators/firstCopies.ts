import type { Recent } from './lineTally.js';
import { createReplayWindow, type Replay, type ReplayWindow } from './replayWindow.js';
import { createSeenKeys, type Key } from './seenKeys.js';

/** What is known of a value that arrived: what it is called, among which others, and whether it came before. */
export interface Sighting {
  readonly id: Key;
  readonly among: Recent;
  readonly replay: Replay;
}

/** Tells the first copy of a value from the later ones. */
export interface FirstCopies<T> {
  see(value: T): Sighting;
  /** Forgets a scope, of which too many are known. */
  forget(scope: unknown): void;
  /** Keys forgotten to make room for others. */
  readonly forgotten: number;
}

/** Knows values by their key: the last `maxKeys` at least. */
export function firstByKey<T>(key: (value: T) => Key, maxKeys: number): FirstCopies<T> {
  const seen = createSeenKeys({ maxKeys });
  const among: Recent = new Map();
  return {
    see(value) {
      const id = key(value);
      return { id, among, replay: seen.add(id) ? 'new' : 'seen' };
    },
    forget: () => undefined,
    get forgotten() {
      return seen.stats().evictions;
    },
  };
}

/** Knows values by their number in their scope: the last `maxKeys` numbers of each. */
export function firstByNumber<T>(
  of: (value: T) => number,
  scope: (value: T) => unknown,
  maxKeys: number,
): FirstCopies<T> {
  interface Scope {
    readonly numbers: ReplayWindow;
    readonly among: Recent;
  }
  const scopes = new Map<unknown, Scope>();
  const open = (name: unknown): Scope => {
    const opened = { numbers: createReplayWindow(maxKeys), among: new Map() };
    scopes.set(name, opened);
    return opened;
  };
  return {
    see(value) {
      const id = of(value);
      if (!Number.isSafeInteger(id)) {
        throw new RangeError(`arbitrate: sequence.of must give a safe integer, got ${String(id)}`);
      }
      const name = scope(value) ?? undefined;
      const { numbers, among } = scopes.get(name) ?? open(name);
      return { id, among, replay: numbers.see(id) };
    },
    forget: (name) => void scopes.delete(name ?? undefined),
    forgotten: 0,
  };
}
