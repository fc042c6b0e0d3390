import type { ClientRequest, IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { ConnectTimeoutError, HandshakeError, ProtocolError } from './failure.js';
import { retryAfterMs } from './retryAfter.js';
import type { DialRequest } from './transport.js';

/** What `ws` does not tell of an opening handshake, and what it does not do for its redirects. */
export interface WsHandshake {
  /** The option of `ws` of this name: called with each request, the first and one a redirect, before it goes out. */
  readonly finishRequest: (request: ClientRequest, ws: WebSocket) => void;
  /** The typed error for what `ws` says of a dial that did not open. */
  failure(error: Error & { code?: string }): Error;
}

/** The headers of the handshake itself. */
const ownHeaders = /^(connection|upgrade|sec-websocket-.*)$/i;

/** The refusal that an HTTP answer is. */
export const refusal = (
  { statusCode = 0, headers }: IncomingMessage,
  options?: ErrorOptions & { readonly detail?: string },
): HandshakeError => new HandshakeError(statusCode, retryAfterMs(headers), headers, options);

/**
 * Watches the requests of one dial. A redirect that leaves the first host, or TLS, goes on without the headers of the
 * user and without any login, and so does each one after it: who redirects must not choose who gets a secret.
 */
export function watchHandshake({ options }: Pick<DialRequest, 'options'>): WsHandshake {
  let home: URL | undefined;
  let hasLeft = false;
  let answer: IncomingMessage | undefined;
  const keep = (response: IncomingMessage): void => {
    answer = response;
  };
  /** Before and around the listeners of `ws`, which judge the answer, and let nobody catch what throws as they follow a redirect. */
  const listen = (request: ClientRequest, ws: WebSocket): void => {
    const judges = request.rawListeners('response');
    request.removeAllListeners('response').on('response', (response) => {
      keep(response);
      try {
        for (const judge of judges) judge.call(request, response);
      } catch (cause) {
        if (!request.destroyed) throw cause; // it is no redirect's
        ws.emit('error', new Error('the redirect could not be followed', { cause }));
        ws.terminate();
      }
    });
    request.prependListener('upgrade', keep);
  };

  return {
    finishRequest(request, ws) {
      const to = new URL(ws.url);
      if (home !== undefined && to.protocol !== 'ws:' && to.protocol !== 'wss:') {
        // ws would follow to a socket in the file system.
        request.destroy(new Error('the redirect leads to no WebSocket URL'));
        return;
      }
      home ??= to;
      hasLeft ||= to.host !== home.host || (home.protocol === 'wss:' && to.protocol === 'ws:');
      if (hasLeft) {
        for (const name of ['authorization', ...Object.keys(options.headers ?? {})]) {
          if (!ownHeaders.test(name)) request.removeHeader(name);
        }
        request.setHeader('Host', to.host);
      }
      listen(request, ws);
      if (options.finishRequest === undefined) request.end();
      else options.finishRequest(request, ws);
      answer = undefined;
    },

    failure(error) {
      delete (error as { rawPacket?: unknown }).rawPacket; // of Node's parser: what the server sent, cookies and all
      // ws has no codes for these, only words.
      const { message } = error;
      if (message === 'Opening handshake has timed out') {
        return new ConnectTimeoutError(options.handshakeTimeout ?? 0);
      }
      if (answer === undefined) return ProtocolError.from(error) ?? error;
      // The words of this one hold the whole Location, with what secrets it has.
      if (message.startsWith('Invalid URL'))
        return refusal(answer, { detail: 'the redirect leads to no URL' });
      return refusal(answer, { detail: message, cause: error });
    },
  };
}
