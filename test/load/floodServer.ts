// A server that floods whoever connects, as fast as TCP takes it: `floodServer.ts COUNT KEYS`. It tells its parent the port,
// and what it has sent so far when it is asked. Message i is `{"type":"quote","key":i % KEYS,"seq":i}`.
import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';

const [count = 0, keys = 1] = process.argv.slice(2).map(Number);
/** Messages in one write. */
const BATCH = 1_000;

/** Unmasked text frames, glued together: `ws` would spend more time on each than the client does. */
const batch = (from: number): Buffer => {
  let frames = '';
  for (let seq = from; seq < Math.min(from + BATCH, count); seq += 1) {
    const text = `{"type":"quote","key":${seq % keys},"seq":${seq}}`;
    frames += String.fromCharCode(0x81, text.length) + text;
  }
  return Buffer.from(frames, 'latin1');
};

let sent = 0;
const flood = (socket: Socket): void => {
  let next = 0;
  const more = (): void => {
    while (next < count && !socket.destroyed) {
      const goesOn = socket.write(batch(next));
      next += BATCH;
      sent = Math.max(sent, Math.min(next, count));
      if (!goesOn) {
        socket.once('drain', more);
        return;
      }
    }
  };
  more();
};

const server = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.once('data', (request) => {
    const key = /sec-websocket-key: (\S+)/i.exec(request.toString('latin1'))?.[1] ?? '';
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    // Of what the client says only a ping and a close frame matter, and each comes alone.
    socket.on('data', (data) => {
      if (data[0] === 0x89) socket.write(Buffer.of(0x8a, 0));
      if (data[0] === 0x88) socket.end(Buffer.of(0x88, 2, 0x03, 0xe8));
    });
    flood(socket);
  });
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as { port: number }).port }));
process.on('message', () => process.send?.({ sent }));
process.on('disconnect', () => process.exit());
