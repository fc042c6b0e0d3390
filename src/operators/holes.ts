import { asyncScheduler, type Subscription } from 'rxjs';
import { createMissing } from './missing.js';
import { type AbandonReason, createRecovery, type Recovery, RecoveryAbandonedError } from './recoverGaps.js';
import type { ReorderConfig } from './reorder.js';
import type { Scopes } from './scopes.js';
import type { Gap, Sequence, Sequencing, Standing } from './sequence.js';
import { tellEach } from './tellEach.js';

interface Held<T> {
  readonly value: T;
  readonly number: number;
  /** The number it begins at: what is held is sorted by it. */
  readonly start: number;
  readonly at: number;
  readonly isRecovered: boolean;
}

/** What waits behind the first hole of a sequence and those after it, in order. */
interface Hole<T> {
  readonly held: Held<T>[];
  /** The timer of the first hole; `undefined` until it is set. */
  overdue: Subscription | undefined;
  /** That of the first hole, until it is filled or given up. */
  recovery: Recovery<T> | undefined;
  /** What is missing below this number was asked for, and is not asked for again. */
  askedBelow: number;
}

/** Work on the sequences that emits as it goes; one step is over before the next begins. */
export type Step<T> = () => Iterable<T>;

/** Who owns the time; called as methods. */
export interface HolesHooks<T> {
  /** Takes this step in so many milliseconds, unless what it returns is unsubscribed. */
  later(ms: number, step: Step<T>): Subscription;
  /** What a hole lacks is to be asked for. */
  ask(recovery: Recovery<T>): void;
}

/** What is held back behind the holes of sequences, and what is decided about it; when, and what for, is for `reorder`. */
export class Holes<T> {
  private readonly holes = new Map<Sequence, Hole<T>>();
  private readonly table: Scopes<Sequence>;
  /** Sequences that the table forgot, whose values are yet to come out. */
  private readonly forgotten: Sequence[] = [];
  /** Not placed yet: the value being looked at, and those that came meanwhile. */
  private readonly arriving: T[] = [];

  constructor(
    private readonly sequencing: Sequencing<T>,
    private readonly config: ReorderConfig<T>,
    private readonly hooks: HolesHooks<T>,
  ) {
    this.table = sequencing.createTable((sequence) => this.forgotten.push(sequence));
  }

  /** They have come, and wait to be placed. */
  came(values: readonly T[]): void {
    for (const value of values) this.arriving.push(value);
  }

  /** Takes in a value that goes on where its sequence is, with nothing else to do for it; others wait to be placed. */
  passes(value: T, isIdle: boolean): boolean {
    this.arriving.push(value);
    if (!isIdle || !this.goesOn(value)) return false;
    this.arriving.pop();
    return true;
  }

  /** Places the value that came first of those that wait. */
  *arrive(value: T): Iterable<T> {
    const { arriving, sequencing, config } = this;
    const { standing, isReset } = sequencing;
    const number = sequencing.numberOf(value);
    const start = sequencing.startOf(value, number);
    const sequence = this.table.of(sequencing.scopeOf(value));
    for (const lost of this.forgotten.splice(0)) {
      yield* this.giveUp(lost, 'forgotten');
      config.onForgotten?.(lost);
    }
    if (Number.isNaN(sequence.last) || isReset?.(value)) {
      yield* this.giveUp(sequence, 'reset');
      this.begin(sequence, number, start);
      arriving.shift();
      yield value;
      return;
    }
    // What steps down, or links to nothing that may still come, leaves nothing to wait for.
    const isBreak = start > number + 1 || isBroken(standing(value, number, sequence));
    if (isBreak) {
      const { late } = sequence;
      yield* this.giveUp(sequence, 'reset');
      sequence.late = late; // what was held came before it
    }
    const place = standing(value, number, sequence);
    const item = { value, number, start, at: asyncScheduler.now(), isRecovered: false };
    if (opensHole(place) && !isBreak) {
      arriving.shift();
      this.hold(sequence, item);
    } else {
      const isDue = this.pass(sequence, place, item);
      arriving.shift();
      if (isDue) yield value;
      else config.onDuplicate?.(value);
    }
    yield* this.advance(sequence);
  }

  /** Places a page of what a hole lacks, whose values came before. */
  *takeIn(recovery: Recovery<T>, page: readonly T[]): Iterable<T> {
    const { arriving, sequencing, config } = this;
    const { sequence, gap } = recovery;
    for (const value of page) {
      if (arriving.length === 0) return; // who was told of the one before has left
      const number = sequencing.numberOf(value);
      const start = sequencing.startOf(value, number);
      const isOfScope = sequencing.scopeOf(value) === sequence.scope;
      const isAskedFor = number > gap.after && start < gap.before && isOfScope;
      arriving.shift();
      if (recovery.isOver) config.onDrop?.(value);
      else if (isAskedFor) {
        this.hold(sequence, { value, number, start, at: asyncScheduler.now(), isRecovered: true });
      } else config.onDuplicate?.(value);
    }
    yield* this.advance(sequence);
  }

  /** All was said of what a hole lacks, or it cannot be had. */
  *finish(recovery: Recovery<T>, failure?: { readonly error: unknown }): Iterable<T> {
    const { sequence, isOver } = recovery;
    const hole = this.holes.get(sequence);
    if (isOver || hole === undefined) return;
    recovery.isOver = true;
    if (failure) this.abandon(hole, failure.error);
    yield* this.advance(sequence);
  }

  /** Lets out all that is held. */
  *giveUpAll(): Iterable<T> {
    for (const sequence of [...this.holes.keys()]) yield* this.giveUp(sequence, 'ended');
  }

  /** It is over: tells what does not come out any more. */
  drop(): void {
    const { onDrop } = this.config;
    const left = [...this.holes.values()];
    this.holes.clear();
    for (const { overdue } of left) overdue?.unsubscribe();
    const held = left.flatMap((hole) => hole.held.splice(0));
    const lost = [...held.map(({ value }) => value), ...this.arriving.splice(0)];
    if (onDrop) tellEach(lost, onDrop);
  }

  private goesOn(value: T): boolean {
    const { sequencing } = this;
    const number = sequencing.numberOf(value);
    const sequence = this.table.of(sequencing.scopeOf(value));
    const { last } = sequence;
    if (Number.isNaN(last) || number < last || this.holes.has(sequence)) return false;
    if (sequencing.isReset?.(value) || sequencing.standing(value, number, sequence) !== 'next') return false;
    sequence.last = number;
    sequence.late = undefined;
    return true;
  }

  private begin(sequence: Sequence, number: number, start: number): void {
    sequence.last = number;
    sequence.late = undefined;
    if (this.config.recover) sequence.missing = createMissing(Math.min(start, number));
  }

  /** Emits what goes on from here; gives up the holes seen at `seenUntil` or before, and any with too many behind. */
  private *advance(sequence: Sequence, seenUntil = -Infinity, isOver = false): Iterable<T> {
    const hole = this.holes.get(sequence);
    if (hole === undefined) return;
    const { held } = hole;
    let isSameHole = hole.overdue !== undefined;
    for (;;) {
      this.settle(sequence, hole);
      const next = held[0];
      if (next === undefined) break;
      const place = this.sequencing.standing(next.value, next.number, sequence);
      if (opensHole(place) && !isOver && this.staysOpen(sequence, hole, place, seenUntil)) break;
      const isDue = this.pass(sequence, place, next);
      isSameHole = false;
      if (!next.isRecovered) this.settle(sequence, hole);
      else if (isDue && hole.recovery) hole.recovery.count += 1;
      // Last: whoever was told so far and leaves is told that it is dropped, and of no more.
      if (held.shift() === undefined) return;
      if (isDue) yield next.value;
      else this.config.onDuplicate?.(next.value);
    }
    if (!isSameHole) this.watch(sequence, hole);
  }

  private *giveUp(sequence: Sequence, reason: AbandonReason): Iterable<T> {
    const hole = this.holes.get(sequence);
    if (hole) this.abandon(hole, new RecoveryAbandonedError(reason));
    yield* this.advance(sequence, Infinity, true);
  }

  private staysOpen(sequence: Sequence, hole: Hole<T>, gap: Gap, seenUntil: number): boolean {
    const { maxItems, recover, recovery: { maxHeld = 10_000 } = {} } = this.config;
    const { held, recovery } = hole;
    if (gap.after < hole.askedBelow) {
      if (recovery === undefined || recovery.isOver) return false;
      if (held.length <= maxHeld) return true;
      this.abandon(hole, new RecoveryAbandonedError('overflow'));
      return false;
    }
    const isOverdue = seenUntil > -Infinity && seenAt(held) <= seenUntil;
    if (held.length <= maxItems && !isOverdue) return true;
    if (recover === undefined) return false;
    hole.askedBelow = gap.before;
    hole.recovery = createRecovery(sequence, gap, (held[0] as Held<T>).value);
    this.hooks.ask(hole.recovery);
    return true;
  }

  /** Enters a value into its sequence; false if it is not to be emitted, having been before. */
  private pass(sequence: Sequence, place: Standing, item: Held<T>): boolean {
    const { followsLate = true, onGap, onLate } = this.config;
    const { last, missing } = sequence;
    const { value, number, start } = item;
    if (place === 'late') {
      if (followsLate) sequence.late = number;
      if (missing?.lacks(start, number) === false || !this.isWanted(item)) return false;
      missing?.fill(start, number);
      onLate?.(value, last + 1);
      return true;
    }
    if (number < last) this.begin(sequence, number, start);
    else if (place !== 'next') missing?.add(place);
    sequence.last = number;
    sequence.late = undefined;
    if (place !== 'next') onGap?.(place, value);
    if (this.isWanted(item)) return true;
    if (number > last) missing?.add({ after: Math.max(last, start - 1), before: number + 1 });
    return false;
  }

  /** Asks about a recovered value in its turn. If it is not, another with its numbers that is new may still come. */
  private isWanted({ value, isRecovered }: Held<T>): boolean {
    return !isRecovered || this.config.isNew?.(value) !== false;
  }

  private hold(sequence: Sequence, item: Held<T>): void {
    const { held } = this.holeOf(sequence);
    held.splice(placeOf(held, item), 0, item);
  }

  private holeOf(sequence: Sequence): Hole<T> {
    const known = this.holes.get(sequence);
    if (known) return known;
    const hole: Hole<T> = { held: [], overdue: undefined, recovery: undefined, askedBelow: -Infinity };
    this.holes.set(sequence, hole);
    return hole;
  }

  /** Sets the timer of a sequence's first hole, or ends it with the last one. */
  private watch(sequence: Sequence, hole: Hole<T>): void {
    const { maxMs } = this.config;
    hole.overdue?.unsubscribe();
    hole.overdue = undefined;
    if (hole.held.length === 0) this.holes.delete(sequence);
    else if (hole.recovery === undefined) {
      const since = seenAt(hole.held);
      const waitMs = Math.min(maxMs, Math.max(0, since + maxMs - asyncScheduler.now()));
      hole.overdue = this.hooks.later(waitMs, () => this.advance(sequence, since));
    }
  }

  /** Ends the recovery of a hole that is behind us. */
  private settle({ last }: Sequence, hole: Hole<T>): void {
    const { recovery } = hole;
    if (recovery === undefined || last < recovery.gap.before - 1) return;
    endRecovery(hole, recovery, () =>
      this.config.onRecovered?.(recovery.gap, recovery.value, recovery.count),
    );
  }

  private abandon(hole: Hole<T>, error: unknown): void {
    const { recovery } = hole;
    if (recovery === undefined) return;
    endRecovery(hole, recovery, () => this.config.onRecoveryFailed?.(recovery.gap, recovery.value, error));
  }
}

/** Told before another recovery takes its turn. */
function endRecovery<T>(hole: Hole<T>, recovery: Recovery<T>, tellEnd: () => void): void {
  hole.recovery = undefined;
  recovery.isOver = true;
  tellEnd();
  recovery.over$.next();
}

const opensHole = (place: Standing): place is Gap => typeof place === 'object' && place.missing > 0;

/** A link to what can neither come nor be asked for. */
const isBroken = (place: Standing): boolean => typeof place === 'object' && place.missing === 0;

/** The hole in front was seen when the first of those behind it arrived. */
const seenAt = (held: readonly Held<unknown>[]): number =>
  held.reduce((earliest, { at }) => Math.min(earliest, at), Infinity);

/** Behind all that begin before it, and those that begin where it does and end no later. */
function placeOf(held: readonly Held<unknown>[], item: Held<unknown>): number {
  let [from, to] = [0, held.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (isBehind(item, held[middle] as Held<unknown>)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Of two copies the one that was recovered is: by the other it is no longer new. */
function isBehind(item: Held<unknown>, other: Held<unknown>): boolean {
  if (item.start !== other.start) return item.start > other.start;
  if (item.number !== other.number) return item.number > other.number;
  return item.isRecovered || !other.isRecovered;
}
