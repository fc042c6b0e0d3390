import type { GenericSchema } from 'valibot';
import { jsonCodec } from './jsonCodec.js';
import { type Codec, type FeedConfig, routeByType, type Schemas } from './feedConfig.js';
import { type Arrival, type Blank, blankItem } from './feedItem.js';
import { createSkimmer, type Mistrust, type SkimConfig, type Skimmer } from './operators/skim.js';
import { surprise } from './operators/compileReader.js';
import { createReaders, type Readers, type ReaderStats } from './operators/createReaders.js';
import { refusedPromise } from './operators/refusedPromise.js';
import { createNameTable } from './nameTable.js';
import { listOf } from './listOf.js';
import type { Outlet } from './outlet.js';
import type { Ledger } from './sinks/ledger.js';
import type { Requests } from './streams/requests.js';
import type { Frame, OpenSession } from './streams/session.js';
import type { Data } from './streams/transport.js';

/** Who a dispatch belongs to; all are called as methods of this. */
export interface DispatchHooks {
  readonly ledger: Pick<Ledger, 'settle' | 'unpack'>;
  readonly requests: Pick<Requests, 'hear' | 'isWaiting'>;
  readonly outlets: ReadonlyMap<string, Outlet>;
  /** A message answered the ping that is out. */
  pong(from: OpenSession): void;
  /** A message is looked at. */
  onLook(): void;
  /** Nothing can be made of the frame, or a hook threw on a message of it. */
  onReject(reason: 'decode' | 'route', cause: unknown): void;
  /** A message is of no stream: what the route said of it. */
  onUnrouted(route: unknown, raw: Data): void;
  /** By its raw frame, it repeats a message that the stream has delivered. */
  onRepeat(stream: string): void;
  onMistrust(about: Mistrust): void;
  onHookFailed(hook: string, error: unknown): void;
}

/** From a frame to the streams: decode → unpack → control, or route. */
export interface Dispatch {
  /** The frame being worked on, or the last that was. */
  readonly current: Frame | undefined;
  /** How that came. */
  readonly arrival: Arrival;
  /** What the messages that nothing holds back are described in, one after another. */
  readonly item: Blank;
  /** To be told what stream a message was found to be of, and what key it has; absent where nobody asks. */
  readonly skimmer: Skimmer | undefined;
  /** Each message is made by `JSON.parse`, and nobody else's. */
  readonly makesOwn: boolean;
  /** Works a frame off, at the time `at`: each message in it is in the books, or its stream's, when this returns. */
  receive(frame: Frame, at: number): void;
  /** The messages of a frame; `undefined` if it has none that can be read, which is told when its turn comes. */
  peek(data: Data): readonly unknown[] | undefined;
  /** Acts on a message that concerns the connection: what is held cannot wait for that. */
  onHeld(message: unknown, session: OpenSession): boolean;
  /** `undefined` without readers. */
  readerStats(): ReaderStats | undefined;
}

/** What a rule gives, or `undefined` if it throws: for a first look at a frame whose rejection comes in line. */
export const quietly = <T>(ask: () => T): T | undefined => {
  try {
    return ask();
  } catch {
    return undefined;
  }
};

/** What a rule says of a message. @throws {TypeError} If that is a promise, which says nothing yet. */
const isYes = (rule: string, said: unknown): boolean => {
  if (typeof said !== 'object') return said === true;
  const misuse = refusedPromise(rule, said);
  if (misuse !== undefined) throw misuse;
  return false;
};

/** Makes the way of every frame: nothing is subscribed to, and nothing kept but the frame at hand. */
export const createDispatch = <S extends Schemas>(config: FeedConfig<S>, hooks: DispatchHooks): Dispatch =>
  new FrameDispatch(config as unknown as FeedConfig<Schemas>, hooks);

/** A class, since every idle connection keeps one: closures of its own took four times the memory. */
class FrameDispatch implements Dispatch {
  current: Frame | undefined = undefined;
  readonly arrival = { generation: 0, at: 0 };
  /** A frame is being worked off. */
  private isAtWork = false;
  private described: Blank | undefined = undefined;
  readonly skimmer: Skimmer | undefined;
  readonly makesOwn: boolean;
  private readonly codec: Codec;
  private readonly route: (message: unknown) => string | undefined;
  private readonly unpack: FeedConfig<Schemas>['unpack'];
  /** No rule of the user's tells what is no data. */
  private readonly hasNoRule: boolean;
  private readonly readers: Readers | undefined;
  /** Made for the first message, when all streams have theirs. */
  private find: ((name: string) => Outlet | undefined) | undefined = undefined;

  constructor(
    private readonly config: FeedConfig<Schemas>,
    private readonly hooks: DispatchHooks,
  ) {
    const { codec = jsonCodec, route = routeByType, heartbeat, rotate, unpack, skim, reader } = config;
    this.codec = codec;
    this.route = route;
    this.unpack = unpack;
    this.hasNoRule = [heartbeat?.isPong, heartbeat?.reply, rotate?.when, config.isControl].every(
      (rule) => rule === undefined,
    );
    this.makesOwn = codec === jsonCodec && unpack === undefined;
    this.skimmer = skim && skimmerOf(skim, hooks);
    this.readers = reader === true ? createReaders(schemasOf(config)) : undefined;
  }

  get item(): Blank {
    return (this.described ??= blankItem());
  }

  receive(frame: Frame, at: number): void {
    if (this.isAtWork) {
      this.receiveWithin(frame, at);
      return;
    }
    this.isAtWork = true;
    try {
      this.work(frame, at);
    } finally {
      this.isAtWork = false;
    }
  }

  /**
   * Who was told in the middle of a message has ended the run, begun the next, and that has a frame already: when it is worked off,
   * the message goes on with all that was known of it.
   */
  private receiveWithin(frame: Frame, at: number): void {
    const { current, arrival, item } = this;
    const [how, what] = [{ ...arrival }, { ...item }];
    try {
      this.work(frame, at);
    } finally {
      this.current = current;
      Object.assign(arrival, how);
      Object.assign(item, what);
    }
  }

  private work(frame: Frame, at: number): void {
    this.current = frame;
    this.arrival.generation = frame.session.generation;
    this.arrival.at = at;
    if (this.isRepeat(frame) || this.isRead(frame)) return;
    const { hooks, unpack } = this;
    let decoded: unknown;
    try {
      decoded = this.decode(frame.data);
    } catch (cause) {
      hooks.onLook();
      hooks.ledger.settle('rejected');
      hooks.onReject('decode', cause);
      return;
    }
    if (unpack === undefined) {
      this.forward(decoded, 0, frame, undefined);
      return;
    }
    const messages = decoded as readonly unknown[];
    const { length } = messages; // whoever made the list may change it
    hooks.ledger.unpack(length);
    for (let index = 0; index < length; index += 1) this.forward(messages[index], index, frame, undefined);
  }

  peek(data: Data): readonly unknown[] | undefined {
    return quietly(() => {
      const decoded = this.decode(data);
      return this.unpack === undefined ? [decoded] : (decoded as readonly unknown[]);
    });
  }

  onHeld(message: unknown, from: OpenSession): boolean {
    return quietly(() => this.concernsConnection(message, from)) === true;
  }

  readerStats(): ReaderStats | undefined {
    return this.readers?.stats();
  }

  /** Acks and heartbeats: what a server says of the connection. */
  private concernsConnection(message: unknown, from: OpenSession): boolean {
    if (from.topics?.hear(message) === true) return true;
    if (!isYes('heartbeat.isPong', this.config.heartbeat?.isPong?.(message))) {
      return from.heartbeat.reply(message);
    }
    this.hooks.pong(from);
    return true;
  }

  /** Told to whom they concern, and no data. */
  private isControl(message: unknown, index: number, { session: from, held }: Frame): boolean {
    const { config } = this;
    const { requests } = this.hooks;
    if (held === undefined) {
      from.hear(message);
      if (this.hasNoRule && from.topics === undefined && !requests.isWaiting()) return false;
    }
    if (held === undefined ? this.concernsConnection(message, from) : held.acted[index] === true) return true;
    if (requests.hear(message, from.port)) return true;
    if (isYes('rotate.when', config.rotate?.when?.(message))) {
      from.notice();
      return true;
    }
    return isYes('isControl', config.isControl?.(message));
  }

  private outletOf(name: unknown): Outlet | undefined {
    if (typeof name !== 'string') return undefined;
    const find = (this.find ??= createNameTable(this.hooks.outlets));
    return find(name);
  }

  /** Where a message goes: to a stream, or to one of the counts, where it may be already. */
  private destination(
    message: unknown,
    index: number,
    frame: Frame,
  ): Outlet | 'control' | 'settled' | 'rejected' {
    const { route } = this;
    try {
      if (this.isControl(message, index, frame)) return 'control';
      const name = route(message);
      return this.outletOf(name) ?? this.settleStray(message, name, frame);
    } catch (cause) {
      this.hooks.onReject('route', cause);
      return 'rejected';
    }
  }

  /**
   * What is called for no stream may be a promise, of a hook that is asynchronous: asked here, so that it costs no routed message anything.
   * Any other is in the books before it is told, as whoever hears of it may look there.
   */
  private settleStray(
    message: unknown,
    name: unknown,
    { held, data }: Frame,
  ): 'control' | 'settled' | 'rejected' {
    const ofDecode = refusedPromise(
      this.unpack === undefined ? 'codec.decode' : 'codec.decode and unpack',
      message,
    );
    const misuse = ofDecode ?? refusedPromise('route', name);
    if (misuse !== undefined) {
      this.hooks.onReject(ofDecode === undefined ? 'route' : 'decode', misuse);
      return 'rejected';
    }
    // What nobody routes while a session authenticates is the conversation of its login.
    if (held?.phase === 'login') return 'control';
    this.skimmer?.parsed(undefined, undefined);
    this.hooks.ledger.settle('unrouted');
    this.hooks.onUnrouted(name, data);
    return 'settled';
  }

  /** @param fits A schema that the message is known to fit. */
  private forward(message: unknown, index: number, frame: Frame, fits: GenericSchema | undefined): void {
    this.hooks.onLook();
    const to = this.destination(message, index, frame);
    if (typeof to === 'string') {
      if (to === 'settled') return;
      if (to !== 'rejected') this.skimmer?.parsed(undefined, undefined);
      this.hooks.ledger.settle(to);
    } else {
      to.account.route();
      to.take(message, to.schema === fits);
    }
  }

  /** Whether the frame repeats what was delivered. Who hears every message is to hear of this one too. */
  private isRepeat({ session: from, held, data }: Frame): boolean {
    if (this.skimmer === undefined) return false;
    const mustParse = held !== undefined || from.isHeard() || this.hooks.requests.isWaiting();
    const stream = this.skimmer.skim(data, mustParse);
    if (stream === undefined) return false;
    this.hooks.onLook();
    this.hooks.onRepeat(stream);
    return true;
  }

  /** A value that the readers make of a frame is the one that decoding it would make. */
  private isRead(frame: Frame): boolean {
    const { readers } = this;
    if (readers === undefined || typeof frame.data !== 'string') return false;
    const message = readers.read(frame.data);
    if (message === surprise) return false;
    this.forward(message, 0, frame, readers.schema);
    return true;
  }

  private decode(data: Data): unknown {
    const { codec, unpack } = this;
    const decoded = codec.decode(data);
    if (unpack === undefined) return decoded;
    let list: unknown;
    try {
      list = unpack(decoded);
      return listOf('unpack', list);
    } catch (error) {
      throw refusedPromise('codec.decode', decoded) ?? refusedPromise('unpack', list) ?? error;
    }
  }
}

const schemasOf = ({ streams }: FeedConfig<Schemas>): GenericSchema[] =>
  Object.values(streams).map(({ schema }) => schema);

const skimmerOf = (skim: SkimConfig, hooks: DispatchHooks): Skimmer =>
  createSkimmer(skim, {
    memoryOf: (stream) => hooks.outlets.get(stream)?.memory,
    onMistrust: (about) => hooks.onMistrust(about),
    onHookFailed: (error) => hooks.onHookFailed('skim', error),
  });
