import { Observable } from 'rxjs';
import { maxTimerMs } from '../operators/backoff.js';
import { checkProtocols, checkUrls } from './dialRequest.js';
import { dialSocket } from './dialSocket.js';
import type { FromSocketConfig } from './fromSocketConfig.js';
import type { OpenSocket } from './openSocket.js';

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
 *   is wrong.
 */
export function fromSocket(config: FromSocketConfig): Observable<OpenSocket> {
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
