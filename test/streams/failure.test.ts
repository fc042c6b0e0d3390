import { inspect } from 'node:util';
import fc from 'fast-check';
import {
  AuthenticationError,
  classify,
  ConnectTimeoutError,
  type FailureClass,
  HandshakeError,
  InvalidProtocolsError,
  InvalidUrlError,
  PauseTimeoutError,
  ProtocolError,
  ReconnectRequestedError,
  redactUrl,
  SocketClosedError,
} from '../../src/streams/failure.js';

const withCode = (code: string): Error => Object.assign(new Error(code), { code });
const named = (name: string): Error => Object.assign(new Error(name), { name });

/** The table of the design: a close code, an HTTP status, a code of Node's, or an error, and its class. */
const codes: Record<FailureClass, readonly number[]> = {
  network: [1001, 1006, 1012],
  normal: [1000, 1005],
  rateLimited: [1013, 4429],
  auth: [1008, 4401, 4403],
  protocol: [1002, 1003, 1007, 1009, 1010],
  config: [],
  requested: [],
  unknown: [999, 1004, 1011, 1014, 1015, 3000, 4000, 4404],
};
const statuses: Record<FailureClass, readonly number[]> = {
  network: [500, 502, 504],
  normal: [],
  rateLimited: [418, 429, 503],
  auth: [401, 403],
  protocol: [101, 200],
  config: [300, 301, 302, 307, 308, 399, 404, 426],
  requested: [],
  unknown: [100, 204, 299, 400, 451, 501, 599],
};
const rows = <T>(table: Record<FailureClass, readonly T[]>): [T, string][] =>
  Object.entries(table).flatMap(([name, values]) => values.map((value): [T, string] => [value, name]));

describe('classify', () => {
  it.each(rows(codes))('REC-03 a close with %i is %s', (code, expected) => {
    expect(classify(new SocketClosedError(code, ''))).toBe(expected);
  });

  it.each(rows(statuses))('CON-09 a refusal with HTTP %i is %s', (status, expected) => {
    expect(classify(new HandshakeError(status, undefined, {}))).toBe(expected);
  });

  it.each([
    ['ECONNREFUSED', 'network'],
    ['ECONNRESET', 'network'],
    ['ENOTFOUND', 'network'],
    ['EAI_AGAIN', 'network'],
    ['EPIPE', 'network'],
    ['ETIMEDOUT', 'network'],
    ['EHOSTUNREACH', 'network'],
    ['ENETUNREACH', 'network'],
    ['EADDRNOTAVAIL', 'network'],
    ['ERR_TLS_HANDSHAKE_TIMEOUT', 'network'],
    ['CERT_HAS_EXPIRED', 'config'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'config'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'config'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'config'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'config'],
    ['INVALID_CA', 'config'],
    ['HOSTNAME_MISMATCH', 'config'],
    ['EPROTO', 'protocol'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'protocol'],
    ['EACCES', 'unknown'],
    ['ERR_INVALID_HTTP_TOKEN', 'config'],
    ['ERR_INVALID_CHAR', 'config'],
    ['ERR_INVALID_ARG_TYPE', 'unknown'],
  ])('REC-04 an error of code %s is %s', (code, expected) => {
    expect(classify(withCode(code))).toBe(expected);
  });

  it.each([
    [new ConnectTimeoutError(10_000), 'network'],
    [named('HeartbeatTimeoutError'), 'network'],
    [new PauseTimeoutError(30_000), 'network'],
    [new AuthenticationError('refused'), 'auth'],
    [new InvalidUrlError('no URL'), 'config'],
    [new InvalidProtocolsError('no token'), 'config'],
    [new ReconnectRequestedError(undefined), 'requested'],
    [new ProtocolError(1002, { message: 'garbage' }), 'protocol'],
    [new ProtocolError(1007, { message: 'garbage' }), 'protocol'],
    [new ProtocolError(1009, { message: 'too big' }), 'protocol'],
    [new Error('something else'), 'unknown'],
  ])('REC-04 %p is of its class', (error, expected) => {
    expect(classify(error)).toBe(expected);
  });

  it.each([
    ['AuthenticationError', 'auth'],
    ['InvalidUrlError', 'config'],
    ['InvalidProtocolsError', 'config'],
    ['ReconnectRequestedError', 'requested'],
    ['ConnectTimeoutError', 'network'],
    ['HeartbeatTimeoutError', 'network'],
    ['PauseTimeoutError', 'network'],
  ])('knows a %s of another copy of the package by its name', (name, expected) => {
    expect(classify(named(name))).toBe(expected);
  });

  it.each([
    ['network', ['ECONNREFUSED', 'ENETUNREACH']],
    ['network', ['CERT_HAS_EXPIRED', 'ETIMEDOUT']],
    ['config', ['EACCES', 'CERT_HAS_EXPIRED']],
    ['unknown', ['EACCES']],
    ['unknown', []],
  ])('REC-04 an AggregateError is %s by its parts %j', (expected, parts) => {
    expect(classify(new AggregateError(parts.map(withCode)))).toBe(expected);
  });

  it('has a class for whatever is thrown', () => {
    fc.assert(
      fc.property(fc.anything(), (thrown) => {
        expect(classify(thrown)).toEqual(expect.any(String));
      }),
    );
  });

  it.each([undefined, null, 'a string', 0, {}, { code: true }])('calls %p unknown', (thrown) => {
    expect(classify(thrown)).toBe('unknown');
  });
});

describe('HandshakeError', () => {
  const error = new HandshakeError(401, 1_000, { 'set-cookie': ['secret'] });

  it('carries the status, the wait and the headers', () => {
    expect(error).toMatchObject({ name: 'HandshakeError', status: 401, retryAfterMs: 1_000 });
    expect(error.headers).toStrictEqual({ 'set-cookie': ['secret'] });
  });

  it.each([
    [{}, 'handshake refused with HTTP 401'],
    [{ detail: 'no key' }, 'handshake failed after HTTP 401: no key'],
  ])('says with %j what is wrong', (options, message) => {
    expect(new HandshakeError(401, undefined, {}, options).message).toBe(message);
  });

  it('shows its headers in no message, no JSON, no copy and no dump', () => {
    const shown = [
      error.message,
      String(error.stack),
      JSON.stringify(error),
      JSON.stringify(Object.assign({}, error)),
      inspect(error),
    ];

    expect(shown.filter((text) => text.includes('secret'))).toStrictEqual([]);
  });
});

describe('AuthenticationError', () => {
  const cause = new Error('bad token');

  it.each([
    [{ cause }, 1],
    [{ cause, attempts: 3 }, 3],
  ])('carries the cause and the attempts: %j', (options, attempts) => {
    expect(new AuthenticationError('refused', options)).toMatchObject({
      message: 'refused',
      cause,
      attempts,
    });
  });
});

describe('ProtocolError.from', () => {
  it.each([
    ['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 1009],
    ['WS_ERR_INVALID_UTF8', 1007],
    ['WS_ERR_UNEXPECTED_RSV_1', 1002],
    ['Z_DATA_ERROR', 1007],
    ['HPE_INVALID_CONSTANT', 1002],
  ])('gives %s the close code %i and keeps it as the cause', (code, closeCode) => {
    const cause = withCode(code);

    expect(ProtocolError.from(cause)).toMatchObject({ name: 'ProtocolError', code: closeCode, cause });
  });

  it.each([withCode('ECONNRESET'), new Error('socket hang up')])('leaves %p to the network', (error) => {
    expect(ProtocolError.from(error)).toBeUndefined();
  });
});

describe('SocketClosedError', () => {
  it.each([
    [new SocketClosedError(1006, ''), 'socket closed with 1006'],
    [new SocketClosedError(4001, 'bye'), 'socket closed with 4001 (bye)'],
  ])('says its code and reason: %p', (error, message) => {
    expect(error.message).toBe(message);
  });
});

describe('redactUrl', () => {
  it.each([
    ['userinfo', 'wss://user:secret@host/path', 'wss://host/path'],
    ['query', 'wss://host:8443/path?token=secret', 'wss://host:8443/path'],
    ['fragment', 'wss://host/#secret', 'wss://host/'],
  ])('leaves out the %s', (_title, url, expected) => {
    expect(redactUrl(url)).toBe(expected);
  });

  it('shows nothing of what is no URL', () => {
    expect(redactUrl('host/path?token=secret')).toBe('(no WebSocket URL)');
    expect(redactUrl('user:secret@host/path')).toBe('(no WebSocket URL)');
  });

  it('shows no userinfo and no query, whatever the URL', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.uuid(), (url, secret) => {
        const loaded = url.replace('://', `://user:${secret}@`);

        expect(redactUrl(loaded)).not.toContain(secret);
        expect(redactUrl(`${url}?${secret}`)).not.toContain(secret);
      }),
    );
  });
});
