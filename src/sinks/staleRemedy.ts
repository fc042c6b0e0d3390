import { asyncScheduler, noop } from 'rxjs';
import { backoff } from '../operators/backoff.js';
import type { TopicRef } from '../streams/events.js';
import { createDeadlines, type Deadline } from './deadlines.js';
import type { HealthChange } from './healthMonitor.js';

/** `report`: nothing is done. `resubscribe`: the topic is given up and asked for again. `reconnect`: a new connection. */
export type StaleAction = 'report' | 'resubscribe' | 'reconnect';

/** What is done about a stream, or a topic of it, that went stale, and how often at most. */
export interface StaleRemedyConfig {
  /** What to do; a function is asked before each attempt, counted from 1. If it throws, nothing is done that time. */
  readonly action: StaleAction | ((change: HealthChange, attempt: number) => StaleAction);
  /**
   * Milliseconds over which the first attempt is spread: every client of a server that fell silent sees it in the same
   * millisecond. 0 acts at once. @default 1_000
   */
  readonly spreadMs?: number;
  /** Milliseconds from the first attempt to the second, less up to half of it at random; then they double. @default 60_000 */
  readonly initialMs?: number;
  /** The longest of these waits, ms. @default 3_600_000 */
  readonly maxMs?: number;
  /** Reconnects in any hour, those that other streams asked for included; beyond that it waits. @default 6 */
  readonly maxPerHour?: number;
}

/** An action by itself comes with the default limits. */
export type OnStale = StaleRemedyConfig['action'] | StaleRemedyConfig;

/** An attempt that is being made. */
export interface Remedy extends TopicRef {
  readonly action: Exclude<StaleAction, 'report'>;
  /** Attempts in a row, this one included. */
  readonly attempt: number;
  /** If it does not help: milliseconds until the next. */
  readonly nextInMs: number;
}

export interface StaleRemedyHooks {
  /** Has the topic given up and asked for again; `false` if it is being asked for already. Absent: no stream can. */
  readonly resubscribe?: (ref: TopicRef) => boolean;
  readonly reconnect: (reason: string) => void;
  /** Since when the connection is ready and being read, epoch ms; `undefined` if there is none, or reading is paused. */
  readonly upSince: () => number | undefined;
  readonly tell: (remedy: Remedy) => void;
  /** The user's function threw, or chose what there is not. */
  readonly onHookFailed: (error: unknown) => void;
  /** A number in [0, 1). */
  readonly random: () => number;
}

export interface StaleRemedy {
  /** A verdict of health changed. */
  hear(change: HealthChange): void;
  /** Nobody listens to the topic any more, or to the stream as a whole. */
  forget(ref: TopicRef): void;
  /** Acts from now on. Harmless if it does. */
  start(): void;
  /** Lets everything rest and leaves no timer; what was tried is remembered. */
  stop(): void;
}

interface Plan extends Required<StaleRemedyConfig> {
  readonly delayMs: (attempt: number, previousMs: number) => number;
}

/** A stream or topic that is stale, or was. */
interface Patient extends Deadline {
  readonly plan: Plan;
  readonly ref: TopicRef;
  /** The verdict it is under; `undefined` while it is well. */
  illness: HealthChange | undefined;
  recoveredAt: number;
  /** In a row. */
  attempts: number;
  /** How long it was to wait when the deadline was set. */
  waitMs: number;
  /** The last attempt, and the least time to the next. */
  triedAt: number;
  spacingMs: number;
}

const HOUR_MS = 3_600_000;
const ACTIONS: readonly unknown[] = ['report', 'resubscribe', 'reconnect'];

/**
 * Does something about streams that went stale, within limits, because a quiet market looks no different from a frozen
 * server: after each attempt that did not help it waits twice as long. Nor does it take a value for a cure, as servers
 * send one on every subscription: the count starts again only after values have come for as long as it was to wait.
 *
 *     changes  --u-----------------r-u-----------     u: unhealthy, r: recovered
 *     tell     --1-----2-------------------3-----     initialMs 6, then 12, 24, … (without spread and jitter)
 *
 * While there is no connection, while reading is paused, and until a new connection is as old as the silence that
 * condemned the stream, it waits: that may be remedy enough. A reconnect counts as an attempt for all that are stale.
 *
 * @throws {RangeError | TypeError} On creation, if an option is wrong, or asks for what the hooks cannot do.
 */
export function createStaleRemedy(
  configs: Readonly<Record<string, OnStale>>,
  { resubscribe, reconnect, upSince, tell, onHookFailed, random }: StaleRemedyHooks,
): StaleRemedy {
  const plans = new Map<string, Plan>();
  const patients = new Map<string, Patient>();
  /** When it reconnected, no more of them than the largest `maxPerHour`. */
  let reconnects: number[] = [];
  let running = false;

  const checked = (action: unknown): StaleAction => {
    if (!ACTIONS.includes(action)) {
      throw new TypeError(`onStale: must be report, resubscribe or reconnect, got ${String(action)}`);
    }
    if (action === 'resubscribe' && resubscribe === undefined) {
      throw new TypeError('onStale: resubscribe needs subscriptions');
    }
    return action as StaleAction;
  };

  for (const [stream, config] of Object.entries(configs)) {
    const plan = toPlan(config, random);
    if (typeof plan.action !== 'function') checked(plan.action);
    if (plan.action !== 'report') plans.set(stream, plan);
  }
  if (plans.size === 0) return nothing;
  const mostPerHour = Math.max(0, ...[...plans.values()].map(({ maxPerHour }) => maxPerHour));

  const wait = (patient: Patient, ms: number): void => {
    if (!running) return;
    patient.waitMs = ms;
    deadlines.put(patient, asyncScheduler.now() + ms);
  };

  const count = (patient: Patient, now: number): void => {
    patient.spacingMs = Math.round(patient.plan.delayMs(patient.attempts, 0));
    patient.attempts += 1;
    patient.triedAt = now;
    wait(patient, patient.spacingMs);
  };

  /** How long until another reconnect is allowed. */
  const budgetInMs = (max: number, now: number): number => {
    // A clock that was set back must not put them off by as much.
    reconnects = reconnects.map((at) => Math.min(at, now)).filter((at) => now - at < HOUR_MS);
    return (reconnects.at(-max) ?? -Infinity) + HOUR_MS - now;
  };

  const chosen = ({ plan: { action }, attempts }: Patient, illness: HealthChange): StaleAction => {
    if (typeof action !== 'function') return action;
    try {
      return checked(action(illness, attempts + 1));
    } catch (error) {
      onHookFailed(error);
      return 'report';
    }
  };

  const treat = (patient: Patient, illness: HealthChange, now: number): void => {
    const { plan, ref } = patient;
    const action = chosen(patient, illness);
    if (action === 'report') {
      count(patient, now);
      return;
    }
    if (action === 'resubscribe') {
      if (resubscribe?.(ref) !== true) {
        wait(patient, plan.initialMs);
        return;
      }
      count(patient, now);
    } else {
      const waitMs = budgetInMs(plan.maxPerHour, now);
      if (waitMs > 0) {
        wait(patient, waitMs);
        return;
      }
      reconnects = [...reconnects, now].slice(-mostPerHour);
      for (const each of patients.values()) if (each.illness !== undefined) count(each, now);
    }
    tell({ action, ...ref, attempt: patient.attempts, nextInMs: patient.spacingMs });
    // Whoever was told may have closed the feed.
    if (action === 'reconnect' && running) reconnect(`${nameOf(ref)} silent for ${illness.silentMs} ms`);
  };

  const deadlines = createDeadlines<Patient>((patient, now) => {
    const { illness, plan, waitMs } = patient;
    if (illness === undefined) return;
    const openedAt = upSince();
    const graceMs = openedAt === undefined ? plan.initialMs : openedAt + illness.silentMs - now;
    // The clock was set back: the whole wait again.
    if (now < patient.dueAt) wait(patient, waitMs);
    else if (graceMs > 0) wait(patient, Math.min(graceMs, Math.max(illness.silentMs, plan.initialMs)));
    else treat(patient, illness, now);
  });

  const admit = (key: string, plan: Plan, { stream, topic }: HealthChange): Patient => {
    const patient: Patient = {
      plan,
      ref: topic === undefined ? { stream } : { stream, topic },
      illness: undefined,
      recoveredAt: -Infinity,
      attempts: 0,
      waitMs: 0,
      triedAt: -Infinity,
      spacingMs: 0,
      dueAt: Infinity,
      slot: -1,
    };
    patients.set(key, patient);
    return patient;
  };

  return {
    hear(change) {
      const plan = plans.get(change.stream);
      if (plan === undefined) return;
      const key = keyOf(change);
      const patient = patients.get(key) ?? admit(key, plan, change);
      if (change.type === 'recovered') {
        patient.illness = undefined;
        patient.recoveredAt = change.at;
        deadlines.remove(patient);
        return;
      }
      patient.illness = change;
      if (change.since - patient.recoveredAt >= patient.spacingMs) {
        patient.attempts = 0;
        patient.spacingMs = 0;
      }
      const spreadMs = Math.round(random() * plan.spreadMs);
      const restMs = Math.min(patient.triedAt, change.at) + patient.spacingMs - change.at;
      wait(patient, Math.max(spreadMs, restMs));
    },
    forget(ref) {
      const patient = patients.get(keyOf(ref));
      if (patient === undefined) return;
      deadlines.remove(patient);
      patients.delete(keyOf(ref));
    },
    start() {
      if (running) return;
      running = true;
      for (const patient of patients.values())
        if (patient.illness !== undefined) wait(patient, patient.plan.initialMs);
    },
    stop() {
      running = false;
      deadlines.clear();
    },
  };
}

/** What is done where every stream is only to be reported. */
const nothing: StaleRemedy = { hear: noop, forget: noop, start: noop, stop: noop };

function toPlan(config: OnStale, random: () => number): Plan {
  const {
    action,
    spreadMs = 1_000,
    initialMs = 60_000,
    maxMs = 3_600_000,
    maxPerHour = 6,
  } = typeof config === 'object' ? config : { action: config };
  if (!(spreadMs >= 0 && spreadMs < Infinity)) {
    throw new RangeError(`onStale: spreadMs must be a number, not negative, got ${spreadMs}`);
  }
  if (!(Number.isSafeInteger(maxPerHour) && maxPerHour > 0)) {
    throw new RangeError(`onStale: maxPerHour must be a whole number above 0, got ${maxPerHour}`);
  }
  const delayMs = backoff({ initialMs, maxMs, multiplier: 2, jitter: 'equal', random });
  return { action, spreadMs, initialMs, maxMs, maxPerHour, delayMs };
}

const keyOf = ({ stream, topic }: TopicRef): string => JSON.stringify([stream, topic]);

const nameOf = ({ stream, topic }: TopicRef): string => (topic === undefined ? stream : `${stream}/${topic}`);
