import type { Observable } from 'rxjs';
import { type OptionNames, refuseUnknown } from '../operators/refuseUnknown.js';
import type { StreamHealth, StreamHealthConfig } from './healthEntry.js';
import { HealthTable } from './healthTable.js';

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

/** The place of a topic that is watched, for its stream's recorder. */
export type WatchedTopic = number;

/** As `record` and `recordLag`, for one stream. */
export interface StreamRecorder {
  /** A place where no topic is watched makes no difference. */
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
  /** A valid value arrived, at `at` (epoch ms, by default now); one older than the newest changes nothing, nor does NaN. */
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

const OPTIONS: OptionNames<HealthMonitorConfig> = {
  streams: true,
  livenessMs: true,
  autoStart: true,
  settled: true,
};

const STREAM_OPTIONS: OptionNames<StreamHealthConfig> = {
  expectedIntervalMs: true,
  staleAfterMs: true,
  allowSilence: true,
  lagWindowMs: true,
};

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
 * @throws {TypeError} On creation, if an option is misspelt.
 */
export function createHealthMonitor(config: HealthMonitorConfig): HealthMonitor {
  refuseUnknown('createHealthMonitor', config, OPTIONS);
  for (const [stream, options] of Object.entries(config.streams)) {
    refuseUnknown('createHealthMonitor', options, STREAM_OPTIONS, `streams.${stream}`);
  }
  const table = new HealthTable(config);
  return {
    record: (stream, at, topic) => table.record(stream, at, topic),
    recordLag: (stream, sourceTimeMs, at, topic) => table.recordLag(stream, sourceTimeMs, at, topic),
    recorder(stream) {
      const own = table.recorder(stream);
      return {
        record: (at, topic) => own.record(at, topic),
        recordLag: (sourceTimeMs, at, topic) => own.recordLag(sourceTimeMs, at, topic),
        find: (topic) => own.find(topic),
      };
    },
    recordLiveness: (at) => table.recordLiveness(at),
    setAlive: (alive) => table.setAlive(alive),
    watch: (stream, topic) => table.watch(stream, topic),
    unwatch: (stream, topic) => table.unwatch(stream, topic),
    changes$: table.changes$,
    status: () => table.status(),
    isHealthy: () => table.isHealthy(),
    isStreamHealthy: (stream, topic) => table.isStreamHealthy(stream, topic),
    start: () => table.start(),
    stop: () => table.stop(),
  };
}
