import { classify } from '../../src/streams/failure.js';
import type { Socket } from '../../src/streams/transport.js';
import { closes, opens, pings, pongs, refuses, silence } from '../../src/testing/scriptedTransport.js';
import { dial, handshake, loopback, loopbackW3c, refuse, scripted, tidyUp } from './transportRigs.js';

afterEach(tidyUp);

/** The same facts of the transport that tests use and of those that users use: so the first can stand for the others. */
describe.each([
  ['scriptedTransport', scripted],
  ['wsTransport over loopback', loopback],
  ['webSocketTransport over loopback', loopbackW3c],
])('a Transport: %s', (_name, rig) => {
  it('opens with the subprotocol that was agreed on', async () => {
    const { until } = dial(await rig({ script: '-p', frames: { p: opens({ protocol: 'v2' }) } }), {
      protocols: ['v2', 'v1'],
    });

    expect((await until('open')).info).toStrictEqual({ protocol: 'v2', extensions: '' });
  });

  it('opens without a subprotocol and extensions where none were agreed on', async () => {
    const { until } = dial(await rig({ script: 'o' }));

    expect((await until('open')).info).toStrictEqual({ protocol: '', extensions: '' });
  });

  it('hands over text as strings and binary as bytes, in the order they came', async () => {
    const messages = ['text', '', Uint8Array.of(0, 255), '{"é":"€"}', new Uint8Array()];
    const { until, heard } = dial(
      await rig({
        script: 'o(abcde|)',
        frames: { a: messages[0], b: messages[1], c: messages[2], d: messages[3], e: messages[4] },
        accept: (client) => {
          for (const message of messages) client.send(message);
          client.close(1000);
        },
      }),
    );
    await until('end');

    const received = heard.flatMap((what) => (what.type === 'message' ? [what.data] : []));
    expect(received.map((data) => (typeof data === 'string' ? data : Uint8Array.from(data)))).toStrictEqual(
      messages,
    );
  });

  it('sends text and bytes in order', async () => {
    const server = await rig({ script: 'o' });
    const { socket, until } = dial(server);
    const received = server.received(3);
    await until('open');
    socket.send('a');
    socket.send(Uint8Array.of(7));
    socket.send('b');

    expect((await received).map((data) => (typeof data === 'string' ? data : [...data]))).toStrictEqual([
      'a',
      [7],
      'b',
    ]);
  });

  it.each([
    [1000, ''],
    [1001, 'going away'],
    [1012, 'restart'],
    [4401, 'token expired'],
  ])('CLO-04 ends with the code %i and the reason "%s" of the server', async (code, reason) => {
    const { until } = dial(
      await rig({
        script: 'o-x',
        frames: { x: closes(code, reason) },
        accept: (client) => client.close(code, reason),
      }),
    );

    expect((await until('end')).error).toMatchObject({ name: 'SocketClosedError', code, reason });
  });

  it('ends with 1005 if the server closes without a code', async () => {
    const { until } = dial(
      await rig({ script: 'o-x', frames: { x: closes(1005) }, accept: (client) => client.close() }),
    );

    expect((await until('end')).error).toMatchObject({ name: 'SocketClosedError', code: 1005, reason: '' });
  });

  it('ends with 1006 if an open connection drops', async () => {
    const { until } = dial(await rig({ script: 'o-#', accept: (client) => client.terminate() }));

    expect((await until('end')).error).toMatchObject({ name: 'SocketClosedError', code: 1006, reason: '' });
  });

  it.each([
    ['a code and a reason', (socket: Socket) => socket.close(4000, 'done'), { code: 4000, reason: 'done' }],
    ['a code', (socket: Socket) => socket.close(1000), { code: 1000, reason: '' }],
    ['nothing', (socket: Socket) => socket.close(), { code: 1005, reason: '' }],
  ] as const)(
    'CLO-04 closes with %s, which reach the server and come back',
    async (_title, farewell, expected) => {
      const server = await rig({ script: 'o' });
      const { socket, until } = dial(server);
      const closed = server.closed();
      await until('open');
      farewell(socket);

      expect(await closed).toStrictEqual(expected);
      expect((await until('end')).error).toMatchObject({ name: 'SocketClosedError', ...expected });
    },
  );

  describe('terminate', () => {
    const mute = (): Promise<ReturnType<typeof dial>> =>
      rig({ script: 'os', frames: { s: silence() }, upgrade: handshake }).then((server) => dial(server));

    it.each([
      ['terminate', (socket: Socket) => socket.terminate()],
      ['close', (socket: Socket) => socket.close(1000, 'never mind')],
    ])('CON-07 a dial given up by %s ends with 1006', async (_title, giveUp) => {
      const { socket, until } = dial(await rig({ script: '', upgrade: () => undefined }));
      giveUp(socket);

      expect((await until('end')).error).toMatchObject({ name: 'SocketClosedError', code: 1006, reason: '' });
    });

    it('ends an open connection with 1006', async () => {
      const { socket, until } = await mute();
      await until('open');
      socket.terminate();

      expect((await until('end')).error).toMatchObject({ name: 'SocketClosedError', code: 1006, reason: '' });
    });

    it('CLO-06 ends a close handshake that nobody answers with 1006', async () => {
      const { socket, until } = await mute();
      await until('open');
      socket.close(1000);
      socket.terminate();

      expect((await until('end')).error).toMatchObject({ name: 'SocketClosedError', code: 1006, reason: '' });
    });

    it('CLO-02 changes nothing the second time, nor after the end', async () => {
      const { socket, until, heard } = await mute();
      await until('open');
      socket.terminate();
      socket.terminate();
      await until('end');
      socket.terminate();
      socket.close(1000);

      expect(heard.map(({ type }) => type)).toStrictEqual(['open', 'end']);
    });
  });

  it('CON-10 ends with an error of the network if the server drops the dial', async () => {
    const { until } = dial(await rig({ script: '-#', upgrade: (socket) => socket.destroy() }));

    expect(classify((await until('end')).error)).toBe('network');
  });

  const everything = (socket: Socket): void => {
    socket.send('lost');
    socket.ping?.();
    socket.pause?.();
    socket.resume?.();
  };

  it('takes calls before the opening for nothing', async () => {
    const server = await rig({ script: '-o' });
    const { socket, until } = dial(server);
    const received = server.received(1);
    everything(socket);
    await until('open');
    socket.send('first');

    expect(await received).toStrictEqual(['first']);
  });

  it('SND-05 takes calls after the end for nothing', async () => {
    const { socket, until, heard } = dial(
      await rig({ script: 'o|', accept: (client) => client.close(1000) }),
    );
    await until('end');
    everything(socket);
    socket.close(1000);
    socket.terminate();

    expect(heard.map(({ type }) => type)).toStrictEqual(['open', 'end']);
  });

  it('settles once', async () => {
    const { transport } = await rig({ script: '' });
    let count = 0;
    await transport.settled.forEach(() => (count += 1));

    expect(count).toBe(1);
  });

  it('holds no bytes back once they are sent', async () => {
    const server = await rig({ script: 'o' });
    const { socket, until } = dial(server);
    const received = server.received(1);
    await until('open');
    socket.send('a');
    await received;

    expect(socket.bufferedBytes).toBe(0);
  });
});

/** What a W3C WebSocket does not show: see webSocketTransport.test.ts for what it shows instead. */
describe.each([
  ['scriptedTransport', scripted],
  ['wsTransport over loopback', loopback],
])('a Transport that shows the protocol: %s', (_name, rig) => {
  it('tells of a ping by the server', async () => {
    const { until } = dial(
      await rig({ script: 'o-i', frames: { i: pings() }, accept: (client) => client.ping() }),
    );

    expect(await until('ping')).toStrictEqual({ type: 'ping' });
  });

  it('HBT-06 tells of a pong that nobody asked for', async () => {
    const { until } = dial(
      await rig({ script: 'o-u', frames: { u: pongs() }, accept: (client) => client.pong() }),
    );

    expect(await until('pong')).toStrictEqual({ type: 'pong' });
  });

  it('HBT-07 gets a pong for its ping', async () => {
    const { socket, until } = dial(await rig({ script: 'o' }));
    await until('open');
    socket.ping?.();

    expect(await until('pong')).toStrictEqual({ type: 'pong' });
  });

  it.each([
    [401, {}, undefined],
    [403, {}, undefined],
    [404, {}, undefined],
    [429, { 'Retry-After': '7' }, 7_000],
    [500, {}, undefined],
    [503, { 'Retry-After': '0' }, undefined],
    [503, { 'Retry-After': 'Thu, 01 Jan 1970 00:00:00 GMT' }, undefined],
    [503, { 'Retry-After': 'Thu, 01 Jan 1970 00:00:07 GMT', Date: 'Thu, 01 Jan 1970 00:00:00 GMT' }, 7_000],
  ])(
    'CON-09 ends with the status if the server refuses with %i %p',
    async (status, headers: Record<string, string>, retryAfterMs) => {
      const { until } = dial(
        await rig({
          script: '-r',
          frames: { r: refuses(status, headers) },
          upgrade: refuse(status, headers),
        }),
      );
      const { error } = await until('end');

      expect(error).toMatchObject({ name: 'HandshakeError', status, retryAfterMs });
    },
  );

  it('shows the headers of a refusal, named in lower case', async () => {
    const headers = { 'X-Reason': 'Maintenance' };
    const { until } = dial(
      await rig({ script: 'r', frames: { r: refuses(503, headers) }, upgrade: refuse(503, headers) }),
    );

    expect((await until('end')).error).toMatchObject({ headers: { 'x-reason': 'Maintenance' } });
  });

  it('CON-12 follows no redirect', async () => {
    const headers = { Location: 'ws://elsewhere.invalid' };
    const { until } = dial(
      await rig({ script: 'r', frames: { r: refuses(302, headers) }, upgrade: refuse(302, headers) }),
    );

    expect((await until('end')).error).toMatchObject({ name: 'HandshakeError', status: 302 });
  });

  it('REC-08 ends with ECONNREFUSED if nobody listens', async () => {
    const { until } = dial(await rig({ script: '', isDown: true }));

    expect((await until('end')).error).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe.each([
  ['wsTransport over loopback', loopback],
  ['webSocketTransport over loopback', loopbackW3c],
])('a Transport that can tell: %s', (_name, rig) => {
  it('is closing from when either side has begun to close, and not before', async () => {
    const { socket, until } = dial(await rig({}));
    const log = [socket.isClosing];
    await until('open');
    log.push(socket.isClosing);
    socket.close(1000);
    log.push(socket.isClosing);
    await until('end');

    expect([...log, socket.isClosing]).toStrictEqual([false, false, true, true]);
  });
});
