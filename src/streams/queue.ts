/** A value's place in a queue. */
export interface Place<T> {
  readonly value: T;
  /** It has neither had its turn nor been taken out. */
  readonly waits: boolean;
}

/** Values waiting their turn, first in first out; each operation takes constant time, whatever waits. */
export interface Queue<T> {
  readonly size: number;
  readonly first: T | undefined;
  push(value: T): Place<T>;
  /** Takes the first one out. */
  shift(): T | undefined;
  /** The values, first to last. */
  values(): Iterable<T>;
  /** Takes one out of the middle; false if it had gone already. */
  remove(place: Place<T>): boolean;
}

interface Link<T> {
  readonly value: T;
  waits: boolean;
  before: Link<T> | undefined;
  after: Link<T> | undefined;
}

/** A linked list: an array takes time in proportion to its length to lose its first, or one from its middle. */
export function createQueue<T>(): Queue<T> {
  let first: Link<T> | undefined;
  let last: Link<T> | undefined;

  const unlink = (link: Link<T>): boolean => {
    if (!link.waits) return false;
    const { before, after } = link;
    if (before === undefined) first = after;
    else before.after = after;
    if (after === undefined) last = before;
    else after.before = before;
    // A place that somebody keeps must not keep its neighbours.
    link.before = link.after = undefined;
    link.waits = false;
    queue.size -= 1;
    queue.first = first?.value;
    return true;
  };

  // Plain properties: with getters each queue would be a dictionary to the engine, and three times as large.
  const queue = {
    size: 0,
    first: undefined as T | undefined,
    push(value: T) {
      const link: Link<T> = { value, waits: true, before: last, after: undefined };
      if (last === undefined) first = link;
      else last.after = link;
      last = link;
      queue.size += 1;
      queue.first = first?.value;
      return link;
    },
    shift() {
      const link = first;
      if (link !== undefined) unlink(link);
      return link?.value;
    },
    *values() {
      for (let link = first; link !== undefined; link = link.after) yield link.value;
    },
    remove: (place: Place<T>) => unlink(place as Link<T>),
  };
  return queue;
}
