import { asyncScheduler, type Observable } from 'rxjs';
import type { GenericSchema } from 'valibot';
import { byOptionPath } from './byOptionPath.js';
import { checkConfig } from './checkConfig.js';
import type { Codec, FeedConfig, Schemas, StreamConfig } from './feedConfig.js';
import { Demand, type DemandHooks } from './demand.js';
import { FeedLife, type LifeOwner } from './feedLife.js';
import { createDispatch, type Dispatch, type DispatchHooks, quietly } from './dispatch.js';
import { jsonCodec } from './jsonCodec.js';
import { defaultInitialMs } from './operators/backoff.js';
import type { Overflow } from './operators/boundedLine.js';
import type { Mistrust } from './operators/skim.js';
import { type TurnBudget, turnBudgetOf } from './operators/turnBudget.js';
import type { Why } from './chain.js';
import { createOutlet, type Outlet, type OutletHooks } from './outlet.js';
import { type Feed, type FeedParts, PublicFeed } from './publicFeed.js';
import { type Backlog, type BacklogConfig, createBacklog } from './sinks/backlog.js';
import type { HealthChange } from './sinks/healthMonitor.js';
import { type HealthHooks, HealthTable } from './sinks/healthTable.js';
import { Books } from './sinks/ledger.js';
import { type Loss, type LossHooks, LossReport } from './sinks/lossReport.js';
import { Multicast } from './sinks/multicast.js';
import { RejectReport, type RejectHooks } from './sinks/rejectReport.js';
import { type Connection, type ConnectionHooks, createConnection } from './streams/connection.js';
import type { FeedEvent, RejectReason, TopicRef } from './streams/events.js';
import { PauseTimeoutError } from './streams/failure.js';
import { guardDraws } from './streams/guardDraws.js';
import { createReading, type Reading, type ReadingConfig } from './streams/reading.js';
import { createRequests } from './streams/requests.js';
import type { Frame, OpenSession } from './streams/session.js';
import type { SessionTopics, Subscriptions } from './streams/subscriptions.js';
import type { Data } from './streams/transport.js';
import { wsTransport } from './streams/wsTransport.js';

export type { Feed } from './publicFeed.js';

/**
 * Makes a feed; nothing is dialled before the first subscriber, or `open()`.
 *
 * @throws {TypeError | RangeError} If an option is wrong, naming the option and the value.
 */
export const createFeed = <S extends Schemas>(config: FeedConfig<S>): Feed<S> =>
  new PublicFeed(byOptionPath(() => new LiveFeed(checkConfig(config))));

/**
 * The feed, put together. The way of a message: connection, made again and again → run (feedRun.ts), with the line where it may
 * wait → dispatch.ts → the outlet of its stream (outlet.ts) → chain.ts → subscribers; the books, the health and the events stand
 * beside it. The constructor makes the parts in this order; feedLife.ts begins and ends the runs.
 *
 * It is also whom all these parts tell and ask, each by an interface of its own, whose methods follow part by part. What a user
 * calls is in publicFeed.ts. A class, since closures took four times the memory.
 */
class LiveFeed<S extends Schemas>
  implements
    FeedParts,
    LifeOwner,
    ConnectionHooks,
    DispatchHooks,
    OutletHooks,
    DemandHooks,
    ReadingConfig,
    BacklogConfig,
    HealthHooks,
    LossHooks,
    RejectHooks
{
  readonly config: FeedConfig<S>;

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
  private readonly codec: Codec;

  // The parts, the way of a message last.
  readonly events = new Multicast<FeedEvent>();
  readonly ledger: Books;
  readonly health: HealthTable;
  readonly backlog: Backlog;
  readonly losses: LossReport;
  readonly rejects: RejectReport;
  readonly requests = createRequests();
  readonly reading: Reading;
  readonly life = new FeedLife(this);

  readonly connection: Connection;
  readonly dispatch: Dispatch;
  readonly outlets = new Map<string, Outlet>();
  private readonly demand: Demand;

  /** The one in charge. */
  session: OpenSession | undefined = undefined;
  /** Since when it is ready, epoch ms. */
  private readyAt = 0;

  constructor(given: FeedConfig<S>) {
    const config = (this.config = guardDraws(given, (hook, error) => this.onHookFailed(hook, error)));
    const { buffer = {}, lingerMs = 0, transport = wsTransport } = config;
    const { maxItems = 10_000, maxPauseMs = 30_000, sliceMs = 5, overflow = 'drop-oldest', key } = buffer;
    this.maxItems = this.maxHeld = maxItems;
    this.maxPauseMs = maxPauseMs;
    this.sliceMs = sliceMs;
    this.overflow = overflow;
    this.frameKey = key && ((frame) => quietly(() => key(frame.data)));
    this.lingerMs = lingerMs;
    this.codec = config.codec ?? jsonCodec;
    this.settled = transport.settled;
    this.turns = turnBudgetOf(transport.settled);

    const definitions = Object.entries(config.streams) as [string, StreamConfig<GenericSchema>][];
    this.rejects = new RejectReport(config, this);
    this.ledger = new Books(definitions.map(([name]) => name));
    this.reading = createReading(this);
    this.backlog = createBacklog(this);
    this.losses = new LossReport(this);
    this.health = new HealthTable({ streams: Object.fromEntries(definitions), autoStart: false }, this);
    this.health.setAlive(false);

    // Above the line: one connection at a time, made again and again. See connection.ts.
    this.connection = createConnection(config, this);
    // Below it, for every frame: decode → control, or route. See dispatch.ts.
    this.dispatch = createDispatch(config, this);
    // Then, per stream: parse → dedupe → gaps → fan-out. See outlet.ts.
    for (const [name, definition] of definitions)
      this.outlets.set(name, createOutlet(name, definition, this));
    // The other way: what the subscribers want of the server. See demand.ts.
    this.demand = new Demand(config, this);
  }

  // Of its life.

  onRunBegun(): void {
    // What was kept is of the run before, be it what was on its way as that ended.
    for (const { hub } of this.outlets.values()) hub.forget();
    this.backlog.clear();
    this.health.start();
    this.demand.start();
  }

  onRunOver(why: string): () => void {
    // Who comes from here on comes for the next run.
    for (const { hub } of this.outlets.values()) hub.beginEra();
    this.reading.reset();
    // Before the streams end: nobody is to be told on this connection that their topics are not wanted any more.
    this.session?.topics?.leave();
    this.onOver();
    this.health.stop();
    this.demand.stop();
    this.rejects.reset();
    const failRequests = this.requests.giveUp(why);
    // Later: whoever is told may begin the next run.
    return () => {
      this.reading.tellEnd();
      for (const outlet of this.outlets.values()) outlet.flush();
      failRequests();
    };
  }

  get initialMs(): number {
    return this.config.reconnect?.initialMs ?? defaultInitialMs;
  }

  // What any part tells.

  tell(event: FeedEvent): void {
    this.events.next(event);
  }

  tellAfter(first: () => void, event: FeedEvent): void {
    this.events.nextAfter(first, event);
  }

  now(): { readonly generation: number; readonly at: number } {
    return { generation: this.connection.status$.value.generation, at: asyncScheduler.now() };
  }

  onHookFailed(hook: string, error: unknown, generation = this.now().generation): void {
    this.tell({ type: 'hookFailed', hook, error, generation, at: asyncScheduler.now() });
  }

  reject(reason: RejectReason, why: Why): void {
    const { session: { generation } = this.now(), data: raw = '' } = this.dispatch.current ?? {};
    this.rejects.reject({ reason, raw, generation, at: asyncScheduler.now(), ...why });
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
    this.demand.hear(change);
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
    session: OpenSession,
    onRefused?: (topic: TopicRef, error: unknown) => void,
  ): SessionTopics | undefined {
    return this.demand.join(session, onRefused);
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
    this.requests.fail(error, session.port);
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
    this.rejects.look();
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

  onUnrouted(route: unknown, raw: Data): void {
    const count = this.losses.notice('unrouted');
    if (count === undefined) return;
    const { generation, at } = this.dispatch.arrival;
    this.tell({ type: 'unrouted', route, raw, count, generation, at });
  }

  onMistrust(about: Mistrust): void {
    this.tell({ type: 'skimMistrusted', ...about, ...this.now() });
  }

  // Of the streams.

  onScopeForgotten(): void {
    this.losses.count('sequences', 'forget-oldest');
  }

  get subscriptions(): Subscriptions | undefined {
    return this.demand.subscriptions;
  }

  onOpen(stream: string, topic: string | undefined, place: number): void {
    this.demand.open(stream, topic, place);
  }

  onClose(stream: string, topic: string | undefined): void {
    this.demand.close(stream, topic);
  }

  // Of the demand.

  upSince(): number | undefined {
    // A clock that was set back must not put the remedy off by as much.
    this.readyAt = Math.min(this.readyAt, asyncScheduler.now());
    return this.session === undefined || this.reading.isPaused ? undefined : this.readyAt;
  }
}
