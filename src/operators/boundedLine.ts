import { asyncScheduler } from 'rxjs';
import { createLine } from './line.js';
import type { Worker } from './turnBudget.js';

/** What happens to a value that arrives when the line is full. */
export type Overflow = 'drop-oldest' | 'drop-newest' | 'conflate' | 'error' | 'pause';

/** More than `maxItems` values had to wait, and the policy was `error`. */
export class BufferOverflowError extends Error {
  override readonly name = 'BufferOverflowError';
  constructor(readonly maxItems: number) {
    super(`more than ${maxItems} values had to wait`);
  }
}

export interface BoundedLineConfig<T> {
  readonly maxItems: number;
  /** As `bufferBounded`'s. @default 'drop-oldest' */
  readonly overflow?: Overflow;
  /** What `conflate` tells values apart by; a value whose key is `undefined` is never conflated. */
  readonly key?: (value: T) => unknown;
  /** Who says when a value may be taken: it joins a `TurnBudget`, or asks a sink for room. `onTurn` makes it go on. */
  readonly join: (onTurn: () => void) => Worker;
  /** Takes a value whose turn has come; `at` is the time now. */
  readonly take: (value: T, at: number) => void;
  /** Everything that had to be taken is taken: with what `end` was given, or an overflow that was an error. */
  readonly onDone: (failure?: Failure) => void;
  /** `take`, `key` or a hook threw. Nothing more is taken, in or out; what waits is then dropped as `ended`. */
  readonly onError: (error: unknown) => void;
  /** Told of each value that is not taken, and why. */
  readonly onDrop?: (value: T, reason: 'overflow' | 'conflated' | 'ended') => void;
  /** With `pause`: the line is longer than `maxItems`. */
  readonly onPause?: () => void;
  /** With `pause`: the line has drained to half of `maxItems`. */
  readonly onResume?: () => void;
  /**
   * A value that came has to wait for `onTurn`: whoever sends more may stop until then. In a turn that follows one in which the
   * line overflowed, it is told only when an eighth of `maxItems` was lost: then the policy decides what is lost, and what waits
   * at the source must not grow old there.
   */
  readonly onYield?: () => void;
  /**
   * After `onYield`: the line had its turn and took what it might. Whoever sends may go on, whatever still waits;
   * `onYield` follows with the next value that has to wait.
   */
  readonly onTurn?: () => void;
}

export interface Failure {
  readonly error: unknown;
}

/** Values on their way to who takes them, of which a bounded number wait when it is not their turn. */
export interface BoundedLine<T> {
  /** Values that wait. */
  size(): number;
  /** Takes a value in, at the time `at` (epoch ms): false once nothing more is taken in, and what comes then is dropped as `ended`. */
  accept(value: T, at: number): boolean;
  /** Takes nothing more in; what waits is still taken. */
  end(failure?: Failure): void;
  /** Nobody wants the rest: drops what waits as `ended`, and tells nothing else. */
  leave(): void;
}

/** In a turn after an overflow a source may go on until so many-th a part of `maxItems` is lost. */
const OVERLOAD_PARTS = 8;

/**
 * The core of `bufferBounded`, without rxjs. With nothing waiting and time left a value is taken at once, synchronously,
 * and costs no allocation. What comes while a value is being taken waits until that is done. Its caller checks the options.
 */
export function createBoundedLine<T>({
  maxItems,
  overflow = 'drop-oldest',
  key,
  join,
  take,
  onDone,
  onError,
  onDrop,
  onPause,
  onResume,
  onYield,
  onTurn,
}: BoundedLineConfig<T>): BoundedLine<T> {
  const line = createLine<T>();
  const keyOf = overflow === 'conflate' ? key : undefined;
  const mostWaiting = overflow === 'pause' ? 2 * maxItems + 10_000 : maxItems;
  let isTaking = false;
  let isPaused = false;
  let isYielding = false;
  /** Values lost to the bound since the last turn. */
  let lost = 0;
  /** Some were in the turn before, though the source stopped: more comes than can be taken. */
  let isOverloaded = false;
  let hasEnded = false;
  let failure: Failure | undefined;
  /** Done, left, or broken by a hook that threw. */
  let isOver = false;

  const isOpen = (): boolean => !hasEnded && !isOver;

  const leave = (): void => {
    isOver = true;
    isYielding = false;
    worker.leave();
    while (!line.isEmpty()) {
      const left = line.shift();
      onDrop?.(left, 'ended');
    }
  };

  const fail = (error: unknown): void => {
    if (isOver) throw error; // nobody is left to be told
    isOver = true;
    worker.leave();
    onError(error);
    leave();
  };

  const drain = (): void => {
    isTaking = true;
    while (!line.isEmpty()) {
      const at = asyncScheduler.now();
      if (!worker.mayWork(at)) break;
      take(line.shift(), at);
      if (isOver) break;
      if (isPaused && line.size <= maxItems / 2) {
        isPaused = false;
        onResume?.();
      }
    }
    isTaking = false;
  };

  const yieldTurn = (): void => {
    if (isYielding || isOver) return;
    worker.wait();
    if (isOverloaded && lost < maxItems / OVERLOAD_PARTS) return;
    isYielding = true;
    onYield?.();
  };

  const finish = (): void => {
    if (!hasEnded || !line.isEmpty() || isOver) return;
    isOver = true;
    worker.leave();
    onDone(failure);
  };

  const end = (by?: Failure): void => {
    if (hasEnded || isOver) return;
    hasEnded = true;
    failure = by;
    if (!isTaking) finish();
  };

  /** After a value that was taken at once: takes those that came meanwhile. */
  const settle = (): void => {
    drain();
    if (!line.isEmpty()) yieldTurn();
    finish();
  };

  const worker = join(() => {
    if (isTaking || isOver) return;
    try {
      drain();
      // Every second turn at most: else one that takes all day to read would make the overload that it was to find out.
      isOverloaded = lost > 0 && !isOverloaded && !line.isEmpty();
      lost = 0;
      if (!line.isEmpty()) worker.wait();
      if (isYielding) {
        isYielding = false;
        onTurn?.();
      }
      finish();
    } catch (error) {
      fail(error);
    }
  });

  /** Gives a value its place in line, or drops one. */
  const wait = (value: T): void => {
    const id = keyOf?.(value);
    if (id !== undefined && line.has(id)) {
      const replaced = line.replace(value, id);
      onDrop?.(replaced, 'conflated');
    } else if (line.size < mostWaiting) {
      line.push(value, id);
      if (overflow === 'pause' && !isPaused && line.size > maxItems) {
        isPaused = true;
        onPause?.();
      }
    } else if (overflow === 'drop-oldest' || overflow === 'conflate') {
      const oldest = line.shift();
      line.push(value, id);
      lost += 1;
      onDrop?.(oldest, 'overflow');
    } else {
      lost += 1;
      if (overflow === 'error') end({ error: new BufferOverflowError(maxItems) });
      onDrop?.(value, 'overflow');
    }
    if (!isTaking) yieldTurn();
  };

  return {
    size: () => line.size,
    accept(value, at) {
      if (!isOpen()) {
        onDrop?.(value, 'ended');
        return false;
      }
      try {
        if (isTaking || !line.isEmpty() || !worker.mayWork(at)) {
          wait(value);
        } else {
          isTaking = true;
          take(value, at);
          isTaking = false;
          if (hasEnded || !line.isEmpty()) settle();
        }
      } catch (error) {
        fail(error);
      }
      return isOpen();
    },
    end,
    leave,
  };
}
