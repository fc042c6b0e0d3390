import { createServer as createHttpServer } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer,
  type NetConnectOpts,
  type Server,
  type Socket as TcpSocket,
} from 'node:net';
import { asyncScheduler, Subscription } from 'rxjs';
import WebSocket from 'ws';
import { classify, InvalidUrlError, SocketClosedError } from '../../src/streams/failure.js';
import type { Data } from '../../src/streams/transport.js';
import { wsTransport } from '../../src/streams/wsTransport.js';
import { dial, handshake, loopback, tidyUp, turns } from './transportRigs.js';

/** Frames by hand, as a server sends them (RFC 6455 section 5.2), unmasked. */
const textFrame = (payload: Uint8Array): Uint8Array => Uint8Array.of(0x81, payload.length, ...payload);
const reservedBitFrame = Uint8Array.of(0xc1, 0x00);
const maskedFrame = Uint8Array.of(0x81, 0x80, 0, 0, 0, 0);
const compressedFrame = Uint8Array.of(0xc1, 0x02, 0xff, 0xff); // and no deflate block
/** Of a close frame as a client sends it, masked. */
const closeCodeOf = (frame: Buffer): number => frame.readUInt16BE(6) ^ frame.readUInt16BE(2);
const closeFrame = (code: number): Uint8Array => Uint8Array.of(0x88, 0x02, code >> 8, code & 0xff);

/** Counts the timers of ours that are still to come: Node has some of its own, which come and go as they like. */
const timersLeft = (): (() => number) => {
  const scheduled = jest.spyOn(asyncScheduler, 'schedule');
  return () => {
    const left = scheduled.mock.results.filter(({ value }) => !(value as Subscription).closed).length;
    scheduled.mockRestore();
    return left;
  };
};

const MIB = 1024 * 1024;

describe('wsTransport', () => {
  const servers: Server[] = [];
  const sockets = new Set<TcpSocket>();

  /** A server that is no WebSocket server: its address. */
  const serve = async (server: Server): Promise<{ transport: typeof wsTransport; url: string }> => {
    servers.push(
      server.on('connection', (socket: TcpSocket) => sockets.add(socket.on('error', () => undefined))),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { transport: wsTransport, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
  };

  afterEach(async () => {
    jest.restoreAllMocks();
    await tidyUp();
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  });

  describe('meets a server of another kind', () => {
    it('ends with the status of a plain HTTP server', async () => {
      const { until } = dial(await serve(createHttpServer((_request, response) => response.end('hello'))));

      expect((await until('end')).error).toMatchObject({ name: 'HandshakeError', status: 200 });
    });

    it('ends with a protocol error where the answer is not even HTTP', async () => {
      const { until } = dial(await serve(createServer((socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n'))));

      expect((await until('end')).error).toMatchObject({ name: 'ProtocolError', code: 1002 });
    });

    it('ends with a protocol error where TLS is asked of a server without', async () => {
      const { transport, url } = await serve(
        createServer((socket) => socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))),
      );
      const { until } = dial({ transport, url: url.replace('ws:', 'wss:') });

      expect(classify((await until('end')).error)).toBe('protocol');
    });
  });

  describe('meets a peer that breaks the protocol', () => {
    it('ERR-03 ends with 1009 on a frame above maxPayload, tells the peer so, and leaves no timer', async () => {
      const server = await loopback({ accept: (client) => client.send(Buffer.alloc(10 * MIB)) });
      const left = timersLeft();
      const { until, heard } = dial(server);

      expect((await until('end')).error).toMatchObject({
        name: 'ProtocolError',
        code: 1009,
        message: 'protocol error: Max payload size exceeded (maxPayload: 8388608 bytes)',
      });
      expect(await server.closed()).toMatchObject({ code: 1009 });
      expect(left()).toBe(0);
      expect(heard.map(({ type }) => type)).toStrictEqual(['open', 'end']);
    });

    it('ERR-03 has the default bound where maxPayload is undefined', async () => {
      const options = { maxPayload: undefined } as object;
      const { until } = dial(await loopback({ accept: (client) => client.send(Buffer.alloc(10 * MIB)) }), {
        options,
      });

      expect((await until('end')).error).toMatchObject({ name: 'ProtocolError', code: 1009 });
    });

    it('ERR-03 ends with 1007 on compressed data that cannot be inflated', async () => {
      const { until } = dial(
        await loopback({
          upgrade: (socket, request) => {
            handshake(socket, request, { 'Sec-WebSocket-Extensions': 'permessage-deflate' });
            socket.write(compressedFrame);
          },
        }),
        { options: { perMessageDeflate: true } },
      );
      const { error } = await until('end');

      expect(error).toMatchObject({ name: 'ProtocolError', code: 1007 });
      expect(classify(error)).toBe('protocol');
    });

    it('takes a larger frame where maxPayload allows it', async () => {
      const { until } = dial(await loopback({ accept: (client) => client.send(Buffer.alloc(10 * MIB)) }), {
        options: { maxPayload: 16 * MIB },
      });

      expect((await until('message')).data).toHaveLength(10 * MIB);
    });

    it.each([
      ['text that is no UTF-8', textFrame(Uint8Array.of(0xc3, 0x28)), 1007],
      ['a reserved bit', reservedBitFrame, 1002],
      ['a masked frame', maskedFrame, 1002],
    ])('ERR-03 ends soon on %s, even if the peer never closes', async (_title, frame, code) => {
      const { until } = dial(
        await loopback({
          upgrade: (socket, request) => {
            handshake(socket, request);
            socket.write(frame);
          },
        }),
      );

      expect((await until('end')).error).toMatchObject({ name: 'ProtocolError', code });
    });
  });

  describe('reads text', () => {
    const noUtf8 = Buffer.from([0x61, 0xc3, 0x28]);
    const asText = { binary: false };

    it('ERR-03 delivers what came before text that is no UTF-8, nothing behind it, and tells the peer 1007', async () => {
      const server = await loopback({
        accept: (client) => {
          client.send('good');
          client.send(noUtf8, asText);
          client.send('too late');
          client.ping();
          client.pong();
        },
      });
      const left = timersLeft();
      const { until, heard } = dial(server);

      expect((await until('end')).error).toMatchObject({
        ...{ name: 'ProtocolError', code: 1007, message: 'protocol error: text that is no UTF-8' },
        cause: { code: 'WS_ERR_INVALID_UTF8' },
      });
      expect(await server.closed()).toStrictEqual({ code: 1007, reason: '' });
      expect(heard.slice(0, -1)).toStrictEqual([
        { type: 'open', info: { protocol: '', extensions: '' } },
        { type: 'message', data: 'good' },
      ]);
      expect(left()).toBe(0);
    });

    it('ERR-03 checks text that came in parts as a whole', async () => {
      const euro = Buffer.from('\u20ac');
      const { until, heard } = dial(
        await loopback({
          accept: (client) => {
            client.send(euro.subarray(0, 1), { fin: false, binary: false });
            client.send(euro.subarray(1), { fin: true });
            client.send(euro.subarray(0, 2), { fin: false, binary: false });
            client.send(euro.subarray(0, 1), { fin: true });
          },
        }),
      );

      expect((await until('end')).error).toMatchObject({ name: 'ProtocolError', code: 1007 });
      expect(heard.filter(({ type }) => type === 'message')).toStrictEqual([
        { type: 'message', data: '\u20ac' },
      ]);
    });

    it('ERR-03 ends with a peer that knows no close frame, but the end of TCP', async () => {
      const heardByPeer: Buffer[] = [];
      const { url } = await loopback({
        upgrade: (socket, request) => {
          handshake(socket, request);
          socket.on('data', (bytes: Buffer) => heardByPeer.push(bytes)).on('end', () => socket.end());
          socket.write(textFrame(noUtf8));
        },
      });
      const schedule = jest.spyOn(asyncScheduler, 'schedule').mockReturnValue(new Subscription()); // no timer helps
      const { until } = dial({ transport: wsTransport, url });

      expect((await until('end')).error).toMatchObject({ name: 'ProtocolError', code: 1007 });
      expect(schedule).toHaveBeenCalledTimes(1);
      expect(closeCodeOf(Buffer.concat(heardByPeer))).toBe(1007);
    });

    it('ERR-03 hears the peer take leave, though its reading was paused', async () => {
      const { url } = await loopback({
        upgrade: (socket, request) => {
          handshake(socket, request);
          socket.write(Buffer.concat([textFrame(Buffer.from('good')), textFrame(noUtf8)])); // in one read
          socket.once('data', () => socket.end(closeFrame(1007)));
        },
      });
      const pausing: typeof wsTransport = {
        ...wsTransport,
        dial(request, handler) {
          const message = (data: Data): void => {
            socket.pause?.();
            handler.message(data);
          };
          const socket = wsTransport.dial(request, { ...handler, message });
          return socket;
        },
      };
      const left = timersLeft();
      const terminate = jest.spyOn(WebSocket.prototype, 'terminate');
      const { until } = dial({ transport: pausing, url });

      expect((await until('end')).error).toMatchObject({ name: 'ProtocolError', code: 1007 });
      expect(terminate).not.toHaveBeenCalled();
      expect(left()).toBe(0);
    });

    it('takes a replacement character that was sent for what it is, and binary data as it comes', async () => {
      const { until, heard } = dial(
        await loopback({
          accept: (client) => {
            client.send('\uFFFD');
            client.send(noUtf8);
            client.close();
          },
        }),
      );
      await until('end');

      expect(heard.filter(({ type }) => type === 'message')).toStrictEqual([
        { type: 'message', data: '\uFFFD' },
        { type: 'message', data: noUtf8 },
      ]);
    });

    it('ERR-03 ends with 1007 on a close reason that is no UTF-8, and tells the peer so', async () => {
      const answer: Buffer[] = [];
      const { until } = dial(
        await loopback({
          upgrade: (socket, request) => {
            handshake(socket, request);
            socket.on('data', (bytes: Buffer) => answer.push(bytes));
            socket.write(Uint8Array.of(0x88, 5, 0x03, 0xe8, ...noUtf8));
            socket.once('data', () => socket.end());
          },
        }),
      );

      expect((await until('end')).error).toMatchObject({
        ...{ name: 'ProtocolError', code: 1007 },
        cause: { code: 'WS_ERR_INVALID_UTF8' },
      });
      expect(closeCodeOf(Buffer.concat(answer))).toBe(1007);
    });

    it('answers a close reason that is UTF-8 with the same', async () => {
      const server = await loopback({ accept: (client) => client.close(4001, 'gr\u00fc\u00df') });
      const { until } = dial(server);

      expect((await until('end')).error).toMatchObject({ code: 4001, reason: 'gr\u00fc\u00df' });
      expect(await server.closed()).toStrictEqual({ code: 4001, reason: 'gr\u00fc\u00df' });
    });

    it('does not check it with skipUTF8Validation', async () => {
      const { until, heard } = dial(
        await loopback({
          accept: (client) => {
            client.send(noUtf8, asText);
            client.close(4000);
          },
        }),
        { options: { skipUTF8Validation: true } },
      );

      expect((await until('end')).error).toMatchObject({ name: 'SocketClosedError', code: 4000 });
      expect(heard[1]).toStrictEqual({ type: 'message', data: 'a\uFFFD(' });
    });
  });

  describe('meets a peer that stays', () => {
    it('CLO-06 ends soon after a close frame of the server, which never closes the socket', async () => {
      const left = timersLeft();
      const { until, heard } = dial(
        await loopback({
          upgrade: (socket, request) => {
            handshake(socket, request);
            socket.write(closeFrame(1012));
          },
        }),
      );

      expect((await until('end')).error).toMatchObject({ name: 'SocketClosedError', code: 1012 });
      expect(heard.map(({ type }) => type)).toStrictEqual(['open', 'end']);
      expect(left()).toBe(0);
    });

    it('CLO-06 ends soon after the answer to our close frame, though the socket stays open', async () => {
      const { socket, until } = dial(
        await loopback({
          upgrade: (peer, request) => {
            handshake(peer, request);
            peer.on('data', () => peer.write(closeFrame(1000)));
          },
        }),
      );
      await until('open');
      socket.close(1000);

      expect((await until('end')).error).toMatchObject({ name: 'SocketClosedError', code: 1000 });
    });
  });

  describe('asks for', () => {
    it('no compression, unless told to', async () => {
      const offered: unknown[] = [];
      const server = await loopback({
        accept: (_client, { headers }) => offered.push(headers['sec-websocket-extensions']),
      });
      const plain = dial(server);
      await plain.until('open');
      const compressed = dial(server, { options: { perMessageDeflate: true } });
      await compressed.until('open');

      expect(offered).toStrictEqual([undefined, expect.stringContaining('permessage-deflate')]);
    });

    it('CON-06 the subprotocols, in order', async () => {
      const offered: unknown[] = [];
      const server = await loopback({
        accept: (_client, { headers }) => offered.push(headers['sec-websocket-protocol']),
      });
      await dial(server, { protocols: ['v2', 'v1'] }).until('open');

      expect(offered).toStrictEqual(['v2,v1']);
    });

    it('nothing at all of a request it cannot try', () => {
      expect(() => dial({ transport: wsTransport, url: 'no url' })).toThrow(InvalidUrlError);
    });
  });

  describe('heartbeats', () => {
    const pingAndHear = (heard: (payload: string) => void) =>
      loopback({
        accept: (client) => {
          client.on('pong', (payload) => heard(payload.toString()));
          client.ping('payload');
          client.send('after');
        },
      });

    it('HBT-05 answers a ping of the server with a pong of the same payload', async () => {
      let heard: (payload: string) => void = () => undefined;
      const payload = new Promise((resolve) => (heard = resolve));
      dial(await pingAndHear((text) => heard(text)));

      expect(await payload).toBe('payload');
    });

    it('HBT-06 leaves a ping unanswered where autoPong is off', async () => {
      const pongs: string[] = [];
      const server = await pingAndHear((payload) => pongs.push(payload));
      const { socket, until, heard } = dial(server, { options: { autoPong: false } });
      await until('message');
      socket.send('answer');
      await server.received(1);

      expect(heard.map(({ type }) => type)).toStrictEqual(['open', 'ping', 'message']);
      expect(pongs).toStrictEqual([]);
    });
  });

  it('tells of each chunk that was read before it hands over the frames in it', async () => {
    const frame = (text: string): Uint8Array => textFrame(Buffer.from(text));
    let write: (bytes: Uint8Array) => void = () => undefined;
    const { url } = await loopback({
      upgrade: (socket, request) => {
        handshake(socket, request);
        write = (bytes) => socket.write(bytes);
      },
    });
    const log: string[] = [];
    await new Promise<void>((resolve) => {
      wsTransport.dial(
        { url, protocols: [], options: {} },
        {
          open: () => write(Buffer.concat([frame('a'), frame('b'), frame('c')])),
          chunk: () => log.push('chunk'),
          message(data) {
            log.push(data as string);
            if (data === 'c') write(frame('d'));
            if (data === 'd') resolve();
          },
          ping: () => undefined,
          pong: () => undefined,
          end: () => undefined,
        },
      );
    });

    expect(log).toStrictEqual(['chunk', 'a', 'b', 'c', 'chunk', 'd']);
  });

  it('tells of a chunk, too, that a pause held back until the socket was gone', async () => {
    const frame = (text: string): Uint8Array => textFrame(Buffer.from(text));
    let finish = (): void => undefined;
    const { url } = await loopback({
      upgrade: (socket, request) => {
        handshake(socket, request);
        socket.write(frame('a'));
        finish = () => void socket.end(frame('b'));
      },
    });
    const log: string[] = [];
    let client: TcpSocket | undefined;
    const createConnection = (options: NetConnectOpts): TcpSocket => (client = connect(options));
    await new Promise<void>((resolve) => {
      const socket = wsTransport.dial(
        { url, protocols: [], options: { createConnection } },
        {
          open: () => undefined,
          chunk: () => log.push('chunk'),
          message(data) {
            log.push(data as string);
            if (data !== 'a') return;
            socket.pause?.();
            finish();
            const leave = (): void => {
              if (client?.readableLength === 0) setImmediate(leave);
              else socket.terminate();
            };
            leave();
          },
          ping: () => undefined,
          pong: () => undefined,
          end: () => resolve(),
        },
      );
    });

    expect(log).toStrictEqual(['chunk', 'a', 'chunk', 'b']);
  });

  describe('backpressure', () => {
    it('TDN-05 reads nothing while paused, so that the server cannot write on, and loses nothing', async () => {
      const numbers = Array.from({ length: 32 }, (_, n) => n);
      let written = 0;
      const server = await loopback({
        accept: (client) => {
          for (const n of numbers) client.send(Buffer.alloc(MIB, n), () => (written += 1));
          client.close(1000);
        },
      });
      const { socket, until, heard } = dial(server);
      await until('open');
      socket.pause?.();
      await turns(100);

      expect(heard).toHaveLength(1);
      expect(written).toBeLessThan(numbers.length);

      socket.resume?.();
      await until('end');

      expect(heard.flatMap((what) => (what.type === 'message' ? [what.data[0]] : []))).toStrictEqual(numbers);
    });

    it('SND-04 counts the bytes that the network has not taken yet', async () => {
      const server = await loopback({});
      const { socket, until } = dial(server);
      await until('open');
      socket.send(new Uint8Array(8 * MIB));

      expect(socket.bufferedBytes).toBeGreaterThan(MIB);

      await server.received(1);

      expect(socket.bufferedBytes).toBe(0);
    });
  });

  describe('of a dial that was given up', () => {
    // Jest itself fails a test in which an error comes uncaught; a listener of ours on the process would not hear of it.
    it.each([
      ['terminated, and the server hangs up later', (socket: TcpSocket) => socket.destroy()],
      [
        'terminated, and the server answers late',
        (socket: TcpSocket) => socket.write('HTTP/1.1 503 Busy\r\n\r\n'),
      ],
      [
        'terminated, and the server sends garbage late',
        (socket: TcpSocket) => socket.write('garbage\r\n\r\n'),
      ],
    ])('CON-10 no error comes uncaught: %s', async (_title, late) => {
      const server = createServer();
      const connected = new Promise<TcpSocket>((resolve) => server.once('connection', resolve));
      const { socket, until, heard } = dial(await serve(server));
      const peer = await connected;
      socket.terminate();
      late(peer);
      await until('end');
      await turns(10);

      expect(heard).toStrictEqual([{ type: 'end', error: new SocketClosedError(1006, '') }]);
    });

    it('CON-09 nothing is left of a dial that was refused, though the server keeps it open', async () => {
      const gone = new Promise((resolve) => {
        void loopback({
          upgrade: (socket) => {
            socket.once('end', resolve).resume();
            socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\n');
          },
        }).then((server) => dial(server));
      });
      await gone;
      await turns(10);
    });
  });
});
