import type { Observable } from 'rxjs';
import { type OptionNames, refuseUnknown } from '../operators/refuseUnknown.js';
import { Hub } from './hub.js';

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

const OPTIONS: OptionNames<FanOutConfig> = {
  replay: true,
  lingerMs: true,
  maxTopics: true,
  onOpen: true,
  onClose: true,
};

/**
 * Spreads one stream over its subscribers, through one list for the whole and one for each topic in use.
 *
 *     next       --a(A)--b(B)--c(A)--
 *     stream()   --a-----b-----c-----
 *     stream(A)  --a-----------c-----
 *
 * @throws {RangeError} If `replay`, `lingerMs` or `maxTopics` is out of range.
 * @throws {TypeError} If an option is misspelt.
 */
export function createFanOut<T>(config: FanOutConfig = {}): FanOut<T> {
  refuseUnknown('createFanOut', config, OPTIONS);
  const { replay = 0, lingerMs = 0, maxTopics = 10_000, onOpen, onClose } = config;
  checkFanOut({ replay, lingerMs, maxTopics });
  const hub = new Hub<T>({ replay, lingerMs, maxTopics, onOpen, onClose });
  return {
    next: (value, topic) => hub.next(value, topic),
    stream: (topic) => hub.stream(topic),
    complete: () => hub.endAll(),
    error: (error) => hub.endAll({ error }),
    errorTopic: (topic, error) => hub.errorTopic(topic, error),
    get topics() {
      return hub.present();
    },
  };
}

/** The longest a timer of the platform can wait, in ms; it fires at once for anything longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @throws {RangeError} If an option is out of range. */
export function checkFanOut({
  replay = 0,
  lingerMs = 0,
  maxTopics = 1,
}: Pick<FanOutConfig, 'replay' | 'lingerMs' | 'maxTopics'>): void {
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
}
