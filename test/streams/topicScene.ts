import { timer } from 'rxjs';
import type { TopicRef } from '../../src/streams/events.js';
import {
  type Ack,
  createSubscriptions,
  type SessionTopics,
  type Subscriptions,
  type SubscriptionsConfig,
  type TopicSession,
} from '../../src/streams/subscriptions.js';
import { marbles } from '../marbles.js';

export const btc: TopicRef = { stream: 'trade', topic: 'BTC' };
export const eth: TopicRef = { stream: 'trade', topic: 'ETH' };
export const book: TopicRef = { stream: 'book' };

export interface TopicScene {
  readonly subscriptions: Subscriptions;
  /** What was sent and told: messages as the hooks made them, the rest as an array. */
  readonly log: unknown[];
  /** What was told of the course of a topic, as `type topic@generation`. */
  readonly told: string[];
  /** Joins a session of the next generation whose outbox has always room and writes at once, unless told otherwise. */
  readonly join: (session?: Partial<TopicSession>) => SessionTopics;
}

/**
 * Reconciles in virtual time, where every draw is one half: equal jitter waits three quarters of the doubling delay. An
 * unanswered topic is asked for again without end, so every session leaves after an hour.
 */
export function topicScene(
  {
    ack = (message) => (message as { ack?: Ack }).ack,
    ...config
  }: Omit<Partial<SubscriptionsConfig>, 'ack'> & { readonly ack?: SubscriptionsConfig['ack'] | 'none' },
  body: (scene: TopicScene) => void,
): () => void {
  return marbles(({ flush }) => {
    const log: unknown[] = [];
    const told: string[] = [];
    let generation = 0;
    const subscriptions = createSubscriptions(
      {
        subscribe: (topics) => ({ sub: topics }),
        unsubscribe: (topics) => ({ unsub: topics }),
        ...(ack !== 'none' && { ack }),
        ...config,
      },
      {
        tell: (type, ref, of) => told.push(`${type} ${ref.topic ?? ref.stream}@${of}`),
        onRefused: (ref, error) => log.push([error.name, ref.topic, error.cause]),
        onHookFailed: (hook, error) => log.push([hook, error]),
        random: () => 0.5,
      },
    );
    body({
      subscriptions,
      log,
      told,
      join: (session = {}) => {
        const topics = subscriptions.join({
          generation: ++generation,
          post: (message, onWritten) => {
            log.push(message);
            onWritten();
            return true;
          },
          ...session,
        });
        timer(3_600_000).subscribe(() => topics.leave());
        return topics;
      },
    });
    flush();
  });
}
