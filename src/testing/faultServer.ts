import { once } from 'node:events';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Observable, Subject } from 'rxjs';
import { WebSocketServer } from 'ws';
import type { Data } from '../streams/transport.js';
import {
  checkClose,
  checkStatus,
  createFaultClient,
  type FaultClient,
  type FaultClientHooks,
} from './faultClient.js';

export type { FaultClient } from './faultClient.js';

/** How a dial is turned down: with an HTTP status, by destroying the TCP socket, or by never answering. */
export type Refusal = number | 'drop' | 'silence';

export interface FaultServerConfig {
  /** The port on loopback; 0 takes any free one. @default 0 */
  readonly port?: number;
  /** Bytes that may wait for one slow client before it is dropped with 1006. @default 16 MiB */
  readonly maxBufferedBytes?: number;
  /** Told of each accepted connection. What the callbacks throw is not caught: a mistake in a test should be loud. */
  readonly onConnection?: (client: FaultClient, request: IncomingMessage) => void;
  /** Told of each frame a client sends. */
  readonly onMessage?: (client: FaultClient, data: Data) => void;
}

export interface FaultServer {
  /** Where to dial: `ws://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  /** The open connections. One that was dropped or has vanished is not among them. */
  readonly clients: ReadonlySet<FaultClient>;
  /** Every attempt to connect, the refused ones too. All Observables here are hot, and complete with `close()`. */
  readonly dials$: Observable<IncomingMessage>;
  /** Every frame a client sent. */
  readonly received$: Observable<{ readonly client: FaultClient; readonly data: Data }>;
  /** Every ping and pong frame a client sent; a ping has been answered already. */
  readonly control$: Observable<{
    readonly client: FaultClient;
    readonly type: 'ping' | 'pong';
    readonly data: string;
  }>;
  /** Every end of an accepted connection, with the client's close code and reason, or 1006. */
  readonly ends$: Observable<{
    readonly client: FaultClient;
    readonly code: number;
    readonly reason: string;
  }>;
  /** Sends a frame to every client. */
  broadcast(data: Data): void;
  /** Drops every client, as `FaultClient.drop` does. */
  drop(code?: number, reason?: string): void;
  /** Makes every client's connection half-open. At most 100 are kept so; the oldest is destroyed to make room. */
  vanish(): void;
  /**
   * Turns down every dial from now on; without an argument, dials are accepted again.
   * @param headers Sent along with a status, `retry-after` for instance.
   * @throws {RangeError} If a status is no integer from 200 to 599.
   */
  refuse(refusal?: Refusal, headers?: OutgoingHttpHeaders): void;
  /** Destroys every connection, half-open ones too; resolves when all have ended and the port is free. Idempotent. */
  close(): Promise<void>;
}

/** How many half-open or unanswered connections are kept. */
const MAX_HELD = 100;

/**
 * A WebSocket server on loopback that misbehaves on command; left alone it accepts every dial, answers pings and says nothing.
 *
 * @returns Rejects with a `RangeError` for a bad option, and with the network's error if the port cannot be had.
 */
export async function startFaultServer({
  port: wantedPort = 0,
  maxBufferedBytes = 16 * 1024 * 1024,
  onConnection,
  onMessage,
}: FaultServerConfig = {}): Promise<FaultServer> {
  if (!(Number.isInteger(wantedPort) && wantedPort >= 0 && wantedPort <= 65_535)) {
    throw new RangeError(`startFaultServer: port must be an integer from 0 to 65535, got ${wantedPort}`);
  }
  if (!(maxBufferedBytes > 0)) {
    throw new RangeError(`startFaultServer: maxBufferedBytes must be above 0, got ${maxBufferedBytes}`);
  }

  const dials$ = new Subject<IncomingMessage>();
  const received$ = new Subject<{ client: FaultClient; data: Data }>();
  const control$ = new Subject<{ client: FaultClient; type: 'ping' | 'pong'; data: string }>();
  const ends$ = new Subject<{ client: FaultClient; code: number; reason: string }>();
  const clients = new Set<FaultClient>();
  const sockets = new Set<Socket>();
  const held = new Set<Socket>();
  let accepted = 0;
  let refusal: Refusal | undefined;
  let refusalHeaders: OutgoingHttpHeaders = {};
  let closing: Promise<void> | undefined;

  const hold = (socket: Socket): void => {
    held.add(socket);
    const [oldest] = held;
    if (held.size > MAX_HELD) oldest?.destroy();
  };

  const answer = (request: IncomingMessage, status: number): void => {
    const { socket } = request;
    const response = new ServerResponse(request);
    response.assignSocket(socket);
    response.on('finish', () => socket.end());
    response.writeHead(status, { connection: 'close', 'content-length': 0, ...refusalHeaders }).end();
  };

  const hooks: FaultClientHooks = {
    message(client, data) {
      received$.next({ client, data });
      onMessage?.(client, data);
    },
    control: (client, type, data) => control$.next({ client, type, data }),
    end: (client, code, reason) => ends$.next({ client, code, reason }),
    vanish: hold,
  };

  const upgrades = new WebSocketServer({ noServer: true, autoPong: false, maxPayload: maxBufferedBytes });
  const server = createServer((_request, response) => response.writeHead(426).end());
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined); // it ends all the same, and the end is what counts
    socket.on('close', () => {
      sockets.delete(socket);
      held.delete(socket);
    });
  });
  server.on('upgrade', (request, _socket, head) => {
    const { socket } = request;
    dials$.next(request);
    if (typeof refusal === 'number') {
      answer(request, refusal);
    } else if (refusal === 'drop') {
      socket.destroy();
    } else if (refusal === 'silence') {
      hold(socket);
      socket.on('end', () => socket.destroy()).resume();
    } else {
      upgrades.handleUpgrade(request, socket, head, (ws) => {
        const client = createFaultClient(ws, request, ++accepted, clients, maxBufferedBytes, hooks);
        onConnection?.(client, request);
      });
    }
  });

  const shut = async (): Promise<void> => {
    // The sockets, and what `ws` makes of their ends: it tells of each only later.
    const gone = [server, upgrades].map((part) => new Promise<unknown>((resolve) => part.close(resolve)));
    for (const socket of sockets) socket.destroy();
    await Promise.all(gone);
    for (const subject$ of [dials$, received$, control$, ends$]) subject$.complete();
  };

  server.listen(wantedPort, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `ws://127.0.0.1:${port}`,
    port,
    clients,
    dials$: dials$.asObservable(),
    received$: received$.asObservable(),
    control$: control$.asObservable(),
    ends$: ends$.asObservable(),
    broadcast: (data) => clients.forEach((client) => client.send(data)),
    drop(code, reason) {
      checkClose('drop', code, reason);
      for (const client of clients) client.drop(code, reason);
    },
    vanish: () => clients.forEach((client) => client.vanish()),
    refuse(next, headers = {}) {
      if (typeof next === 'number') checkStatus('refuse', next);
      refusal = next;
      refusalHeaders = headers;
    },
    close: () => (closing ??= shut()),
  };
}
