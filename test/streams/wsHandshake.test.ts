import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, createServer as createHttpsServer } from 'node:https';
import {
  type AddressInfo,
  connect as netConnect,
  createServer,
  type NetConnectOpts,
  type Server,
  type Socket as TcpSocket,
} from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { inspect } from 'node:util';
import { classify } from '../../src/streams/failure.js';
import type { SocketOptions } from '../../src/streams/socketOptions.js';
import { watchHandshake } from '../../src/streams/wsHandshake.js';
import { wsTransport } from '../../src/streams/wsTransport.js';
import { dial, handshake, loopback, refuse, type Rig, tidyUp } from './transportRigs.js';

const pem = (name: string): Buffer => readFileSync(join(__dirname, '../fixtures/tls', `${name}.pem`));
const key = pem('key');
const trusted = pem('localhost');

describe('wsTransport', () => {
  const servers: Server[] = [];
  const sockets = new Set<TcpSocket>();

  const serve = async (server: Server, scheme = 'ws'): Promise<Pick<Rig, 'transport' | 'url'>> => {
    servers.push(
      server.on('connection', (socket: TcpSocket) => sockets.add(socket.on('error', () => undefined))),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { transport: wsTransport, url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}` };
  };

  /** What a dial ended with. */
  const failureOf = async (
    server: Pick<Rig, 'transport' | 'url'>,
    config?: Parameters<typeof dial>[1],
  ): Promise<unknown> => (await dial(server, config).until('end')).error;

  afterEach(async () => {
    await tidyUp();
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  });

  it.each([
    ['no HTTP answer', 'HTTP/1.1 101 Switching\r\nSet-Cookie: id=hush\r\nno header\r\n\r\n'],
    ['nothing of HTTP', 'hush'],
  ])('is answered by %s: of that the error keeps no bytes, which may be secrets', async (_what, bytes) => {
    const server = await serve(createServer((socket) => void socket.once('data', () => socket.end(bytes))));
    const error = await failureOf(server);
    const hex = Buffer.from('hush')
      .toString('hex')
      .replaceAll(/..(?!$)/g, '$& ');

    expect(error).toMatchObject({ name: 'ProtocolError', code: 1002 });
    expect((error as Error).cause).toMatchObject({ code: expect.stringMatching('^HPE_') as string });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(new RegExp(`hush|${hex}`));
  });

  describe('is answered', () => {
    it.each([
      [200, 'protocol'],
      [301, 'config'],
      [307, 'config'],
      [401, 'auth'],
      [403, 'auth'],
      [404, 'config'],
      [418, 'rateLimited'],
      [429, 'rateLimited'],
      [500, 'network'],
      [502, 'network'],
      [503, 'rateLimited'],
      [504, 'network'],
    ])('CON-09 with HTTP %i, which is %s', async (status, expected) => {
      const error = await failureOf(await loopback({ upgrade: refuse(status, { 'X-Why': 'w' }) }));

      expect(error).toMatchObject({ name: 'HandshakeError', status, retryAfterMs: undefined });
      expect(error).toHaveProperty('headers.x-why', 'w');
      expect(classify(error)).toBe(expected);
    });

    it.each([
      ['seconds', '7', 7_000],
      ['a date that has passed', 'Thu, 01 Jan 1970 00:00:30 GMT', undefined],
      ['nonsense', 'soon', undefined],
    ])('BAK-05 with a Retry-After of %s', async (_title, header, retryAfterMs) => {
      const error = await failureOf(await loopback({ upgrade: refuse(429, { 'Retry-After': header }) }));

      expect(error).toMatchObject({ status: 429, retryAfterMs });
    });

    it.each([
      ['a wrong Sec-WebSocket-Accept', { 'Sec-WebSocket-Accept': 'AAAA' }, []],
      ['an Upgrade to something else', { Upgrade: 'h2c' }, []],
      ['a subprotocol that nobody asked for', { 'Sec-WebSocket-Protocol': 'v1' }, []],
      ['another subprotocol than those asked for', { 'Sec-WebSocket-Protocol': 'v9' }, ['v1', 'v2']],
      ['no subprotocol though one was asked for', {}, ['v1']],
      ['an extension that nobody asked for', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }, []],
    ])('CON-09 with a 101 and %s', async (_title, headers: Record<string, string>, protocols) => {
      const error = await failureOf(
        await loopback({ upgrade: (socket, request) => handshake(socket, request, headers) }),
        { protocols },
      );

      expect(error).toMatchObject({
        name: 'HandshakeError',
        status: 101,
        message: expect.stringMatching(/^handshake failed after HTTP 101: (Invalid|Server)/) as unknown,
        cause: expect.anything() as unknown,
      });
      expect(error).toHaveProperty('headers.connection', 'Upgrade');
      expect(classify(error)).toBe('protocol');
    });

    it('by no error of the handshake once it is open', async () => {
      const { until } = dial(
        await loopback({
          upgrade(socket, request) {
            handshake(socket, request);
            socket.write(Uint8Array.of(0xc1, 0x00)); // a reserved bit
          },
        }),
      );
      await until('open');

      expect((await until('end')).error).toMatchObject({ name: 'ProtocolError', code: 1002 });
    });
  });

  describe('is not answered', () => {
    const lookup = (error: Error | null, addresses: object[]): { options: SocketOptions } => ({
      options: {
        lookup: (_host: string, _options: unknown, done: (error: Error | null, found: object[]) => void) =>
          done(error, addresses),
      },
    });

    it('REC-08 where the name is not found: network', async () => {
      const unknownHost = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
      const error = await failureOf(
        { transport: wsTransport, url: 'ws://nowhere.invalid' },
        lookup(unknownHost, []),
      );

      expect(error).toMatchObject({ code: 'ENOTFOUND' });
      expect(classify(error)).toBe('network');
    });

    it('REC-08 where each address of the name refuses: an AggregateError, network', async () => {
      const { url } = await loopback({ isDown: true });
      const error = await failureOf(
        { transport: wsTransport, url: url.replace('127.0.0.1', 'localhost') },
        lookup(null, [
          { address: '127.0.0.1', family: 4 },
          { address: '127.0.0.2', family: 4 },
        ]),
      );

      expect(error).toMatchObject({ name: 'AggregateError', errors: [{}, {}] });
      expect(classify(error)).toBe('network');
    });

    it.each(['ws', 'wss'])(
      'REC-08 where the server accepts TCP and says nothing to %s: a ConnectTimeoutError by the option of ws',
      async (scheme) => {
        const { transport, url } = await serve(createServer(), scheme);
        const error = await failureOf({ transport, url }, { options: { handshakeTimeout: 20 } });

        expect(error).toMatchObject({ name: 'ConnectTimeoutError', timeoutMs: 20 });
        expect(classify(error)).toBe('network');
      },
    );

    it('CON-10 where the server hangs up in the middle: network', async () => {
      const error = await failureOf(await loopback({ upgrade: (socket) => socket.destroy() }));

      expect(classify(error)).toBe('network');
    });
  });

  describe('over TLS', () => {
    const secure = (name: string): Promise<Pick<Rig, 'transport' | 'url'>> =>
      serve(
        createHttpsServer({ key, cert: pem(name) }).on('upgrade', (request, socket) =>
          handshake(socket, request),
        ),
        'wss',
      );

    it('opens where the certificate is good', async () => {
      const { heard, until } = dial(await secure('localhost'), {
        options: { ca: trusted, servername: 'localhost' },
      });
      await until('open');

      expect(heard).toHaveLength(1);
    });

    it.each([
      ['signed by nobody we trust', 'localhost', {}, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
      ['of another host', 'localhost', { ca: trusted }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
      ['that has expired', 'expired', { ca: pem('expired'), servername: 'localhost' }, 'CERT_HAS_EXPIRED'],
    ])('REC-04 a certificate %s is a matter of config', async (_title, name, options, code) => {
      const error = await failureOf(await secure(name), { options });

      expect(error).toMatchObject({ code });
      expect(classify(error)).toBe('config');
    });

    it('REC-04 a server without TLS speaks another protocol', async () => {
      const { transport, url } = await serve(createHttpServer(), 'wss');

      expect(classify(await failureOf({ transport, url }))).toBe('protocol');
    });

    it('REC-04 a server with TLS that is dialled without is no WebSocket server', async () => {
      const { transport, url } = await secure('localhost');

      expect(classify(await failureOf({ transport, url: url.replace('wss', 'ws') }))).toBe('network');
    });

    it('CON-12 a redirect that leaves TLS goes on without credentials, though it stays with the host', async () => {
      const seen: IncomingHttpHeaders[] = [];
      const plain = await loopback({ accept: (_client, { headers }) => seen.push(headers) });
      const { transport, url } = await serve(
        createHttpsServer({ key, cert: trusted }).on('upgrade', (_request, socket) =>
          refuse(302, { Location: 'ws://localhost' })(socket),
        ),
        'wss',
      );
      // The ports of the two servers stand for 443 and 80, so that the host is the same to the letter.
      const createConnection = ({ port }: { readonly port: number }): TcpSocket =>
        port === 443
          ? tlsConnect({
              host: '127.0.0.1',
              port: Number(new URL(url).port),
              ca: trusted,
              servername: 'localhost',
            })
          : netConnect(Number(new URL(plain.url).port), '127.0.0.1');
      await dial(
        { transport, url: 'wss://localhost' },
        {
          options: {
            createConnection,
            followRedirects: true,
            headers: { 'X-Key': 'secret' },
          },
        },
      ).until('open');

      expect(seen).toHaveLength(1);
      expect(seen[0]).not.toHaveProperty('x-key');
    });
  });

  describe('is redirected', () => {
    const headers = {
      Authorization: 'Bearer secret',
      Cookie: 'sid=secret',
      'X-Api-Key': 'secret',
      Host: 'a.example',
      'User-Agent': 'secret/1',
    };
    const follow = { followRedirects: true, headers };

    /** A server that redirects to where it is told, and notes with which headers it was asked. */
    const redirector = async (
      to: () => string | undefined,
    ): Promise<Rig & { asked: IncomingHttpHeaders[] }> => {
      const asked: IncomingHttpHeaders[] = [];
      const rig = await loopback({
        upgrade(socket, request) {
          asked.push(request.headers);
          const location = to();
          if (location === undefined) handshake(socket, request);
          else refuse(302, { Location: location })(socket);
        },
      });
      return { ...rig, asked };
    };

    it('CON-12 nowhere, unless told to follow', async () => {
      const target = await redirector(() => undefined);
      const server = await redirector(() => target.url);

      expect(await failureOf(server, { options: { headers } })).toMatchObject({
        name: 'HandshakeError',
        status: 302,
      });
      expect(target.asked).toStrictEqual([]);
    });

    it('CON-12 within the host with all it was given', async () => {
      const server = await redirector(() => (server.asked.length === 1 ? '/other' : undefined));
      await dial(server, { options: follow }).until('open');

      expect(server.asked).toHaveLength(2);
      expect(server.asked[1]).toMatchObject({
        authorization: headers.Authorization,
        cookie: headers.Cookie,
        'x-api-key': headers['X-Api-Key'],
        host: headers.Host,
      });
    });

    it('CON-12 to another host without any header of the user, and without the login of the URL', async () => {
      const target = await redirector(() => undefined);
      const server = await redirector(() => target.url.replace('ws://', 'ws://who:secret@'));
      const login = { ...server, url: server.url.replace('ws://', 'ws://user:secret@') };
      await dial(server, { protocols: ['v1'], options: follow }).until('end');
      await dial(login, { options: { followRedirects: true } }).until('open');

      expect(server.asked.map(({ authorization }) => authorization)).toStrictEqual([
        'Bearer secret',
        `Basic ${Buffer.from('user:secret').toString('base64')}`,
      ]);
      expect(target.asked).toHaveLength(2);
      expect(inspect(target.asked)).not.toContain('secret');
      expect(target.asked[0]).toMatchObject({
        host: new URL(target.url).host,
        upgrade: 'websocket',
        'sec-websocket-protocol': 'v1',
      });
    });

    it('CON-12 by another host back to the first, still without', async () => {
      const server = await redirector(() => (server.asked.length % 2 === 1 ? other.url : undefined));
      const other = await redirector(() => server.url);
      const login = { ...server, url: server.url.replace('ws://', 'ws://user:secret@') };
      await dial(server, { options: follow }).until('open');
      await dial(login, { options: { followRedirects: true } }).until('open');
      const [, back, first, again] = server.asked;

      expect(first).toHaveProperty('authorization');
      expect(inspect([back, again])).not.toMatch(/secret|authorization/);
    });

    it.each([
      [undefined, 11],
      [2, 3],
    ])('CON-12 for ever, and stops: maxRedirects %p makes %i dials', async (maxRedirects, dials) => {
      const server = await redirector(() => '/again');
      const error = await failureOf(server, {
        options: { followRedirects: true, ...(maxRedirects !== undefined && { maxRedirects }) },
      });

      expect(error).toMatchObject({
        name: 'HandshakeError',
        status: 302,
        message: 'handshake failed after HTTP 302: Maximum redirects exceeded',
      });
      expect(server.asked).toHaveLength(dials);
      expect(classify(error)).toBe('config');
    });

    it.each([
      ['no URL', 'ws://user:secret@:0:0/?token=secret'],
      ['another scheme', 'ftp://user:secret@host/?token=secret'],
      ['a fragment', 'ws://user:secret@host/?token=secret#part'],
      ['a socket in the file system', 'ws+unix:///var/run/secret.sock:/'],
    ])('CON-12 to %s, which is refused without a word of where', async (_title, location) => {
      const server = await redirector(() => location);
      const error = await failureOf(server, { options: follow });

      expect(error).toMatchObject({ name: 'HandshakeError', status: 302 });
      expect(classify(error)).toBe('config');
      expect(inspect(error, { depth: 9 })).not.toContain('secret');
    });

    describe('and something throws as the redirect is followed', () => {
      /** Does it the first time, and throws from then on. */
      const once = <A extends unknown[], R>(act: (...args: A) => R): ((...args: A) => R) => {
        let count = 0;
        return (...args) => {
          count += 1;
          if (count > 1) throw new Error('boom');
          return act(...args);
        };
      };

      it.each<[string, string, string, () => SocketOptions, string]>([
        [
          'an agent that knows no TLS',
          'ws',
          'wss',
          () => ({ agent: new HttpAgent() }),
          'Protocol "https:" not supported. Expected "http:"',
        ],
        [
          'an agent that knows but TLS',
          'wss',
          'ws',
          () => ({ agent: new HttpsAgent({ ca: trusted, servername: 'localhost' }) }),
          'Protocol "http:" not supported. Expected "https:"',
        ],
        [
          'an agent that throws',
          'ws',
          'ws',
          () => ({
            agent: Object.assign(new HttpAgent(), {
              createConnection: once((to: NetConnectOpts) => netConnect(to)),
            }),
          }),
          'boom',
        ],
        [
          'a finishRequest that throws',
          'ws',
          'ws',
          () => ({ finishRequest: once((request) => void request.end()) }),
          'boom',
        ],
      ])(
        'CON-12 %s, from %s to %s: it is refused, and nothing is left of it',
        async (_title, from, to, options, message) => {
          const target = await redirector(() => undefined);
          const redirect = refuse(302, {
            Location: target.url.replace('ws://', `${to}://user:secret@`) + '/?token=secret',
          });
          const upgrade = (_request: unknown, socket: Duplex): void => redirect(socket);
          const server = from === 'ws' ? createHttpServer() : createHttpsServer({ key, cert: trusted });
          const error = await failureOf(await serve(server.on('upgrade', upgrade), from), {
            options: { followRedirects: true, headers, ...options() },
          });

          expect(error).toMatchObject({
            name: 'HandshakeError',
            status: 302,
            message: 'handshake failed after HTTP 302: the redirect could not be followed',
            cause: { cause: { message } },
          });
          expect(classify(error)).toBe('config');
          expect(inspect(error, { depth: 9 })).not.toContain('secret');
          expect(target.asked).toStrictEqual([]);
        },
      );

      it('but what another answer makes its listener throw is thrown', () => {
        const boom = new Error('boom');
        const request = Object.assign(new EventEmitter(), { destroyed: false, end: () => undefined });
        request.on('response', () => {
          throw boom;
        });
        watchHandshake({ options: {} }).finishRequest(request as never, { url: 'ws://a.test' } as never);

        expect(() => request.emit('response', {})).toThrow(boom);
      });
    });

    it('REC-08 to a server that is down: the failure is of that one', async () => {
      const down = await loopback({ isDown: true });
      const error = await failureOf(await redirector(() => down.url), { options: follow });

      expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    });
  });

  it('CON-15 says what the headers of the user say, his own User-Agent, Host and Origin too', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const server = await loopback({ accept: (_client, request) => seen.push(request.headers) });
    const headers = { 'User-Agent': 'mine', Host: 'a.example', Origin: 'https://a.example', 'X-Own': '1' };
    await dial(server, { options: { headers } }).until('open');

    expect(seen[0]).toMatchObject({
      'user-agent': 'mine',
      host: 'a.example',
      origin: 'https://a.example',
      'x-own': '1',
    });
  });

  it('lets finishRequest of the user finish the request', async () => {
    const seen: unknown[] = [];
    const server = await loopback({ accept: (_client, request) => seen.push(request.headers['x-late']) });
    await dial(server, {
      options: {
        finishRequest(request) {
          request.setHeader('X-Late', 'added');
          request.end();
        },
      },
    }).until('open');

    expect(seen).toStrictEqual(['added']);
  });

  describe('shows no login and no query of its URL', () => {
    const secrets = (url: string): string => `${url.replace('://', '://user:secret@')}/path?token=secret`;

    it.each<[string, () => Promise<Pick<Rig, 'transport' | 'url'>>]>([
      ['refused by the network', () => loopback({ isDown: true })],
      ['refused with a status', () => loopback({ upgrade: refuse(401, { Location: 'secret' }) })],
      ['hung up on', () => loopback({ upgrade: (socket) => socket.destroy() })],
      ['answered wrong', () => loopback({ upgrade: (socket, r) => handshake(socket, r, { Upgrade: 'x' }) })],
      ['answered by another protocol', () => serve(createServer((socket) => socket.end('220 mail\r\n')))],
      ['left unanswered', () => serve(createServer())],
      ['without TLS', () => serve(createHttpServer(), 'wss')],
    ])('%s', async (_title, start) => {
      const { transport, url } = await start();
      const error = await failureOf({ transport, url: secrets(url) }, { options: { handshakeTimeout: 20 } });

      expect(inspect(error, { depth: 9 })).not.toContain('secret');
    });

    it('that is none', () => {
      expect(() => dial({ transport: wsTransport, url: 'ws://user:secret@/?token=secret' })).toThrow(
        'url must be a URL, got (no WebSocket URL)',
      );
    });
  });
});
