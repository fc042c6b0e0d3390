import { asyncScheduler, EMPTY, type Observable, Subject, Subscription, take } from 'rxjs';
import { createDeadlines, type Deadline } from './deadlines.js';
import { createLowWater, type LowWater } from './lowWater.js';

/** What a stream, and each topic of it, owes. */
export interface StreamHealthConfig {
  /** Milliseconds from one value to the next, as a rule; `staleAfterMs` is three times this unless given. */
  readonly expectedIntervalMs?: number;
  /** Milliseconds without a value after which it is unhealthy. Without this and the other there is no verdict, only the age. */
  readonly staleAfterMs?: number;
  /** Silence means nothing here: never unhealthy. @default false */
  readonly allowSilence?: boolean;
  /**
   * Milliseconds for which the smallest lag of event time is remembered, for half as long at least. Clocks drift apart
   * (by 180 ms an hour, if left alone) and are set: the longer it is, the later that is got over; the shorter, the
   * sooner a lag that stays is taken for the rule. @default 3_600_000
   */
  readonly lagWindowMs?: number;
}

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

/** A row of the table. */
export interface StreamHealth {
  readonly stream: string;
  /** Absent for the stream as a whole. */
  readonly topic?: string;
  readonly healthy: boolean;
  /** Its last value, epoch ms; absent before the first. */
  readonly lastAt?: number;
  /** Milliseconds since its last value, or since watching began. */
  readonly ageMs: number;
  /** Absent if its age is not judged. */
  readonly staleAfterMs?: number;
  readonly allowSilence: boolean;
  /** How much further event time trails arrival than at its best lately, ms; absent before the first `recordLag`. */
  readonly lagMs?: number;
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

interface Entry extends Deadline {
  readonly stream: string;
  readonly topic: string | undefined;
  readonly config: StreamHealthConfig;
  /** Infinity for no verdict. */
  readonly staleAfterMs: number;
  readonly allowSilence: boolean;
  readonly topics: Map<string, Entry>;
  watched: boolean;
  healthy: boolean;
  /** -Infinity before the first value. */
  lastAt: number;
  /** Where the present silence is measured from. */
  since: number;
  readonly smallestLag: LowWater;
  lagMs: number | undefined;
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

  const createEntry = (stream: string, topic: string | undefined, config: StreamHealthConfig): Entry => {
    const {
      expectedIntervalMs = Infinity,
      staleAfterMs = 3 * expectedIntervalMs,
      allowSilence = false,
      lagWindowMs = 3_600_000,
    } = config;
    requireAboveZero(`streams.${stream}.expectedIntervalMs`, expectedIntervalMs);
    requireAboveZero(`streams.${stream}.staleAfterMs`, staleAfterMs);
    requireAboveZero(`streams.${stream}.lagWindowMs`, lagWindowMs);
    return {
      stream,
      topic,
      config,
      staleAfterMs,
      allowSilence,
      topics: new Map(),
      watched: topic === undefined,
      healthy: true,
      lastAt: -Infinity,
      since: asyncScheduler.now(),
      smallestLag: createLowWater(lagWindowMs),
      lagMs: undefined,
      dueAt: Infinity,
      slot: -1,
    };
  };
  const entries = new Map(
    Object.entries(streams).map(([stream, config]) => [stream, createEntry(stream, undefined, config)]),
  );

  const entryOf = (stream: string): Entry => {
    const entry = entries.get(stream);
    if (entry === undefined) throw new TypeError(`createHealthMonitor: no stream is called ${stream}`);
    return entry;
  };

  /** Streams in the order configured, each before its topics. */
  const rows = (): Entry[] => [...entries.values()].flatMap((entry) => [entry, ...entry.topics.values()]);

  const tell = (type: HealthChange['type'], { stream, topic }: Entry, since: number, at: number): void =>
    changes.next({
      type,
      stream,
      ...(topic !== undefined && { topic }),
      silentMs: Math.max(0, at - since),
      since,
      at,
    });

  const isSilent = (entry: Entry, now: number): boolean => {
    // A stamp from the future, or a clock that was set back, must not put the verdict off.
    entry.since = Math.min(entry.since, now);
    entry.lastAt = Math.min(entry.lastAt, now);
    return entry.since + entry.staleAfterMs <= now;
  };

  const judge = (entry: Entry, now: number): void => {
    if (!running || !entry.watched || !entry.healthy) return;
    if (!isSilent(entry, now)) {
      awaitValue(entry);
      return;
    }
    entry.healthy = false;
    unhealthyCount += 1;
    tell('unhealthy', entry, entry.since, now);
  };

  /** Those that fell due together look once more together. */
  let suspects: { readonly at: number; readonly entries: Entry[] } | undefined;
  let looks = new Subscription();

  const lookAgain = (entry: Entry, now: number): void => {
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

  const deadlines = createDeadlines<Entry>((entry, now) =>
    isSilent(entry, now) ? lookAgain(entry, now) : awaitValue(entry),
  );

  const awaitValue = (entry: Entry): void => {
    const { watched, healthy, allowSilence, since, staleAfterMs } = entry;
    if (running && watched && healthy && !allowSilence && staleAfterMs < Infinity) {
      deadlines.put(entry, since + staleAfterMs);
    }
  };

  const stamp = (entry: Entry, at: number): void => {
    const { since } = entry;
    if (at > entry.lastAt) entry.lastAt = at;
    if (at > since) entry.since = at;
    if (entry.healthy) return;
    const now = asyncScheduler.now();
    // A value so old that it would be stale already ends no silence.
    if (!(at + entry.staleAfterMs > now)) return;
    entry.healthy = true;
    // One from the future would put the next verdict off until then.
    entry.since = Math.min(at, now);
    unhealthyCount -= 1;
    awaitValue(entry);
    tell('recovered', entry, since, entry.since);
  };

  const start = (): void => {
    if (running) return;
    running = true;
    livenessAt = asyncScheduler.now();
    for (const entry of rows()) {
      if (entry.healthy) entry.since = livenessAt;
      awaitValue(entry);
    }
  };
  if (autoStart) start();

  return {
    record(stream, at = asyncScheduler.now(), topic) {
      const entry = entryOf(stream);
      stamp(entry, at);
      const ofTopic = topic === undefined ? undefined : entry.topics.get(topic);
      if (ofTopic !== undefined) stamp(ofTopic, at);
    },
    recordLag(stream, sourceTimeMs, at = asyncScheduler.now(), topic) {
      const entry = entryOf(stream);
      const lagMs = at - sourceTimeMs;
      if (!Number.isFinite(lagMs)) return;
      trail(entry, lagMs, at);
      const ofTopic = topic === undefined ? undefined : entry.topics.get(topic);
      if (ofTopic !== undefined) trail(ofTopic, lagMs, at);
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
        topic === undefined ? whole : (whole.topics.get(topic) ?? createEntry(stream, topic, whole.config));
      if (entry.watched) return;
      if (topic !== undefined) whole.topics.set(topic, entry);
      entry.watched = true;
      entry.since = asyncScheduler.now();
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
      return rows().map((entry) => toRow(entry, now));
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

function trail(entry: Entry, lagMs: number, at: number): void {
  entry.lagMs = lagMs - entry.smallestLag.note(lagMs, at);
}

function toRow(
  { stream, topic, healthy, lastAt, since, staleAfterMs, allowSilence, lagMs }: Entry,
  now: number,
): StreamHealth {
  return {
    stream,
    ...(topic !== undefined && { topic }),
    healthy,
    ...(lastAt > -Infinity && { lastAt }),
    ageMs: Math.max(0, now - since),
    ...(staleAfterMs < Infinity && { staleAfterMs }),
    allowSilence,
    ...(lagMs !== undefined && { lagMs }),
  };
}

function requireAboveZero(option: string, value: number): void {
  if (!(value > 0)) throw new RangeError(`createHealthMonitor: ${option} must be above 0, got ${value}`);
}
