import { asyncScheduler, Observable, type Subscription } from 'rxjs';
import WebSocket from 'ws';
import { HandshakeError, ProtocolError, retryAfterMs, SocketClosedError } from './failure.js';
import type { Transport } from './transport.js';

/** The default bound on one frame, in bytes: 8 MiB. `ws` itself would allow 100 MiB. */
const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

/** How long a peer that broke the protocol has to take leave, in ms. */
const FAREWELL_MS = 1_000;

const settled = new Observable<void>((subscriber) => {
  const handle = setImmediate(() => {
    subscriber.next();
    subscriber.complete();
  });
  return () => clearImmediate(handle);
});

/**
 * The transport over `ws`. Compression is off unless `options.perMessageDeflate` asks for it, redirects are not
 * followed unless `options.followRedirects` does, and a frame above `options.maxPayload` (bytes, default 8 MiB) ends
 * the connection with a `ProtocolError` of code 1009. A peer that breaks the protocol is told so, and has 1 s to leave.
 */
export const wsTransport: Transport = {
  settled,
  dial(request, handler) {
    const ws = new WebSocket(request.url, [...request.protocols], {
      perMessageDeflate: false,
      maxPayload: MAX_PAYLOAD_BYTES,
      ...request.options,
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

    ws.on('open', () => handler.open({ protocol: ws.protocol, extensions: ws.extensions }));
    ws.on('message', (data, isBinary) => {
      // `binaryType` stays at its default, so a message is always one Buffer.
      if (!ended) handler.message(isBinary ? (data as Buffer) : (data as Buffer).toString('utf8'));
    });
    ws.on('ping', () => {
      if (!ended) handler.ping();
    });
    ws.on('pong', () => {
      if (!ended) handler.pong();
    });
    // With this listener ws leaves the request to us and stays CONNECTING until it is terminated.
    ws.on('unexpected-response', (_request, response) => {
      const { statusCode = 0, headers } = response;
      end(new HandshakeError(statusCode, retryAfterMs(headers['retry-after']), headers));
      ws.terminate();
    });
    // Never removed: an error of an abandoned socket must not become an uncaught exception.
    ws.on('error', (error: Error & { code?: string }) => {
      failure ??= ProtocolError.from(error) ?? error;
      // ws waits 30 s for the peer's half of the close handshake; one that breaks the protocol may never send it.
      farewell ??= asyncScheduler.schedule(() => ws.terminate(), FAREWELL_MS);
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
