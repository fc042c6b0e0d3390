import type { Observable } from 'rxjs';
import type { SocketOptions } from './socketOptions.js';

/** One frame's payload: text as a string, binary as bytes. */
export type Data = string | Uint8Array;

/** What a transport is asked to connect to. */
export interface DialRequest {
  readonly url: string;
  readonly protocols: readonly string[];
  /** Options for the socket implementation, handed on untouched (headers, TLS, agent, `maxPayload`, …). */
  readonly options: SocketOptions;
}

/**
 * What a transport tells of one socket, in this order: at most one `open`, then any number of frames, then exactly
 * one `end`, after which it stays silent for ever.
 */
export interface SocketHandler {
  /** The handshake is done and the socket can send. Never before `dial` returns. */
  open(info: { readonly protocol: string; readonly extensions: string }): void;
  message(data: Data): void;
  /**
   * Bytes were read from the network: the frames that end in them follow at once, and came together. For transports that can
   * tell; without it each frame counts as come when it is handed over. Absent where nobody asks.
   */
  chunk?(): void;
  /** A control frame of the protocol arrived; the transport has already answered a ping by itself. */
  ping(): void;
  pong(): void;
  /** The socket is gone, and why: one of the typed errors of `failure.ts`, or the network's own. */
  end(error: unknown): void;
}

/** One socket, from the dial to its end. Every method is harmless in every state. */
export interface Socket {
  /** Hands a frame to the network; before `open`, while it `isClosing` and after `end` it does nothing. */
  send(data: Data): void;
  /**
   * It takes nothing more, as a close has begun, on either side: asked before each frame, which then waits for the next
   * connection instead of being lost here. A transport that cannot tell has no such property, and each frame counts as sent.
   */
  readonly isClosing?: boolean;
  /** Sends a ping frame. Absent or `undefined` where the platform cannot (a browser). */
  readonly ping?: (() => void) | undefined;
  /** Stops reading, so that TCP pushes back. Absent or `undefined` where the platform cannot. */
  readonly pause?: (() => void) | undefined;
  readonly resume?: (() => void) | undefined;
  /** Starts the close handshake; before `open` it ends the dial. */
  close(code?: number, reason?: string): void;
  /** Destroys the socket now, in any state. */
  terminate(): void;
  /** Bytes handed over by `send` that the network has not taken yet. */
  readonly bufferedBytes: number;
}

/** The seam to a socket implementation: `wsTransport`, or a scripted one in tests. */
export interface Transport {
  /** What its sockets can do; where one cannot, it has no such method. @default both */
  readonly can?: { readonly ping: boolean; readonly pause: boolean; readonly drain: boolean };
  /** Starts one connection. May throw for a request it cannot even try. */
  dial(request: DialRequest, handler: SocketHandler): Socket;
  /**
   * Emits once whatever has already arrived has been handed over: one turn of the event loop here, at once in a
   * virtual one. A verdict of silence waits for it, and a long drain yields to it.
   */
  readonly settled: Observable<void>;
}
