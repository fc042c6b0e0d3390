import { defer, EMPTY, ignoreElements, noop, type Observable, Subject, take } from 'rxjs';
import { createAlarm } from './alarm.js';
import { createLanes, type Lane, type Message } from './lanes.js';
import type { Place } from './queue.js';
import { createRateWindow, type RateConfig } from './rateWindow.js';
import type { Data } from './transport.js';

export type { Lane };

export interface OutboxConfig {
  /** Messages of the user that wait; one more is rejected, those that wait are kept. A session's own lanes hold as many each. @default 1_000 */
  readonly maxMessages?: number;
  /**
   * At most `max` sends in any `perMs` milliseconds, and a margin for what the network does to them, whatever is sent and
   * whatever connection it goes to, reconnects included. @default none
   */
  readonly rate?: RateConfig;
  /** Milliseconds after which a message of the user that still waits is not sent any more. @default Infinity */
  readonly maxAgeMs?: number;
  /** Bytes the socket may hold unsent before messages wait here instead, all but a ping. @default 16 MiB */
  readonly maxBufferedBytes?: number;
}

/** What became of a message: handed to the socket, waiting in line, or refused because the line is full or closed. */
export type SendResult = 'sent' | 'queued' | 'rejected';

export interface Ticket {
  readonly result: SendResult;
  /** Takes the message out of the line; false if it is not there (any more). */
  cancel(): boolean;
}

export interface OutboxHooks {
  /**
   * Messages that will never be sent: no room for one in a `session` lane (the user is told `'rejected'` instead, and what
   * finds no room in another lane comes again), too old, or left when the feed closed.
   */
  readonly onLost: (reason: 'full' | 'expired' | 'closed', count: number) => void;
  /** A message that had waited could not be written, and is lost. (What is written at once throws to its caller.) */
  readonly onWriteError: (error: unknown) => void;
}

/** A session's own way out; all ports share one rate window. */
export interface Port {
  /**
   * Runs `write` when its turn comes; forgotten when the port closes first. False if there is no room, or it is closed.
   * What `write` throws goes to the caller if it runs at once.
   */
  send(write: () => void, lane?: Lane): boolean;
  /** The user's messages go this way from now on. */
  release(): void;
  close(): void;
}

/**
 * The one way out. Messages of the user wait for a ready connection and outlive a lost one; messages of a session die
 * with it. A session's lane goes first, then its ping; its topics and the user's messages take turns; each lane keeps its
 * order.
 */
export interface Outbox {
  /**
   * Takes a message of the user. `onWritten` is told the port as the message leaves, just before the socket has it, so
   * that whoever waits for an answer is ready.
   */
  send(data: Data, onWritten?: (port: Port) => void): Ticket;
  /** A socket is open. Nothing of the user's goes its way before `release`. */
  open(socket: { send(data: Data): void; readonly bufferedBytes: number }): Port;
  /** Takes out what waits of the user's, oldest first: nothing of it will be sent. */
  drain(): readonly Data[];
  /** Forgets what waits of the user's. */
  clear(): void;
  /** Messages of the user that wait. */
  size(): number;
  /** Bytes of what waits, text in UTF-8. */
  bytes(): number;
  /** Completes when nothing of the user's waits any more that could still be sent. */
  readonly flushed$: Observable<never>;
}

/** Where messages leave. */
interface Exit {
  readonly port: Port;
  readonly socket: Parameters<Outbox['open']>[0];
}

interface UserMessage extends Message<Exit> {
  readonly data: Data;
  readonly expiresAt: number;
  hasLeft: boolean;
}

const SENT: Ticket = { result: 'sent', cancel: () => false };
const REJECTED: Ticket = { result: 'rejected', cancel: () => false };

/** Milliseconds between two looks at a socket that is full: it does not tell when it has room. */
const POLL_MS = 50;

const encoder = new TextEncoder();

/** @throws {RangeError} On creation, if a limit is not a positive number. */
export function createOutbox(
  {
    maxMessages = 1_000,
    rate,
    maxAgeMs = Infinity,
    maxBufferedBytes = 16 * 1_024 * 1_024,
  }: OutboxConfig = {},
  { onLost = noop, onWriteError = noop }: Partial<OutboxHooks> = {},
): Outbox {
  for (const [name, limit] of Object.entries({ maxMessages, maxAgeMs, maxBufferedBytes })) {
    if (!(limit > 0)) throw new RangeError(`outbox: ${name} must be above 0, got ${limit}`);
  }
  const rateWindow = rate && createRateWindow(rate);
  const alarm = createAlarm(() => pump());
  const hasRoom = ({ socket }: Exit): boolean => socket.bufferedBytes < maxBufferedBytes;
  const lanes = createLanes<Exit, UserMessage>(hasRoom);
  const { users } = lanes;
  const idle$ = new Subject<void>();
  let isPumping = false;

  const expire = (): void => {
    if (maxAgeMs === Infinity || users.size === 0) return;
    const now = alarm.now();
    let count = 0;
    for (; (users.first?.expiresAt ?? Infinity) <= now; count += 1) users.shift();
    if (count > 0) onLost('expired', count);
  };

  /** Takes its place in the rate's window; where there is none, returns the instant when there will be. */
  const takeRate = (): number | undefined => {
    if (rateWindow === undefined) return undefined;
    const now = alarm.now();
    if (rateWindow.freeAt > now) return rateWindow.freeAt;
    rateWindow.take(now);
    return undefined;
  };

  /** Sends what may be sent; returns the instant to look again. */
  const sendAll = (onError: (error: unknown, message: Message<Exit>) => void): number => {
    for (;;) {
      expire();
      const expiresAt = users.first?.expiresAt ?? Infinity;
      const turn = lanes.next();
      if (turn === undefined)
        return Math.min(expiresAt, lanes.isWaiting() ? alarm.now() + POLL_MS : Infinity);
      const freeAt = takeRate();
      if (freeAt !== undefined) return Math.min(expiresAt, freeAt);
      const message = lanes.take(turn);
      try {
        message.run(turn.way.exit);
      } catch (error) {
        onError(error, message);
      }
    }
  };

  /**
   * Whatever is called from within joins the line, or changes it, and the loop under way goes on from there.
   *
   * @throws What the writing of `own` threw, once the others have had their turn.
   */
  const pump = (own?: Message<Exit>): void => {
    if (isPumping) return;
    isPumping = true;
    let failure: { readonly error: unknown } | undefined;
    let lookAt = 0; // at once, if a hook throws
    try {
      lookAt = sendAll((error, message) => {
        if (message === own) failure = { error };
        else onWriteError(error);
      });
    } finally {
      isPumping = false;
      alarm.set(lookAt);
    }
    if (users.size === 0 && idle$.observed) idle$.next();
    if (failure !== undefined) throw failure.error;
  };

  /** Where a message of the user may go at once: nothing is being written, nothing waits (the alarm would be set). */
  const takeExit = (): Exit | undefined => {
    if (isPumping || alarm.isSet) return undefined;
    const exit = lanes.carrier?.exit;
    return exit !== undefined && hasRoom(exit) && takeRate() === undefined ? exit : undefined;
  };

  const writeTo = (
    { port, socket }: Exit,
    data: Data,
    onWritten: ((port: Port) => void) | undefined,
  ): void => {
    onWritten?.(port);
    socket.send(data);
  };

  const ticketOf = (place: Place<UserMessage>): Ticket => {
    if (place.value.hasLeft) return SENT;
    if (!place.waits) return REJECTED; // taken out by somebody who was called meanwhile
    return {
      result: 'queued',
      cancel() {
        const isOut = users.remove(place);
        if (isOut) pump();
        return isOut;
      },
    };
  };

  const takeAll = (): Data[] => {
    const left: Data[] = [];
    for (let message = users.shift(); message !== undefined; message = users.shift()) left.push(message.data);
    pump();
    return left;
  };

  return {
    send(data, onWritten) {
      const exit = takeExit();
      if (exit !== undefined) {
        isPumping = true;
        try {
          writeTo(exit, data, onWritten);
        } finally {
          isPumping = false;
          if (lanes.isWaiting() || users.size > 0) pump();
        }
        return SENT;
      }
      if (users.size >= maxMessages) return REJECTED;
      const message: UserMessage = {
        data,
        expiresAt: maxAgeMs === Infinity ? Infinity : alarm.now() + maxAgeMs,
        hasLeft: false,
        run(exit) {
          message.hasLeft = true;
          writeTo(exit, data, onWritten);
        },
      };
      const place = users.push(message);
      pump(message);
      return ticketOf(place);
    },
    open(socket) {
      const port: Port = {
        send(write, lane = 'session') {
          if (!lanes.isOpen(way)) return false;
          if (way[lane].size >= maxMessages) {
            if (lane === 'session') onLost('full', 1);
            return false;
          }
          const message: Message<Exit> = { run: () => write() };
          way[lane].push(message);
          pump(message);
          return true;
        },
        release() {
          if (!lanes.isOpen(way)) return;
          lanes.carry(way);
          pump();
        },
        close() {
          if (!lanes.isOpen(way)) return;
          lanes.close(way);
          pump();
          if (lanes.carrier === undefined) idle$.next();
        },
      };
      const way = lanes.open({ port, socket });
      return port;
    },
    drain: takeAll,
    clear() {
      const { length } = takeAll();
      if (length > 0) onLost('closed', length);
    },
    size: () => users.size,
    bytes() {
      let bytes = 0;
      for (const { data } of users.values())
        bytes += typeof data === 'string' ? encoder.encode(data).length : data.byteLength;
      return bytes;
    },
    flushed$: defer(() =>
      users.size === 0 || lanes.carrier === undefined ? EMPTY : idle$.pipe(take(1), ignoreElements()),
    ),
  };
}
