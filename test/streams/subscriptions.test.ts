import { noop, timer } from 'rxjs';
import {
  createSubscriptions,
  SubscriptionRefusedError,
  type TopicSession,
} from '../../src/streams/subscriptions.js';
import { book, btc, eth, topicScene } from './topicScene.js';

describe('subscriptions', () => {
  it(
    'REC-13 asks for every wanted topic once when a session joins, and again at the next',
    topicScene({}, ({ subscriptions, log, join }) => {
      subscriptions.want(btc);
      subscriptions.want(eth);
      expect(log).toStrictEqual([]);
      const first = join();
      expect(log).toStrictEqual([{ sub: [btc, eth] }]);
      first.leave();
      join();
      expect(log).toStrictEqual([{ sub: [btc, eth] }, { sub: [btc, eth] }]);
    }),
  );

  it(
    'SUB-05 asks for a topic once however often it is wanted, and gives it up once',
    topicScene({}, ({ subscriptions, log, join }) => {
      subscriptions.want(btc);
      subscriptions.want(btc);
      join();
      timer(1).subscribe(() => {
        subscriptions.unwant(btc);
        subscriptions.unwant(btc);
      });
      timer(2).subscribe(() => expect(log).toStrictEqual([{ sub: [btc] }, { unsub: [btc] }]));
    }),
  );

  it(
    'SUB-05 a topic given up more often than it was wanted is asked for all the same',
    topicScene({}, ({ subscriptions, log, join }) => {
      subscriptions.unwant(btc);
      subscriptions.unwant(btc);
      subscriptions.want(btc);
      join();
      expect(log).toStrictEqual([{ sub: [btc] }]);
    }),
  );

  it(
    'gathers the topics of one turn into one message, in batches',
    topicScene({ batch: 2 }, ({ subscriptions, log, join }) => {
      join();
      for (const ref of [btc, eth, book]) subscriptions.want(ref);
      expect(log).toStrictEqual([]);
      timer(0).subscribe(() => expect(log).toStrictEqual([{ sub: [btc, eth] }, { sub: [book] }]));
    }),
  );

  it(
    'SUB-02 gives up a topic that nobody wants any more, before it asks for another',
    topicScene({}, ({ subscriptions, log, told, join }) => {
      subscriptions.want(btc);
      join();
      subscriptions.want(eth);
      subscriptions.unwant(btc);
      timer(0).subscribe(() => {
        expect(log).toStrictEqual([{ sub: [btc] }, { unsub: [btc] }, { sub: [eth] }]);
        expect(told).toStrictEqual(['subscribing BTC@1', 'unsubscribed BTC@1', 'subscribing ETH@1']);
      });
    }),
  );

  it(
    'sends nothing for a topic that leaves and returns in one turn, or comes and goes',
    topicScene({}, ({ subscriptions, log, join }) => {
      subscriptions.want(btc);
      join();
      subscriptions.unwant(btc);
      subscriptions.want(btc);
      subscriptions.want(eth);
      subscriptions.unwant(eth);
      timer(0).subscribe(() => expect(log).toStrictEqual([{ sub: [btc] }]));
    }),
  );

  it('sends both for one that comes and goes with an await in between', async () => {
    const log: unknown[] = [];
    const subscriptions = createSubscriptions(
      { subscribe: (topics) => ({ sub: topics }), unsubscribe: (topics) => ({ unsub: topics }) },
      { tell: noop, onRefused: noop, onHookFailed: noop, random: () => 0.5 },
    );
    const post: TopicSession['post'] = (message, onWritten) => {
      log.push(message);
      onWritten();
      return true;
    };
    const topics = subscriptions.join({ generation: 1, post });
    subscriptions.want(btc);
    await Promise.resolve();
    subscriptions.unwant(btc);
    await Promise.resolve();
    topics.leave();

    expect(log).toStrictEqual([{ sub: [btc] }, { unsub: [btc] }]);
  });

  it(
    'SUB-09 does not give up on a new session what only the old one was asked for',
    topicScene({}, ({ subscriptions, log, join }) => {
      subscriptions.want(btc);
      const first = join();
      subscriptions.unwant(btc);
      first.leave();
      join();
      timer(0).subscribe(() => expect(log).toStrictEqual([{ sub: [btc] }]));
    }),
  );

  it(
    'keeps two sessions equal to what is wanted while both are joined',
    topicScene({ ack: () => undefined }, ({ subscriptions, told, join }) => {
      subscriptions.want(btc);
      const first = join();
      join();
      subscriptions.unwant(btc);
      subscriptions.want(eth);
      timer(1).subscribe(() => {
        first.leave();
        subscriptions.unwant(eth);
      });
      timer(2).subscribe(() =>
        expect(told).toStrictEqual([
          'subscribing BTC@1',
          'subscribing BTC@2',
          'unsubscribed BTC@1',
          'subscribing ETH@1',
          'unsubscribed BTC@2',
          'subscribing ETH@2',
          'unsubscribed ETH@2',
        ]),
      );
    }),
  );

  it(
    'resumes from the last sequence seen while the topic stays wanted',
    topicScene({}, ({ subscriptions, log, join }) => {
      for (const ref of [btc, eth, book]) subscriptions.want(ref);
      const first = join();
      for (const ref of [btc, eth, book]) subscriptions.saw(ref.stream, ref.topic, 41, 1);
      // Leaves and returns in one turn: goes on. Returns later: starts anew.
      subscriptions.unwant(btc);
      subscriptions.want(btc);
      subscriptions.unwant(eth);
      timer(1).subscribe(() => {
        subscriptions.want(eth);
        subscriptions.saw('trade', 'unheard of', 7, 1);
        first.leave();
        join();
        expect(log.at(-1)).toStrictEqual({
          sub: [{ ...book, lastSequence: 41 }, { ...btc, lastSequence: 41 }, eth],
        });
      });
    }),
  );

  it(
    'AUT-08 asks without a position once the positions are void',
    topicScene({}, ({ subscriptions, log, join }) => {
      subscriptions.want(btc);
      subscriptions.saw(btc.stream, btc.topic, 41, 1);
      subscriptions.forget();
      join();
      expect(log).toStrictEqual([{ sub: [btc] }]);
    }),
  );

  it(
    'AUT-08 takes no position of a connection whose positions are void, however late its values come',
    topicScene({}, ({ subscriptions, log, join }) => {
      subscriptions.want(btc);
      const first = join();
      subscriptions.saw(btc.stream, btc.topic, 41, 1);
      subscriptions.forget();
      subscriptions.saw(btc.stream, btc.topic, 42, 1); // it had waited in line
      first.leave();
      const second = join();
      expect(log.at(-1)).toStrictEqual({ sub: [btc] });
      subscriptions.saw(btc.stream, btc.topic, 7, 2);
      second.leave();
      join();
      expect(log.at(-1)).toStrictEqual({ sub: [{ ...btc, lastSequence: 7 }] });
    }),
  );

  it(
    'a topic refused by the session in charge is given up on the other one too',
    topicScene({}, ({ subscriptions, log, join }) => {
      subscriptions.want(btc);
      const first = join();
      join();
      first.hear({ ack: { topics: [btc], ok: false, error: 'delisted' } });
      timer(1).subscribe(() =>
        expect(log.slice(2)).toStrictEqual([
          ['SubscriptionRefusedError', 'BTC', 'delisted'],
          { unsub: [btc] },
        ]),
      );
    }),
  );

  it.each([
    [{ ackTimeoutMs: 0 }, 'ackTimeoutMs must be above 0 and at most 2147483647, got 0'],
    [{ ackTimeoutMs: 2 ** 31 }, 'ackTimeoutMs must be above 0 and at most 2147483647, got 2147483648'],
    [{ batch: 0 }, 'batch must be a whole number above 0, got 0'],
    [{ batch: 1.5 }, 'batch must be a whole number above 0, got 1.5'],
  ])('refuses %p', (wrong, message) => {
    expect(() => createWith(wrong)).toThrow(new RangeError(`subscriptions: ${message}`));
  });

  it.each(['subscribe', 'unsubscribe', 'ack'])('refuses a %s that is no function', (hook) => {
    expect(() => createWith({ [hook]: 1 })).toThrow(
      new TypeError(`subscriptions: ${hook} must be a function, got number`),
    );
  });

  it('names the topic in its error', () => {
    const error = new SubscriptionRefusedError('trade', 'BTC', { cause: 'x' });
    expect(error.message).toBe('subscription to trade/BTC was refused');
    expect(error).toMatchObject({
      name: 'SubscriptionRefusedError',
      stream: 'trade',
      topic: 'BTC',
      cause: 'x',
    });
    expect(new SubscriptionRefusedError('book', undefined, {}).message).toBe(
      'subscription to book was refused',
    );
  });

  it('wants a session whole', () => {
    // @ts-expect-error -- a session without a way out
    const wrong: TopicSession = { generation: 1 };
    expect(wrong).toBeDefined();
  });
});

const createWith = (wrong: object): unknown =>
  createSubscriptions(
    { subscribe: () => 0, unsubscribe: () => 0, ...wrong },
    { tell: () => undefined, onRefused: () => undefined, onHookFailed: () => undefined, random: () => 0 },
  );
