import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket as TcpSocket } from 'node:net';
import { WebSocket as W3cWebSocket } from 'undici';
import { WebSocket as WsWebSocket } from 'ws';
import { classify } from '../../src/streams/failure.js';
import type { Data } from '../../src/streams/transport.js';
import {
  UnsupportedDialError,
  webSocketTransport,
  type WebSocketConstructor,
  type WebSocketLike,
} from '../../src/streams/webSocketTransport.js';
import { dial, handshake, loopback, loopbackW3c, refuse, tidyUp, turns } from './transportRigs.js';

const MIB = 1024 * 1024;

/** A platform's WebSocket by hand: every event comes when the test says so, late ones too. */
class FakeWebSocket implements WebSocketLike {
  static readonly made: FakeWebSocket[] = [];
  binaryType = 'blob';
  readyState = 0;
  bufferedAmount = 0;
  readonly protocol = '';
  readonly extensions = '';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: Data | ArrayBuffer }) => void) | null = null;
  onerror: ((event: object) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly calls: unknown[][] = [];
  constructor(...dialled: unknown[]) {
    this.calls.push(['new', ...dialled]);
    FakeWebSocket.made.push(this);
  }
  send(data: Data): void {
    this.calls.push(['send', data]);
  }
  close(...farewell: unknown[]): void {
    this.calls.push(['close', ...farewell.filter((given) => given !== undefined)]);
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
}

const fake = (): ReturnType<typeof dial> & { readonly ws: FakeWebSocket } => {
  const dialled = dial({ transport: webSocketTransport(FakeWebSocket), url: 'ws://host/' });
  return { ...dialled, ws: FakeWebSocket.made.at(-1)! };
};
const types = ({ heard }: Pick<ReturnType<typeof dial>, 'heard'>): string[] => heard.map(({ type }) => type);

describe('webSocketTransport', () => {
  const servers: Server[] = [];
  const sockets = new Set<TcpSocket>();

  /** A server that is no WebSocket server, and the address of it. */
  const serve = async (server: Server): Promise<Parameters<typeof dial>[0]> => {
    servers.push(
      server.on('connection', (socket: TcpSocket) => sockets.add(socket.on('error', () => undefined))),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return { transport: webSocketTransport(W3cWebSocket), url: `ws://127.0.0.1:${port}` };
  };

  afterEach(async () => {
    await tidyUp();
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  });

  describe('takes', () => {
    it.each([[undefined], [null], ['ws'], [{}]])('CON-07 no %p for a constructor', (wrong) => {
      expect(() => webSocketTransport(wrong as unknown as WebSocketConstructor)).toThrow(
        UnsupportedDialError,
      );
    });

    it('the WebSocket of ws too, whose errors it does not let go uncaught', async () => {
      const { url } = await loopback({ isDown: true });
      const { until } = dial({ transport: webSocketTransport(WsWebSocket), url });

      expect((await until('end')).error).toMatchObject({
        name: 'DialFailedError',
        cause: { code: 'ECONNREFUSED' },
      });

      // A dial that is given up: ws tells of its error after the end.
      const { socket, heard } = dial({ transport: webSocketTransport(WsWebSocket), url });
      socket.terminate();
      await turns(10);

      expect(types({ heard })).toStrictEqual(['end']);
    });

    it('only what a W3C WebSocket takes: options are refused by name, and their values not shown', () => {
      const options = { headers: { Authorization: 'Bearer s3cret' }, maxPayload: 1 };
      const act = (): unknown =>
        dial({ transport: webSocketTransport(FakeWebSocket), url: 'ws://host' }, { options });

      expect(act).toThrow(
        new UnsupportedDialError('socket: a W3C WebSocket takes no options, got headers, maxPayload'),
      );
    });
  });

  describe('says of itself', () => {
    it('that it has no ping frames and cannot pause, to a reader and to the compiler', () => {
      const transport = webSocketTransport(FakeWebSocket);
      const socket = transport.dial(
        { url: 'ws://host', protocols: [], options: {} },
        {
          open: () => undefined,
          message: () => undefined,
          ping: () => undefined,
          pong: () => undefined,
          end: () => undefined,
        },
      );

      expect(transport.can).toStrictEqual({ ping: false, pause: false, drain: false });
      expect(socket).not.toHaveProperty('ping');
      // @ts-expect-error -- absent, not only optional
      expect(socket.pause).toBeUndefined();
      // @ts-expect-error -- absent, not only optional
      expect(socket.resume).toBeUndefined();
    });
  });

  describe('hands over', () => {
    it('CON-06 the URL and the subprotocols, in a list of its own', () => {
      const protocols = Object.freeze(['v2', 'v1']);
      dial({ transport: webSocketTransport(FakeWebSocket), url: 'ws://host/?a=1' }, { protocols });

      const { calls } = FakeWebSocket.made.at(-1)!;
      expect(calls).toStrictEqual([['new', 'ws://host/?a=1', ['v2', 'v1']]]);
      expect(calls[0]?.[2]).not.toBe(protocols);
    });

    it('SND-11 asks every new socket for bytes, not for blobs', () => {
      const [first, second] = [fake().ws, fake().ws];

      expect(second).not.toBe(first);
      expect([first.binaryType, second.binaryType]).toStrictEqual(['arraybuffer', 'arraybuffer']);
    });

    it('SND-11 text and binary that alternate, both ways, in order and on every connection', async () => {
      const sent: Data[] = Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? `t${n}` : Uint8Array.of(n)));
      const server = await loopbackW3c({
        accept: (client) =>
          client.on('message', (data: Buffer, isBinary) => client.send(data, { binary: isBinary })),
      });
      for (let connection = 1; connection <= 2; connection += 1) {
        const { socket, until, heard } = dial(server);
        await until('open');
        for (const data of sent) socket.send(data);
        socket.send('last');
        while (heard.length <= sent.length + 1) await turns(1);

        expect(heard.slice(1).map((what) => 'data' in what && what.data)).toStrictEqual([...sent, 'last']);
      }
    });

    it('bytes of a part of a buffer, and no more', async () => {
      const server = await loopbackW3c({});
      const { socket, until } = dial(server);
      await until('open');
      socket.send(Uint8Array.of(1, 2, 3, 4).subarray(1, 3));

      expect((await server.received(1)).map((data) => [...(data as Uint8Array)])).toStrictEqual([[2, 3]]);
    });
  });

  describe('terminate', () => {
    it.each([
      ['of a dial', () => undefined],
      ['of an open socket', (ws: FakeWebSocket) => ws.open()],
    ])('CLO-06 %s tells the end at once, with 1006, and asks the platform to close', (_title, before) => {
      const { socket, heard, ws } = fake();
      before(ws);
      socket.terminate();

      expect(heard.at(-1)).toMatchObject({ type: 'end', error: { name: 'SocketClosedError', code: 1006 } });
      expect(ws.calls.slice(1)).toStrictEqual([['close']]);
    });

    it('CLO-06 of a half-dead socket leaves nothing that holds the feed, and a late error is nobody’s', () => {
      const { socket, heard, ws } = fake();
      ws.open();
      socket.terminate();

      expect([ws.onopen, ws.onmessage, ws.onclose]).toStrictEqual([null, null, null]);
      expect(() => ws.onerror?.({ error: new Error('late') })).not.toThrow();
      expect(types({ heard })).toStrictEqual(['open', 'end']);
    });

    it('CON-07 of a dial, or its close, makes an opening that was under way go unheard', () => {
      const { socket, heard, ws } = fake();
      socket.close(1000);
      ws.open();
      ws.onclose?.({ code: 1006, reason: '' });

      expect(heard).toMatchObject([{ type: 'end', error: { name: 'SocketClosedError', code: 1006 } }]);
    });

    it('changes nothing after the end', () => {
      const { socket, heard, ws } = fake();
      ws.open();
      ws.readyState = 3;
      ws.onclose?.({ code: 4000, reason: 'bye' });
      socket.terminate();
      socket.send('lost');

      expect(heard.at(-1)).toMatchObject({ error: { code: 4000, reason: 'bye' } });
      expect(types({ heard })).toStrictEqual(['open', 'end']);
      expect(ws.calls.flat()).not.toContain('lost');
    });
  });

  describe('bufferedBytes', () => {
    it('SND-04 is what the platform counts while the socket is open, and 0 otherwise', () => {
      const { socket, ws } = fake();
      ws.bufferedAmount = 7;
      const dialling = socket.bufferedBytes;
      ws.open();
      const open = socket.bufferedBytes;
      socket.terminate();

      expect([dialling, open, socket.bufferedBytes]).toStrictEqual([0, 7, 0]);
    });

    it('SND-04 counts the bytes that the network has not taken yet', async () => {
      const server = await loopbackW3c({});
      const { socket, until } = dial(server);
      await until('open');
      socket.send(new Uint8Array(8 * MIB));

      expect(socket.bufferedBytes).toBeGreaterThan(MIB);

      await server.received(1);

      expect(socket.bufferedBytes).toBe(0);
    });
  });

  describe('a dial that fails', () => {
    it.each([[200], [302], [401], [404], [429], [503]])(
      'CON-09 ends with an error of the network, without the status, if the server answers %i',
      async (status) => {
        const { until } = dial(
          await loopbackW3c({ upgrade: refuse(status, { Location: 'ws://x.invalid' }) }),
        );
        const { error } = await until('end');

        expect(error).toMatchObject({ name: 'DialFailedError', code: 1006 });
        expect(classify(error)).toBe('network');
      },
    );

    it.each([
      ['a wrong Sec-WebSocket-Accept', { 'Sec-WebSocket-Accept': 'AAAA' }],
      ['a subprotocol that nobody asked for', { 'Sec-WebSocket-Protocol': 'v1' }],
    ])('ends so on %s', async (_title, headers: Record<string, string>) => {
      const { until } = dial(
        await loopbackW3c({ upgrade: (socket, request) => handshake(socket, request, headers) }),
      );

      expect((await until('end')).error).toMatchObject({ name: 'DialFailedError' });
    });

    it('REC-08 ends so if nobody listens', async () => {
      const { until } = dial(await loopbackW3c({ isDown: true }));

      expect((await until('end')).error).toMatchObject({ name: 'DialFailedError' });
    });

    it.each([
      [
        'a server that is none of WebSockets',
        createHttpServer((_request, response) => response.end('hello')),
      ],
      ['a server that is not even one of HTTP', createServer((socket) => socket.write('SSH-2.0-Open\r\n'))],
    ])('ends so on %s', async (_title, server) => {
      const { until } = dial(await serve(server));

      expect((await until('end')).error).toMatchObject({ name: 'DialFailedError' });
    });

    it('ends so where TLS is asked of a server without', async () => {
      const { transport, url } = await serve(createServer((socket) => socket.on('data', () => socket.end())));
      const { until } = dial({ transport, url: url.replace('ws:', 'wss:') });

      expect((await until('end')).error).toMatchObject({ name: 'DialFailedError' });
    });
  });

  it.each([
    ['text that is no UTF-8', Uint8Array.of(0x81, 2, 0xc3, 0x28)],
    ['a reserved bit', Uint8Array.of(0xc1, 0)],
  ])('ERR-03 ends with 1006, and no reason, on %s', async (_title, frame) => {
    const { until } = dial(
      await loopbackW3c({
        upgrade: (socket, request) => {
          handshake(socket, request);
          socket.write(frame);
        },
      }),
    );

    expect((await until('end')).error).toMatchObject({ name: 'SocketClosedError', code: 1006, reason: '' });
  });

  it('HBT-05 leaves the pings of the server to the platform, which answers them', async () => {
    let answered: (payload: string) => void = () => undefined;
    const payload = new Promise((resolve) => (answered = resolve));
    const { heard } = dial(
      await loopbackW3c({
        accept: (client) => {
          client.on('pong', (data) => answered(data.toString()));
          client.ping('payload');
        },
      }),
    );

    expect(await payload).toBe('payload');
    expect(types({ heard })).toStrictEqual(['open']);
  });

  describe('CON-07 a constructor that throws', () => {
    const throwing = (error: unknown) =>
      webSocketTransport(
        class extends FakeWebSocket {
          constructor() {
            super();
            throw error;
          }
        },
      );

    it('makes the dial throw an error for which no retry helps', () => {
      const transport = throwing(new DOMException('The port 25 is not allowed', 'SecurityError'));
      const act = (): unknown => dial({ transport, url: 'ws://host:25' });

      expect(act).toThrow(new UnsupportedDialError('WebSocket: SecurityError: The port 25 is not allowed'));
      expect(classify(new UnsupportedDialError())).toBe('config');
    });

    it.each([
      [
        "The URL 'wss://user:pass@host/feed?token=s3cret' is invalid.",
        "The URL 'wss://host/feed' is invalid.",
      ],
      [
        "The URL 'WSS://user:pass@host/feed?token=s3cret' is invalid.",
        "The URL 'wss://host/feed' is invalid.",
      ],
      ["The URL 'wss://host/feed?q=it's&token=s3cret' is invalid.", "The URL 'wss://host/feed' is invalid."],
    ])('shows no secret of the URL that a browser quotes: %s', (quoted, shown) => {
      const act = (): unknown => dial({ transport: throwing(new SyntaxError(quoted)), url: 'ws://host' });

      expect(act).toThrow(new UnsupportedDialError(`WebSocket: SyntaxError: ${shown}`));
    });
  });
});
