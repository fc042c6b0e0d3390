import {
  asyncScheduler,
  catchError,
  concat,
  EMPTY,
  filter,
  firstValueFrom,
  map,
  merge,
  noop,
  Observable,
  throwIfEmpty,
} from 'rxjs';
import type { GenericSchema } from 'valibot';
import { checkConfig } from './checkConfig.js';
import type { Codec, FeedConfig, Schemas, StreamConfig, StreamOf } from './feedConfig.js';
import { FeedRun, type RunOwner, type RunUser } from './feedRun.js';
import { createDispatch, type Dispatch, type DispatchHooks, quietly } from './dispatch.js';
import { jsonCodec } from './jsonCodec.js';
import { Listener } from './listener.js';
import type { Failure, Overflow } from './operators/boundedLine.js';
import type { Mistrust } from './operators/skim.js';
import { type TurnBudget, turnBudgetOf } from './operators/turnBudget.js';
import type { Why } from './chain.js';
import { shown } from './optionRules.js';
import { createOutlet, type Outlet, type OutletHooks } from './outlet.js';
import { type Feed, PublicFeed } from './publicFeed.js';
import { refOf } from './refOf.js';
import { type Backlog, type BacklogConfig, createBacklog } from './sinks/backlog.js';
import type { HealthChange } from './sinks/healthMonitor.js';
import { type HealthHooks, HealthTable } from './sinks/healthTable.js';
import { Books, type Counts, type FeedStats, type StreamStats } from './sinks/ledger.js';
import { DirectObservable } from './sinks/directObservable.js';
import { type Loss, type LossHooks, LossReport } from './sinks/lossReport.js';
import { Multicast } from './sinks/multicast.js';
import { createStaleRemedy, type StaleRemedy } from './sinks/staleRemedy.js';
import { checkTripwire, createTripwire, type Tripwire } from './sinks/tripwire.js';
import { type Connection, type ConnectionHooks, createConnection } from './streams/connection.js';
import type { ConnectionState, FeedEvent, Rejected, RejectReason, TopicRef } from './streams/events.js';
import { PauseTimeoutError, ReconnectRequestedError } from './streams/failure.js';
import { checkFarewell, type Farewell } from './streams/farewell.js';
import type { SendResult, Ticket } from './streams/outbox.js';
import { createReading, type Reading, type ReadingConfig } from './streams/reading.js';
import { createRequests, RequestRejectedError, type RequestConfig } from './streams/requests.js';
import type { Frame, OpenSession } from './streams/session.js';
import {
  createSubscriptions,
  type SessionTopics,
  type Subscriptions,
  type SubscriptionsConfig,
} from './streams/subscriptions.js';
import type { Data } from './streams/transport.js';
import { wsTransport } from './streams/wsTransport.js';

export type { Feed } from './publicFeed.js';

/** What a message gets that is sent to a closed feed. */
const refused: Ticket = { result: 'rejected', cancel: () => false };
/** Keeps a feed running without a subscriber. */
const holder: RunUser = { ended: noop };

/**
 * Makes a feed; nothing is dialled before the first subscriber, or `open()`.
 *
 * @throws {TypeError | RangeError} If an option is wrong, naming the option and the value.
 */
export const createFeed = <S extends Schemas>(config: FeedConfig<S>): Feed<S> =>
  new PublicFeed(new LiveFeed(checkConfig(config)));

/**
 * The feed, put together. The way of a message: connection, made again and again → run (feedRun.ts), with the line where it may
 * wait → dispatch.ts → the outlet of its stream (outlet.ts) → chain.ts → subscribers; the books, the health and the events stand
 * beside it. The constructor makes the parts in this order.
 *
 * It is also whom all these parts tell and ask, each by an interface of its own, whose methods follow part by part below what a
 * user calls. A class, since closures took four times the memory.
 */
class LiveFeed<S extends Schemas>
  implements
    Feed<S>,
    RunOwner,
    ConnectionHooks,
    DispatchHooks,
    OutletHooks,
    ReadingConfig,
    BacklogConfig,
    HealthHooks,
    LossHooks
{
  private readonly events = new Multicast<FeedEvent>();
  private readonly rejects = new Multicast<Rejected>();
  readonly events$ = this.events.values$;
  readonly rejected$ = this.rejects.values$;

  // What the options say, as the parts read it here.
  readonly maxItems: number;
  /** Of the frames that a session holds until it is in charge: as many. */
  readonly maxHeld: number;
  readonly maxPauseMs: number;
  readonly sliceMs: number;
  readonly overflow: Overflow;
  readonly frameKey: ((frame: Frame) => unknown) | undefined;
  readonly lingerMs: number;
  readonly settled: Observable<unknown>;
  /** Shared by all feeds of this transport. */
  readonly turns: TurnBudget;
  private readonly random: () => number;
  private readonly codec: Codec;

  // The parts, the way of a message last.
  readonly ledger: Books;
  readonly health: HealthTable;
  readonly backlog: Backlog;
  readonly losses: LossReport;
  readonly requests = createRequests();
  readonly reading: Reading;

  readonly connection: Connection;
  readonly status$: Feed<S>['status$'];
  readonly dispatch: Dispatch;
  readonly outlets = new Map<string, Outlet>();
  readonly subscriptions: Subscriptions | undefined;
  private readonly remedies: StaleRemedy;
  /** One for each stream, and one for what is rejected before it gets to any: made, as the map is, for the first reject. */
  private tripwires: Map<string | undefined, Tripwire> | undefined = undefined;
  /** The messages looked at: the ledger has received those, too, that wait in line or behind others in their frame. */
  private readonly lookedAt = { received: 0 };

  // What changes: the session in charge, since when it is ready, and the runs.
  private session: OpenSession | undefined = undefined;
  private readyAt = 0;
  /** The run that whoever wants the feed enters; absent from when its end is told. */
  private run: FeedRun | undefined = undefined;
  /** The last that has begun, which may be telling of its end while it is asked for the next. */
  private latest: FeedRun | undefined = undefined;
  private isRunning = false;
  private closing: Promise<void> | undefined = undefined;
  /** `reconnect()` was called while it closes. */
  private opensAgain = false;

  constructor(private readonly config: FeedConfig<S>) {
    const { buffer = {}, lingerMs = 0, random = Math.random, transport = wsTransport } = config;
    const { maxItems = 10_000, maxPauseMs = 30_000, sliceMs = 5, overflow = 'drop-oldest', key } = buffer;
    this.maxItems = this.maxHeld = maxItems;
    this.maxPauseMs = maxPauseMs;
    this.sliceMs = sliceMs;
    this.overflow = overflow;
    this.frameKey = key && ((frame) => quietly(() => key(frame.data)));
    this.lingerMs = lingerMs;
    this.random = random;
    this.codec = config.codec ?? jsonCodec;
    this.settled = transport.settled;
    this.turns = turnBudgetOf(transport.settled);

    const definitions = Object.entries(config.streams) as [string, StreamConfig<GenericSchema>][];
    for (const rejects of [config.rejects, ...definitions.map(([, own]) => own.rejects)])
      checkTripwire(rejects);
    this.ledger = new Books(definitions.map(([name]) => name));
    this.reading = createReading(this);

    this.backlog = createBacklog(this);
    this.losses = new LossReport(this);
    this.health = new HealthTable({ streams: Object.fromEntries(definitions), autoStart: false }, this);
    this.health.setAlive(false);
    // A stream that nobody asked the server for is not late: it is watched while it is wanted.
    if (this.isOnDemand()) for (const [name] of definitions) this.health.unwatch(name);
    // Above the line: one connection at a time, made again and again. See connection.ts.
    this.connection = createConnection(config, this);
    this.status$ = this.connection.status$.asObservable();
    // Below it, for every frame: decode → control, or route. See dispatch.ts.
    this.dispatch = createDispatch(config, this);
    // Then, per stream: parse → dedupe → gaps → fan-out. See outlet.ts.
    for (const [name, definition] of definitions)
      this.outlets.set(name, createOutlet(name, definition, this));
    this.subscriptions = config.subscriptions && this.createSubscriptions(config.subscriptions);
    this.remedies = this.createRemedies(definitions);
  }

  // What a user calls: see publicFeed.ts.

  stream<K extends keyof S & string>(name: K, topic?: string): StreamOf<S, K> {
    const outlet = this.outlets.get(name);
    if (outlet === undefined) throw new TypeError(`stream: there is no stream ${JSON.stringify(name)}`);
    const given: unknown = topic;
    if (given !== undefined && typeof given !== 'string') {
      throw new TypeError(`stream: a topic of ${JSON.stringify(name)} must be a string, got ${shown(given)}`);
    }
    if (topic !== undefined && this.config.streams[name].topic === undefined) {
      throw new TypeError(`stream: ${JSON.stringify(name)} has no topics, got ${JSON.stringify(topic)}`);
    }
    return new DirectObservable((subscriber, taker) => {
      const listener = new Listener(subscriber);
      listener.seat = outlet.hub.join(topic, subscriber, taker, listener);
      listener.enter((user) => this.enter(user));
    });
  }

  stats(): FeedStats {
    const { streams, ...counts } = this.ledger.stats();
    const reader = this.dispatch.readerStats();
    const page = (name: string, own: Counts): StreamStats => {
      const dedupe = this.outlets.get(name)?.memory?.stats();
      return dedupe === undefined ? own : { ...own, dedupe };
    };
    return {
      ...counts,
      ...(reader && { reader }),
      streams: Object.fromEntries(Object.entries(streams).map(([name, own]) => [name, page(name, own)])),
    };
  }

  open(): Promise<void> {
    this.enter(holder);
    const readyState = this.config.authenticate === undefined ? 'CONNECTED' : 'AUTHENTICATED';
    const isReady$ = this.status$.pipe(filter(({ state }) => state === readyState));
    // eslint-disable-next-line rxjs-x/no-ignored-default-value -- throwIfEmpty says it better
    return firstValueFrom(
      merge(isReady$, this.running$()).pipe(
        map(() => undefined),
        throwIfEmpty(() => new Error('open: the feed was closed before it was ready')),
      ),
    );
  }

  send(message: unknown): SendResult {
    return this.post(message).result;
  }

  request(message: unknown, config: RequestConfig): Observable<unknown> {
    return this.requests.ask((onWritten) => this.post(message, onWritten), config);
  }

  takeUnsent(): readonly Data[] {
    return this.connection.takeUnsent();
  }

  get bufferedBytes(): number {
    return this.connection.unsentBytes() + (this.session?.socket.bufferedBytes ?? 0);
  }

  pause(): void {
    if ((this.config.transport ?? wsTransport).can?.pause === false) {
      throw new TypeError('pause: the transport cannot stop reading');
    }
    this.reading.pause();
  }

  resume(): void {
    this.reading.resume();
  }

  rotate(): void {
    this.connection.rotate();
  }

  reconnect(reason?: string): void {
    if (this.closing !== undefined) this.opensAgain = true;
    else if (this.isRunning) this.connection.drop(new ReconnectRequestedError(reason));
    else this.enter(holder);
  }

  close(farewell: Farewell = {}): Promise<void> {
    checkFarewell(farewell);
    if (this.closing !== undefined) return this.closing;
    if (!this.isRunning && this.state() === 'CLOSED') return Promise.resolve();
    const { timeoutMs = 5_000 } = farewell;
    let finish = noop;
    const promise = (this.closing = new Promise<void>((resolve) => {
      finish = resolve;
    }));
    const ended$ = this.isRunning ? this.running$().pipe(catchError(() => EMPTY)) : EMPTY;
    const mine = this.latest;
    const sockets = this.connection.sockets();
    this.connection.setState('CLOSING');
    const deadline = asyncScheduler.schedule(() => {
      this.latest?.complete();
      sockets.terminate();
    }, timeoutMs);
    concat(ended$, sockets.gone$).subscribe({
      complete: () => {
        this.closing = undefined;
        deadline.unsubscribe();
        if (mine === this.latest) {
          this.connection.setState('CLOSED');
          for (const outlet of this.outlets.values()) outlet.complete();
        }
        finish();
        if (this.opensAgain) this.enter(holder);
        this.opensAgain = false;
      },
      error: noop, // there is none: what ends in one is caught above
    });
    this.connection.close(farewell);
    return promise;
  }

  private post(message: unknown, onWritten?: (by: unknown) => void): Ticket {
    const state = this.state();
    return state === 'CLOSED' || state === 'CLOSING' ? refused : this.connection.send(message, onWritten);
  }

  private state(): ConnectionState {
    return this.connection.status$.value.state;
  }

  // The runs: see feedRun.ts.

  /** One more for whom the feed is to run. */
  private enter(user: RunUser): FeedRun {
    const { run } = this;
    if (run !== undefined) {
      run.enter(user);
      return run;
    }
    const begun = (this.run = new FeedRun(this));
    begun.enter(user);
    begun.start();
    return begun;
  }

  private running$(): Observable<never> {
    return new Observable((subscriber) => {
      const user: RunUser = {
        ended: (failure) => {
          if (failure === undefined) subscriber.complete();
          else subscriber.error(failure.error);
        },
      };
      const run = this.enter(user);
      return () => run.leave(user);
    });
  }

  begun(run: FeedRun): void {
    if (this.latest !== undefined) this.over(this.latest); // if it is still telling of its end: this one starts clean
    this.latest = run;
    this.isRunning = true;
    this.backlog.clear();
    this.health.start();
    this.remedies.start();
  }

  over(run: FeedRun): void {
    if (run !== this.latest || !this.isRunning) return;
    this.isRunning = false;
    this.reading.reset();
    // Before the streams end: nobody is to be told on this connection that their topics are not wanted any more.
    this.session?.topics?.leave();
    for (const outlet of this.outlets.values()) outlet.flush();
    this.onOver();
    this.requests.fail(new RequestRejectedError('the feed was closed'));
    this.health.stop();
    this.remedies.stop();
    for (const tripwire of this.tripwires?.values() ?? []) tripwire.reset();
  }

  finished(failure: Failure | undefined): void {
    if (failure !== undefined) {
      if (this.state() !== 'CLOSED') this.connection.setState('CLOSED', { cause: failure.error });
      return;
    }
    if (this.state() !== 'CLOSING') this.connection.setState('CLOSED');
    for (const outlet of this.outlets.values()) outlet.complete();
  }

  forget(run: FeedRun): void {
    if (this.run === run) this.run = undefined;
  }

  // What any part tells.

  tell(event: FeedEvent): void {
    this.events.next(event);
  }

  private now(): { readonly generation: number; readonly at: number } {
    return { generation: this.connection.status$.value.generation, at: asyncScheduler.now() };
  }

  onHookFailed(hook: string, error: unknown): void {
    this.tell({ type: 'hookFailed', hook, error, ...this.now() });
  }

  reject(reason: RejectReason, why: Why): void {
    const { session: { generation } = this.now(), data: raw = '' } = this.dispatch.current ?? {};
    const rejected: Rejected = { reason, raw, generation, at: asyncScheduler.now(), ...why };
    this.rejects.next(rejected);
    this.tell({ type: 'rejected', rejected, generation: rejected.generation, at: rejected.at });
    this.tripwireOf(why.stream).reject();
  }

  private tripwireOf(name: string | undefined): Tripwire {
    const tripwires = (this.tripwires ??= new Map<string | undefined, Tripwire>());
    const known = tripwires.get(name);
    if (known !== undefined) return known;
    const { streams, rejects } = this.config;
    const page = name === undefined ? this.lookedAt : this.ledger.stream(name);
    const tripwire = createTripwire(
      (name === undefined ? undefined : streams[name]?.rejects) ?? rejects,
      () => page.received,
      (poison) => this.tell({ ...poison, ...(name !== undefined && { stream: name }), ...this.now() }),
    );
    tripwires.set(name, tripwire);
    return tripwire;
  }

  // Of the reading, which pauses, and of the losses and the health.

  get resumed$(): Observable<void> {
    return this.reading.resumed$;
  }

  isPaused(): boolean {
    return this.reading.isPaused;
  }

  isYielding(): boolean {
    return this.reading.isYielding;
  }

  onReading(type: 'paused' | 'resumed'): void {
    this.tell({ type, ...this.now() });
  }

  onResume(): void {
    this.connection.resumed();
  }

  onTooLong(): void {
    this.connection.drop(new PauseTimeoutError(this.maxPauseMs));
  }

  onLoss(loss: Loss): void {
    this.tell({ type: 'overflow', ...loss, ...this.now() });
  }

  get workedOff$(): Observable<unknown> {
    return this.backlog.workedOff$;
  }

  onHealth(change: HealthChange): void {
    this.tell({ ...change, generation: this.now().generation });
    this.remedies.hear(change);
  }

  // Of the connection.

  encode(message: unknown): Data {
    return this.codec.encode(message);
  }

  peek(data: Data): readonly unknown[] | undefined {
    return this.dispatch.peek(data);
  }

  onHeld(message: unknown, from: OpenSession): boolean {
    return this.dispatch.onHeld(message, from);
  }

  onLost(frames: number, { phase }: OpenSession): void {
    const of = phase === 'login' ? 'authentication' : 'rotation';
    for (let lost = 0; lost < frames; lost += 1) this.losses.count(of, 'drop-newest');
    this.ledger.receive(frames);
    this.ledger.settle('dropped', frames);
  }

  onUnsent(reason: Parameters<ConnectionHooks['onUnsent']>[0], messages: number): void {
    for (let lost = 0; lost < messages; lost += 1) this.losses.count('outbox', reason);
  }

  join(
    { generation, port, socket, retired$ }: OpenSession,
    onRefused?: (topic: TopicRef, error: unknown) => void,
  ): SessionTopics | undefined {
    return this.subscriptions?.join({
      generation,
      over$: retired$,
      post: (message, onWritten) => {
        const data = this.encode(message);
        return port.send(() => {
          socket.send(data);
          onWritten();
        }, 'topics');
      },
      ...(onRefused && { onRefused }),
    });
  }

  forgetPositions(): void {
    this.subscriptions?.forget();
  }

  onReady(session: OpenSession): void {
    this.session = session;
    this.readyAt = asyncScheduler.now();
    this.health.setAlive(true);
    this.reading.add(session);
  }

  onEnded(session: OpenSession, error: unknown): void {
    this.reading.delete(session);
    this.requests.fail(error ?? new RequestRejectedError('the feed was closed'), session.port);
  }

  onOver(): void {
    this.session = undefined;
    this.reading.rest();
    this.losses.reset();
    this.health.setAlive(false);
  }

  // Of the dispatch.

  pong(from: OpenSession): void {
    this.connection.pong(from);
  }

  onLook(): void {
    this.lookedAt.received += 1;
  }

  onReject(reason: 'decode' | 'route', cause: unknown): void {
    this.reject(reason, { cause });
  }

  onRepeat(stream: string): void {
    const { account } = this.outlets.get(stream) as Outlet;
    account.route();
    account.settle('duplicate');
    const { generation, at } = this.dispatch.arrival;
    this.tell({ type: 'duplicate', stream, generation, at });
  }

  onMistrust(about: Mistrust): void {
    this.tell({ type: 'skimMistrusted', ...about, ...this.now() });
  }

  // Of the streams.

  onScopeForgotten(): void {
    this.losses.count('sequences', 'forget-oldest');
  }

  onOpen(stream: string, topic: string | undefined, place: number): void {
    if (topic !== undefined || this.isOnDemand()) this.health.watch(stream, topic, place);
    this.subscriptions?.want(refOf(stream, topic));
  }

  onClose(stream: string, topic: string | undefined): void {
    const ref = refOf(stream, topic);
    if (topic !== undefined || this.isOnDemand()) {
      this.health.unwatch(stream, topic);
      this.remedies.forget(ref);
    }
    this.subscriptions?.unwant(ref);
  }

  private isOnDemand(): boolean {
    return this.config.subscriptions !== undefined;
  }

  private createSubscriptions(config: SubscriptionsConfig): Subscriptions {
    return createSubscriptions(config, {
      random: this.random,
      tell: (type, ref, generation) => this.tell({ type, ...ref, generation, at: asyncScheduler.now() }),
      onRefused: (ref, error) => {
        this.tell({ type: 'subscriptionRefused', ...ref, error, ...this.now() });
        this.outlets.get(ref.stream)?.hub.errorTopic(ref.topic, error);
      },
      onHookFailed: (hook, error) => this.onHookFailed(hook, error),
    });
  }

  private createRemedies(
    definitions: readonly (readonly [string, StreamConfig<GenericSchema>])[],
  ): StaleRemedy {
    const { subscriptions } = this;
    return createStaleRemedy(
      Object.fromEntries(definitions.map(([name, { onStale = 'report' }]) => [name, onStale])),
      {
        ...(subscriptions && { resubscribe: (ref: TopicRef) => subscriptions.again(ref) }),
        reconnect: (reason) => this.connection.drop(new ReconnectRequestedError(reason)),
        upSince: () => (this.session === undefined || this.reading.isPaused ? undefined : this.readyAt),
        tell: (remedy) => this.tell({ type: 'remedy', ...remedy, ...this.now() }),
        onHookFailed: (error) => this.onHookFailed('onStale', error),
        random: this.random,
      },
    );
  }
}
