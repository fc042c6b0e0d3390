import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { bufferCount, filter, map, type Observable, ReplaySubject, take } from 'rxjs';
import { WebSocket as W3cWebSocket } from 'undici';
import { type WebSocket, WebSocketServer } from 'ws';
import type { SocketOptions } from '../../src/streams/socketOptions.js';
import type { Data, Socket, Transport } from '../../src/streams/transport.js';
import { webSocketTransport } from '../../src/streams/webSocketTransport.js';
import { wsTransport } from '../../src/streams/wsTransport.js';
import { scriptedTransport } from '../../src/testing/scriptedTransport.js';

/** One server, told twice: as the script of a `scriptedTransport`, and as what a real one does. */
export interface Scenario {
  readonly script: string;
  readonly frames?: Readonly<Record<string, unknown>>;
  /** What the real server does with a connection it accepted. @default nothing */
  readonly accept?: (client: WebSocket, request: IncomingMessage) => void;
  /** What it does with the TCP socket instead of accepting it. */
  readonly upgrade?: (socket: Duplex, request: IncomingMessage) => void;
  /** Nobody listens at the address. */
  readonly isDown?: boolean;
}

/** A transport with a server behind it, and what that server notices of the client. */
export interface Rig {
  readonly transport: Transport;
  readonly url: string;
  /** Resolves with the first messages that reach the server. */
  readonly received: (count: number) => Promise<readonly Data[]>;
  /** Resolves with the close that reaches the server. */
  readonly closed: () => Promise<{ readonly code: number; readonly reason: string }>;
}

export type Heard =
  | { readonly type: 'open'; readonly info: { readonly protocol: string; readonly extensions: string } }
  | { readonly type: 'message'; readonly data: Data }
  | { readonly type: 'ping' | 'pong' }
  | { readonly type: 'end'; readonly error: unknown };

const first = <T>(source: Observable<T>): Promise<T> =>
  new Promise((resolve, reject) => source.pipe(take(1)).subscribe({ next: resolve, error: reject }));

const firsts = <T>(source: Observable<T>, count: number): Promise<readonly T[]> =>
  first(source.pipe(bufferCount(count)));

/** One dial and all it was told. */
export interface Dialled {
  readonly socket: Socket;
  readonly heard: readonly Heard[];
  /** Resolves with the first of a kind, past or to come. */
  readonly until: <T extends Heard['type']>(type: T) => Promise<Extract<Heard, { type: T }>>;
}

const cleanups: (() => Promise<void> | void)[] = [];
const dialled: Dialled[] = [];

export function dial(
  { transport, url }: Pick<Rig, 'transport' | 'url'>,
  {
    protocols = [],
    options = {},
  }: { readonly protocols?: readonly string[]; readonly options?: SocketOptions } = {},
): Dialled {
  const heard: Heard[] = [];
  const heard$ = new ReplaySubject<Heard>(Infinity);
  const hear = (what: Heard): void => {
    heard.push(what);
    heard$.next(what);
  };
  const socket = transport.dial(
    { url, protocols, options },
    {
      open: (info) => hear({ type: 'open', info }),
      message: (data) => hear({ type: 'message', data }),
      ping: () => hear({ type: 'ping' }),
      pong: () => hear({ type: 'pong' }),
      end: (error) => hear({ type: 'end', error }),
    },
  );
  const until: Dialled['until'] = <T extends Heard['type']>(type: T) =>
    first(heard$.pipe(filter((what): what is Extract<Heard, { type: T }> => what.type === type)));
  dialled.push({ socket, heard, until });
  return { socket, heard, until };
}

export function scripted({ script, frames = {}, isDown = false }: Scenario): Promise<Rig> {
  const transport = scriptedTransport(isDown ? '#' : script, frames);
  return Promise.resolve({
    transport,
    url: 'ws://scripted',
    received: (count) => firsts(transport.sends$.pipe(map((data) => data as Data)), count),
    closed: () => first(transport.closes$.pipe(filter((close) => close !== 'terminate'))),
  });
}

export async function loopback({ accept, upgrade, isDown = false }: Partial<Scenario>): Promise<Rig> {
  const received$ = new ReplaySubject<Data>(Infinity);
  const closed$ = new ReplaySubject<{ code: number; reason: string }>(Infinity);
  const server = createServer();
  const webSockets = new WebSocketServer({ noServer: true });
  const sockets = new Set<Duplex>();
  server.on('connection', (socket) => sockets.add(socket));
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    if (upgrade) {
      upgrade(socket, request);
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => undefined);
      client.on('message', (data: Buffer, isBinary) => received$.next(isBinary ? data : data.toString()));
      client.on('close', (code, reason) => closed$.next({ code, reason: reason.toString() }));
      accept?.(client, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  if (isDown) await close();
  else cleanups.push(close);
  return {
    transport: wsTransport,
    url: `ws://127.0.0.1:${port}`,
    received: (count) => firsts(received$, count),
    closed: () => first(closed$),
  };
}

/** The same server, dialled with the W3C WebSocket of undici, which is that of Node 22. */
export async function loopbackW3c(scenario: Partial<Scenario>): Promise<Rig> {
  return { ...(await loopback(scenario)), transport: webSocketTransport(W3cWebSocket) };
}

/**
 * Ends every dial and server of the test, then checks what holds for each dial whatever happened: at most one `open`
 * first, exactly one `end` last.
 */
export async function tidyUp(): Promise<void> {
  const dials = dialled.splice(0);
  for (const { socket } of dials) socket.terminate();
  await Promise.all(dials.map(({ until }) => until('end')));
  for (const cleanup of cleanups.splice(0)) await cleanup();

  for (const { heard } of dials) {
    expect(heard.map(({ type }) => type).join(' ')).toMatch(/^(open( message| ping| pong)* )?end$/);
  }
}

/** Waits for turns of the event loop, in which what has arrived would be told. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await first(wsTransport.settled);
}

/** Answers an opening handshake by hand, right unless told otherwise; from then on the socket is raw. */
export function handshake(
  socket: Duplex,
  request: IncomingMessage,
  headers: Readonly<Record<string, string>> = {},
): void {
  const key = `${String(request.headers['sec-websocket-key'])}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const all = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': createHash('sha1').update(key).digest('base64'),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.write(['HTTP/1.1 101 Switching Protocols', ...lines, '', ''].join('\r\n'));
}

/** Refuses an opening handshake with a status. */
export const refuse = (status: number, headers: Readonly<Record<string, string>> = {}) =>
  function upgrade(socket: Duplex): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    socket.end([`HTTP/1.1 ${status} No`, 'Content-Length: 0', ...lines, '', ''].join('\r\n'));
  };
