import {
  asyncScheduler,
  defer,
  forkJoin,
  map,
  noop,
  Observable,
  Subject,
  Subscription,
  take,
  throwIfEmpty,
} from 'rxjs';
import { attach } from '../operators/attach.js';
import { maxTimerMs } from '../operators/backoff.js';
import { ConnectTimeoutError, InvalidUrlError, redactUrl } from './failure.js';
import { fromInput, type Input } from './input.js';
import type { SocketOptions } from './socketOptions.js';
import type { Data, DialRequest, Socket, Transport } from './transport.js';
import { wsTransport } from './wsTransport.js';

/** A socket whose handshake is done. Its end is the error of the Observable it came from. */
export interface OpenSocket extends Socket {
  /** Where it is connected to, without userinfo and query. */
  readonly url: string;
  /** The subprotocol that was agreed on; empty if none. */
  readonly protocol: string;
  /** The extensions that were agreed on, as in the header; empty if none. */
  readonly extensions: string;
  /** The messages as they arrive: hot, so subscribe while handling the emission of this socket. */
  readonly data$: Observable<Data>;
  /**
   * Hands the messages to `take` from here on, and `data$` carries nothing but the end: a call costs a message less than an
   * emission does.
   *
   * @param onChunk Told before messages that were read from the network together, where the transport tells.
   */
  divert(take: (data: Data) => void, onChunk?: () => void): void;
  /** Ping and pong frames as they arrive: no data, but proof that the peer lives. */
  readonly control$: Observable<'ping' | 'pong'>;
}

/** How to say goodbye to a socket that nobody uses any more. */
export interface Farewell {
  /** @default 1000 */
  readonly code?: number;
  readonly reason?: string;
  /** Milliseconds the peer has for its half of the close handshake before the socket is destroyed. @default 5_000 */
  readonly timeoutMs?: number;
}

export interface FromSocketConfig {
  /** Where to connect, one URL or a list to choose from; a function is asked anew for each connection. */
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

/**
 * One WebSocket as a cold Observable: one subscription is one connection.
 *
 * Emits the socket when it is open, and never completes: every end of a connection is an error, a clean close by the
 * server too (`SocketClosedError`). Unsubscribing an open socket starts the close handshake and destroys it at the
 * deadline; unsubscribing during the dial destroys it at once.
 *
 *     fromSocket     ----o-----------#    o: OpenSocket, #: SocketClosedError, HandshakeError, …
 *     o.data$            --a--b--c---|
 */
export function fromSocket({
  url,
  choose = ([first = '']) => first,
  protocols = [],
  socket: options = {},
  transport = wsTransport,
  connectTimeoutMs = 10_000,
  farewell,
  onDial,
  onGone,
}: FromSocketConfig): Observable<OpenSocket> {
  if (!(connectTimeoutMs > 0 && (connectTimeoutMs <= maxTimerMs || connectTimeoutMs === Infinity))) {
    throw new RangeError(
      `fromSocket: connectTimeoutMs must be above 0 and at most ${maxTimerMs}, or Infinity, got ${connectTimeoutMs}`,
    );
  }
  if (typeof choose !== 'function') {
    throw new TypeError(`fromSocket: choose must be a function, got ${typeof choose}`);
  }
  if (typeof url !== 'function') checkUrls(url);
  if (typeof protocols !== 'function') checkProtocols(protocols);

  const hooks = { farewell, onDial, onGone };
  // Made for each dial, and not kept with the open socket.
  const request$ = defer(() =>
    forkJoin([firstOf('url', url), firstOf('protocols', protocols)]).pipe(
      map(([where, offered]): DialRequest => ({
        url: choose(checkUrls(where)),
        protocols: checkProtocols(offered),
        options,
      })),
    ),
  );
  // By hand, as each idle connection has one: `switchMap` and `timeout` would live as long as the socket.
  return new Observable((subscriber) => {
    const fail = (error: unknown): void => subscriber.error(error);
    let leave = noop;
    let deadline = Subscription.EMPTY;
    const opened = (socket: OpenSocket): void => {
      deadline.unsubscribe();
      subscriber.next(socket);
    };
    attach(subscriber, request$, {
      next(request) {
        try {
          leave = dial(transport, request, hooks, opened, fail);
          subscriber.add(leave);
        } catch (error) {
          fail(error);
        }
      },
      error: fail,
    });
    if (subscriber.closed || connectTimeoutMs === Infinity) return;
    deadline = asyncScheduler.schedule(() => {
      leave();
      fail(new ConnectTimeoutError(connectTimeoutMs));
    }, connectTimeoutMs);
    subscriber.add(deadline);
  });
}

/** What a provider yields first; one that yields nothing is an error. */
const firstOf = <T>(option: string, input: Input<T>): Observable<T> =>
  fromInput(input).pipe(
    take(1),
    throwIfEmpty(() => new TypeError(`${option} must yield a value, but its provider completed without one`)),
  );

interface DialHooks {
  readonly farewell: FromSocketConfig['farewell'];
  readonly onDial: FromSocketConfig['onDial'];
  readonly onGone: FromSocketConfig['onGone'];
}

/** Tells of the open socket, then of its end, and returns how to leave it: after that it tells only `onGone`. */
function dial(
  transport: Transport,
  request: DialRequest,
  { farewell, onDial, onGone }: DialHooks,
  opened: (socket: OpenSocket) => void,
  ended: (error: unknown) => void,
): () => void {
  const data$ = new Subject<Data>();
  const control$ = new Subject<'ping' | 'pong'>();
  let take = (data: Data): void => data$.next(data);
  let onChunk: (() => void) | undefined;
  let deadline: Subscription | undefined;
  let state: 'dialling' | 'open' | 'ended' = 'dialling';
  let isLeft = false;
  /** A transport may end a dial before it returns. */
  const hasEnded = (): boolean => state === 'ended';

  const socket = transport.dial(request, {
    open({ protocol, extensions }) {
      state = 'open';
      const divert: OpenSocket['divert'] = (other, chunk) => {
        take = other;
        onChunk = chunk;
      };
      opened(new Opened(socket, redactUrl(request.url), protocol, extensions, data$, control$, divert));
    },
    message: (data) => take(data),
    chunk: () => onChunk?.(),
    ping: () => control$.next('ping'),
    pong: () => control$.next('pong'),
    end(error) {
      state = 'ended';
      deadline?.unsubscribe();
      onGone?.();
      data$.complete();
      control$.complete();
      if (!isLeft) ended(error);
    },
  });

  if (!hasEnded()) onDial?.(socket);

  return () => {
    if (isLeft) return;
    isLeft = true;
    data$.complete();
    control$.complete();
    if (state === 'dialling') socket.terminate();
    if (state !== 'open') return;
    const { code = 1000, reason = '', timeoutMs = 5_000 } = farewell?.() ?? {};
    deadline = asyncScheduler.schedule(() => socket.terminate(), timeoutMs);
    socket.resume?.(); // its half of the handshake comes after what a pause has held back
    socket.close(code, reason);
  };
}

/** A class, since each connection has one: an object that is made from another, or has a getter of its own, is a dictionary to V8. */
class Opened implements OpenSocket {
  // Absent where the platform has none.
  declare ping?: () => void;
  declare pause?: () => void;
  declare resume?: () => void;

  constructor(
    private readonly socket: Socket,
    readonly url: string,
    readonly protocol: string,
    readonly extensions: string,
    readonly data$: Observable<Data>,
    readonly control$: Observable<'ping' | 'pong'>,
    readonly divert: OpenSocket['divert'],
  ) {
    if (socket.ping !== undefined) this.ping = () => socket.ping?.();
    if (socket.pause !== undefined) this.pause = () => socket.pause?.();
    if (socket.resume !== undefined) this.resume = () => socket.resume?.();
  }

  readonly send = (data: Data): void => this.socket.send(data);
  readonly close = (code?: number, reason?: string): void => this.socket.close(code, reason);
  readonly terminate = (): void => this.socket.terminate();

  get bufferedBytes(): number {
    return this.socket.bufferedBytes;
  }
}

/**
 * RFC 6455: an endpoint may send 1000 and 3000 to 4999 (section 7.4), and a reason of 123 bytes of UTF-8 (section 5.5).
 *
 * @throws {RangeError} If the code or the reason cannot be sent, or the time is negative.
 */
export function checkFarewell({ code = 1000, reason = '', timeoutMs = 5_000 }: Farewell): void {
  if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) {
    throw new RangeError(`close: code must be 1000 or from 3000 to 4999, got ${code}`);
  }
  const bytes = new TextEncoder().encode(reason).length;
  if (bytes > 123) throw new RangeError(`close: reason must be at most 123 bytes, got ${bytes}`);
  if (!(timeoutMs >= 0 && timeoutMs <= maxTimerMs)) {
    throw new RangeError(`close: timeoutMs must be from 0 to ${maxTimerMs}, got ${timeoutMs}`);
  }
}

/** @throws {InvalidUrlError} If one of them is no absolute ws, wss, http or https URL without a fragment, or there is none. */
export function checkUrls(url: unknown): readonly string[] {
  if (!Array.isArray(url)) return [checkUrl(url)];
  if (url.length === 0) throw new InvalidUrlError('url must name at least one URL, got an empty list');
  return Array.from(url, (each: unknown, index) => checkUrl(each, `url[${index}]`));
}

/** @throws {InvalidUrlError} If it is no absolute ws, wss, http or https URL without a fragment. */
export function checkUrl(url: unknown, name = 'url'): string {
  const text = url instanceof URL ? url.href : url;
  if (typeof text !== 'string') {
    throw new InvalidUrlError(`${name} must be a string or a URL, got ${typeof text}`);
  }
  const scheme = URL.canParse(text) ? new URL(text).protocol : 'none';
  if (!['ws:', 'wss:', 'http:', 'https:'].includes(scheme) || text.includes('#')) {
    throw new InvalidUrlError(
      `${name} must be an absolute ws or wss URL without a fragment, got ${redactUrl(text)}`,
    );
  }
  return text;
}

/** RFC 6455 section 4.1: a subprotocol is a token of RFC 9110, and none is offered twice. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function checkProtocols(protocols: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(protocols) ? protocols : [protocols];
  for (const [index, protocol] of list.entries()) {
    if (typeof protocol !== 'string' || !TOKEN.test(protocol)) {
      // Not the value: servers take tokens of the other kind in this place.
      throw new TypeError(`protocols must be a token or a list of tokens, got something else at ${index}`);
    }
  }
  if (new Set(list).size !== list.length) throw new TypeError('protocols must not repeat one');
  return list as readonly string[];
}
