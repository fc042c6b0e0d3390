/** The server, or the network under it, closed an open connection. */
export class SocketClosedError extends Error {
  override readonly name = 'SocketClosedError';
  /** @param code The close code of RFC 6455 section 7.4; 1005 if the frame carried none, 1006 if there was no frame. */
  constructor(
    readonly code: number,
    readonly reason: string,
  ) {
    super(`socket closed with ${code}${reason === '' ? '' : ` (${reason})`}`);
  }
}

/** The server answered the opening handshake with something other than 101, or with a 101 that is wrong. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  /**
   * @param status The HTTP status: of a redirect that was not or could not be followed, its own; 101 if the server
   *   agreed, but with an `Upgrade`, key, subprotocol or extension that it must not answer with.
   * @param retryAfterMs The server's `Retry-After`, as milliseconds from now; `undefined` if it sent none, or one that asks for no wait.
   * @param headers The response's headers. Not part of the message: they may carry secrets.
   * @param options What is wrong with an answer whose status does not tell, as `detail`.
   */
  constructor(
    readonly status: number,
    readonly retryAfterMs: number | undefined,
    readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>,
    { detail, ...options }: ErrorOptions & { readonly detail?: string } = {},
  ) {
    super(
      detail === undefined
        ? `handshake refused with HTTP ${status}`
        : `handshake failed after HTTP ${status}: ${detail}`,
      options,
    );
    Object.defineProperty(this, 'headers', { enumerable: false });
  }
}

/** The connection did not open in time. */
export class ConnectTimeoutError extends Error {
  override readonly name = 'ConnectTimeoutError';
  constructor(readonly timeoutMs: number) {
    super(`not connected within ${timeoutMs} ms`);
  }
}

/** The `authenticate` hook failed, was refused or took too long, or the server refused too often; `cause` tells which. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError';
  /** Failures of authentication since a connection was last stable: 1 for the failure of one, more when giving up. */
  readonly attempts: number;
  constructor(
    message: string,
    { attempts = 1, ...options }: ErrorOptions & { readonly attempts?: number } = {},
  ) {
    super(message, options);
    this.attempts = attempts;
  }
}

/** The `url` option yielded something that is no WebSocket URL. */
export class InvalidUrlError extends TypeError {
  override readonly name = 'InvalidUrlError';
}

/** The `protocols` option yielded something that is no subprotocol. */
export class InvalidProtocolsError extends TypeError {
  override readonly name = 'InvalidProtocolsError';
}

/** `reconnect()` was called. */
export class ReconnectRequestedError extends Error {
  override readonly name = 'ReconnectRequestedError';
  constructor(readonly reason: string | undefined) {
    super(`reconnect requested${reason === undefined ? '' : `: ${reason}`}`);
  }
}

/** The platform says that there is no network: `online$` was false. */
export class OfflineError extends Error {
  override readonly name = 'OfflineError';
  constructor() {
    super('the network is offline');
  }
}

/** The host asked not to be dialled for longer, which `cause` told: so it was not. */
export class HostPausedError extends Error {
  override readonly name = 'HostPausedError';
  constructor(
    readonly leftMs: number,
    options?: ErrorOptions,
  ) {
    super(`the host is not to be dialled for ${leftMs} ms`, options);
  }
}

/** Reading stayed paused for longer than the buffer's `maxPauseMs`. */
export class PauseTimeoutError extends Error {
  override readonly name = 'PauseTimeoutError';
  constructor(readonly maxPauseMs: number) {
    super(`reading was paused for more than ${maxPauseMs} ms`);
  }
}

/** The peer broke the WebSocket protocol, or sent a frame above `maxPayload`. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  /** @param code The close code it deserves: 1002, 1007 or 1009. */
  constructor(
    readonly code: number,
    options: ErrorOptions & { message: string },
  ) {
    super(options.message, options);
  }

  /**
   * Recognises the errors of `ws`, of zlib and of Node's HTTP parser that mean the peer does not speak the protocol.
   *
   * @param maxPayload The limit in bytes, to be named where a frame was above it.
   */
  static from(error: Error & { code?: string }, maxPayload?: number): ProtocolError | undefined {
    const { code, message } = error;
    if (typeof code !== 'string' || !/^(WS_ERR_|HPE_|Z_)/.test(code)) return undefined;
    const closeCode =
      code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 1009 : isBadPayload.test(code) ? 1007 : 1002;
    const limit = closeCode === 1009 && maxPayload !== undefined ? ` (maxPayload: ${maxPayload} bytes)` : '';
    return new this(closeCode, { message: `protocol error: ${message}${limit}`, cause: error });
  }
}

/** Text that is no UTF-8, and (zlib's codes) compressed data that cannot be inflated. */
const isBadPayload = /^(WS_ERR_INVALID_UTF8|Z_)/;

/** The classes of failure, each with its own policy. */
export type FailureClass =
  'network' | 'normal' | 'rateLimited' | 'auth' | 'protocol' | 'config' | 'requested' | 'unknown';

const codeClasses = new Map<number, FailureClass>([
  [1000, 'normal'],
  [1005, 'normal'],
  [1001, 'network'],
  [1006, 'network'],
  [1012, 'network'],
  [1013, 'rateLimited'],
  [4429, 'rateLimited'],
  [1008, 'auth'],
  [4401, 'auth'],
  [4403, 'auth'],
  [1002, 'protocol'],
  [1003, 'protocol'],
  [1007, 'protocol'],
  [1009, 'protocol'],
  [1010, 'protocol'],
]);

const statusClasses = new Map<number, FailureClass>([
  [101, 'protocol'],
  [200, 'protocol'],
  [401, 'auth'],
  [403, 'auth'],
  [404, 'config'],
  [418, 'rateLimited'],
  [426, 'config'],
  [429, 'rateLimited'],
  [500, 'network'],
  [502, 'network'],
  [503, 'rateLimited'],
  [504, 'network'],
]);

const configNames = new Set(['InvalidUrlError', 'InvalidProtocolsError', 'UnsupportedDialError']);
const networkNames = new Set([
  'ConnectTimeoutError',
  'HeartbeatTimeoutError',
  'PauseTimeoutError',
  'OfflineError',
  'HostPausedError',
]);
const networkCodes =
  /^(ECONN|ENOTFOUND|EAI_|EPIPE|ETIMEDOUT|EHOST|ENET|EADDR|ENOBUFS|EMFILE|ERR_SOCKET|ERR_TLS_HANDSHAKE_TIMEOUT|UND_ERR_SOCKET)/;
/** The names that Node gives to what OpenSSL found wrong with a certificate. */
const certificateCodes =
  /CERT|CRL|SELF_SIGNED|UNABLE_TO_|^(INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH)/;
/** Node refuses a header that is none. */
const optionCodes = /^ERR_(INVALID_HTTP_TOKEN|INVALID_CHAR|HTTP_INVALID_HEADER_VALUE)$/;
/** A peer that does not speak TLS, or none that OpenSSL can agree with. */
const tlsCodes = /^(EPROTO|ERR_SSL_)/;

/**
 * Gives a failure its class. Errors are told apart by `name`, `code` and `status`, never by `instanceof`: a package
 * loaded twice, and Node's own errors inside a test runner, have other constructors. An `AggregateError`, which is what
 * a host of several addresses fails with, is of the class of its parts: `network` if one of them is, for then a retry
 * may help, else the first that is known.
 */
export function classify(error: unknown): FailureClass {
  const { errors } = (error ?? {}) as { readonly errors?: unknown };
  if (!Array.isArray(errors) || errors.length === 0) return classifyOne(error);
  const classes = errors.map(classifyOne);
  return (
    classes.find((name) => name === 'network') ?? classes.find((name) => name !== 'unknown') ?? 'unknown'
  );
}

function classifyOne(error: unknown): FailureClass {
  const { name = '', code, status } = (error ?? {}) as { name?: string; code?: unknown; status?: unknown };
  if (name === 'AuthenticationError') return 'auth';
  if (configNames.has(name)) return 'config';
  if (name === 'ReconnectRequestedError') return 'requested';
  if (networkNames.has(name)) return 'network';
  if (typeof status === 'number') {
    return statusClasses.get(status) ?? (status >= 300 && status < 400 ? 'config' : 'unknown');
  }
  if (typeof code === 'number') return codeClasses.get(code) ?? 'unknown';
  if (typeof code !== 'string') return 'unknown';
  if (networkCodes.test(code)) return 'network';
  if (certificateCodes.test(code) || optionCodes.test(code)) return 'config';
  return tlsCodes.test(code) ? 'protocol' : 'unknown';
}

/** A URL fit to be shown: without userinfo, query and fragment, where secrets live. */
export function redactUrl(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    // Of another scheme nothing is known: `user:password@host` is one, with the password for its path.
    if (/^(ws|http)s?:$/.test(protocol)) return `${protocol}//${host}${pathname}`;
  } catch {
    // falls through: what cannot be parsed cannot be redacted
  }
  return '(no WebSocket URL)';
}
