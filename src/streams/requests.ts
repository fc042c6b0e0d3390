import { defer, finalize, take, type Observable, ReplaySubject, throwError, timeout } from 'rxjs';
import { maxTimerMs } from '../operators/backoff.js';
import type { SendResult } from './outbox.js';

export interface RequestConfig {
  /** Recognises the reply among the decoded messages of the connection. */
  readonly match: (message: unknown) => boolean;
  /** Milliseconds to wait for it, counted from the subscription. @default 10_000 */
  readonly timeoutMs?: number;
}

/** No reply came in time. */
export class RequestTimeoutError extends Error {
  override readonly name = 'RequestTimeoutError';
  constructor(readonly timeoutMs: number) {
    super(`no reply within ${timeoutMs} ms`);
  }
}

/** The request could not be sent: the outbox is full, the feed is closed, or too many requests wait already. */
export class RequestRejectedError extends Error {
  override readonly name = 'RequestRejectedError';
}

/** Requests that wait for their reply. */
export interface Requests {
  /** Sends on subscription and emits the one reply; many may wait at once, the oldest that matches gets it. */
  ask(send: () => SendResult, config: RequestConfig): Observable<unknown>;
  /** Takes a message if it is a reply that somebody waits for. */
  hear(message: unknown): boolean;
  /** The connection is gone: every waiting request errors. */
  fail(error: unknown): void;
}

/** @param maxInFlight Requests that may wait at once. @default 1_000 */
export function createRequests(maxInFlight = 1_000): Requests {
  interface Waiting {
    readonly match: (message: unknown) => boolean;
    readonly reply$: ReplaySubject<unknown>;
  }
  const waiting = new Set<Waiting>();

  const sendOrForget = (send: () => SendResult, entry: Waiting): SendResult => {
    try {
      return send();
    } catch (error) {
      waiting.delete(entry);
      throw error;
    }
  };

  /** A `match` that throws is its own request's failure, not the message's. */
  const matches = ({ match, reply$ }: Waiting, message: unknown): boolean => {
    try {
      return match(message);
    } catch (error) {
      reply$.error(error); // eslint-disable-line rxjs-x/throw-error -- told as it was thrown
      return false;
    }
  };

  return {
    ask(send, { match, timeoutMs = 10_000 }) {
      if (!(timeoutMs > 0 && timeoutMs <= maxTimerMs))
        throw new RangeError(
          `request: timeoutMs must be above 0 and at most ${maxTimerMs}, got ${timeoutMs}`,
        );
      return defer(() => {
        if (waiting.size >= maxInFlight) {
          return throwError(
            () => new RequestRejectedError(`${maxInFlight} requests wait for their reply already`),
          );
        }
        const entry: Waiting = { match, reply$: new ReplaySubject(1) };
        waiting.add(entry);
        if (sendOrForget(send, entry) === 'rejected') {
          entry.reply$.error(new RequestRejectedError('the outbox is full, or the feed is closed'));
        }
        return entry.reply$.pipe(
          take(1),
          timeout({ first: timeoutMs, with: () => throwError(() => new RequestTimeoutError(timeoutMs)) }),
          finalize(() => waiting.delete(entry)),
        );
      });
    },
    hear(message) {
      for (const entry of waiting) {
        if (!matches(entry, message)) continue;
        waiting.delete(entry);
        entry.reply$.next(message);
        return true;
      }
      return false;
    },
    fail(error) {
      for (const { reply$ } of [...waiting]) reply$.error(error); // eslint-disable-line rxjs-x/throw-error -- told as the connection told it
    },
  };
}
