import { asyncScheduler } from 'rxjs';
import type { Outlet } from './outlet.js';
import { refOf } from './refOf.js';
import type { HealthChange } from './sinks/healthMonitor.js';
import type { HealthTable } from './sinks/healthTable.js';
import { createStaleRemedy, type OnStale, type StaleRemedy } from './sinks/staleRemedy.js';
import type { Reads } from './streams/afterReading.js';
import type { Connection } from './streams/connection.js';
import type { FeedEvent, TopicRef } from './streams/events.js';
import { ReconnectRequestedError } from './streams/failure.js';
import type { OpenSession } from './streams/session.js';
import {
  createSubscriptions,
  type SessionTopics,
  type Subscriptions,
  type SubscriptionsConfig,
} from './streams/subscriptions.js';
import type { Data } from './streams/transport.js';

/** As the feed's. */
export interface DemandConfig {
  readonly streams: Readonly<Record<string, { readonly onStale?: OnStale }>>;
  readonly subscriptions?: SubscriptionsConfig;
  readonly random?: () => number;
}

/** Whose streams they are. */
export interface DemandHooks extends Reads {
  readonly health: Pick<HealthTable, 'watch' | 'unwatch'>;
  readonly connection: Pick<Connection, 'drop'>;
  readonly outlets: ReadonlyMap<string, Pick<Outlet, 'hub'>>;
  encode(message: unknown): Data;
  /** Since when the connection is ready and being read, epoch ms; `undefined` if there is none, or reading is paused. */
  upSince(): number | undefined;
  /** What every event says: the connection in charge, and the time. */
  now(): { readonly generation: number; readonly at: number };
  tell(event: FeedEvent): void;
  onHookFailed(hook: string, error: unknown, generation?: number): void;
}

/**
 * What is listened to, and so wanted of the server and watched: a topic while somebody listens to it, and a stream always, but with
 * `subscriptions` only while it is listened to as a whole, since nobody asked for it before. Of what is watched and falls silent
 * it sees to the remedy.
 */
export class Demand {
  /** Absent where the server is asked for nothing. */
  readonly subscriptions: Subscriptions | undefined;
  private readonly remedies: StaleRemedy;

  constructor(
    { streams, subscriptions, random = Math.random }: DemandConfig,
    private readonly hooks: DemandHooks,
  ) {
    this.subscriptions = subscriptions && this.createSubscriptions(subscriptions, random);
    this.remedies = this.createRemedies(streams, random);
    if (this.isAsked) for (const name of Object.keys(streams)) hooks.health.unwatch(name);
  }

  /** The first has come who listens to the stream, or to a topic of it, which has this place. */
  open(stream: string, topic: string | undefined, place: number): void {
    if (topic !== undefined || this.isAsked) this.hooks.health.watch(stream, topic, place);
    this.subscriptions?.want(refOf(stream, topic));
  }

  /** The last one has left. */
  close(stream: string, topic: string | undefined): void {
    const ref = refOf(stream, topic);
    if (topic !== undefined || this.isAsked) {
      this.hooks.health.unwatch(stream, topic);
      this.remedies.forget(ref);
    }
    this.subscriptions?.unwant(ref);
  }

  /** Asks the server of a session for all of it; `onRefused` is told instead of its subscribers until the session takes charge. */
  join(
    { generation, port, socket, retired$ }: OpenSession,
    onRefused?: (topic: TopicRef, error: unknown) => void,
  ): SessionTopics | undefined {
    return this.subscriptions?.join({
      generation,
      over$: retired$,
      post: (message, onWritten) => {
        const data = this.hooks.encode(message);
        return port.send(() => {
          socket.send(data);
          onWritten();
        }, 'topics');
      },
      ...(onRefused && { onRefused }),
    });
  }

  /** A verdict of health changed. */
  hear(change: HealthChange): void {
    this.remedies.hear(change);
  }

  /** Remedies what is silent, from here on. */
  start(): void {
    this.remedies.start();
  }

  /** Leaves what is silent alone, and leaves no timer. */
  stop(): void {
    this.remedies.stop();
  }

  /** The server sends what it is asked for, and nothing else. */
  private get isAsked(): boolean {
    return this.subscriptions !== undefined;
  }

  private createSubscriptions(config: SubscriptionsConfig, random: () => number): Subscriptions {
    const { hooks } = this;
    return createSubscriptions(config, {
      random,
      reading: hooks,
      tell: (type, ref, generation) => hooks.tell({ type, ...ref, generation, at: asyncScheduler.now() }),
      onRefused: (ref, error) => {
        hooks.tell({ type: 'subscriptionRefused', ...ref, error, ...hooks.now() });
        hooks.outlets.get(ref.stream)?.hub.errorTopic(ref.topic, error);
      },
      onHookFailed: (hook, error, generation) => hooks.onHookFailed(hook, error, generation),
    });
  }

  private createRemedies(streams: DemandConfig['streams'], random: () => number): StaleRemedy {
    const { hooks, subscriptions } = this;
    const actions = Object.entries(streams).map(([name, { onStale = 'report' }]) => [name, onStale] as const);
    return createStaleRemedy(Object.fromEntries(actions), {
      ...(subscriptions && { resubscribe: (ref) => subscriptions.again(ref) }),
      reconnect: (reason) => hooks.connection.drop(new ReconnectRequestedError(reason)),
      upSince: () => hooks.upSince(),
      tell: (remedy) => hooks.tell({ type: 'remedy', ...remedy, ...hooks.now() }),
      onHookFailed: (error) => hooks.onHookFailed('onStale', error),
      random,
    });
  }
}
