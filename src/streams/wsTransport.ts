import { asyncScheduler, type Subscription } from 'rxjs';
import WebSocket from 'ws';
import { InvalidUrlError, ProtocolError, redactUrl, SocketClosedError } from './failure.js';
import { settled } from './settled.js';
import type { Transport } from './transport.js';
import { refusal, watchHandshake, type WsHandshake } from './wsHandshake.js';

/**
 * What a server may make of us: `ws` itself would allow a frame of 100 MiB, and would drop the connection, healthy as it
 * is, when more than 60 pings are read at once, as after a pause. `@types/ws` does not know the second.
 */
const bounds = { maxPayload: 8 * 1024 * 1024, maxPendingAutoPongs: 10_000 };

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
    /** Until it is done: it would keep the whole answer of the server for as long as the socket. */
    let handshake: WsHandshake | undefined = watchHandshake(request);
    const ws = new WebSocket(request.url, [...request.protocols], {
      perMessageDeflate: false,
      ...bounds,
      ...(request.options as object), // the types of ws know but half of them
      finishRequest: handshake.finishRequest,
    });
    let failure: unknown;
    let farewell: Subscription | undefined;
    let ended = false;
    const end = (error: unknown): void => {
      if (ended) return;
      ended = true;
      handler.end(error);
    };

    /** What `ws` says of a dial that we ended ourselves is no failure of the network. */
    const giveUpDial = (): void => {
      if (ws.readyState === WebSocket.CONNECTING) failure ??= new SocketClosedError(1006, '');
    };

    // ws waits 30 s for the peer to end what both have taken leave of, or what it broke.
    const leaveSoon = (): void => {
      farewell ??= asyncScheduler.schedule(() => ws.terminate(), FAREWELL_MS);
    };

    ws.on('upgrade', ({ socket }) => {
      // Our half of the TCP connection ends when the close frames are exchanged.
      socket.once('finish', leaveSoon);
      // From when `ws` reads on: it would miss what is read for us before. Told before it hears of the bytes.
      ws.once('open', () => {
        const chunk = (): void => handler.chunk?.();
        socket.prependListener('data', chunk);
        // What a pause held back when the socket ends, `ws` reads only now, and nobody hears of it as data.
        socket.prependListener('close', chunk);
      });
    });
    ws.on('open', () => {
      handshake = undefined;
      handler.open({ protocol: ws.protocol, extensions: ws.extensions });
    });
    ws.on('message', (data, isBinary) => {
      // `binaryType` stays at its default, so a message is always one Buffer.
      if (!ended) handler.message(isBinary ? (data as Buffer) : (data as Buffer).toString());
    });
    ws.on('ping', () => {
      if (!ended) handler.ping();
    });
    ws.on('pong', () => {
      if (!ended) handler.pong();
    });
    // With this listener ws leaves the request to us and stays CONNECTING until it is terminated.
    ws.on('unexpected-response', (_request, response) => {
      end(refusal(response));
      ws.terminate();
    });
    // Never removed: an error of an abandoned socket must not become an uncaught exception.
    ws.on('error', (error: Error & { code?: string }) => {
      failure ??= handshake === undefined ? (ProtocolError.from(error) ?? error) : handshake.failure(error);
      leaveSoon();
    });
    ws.on('close', (code, reason) => {
      farewell?.unsubscribe();
      end(failure ?? new SocketClosedError(code, reason.toString('utf8')));
    });

    return {
      send: (data) => {
        if (ws.readyState === WebSocket.OPEN) ws.send(data, ignoreError);
      },
      ping: () => {
        if (ws.readyState === WebSocket.OPEN) ws.ping(undefined, undefined, ignoreError);
      },
      pause: () => ws.pause(),
      resume: () => ws.resume(),
      close(code, reason) {
        giveUpDial();
        ws.close(code, reason);
      },
      terminate() {
        giveUpDial();
        ws.terminate();
      },
      get bufferedBytes() {
        return ws.bufferedAmount;
      },
    };
  },
};

/** A failed write is followed by the socket's own end, which tells it better. */
const ignoreError = (): void => undefined;
