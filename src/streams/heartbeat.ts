import { identity, type MonoTypeOperatorFunction } from 'rxjs';
import { timeoutHeartbeat } from '../operators/timeoutHeartbeat.js';
import type { Outbox } from './outbox.js';
import type { OpenSession } from './session.js';
import type { Data, Transport } from './transport.js';

export interface HeartbeatConfig {
  /** Milliseconds without any frame after which a ping goes out. @default 15_000 */
  readonly everyMs?: number;
  /** Milliseconds after the ping within which some frame must come. @default 10_000 */
  readonly timeoutMs?: number;
  /** A ping frame, or the message of a ping of the application. @default 'frame' */
  readonly ping?: 'frame' | (() => unknown);
  /** Recognises a heartbeat of the server: the answer to a ping, or one that comes by itself. It is not data. */
  readonly isPong?: (message: unknown) => boolean;
  /** The answer to a ping of the server's application; `undefined` if the message is none. */
  readonly reply?: (message: unknown) => unknown;
  /** Turns the heartbeat off. @default false */
  readonly off?: boolean;
}

/** @throws {RangeError | TypeError} If an option is wrong. */
export function checkHeartbeat({
  everyMs = 15_000,
  timeoutMs = 10_000,
  ping = 'frame',
}: HeartbeatConfig): void {
  timeoutHeartbeat({ everyMs, timeoutMs });
  if (ping !== 'frame' && typeof ping !== 'function') {
    throw new TypeError(`heartbeat: ping must be 'frame' or a function, got ${JSON.stringify(ping)}`);
  }
}

/** `timeoutHeartbeat` for the frames of a session: its pings go out as configured, its control frames are signs of life. */
export function withHeartbeat(
  session: OpenSession,
  {
    heartbeat: { off = false, ping = 'frame', everyMs = 15_000, timeoutMs = 10_000 },
    outbox,
    transport,
    isPaused,
  }: {
    readonly heartbeat: HeartbeatConfig;
    readonly outbox: Pick<Outbox, 'sendNow'>;
    readonly transport: Pick<Transport, 'settled'>;
    readonly isPaused: () => boolean;
  },
): MonoTypeOperatorFunction<Data> {
  if (off) return identity;
  const { socket } = session;
  return timeoutHeartbeat({
    everyMs,
    timeoutMs,
    alive$: socket.control$,
    settled: transport.settled,
    isSuspended: isPaused,
    ping: () => {
      session.pinged();
      if (ping === 'frame') outbox.sendNow(() => socket.ping?.());
      else session.send(ping());
    },
  });
}
