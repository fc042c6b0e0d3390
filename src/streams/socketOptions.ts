/** A key or a certificate, as PEM text or as bytes. */
type Pem = string | Uint8Array;

/**
 * Options for the sockets of `ws`, for its HTTP request and for TLS, handed on untouched, but for `skipUTF8Validation`,
 * which is heeded here: see `ws` for what each does.
 *
 * Spelled out here, and not taken from `@types/ws` and `@types/node`, so that a page or a project without either compiles,
 * and because those of `ws` leave out half of what it hands on (`servername`, `lookup`, …).
 */
export interface SocketOptions {
  /** Sent with the opening handshake, in place of what `ws` would send under the same name. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly origin?: string;
  /** Basic authentication, `user:password`. */
  readonly auth?: string;
  /** @default false */
  readonly followRedirects?: boolean;
  /** @default 10 */
  readonly maxRedirects?: number;
  /** The feed's `connectTimeoutMs` does the same, providers included. */
  readonly handshakeTimeout?: number;
  /** @default false: a compressed frame costs 200 times a plain one */
  readonly perMessageDeflate?:
    | boolean
    | {
        readonly serverNoContextTakeover?: boolean;
        readonly clientNoContextTakeover?: boolean;
        readonly serverMaxWindowBits?: number;
        readonly clientMaxWindowBits?: number;
        readonly threshold?: number;
        readonly concurrencyLimit?: number;
        readonly zlibDeflateOptions?: object;
        readonly zlibInflateOptions?: object;
      };
  /** Bytes that a message may have. @default 8 MiB */
  readonly maxPayload?: number;
  readonly maxBufferedChunks?: number;
  readonly maxFragments?: number;
  /** Pings waiting for their pong before `ws` drops the connection. @default 10_000 */
  readonly maxPendingAutoPongs?: number;
  /** Answers the ping frames of the server. @default true */
  readonly autoPong?: boolean;
  readonly allowSynchronousEvents?: boolean;
  /** Text that is no UTF-8 comes with U+FFFD in it, and the connection lives. @default false: it ends with a `ProtocolError` */
  readonly skipUTF8Validation?: boolean;
  readonly protocolVersion?: number;
  generateMask?(mask: Uint8Array): void;

  /** An `http.Agent`, or `https.Agent` for wss: a proxy, say. */
  readonly agent?: object | false;
  readonly host?: string;
  readonly port?: number | string;
  readonly family?: number;
  readonly localAddress?: string;
  /** As `dns.lookup`. */
  readonly lookup?: (hostname: string, options: never, callback: never) => void;
  /** Makes the connection in place of `net.connect` or `tls.connect`. */
  readonly createConnection?: (options: never) => object;
  /**
   * Given the `http.ClientRequest` of the handshake, which it must end, now or later, and the socket of `ws`, which tells of no
   * messages: they go to the feed alone.
   */
  finishRequest?(
    request: { setHeader(name: string, value: string): unknown; end(): unknown },
    socket: object,
  ): void;

  readonly ca?: Pem | readonly Pem[];
  readonly cert?: Pem | readonly Pem[];
  /** In Node's other forms too: a `KeyObject`, or each with its `passphrase`. */
  readonly key?: Pem | object | readonly (Pem | object)[];
  readonly pfx?: Pem | readonly (Pem | object)[];
  readonly crl?: Pem | readonly Pem[];
  readonly passphrase?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
  /** What is wrong with the certificate, or `undefined` if nothing is. */
  readonly checkServerIdentity?: (servername: string, certificate: never) => Error | undefined;
  readonly ciphers?: string;
  readonly minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  readonly secureContext?: object;
  readonly session?: Uint8Array;
}
