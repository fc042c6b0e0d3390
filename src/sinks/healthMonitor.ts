import { asyncScheduler, EMPTY, type Observable, Subject, Subscription, take } from 'rxjs';
import { createDeadlines } from './deadlines.js';
import {
  createHealthEntry,
  type HealthEntry,
  requireAboveZero,
  silentSince,
  type StreamHealth,
  type StreamHealthConfig,
  toHealthRow,
  trail,
} from './healthEntry.js';

export type { StreamHealth, StreamHealthConfig } from './healthEntry.js';

export interface HealthMonitorConfig {
  /** The streams by name. */
  readonly streams: Readonly<Record<string, StreamHealthConfig>>;
  /** Milliseconds without `recordLiveness` after which `isHealthy` is false; Infinity leaves liveness to `setAlive`. @default Infinity */
  readonly livenessMs?: number;
  /** Whether it judges from creation on, or only from `start`. @default true */
  readonly autoStart?: boolean;
  /**
   * Asked before a verdict: emits or completes once everything that had already arrived was recorded, so that a blocked
   * event loop is not taken for a silent stream. While it does neither, there is no verdict. It must not error.
   * @default at once
   */
  readonly settled?: Observable<unknown>;
}

/** A verdict that changed. */
export interface HealthChange {
  readonly type: 'unhealthy' | 'recovered';
  readonly stream: string;
  /** Absent for the stream as a whole. */
  readonly topic?: string;
  /** How long it had been silent, ms. */
  readonly silentMs: number;
  /** When that silence began: at its last value, or when watching began, epoch ms. */
  readonly since: number;
  /** Epoch ms. */
  readonly at: number;
}

/** A topic that is watched, for its stream's recorder. */
export type WatchedTopic = Pick<HealthEntry, 'stream' | 'topic'>;

/** As `record` and `recordLag`, for one stream. */
export interface StreamRecorder {
  record(at: number, topic?: WatchedTopic): void;
  recordLag(sourceTimeMs: number, at: number, topic?: WatchedTopic): void;
  /** The topic, if it is watched: good until `unwatch`. */
  find(topic: string): WatchedTopic | undefined;
}

/**
 * Freshness of streams, and apart from it the liveness of what they come over: frames without data keep no stream
 * fresh, and the data of one stream says nothing of another. A stream or topic it was not told of is a `TypeError`.
 */
export interface HealthMonitor {
  /** A valid value arrived, at `at` (epoch ms, by default now); one older than the newest changes nothing. */
  record(stream: string, at?: number, topic?: string): void;
  /** A value that carries the time of its event arrived. Clocks differ, so only growth over the smallest lag lately counts. */
  recordLag(stream: string, sourceTimeMs: number, at?: number, topic?: string): void;
  /**
   * `record` and `recordLag` for one stream: ask once, not per message, and for a topic when it is watched. A value costs a
   * comparison or two and no look-up.
   */
  recorder(stream: string): StreamRecorder;
  /** A sign of life of the connection: any frame at all. */
  recordLiveness(at?: number): void;
  /** The connection is up, which is a sign of life too, or down. It counts as up at first. */
  setAlive(alive: boolean): void;
  /** Judges a topic by itself from now on; without a topic, the stream again after `unwatch`. Harmless if it is judged already. */
  watch(stream: string, topic?: string): void;
  /** Forgets a topic, unhealthy or not, without a `recovered`; without a topic, lets the stream's own verdict rest. */
  unwatch(stream: string, topic?: string): void;
  /** The changes of verdict, as they fall; replays nothing and never ends. */
  readonly changes$: Observable<HealthChange>;
  /** The streams in the order they were configured, each followed by the topics watched. */
  status(): readonly StreamHealth[];
  /** Whether the connection is alive and nothing that is watched is unhealthy. O(1). */
  isHealthy(): boolean;
  /** The last verdict; a topic that is not watched shares its stream's. */
  isStreamHealthy(stream: string, topic?: string): boolean;
  /** Judges from now on: what was silent before does not count. Harmless if it runs. */
  start(): void;
  /** Lets the verdicts rest and leaves no timer; a value still ends an unhealthy spell. */
  stop(): void;
}

/**
 * Watches streams for silence. A verdict falls exactly at its deadline:
 *
 *     record        --a-----b--------------c--
 *     staleAfterMs    ------|
 *                           ------|
 *     changes$      --------------u--------r--     u: unhealthy, r: recovered
 *
 * A value costs a look-up and a comparison, whatever the number of streams: one timer waits for the earliest deadline,
 * and only when it rings is it seen whether that has moved on. Before a verdict it looks once more, when what had already
 * arrived has been recorded (`settled`). Memory is bounded by the streams configured and the topics watched.
 *
 * @throws {RangeError} On creation, if an interval or a limit is not above 0.
 */
export function createHealthMonitor({
  streams,
  livenessMs = Infinity,
  autoStart = true,
  settled = EMPTY,
}: HealthMonitorConfig): HealthMonitor {
  requireAboveZero('livenessMs', livenessMs);
  const changes = new Subject<HealthChange>();
  let unhealthyCount = 0;
  let alive = true;
  let livenessAt = asyncScheduler.now();
  let running = false;

  const entries = new Map(
    Object.entries(streams).map(([stream, config]) => [stream, createHealthEntry(stream, undefined, config)]),
  );

  const entryOf = (stream: string): HealthEntry => {
    const entry = entries.get(stream);
    if (entry === undefined) throw new TypeError(`createHealthMonitor: no stream is called ${stream}`);
    return entry;
  };

  /** Streams in the order configured, each before its topics. */
  const rows = (): HealthEntry[] =>
    [...entries.values()].flatMap((entry) => [entry, ...entry.topics.values()]);

  const tell = (
    type: HealthChange['type'],
    { stream, topic }: HealthEntry,
    since: number,
    at: number,
  ): void =>
    changes.next({
      type,
      stream,
      ...(topic !== undefined && { topic }),
      silentMs: Math.max(0, at - since),
      since,
      at,
    });

  /** A stamp from the future, or a clock that was set back, must not put the verdict off. */
  const forgetFuture = (entry: HealthEntry, now: number): void => {
    entry.since = Math.min(entry.since, now);
    entry.lastAt = Math.min(entry.lastAt, now);
  };

  const isSilent = (entry: HealthEntry, now: number): boolean => {
    forgetFuture(entry, now);
    return silentSince(entry) + entry.staleAfterMs <= now;
  };

  const judge = (entry: HealthEntry, now: number): void => {
    if (!running || !entry.watched || !entry.healthy) return;
    if (!isSilent(entry, now)) {
      awaitValue(entry);
      return;
    }
    entry.healthy = false;
    unhealthyCount += 1;
    tell('unhealthy', entry, silentSince(entry), now);
  };

  /** Those that fell due together look once more together. */
  let suspects: { readonly at: number; readonly entries: HealthEntry[] } | undefined;
  let looks = new Subscription();

  const lookAgain = (entry: HealthEntry, now: number): void => {
    if (suspects?.at === now) {
      suspects.entries.push(entry);
      return;
    }
    const mine = { at: now, entries: [entry] };
    suspects = mine;
    const judgeThem = (): void => {
      if (suspects === mine) suspects = undefined;
      for (const each of mine.entries) judge(each, asyncScheduler.now());
    };
    // eslint-disable-next-line rxjs-x/no-ignored-error -- it must not
    looks.add(settled.pipe(take(1)).subscribe({ complete: judgeThem }));
  };

  const deadlines = createDeadlines<HealthEntry>((entry, now) =>
    isSilent(entry, now) ? lookAgain(entry, now) : awaitValue(entry),
  );

  const awaitValue = (entry: HealthEntry): void => {
    const { watched, healthy, allowSilence, staleAfterMs } = entry;
    if (running && watched && healthy && !allowSilence && staleAfterMs < Infinity) {
      deadlines.put(entry, silentSince(entry) + staleAfterMs);
    }
  };

  const stamp = (entry: HealthEntry, at: number): void => {
    if (!entry.healthy) recover(entry, at);
    else if (at > entry.lastAt) entry.lastAt = at;
  };
  const recover = (entry: HealthEntry, at: number): void => {
    const since = silentSince(entry);
    const now = asyncScheduler.now();
    entry.lastAt = Math.max(entry.lastAt, at);
    forgetFuture(entry, now);
    // A value so old that it would be stale already ends no silence.
    if (!(at + entry.staleAfterMs > now)) return;
    entry.healthy = true;
    unhealthyCount -= 1;
    awaitValue(entry);
    tell('recovered', entry, since, silentSince(entry));
  };

  const topicOf = ({ topics }: HealthEntry, topic: string | undefined): HealthEntry | undefined =>
    topic === undefined ? undefined : topics.get(topic);

  const record = (entry: HealthEntry, at: number, ofTopic: HealthEntry | undefined): void => {
    stamp(entry, at);
    if (ofTopic !== undefined) stamp(ofTopic, at);
  };

  const recordLag = (
    entry: HealthEntry,
    sourceTimeMs: number,
    at: number,
    ofTopic: HealthEntry | undefined,
  ): void => {
    const lagMs = at - sourceTimeMs;
    if (!Number.isFinite(lagMs)) return;
    trail(entry, lagMs, at);
    if (ofTopic !== undefined) trail(ofTopic, lagMs, at);
  };

  const start = (): void => {
    if (running) return;
    running = true;
    livenessAt = asyncScheduler.now();
    for (const entry of rows()) {
      if (entry.healthy) entry.since = livenessAt;
      forgetFuture(entry, livenessAt);
      awaitValue(entry);
    }
  };
  if (autoStart) start();

  return {
    record(stream, at = asyncScheduler.now(), topic) {
      const entry = entryOf(stream);
      record(entry, at, topicOf(entry, topic));
    },
    recordLag(stream, sourceTimeMs, at = asyncScheduler.now(), topic) {
      const entry = entryOf(stream);
      recordLag(entry, sourceTimeMs, at, topicOf(entry, topic));
    },
    recorder(stream) {
      const entry = entryOf(stream);
      return {
        record: (at, topic) => record(entry, at, topic as HealthEntry | undefined),
        recordLag: (sourceTimeMs, at, topic) =>
          recordLag(entry, sourceTimeMs, at, topic as HealthEntry | undefined),
        find: (topic) => entry.topics.get(topic),
      };
    },
    recordLiveness(at = asyncScheduler.now()) {
      if (at > livenessAt) livenessAt = at;
    },
    setAlive(value) {
      alive = value;
      if (alive) livenessAt = asyncScheduler.now();
    },
    watch(stream, topic) {
      const whole = entryOf(stream);
      const entry =
        topic === undefined
          ? whole
          : (whole.topics.get(topic) ?? createHealthEntry(stream, topic, whole.config));
      if (entry.watched) return;
      if (topic !== undefined) whole.topics.set(topic, entry);
      entry.watched = true;
      entry.since = asyncScheduler.now();
      forgetFuture(entry, entry.since);
      awaitValue(entry);
    },
    unwatch(stream, topic) {
      const whole = entryOf(stream);
      const entry = topic === undefined ? whole : whole.topics.get(topic);
      if (entry === undefined) return;
      if (topic !== undefined) whole.topics.delete(topic);
      if (!entry.healthy) unhealthyCount -= 1;
      entry.healthy = true;
      entry.watched = false;
      deadlines.remove(entry);
    },
    changes$: changes.asObservable(),
    status() {
      const now = asyncScheduler.now();
      return rows().map((entry) => toHealthRow(entry, now));
    },
    isHealthy() {
      // As with values: a sign of life from the future proves no more than one that came now.
      livenessAt = Math.min(livenessAt, asyncScheduler.now());
      return alive && unhealthyCount === 0 && (!running || asyncScheduler.now() - livenessAt < livenessMs);
    },
    isStreamHealthy(stream, topic) {
      const entry = entryOf(stream);
      return (topic === undefined ? entry : (entry.topics.get(topic) ?? entry)).healthy;
    },
    start,
    stop() {
      running = false;
      deadlines.clear();
      looks.unsubscribe();
      looks = new Subscription();
      suspects = undefined;
    },
  };
}
