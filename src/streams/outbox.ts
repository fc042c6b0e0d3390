import {
  asyncScheduler,
  defer,
  EMPTY,
  ignoreElements,
  noop,
  type Observable,
  Subject,
  type Subscription,
  take,
} from 'rxjs';
import { maxTimerMs } from '../operators/backoff.js';
import type { Data } from './transport.js';

export interface OutboxConfig {
  /** Messages that wait while the feed is not ready; one more is rejected. @default 1_000 */
  readonly maxMessages?: number;
  /** At most `max` sends in any `perMs` milliseconds, whatever they are and whatever connection they go to. @default none */
  readonly rate?: { readonly max: number; readonly perMs: number };
}

/** What became of a message: handed to the socket, waiting in line, or refused because the line is full or closed. */
export type SendResult = 'sent' | 'queued' | 'rejected';

/**
 * The one way out. Messages of the user wait for a ready connection and outlive a lost one; messages of a session (a
 * login, a ping, a subscribe) go first and die with it.
 */
export interface Outbox {
  send(data: Data): SendResult;
  /** Sends for the open session, ahead of the user's messages; dropped if the session ends first. */
  sendNow(write: () => void): void;
  /** A socket is open: `sendNow` works from here on. */
  attach(write: (data: Data) => void): void;
  /** The session may carry the user's messages. */
  release(): void;
  /** The socket is gone. */
  detach(): void;
  /** Forgets what waits. */
  clear(): void;
  readonly size: number;
  /** Completes when nothing waits any more that could still be sent. */
  readonly flushed$: Observable<never>;
}

/** @throws {RangeError} On creation, if a limit is not a positive number. */
export function createOutbox(
  { maxMessages = 1_000, rate }: OutboxConfig = {},
  onFull: () => void = noop,
): Outbox {
  if (!(maxMessages > 0)) throw new RangeError(`outbox: maxMessages must be above 0, got ${maxMessages}`);
  if (rate !== undefined && !(Number.isInteger(rate.max) && rate.max > 0)) {
    throw new RangeError(`outbox: rate.max must be a whole number above 0, got ${rate.max}`);
  }
  if (rate !== undefined && !(rate.perMs > 0 && rate.perMs <= maxTimerMs)) {
    throw new RangeError(`outbox: rate.perMs must be above 0 and at most ${maxTimerMs}, got ${rate.perMs}`);
  }

  const waiting: Data[] = [];
  let urgent: (() => void)[] = [];
  let write: ((data: Data) => void) | undefined;
  let released = false;
  let wake: Subscription | undefined;
  /** The instants of the last `rate.max` sends, as a ring. */
  const sentAt: number[] = [];
  let oldest = 0;
  const idle$ = new Subject<void>();

  /** Milliseconds until the window has room. */
  const delayMs = (): number =>
    rate === undefined || sentAt.length < rate.max
      ? 0
      : Math.max(0, (sentAt[oldest] ?? 0) + rate.perMs - asyncScheduler.now());

  const stamp = (): void => {
    if (rate === undefined) return;
    sentAt[oldest] = asyncScheduler.now();
    oldest = (oldest + 1) % rate.max;
  };

  const drain = (): void => {
    while (write !== undefined && (urgent.length > 0 || (released && waiting.length > 0))) {
      const delay = delayMs();
      if (delay > 0) {
        wake ??= asyncScheduler.schedule(() => {
          wake = undefined;
          drain();
        }, delay);
        return;
      }
      stamp();
      const next = urgent.shift();
      if (next !== undefined) next();
      else write(waiting.shift() as Data);
    }
    if (waiting.length === 0) idle$.next();
  };

  return {
    send(data) {
      if (waiting.length >= maxMessages) return 'rejected';
      waiting.push(data);
      drain();
      return waiting.length === 0 ? 'sent' : 'queued';
    },
    sendNow(next) {
      if (write === undefined) return;
      // What a session sends may be driven by the server: it is bounded too.
      if (urgent.length >= maxMessages) {
        onFull();
        return;
      }
      urgent.push(next);
      drain();
    },
    attach(to) {
      write = to;
    },
    release() {
      released = true;
      drain();
    },
    detach() {
      write = undefined;
      released = false;
      urgent = [];
      wake?.unsubscribe();
      wake = undefined;
      idle$.next();
    },
    clear() {
      waiting.length = 0;
    },
    get size() {
      return waiting.length;
    },
    flushed$: defer(() =>
      waiting.length === 0 || !released ? EMPTY : idle$.pipe(take(1), ignoreElements()),
    ),
  };
}
