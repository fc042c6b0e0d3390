import type { Farewell } from './farewell.js';
import type { Input } from './input.js';
import type { SocketOptions } from './socketOptions.js';
import type { Socket, Transport } from './transport.js';

export interface FromSocketConfig {
  /**
   * Where to connect, one URL or a list to choose from; a function is asked anew for each connection. `http:` and `https:` stand for
   * `ws:` and `wss:`, as `ws` and the WebSocket of the WHATWG read them.
   */
  readonly url: Input<string | URL | readonly (string | URL)[]>;
  /** Which URL of a list to dial; asked once a connection, also where there is only one. @default the first */
  readonly choose?: (urls: readonly string[]) => string;
  /** Subprotocols to offer; a function is asked anew for each connection. @default none */
  readonly protocols?: Input<string | readonly string[]>;
  /** Options for the socket implementation: headers, TLS, agent, `maxPayload`, `perMessageDeflate`. */
  readonly socket?: SocketOptions;
  /** @default wsTransport */
  readonly transport?: Transport;
  /** Milliseconds from the dial, providers included, to the open socket; `Infinity` turns it off. @default 10_000 */
  readonly connectTimeoutMs?: number;
  /** Asked when the subscription ends before the socket does. */
  readonly farewell?: () => Farewell;
  /** Told of the socket as soon as it is dialled. */
  readonly onDial?: (socket: Socket) => void;
  /** Told once when the dialled socket is gone, also after the subscription ended. */
  readonly onGone?: () => void;
}
