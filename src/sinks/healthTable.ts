import { asyncScheduler, EMPTY, Observable, Subject, Subscription, take } from 'rxjs';
import { DeadlineHeap, type DeadlineHooks } from './deadlines.js';
import {
  createHealthEntry,
  type HealthEntry,
  requireAboveZero,
  silentSince,
  type StreamHealth,
  toHealthRow,
  trail,
} from './healthEntry.js';
import type {
  HealthChange,
  HealthMonitor,
  HealthMonitorConfig,
  StreamRecorder,
  WatchedTopic,
} from './healthMonitor.js';
import { reportErrors } from './reportErrors.js';
import { WatchedTopics } from './watchedTopics.js';

/** Who is told, before those who listen to `changes$`. */
export interface HealthHooks {
  /** A verdict changed. What it throws is reported as unhandled. */
  onHealth(change: HealthChange): void;
  /** In place of `settled`, asked for at each verdict: most connections get none. @default as `settled` */
  readonly workedOff$?: Observable<unknown>;
}

/** As `createHealthMonitor`, for who does not take it apart: a third of the memory, as its methods are not its own. */
export class HealthTable implements HealthMonitor, DeadlineHooks<HealthEntry> {
  private readonly entries: ReadonlyMap<string, HealthEntry>;
  private readonly livenessMs: number;
  private readonly settled: Observable<unknown>;
  private readonly deadlines = new DeadlineHeap<HealthEntry>(this);
  /** Apart from the table: who keeps `changes$` is to keep no feed. */
  private readonly changes: Changes = { heard: undefined };
  /** Made for the first who asks for it. */
  private heard$: Observable<HealthChange> | undefined = undefined;
  private unhealthyCount = 0;
  private alive = true;
  private livenessAt = asyncScheduler.now();
  private running = false;
  /** Those that fell due together look once more together. */
  private suspects: { readonly at: number; readonly entries: HealthEntry[] } | undefined = undefined;
  private looks: Subscription | undefined = undefined;

  /** @throws {RangeError} As `createHealthMonitor` does. */
  constructor(
    { streams, livenessMs = Infinity, autoStart = true, settled = EMPTY }: HealthMonitorConfig,
    private readonly hooks?: HealthHooks,
  ) {
    requireAboveZero('livenessMs', livenessMs);
    this.livenessMs = livenessMs;
    this.settled = settled;
    this.entries = new Map(
      Object.entries(streams).map(([stream, config]) => [
        stream,
        createHealthEntry(stream, undefined, config),
      ]),
    );
    if (autoStart) this.start();
  }

  get changes$(): Observable<HealthChange> {
    return (this.heard$ ??= hear(this.changes));
  }

  record(stream: string, at = asyncScheduler.now(), topic?: string): void {
    const entry = this.entryOf(stream);
    this.stamp(entry, at, placeOf(entry, topic));
  }

  recordLag(stream: string, sourceTimeMs: number, at = asyncScheduler.now(), topic?: string): void {
    const entry = this.entryOf(stream);
    trailBoth(entry, sourceTimeMs, at, placeOf(entry, topic));
  }

  recorder(stream: string): StreamRecorder {
    return new Recorder(this, this.entryOf(stream));
  }

  recordLiveness(at = asyncScheduler.now()): void {
    if (at > this.livenessAt) this.livenessAt = at;
  }

  setAlive(alive: boolean): void {
    this.alive = alive;
    if (alive) this.livenessAt = asyncScheduler.now();
  }

  /** @param place Of the topic, if there is one: its own while it is watched. Who gives one for one topic gives one for each of the stream. */
  watch(stream: string, topic?: string, place?: WatchedTopic): void {
    const whole = this.entryOf(stream);
    let entry = whole;
    if (topic !== undefined) {
      whole.topics ??= new WatchedTopics(stream, whole.config, place === undefined);
      entry = whole.topics.get(topic) ?? whole.topics.add(topic, place);
    }
    if (entry.watched) return;
    entry.watched = true;
    beginAt(entry, asyncScheduler.now());
    forgetFuture(entry, entry.since);
    this.awaitValue(entry);
  }

  unwatch(stream: string, topic?: string): void {
    const whole = this.entryOf(stream);
    const entry = topic === undefined ? whole : whole.topics?.get(topic);
    if (entry === undefined) return;
    if (!entry.healthy) this.unhealthyCount -= 1;
    entry.healthy = true;
    entry.watched = false;
    this.deadlines.remove(entry);
    if (topic !== undefined) whole.topics?.delete(topic);
  }

  status(): readonly StreamHealth[] {
    const now = asyncScheduler.now();
    return this.rows().map((entry) => toHealthRow(entry, now));
  }

  isHealthy(): boolean {
    const { running, alive, unhealthyCount, livenessMs } = this;
    const now = asyncScheduler.now();
    // As with values: a sign of life from the future proves no more than one that came now.
    this.livenessAt = Math.min(this.livenessAt, now);
    return alive && unhealthyCount === 0 && (!running || now - this.livenessAt < livenessMs);
  }

  isStreamHealthy(stream: string, topic?: string): boolean {
    const entry = this.entryOf(stream);
    return (topicOf(entry, topic) ?? entry).healthy;
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.livenessAt = asyncScheduler.now();
    for (const entry of this.rows()) {
      if (entry.healthy) beginAt(entry, this.livenessAt);
      forgetFuture(entry, this.livenessAt);
      this.awaitValue(entry);
    }
  }

  stop(): void {
    this.running = false;
    this.deadlines.clear();
    this.looks?.unsubscribe();
    this.looks = undefined;
    this.suspects = undefined;
  }

  /** What nobody could hear is no silence, of those either that fall due later. */
  onLate(lateMs: number, now: number): void {
    for (const entry of this.rows()) if (entry.slot >= 0) putOff(entry, lateMs, now);
  }

  onDue(entry: HealthEntry, now: number): void {
    if (isSilent(entry, now)) this.lookAgain(entry, now);
    else this.awaitValue(entry);
  }

  /** A value of a stream came, and of a topic of it, if that is watched. */
  stamp(entry: HealthEntry, at: number, topic: WatchedTopic | undefined): void {
    if (!entry.healthy) {
      this.recoverWith(entry, at, topic);
      return;
    }
    if (at > entry.lastAt) entry.lastAt = at;
    if (topic !== undefined) this.stampTopic(entry, at, topic);
  }

  private stampTopic({ topics }: HealthEntry, at: number, topic: WatchedTopic): void {
    const entry = topics?.note(topic, at);
    // A time that was NaN is no verdict.
    if (entry?.healthy === false) this.recover(entry, at);
  }

  private recoverWith(entry: HealthEntry, at: number, topic: WatchedTopic | undefined): void {
    const ofTopic = topic === undefined ? undefined : entry.topics?.at(topic);
    this.recover(entry, at);
    // Whoever heard of it may have unwatched the topic: then its place may be another's.
    if (topic !== undefined && ofTopic?.watched === true) this.stampTopic(entry, at, topic);
  }

  private recover(entry: HealthEntry, at: number): void {
    if (Number.isNaN(at)) return; // no time, and no sign of life
    const since = silentSince(entry);
    const now = asyncScheduler.now();
    entry.lastAt = Math.max(entry.lastAt, at);
    forgetFuture(entry, now);
    // A value so old that it would be stale already ends no silence.
    if (!(at + entry.staleAfterMs > now)) return;
    entry.healthy = true;
    this.unhealthyCount -= 1;
    this.awaitValue(entry);
    this.tell('recovered', entry, since, silentSince(entry));
  }

  private entryOf(stream: string): HealthEntry {
    const entry = this.entries.get(stream);
    if (entry === undefined) throw new TypeError(`createHealthMonitor: no stream is called ${stream}`);
    return entry;
  }

  /** Streams in the order configured, each before its topics. */
  private rows(): HealthEntry[] {
    return [...this.entries.values()].flatMap((entry) => [entry, ...(entry.topics?.values() ?? [])]);
  }

  private awaitValue(entry: HealthEntry): void {
    const { watched, healthy, staleAfterMs, config } = entry;
    if (this.running && watched && healthy && config.allowSilence !== true && staleAfterMs < Infinity) {
      this.deadlines.put(entry, silentSince(entry) + staleAfterMs);
    }
  }

  private lookAgain(entry: HealthEntry, now: number): void {
    if (this.suspects?.at === now) {
      this.suspects.entries.push(entry);
      return;
    }
    const mine = { at: now, entries: [entry] };
    this.suspects = mine;
    const judgeThem = (): void => {
      if (this.suspects === mine) this.suspects = undefined;
      for (const each of mine.entries) this.judge(each, asyncScheduler.now());
    };
    const looks = (this.looks ??= new Subscription());
    const settled = this.hooks?.workedOff$ ?? this.settled;
    // eslint-disable-next-line rxjs-x/no-ignored-error -- it must not
    looks.add(settled.pipe(take(1)).subscribe({ complete: judgeThem }));
  }

  private judge(entry: HealthEntry, now: number): void {
    if (!this.running || !entry.watched || !entry.healthy) return;
    if (!isSilent(entry, now)) {
      this.awaitValue(entry);
      return;
    }
    entry.healthy = false;
    this.unhealthyCount += 1;
    this.tell('unhealthy', entry, silentSince(entry), now);
  }

  private tell(type: HealthChange['type'], { stream, topic }: HealthEntry, since: number, at: number): void {
    const silentMs = Math.max(0, at - since);
    const change = { type, stream, ...(topic !== undefined && { topic }), silentMs, since, at };
    const { hooks } = this;
    if (hooks !== undefined) reportErrors(() => hooks.onHealth(change));
    this.changes.heard?.next(change);
  }
}

/** The Subject is made for the first who listens. */
interface Changes {
  heard: Subject<HealthChange> | undefined;
}

/** Not by `defer`, which keeps twice as much. */
const hear = (changes: Changes): Observable<HealthChange> =>
  new Observable((subscriber) => (changes.heard ??= new Subject<HealthChange>()).subscribe(subscriber));

/** A stream's place in the table. */
class Recorder implements StreamRecorder {
  constructor(
    private readonly table: HealthTable,
    private readonly entry: HealthEntry,
  ) {}

  record(at: number, topic?: WatchedTopic): void {
    this.table.stamp(this.entry, at, topic);
  }

  recordLag(sourceTimeMs: number, at: number, topic?: WatchedTopic): void {
    trailBoth(this.entry, sourceTimeMs, at, topic);
  }

  find(topic: string): WatchedTopic | undefined {
    return placeOf(this.entry, topic);
  }
}

const placeOf = ({ topics }: HealthEntry, topic: string | undefined): WatchedTopic | undefined =>
  topic === undefined ? undefined : topics?.placeOf(topic);

const topicOf = ({ topics }: HealthEntry, topic: string | undefined): HealthEntry | undefined =>
  topic === undefined ? undefined : topics?.get(topic);

function trailBoth(
  entry: HealthEntry,
  sourceTimeMs: number,
  at: number,
  topic: WatchedTopic | undefined,
): void {
  const lagMs = at - sourceTimeMs;
  if (!Number.isFinite(lagMs)) return;
  trail(entry, lagMs, at);
  const ofTopic = topic === undefined ? undefined : entry.topics?.at(topic);
  if (ofTopic !== undefined) trail(ofTopic, lagMs, at);
}

function beginAt(entry: HealthEntry, now: number): void {
  entry.since = now;
  entry.putOffMs = 0;
}

/**
 * Puts a verdict off. One that was put off for `staleAfterMs` already is not: where timers are late again and again, as in a hidden
 * tab, it would hardly ever fall.
 */
function putOff(entry: HealthEntry, lateMs: number, now: number): void {
  const since = silentSince(entry);
  const putOffMs = since > entry.lastAt ? entry.putOffMs : 0;
  if (since > now - lateMs || putOffMs >= entry.staleAfterMs) return;
  entry.since = since + lateMs;
  entry.putOffMs = putOffMs + lateMs;
}

/** A stamp from the future, or a clock that was set back, must not put the verdict off. */
function forgetFuture(entry: HealthEntry, now: number): void {
  entry.since = Math.min(entry.since, now);
  entry.lastAt = Math.min(entry.lastAt, now);
}

function isSilent(entry: HealthEntry, now: number): boolean {
  forgetFuture(entry, now);
  return silentSince(entry) + entry.staleAfterMs <= now;
}
