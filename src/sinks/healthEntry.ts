import { asyncScheduler } from 'rxjs';
import type { Deadline } from './deadlines.js';
import type { WatchedTopics } from './watchedTopics.js';
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

/** What is known of a stream, or of a topic of it. */
export interface HealthEntry extends Deadline {
  readonly stream: string;
  readonly topic: string | undefined;
  readonly config: StreamHealthConfig;
  /** Infinity for no verdict. */
  readonly staleAfterMs: number;
  /** Those watched; made for the first, and a topic has none. */
  topics: WatchedTopics | undefined;
  watched: boolean;
  healthy: boolean;
  /** -Infinity before the first value. */
  lastAt: number;
  /** When watching began, or what it was put off to. */
  since: number;
  /** For how long its verdict was put off in the present silence; means nothing once a value came after `since`. */
  putOffMs: number;
  /** Made at the first lag, of which most streams tell none. */
  smallestLag: LowWater | undefined;
  /** NaN before the first. */
  lagMs: number;
}

const HOUR_MS = 3_600_000;

/** @throws {RangeError} If an interval or a limit is not above 0. */
export function createHealthEntry(
  stream: string,
  topic: string | undefined,
  config: StreamHealthConfig,
): HealthEntry {
  const {
    expectedIntervalMs = Infinity,
    staleAfterMs = 3 * expectedIntervalMs,
    lagWindowMs = HOUR_MS,
  } = config;
  requireAboveZero(`streams.${stream}.expectedIntervalMs`, expectedIntervalMs);
  requireAboveZero(`streams.${stream}.staleAfterMs`, staleAfterMs);
  requireAboveZero(`streams.${stream}.lagWindowMs`, lagWindowMs);
  return {
    stream,
    topic,
    config,
    staleAfterMs,
    topics: undefined,
    watched: topic === undefined,
    healthy: true,
    lastAt: -Infinity,
    since: asyncScheduler.now(),
    putOffMs: 0,
    smallestLag: undefined,
    lagMs: NaN,
    dueAt: Infinity,
    slot: -1,
  };
}

/** Where the present silence is measured from: one place less to write to for each value than if it were kept. */
export const silentSince = ({ since, lastAt }: HealthEntry): number => Math.max(since, lastAt);

/** Takes in how far event time trails arrival. */
export function trail(entry: HealthEntry, lagMs: number, at: number): void {
  entry.smallestLag ??= createLowWater(entry.config.lagWindowMs ?? HOUR_MS);
  entry.lagMs = lagMs - entry.smallestLag.note(lagMs, at);
}

export function toHealthRow(entry: HealthEntry, now: number): StreamHealth {
  const { stream, topic, config, healthy, lastAt, staleAfterMs, lagMs } = entry;
  return {
    stream,
    ...(topic !== undefined && { topic }),
    healthy,
    ...(lastAt > -Infinity && { lastAt }),
    ageMs: Math.max(0, now - silentSince(entry)),
    ...(staleAfterMs < Infinity && { staleAfterMs }),
    allowSilence: config.allowSilence ?? false,
    ...(!Number.isNaN(lagMs) && { lagMs }),
  };
}

export function requireAboveZero(option: string, value: number): void {
  if (!(value > 0)) throw new RangeError(`createHealthMonitor: ${option} must be above 0, got ${value}`);
}
