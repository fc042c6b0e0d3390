import { asyncScheduler, Subscription } from 'rxjs';

/** Something that falls due; only the queue writes these fields. */
export interface Deadline {
  /** Epoch ms. */
  dueAt: number;
  /** Its place in the queue, -1 while it is in none. */
  slot: number;
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

/** The longest a timer of the platform can wait, in ms; it fires at once for anything longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Any number of deadlines on one timer, which waits for the earliest: a binary heap whose entries know their own place,
 * so that moving or removing one needs no search. It holds as many entries as its owner puts in; bounding that is the
 * owner's.
 *
 * @param onDue Gets each entry at its deadline, already taken out. If the clock was set back, it gets every entry at
 * once, before its deadline, to be put in anew.
 */
export function createDeadlines<T extends Deadline>(onDue: (entry: T, now: number) => void): Deadlines<T> {
  const heap: T[] = [];
  let alarm = Subscription.EMPTY;
  let alarmAt = Infinity;
  let alarmSetAt = -Infinity;

  const place = (entry: T, slot: number): void => {
    heap[slot] = entry;
    entry.slot = slot;
  };

  /** Gives the entry the place it deserves, starting from a free one. */
  const sift = (entry: T, free: number): void => {
    let slot = free;
    for (let up = (slot - 1) >> 1; slot > 0; up = (slot - 1) >> 1) {
      const parent = heap[up];
      if (parent === undefined || parent.dueAt <= entry.dueAt) break;
      place(parent, slot);
      slot = up;
    }
    for (;;) {
      const left = heap[2 * slot + 1];
      const right = heap[2 * slot + 2];
      const child = left !== undefined && right !== undefined && right.dueAt < left.dueAt ? right : left;
      if (child === undefined || child.dueAt >= entry.dueAt) break;
      const down = child.slot;
      place(child, slot);
      slot = down;
    }
    place(entry, slot);
  };

  const takeOut = (entry: T): void => {
    const { slot } = entry;
    entry.slot = -1;
    const last = heap.pop();
    if (last !== undefined && last !== entry) sift(last, slot);
  };

  const takeOutAll = (): T[] => {
    for (const entry of heap) entry.slot = -1;
    return heap.splice(0);
  };

  const disarm = (): void => {
    alarm.unsubscribe();
    alarmAt = Infinity;
  };

  const arm = (): void => {
    const first = heap[0];
    if (first === undefined) {
      disarm();
    } else if (first.dueAt < alarmAt) {
      disarm();
      alarmAt = first.dueAt;
      alarmSetAt = asyncScheduler.now();
      alarm = asyncScheduler.schedule(ring, Math.min(alarmAt - alarmSetAt, MAX_TIMER_MS));
    }
  };

  const ring = (): void => {
    // While it rings, what is put in waits for the end to set the alarm again, once.
    alarmAt = -Infinity;
    const now = asyncScheduler.now();
    if (now < alarmSetAt) for (const entry of takeOutAll()) onDue(entry, now);
    for (let first = heap[0]; first !== undefined && first.dueAt <= now; first = heap[0]) {
      takeOut(first);
      onDue(first, now);
    }
    alarmAt = Infinity;
    arm();
  };

  return {
    put(entry, dueAt) {
      entry.dueAt = dueAt;
      sift(entry, entry.slot < 0 ? heap.length : entry.slot);
      arm();
    },
    remove(entry) {
      if (entry.slot < 0) return;
      takeOut(entry);
      arm();
    },
    clear() {
      takeOutAll();
      disarm();
    },
  };
}
