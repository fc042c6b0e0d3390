import { checkClose, checkStatus } from './faultClient.js';
import type { Channel, ExchangeStream } from './market.js';

/** Where a fault strikes; by default the trades of the first symbol. */
interface Target {
  readonly stream?: ExchangeStream;
  /** The symbol or mote; by default the first of the stream. `order` has none. */
  readonly symbol?: string;
}

/** What a simulated exchange can do wrong. */
export type Fault =
  /** Closes every connection; 1006, the default, without a close frame. */
  | { readonly type: 'drop'; readonly code?: number; readonly reason?: string }
  /** Leaves every connection half-open: no data, no pong, no close. */
  | { readonly type: 'vanish' }
  /** Uses up one sequence number, so that the next message shows a gap. */
  | ({ readonly type: 'skip' } & Target)
  /** Sends the next message twice. */
  | ({ readonly type: 'repeat' } & Target)
  /** Sends the next message after the one that follows it. */
  | ({ readonly type: 'reorder' } & Target)
  /** Sends every client a text that is no JSON. */
  | { readonly type: 'malformed' }
  /** Sends the subscribers a message of the right type whose fields are null; it takes no number. */
  | { readonly type: 'misfit'; readonly stream?: ExchangeStream }
  /** Keeps one stream quiet, without using up numbers; everything else goes on. */
  | { readonly type: 'silence'; readonly stream: ExchangeStream; readonly forMs: number }
  /** Sends so many trades in one go, at most 100 000. */
  | { readonly type: 'flood'; readonly messages: number }
  /** Turns down every dial with an HTTP status for a while; open connections stay. */
  | {
      readonly type: 'refuse';
      readonly status: number;
      readonly forMs: number;
      readonly retryAfterSeconds?: number;
    };

/** A fault at a time. */
export interface ScheduledFault {
  /** Milliseconds from the start of the exchange. */
  readonly atMs: number;
  /** Milliseconds from then on to each repetition; absent: it happens once. */
  readonly every?: number;
  readonly fault: Fault;
}

const MAX_FLOOD = 100_000;

/** The channel a fault strikes, if there is such a one. */
export function targetOf(
  { stream = 'trade', symbol }: Target,
  channels: readonly Channel[],
): Channel | undefined {
  return channels.find(
    (channel) => channel.stream === stream && (symbol === undefined || channel.topic === symbol),
  );
}

/** @throws {RangeError} If a field of the fault has a value it cannot have; the message names caller, field and value. */
export function checkFault(caller: string, fault: Fault, channels: readonly Channel[]): void {
  switch (fault.type) {
    case 'drop':
      checkClose(caller, fault.code, fault.reason);
      return;
    case 'refuse':
      checkStatus(caller, fault.status);
      checkDuration(caller, 'forMs', fault.forMs);
      checkDuration(caller, 'retryAfterSeconds', fault.retryAfterSeconds ?? 0);
      return;
    case 'silence':
      checkDuration(caller, 'forMs', fault.forMs);
      checkTarget(caller, fault, channels);
      return;
    case 'flood':
      if (!(Number.isInteger(fault.messages) && fault.messages > 0 && fault.messages <= MAX_FLOOD)) {
        throw new RangeError(
          `${caller}: messages must be an integer from 1 to ${MAX_FLOOD}, got ${fault.messages}`,
        );
      }
      return;
    case 'skip':
    case 'repeat':
    case 'reorder':
    case 'misfit':
      checkTarget(caller, fault, channels);
      return;
    case 'vanish':
    case 'malformed':
      return;
    default:
      throw new RangeError(`${caller}: unknown fault ${String((fault as { type: unknown }).type)}`);
  }
}

function checkTarget(caller: string, target: Target, channels: readonly Channel[]): void {
  if (targetOf(target, channels) !== undefined) return;
  const { stream = 'trade', symbol } = target;
  throw new RangeError(
    `${caller}: no such stream or symbol: ${stream}${symbol === undefined ? '' : ` ${symbol}`}`,
  );
}

/** @throws {RangeError} If a time or a fault of the schedule has a value it cannot have. */
export function checkSchedule(
  caller: string,
  schedule: readonly ScheduledFault[],
  channels: readonly Channel[],
): void {
  for (const { atMs, every, fault } of schedule) {
    checkDuration(caller, 'faults: atMs', atMs);
    if (every !== undefined) checkDuration(caller, 'faults: every', every, 1);
    checkFault(`${caller}: faults`, fault, channels);
  }
}

/** Node fires a timer of more than 2^31 - 1 ms at once. */
function checkDuration(caller: string, name: string, value: number, min = 0): void {
  if (!(value >= min && value < 2 ** 31)) {
    throw new RangeError(`${caller}: ${name} must be from ${min} to 2147483647, got ${value}`);
  }
}
