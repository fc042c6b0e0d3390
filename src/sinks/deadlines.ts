import { asyncScheduler, type SchedulerAction, Subscription } from 'rxjs';

/** Something that falls due; only the queue writes these fields. */
export interface Deadline {
  /** Epoch ms. */
  dueAt: number;
  /** Its place in the queue, -1 while it is in none. */
  slot: number;
}

/** Who is told. */
export interface DeadlineHooks<T> {
  /**
   * Gets each entry at its deadline, already taken out. If the clock was set back, it gets every entry at once, before its
   * deadline, to be put in anew.
   */
  onDue(entry: T, now: number): void;
  /** Told before it gets any, where the timer rang more than 1 s late: nothing ran meanwhile, or the clock was set forward. */
  onLate?(lateMs: number, now: number): void;
}

/** Entries that wait to fall due, each at most once. */
export interface Deadlines<T extends Deadline> {
  /** Puts the entry in, or moves it if it is in already. O(log n). */
  put(entry: T, dueAt: number): void;
  /** Takes the entry out, if it is in. O(log n). */
  remove(entry: T): void;
  /** Takes all out. No timer is left, as whenever it is empty. */
  clear(): void;
}

/** A list that grows by itself takes 17 places for its first entry: until there are so many, it takes what it needs. */
const FEW_ENTRIES = 8;

/** A timer that is later than this rings behind a clock that was set forward, a sleep, or a loop that was blocked. */
const LATE_MS = 1_000;

/** The longest a timer of the platform can wait, in ms; it fires at once for anything longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Any number of deadlines on one timer, which waits for the earliest: a binary heap whose entries know their own place,
 * so that moving or removing one needs no search. It holds as many entries as its owner puts in; bounding that is the
 * owner's.
 */
export const createDeadlines = <T extends Deadline>(onDue: DeadlineHooks<T>['onDue']): Deadlines<T> =>
  new DeadlineHeap({ onDue });

/** A class, since every idle connection keeps one: closures of its own took three times the memory. */
export class DeadlineHeap<T extends Deadline> implements Deadlines<T> {
  private heap: T[] = [];
  private alarm = Subscription.EMPTY;
  private alarmAt = Infinity;
  /** The latest time that was seen since it rang last: setting it anew must not hide that the clock was set back. */
  private seenAt = -Infinity;

  constructor(private readonly hooks: DeadlineHooks<T>) {}

  put(entry: T, dueAt: number): void {
    entry.dueAt = dueAt;
    if (entry.slot < 0 && this.heap.length < FEW_ENTRIES) this.heap = this.heap.concat([entry]);
    else if (entry.slot < 0) this.heap.push(entry);
    this.sift(entry, entry.slot < 0 ? this.heap.length - 1 : entry.slot);
    this.arm();
  }

  remove(entry: T): void {
    if (entry.slot < 0) return;
    this.takeOut(entry);
    this.arm();
  }

  clear(): void {
    this.takeOutAll();
    this.disarm();
  }

  private place(entry: T, slot: number): void {
    this.heap[slot] = entry;
    entry.slot = slot;
  }

  /** Gives the entry the place it deserves, starting from a free one. */
  private sift(entry: T, free: number): void {
    const { heap } = this;
    let slot = free;
    for (let up = (slot - 1) >> 1; slot > 0; up = (slot - 1) >> 1) {
      const parent = heap[up];
      if (parent === undefined || parent.dueAt <= entry.dueAt) break;
      this.place(parent, slot);
      slot = up;
    }
    for (;;) {
      const left = heap[2 * slot + 1];
      const right = heap[2 * slot + 2];
      const child = left !== undefined && right !== undefined && right.dueAt < left.dueAt ? right : left;
      if (child === undefined || child.dueAt >= entry.dueAt) break;
      const down = child.slot;
      this.place(child, slot);
      slot = down;
    }
    this.place(entry, slot);
  }

  private takeOut(entry: T): void {
    const { slot } = entry;
    entry.slot = -1;
    const last = this.heap.pop();
    if (last !== undefined && last !== entry) this.sift(last, slot);
  }

  private takeOutAll(): T[] {
    for (const entry of this.heap) entry.slot = -1;
    return this.heap.splice(0);
  }

  private disarm(): void {
    this.alarm.unsubscribe();
    this.alarmAt = Infinity;
    this.seenAt = -Infinity;
  }

  private arm(): void {
    const first = this.heap[0];
    if (first === undefined) {
      this.disarm();
    } else if (first.dueAt < this.alarmAt) {
      const now = asyncScheduler.now();
      this.alarm.unsubscribe();
      this.alarmAt = first.dueAt;
      this.seenAt = Math.max(this.seenAt, now);
      const delayMs = Math.min(this.alarmAt - now, MAX_TIMER_MS);
      this.alarm = asyncScheduler.schedule<DeadlineHeap<T>>(ring, delayMs, this);
    }
  }

  ring(): void {
    const { hooks } = this;
    const now = asyncScheduler.now();
    const lateMs = now - this.alarmAt;
    // While it rings, what is put in waits for the end to set the alarm again, once.
    this.alarmAt = -Infinity;
    const isSetBack = now < this.seenAt;
    this.seenAt = now;
    if (lateMs > LATE_MS) hooks.onLate?.(lateMs, now);
    if (isSetBack) for (const entry of this.takeOutAll()) hooks.onDue(entry, now);
    for (let first = this.heap[0]; first !== undefined && first.dueAt <= now; first = this.heap[0]) {
      this.takeOut(first);
      hooks.onDue(first, now);
    }
    this.alarmAt = Infinity;
    this.arm();
  }
}

/** One function for all alarms, which rings what it is given. */
function ring<T extends Deadline>(this: SchedulerAction<DeadlineHeap<T>>, heap?: DeadlineHeap<T>): void {
  heap?.ring();
}
