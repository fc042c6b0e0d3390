import type { GenericSchema } from 'valibot';
import { jsonCodec } from './jsonCodec.js';
import { type FeedConfig, routeByType, type Schemas, type StreamConfig } from './feedConfig.js';
import type { Arrival } from './feedItem.js';
import type { Key } from './operators/seenKeys.js';
import { createSkimmer, type Mistrust } from './operators/skim.js';
import { surprise } from './operators/compileReader.js';
import { createReaders, type ReaderStats } from './operators/createReaders.js';
import { createNameTable } from './nameTable.js';
import { listOf, type Outlet } from './outlet.js';
import type { Ledger } from './sinks/ledger.js';
import type { Requests } from './streams/requests.js';
import type { Frame, OpenSession } from './streams/session.js';
import type { Data } from './streams/transport.js';

export interface DispatchHooks {
  readonly ledger: Pick<Ledger, 'settle' | 'unpack'>;
  readonly requests: Pick<Requests, 'hear' | 'isWaiting'>;
  readonly outlets: ReadonlyMap<string, Outlet>;
  /** A message answered the ping that is out. */
  readonly pong: (from: OpenSession) => void;
  /** A message is looked at. */
  readonly onLook: () => void;
  /** Nothing can be made of the frame, or a hook threw on a message of it. */
  readonly reject: (reason: 'decode' | 'route', cause: unknown) => void;
  /** By its raw frame, it repeats a message that the stream has delivered. */
  readonly onRepeat: (stream: string) => void;
  readonly onMistrust: (about: Mistrust) => void;
  readonly onHookFailed: (hook: string, error: unknown) => void;
}

/** From a frame to the streams: decode → unpack → control, or route. */
export interface Dispatch {
  /** The frame being worked on, or the last that was. */
  current: Frame | undefined;
  /** How that came. */
  readonly arrival: Arrival;
  /** Works a frame off, at the time `at`: each message in it is in the books, or its stream's, when this returns. */
  readonly receive: (frame: Frame, at: number) => void;
  /** A message was found to be of a stream, and to have this key; absent where nobody asks. */
  readonly onRead: ((stream: string, key: Key) => void) | undefined;
  /** The messages of a frame; `undefined` if it has none that can be read, which is told when its turn comes. */
  readonly peek: (data: Data) => readonly unknown[] | undefined;
  /** Acts on a message that concerns the connection: what is held cannot wait for that. */
  readonly onHeld: (message: unknown, session: OpenSession) => boolean;
  /** Absent without readers. */
  readonly readerStats: (() => ReaderStats) | undefined;
}

/** What a rule gives, or `undefined` if it throws: for a first look at a frame whose rejection comes in line. */
export const quietly = <T>(ask: () => T): T | undefined => {
  try {
    return ask();
  } catch {
    return undefined;
  }
};

/** Makes the way of every frame, a plain function: nothing is subscribed to, and nothing kept but the frame at hand. */
export function createDispatch<S extends Schemas>(
  config: FeedConfig<S>,
  { ledger, requests, outlets, pong, onLook, reject, onRepeat, onMistrust, onHookFailed }: DispatchHooks,
): Dispatch {
  const {
    codec = jsonCodec,
    route = routeByType,
    heartbeat = {},
    rotate = {},
    unpack,
    skim,
    reader,
  } = config;
  const arrival = { generation: 0, at: 0 };

  const skimmer =
    skim &&
    createSkimmer(skim, {
      memoryOf: (stream) => outlets.get(stream)?.memory,
      onMistrust,
      onHookFailed: (error) => onHookFailed('skim', error),
    });

  /** Acks and heartbeats: what a server says of the connection. */
  const concernsConnection = (message: unknown, from: OpenSession): boolean => {
    if (from.topics?.hear(message) === true) return true;
    if (heartbeat.isPong?.(message) !== true) return from.heartbeat.reply(message);
    pong(from);
    return true;
  };

  /** No rule of the user's tells what is no data. */
  const hasNoRule = [heartbeat.isPong, heartbeat.reply, rotate.when, config.isControl].every(
    (rule) => rule === undefined,
  );

  /** Told to whom they concern, and no data. */
  const isControl = (message: unknown, index: number, { session: from, held }: Frame): boolean => {
    if (held === undefined) {
      from.hear(message);
      if (hasNoRule && from.topics === undefined && !requests.isWaiting()) return false;
    }
    if (held === undefined ? concernsConnection(message, from) : held.acted[index] === true) return true;
    if (requests.hear(message, from.port)) return true;
    if (rotate.when?.(message) === true) {
      from.notice();
      return true;
    }
    return config.isControl?.(message) === true;
  };

  /** Made for the first message, when all streams have theirs. */
  let find: ((name: string) => Outlet | undefined) | undefined;
  const outletOf = (name: unknown): Outlet | undefined =>
    typeof name === 'string' ? (find ??= createNameTable(outlets))(name) : undefined;

  /** Where a message goes: to a stream, or to one of the counts. */
  const destination = (
    message: unknown,
    index: number,
    frame: Frame,
  ): Outlet | 'control' | 'unrouted' | 'rejected' => {
    try {
      if (isControl(message, index, frame)) return 'control';
      // What nobody routes while a session authenticates is the conversation of its login.
      return outletOf(route(message)) ?? (frame.held?.phase === 'login' ? 'control' : 'unrouted');
    } catch (cause) {
      reject('route', cause);
      return 'rejected';
    }
  };

  const forward = (message: unknown, index: number, frame: Frame, fits?: GenericSchema): void => {
    onLook();
    const to = destination(message, index, frame);
    if (typeof to === 'string') {
      if (to !== 'rejected') skimmer?.parsed(undefined, undefined);
      ledger.settle(to);
    } else {
      to.account.route();
      to.take(message, to.schema === fits);
    }
  };

  /** Whether the frame repeats what was delivered. Who hears every message is to hear of this one too. */
  const isRepeat = ({ session: from, held, data }: Frame): boolean => {
    const stream = skimmer?.skim(data, held !== undefined || from.isHeard() || requests.isWaiting());
    if (stream === undefined) return false;
    onLook();
    onRepeat(stream);
    return true;
  };

  const definitions = Object.values(config.streams) as StreamConfig<GenericSchema>[];
  const readers = reader === true ? createReaders(definitions.map(({ schema }) => schema)) : undefined;
  /** A value that the readers make of a frame is the one that decoding it would make. */
  const isRead = (frame: Frame): boolean => {
    if (readers === undefined || typeof frame.data !== 'string') return false;
    const message = readers.read(frame.data);
    if (message === surprise) return false;
    forward(message, 0, frame, readers.schema);
    return true;
  };

  const decode = (data: Data): unknown => {
    const decoded = codec.decode(data);
    return unpack === undefined ? decoded : listOf('unpack', unpack(decoded));
  };

  const dispatch: Dispatch = {
    current: undefined,
    arrival,
    receive(frame, at) {
      dispatch.current = frame;
      arrival.generation = frame.session.generation;
      arrival.at = at;
      if (isRepeat(frame) || isRead(frame)) return;
      let decoded: unknown;
      try {
        decoded = decode(frame.data);
      } catch (cause) {
        onLook();
        ledger.settle('rejected');
        reject('decode', cause);
        return;
      }
      if (unpack === undefined) {
        forward(decoded, 0, frame);
        return;
      }
      const messages = decoded as readonly unknown[];
      ledger.unpack(messages.length);
      for (let index = 0; index < messages.length; index += 1) forward(messages[index], index, frame);
    },
    readerStats: readers && (() => readers.stats()),
    onRead: skimmer && ((stream, key) => skimmer.parsed(stream, key)),
    peek: (data) =>
      quietly(() => {
        const decoded = decode(data);
        return unpack === undefined ? [decoded] : (decoded as readonly unknown[]);
      }),
    onHeld: (message, from) => quietly(() => concernsConnection(message, from)) === true,
  };
  return dispatch;
}
