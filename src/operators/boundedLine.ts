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
  readonly key?: ((value: T) => unknown) | undefined;
  /** Who says when a value may be taken: it joins a `TurnBudget`, or asks a sink for room. `onTurn` makes it go on. */
  readonly join: (onTurn: () => void) => Worker;
  /** What waits in the place of a value: for who hands over one object again and again. @default the value */
  readonly keep?: (value: T) => T;
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
  /** What it was ended with, or an overflow that is an error: told by `onDone` when what waits is taken. */
  readonly failure: Failure | undefined;
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
export const createBoundedLine = <T>(config: BoundedLineConfig<T>): BoundedLine<T> =>
  new TakenInTurn<T>(config);

/** A class, since every idle connection keeps one: closures of its own took three times the memory. */
class TakenInTurn<T> implements BoundedLine<T> {
  private readonly line = createLine<T>();
  private readonly worker: Worker;
  private readonly maxItems: number;
  private readonly overflow: Overflow;
  private isTaking = false;
  private isPaused = false;
  private isYielding = false;
  /** Values lost to the bound since the last turn. */
  private lost = 0;
  /** Some were in the turn before, though the source stopped: more comes than can be taken. */
  private isOverloaded = false;
  private hasEnded = false;
  failure: Failure | undefined = undefined;
  /** Done, left, or broken by a hook that threw. */
  private isOver = false;

  constructor(private readonly config: BoundedLineConfig<T>) {
    const { maxItems, overflow = 'drop-oldest' } = config;
    this.maxItems = maxItems;
    this.overflow = overflow;
    this.worker = config.join(() => this.takeTurn());
  }

  size(): number {
    return this.line.size;
  }

  accept(value: T, at: number): boolean {
    if (!this.isOpen()) {
      this.config.onDrop?.(value, 'ended');
      return false;
    }
    try {
      if (this.isTaking || !this.line.isEmpty() || !this.worker.enter(at)) {
        this.wait(value);
      } else {
        this.isTaking = true;
        this.config.take(value, at);
        this.worker.exit();
        this.isTaking = false;
        if (this.hasEnded || !this.line.isEmpty()) this.settle();
      }
    } catch (error) {
      this.fail(error);
    }
    return this.isOpen();
  }

  end(failure?: Failure): void {
    if (!this.isOpen()) return;
    this.hasEnded = true;
    this.failure = failure;
    if (!this.isTaking) this.finish();
  }

  leave(): void {
    const { line, config } = this;
    this.isOver = true;
    this.isYielding = false;
    this.worker.leave();
    while (!line.isEmpty()) {
      const left = line.shift();
      config.onDrop?.(left, 'ended');
    }
  }

  private isOpen(): boolean {
    return !this.hasEnded && !this.isOver;
  }

  private fail(error: unknown): void {
    if (this.isOver) throw error; // nobody is left to be told
    this.isOver = true;
    this.worker.leave();
    this.config.onError(error);
    this.leave();
  }

  private drain(): void {
    const { line, worker, config } = this;
    this.isTaking = true;
    while (!line.isEmpty()) {
      const at = asyncScheduler.now();
      if (!worker.mayWork(at)) break;
      config.take(line.shift(), at);
      if (this.isOver) break;
      if (this.isPaused && line.size <= this.maxItems / 2) {
        this.isPaused = false;
        config.onResume?.();
      }
    }
    this.isTaking = false;
  }

  private yieldTurn(): void {
    if (this.isYielding || this.isOver) return;
    this.worker.wait();
    if (this.isOverloaded && this.lost < this.maxItems / OVERLOAD_PARTS) return;
    this.isYielding = true;
    this.config.onYield?.();
  }

  private finish(): void {
    if (!this.hasEnded || !this.line.isEmpty() || this.isOver) return;
    this.isOver = true;
    this.worker.leave();
    this.config.onDone(this.failure);
  }

  /** After a value that was taken at once: takes those that came meanwhile. */
  private settle(): void {
    this.drain();
    if (!this.line.isEmpty()) this.yieldTurn();
    this.finish();
  }

  private takeTurn(): void {
    const { line } = this;
    if (this.isTaking || this.isOver) return;
    try {
      this.drain();
      // Every second turn at most: else one that takes all day to read would make the overload that it was to find out.
      this.isOverloaded = this.lost > 0 && !this.isOverloaded && !line.isEmpty();
      this.lost = 0;
      if (!line.isEmpty()) this.worker.wait();
      if (this.isYielding) {
        this.isYielding = false;
        this.config.onTurn?.();
      }
      this.finish();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Gives a value its place in line, or drops one. */
  private wait(passing: T): void {
    const { line, config, maxItems, overflow } = this;
    const value = config.keep === undefined ? passing : config.keep(passing);
    const id = overflow === 'conflate' ? config.key?.(value) : undefined;
    if (id !== undefined && line.has(id)) {
      const replaced = line.replace(value, id);
      config.onDrop?.(replaced, 'conflated');
    } else if (line.size < (overflow === 'pause' ? 2 * maxItems + 10_000 : maxItems)) {
      line.push(value, id);
      if (overflow === 'pause' && !this.isPaused && line.size > maxItems) {
        this.isPaused = true;
        config.onPause?.();
      }
    } else if (overflow === 'drop-oldest' || overflow === 'conflate') {
      const oldest = line.shift();
      line.push(value, id);
      this.lost += 1;
      config.onDrop?.(oldest, 'overflow');
    } else {
      this.lost += 1;
      if (overflow === 'error') this.end({ error: new BufferOverflowError(maxItems) });
      config.onDrop?.(value, 'overflow');
    }
    if (!this.isTaking) this.yieldTurn();
  }
}
