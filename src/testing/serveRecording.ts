import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  asyncScheduler,
  firstValueFrom,
  type Observable,
  type ObservableInput,
  race,
  Subject,
  timer,
} from 'rxjs';
import { type WebSocket, WebSocketServer } from 'ws';
import { maxTimerMs } from '../operators/backoff.js';
import { readRecording, RecordingError } from './readRecording.js';

export { RecordingError } from './readRecording.js';

export interface ServeRecordingConfig {
  /** How many times faster than recorded; `Infinity` sends as fast as the client reads. @default 1 */
  readonly speed?: number;
  /** The port on loopback; 0 takes a free one. @default 0 */
  readonly port?: number;
  /** What starts the recording's clock on a connection: its opening, or the client's first message. @default 'open' */
  readonly startOn?: 'open' | 'message';
  /** The close code sent after the last frame. Absent: the connection stays open. */
  readonly thenClose?: number;
  /** Bytes that may wait for a slow client; playing pauses until the last of them is written. @default 1_048_576 */
  readonly maxBufferedBytes?: number;
}

/** One connection has been sent the whole recording. */
export interface Played {
  /** Which connection, counted from 1. */
  readonly connection: number;
  readonly frames: number;
}

export interface RecordingServer {
  readonly url: string;
  readonly port: number;
  /** Frames each connection gets: those the recorded server sent. */
  readonly frames: number;
  /** Hot; completes on `close()`. A connection that ends early is not told. */
  readonly played$: Observable<Played>;
  /** Terminates every connection and stops listening. Idempotent. */
  close(): Promise<void>;
}

/**
 * Serves a recorded conversation over loopback: each connection gets what the recorded server sent, from the start.
 *
 * A recording holds one JSON object a line: `{ t, dir, raw, enc? }`. `t` is in milliseconds since the connection
 * opened; `null`, or a time before the last one, follows at once. `dir` is `in` for what the server sent; the rest
 * is skipped. `raw` is the payload of the frame, binary if `enc` is `base64`. The file is read into memory whole.
 *
 *     recorded      a---b-----c      ms since open
 *     speed: 2      a-b--c
 *     Infinity      (abc)            as fast as the client reads
 *
 * What the client sends is read and ignored, and after the last frame the connection stays open.
 *
 * @throws {RangeError} Rejects, if `speed`, `port`, `thenClose` or `maxBufferedBytes` is out of range.
 * @throws {TypeError} Rejects, if `startOn` is neither of the two.
 * @throws {RecordingError} Rejects, if the file cannot be read, a line is not a frame, or a frame is due later than a timer can
 * wait, as with a `t` that counts from 1970.
 */
export async function serveRecording(
  file: string,
  {
    speed = 1,
    port = 0,
    startOn = 'open',
    thenClose,
    maxBufferedBytes = 1_048_576,
  }: ServeRecordingConfig = {},
): Promise<RecordingServer> {
  if (!(speed > 0)) throw new RangeError(`serveRecording: speed must be above 0, got ${speed}`);
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new RangeError(`serveRecording: port must be a whole number from 0 to 65535, got ${port}`);
  }
  if (!['open', 'message'].includes(startOn)) {
    throw new TypeError(`serveRecording: startOn must be 'open' or 'message', got ${startOn}`);
  }
  if (thenClose !== undefined && !isSendable(thenClose)) {
    throw new RangeError(`serveRecording: thenClose must be a close code that may be sent, got ${thenClose}`);
  }
  if (!(maxBufferedBytes > 0)) {
    throw new RangeError(`serveRecording: maxBufferedBytes must be above 0, got ${maxBufferedBytes}`);
  }

  const frames = await readRecording(file);
  // Node fires a timer that is longer at once; the last frame is due last.
  const lastMs = (frames.at(-1)?.dueMs ?? 0) / speed;
  if (lastMs > maxTimerMs) {
    const problem = `t must count from the opening, and t / speed be at most ${maxTimerMs}, got ${lastMs}`;
    throw new RecordingError(file, undefined, problem);
  }
  const server = new WebSocketServer({ host: '127.0.0.1', port });
  await once(server, 'listening');
  const played$ = new Subject<Played>();
  let connections = 0;

  server.on('connection', (socket) => {
    const connection = ++connections;
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    // A client that breaks the protocol ends its own connection, not the process.
    socket.on('error', () => undefined);
    const play = async (): Promise<void> => {
      const startedAt = asyncScheduler.now();
      for (const { dueMs, data } of frames) {
        const waitMs = startedAt + dueMs / speed - asyncScheduler.now();
        if (waitMs >= 1) await firstOf(timer(waitMs), closed);
        if (socket.readyState !== socket.OPEN) return;
        const written = send(socket, data);
        if (socket.bufferedAmount > maxBufferedBytes) await firstOf(written, closed);
      }
      played$.next({ connection, frames: frames.length });
      if (thenClose !== undefined) socket.close(thenClose);
    };
    if (startOn === 'open') void play();
    else socket.once('message', () => void play());
  });

  const { port: openPort } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${openPort}`,
    port: openPort,
    frames: frames.length,
    played$: played$.asObservable(),
    close: () =>
      new Promise((resolve) => {
        for (const socket of server.clients) socket.terminate();
        server.close(() => {
          played$.complete();
          resolve();
        });
      }),
  };
}

/** Resolves once the frame is written, or never will be. */
const send = (socket: WebSocket, data: string | Buffer): Promise<void> =>
  new Promise((resolve) => {
    socket.send(data, () => resolve());
  });

const firstOf = (...sources: readonly ObservableInput<unknown>[]): Promise<unknown> =>
  firstValueFrom(race(...sources), { defaultValue: undefined });

/** The codes an endpoint may put in a close frame (RFC 6455 section 7.4). */
const isSendable = (code: number): boolean =>
  Number.isInteger(code) &&
  ((code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999));
