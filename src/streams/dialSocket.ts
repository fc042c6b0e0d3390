import { asyncScheduler, type Observable, Subject, Subscription, type Unsubscribable } from 'rxjs';
import { attach } from '../operators/attach.js';
import { dialRequest } from './dialRequest.js';
import { ConnectTimeoutError, redactUrl } from './failure.js';
import { farewellMs } from './farewell.js';
import type { FromSocketConfig } from './fromSocketConfig.js';
import { Opened, type OpenSocket } from './openSocket.js';
import type { Data, DialRequest, Socket, SocketHandler } from './transport.js';
import { wsTransport } from './wsTransport.js';

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

/** One dial, and the socket it leads to. A class, since each connection has one: closures and operators took three times the memory. */
class SocketDial implements SocketHandler, Unsubscribable {
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
    attach((this.asking = new Subscription()), dialRequest(this.config), {
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

  ping(): void {
    this.control('ping');
  }

  pong(): void {
    this.control('pong');
  }

  private control(kind: 'ping' | 'pong'): void {
    if (this.isLeft) return;
    this.controls$?.next(kind);
    this.owner.onControl?.(kind);
  }

  private dial(request: DialRequest): void {
    const { transport = wsTransport } = this.config;
    this.url = request.url;
    try {
      const socket = transport.dial(request, transport === wsTransport ? this : new DialHandler(this));
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
    const { code = 1000, reason = '', timeoutMs = farewellMs } = this.owner.farewell();
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

/**
 * What a transport tells of a dial. Each works without its `this`: who writes a transport may hand them on as listeners. Ours does
 * not, and tells the dial itself, as an idle connection would keep these for nothing.
 */
class DialHandler implements SocketHandler {
  constructor(private readonly dial: SocketDial) {}

  readonly open: SocketHandler['open'] = (info) => this.dial.open(info);
  readonly message = (data: Data): void => this.dial.message(data);
  readonly chunk = (): void => this.dial.chunk();
  readonly ping = (): void => this.dial.ping();
  readonly pong = (): void => this.dial.pong();
  readonly end = (error: unknown): void => this.dial.end(error);
}
