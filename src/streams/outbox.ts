import { defer, EMPTY, filter, ignoreElements, type Observable, Subject, take } from 'rxjs';
import { type Alarm, createAlarm } from './alarm.js';
import { createLanes, type Lane, type Lanes, type Message, type Way } from './lanes.js';
import type { Place } from './queue.js';
import { createRateWindow, type RateConfig, type RateWindow } from './rateWindow.js';
import type { Data, Socket } from './transport.js';

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
  /** Takes the message out of the line, and sends none that waits behind it; false if it is not there (any more). */
  cancel(): boolean;
}

export interface OutboxHooks {
  /**
   * Messages that will never be sent: no room for one in a `session` lane (the user is told `'rejected'` instead, and what
   * finds no room in another lane comes again), too old, or left when the feed closed.
   */
  readonly onLost: (reason: 'full' | 'expired' | 'closed', count: number) => void;
  /** Messages of a session, no ping and nothing about topics, that died with it. */
  readonly onForgotten: (count: number) => void;
  /** A message that had waited could not be written, and is lost. (What is written at once throws to its caller.) */
  readonly onWriteError: (error: unknown) => void;
  /** The socket of that port takes nothing more, and the port is closed; what is the user's waits for the next. */
  readonly onRefused: (port: Port) => void;
}

/** A session's own way out; all ports share one rate window. */
export interface Port {
  /**
   * Runs `write` when its turn comes; forgotten when the port closes first. False if there is no room, or it is closed.
   * What `write` throws goes to the caller if it runs at once.
   */
  send(write: () => void, lane?: Lane): boolean;
  /** The socket takes more just now: what waits all the same waits for the rate. */
  hasRoom(): boolean;
  /** The user's messages go this way from now on. */
  release(): void;
  /** Forgets what waits; false if it was closed already. */
  close(): boolean;
}

/**
 * The one way out. Messages of the user wait for a ready connection and outlive a lost one; messages of a session die
 * with it. A session's lane goes first, then its ping; its topics and the user's messages take turns; each lane keeps its
 * order.
 */
export interface Outbox {
  /**
   * Takes a message of the user. `onWritten` is told the port as the message leaves, just before the socket has it, so
   * that whoever waits for an answer is ready; `onGivenUp` once a message that was queued is out of the line and will not be
   * sent, unless its ticket was cancelled.
   */
  send(data: Data, onWritten?: (port: Port) => void, onGivenUp?: () => void): Ticket;
  /** A socket is open. Nothing of the user's goes its way before `release`. */
  open(socket: Outgoing): Port;
  /** Takes out what waits of the user's, oldest first: nothing of it will be sent. */
  drain(): readonly Data[];
  /** Forgets what waits of the user's. */
  clear(): void;
  /** Messages of the user that wait. */
  size(): number;
  /** Bytes of what waits, text in UTF-8. */
  bytes(): number;
  /** Completes when nothing waits any more, of the user's or of the session in whose way that leaves, that could still be sent. */
  readonly flushed$: Observable<never>;
  /** Emits after each look at what waits: what may leave has left, and a socket may have been found to have room, or none. */
  readonly looked$: Observable<void>;
}

type Outgoing = Pick<Socket, 'send' | 'bufferedBytes' | 'isClosing'>;

/** Where messages leave. */
interface Exit extends Port {
  readonly socket: Outgoing;
}

interface UserMessage extends Message<Exit> {
  readonly data: Data;
  readonly expiresAt: number;
  readonly onGivenUp: (() => void) | undefined;
  hasLeft: boolean;
}

const SENT: Ticket = { result: 'sent', cancel: () => false };
const REJECTED: Ticket = { result: 'rejected', cancel: () => false };

/** Milliseconds between two looks at a socket that is full: it does not tell when it has room. */
const POLL_MS = 50;

const encoder = new TextEncoder();

/** @throws {RangeError} On creation, if a limit is not a positive number. */
export const createOutbox = (config: OutboxConfig = {}, hooks: Partial<OutboxHooks> = {}): Outbox =>
  new LanedOutbox(config, hooks);

/** A class, since every idle connection keeps one: closures of its own took three times the memory. */
class LanedOutbox implements Outbox {
  private readonly maxMessages: number;
  private readonly maxAgeMs: number;
  private readonly maxBufferedBytes: number;
  private readonly rateWindow: RateWindow | undefined;
  private readonly lanes = createLanes<Exit, UserMessage>(this);
  /** Made when something has to wait for an instant, or counts from one. */
  private alarm: Alarm | undefined = undefined;
  /** Made when somebody waits for it. */
  private looks$: Subject<void> | undefined = undefined;
  private isPumping = false;

  constructor(
    { maxMessages = 1_000, rate, maxAgeMs = Infinity, maxBufferedBytes = 16 * 1_024 * 1_024 }: OutboxConfig,
    private readonly hooks: Partial<OutboxHooks>,
  ) {
    for (const [name, limit] of Object.entries({ maxMessages, maxAgeMs, maxBufferedBytes })) {
      if (!(limit > 0)) throw new RangeError(`outbox: ${name} must be above 0, got ${limit}`);
    }
    this.maxMessages = maxMessages;
    this.maxAgeMs = maxAgeMs;
    this.maxBufferedBytes = maxBufferedBytes;
    this.rateWindow = rate && createRateWindow(rate);
  }

  get flushed$(): Observable<never> {
    return defer(() => {
      if (this.isFlushed()) return EMPTY;
      const isFlushed$ = this.looked$.pipe(filter(() => this.isFlushed()));
      return isFlushed$.pipe(take(1), ignoreElements());
    });
  }

  get looked$(): Observable<void> {
    return (this.looks$ ??= new Subject());
  }

  send(data: Data, onWritten?: (port: Port) => void, onGivenUp?: () => void): Ticket {
    const { lanes, maxAgeMs } = this;
    const { users } = lanes;
    const exit = this.takeExit();
    if (exit !== undefined) {
      this.isPumping = true;
      try {
        writeTo(exit, data, onWritten);
      } finally {
        this.isPumping = false;
        if (lanes.isWaiting() || users.size > 0) this.pump();
      }
      return SENT;
    }
    if (users.size >= this.maxMessages) return REJECTED;
    const message: UserMessage = {
      data,
      expiresAt: maxAgeMs === Infinity ? Infinity : this.now() + maxAgeMs,
      onGivenUp,
      hasLeft: false,
      run(exit) {
        message.hasLeft = true;
        writeTo(exit, data, onWritten);
      },
    };
    const place = users.push(message);
    this.pump(message);
    return this.ticketOf(place);
  }

  open(socket: Outgoing): Port {
    return new SocketPort(this, this.lanes, socket);
  }

  drain(): Data[] {
    const { users } = this.lanes;
    const left: UserMessage[] = [];
    for (let message = users.shift(); message !== undefined; message = users.shift()) left.push(message);
    this.pump();
    for (const { onGivenUp } of left) onGivenUp?.();
    return left.map(({ data }) => data);
  }

  clear(): void {
    const { length } = this.drain();
    if (length > 0) this.hooks.onLost?.('closed', length);
  }

  size(): number {
    return this.lanes.users.size;
  }

  bytes(): number {
    let bytes = 0;
    for (const { data } of this.lanes.users.values())
      bytes += typeof data === 'string' ? encoder.encode(data).length : data.byteLength;
    return bytes;
  }

  // For its lanes and ports.

  hasRoom({ socket }: Exit): boolean {
    return socket.bufferedBytes < this.maxBufferedBytes;
  }

  /** Lets a session's message join its lane. */
  join(way: Way<Exit>, lane: Lane, write: () => void): boolean {
    if (way[lane].size >= this.maxMessages) {
      if (lane === 'session') this.hooks.onLost?.('full', 1);
      return false;
    }
    const message: Message<Exit> = { run: () => write() };
    way[lane].push(message);
    this.pump(message);
    return true;
  }

  /** A way was opened or closed. */
  changed(): void {
    this.pump();
    if (this.lanes.carrier === undefined) this.looks$?.next();
  }

  /** Closes it, and tells what is left behind. */
  abandon(way: Way<Exit>): void {
    const { size } = way.session;
    this.lanes.close(way);
    if (size > 0) this.hooks.onForgotten?.(size);
  }

  private isFlushed(): boolean {
    const { carrier, users } = this.lanes;
    return carrier === undefined || users.size + carrier.session.size === 0;
  }

  private clock(): Alarm {
    return (this.alarm ??= createAlarm(() => this.pump()));
  }

  /** Milliseconds of a clock that never goes back. */
  private now(): number {
    return this.clock().now();
  }

  private expire(): void {
    const { users } = this.lanes;
    if (this.maxAgeMs === Infinity || users.size === 0) return;
    const now = this.now();
    if ((users.first as UserMessage).expiresAt > now) return;
    const expired: UserMessage[] = [];
    while ((users.first?.expiresAt ?? Infinity) <= now) expired.push(users.shift() as UserMessage);
    this.hooks.onLost?.('expired', expired.length);
    for (const { onGivenUp } of expired) onGivenUp?.();
  }

  /** A socket that takes nothing more is no way out. */
  private leaveClosing(): void {
    const { lanes, hooks } = this;
    for (let way = lanes.find(isClosing); way !== undefined; way = lanes.find(isClosing)) {
      this.abandon(way);
      hooks.onRefused?.(way.exit);
    }
  }

  /** Takes its place in the rate's window; where there is none, returns the instant when there will be. */
  private takeRate(): number | undefined {
    const { rateWindow } = this;
    if (rateWindow === undefined) return undefined;
    const now = this.now();
    if (rateWindow.freeAt > now) return rateWindow.freeAt;
    rateWindow.take(now);
    return undefined;
  }

  /** Sends what may be sent; returns the instant to look again. */
  private sendAll(onError: (error: unknown, message: Message<Exit>) => void): number {
    const { lanes } = this;
    for (;;) {
      this.expire();
      this.leaveClosing();
      const expiresAt = lanes.users.first?.expiresAt ?? Infinity;
      const turn = lanes.next();
      if (turn === undefined) return Math.min(expiresAt, lanes.isWaiting() ? this.now() + POLL_MS : Infinity);
      const freeAt = this.takeRate();
      if (freeAt !== undefined) return Math.min(expiresAt, freeAt);
      const message = lanes.take(turn);
      try {
        message.run(turn.way.exit);
      } catch (error) {
        onError(error, message);
      }
    }
  }

  /**
   * Whatever is called from within joins the line, or changes it, and the loop under way goes on from there.
   *
   * @throws What the writing of `own` threw, once the others have had their turn.
   */
  private pump(own?: Message<Exit>): void {
    if (this.isPumping) return;
    this.isPumping = true;
    let failure: { readonly error: unknown } | undefined;
    let lookAt = 0; // at once, if a hook throws
    try {
      lookAt = this.sendAll((error, message) => {
        if (message === own) failure = { error };
        else this.hooks.onWriteError?.(error);
      });
    } finally {
      this.isPumping = false;
      if (lookAt !== Infinity) this.clock().set(lookAt);
      else this.alarm?.set(lookAt);
    }
    this.looks$?.next();
    if (failure !== undefined) throw failure.error;
  }

  /** Where a message of the user may go at once: nothing is being written, nothing waits (the alarm would be set). */
  private takeExit(): Exit | undefined {
    if (this.isPumping || this.alarm?.isSet === true) return undefined;
    const exit = this.lanes.carrier?.exit;
    return exit !== undefined && !isClosing(exit) && this.hasRoom(exit) && this.takeRate() === undefined
      ? exit
      : undefined;
  }

  private ticketOf(place: Place<UserMessage>): Ticket {
    if (place.value.hasLeft) return SENT;
    if (!place.waits) return REJECTED; // taken out by somebody who was called meanwhile
    return {
      result: 'queued',
      cancel: () => {
        const { users } = this.lanes;
        const isOut = users.remove(place);
        // The line may be at its end. While it is not, the alarm looks after it: who takes out all of it has none sent meanwhile.
        if (isOut && users.size === 0) this.pump();
        return isOut;
      },
    };
  }
}

/** A class, since every idle connection keeps one: as an object with closures it took five times the memory. */
class SocketPort implements Exit {
  private readonly way: Way<Exit>;

  constructor(
    private readonly outbox: LanedOutbox,
    private readonly lanes: Lanes<Exit, UserMessage>,
    readonly socket: Outgoing,
  ) {
    this.way = lanes.open(this);
  }

  send(write: () => void, lane: Lane = 'session'): boolean {
    return this.lanes.isOpen(this.way) && this.outbox.join(this.way, lane, write);
  }

  hasRoom(): boolean {
    return this.outbox.hasRoom(this);
  }

  release(): void {
    if (!this.lanes.isOpen(this.way)) return;
    this.lanes.carry(this.way);
    this.outbox.changed();
  }

  close(): boolean {
    if (!this.lanes.isOpen(this.way)) return false;
    this.outbox.abandon(this.way);
    this.outbox.changed();
    return true;
  }
}

const isClosing = ({ socket }: Exit): boolean => socket.isClosing === true;

function writeTo(exit: Exit, data: Data, onWritten: ((port: Port) => void) | undefined): void {
  onWritten?.(exit);
  exit.socket.send(data);
}
