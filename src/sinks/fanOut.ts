import { LRUCache } from 'lru-cache';
import { defer, EMPTY, NEVER, type Observable, of, ReplaySubject, share, Subject, tap, timer } from 'rxjs';

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
  /** Carries the values. */
  readonly values: Subject<T>;
  /** Carries nothing but the end. */
  readonly end: Subject<never>;
  readonly stream$: Observable<T>;
}

/**
 * Spreads one stream over its subscribers, through one Subject for the whole and one for each topic in use.
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

  const makeSubject = (): Subject<T> => (replay > 0 ? new ReplaySubject<T>(replay) : new Subject<T>());
  const channels = new Map<string | undefined, Channel<T>>();
  /** The topics nobody listens to; without `replay` there is nothing to keep of them. */
  const unheard = replay > 0 ? new LRUCache<string, Subject<T>>({ max: maxTopics }) : undefined;
  let whole = makeSubject();

  const remember = (topic: string): Subject<T> | undefined => {
    let values = unheard?.get(topic);
    if (values === undefined) unheard?.set(topic, (values = makeSubject()));
    return values;
  };

  const forgetAll = (): void => {
    whole = makeSubject();
    unheard?.clear();
  };

  const openChannel = (topic: string | undefined): Channel<T> => {
    const values = topic === undefined ? whole : (unheard?.get(topic) ?? makeSubject());
    if (topic !== undefined) unheard?.delete(topic);
    const end = new Subject<never>();
    let opened = false;
    const isOpen = (): boolean => channels.get(topic) === channel;

    const close = (): void => {
      if (!isOpen()) return;
      channels.delete(topic);
      if (opened) {
        if (topic === undefined) forgetAll();
        reportErrors(() => onClose?.(topic));
      } else if (topic !== undefined) unheard?.set(topic, values);
    };
    // A first subscriber whom the values kept were enough for opens nothing, so there is nothing to linger for.
    const lingers = (): boolean => lingerMs > 0 && opened && isOpen();
    const linger = (): Observable<unknown> => (lingerMs === Infinity ? NEVER : timer(lingerMs));

    const stream$ = defer(() => {
      opened = true;
      onOpen?.(topic);
      return end;
    }).pipe(
      tap({ error: close, complete: close }),
      share({
        connector: () => values,
        resetOnRefCountZero: () => (lingers() ? linger() : of(undefined)).pipe(tap(close)),
      }),
    );
    const channel = { values, end, stream$ };
    channels.set(topic, channel);
    return channel;
  };

  const inTurn = createTurns();

  const deliver = (value: T, topic: string | undefined): void => {
    if (replay > 0 || whole.observed) whole.next(value);
    if (topic !== undefined) (channels.get(topic)?.values ?? remember(topic))?.next(value);
  };

  const endAll = (finish: (end: Subject<never>) => void): void =>
    inTurn(() => {
      forgetAll();
      for (const { end } of [...channels.values()]) finish(end);
    });

  return {
    next: (value, topic) => inTurn(() => deliver(value, topic)),
    stream: (topic) => defer(() => (channels.get(topic) ?? openChannel(topic)).stream$),
    complete: () => endAll((end) => end.complete()),
    error: (error) => endAll(failWith(error)),
    errorTopic: (topic, error) =>
      inTurn(() => {
        const channel = channels.get(topic);
        if (channel !== undefined) failWith(error)(channel.end);
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
  (end: Subject<never>): void =>
    end.error(error); // eslint-disable-line rxjs-x/throw-error -- an error is passed on as it came

/** Runs tasks one after the other: one that comes while another runs waits for its turn. */
function createTurns(): (task: () => void) => void {
  const waiting: (() => void)[] = [];
  let busy = false;
  return (task) => {
    if (busy) {
      waiting.push(task);
      return;
    }
    busy = true;
    try {
      task();
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next();
    } finally {
      busy = false;
    }
  };
}

/** Hands what a callback throws to rxjs, which reports it once the present work is done. */
function reportErrors(callback: () => void): void {
  defer(() => {
    callback();
    return EMPTY;
  }).subscribe();
}
