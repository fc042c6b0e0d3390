import type { Observable } from 'rxjs';
import type { Data, Socket } from './transport.js';

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

/** What comes in on it. */
type Incoming = Pick<OpenSocket, 'data$' | 'control$' | 'divert'>;

/** A class, since each connection has one: an object that is made from another, or has a getter of its own, is a dictionary to V8. */
export class Opened implements OpenSocket {
  // Not `private`: who prints it is to see no URL and no header.
  readonly #incoming: Incoming;
  readonly #socket: Socket;

  constructor(
    incoming: Incoming,
    socket: Socket,
    readonly url: string,
    readonly protocol: string,
    readonly extensions: string,
  ) {
    this.#incoming = incoming;
    this.#socket = socket;
  }

  get data$(): Observable<Data> {
    return this.#incoming.data$;
  }

  get control$(): Observable<'ping' | 'pong'> {
    return this.#incoming.control$;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  get isClosing(): boolean {
    return this.#socket.isClosing === true;
  }

  // Made when asked for: they work without their `this`, as in `messages$.subscribe(socket.send)`.

  get divert(): OpenSocket['divert'] {
    return (take, onChunk) => this.#incoming.divert(take, onChunk);
  }

  get ping(): Socket['ping'] {
    return this.#socket.ping && (() => this.#socket.ping?.());
  }

  get pause(): Socket['pause'] {
    return this.#socket.pause && (() => this.#socket.pause?.());
  }

  get resume(): Socket['resume'] {
    return this.#socket.resume && (() => this.#socket.resume?.());
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
