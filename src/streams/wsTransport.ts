import type { IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import { asyncScheduler, type Subscription } from 'rxjs';
import WebSocket from 'ws';
import { InvalidUrlError, ProtocolError, redactUrl, SocketClosedError } from './failure.js';
import { settled } from './settled.js';
import type { Data, Socket, SocketHandler, Transport } from './transport.js';
import { noUtf8, utf8Text } from './wsText.js';
import { refusal, watchHandshake, type WsHandshake } from './wsHandshake.js';

/**
 * What a server may make of us: `ws` itself would allow a frame of 100 MiB, and would drop the connection, healthy as it
 * is, when more than 60 pings are read at once, as after a pause. `@types/ws` does not know the second.
 */
const BOUNDS = { maxPayload: 8 * 1024 * 1024, maxPendingAutoPongs: 10_000 };

/** How long a peer has to close TCP once it broke the protocol, or both sides sent their close frame, in ms. */
const FAREWELL_MS = 1_000;

/**
 * The transport over `ws`. Compression is off unless `options.perMessageDeflate` asks for it, and a frame above
 * `options.maxPayload` (bytes, default 8 MiB) ends the connection with a `ProtocolError` of code 1009. A peer that breaks
 * the protocol is told so; it, and one that has taken leave, has 1 s to close the socket before we do.
 *
 * Redirects are not followed unless `options.followRedirects` asks for it, and then at most `options.maxRedirects`
 * (default 10). One that leaves the host or TLS gets neither `options.headers` nor a login in the URL; subprotocols and a
 * client certificate go along.
 */
export const wsTransport: Transport = {
  settled,
  dial(request, handler) {
    // ws would throw too, but shows the URL whole.
    if (!URL.canParse(request.url))
      throw new InvalidUrlError(`url must be a URL, got ${redactUrl(request.url)}`);
    const handshake = watchHandshake(request);
    const { options } = request;
    const { maxPayload = BOUNDS.maxPayload, maxPendingAutoPongs = BOUNDS.maxPendingAutoPongs } = options;
    const ws = new OwnedWebSocket(request.url, [...request.protocols], {
      perMessageDeflate: false,
      ...(options as object), // the types of ws know but half of them
      ...{ maxPayload, maxPendingAutoPongs }, // by an undefined one ws means no bound
      skipUTF8Validation: true, // as we look ourselves
      finishRequest: handshake.finishRequest,
    });
    return new WsSocket(ws, handler, handshake, options.skipUTF8Validation === true, maxPayload);
  },
};

/** Where the listeners, which all sockets share, find what is theirs. */
const OWNER = Symbol('owner');
interface Owned {
  [OWNER]?: WsSocket | undefined;
}
const ownerOf = (one: object): WsSocket => (one as Owned)[OWNER] as WsSocket;

/**
 * Tells its owner of messages by a call: to look up who listens, and to call that, takes each of them a hundredth of the whole way.
 */
class OwnedWebSocket extends WebSocket implements Owned {
  [OWNER]: WsSocket | undefined = undefined;

  /** No event of `ws` tells of more than two things; with a rest parameter each message would have an array. */
  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    const owner = this[OWNER];
    if (event !== 'message' || owner === undefined) return super.emit(event, first, second);
    owner.heard(first as Buffer, second as boolean); // `binaryType` stays at its default, so it is always one Buffer
    return true;
  }

  /** What the peer gave as its reason `ws` sends back as it came. */
  override close(code?: number, reason?: string | Buffer): void {
    const owner = this[OWNER];
    const isBroken = typeof reason === 'object' && owner !== undefined && owner.text(reason) === undefined;
    if (isBroken) super.close(1007);
    else super.close(code, reason);
  }
}

/** A class, and its listeners shared, since each connection has one: a dozen closures took half a kilobyte more. */
class WsSocket implements Socket {
  private failure: unknown = undefined;
  private farewell: Subscription | undefined = undefined;
  private hasEnded = false;
  /** Nothing that comes counts any more. */
  private isDeaf = false;
  /** The TCP connection. */
  private tcp: TcpSocket | undefined = undefined;

  constructor(
    readonly ws: OwnedWebSocket,
    private readonly handler: SocketHandler,
    /** Until it is done: it would keep the whole answer of the server for as long as the socket. */
    private handshake: WsHandshake | undefined,
    /** Text is not to be checked. */
    private readonly isTrusting: boolean,
    private readonly maxPayload: number,
  ) {
    ws[OWNER] = this;
    ws.on('upgrade', onUpgrade)
      .on('open', onOpen)
      .on('ping', onPing)
      .on('pong', onPong)
      .on('unexpected-response', onRefusal)
      .on('error', onError)
      .on('close', onClose);
  }

  send(data: Data): void {
    if (this.ws.readyState === WebSocket.OPEN) this.ws.send(data, ignoreError);
  }

  ping(): void {
    if (this.ws.readyState === WebSocket.OPEN) this.ws.ping(undefined, undefined, ignoreError);
  }

  pause(): void {
    this.ws.pause();
  }

  resume(): void {
    this.ws.resume();
  }

  close(code?: number, reason?: string): void {
    this.giveUpDial();
    this.ws.close(code, reason);
  }

  terminate(): void {
    this.giveUpDial();
    this.ws.terminate();
  }

  get bufferedBytes(): number {
    return this.ws.bufferedAmount;
  }

  get isClosing(): boolean {
    return this.ws.readyState > WebSocket.OPEN;
  }

  upgraded(tcp: TcpSocket): void {
    this.tcp = tcp;
    (tcp as Owned)[OWNER] = this;
    // Our half of the TCP connection ends when the close frames are exchanged.
    tcp.on('finish', onFinish);
    // From when `ws` reads on: it would miss what is read for us before. Told before it hears of the bytes.
    this.ws.once('open', () => {
      tcp.prependListener('data', onChunk);
      // What a pause held back when the socket ends, `ws` reads only now, and nobody hears of it as data.
      tcp.prependListener('close', onChunk);
    });
  }

  opened(): void {
    const { protocol, extensions } = this.ws;
    this.handshake = undefined;
    this.handler.open({ protocol, extensions });
  }

  chunk(): void {
    this.handler.chunk?.();
  }

  heard(bytes: Buffer, isBinary: boolean): void {
    if (this.isDeaf) return;
    const data = isBinary ? bytes : this.text(bytes);
    if (data === undefined) this.refuseText();
    else this.handler.message(data);
  }

  pinged(): void {
    if (!this.isDeaf) this.handler.ping();
  }

  ponged(): void {
    if (!this.isDeaf) this.handler.pong();
  }

  failed(error: Error & { code?: string }): void {
    const { handshake } = this;
    this.failure ??=
      handshake === undefined
        ? (ProtocolError.from(error, this.maxPayload) ?? error)
        : handshake.failure(error);
    this.leaveSoon();
  }

  /** `ws` waits 30 s for the peer to end what both have taken leave of, or what it broke. */
  leaveSoon(): void {
    this.farewell ??= asyncScheduler.schedule(() => this.ws.terminate(), FAREWELL_MS);
  }

  closed(code: number, bytes: Buffer): void {
    this.farewell?.unsubscribe();
    const reason = this.text(bytes);
    const end = reason === undefined ? ProtocolError.from(noUtf8()) : new SocketClosedError(code, reason);
    this.end(this.failure ?? end);
  }

  end(error: unknown): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.handler.end(error);
  }

  /** `undefined` if it is to be UTF-8, and is not. */
  text(bytes: Buffer): string | undefined {
    return this.isTrusting ? bytes.toString() : utf8Text(bytes);
  }

  /** The peer broke the protocol (RFC 6455 section 8.1), and is told so. */
  private refuseText(): void {
    this.failed(noUtf8());
    this.isDeaf = true;
    this.ws.close(1007);
    // Who knows no close frame may know the end of TCP. With extensions the frame may still wait for its turn, and cannot come behind that.
    if (this.ws.extensions === '') this.tcp?.end();
    this.ws.resume(); // its close frame comes behind what a pause has held back
  }

  /** What `ws` says of a dial that we ended ourselves is no failure of the network. */
  private giveUpDial(): void {
    if (this.ws.readyState === WebSocket.CONNECTING) this.failure ??= new SocketClosedError(1006, '');
  }
}

function onUpgrade(this: WebSocket, { socket }: IncomingMessage): void {
  ownerOf(this).upgraded(socket);
}

function onFinish(this: object): void {
  ownerOf(this).leaveSoon();
}

function onChunk(this: object): void {
  ownerOf(this).chunk();
}

function onOpen(this: WebSocket): void {
  ownerOf(this).opened();
}

function onPing(this: WebSocket): void {
  ownerOf(this).pinged();
}

function onPong(this: WebSocket): void {
  ownerOf(this).ponged();
}

/** With this listener `ws` leaves the request to us and stays CONNECTING until it is terminated. */
function onRefusal(this: WebSocket, _request: unknown, response: IncomingMessage): void {
  ownerOf(this).end(refusal(response));
  this.terminate();
}

/** Never removed: an error of an abandoned socket must not become an uncaught exception. */
function onError(this: WebSocket, error: Error & { code?: string }): void {
  ownerOf(this).failed(error);
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  ownerOf(this).closed(code, reason);
}

/** A failed write is followed by the socket's own end, which tells it better. */
const ignoreError = (): void => undefined;
