import { noop } from 'rxjs';
import { redactUrl, SocketClosedError } from './failure.js';
import { settled } from './settled.js';
import type { DialRequest, Socket, SocketHandler, Transport } from './transport.js';

/** What is used of a W3C WebSocket (https://websockets.spec.whatwg.org); those of browsers, Node 22 and undici fit. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  readonly extensions: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(data: never): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

/** A W3C WebSocket shows no control frames and cannot stop reading, so its sockets have no methods for either. */
export interface WebSocketTransport extends Transport {
  readonly can: { readonly ping: false; readonly pause: false; readonly drain: false };
  dial(request: DialRequest, handler: SocketHandler): Omit<Socket, 'ping' | 'pause' | 'resume'>;
}

/** A dial failed on a platform that does not say why: no HTTP status, no `Retry-After`, no reason of TLS or DNS. */
export class DialFailedError extends Error {
  override readonly name = 'DialFailedError';
  /** What a W3C WebSocket says of every failed dial (RFC 6455 section 7.1.5), and what gives the error its class. */
  readonly code = 1006;
  /** @param options The `cause`, where the platform shows one after all. */
  constructor(options?: ErrorOptions) {
    super('the dial failed, and the platform does not say why', options);
  }
}

/** The platform does not even try this dial, and would not try it the next time. */
export class UnsupportedDialError extends TypeError {
  override readonly name = 'UnsupportedDialError';
}

const OPEN = 1;
/** Up to the quote that ends it: one within is part of it. */
const URLS = /\b(?:ws|http)s?:\/\/(?:[^\s'"]|'(?=\S))*/gi;

/**
 * The transport over a W3C WebSocket: `webSocketTransport(WebSocket)` in Node 22, or with the one of undici. In a bundle
 * for browsers it is the default.
 *
 * Such a socket shows less than `ws` does: a failed dial is always a `DialFailedError`, whatever the server answered; a
 * peer that breaks the protocol is a `SocketClosedError` of code 1006; there are no ping frames to send or to see, and
 * reading cannot be paused. It takes no options: a dial with any throws `UnsupportedDialError`, and so does one that the
 * constructor throws at (a blocked port, an insecure URL on a secure page).
 *
 * `terminate()` ends the socket here at once, with 1006. It cannot destroy it: the platform keeps the TCP connection until
 * the close handshake is done or given up.
 *
 * @param WebSocket The constructor; called with `new` once for each dial.
 * @throws {UnsupportedDialError} On creation, if it is no function.
 */
export function webSocketTransport(WebSocket: WebSocketConstructor): WebSocketTransport {
  if (typeof WebSocket !== 'function') {
    throw new UnsupportedDialError(
      `webSocketTransport: WebSocket must be a constructor, got ${typeof WebSocket}`,
    );
  }

  return {
    can: { ping: false, pause: false, drain: false },
    settled,
    dial(request, handler) {
      const ws = construct(WebSocket, request);
      let state: 'dialling' | 'given up' | 'open' | 'ended' = 'dialling';
      let cause: unknown;

      const end = (error: unknown): void => {
        if (state === 'ended') return;
        state = 'ended';
        ws.onopen = ws.onmessage = ws.onclose = null;
        ws.onerror = noop; // not null: a socket that is an EventEmitter too would throw a late error
        handler.end(error);
      };

      ws.binaryType = 'arraybuffer';
      ws.onopen = () => {
        state = 'open';
        handler.open({ protocol: ws.protocol, extensions: ws.extensions });
      };
      ws.onmessage = ({ data }: { readonly data: string | ArrayBuffer }) =>
        handler.message(typeof data === 'string' ? data : new Uint8Array(data));
      ws.onerror = ({ error }: { readonly error?: unknown }) => {
        cause = error;
      };
      ws.onclose = ({ code, reason }: { readonly code: number; readonly reason: string }) => {
        if (state !== 'dialling') end(new SocketClosedError(code, reason));
        else end(new DialFailedError(cause === undefined ? {} : { cause }));
      };

      return {
        send: (data) => {
          if (ws.readyState === OPEN) ws.send(data as never); // what platforms call bytes differs in type
        },
        close(code, reason) {
          if (state === 'dialling') {
            state = 'given up';
            ws.onopen = null;
          }
          ws.close(code, reason);
        },
        terminate() {
          end(new SocketClosedError(1006, ''));
          ws.close();
        },
        get isClosing() {
          return ws.readyState > OPEN;
        },
        get bufferedBytes() {
          return state === 'open' ? ws.bufferedAmount : 0; // the platform goes on counting what it will never send
        },
      };
    },
  };
}

/** @throws {UnsupportedDialError} If the request asks for what the platform cannot do, or it throws. */
function construct(WebSocket: WebSocketConstructor, { url, protocols, options }: DialRequest): WebSocketLike {
  const names = Object.keys(options);
  if (names.length > 0) {
    // Not the values: headers and keys are among them.
    throw new UnsupportedDialError(`socket: a W3C WebSocket takes no options, got ${names.join(', ')}`);
  }
  try {
    return new WebSocket(url, [...protocols]);
  } catch (error) {
    // In words and not as the cause: browsers quote the URL, where secrets live.
    throw new UnsupportedDialError(`WebSocket: ${String(error).replace(URLS, redactUrl)}`);
  }
}
