import { defer, noop, type Observable, ReplaySubject, take, tap, throwError, timeout } from 'rxjs';
import { maxTimerMs } from '../operators/backoff.js';
import { refusedPromise } from '../operators/refusedPromise.js';
import { type OptionNames, refuseUnknown } from '../operators/refuseUnknown.js';
import type { Ticket } from './outbox.js';

export interface RequestConfig {
  /** Recognises the reply among the decoded messages of the connection; synchronous, as each is asked about as it passes. */
  readonly match: (message: unknown) => boolean;
  /** Milliseconds to wait for it, counted from the subscription. @default 10_000 */
  readonly timeoutMs?: number;
}

const OPTIONS: OptionNames<RequestConfig> = { match: true, timeoutMs: true };

/** No reply came in time. */
export class RequestTimeoutError extends Error {
  override readonly name = 'RequestTimeoutError';
  /**
   * @param sent Its message had been handed to a socket: the server may have acted on it. Else it is taken out of the outbox, is never
   *   sent, and can be repeated safely.
   */
  constructor(
    readonly timeoutMs: number,
    readonly sent: boolean,
  ) {
    super(`${sent ? 'sent, but no reply' : 'not sent'} within ${timeoutMs} ms`);
  }
}

/**
 * The request was not sent, and never will be: the outbox is full or has given its message up (too old, taken out), the feed is
 * closed or has lost its last subscriber, or too many requests wait already. It can be repeated safely.
 */
export class RequestRejectedError extends Error {
  override readonly name = 'RequestRejectedError';
  readonly sent = false;
  constructor(why: string) {
    super(`not sent: ${why}`);
  }
}

/**
 * The request was sent, and no reply can come any more: its connection was lost, for what `cause` tells, or the feed was closed, or left
 * by its last subscriber.
 * Whether the server acted on it is unknown.
 */
export class RequestDisconnectedError extends Error {
  override readonly name = 'RequestDisconnectedError';
  readonly sent = true;
  constructor(why: string, options?: ErrorOptions) {
    super(`sent, but ${why}`, options);
  }
}

/** Takes the message of a request to the outbox; one of the two is told at most once. */
type Post = (onWritten: (by: unknown) => void, onGivenUp: () => void) => Ticket;

/** Requests that wait for their reply. */
export interface Requests {
  /**
   * Sends on subscription and emits the one reply; many may wait at once, the oldest that matches gets it. `post` takes
   * the message to the outbox, and says by which connection it leaves, or that the outbox has given it up. A request that is
   * given up before either is taken out of the outbox again.
   *
   * @throws {RangeError | TypeError} At once, if an option is wrong.
   */
  ask(post: Post, config: RequestConfig): Observable<unknown>;
  /** Takes a message if it is a reply that somebody waits for; with `by`, who asked by that connection. */
  hear(message: unknown, by?: unknown): boolean;
  /** Whether any waits for its reply. */
  isWaiting(): boolean;
  /**
   * That connection is gone, without a cause as the feed was closed: what left by it and was not answered errors; what still waits in
   * the outbox goes on waiting for the next one.
   */
  fail(cause: unknown, by: unknown): void;
  /**
   * The feed is at its end: takes every request out of the outbox, and hears no reply to any; the function yielded makes them error.
   *
   * @param why As in "the feed was closed".
   */
  giveUp(why: string): () => void;
}

interface Asked {
  readonly match: (message: unknown) => boolean;
  /** Keeps the outcome that comes while the message is being sent, before anybody listens. */
  readonly reply$: ReplaySubject<unknown>;
  /** They rise: tells who had asked already when a message came. */
  readonly id: number;
  left?: { readonly by: unknown };
  ticket?: Ticket;
}

/**
 * @param maxInFlight Requests that may wait at once. @default 1_000
 * @throws {RangeError} On creation, if `maxInFlight` is not above 0.
 */
export function createRequests(maxInFlight = 1_000): Requests {
  if (!(maxInFlight > 0)) throw new RangeError(`requests: maxInFlight must be above 0, got ${maxInFlight}`);
  return new AskedInOrder(maxInFlight);
}

/** A class, since every idle connection keeps one: closures and a Set of its own took ten times the memory. */
class AskedInOrder implements Requests {
  /** Made for the first request. */
  private asked: Set<Asked> | undefined = undefined;
  private lastId = 0;

  constructor(private readonly maxInFlight: number) {}

  ask(post: Post, config: RequestConfig): Observable<unknown> {
    refuseUnknown('request', config, OPTIONS);
    const { match, timeoutMs = 10_000 } = config;
    if (typeof match !== 'function') {
      throw new TypeError(`request: match must be a function, got ${typeof match}`);
    }
    if (!(timeoutMs > 0 && timeoutMs <= maxTimerMs)) {
      throw new RangeError(`request: timeoutMs must be above 0 and at most ${maxTimerMs}, got ${timeoutMs}`);
    }
    return defer(() => {
      const { maxInFlight } = this;
      const asked = (this.asked ??= new Set());
      if (asked.size >= maxInFlight) {
        return throwError(
          () => new RequestRejectedError(`${maxInFlight} requests wait for their reply already`),
        );
      }
      const entry: Asked = { match, reply$: new ReplaySubject(1), id: ++this.lastId };
      asked.add(entry);
      const ticket = (entry.ticket = this.postOrForget(post, entry));
      if (ticket.result === 'rejected') {
        this.end(entry, new RequestRejectedError('the outbox is full, or the feed is closed'));
      }
      return entry.reply$.pipe(
        // Above `timeout`, so that it is forgotten before its error is told.
        tap({
          finalize: () => {
            asked.delete(entry);
            ticket.cancel();
          },
        }),
        take(1),
        timeout({
          first: timeoutMs,
          with: () => throwError(() => new RequestTimeoutError(timeoutMs, entry.left !== undefined)),
        }),
      );
    });
  }

  isWaiting(): boolean {
    return this.asked !== undefined && this.asked.size > 0;
  }

  hear(message: unknown, by?: unknown): boolean {
    const { asked, lastId: newest } = this;
    if (asked === undefined || asked.size === 0) return false; // nearly always, and a loop over nothing costs, too
    for (const entry of asked) {
      // Whoever asks while a message is being heard, again after a `match` that threw, say, waits for the next one.
      if (entry.id > newest) break;
      // No message answers what has not been sent, or was to another connection.
      if (entry.left === undefined || (by !== undefined && entry.left.by !== by)) continue;
      if (!this.matches(entry, message)) continue;
      asked.delete(entry);
      entry.reply$.next(message);
      return true;
    }
    return false;
  }

  fail(cause: unknown, by: unknown): void {
    for (const entry of [...(this.asked ?? [])]) {
      if (entry.left?.by === by)
        this.end(entry, cause === undefined ? over(entry, 'the feed was closed') : lost(cause));
    }
  }

  giveUp(why: string): () => void {
    if (!this.isWaiting()) return noop;
    const given = [...(this.asked ?? [])];
    this.asked?.clear();
    for (const { ticket } of given) ticket?.cancel();
    return () => {
      for (const entry of given) entry.reply$.error(over(entry, why));
    };
  }

  private end(entry: Asked, error: unknown): void {
    this.asked?.delete(entry);
    entry.reply$.error(error); // eslint-disable-line rxjs-x/throw-error -- told as it came
  }

  /** A `match` that throws, or leaves it open, is its own request's failure, not the message's. */
  private matches(entry: Asked, message: unknown): boolean {
    try {
      const isMatch = entry.match(message);
      const misuse = refusedPromise('request: match', isMatch);
      if (misuse !== undefined) throw misuse;
      return isMatch;
    } catch (error) {
      this.end(entry, error);
      return false;
    }
  }

  private postOrForget(post: Post, entry: Asked): Ticket {
    try {
      return post(
        (by) => (entry.left = { by }),
        () => this.end(entry, new RequestRejectedError('its message was given up')),
      );
    } catch (error) {
      this.asked?.delete(entry);
      // A socket that threw may have sent it.
      throw entry.left === undefined
        ? error
        : new RequestDisconnectedError('its socket threw', { cause: error });
    }
  }
}

const lost = (cause: unknown): Error =>
  new RequestDisconnectedError('its connection was lost before a reply came', { cause });

const over = ({ left }: Asked, why: string): Error =>
  left === undefined
    ? new RequestRejectedError(why)
    : new RequestDisconnectedError(`${why} before a reply came`);
