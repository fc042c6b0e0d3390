import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import WebSocket from 'ws';
import type { Data } from '../streams/transport.js';

/** One accepted connection, seen from the server. Once it was dropped or has vanished, every method is without effect. */
export interface FaultClient {
  /** Counts the connections this server accepted, from 1. */
  readonly id: number;
  /** The request it came with: path, headers, subprotocols. */
  readonly request: IncomingMessage;
  /** Sends a frame: text for a string, binary for bytes. A client that lets `maxBufferedBytes` pile up is dropped with 1006. */
  send(data: Data): void;
  ping(data?: string): void;
  /**
   * Ends the connection with a close frame. Code 1006 destroys the TCP socket without one; 1005 sends one without a code.
   * @param code @default 1006
   * @throws {RangeError} If the protocol does not let a server send `code`, or `reason` is longer than 123 bytes.
   */
  drop(code?: number, reason?: string): void;
  /** Leaves the connection half-open: nothing is read, written or answered any more, and it is not closed either. */
  vanish(): void;
}

/** What the server that owns a client hears of it. */
export interface FaultClientHooks {
  message(client: FaultClient, data: Data): void;
  control(client: FaultClient, type: 'ping' | 'pong', data: string): void;
  end(client: FaultClient, code: number, reason: string): void;
  /** It vanished: its socket stays as it is. */
  vanish(socket: Socket): void;
}

/**
 * Puts a socket that `ws` accepted under command; it adds itself to `clients` and leaves it on drop, vanish or end.
 *
 * @internal Its types are those of `ws`, which users of millrace need not have.
 */
export function createFaultClient(
  ws: WebSocket,
  request: IncomingMessage,
  id: number,
  clients: Set<FaultClient>,
  maxBufferedBytes: number,
  hooks: FaultClientHooks,
): FaultClient {
  const write = (frame: () => void): void => {
    if (!clients.has(client) || ws.readyState !== WebSocket.OPEN) return;
    frame();
    if (ws.bufferedAmount > maxBufferedBytes) client.drop();
  };
  const client: FaultClient = {
    id,
    request,
    send: (data) => write(() => ws.send(data, ignore)),
    ping: (data) => write(() => ws.ping(data, undefined, ignore)),
    drop(code = 1006, reason = '') {
      checkClose('drop', code, reason);
      if (!clients.delete(client)) return;
      if (code === 1006) ws.terminate();
      else if (code === 1005) ws.close();
      else ws.close(code, reason);
    },
    vanish() {
      if (!clients.delete(client)) return;
      ws.pause();
      hooks.vanish(request.socket);
    },
  };

  clients.add(client);
  ws.on('message', (raw, isBinary) => {
    // `binaryType` stays at its default, so a message is always one Buffer.
    const data = isBinary ? (raw as Buffer) : (raw as Buffer).toString('utf8');
    if (clients.has(client)) hooks.message(client, data);
  });
  // Answered by hand, so that a vanished connection answers nothing that it had already read.
  ws.on('ping', (data) => {
    write(() => ws.pong(data, undefined, ignore));
    if (clients.has(client)) hooks.control(client, 'ping', data.toString('utf8'));
  });
  ws.on('pong', (data) => {
    if (clients.has(client)) hooks.control(client, 'pong', data.toString('utf8'));
  });
  ws.on('error', ignore);
  ws.on('close', (code, reason) => {
    clients.delete(client);
    hooks.end(client, code, reason.toString('utf8'));
  });
  return client;
}

/**
 * Checks that a server can end a connection so: with the codes RFC 6455 section 7.4 lets an endpoint send, or the two that
 * stand for an end without one.
 */
export function checkClose(caller: string, code = 1006, reason = ''): void {
  const isOwn = code >= 1000 && code <= 1014 && code !== 1004;
  const isFree = code >= 3000 && code <= 4999;
  if (!Number.isInteger(code) || !(isOwn || isFree)) {
    throw new RangeError(`${caller}: code must be 1000 to 1014 (not 1004) or 3000 to 4999, got ${code}`);
  }
  const bytes = Buffer.byteLength(reason);
  if (bytes > 123) throw new RangeError(`${caller}: reason must be at most 123 bytes, got ${bytes}`);
}

/** Checks that an HTTP status can be the answer that turns a dial down. */
export function checkStatus(caller: string, status: number): void {
  if (!(Number.isInteger(status) && status >= 200 && status <= 599)) {
    throw new RangeError(`${caller}: status must be an integer from 200 to 599, got ${status}`);
  }
}

/** A write that failed is followed by the end of its socket, which tells it better. */
const ignore = (): void => undefined;
