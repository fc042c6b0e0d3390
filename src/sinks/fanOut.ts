import { LRUCache } from 'lru-cache';
import { asyncScheduler, defer, EMPTY, Observable, type Subscriber, type Subscription } from 'rxjs';
import { createLastValues, type LastValues } from './lastValues.js';
import { createRoster, type Roster } from './roster.js';

export interface FanOutConfig {
  /**
   * The last values kept for late subscribers, of the stream and of each topic; 0 keeps none. They are kept while the
   * stream flows, listened to or not, and forgotten when it or the topic closes. @default 0
   */
  readonly replay?: number;
  /** Milliseconds a topic stays open after its last subscriber left; Infinity: until `complete` or `error`. @default 0 */
  readonly lingerMs?: number;
  /** Topics nobody listens to whose last values are kept; the least recently fed is forgotten first. @default 10_000 */
  readonly maxTopics?: number;
  /** The first subscriber is attached; `undefined` is the whole stream. If it throws, that subscriber gets the error. */
  readonly onOpen?: (topic: string | undefined) => void;
  /**
   * The last subscriber left and `lingerMs` passed, or the topic was ended. Each `onOpen` is followed by exactly one, told
   * before the subscribers see the end, so that one who comes right back opens anew. What it throws is reported as
   * unhandled.
   */
  readonly onClose?: (topic: string | undefined) => void;
}

/**
 * One stream and its topics. Signals sent from inside a subscriber wait until the present one has reached everybody, so
 * that all see the same order; what waits is bounded by what the subscribers send.
 */
export interface FanOut<T> {
  /** Hands the value to the subscribers of the whole stream, then to those of the topic: one look-up, not a filter. */
  next(value: T, topic?: string): void;
  /** The stream, or one topic of it. Subscribing after an end starts anew. */
  stream(topic?: string): Observable<T>;
  /** Completes the present subscribers, cancels what lingers, and forgets every value kept. */
  complete(): void;
  /** Errors the present subscribers, cancels what lingers, and forgets every value kept. */
  error(error: unknown): void;
  /** Errors the present subscribers of this topic, or of the whole stream, and nobody else. */
  errorTopic(topic: string | undefined, error: unknown): void;
  /** What is open, lingering included; `undefined` is the whole stream. */
  readonly topics: readonly (string | undefined)[];
}

interface Channel<T> {
  readonly topic: string | undefined;
  readonly roster: Roster<T>;
  /** Absent without `replay`. */
  readonly kept: LastValues<T> | undefined;
  /** `onOpen` was told of it. */
  isTold: boolean;
  linger: Subscription | undefined;
}

/**
 * Spreads one stream over its subscribers, through one list for the whole and one for each topic in use.
 *
 *     next       --a(A)--b(B)--c(A)--
 *     stream()   --a-----b-----c-----
 *     stream(A)  --a-----------c-----
 *
 * @throws {RangeError} If `replay`, `lingerMs` or `maxTopics` is out of range.
 */
export function createFanOut<T>({
  replay = 0,
  lingerMs = 0,
  maxTopics = 10_000,
  onOpen,
  onClose,
}: FanOutConfig = {}): FanOut<T> {
  if (!(Number.isInteger(replay) && replay >= 0)) {
    throw new RangeError(`createFanOut: replay must be an integer of 0 or more, got ${replay}`);
  }
  if (!(lingerMs === Infinity || (lingerMs >= 0 && lingerMs <= MAX_TIMER_MS))) {
    throw new RangeError(
      `createFanOut: lingerMs must be from 0 to ${MAX_TIMER_MS}, or Infinity, got ${lingerMs}`,
    );
  }
  if (!(Number.isInteger(maxTopics) && maxTopics > 0)) {
    throw new RangeError(`createFanOut: maxTopics must be an integer above 0, got ${maxTopics}`);
  }

  const keep = (): LastValues<T> | undefined => (replay > 0 ? createLastValues(replay) : undefined);
  const channels = new Map<string | undefined, Channel<T>>();
  let whole: Channel<T> | undefined;
  let wholeKept = keep();
  /** The topics nobody listens to; without `replay` there is nothing to keep of them. */
  const unheard = replay > 0 ? new LRUCache<string, LastValues<T>>({ max: maxTopics }) : undefined;

  const forgetAll = (): void => {
    wholeKept = keep();
    unheard?.clear();
  };

  /** What is sent meanwhile waits here. */
  const waiting = new Set<() => void>();
  let isBusy = false;
  const catchUp = (): void => {
    for (const task of waiting) {
      waiting.delete(task);
      task();
    }
  };
  /** At once, even from inside a delivery; what is sent from inside the task waits for its end. */
  const now = (task: () => void): void => {
    if (isBusy) {
      task();
      return;
    }
    isBusy = true;
    try {
      task();
      catchUp();
    } finally {
      isBusy = false;
    }
  };
  const inTurn = (task: () => void): void => {
    if (isBusy) waiting.add(task);
    else now(task);
  };

  const deliver = (value: T, topic: string | undefined): void => {
    wholeKept?.push(value);
    if (whole !== undefined) whole.roster.next(value);
    // With no topic open there is none to look up, which is most of what a value costs.
    if (topic !== undefined && (unheard !== undefined || channels.size > (whole === undefined ? 0 : 1))) {
      deliverTo(topic, value);
    }
  };
  const deliverTo = (topic: string, value: T): void => {
    const channel = channels.get(topic);
    (channel === undefined ? remembered(topic) : channel.kept)?.push(value);
    if (channel === undefined) return;
    const { roster } = channel;
    if (roster.only === undefined) roster.next(value);
    else roster.only.next(value);
  };
  const remembered = (topic: string): LastValues<T> | undefined => {
    let values = unheard?.get(topic);
    if (values === undefined) unheard?.set(topic, (values = createLastValues(replay)));
    return values;
  };

  const isOpen = (channel: Channel<T>): boolean => channels.get(channel.topic) === channel;

  const open = (topic: string | undefined): Channel<T> => {
    const kept = topic === undefined ? wholeKept : (unheard?.get(topic) ?? keep());
    if (topic !== undefined) unheard?.delete(topic);
    const channel: Channel<T> = { topic, roster: createRoster(), kept, isTold: false, linger: undefined };
    channels.set(topic, channel);
    if (topic === undefined) whole = channel;
    return channel;
  };

  const close = (channel: Channel<T>): void => {
    const { topic, kept, isTold, linger } = channel;
    channels.delete(topic);
    if (topic === undefined) whole = undefined;
    linger?.unsubscribe();
    if (isTold) {
      if (topic === undefined) forgetAll();
      reportErrors(() => onClose?.(topic));
    } else if (topic !== undefined && kept !== undefined) unheard?.set(topic, kept);
  };

  const end = (channel: Channel<T>, finish: (subscriber: Subscriber<T>) => void): void => {
    if (!isOpen(channel)) return;
    close(channel);
    channel.roster.end(finish);
  };

  const join = (channel: Channel<T>, subscriber: Subscriber<T>): void => {
    const { topic, roster, kept } = channel;
    channel.linger?.unsubscribe();
    const leave = roster.add(subscriber);
    subscriber.add(() => {
      leave();
      if (roster.size === 0 && isOpen(channel)) letGo(channel);
    });
    if (kept !== undefined) now(() => kept.replayTo(subscriber));
    // Whom the values kept were enough for opens nothing.
    if (channel.isTold || roster.size === 0) return;
    channel.isTold = true;
    try {
      onOpen?.(topic);
    } catch (error) {
      end(channel, failWith(error));
    }
  };

  const letGo = (channel: Channel<T>): void => {
    if (lingerMs === 0 || !channel.isTold) close(channel);
    else if (lingerMs < Infinity) channel.linger = asyncScheduler.schedule(() => close(channel), lingerMs);
  };

  const endAll = (finish: (subscriber: Subscriber<T>) => void): void =>
    inTurn(() => {
      forgetAll();
      for (const channel of [...channels.values()]) end(channel, finish);
    });

  return {
    next(value, topic) {
      if (isBusy) {
        waiting.add(() => deliver(value, topic));
        return;
      }
      isBusy = true;
      try {
        deliver(value, topic);
        if (waiting.size > 0) catchUp();
      } finally {
        isBusy = false;
      }
    },
    // By hand, as an operator or a Subject in between would cost each value more than all the rest here does.
    stream: (topic) => new Observable((subscriber) => join(channels.get(topic) ?? open(topic), subscriber)),
    complete: () => endAll((subscriber) => subscriber.complete()),
    error: (error) => endAll(failWith(error)),
    errorTopic: (topic, error) =>
      inTurn(() => {
        const channel = channels.get(topic);
        if (channel !== undefined) end(channel, failWith(error));
      }),
    get topics() {
      return [...channels.keys()];
    },
  };
}

/** The longest a timer of the platform can wait, in ms; it fires at once for anything longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const failWith =
  (error: unknown) =>
  (subscriber: Subscriber<never>): void =>
    subscriber.error(error);

/** Hands what a callback throws to rxjs, which reports it once the present work is done. */
function reportErrors(callback: () => void): void {
  defer(() => {
    callback();
    return EMPTY;
  }).subscribe();
}
