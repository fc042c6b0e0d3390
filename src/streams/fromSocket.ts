import { Observable } from 'rxjs';
import { maxTimerMs } from '../operators/backoff.js';
import { type OptionNames, refuseUnknown } from '../operators/refuseUnknown.js';
import { checkProtocols, checkUrls } from './dialRequest.js';
import { dialSocket } from './dialSocket.js';
import type { FromSocketConfig } from './fromSocketConfig.js';
import type { OpenSocket } from './openSocket.js';

const OPTIONS: OptionNames<FromSocketConfig> = {
  url: true,
  choose: true,
  protocols: true,
  socket: true,
  transport: true,
  connectTimeoutMs: true,
  farewell: true,
  onDial: true,
  onGone: true,
};

/**
 * One WebSocket as a cold Observable: one subscription is one connection.
 *
 * Emits the socket when it is open, and never completes: every end of a connection is an error, a clean close by the
 * server too (`SocketClosedError`). Unsubscribing an open socket starts the close handshake and destroys it at the
 * deadline; unsubscribing during the dial destroys it at once.
 *
 *     fromSocket     ----o-----------#    o: OpenSocket, #: SocketClosedError, HandshakeError, …
 *     o.data$            --a--b--c---|
 *
 * @throws {InvalidUrlError | TypeError | RangeError} On creation, if a constant `url` or `protocols` cannot be dialled, or another option
 *   is wrong or misspelt.
 */
export function fromSocket(config: FromSocketConfig): Observable<OpenSocket> {
  refuseUnknown('fromSocket', config, OPTIONS);
  checkSocket(config);
  return new Observable((subscriber) => {
    dialSocket(subscriber, config, {
      onOpen: (socket) => subscriber.next(socket),
      onFailed: (error) => subscriber.error(error),
      onDial: (socket) => config.onDial?.(socket),
      onGone: () => config.onGone?.(),
      farewell: () => config.farewell?.() ?? {},
    });
  });
}

/** @throws {InvalidUrlError | TypeError | RangeError} As `fromSocket` does, of options that stand among others. */
export function checkSocket(config: FromSocketConfig): void {
  const { url, choose, protocols, connectTimeoutMs = 10_000 } = config;
  if (!(connectTimeoutMs > 0 && (connectTimeoutMs <= maxTimerMs || connectTimeoutMs === Infinity))) {
    throw new RangeError(
      `fromSocket: connectTimeoutMs must be above 0 and at most ${maxTimerMs}, or Infinity, got ${connectTimeoutMs}`,
    );
  }
  if (choose !== undefined && typeof choose !== 'function') {
    throw new TypeError(`fromSocket: choose must be a function, got ${typeof choose}`);
  }
  if (typeof url !== 'function') checkUrls(url, 'fromSocket: url');
  if (protocols !== undefined && typeof protocols !== 'function') {
    checkProtocols(protocols, 'fromSocket: protocols');
  }
}
