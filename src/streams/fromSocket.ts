import {
  asyncScheduler,
  defer,
  forkJoin,
  map,
  Observable,
  Subject,
  Subscription,
  take,
  throwIfEmpty,
  type Unsubscribable,
} from 'rxjs';
import { attach } from '../operators/attach.js';
import { maxTimerMs } from '../operators/backoff.js';
import { ConnectTimeoutError, InvalidUrlError, redactUrl } from './failure.js';
import { fromInput, type Input } from './input.js';
import type { SocketOptions } from './socketOptions.js';
import type { Data, DialRequest, Socket, SocketHandler, Transport } from './transport.js';
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
export function fromSocket(config: FromSocketConfig): Observable<OpenSocket> {
  const { url, choose, protocols, connectTimeoutMs = 10_000 } = config;
  if (!(connectTimeoutMs > 0 && (connectTimeoutMs <= maxTimerMs || connectTimeoutMs === Infinity))) {
    throw new RangeError(
      `fromSocket: connectTimeoutMs must be above 0 and at most ${maxTimerMs}, or Infinity, got ${connectTimeoutMs}`,
    );
  }
  if (choose !== undefined && typeof choose !== 'function') {
    throw new TypeError(`fromSocket: choose must be a function, got ${typeof choose}`);
  }
  if (typeof url !== 'function') checkUrls(url);
  if (protocols !== undefined && typeof protocols !== 'function') checkProtocols(protocols);

  return new Observable((subscriber) => {
    dialSocket(subscriber, config, {
      onOpen: (socket) => subscriber.next(socket),
      onFailed: (error) => subscriber.error(error),
      onDial: (socket) => config.onDial?.(socket),
      onGone: () => config.onGone?.(),
      farewell: () => config.farewell?.() ?? {},
    });
  });
}

/** Who dials a socket, and hears what becomes of it. */
export interface SocketOwner extends Required<Pick<FromSocketConfig, 'farewell' | 'onDial' | 'onGone'>> {
  /** It is open. */
  readonly onOpen: (socket: OpenSocket) => void;
  /** It could not be dialled, or has ended. */
  readonly onFailed: (error: unknown) => void;
  /** A ping or a pong frame came. */
  readonly onControl?: (kind: 'ping' | 'pong') => void;
}

/**
 * What `fromSocket` does, for who is told by calls. The end of `whole`, also while the dial still begins, leaves the socket; after
 * that only `onGone` is told.
 */
export function dialSocket(whole: Subscription, config: DialConfig, owner: SocketOwner): void {
  const dial = new SocketDial(config, owner);
  whole.add(dial);
  if (!whole.closed) dial.begin();
}

type DialConfig = Omit<FromSocketConfig, 'farewell' | 'onDial' | 'onGone'>;

/** What a provider yields first; one that yields nothing is an error. */
const firstOf = <T>(option: string, input: Input<T>): Observable<T> =>
  fromInput(input).pipe(
    take(1),
    throwIfEmpty(() => new TypeError(`${option} must yield a value, but its provider completed without one`)),
  );

/** One dial, and the socket it leads to. A class, since each connection has one: closures and operators took three times the memory. */
class SocketDial implements Unsubscribable {
  private url = '';
  private socket: Socket | undefined = undefined;
  private state: 'dialling' | 'open' | 'ended' = 'dialling';
  private isLeft = false;
  /** Until there is something to dial. */
  private asking: Subscription | undefined = undefined;
  /** Of the dial, then of the farewell. */
  private deadline = Subscription.EMPTY;
  private take: ((data: Data) => void) | undefined = undefined;
  private onChunk: (() => void) | undefined = undefined;
  // Made for who wants to hear.
  private heard$: Subject<Data> | undefined = undefined;
  private controls$: Subject<'ping' | 'pong'> | undefined = undefined;

  constructor(
    private readonly config: DialConfig,
    private readonly owner: SocketOwner,
  ) {}

  begin(): void {
    const { connectTimeoutMs = 10_000 } = this.config;
    attach((this.asking = new Subscription()), this.request$(), {
      next: (request) => this.dial(request),
      error: (error) => this.fail(error),
    });
    if (this.isLeft || this.state !== 'dialling' || connectTimeoutMs === Infinity) return;
    this.deadline = asyncScheduler.schedule(() => {
      this.fail(new ConnectTimeoutError(connectTimeoutMs));
    }, connectTimeoutMs);
  }

  unsubscribe(): void {
    if (this.isLeft) return;
    this.isLeft = true;
    this.asking?.unsubscribe();
    this.deadline.unsubscribe();
    this.heard$?.complete();
    this.controls$?.complete();
    this.sayGoodbye();
  }

  open({ protocol, extensions }: Parameters<SocketHandler['open']>[0]): void {
    if (this.socket === undefined || this.isLeft) return;
    this.state = 'open';
    this.asking = undefined;
    this.deadline.unsubscribe();
    this.deadline = Subscription.EMPTY;
    this.owner.onOpen(new Opened(this, this.socket, redactUrl(this.url), protocol, extensions));
  }

  message(data: Data): void {
    if (this.take !== undefined) this.take(data);
    else this.heard$?.next(data);
  }

  chunk(): void {
    this.onChunk?.();
  }

  end(error: unknown): void {
    this.state = 'ended';
    this.deadline.unsubscribe();
    this.owner.onGone();
    this.heard$?.complete();
    this.controls$?.complete();
    if (!this.isLeft) this.owner.onFailed(error);
  }

  divert(take: (data: Data) => void, onChunk?: () => void): void {
    this.take = take;
    this.onChunk = onChunk;
  }

  get data$(): Observable<Data> {
    return (this.heard$ ??= this.untilOver(new Subject<Data>()));
  }

  get control$(): Observable<'ping' | 'pong'> {
    return (this.controls$ ??= this.untilOver(new Subject<'ping' | 'pong'>()));
  }

  /** One that is made after the end completes at once. */
  private untilOver<S extends Pick<Subject<unknown>, 'complete'>>(subject: S): S {
    if (this.isLeft || this.state === 'ended') subject.complete();
    return subject;
  }

  control(kind: 'ping' | 'pong'): void {
    if (this.isLeft) return;
    this.controls$?.next(kind);
    this.owner.onControl?.(kind);
  }

  /** Asked for anew at each dial. */
  private request$(): Observable<DialRequest> {
    const { config } = this;
    return defer(() =>
      forkJoin([firstOf('url', config.url), firstOf('protocols', config.protocols ?? [])]).pipe(
        map(([where, offered]): DialRequest => {
          const urls = checkUrls(where);
          return {
            url: config.choose === undefined ? (urls[0] ?? '') : config.choose(urls),
            protocols: checkProtocols(offered),
            options: config.socket ?? {},
          };
        }),
      ),
    );
  }

  private dial(request: DialRequest): void {
    const { transport = wsTransport } = this.config;
    this.url = request.url;
    try {
      const socket = transport.dial(request, new DialHandler(this));
      // It may end a dial before it returns.
      if (!this.hasEnded()) this.owner.onDial(socket);
      this.socket = socket;
      if (this.isLeft) this.sayGoodbye();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Asked anew: the compiler does not see that a call may have changed it. */
  private hasEnded(): boolean {
    return this.state === 'ended';
  }

  private sayGoodbye(): void {
    const { socket, state } = this;
    if (socket === undefined) return;
    if (state === 'dialling') socket.terminate();
    if (state !== 'open') return;
    const { code = 1000, reason = '', timeoutMs = 5_000 } = this.owner.farewell();
    this.deadline = asyncScheduler.schedule(() => socket.terminate(), timeoutMs);
    socket.resume?.(); // its half of the handshake comes after what a pause has held back
    socket.close(code, reason);
  }

  private fail(error: unknown): void {
    if (this.isLeft) return;
    this.unsubscribe();
    this.owner.onFailed(error);
  }
}

/** What the transport tells of a dial. Each works without its `this`: who writes a transport may hand them on as listeners. */
class DialHandler implements SocketHandler {
  constructor(private readonly dial: SocketDial) {}

  readonly open: SocketHandler['open'] = (info) => this.dial.open(info);
  readonly message = (data: Data): void => this.dial.message(data);
  readonly chunk = (): void => this.dial.chunk();
  readonly ping = (): void => this.dial.control('ping');
  readonly pong = (): void => this.dial.control('pong');
  readonly end = (error: unknown): void => this.dial.end(error);
}

/** A class, since each connection has one: an object that is made from another, or has a getter of its own, is a dictionary to V8. */
class Opened implements OpenSocket {
  // Absent where the platform has none.
  declare ping?: () => void;
  declare pause?: () => void;
  declare resume?: () => void;

  // Not `private`: who prints it is to see no URL and no header.
  readonly #dial: SocketDial;
  readonly #socket: Socket;

  constructor(
    dial: SocketDial,
    socket: Socket,
    readonly url: string,
    readonly protocol: string,
    readonly extensions: string,
  ) {
    this.#dial = dial;
    this.#socket = socket;
    if (socket.ping !== undefined) this.ping = () => socket.ping?.();
    if (socket.pause !== undefined) this.pause = () => socket.pause?.();
    if (socket.resume !== undefined) this.resume = () => socket.resume?.();
  }

  get data$(): Observable<Data> {
    return this.#dial.data$;
  }

  get control$(): Observable<'ping' | 'pong'> {
    return this.#dial.control$;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  // Made when asked for: they work without their `this`, as in `messages$.subscribe(socket.send)`.

  get divert(): OpenSocket['divert'] {
    return (take, onChunk) => this.#dial.divert(take, onChunk);
  }

  get send(): (data: Data) => void {
    return (data) => this.#socket.send(data);
  }

  get close(): (code?: number, reason?: string) => void {
    return (code, reason) => this.#socket.close(code, reason);
  }

  get terminate(): () => void {
    return () => this.#socket.terminate();
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
