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
export const createQueue = <T>(): Queue<T> => new Links<T>();

/** A class, since every idle connection keeps four: with closures of its own each took nine times the memory. */
class Links<T> implements Queue<T> {
  size = 0;
  private head: Link<T> | undefined = undefined;
  private tail: Link<T> | undefined = undefined;

  get first(): T | undefined {
    return this.head?.value;
  }

  push(value: T): Place<T> {
    const link: Link<T> = { value, waits: true, before: this.tail, after: undefined };
    if (this.tail === undefined) this.head = link;
    else this.tail.after = link;
    this.tail = link;
    this.size += 1;
    return link;
  }

  shift(): T | undefined {
    const { head } = this;
    if (head !== undefined) this.remove(head);
    return head?.value;
  }

  *values(): Iterable<T> {
    for (let link = this.head; link !== undefined; link = link.after) yield link.value;
  }

  remove(place: Place<T>): boolean {
    const link = place as Link<T>;
    if (!link.waits) return false;
    const { before, after } = link;
    if (before === undefined) this.head = after;
    else before.after = after;
    if (after === undefined) this.tail = before;
    else after.before = before;
    // A place that somebody keeps must not keep its neighbours.
    link.before = link.after = undefined;
    link.waits = false;
    this.size -= 1;
    return true;
  }
}
