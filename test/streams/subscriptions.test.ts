import { timer } from 'rxjs';
import type { TopicRef } from '../../src/streams/events.js';
import {
  type Ack,
  createSubscriptions,
  SubscriptionRefusedError,
  type Subscriptions,
  type SubscriptionsConfig,
} from '../../src/streams/subscriptions.js';
import { marbles } from '../marbles.js';

const btc: TopicRef = { stream: 'trade', topic: 'BTC' };
const eth: TopicRef = { stream: 'trade', topic: 'ETH' };
const book: TopicRef = { stream: 'book' };

/** Runs `body` in virtual time over a log of what was sent and told. */
const scene = (
  config: Partial<SubscriptionsConfig>,
  body: (subscriptions: Subscriptions, log: unknown[]) => void,
): (() => void) =>
  marbles(({ flush }) => {
    const log: unknown[] = [];
    const subscriptions = createSubscriptions(
      {
        subscribe: (topics) => ({ sub: topics }),
        unsubscribe: (topics) => ({ unsub: topics }),
        ack: (message) => (message as { ack?: Ack }).ack,
        ...config,
      },
      {
        send: (message) => log.push(message),
        tell: (type, ref) =>
          type.startsWith('sub') && type !== 'subscribed' ? undefined : log.push([type, ref.topic]),
        onRefused: (ref, error) => log.push([error.name, ref.topic, error.cause]),
        onHookFailed: (hook, error) => log.push([hook, error]),
      },
    );
    body(subscriptions, log);
    flush();
  });

describe('subscriptions', () => {
  it(
    'SUB-09 asks for every wanted topic once when connected, and again after a reconnect',
    scene({}, (subscriptions, log) => {
      subscriptions.want(btc);
      subscriptions.want(eth);
      expect(log).toStrictEqual([]);
      subscriptions.connected();
      expect(log).toStrictEqual([{ sub: [btc, eth] }]);
      subscriptions.disconnected();
      subscriptions.connected();
      expect(log).toStrictEqual([{ sub: [btc, eth] }, { sub: [btc, eth] }]);
    }),
  );

  it(
    'SUB-05 asks for a topic once however often it is wanted',
    scene({}, (subscriptions, log) => {
      subscriptions.want(btc);
      subscriptions.want(btc);
      subscriptions.connected();
      expect(log).toStrictEqual([{ sub: [btc] }]);
    }),
  );

  it(
    'gathers the topics of one turn into one message, in batches',
    scene({ batch: 2 }, (subscriptions, log) => {
      subscriptions.connected();
      for (const ref of [btc, eth, book]) subscriptions.want(ref);
      expect(log).toStrictEqual([]);
      timer(0).subscribe(() => expect(log).toStrictEqual([{ sub: [btc, eth] }, { sub: [book] }]));
    }),
  );

  it(
    'SUB-02 gives up a topic that nobody wants any more',
    scene({}, (subscriptions, log) => {
      subscriptions.want(btc);
      subscriptions.connected();
      subscriptions.unwant(btc);
      timer(0).subscribe(() =>
        expect(log).toStrictEqual([{ sub: [btc] }, { unsub: [btc] }, ['unsubscribed', 'BTC']]),
      );
    }),
  );

  it(
    'sends nothing for a topic that leaves and returns in one turn',
    scene({}, (subscriptions, log) => {
      subscriptions.want(btc);
      subscriptions.connected();
      subscriptions.unwant(btc);
      subscriptions.want(btc);
      timer(0).subscribe(() => expect(log).toStrictEqual([{ sub: [btc] }]));
    }),
  );

  it(
    'SUB-09 does not give up on a new connection what only the old one was asked for',
    scene({}, (subscriptions, log) => {
      subscriptions.want(btc);
      subscriptions.connected();
      subscriptions.unwant(btc);
      subscriptions.disconnected();
      subscriptions.connected();
      timer(0).subscribe(() => expect(log).toStrictEqual([{ sub: [btc] }]));
    }),
  );

  it(
    'SUB-06 confirms a topic by its ack only',
    scene({}, (subscriptions, log) => {
      subscriptions.want(btc);
      subscriptions.connected();
      expect(subscriptions.hear({ price: 1 })).toBe(false);
      expect(subscriptions.hear({ ack: { topics: [btc], ok: true } })).toBe(true);
      expect(subscriptions.hear({ ack: { topics: [btc], ok: true } })).toBe(true);
      expect(log).toStrictEqual([{ sub: [btc] }, ['subscribed', 'BTC']]);
    }),
  );

  it(
    'finds the topics of an ack that names only the request',
    scene({ subscribe: (topics, id) => ({ id, sub: topics }) }, (subscriptions, log) => {
      subscriptions.want(btc);
      subscriptions.connected();
      subscriptions.want(eth);
      timer(1).subscribe(() => {
        subscriptions.hear({ ack: { id: '2', ok: true } });
        expect(log).toStrictEqual([{ id: 1, sub: [btc] }, { id: 2, sub: [eth] }, ['subscribed', 'ETH']]);
      });
    }),
  );

  it(
    'says when an ack is overdue; data does not extend the deadline',
    scene({ ackTimeoutMs: 10 }, (subscriptions, log) => {
      subscriptions.want(btc);
      subscriptions.connected();
      timer(9).subscribe(() => subscriptions.saw(btc, 5));
      timer(9).subscribe(() => expect(log).toHaveLength(1));
      timer(11).subscribe(() => expect(log.slice(1)).toStrictEqual([['ackOverdue', 'BTC']]));
    }),
  );

  it(
    'a lost connection takes its ack deadlines with it',
    scene({ ackTimeoutMs: 10 }, (subscriptions, log) => {
      subscriptions.want(btc);
      subscriptions.connected();
      timer(5).subscribe(() => subscriptions.disconnected());
      timer(20).subscribe(() => expect(log).toStrictEqual([{ sub: [btc] }]));
    }),
  );

  it(
    'a refused topic is told and not asked for again',
    scene({}, (subscriptions, log) => {
      subscriptions.want(btc);
      subscriptions.want(eth);
      subscriptions.connected();
      subscriptions.hear({ ack: { topics: [btc], ok: false, error: 'no such symbol' } });
      subscriptions.disconnected();
      subscriptions.connected();
      expect(log).toStrictEqual([
        { sub: [btc, eth] },
        ['SubscriptionRefusedError', 'BTC', 'no such symbol'],
        { sub: [eth] },
      ]);
    }),
  );

  it(
    'resumes from the last sequence seen',
    scene({}, (subscriptions, log) => {
      subscriptions.want(btc);
      subscriptions.connected();
      subscriptions.saw(btc, 41);
      subscriptions.disconnected();
      subscriptions.connected();
      expect(log[1]).toStrictEqual({ sub: [{ ...btc, lastSequence: 41 }] });
    }),
  );

  it('without an ack rule a topic is confirmed by being asked for', () => {
    const told: unknown[] = [];
    const subscriptions = createSubscriptions(
      { subscribe: () => [1, 2], unsubscribe: () => 3 },
      {
        send: (message) => told.push(message),
        tell: (type) => told.push(type),
        onRefused: () => undefined,
        onHookFailed: () => undefined,
      },
    );
    subscriptions.want(book);
    subscriptions.connected();
    expect(told).toStrictEqual(['subscribing', 1, 2, 'subscribed']);
  });

  it.each([
    [{ ackTimeoutMs: 0 }, 'ackTimeoutMs must be above 0 and at most 2147483647, got 0'],
    [{ batch: 0 }, 'batch must be a whole number above 0, got 0'],
    [{ batch: 1.5 }, 'batch must be a whole number above 0, got 1.5'],
  ])('refuses %p', (wrong, message) => {
    const create = (): unknown =>
      createSubscriptions(
        { subscribe: () => 0, unsubscribe: () => 0, ...wrong },
        {
          send: () => undefined,
          tell: () => undefined,
          onRefused: () => undefined,
          onHookFailed: () => undefined,
        },
      );
    expect(create).toThrow(new RangeError(`subscriptions: ${message}`));
  });

  it('names the topic in its error', () => {
    expect(new SubscriptionRefusedError('trade', 'BTC', { cause: 'x' }).message).toBe(
      'subscription to trade/BTC was refused',
    );
  });
});
