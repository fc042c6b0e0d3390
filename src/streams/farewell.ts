import { maxTimerMs } from '../operators/backoff.js';
import { type OptionNames, refuseUnknown } from '../operators/refuseUnknown.js';

/** How to say goodbye to a socket that nobody uses any more. */
export interface Farewell {
  /** @default 1000 */
  readonly code?: number;
  readonly reason?: string;
  /** Milliseconds the peer has for its half of the close handshake before the socket is destroyed. @default 5_000 */
  readonly timeoutMs?: number;
}

export const FAREWELL_OPTIONS: OptionNames<Farewell> = {
  code: true,
  reason: true,
  timeoutMs: true,
};

/** What a peer has for its half of the close handshake, in ms, if nobody says otherwise. */
export const farewellMs = 5_000;

/**
 * RFC 6455: an endpoint may send 1000 and 3000 to 4999 (section 7.4), and a reason of 123 bytes of UTF-8 (section 5.5).
 *
 * @throws {RangeError} If the code or the reason cannot be sent, or the time is negative.
 * @throws {TypeError} If an option is misspelt.
 */
export function checkFarewell(farewell: Farewell): void {
  refuseUnknown('close', farewell, FAREWELL_OPTIONS);
  const { code = 1000, reason = '', timeoutMs = farewellMs } = farewell;
  if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) {
    throw new RangeError(`close: code must be 1000 or from 3000 to 4999, got ${code}`);
  }
  const bytes = new TextEncoder().encode(reason).length;
  if (bytes > 123) throw new RangeError(`close: reason must be at most 123 bytes, got ${bytes}`);
  if (!(timeoutMs >= 0 && timeoutMs <= maxTimerMs)) {
    throw new RangeError(`close: timeoutMs must be from 0 to ${maxTimerMs}, got ${timeoutMs}`);
  }
}
