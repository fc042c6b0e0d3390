import { asyncScheduler, EMPTY, mergeMap, NEVER, noop, type Observable, of, throwError, timer } from 'rxjs';
import {
  type Ack,
  createSubscriptions,
  type SessionTopics,
  type WantedTopic,
} from '../../src/streams/subscriptions.js';
import { marbles } from '../marbles.js';
import { book, btc, eth, type TopicScene, topicScene } from './topicScene.js';

const ok = (ack: Partial<Ack>): unknown => ({ ack: { ok: true, ...ack } });
const no = (ack: Partial<Ack>): unknown => ({ ack: { ok: false, error: 'no', ...ack } });
const withId = {
  subscribe: (topics: unknown, id: number) => ({ id, ask: topics }),
  unsubscribe: (topics: unknown, id: number) => ({ id, drop: topics }),
};
/** An outbox that lets a message leave when told to. */
const paced = () => {
  const waiting: (() => void)[] = [];
  const posted: unknown[] = [];
  return {
    posted,
    write: () => waiting.shift()?.(),
    post: (message: unknown, onWritten: () => void) => {
      posted.push(message);
      waiting.push(onWritten);
      return true;
    },
  };
};

describe('the acks of a session', () => {
  it(
    'SUB-06 confirm a topic, once; nothing else does',
    topicScene({}, ({ subscriptions, told, join }) => {
      subscriptions.want(btc);
      const topics = join();
      expect(topics.hear({ price: 1 })).toBe(false);
      subscriptions.saw(btc.stream, btc.topic, 1, 1);
      expect(told).toStrictEqual(['subscribing BTC@1']);
      expect(topics.hear(ok({ topics: [btc, eth] }))).toBe(true);
      expect(topics.hear(ok({ topics: [btc] }))).toBe(true);
      expect(told).toStrictEqual(['subscribing BTC@1', 'subscribed BTC@1']);
    }),
  );

  it(
    'answer a batch topic by topic',
    topicScene({}, ({ subscriptions, log, told, join }) => {
      for (const ref of [btc, eth, book]) subscriptions.want(ref);
      const topics = join();
      topics.hear(no({ topics: [eth] }));
      topics.hear(ok({ topics: [book] }));
      topics.hear(ok({ topics: [btc] }));
      expect(told.slice(3)).toStrictEqual(['subscribed book@1', 'subscribed BTC@1']);
      expect(log.slice(1)).toStrictEqual([['SubscriptionRefusedError', 'ETH', 'no']]);
    }),
  );

  it(
    'are found by the id of the request alone',
    topicScene({ ...withId, batch: 1 }, ({ subscriptions, told, join }) => {
      subscriptions.want(btc);
      subscriptions.want(eth);
      const topics = join();
      topics.hear(ok({ id: '2' }));
      topics.hear(ok({ id: 'unheard of' }));
      expect(told.slice(2)).toStrictEqual(['subscribed ETH@1']);
    }),
  );

  it(
    'are found by topic where every one carries the same id',
    topicScene({ ...withId, batch: 1 }, ({ subscriptions, log, told, join }) => {
      for (const ref of [btc, eth, book]) subscriptions.want(ref);
      const topics = join();
      topics.hear(ok({ id: 1, topics: [btc] }));
      topics.hear(ok({ id: 1, topics: [eth] }));
      topics.hear(no({ id: 1, topics: [book] }));
      expect(told.slice(3)).toStrictEqual(['subscribed BTC@1', 'subscribed ETH@1']);
      expect(log.at(-1)).toStrictEqual(['SubscriptionRefusedError', undefined, 'no']);
    }),
  );

  it(
    'of an unsubscribe change nothing, told apart by `of` or by its id',
    topicScene(withId, ({ subscriptions, told, join }) => {
      subscriptions.want(btc);
      const topics = join();
      subscriptions.unwant(btc);
      timer(1).subscribe(() => subscriptions.want(btc));
      timer(2).subscribe(() => {
        expect(topics.hear(ok({ topics: [btc], of: 'unsubscribe' }))).toBe(true);
        expect(topics.hear(ok({ topics: [btc], id: 2 }))).toBe(true);
        expect(told).toStrictEqual(['subscribing BTC@1', 'unsubscribed BTC@1', 'subscribing BTC@1']);
      });
    }),
  );

  it(
    'may come before the message is said to have left',
    topicScene({}, ({ subscriptions, told, join }) => {
      const topics = join({
        post: (_message, onWritten) => {
          topics.hear(ok({ topics: [btc] }));
          onWritten();
          return true;
        },
      });
      subscriptions.want(btc);
      timer(60_000).subscribe(() => expect(told).toStrictEqual(['subscribing BTC@1', 'subscribed BTC@1']));
    }),
  );

  it(
    'change nothing after the session has left, and are acks all the same',
    topicScene({}, ({ subscriptions, log, told, join }) => {
      subscriptions.want(btc);
      const topics = join();
      topics.leave();
      topics.leave();
      expect(topics.hear(ok({ topics: [btc] }))).toBe(true);
      expect(topics.hear(no({ topics: [btc] }))).toBe(true);
      expect(log).toStrictEqual([{ sub: [btc] }]);
      expect(told).toStrictEqual(['subscribing BTC@1']);
    }),
  );

  it(
    'are no acks where the rule for them throws, which is told',
    topicScene({ ack: () => JSON.parse('') as Ack }, ({ log, join }) => {
      expect(join().hear({})).toBe(false);
      expect(log).toStrictEqual([['subscriptions.ack', expect.objectContaining({ name: 'SyntaxError' })]]);
    }),
  );

  it.each([
    ['a promise', Promise.resolve(undefined), 'subscriptions.ack must be synchronous, got a promise'],
    ['true', true, 'what subscriptions.ack yields must have topics, a list of them, or an id'],
    [
      'one topic',
      { ok: true, topics: btc },
      'what subscriptions.ack yields must have topics, a list of them, or an id',
    ],
  ])('are no acks where the rule for them yields %s, which is told', (_what, yielded, message) =>
    topicScene({ ack: () => yielded as never }, ({ log, join }) => {
      expect(join().hear('data')).toBe(false);
      expect(log).toStrictEqual([['subscriptions.ack', new TypeError(message)]]);
    })(),
  );

  it.each([undefined, null, false] as const)('are not what the rule for them yields %s for', (nothing) =>
    topicScene({ ack: () => nothing }, ({ subscriptions, told, join }) => {
      subscriptions.want(btc);
      expect(join().hear('data')).toBe(false);
      expect(told).toStrictEqual(['subscribing BTC@1']);
    })(),
  );

  it(
    'are not waited for where there is no message to answer',
    topicScene({ subscribe: () => undefined, ackTimeoutMs: 5_000 }, ({ subscriptions, told, join }) => {
      subscriptions.want(btc);
      const topics = join();
      expect(told).toStrictEqual(['subscribing BTC@1', 'subscribed BTC@1']);
      topics.settled$.subscribe({ complete: () => told.push('settled') });
      timer(5_001).subscribe(() => expect(told.slice(2)).toStrictEqual(['settled']));
    }),
  );

  it(
    'are not waited for without a rule for them: a topic is confirmed when its message has left',
    topicScene({ ack: 'none' }, ({ subscriptions, told, join }) => {
      const box = paced();
      subscriptions.want(btc);
      const topics = join({ post: box.post });
      expect(told).toStrictEqual(['subscribing BTC@1']);
      box.write();
      expect(told).toStrictEqual(['subscribing BTC@1', 'subscribed BTC@1']);
      expect(topics.hear(ok({ topics: [btc] }))).toBe(false);
      timer(100_000).subscribe(() => expect(told).toHaveLength(2));
    }),
  );
});

describe('a refusal', () => {
  it(
    'SUB-08 is told to the subscribers of its topic, which is not asked for again',
    topicScene({}, ({ subscriptions, log, join }) => {
      subscriptions.want(btc);
      subscriptions.want(eth);
      const first = join();
      first.hear(no({ topics: [btc], error: 'no such symbol' }));
      timer(100_000).subscribe(() => {
        first.leave();
        join();
        expect(log.filter((entry) => JSON.stringify(entry).includes('BTC'))).toStrictEqual([
          { sub: [btc, eth] },
          ['SubscriptionRefusedError', 'BTC', 'no such symbol'],
        ]);
      });
    }),
  );

  it(
    'SUB-10 is no reason to give the topic up',
    topicScene({}, ({ subscriptions, log, join }) => {
      subscriptions.want(btc);
      const topics = join();
      topics.hear(no({ topics: [btc] }));
      subscriptions.unwant(btc);
      timer(1).subscribe(() => expect(log).toHaveLength(2));
    }),
  );

  it.each([
    ['by id', { id: 1 }],
    ['by id and topic', { id: 1, topics: [btc] }],
    ['by topic alone', { topics: [btc] }],
  ])('SUB-09 of an earlier ask never hits a newer one: %s', (_how, earlier) =>
    topicScene(withId, ({ subscriptions, log, told, join }) => {
      subscriptions.want(btc);
      const topics = join();
      timer(1).subscribe(() => subscriptions.unwant(btc));
      timer(2).subscribe(() => subscriptions.want(btc));
      timer(3).subscribe(() => {
        topics.hear(no(earlier));
        // With an id, a repeated one neither.
        if ('id' in earlier) topics.hear(no(earlier));
        expect(log).toHaveLength(3);
        topics.hear(ok({ topics: [btc] }));
        expect(told.at(-1)).toBe('subscribed BTC@1');
      });
    })(),
  );

  it(
    'of a topic that nobody wants any more is told to nobody',
    topicScene({}, ({ subscriptions, log, join }) => {
      const box = paced();
      subscriptions.want(btc);
      const topics = join({ post: box.post });
      box.write();
      subscriptions.unwant(btc);
      topics.hear(no({ topics: [btc] }));
      timer(1).subscribe(() => {
        expect(log).toStrictEqual([]);
        expect(box.posted).toHaveLength(1);
      });
    }),
  );

  it(
    'of a topic whose earlier ask may have been taken is followed by giving it up',
    topicScene({ ackTimeoutMs: 10 }, ({ subscriptions, log, join }) => {
      subscriptions.want(btc);
      const topics = join();
      timer(25).subscribe(() => topics.hear(no({ topics: [btc] })));
      timer(26).subscribe(() =>
        expect(log).toStrictEqual([
          { sub: [btc] },
          { sub: [btc] },
          ['SubscriptionRefusedError', 'BTC', 'no'],
          { unsub: [btc] },
        ]),
      );
    }),
  );

  it(
    'on a session that is not in charge is told there, and to the subscribers once it takes charge',
    topicScene({}, ({ subscriptions, log, join }) => {
      const here: unknown[] = [];
      subscriptions.want(btc);
      subscriptions.want(eth);
      const first = join();
      first.hear(ok({ topics: [btc, eth] }));
      const next = join({ onRefused: ({ topic }) => here.push(topic) });
      next.hear(no({ topics: [btc] }));
      expect([here, log.length]).toStrictEqual([['BTC'], 2]);
      next.takeCharge();
      next.takeCharge();
      next.hear(no({ topics: [eth] }));
      expect(here).toStrictEqual(['BTC']);
      expect(log.slice(2)).toStrictEqual([
        ['SubscriptionRefusedError', 'BTC', 'no'],
        ['SubscriptionRefusedError', 'ETH', 'no'],
      ]);
    }),
  );

  it(
    'may make its listener leave: the rest of the answer then changes nothing',
    topicScene(withId, ({ subscriptions, join }) => {
      const here: unknown[] = [];
      for (const ref of [btc, eth]) subscriptions.want(ref);
      const topics = join({
        onRefused: ({ topic }) => {
          here.push(topic);
          topics.leave();
        },
      });
      topics.hear(no({ id: 1 }));
      expect(here).toStrictEqual(['BTC']);
    }),
  );

  /** A scene that notes when topics are asked for. */
  const asking = (
    body: (
      scene: TopicScene & { readonly asked: string[]; readonly at: (ms: number, act: () => void) => void },
    ) => void,
  ): (() => void) => {
    const asked: string[] = [];
    const subscribe = (topics: readonly WantedTopic[]): string => {
      asked.push(`${asyncScheduler.now()} ${topics.map(({ topic }) => topic).join()}`);
      return 'sub';
    };
    const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);
    return topicScene({ subscribe }, (scene) => body({ ...scene, asked, at }));
  };

  it(
    'a topic wanted anew after it is asked for anew, later each time that it is refused',
    asking(({ subscriptions, join, asked, at }) => {
      subscriptions.want(btc);
      subscriptions.want(eth);
      const topics = join();
      topics.hear(ok({ topics: [eth] }));
      const again = (): void => {
        topics.hear(no({ topics: [btc] }));
        subscriptions.want(btc);
      };
      for (const ms of [0, 800, 2_400]) at(ms, again);
      at(9_000, () => expect(asked).toStrictEqual(['0 BTC,ETH', '750 BTC', '2300 BTC', '5400 BTC']));
      expect.assertions(1);
    }),
  );

  it(
    'a topic given up and wanted anew meanwhile waits for the same moment, once',
    asking(({ subscriptions, join, asked, at }) => {
      subscriptions.want(btc);
      join().hear(no({ topics: [btc] }));
      for (const ms of [100, 300, 500]) {
        at(ms, () => subscriptions.want(btc));
        at(ms + 100, () => subscriptions.unwant(btc));
      }
      at(700, () => subscriptions.want(btc));
      at(751, () => expect(asked).toStrictEqual(['0 BTC', '750 BTC']));
      expect.assertions(1);
    }),
  );

  it(
    'a topic that nobody wants any more is not asked for when the wait is over, and then at once',
    asking(({ subscriptions, join, asked, at }) => {
      subscriptions.want(btc);
      const topics = join();
      topics.hear(no({ topics: [btc] }));
      subscriptions.want(btc);
      at(100, () => subscriptions.unwant(btc));
      at(1_000, () => subscriptions.want(btc));
      at(1_001, () => {
        topics.hear(no({ topics: [btc] }));
        subscriptions.want(btc);
      });
      at(1_800, () => expect(asked).toStrictEqual(['0 BTC', '1000 BTC', '1751 BTC']));
      expect.assertions(1);
    }),
  );

  it(
    'topics refused together, and wanted anew, are asked for in one message again',
    asking(({ subscriptions, join, asked, at }) => {
      for (const ref of [btc, eth]) subscriptions.want(ref);
      const topics = join();
      const again = (): void => {
        topics.hear(no({ topics: [btc, eth] }));
        for (const ref of [btc, eth]) subscriptions.want(ref);
      };
      for (const ms of [0, 800]) at(ms, again);
      at(3_000, () => expect(asked).toStrictEqual(['0 BTC,ETH', '750 BTC,ETH', '2300 BTC,ETH']));
      expect.assertions(1);
    }),
  );

  it(
    'a topic that is refused while its message leaves waits as well',
    marbles(({ flush }) => {
      const asked: number[] = [];
      const subscriptions = createSubscriptions(
        {
          subscribe: () => asked.push(asyncScheduler.now()),
          unsubscribe: () => 'unsub',
          ack: (message) => message as Ack,
        },
        {
          ...{ tell: noop, onHookFailed: noop, random: () => 0.5 },
          onRefused: (ref) => asked.length < 5 && subscriptions.want(ref),
        },
      );
      const topics: SessionTopics = subscriptions.join({
        generation: 1,
        post: (_message, onWritten) => {
          topics.hear({ topics: [btc], ok: false });
          onWritten();
          return true;
        },
      });
      subscriptions.want(btc);
      flush();

      expect(asked).toStrictEqual([0, 750, 2_250, 5_250, 11_250]);
    }),
  );

  it(
    'a topic given up while it waits, whose message is under way as it is wanted anew, waits as well',
    asking(({ subscriptions, join, asked, at }) => {
      subscriptions.want(btc);
      const leaving: (() => void)[] = [];
      const topics = join({ post: (_message, onWritten) => leaving.push(onWritten) > 0 });
      leaving.shift()?.();
      // Overdue at 10 s, asked for again, and refused: the server may still hold what was asked for first.
      at(20_000, () => {
        leaving.shift()?.();
        topics.hear(no({ topics: [btc] }));
        subscriptions.want(btc);
      });
      at(20_010, () => subscriptions.unwant(btc));
      at(20_020, () => subscriptions.want(btc));
      at(20_030, () => leaving.shift()?.());
      at(20_700, () => expect(asked).toHaveLength(2));
      at(20_760, () => expect(asked[2]).toBe('20750 BTC'));
      expect.assertions(2);
    }),
  );

  it.each([
    ['before', 5],
    ['while', 15],
    ['after', 25],
  ])('a topic waits as well whose giving up fails %s it is wanted anew', (_when, failsAtMs) => {
    const asked: number[] = [];
    topicScene(
      {
        subscribe: () => asked.push(asyncScheduler.now()),
        unsubscribe: () => timer(failsAtMs).pipe(mergeMap(() => throwError(() => new Error('no')))),
        ackTimeoutMs: 100,
      },
      ({ subscriptions, join }) => {
        subscriptions.want(btc);
        // Overdue at 100, asked for again, and refused: the server may still hold what was asked for first.
        const topics = join();
        timer(176).subscribe(() => {
          topics.hear(no({ topics: [btc] }));
          subscriptions.want(btc);
        });
        timer(180).subscribe(() => subscriptions.unwant(btc));
        timer(190).subscribe(() => subscriptions.want(btc));
        timer(200).subscribe(() => subscriptions.unwant(btc));
        timer(210).subscribe(() => subscriptions.want(btc));
        timer(930).subscribe(() => {
          topics.leave();
          expect(asked).toStrictEqual([0, 75 + 100, 750 + 176]);
        });
      },
    )();
    expect.assertions(1);
  });

  it(
    'a topic that was confirmed since is asked for at once, and waits as at first when it is refused again',
    asking(({ subscriptions, join, asked, at }) => {
      subscriptions.want(btc);
      const topics = join();
      topics.hear(no({ topics: [btc] }));
      subscriptions.want(btc);
      at(760, () => topics.hear(ok({ topics: [btc] })));
      at(770, () => subscriptions.unwant(btc));
      at(780, () => subscriptions.want(btc));
      at(790, () => {
        topics.hear(no({ topics: [btc] }));
        subscriptions.want(btc);
      });
      at(1_600, () => expect(asked).toStrictEqual(['0 BTC', '750 BTC', '780 BTC', '1540 BTC']));
      expect.assertions(1);
    }),
  );

  it(
    'a topic waits on the next connection as well, and the others do not wait for it',
    asking(({ subscriptions, join, asked, at }) => {
      subscriptions.want(btc);
      const first = join();
      first.hear(no({ topics: [btc] }));
      first.leave();
      subscriptions.want(btc);
      subscriptions.want(eth);
      at(10, () => {
        const next = join({ onRefused: () => undefined });
        let isSettled = false;
        next.settled$.subscribe({ complete: () => (isSettled = true) });
        next.hear(ok({ topics: [eth] }));
        expect(isSettled).toBe(true);
      });
      at(751, () => expect(asked).toStrictEqual(['0 BTC', '10 ETH', '750 BTC']));
      expect.assertions(2);
    }),
  );
});

describe('an answer that the position is void', () => {
  it(
    'AUT-08 has the topic asked for again without it: at once, and if that fails too with a backoff',
    topicScene({ ackTimeoutMs: 1_000 }, ({ subscriptions, log, told, join }) => {
      const restart = no({ topics: [btc], restart: true });
      subscriptions.want(btc);
      subscriptions.want(eth);
      subscriptions.saw(btc.stream, btc.topic, 41, 1);
      subscriptions.saw(eth.stream, eth.topic, 7, 1);
      const topics = join();
      topics.hear(ok({ topics: [eth] }));
      topics.hear(restart);
      expect(log).toStrictEqual([
        {
          sub: [
            { ...btc, lastSequence: 41 },
            { ...eth, lastSequence: 7 },
          ],
        },
        { sub: [btc] },
      ]);
      topics.hear(restart);
      subscriptions.saw(btc.stream, btc.topic, 42, 2); // by another session
      timer(1_499).subscribe(() => expect(log).toHaveLength(2));
      timer(1_501).subscribe(() => {
        expect(log.slice(2)).toStrictEqual([{ sub: [btc] }]);
        topics.hear(ok({ topics: [btc] }));
        expect(told.at(-1)).toBe('subscribed BTC@1');
      });
    }),
  );
});

describe('an overdue ack', () => {
  it(
    'SUB-08 is told at the deadline, which data does not move, and has the topic asked for again with a backoff',
    topicScene({ ackTimeoutMs: 10_000 }, ({ subscriptions, log, told, join }) => {
      subscriptions.want(btc);
      const topics = join();
      timer(9_999).subscribe(() => {
        subscriptions.saw(btc.stream, btc.topic, 5, 1);
        expect(told).toStrictEqual(['subscribing BTC@1']);
      });
      timer(10_000).subscribe(() => expect(told.at(-1)).toBe('ackOverdue BTC@1'));
      // Three quarters of 10, 20, 40, 60, 60 s after each deadline.
      const asked = [0, 17_500, 42_500, 82_500, 137_500, 192_500];
      asked.forEach((ms, count) => {
        timer(ms + 1).subscribe(() => expect(log).toHaveLength(count + 1));
        if (ms > 0) timer(ms - 1).subscribe(() => expect(log).toHaveLength(count));
      });
      timer(192_502).subscribe(() => {
        expect(log.at(-1)).toStrictEqual({ sub: [{ ...btc, lastSequence: 5 }] });
        topics.hear(ok({ topics: [btc] }));
      });
      timer(400_000).subscribe(() => expect(log).toHaveLength(6));
    }),
  );

  it.each([{ id: 1 }, { topics: [btc] }])('SUB-06 still counts when it comes late: %j', (named) =>
    topicScene({ ...withId, ackTimeoutMs: 10_000 }, ({ subscriptions, log, told, join }) => {
      subscriptions.want(btc);
      const topics = join();
      timer(10_300).subscribe(() => topics.hear(ok(named)));
      timer(100_000).subscribe(() => {
        expect(told).toStrictEqual(['subscribing BTC@1', 'ackOverdue BTC@1', 'subscribed BTC@1']);
        expect(log).toHaveLength(1);
      });
    })(),
  );

  it(
    'is measured from when the last message has left',
    topicScene({ subscribe: () => ['one', 'two'], ackTimeoutMs: 10 }, ({ subscriptions, told, join }) => {
      const box = paced();
      subscriptions.want(btc);
      join({ post: box.post });
      timer(50).subscribe(box.write);
      timer(100).subscribe(box.write);
      timer(109).subscribe(() => expect(told).toHaveLength(1));
      timer(111).subscribe(() => expect(told.at(-1)).toBe('ackOverdue BTC@1'));
    }),
  );

  it(
    'of a topic that nobody wants any more, or of a session that left, is told to nobody',
    topicScene({ ackTimeoutMs: 10 }, ({ subscriptions, log, told, join }) => {
      subscriptions.want(btc);
      subscriptions.want(eth);
      const topics = join();
      subscriptions.unwant(btc);
      timer(5).subscribe(() => topics.leave());
      timer(500).subscribe(() => {
        expect(log).toHaveLength(2);
        expect(told).not.toContain('ackOverdue BTC@1');
        expect(told).not.toContain('ackOverdue ETH@1');
      });
    }),
  );

  it(
    'of several topics has them asked for again in one message',
    topicScene({ ackTimeoutMs: 10 }, ({ subscriptions, log, join }) => {
      for (const ref of [btc, eth, book]) subscriptions.want(ref);
      const topics = join();
      topics.hear(ok({ topics: [eth] }));
      timer(19).subscribe(() => expect(log.slice(1)).toStrictEqual([{ sub: [btc, book] }]));
    }),
  );
});

describe('a message that has not left yet', () => {
  it(
    'SUB-10 keeps its topic from being given up before, or twice',
    topicScene({}, ({ subscriptions, told, join }) => {
      const box = paced();
      subscriptions.want(btc);
      join({ post: box.post });
      subscriptions.unwant(btc);
      timer(1).subscribe(() => subscriptions.want(btc));
      timer(2).subscribe(() => subscriptions.unwant(btc));
      timer(3).subscribe(() => {
        expect(box.posted).toStrictEqual([{ sub: [btc] }]);
        box.write();
        expect(box.posted).toStrictEqual([{ sub: [btc] }, { unsub: [btc] }]);
      });
      timer(4).subscribe(() => subscriptions.want(btc));
      timer(5).subscribe(() => {
        expect(box.posted).toHaveLength(2);
        box.write();
        expect(box.posted.slice(2)).toStrictEqual([{ sub: [btc] }]);
        expect(told).toStrictEqual(['subscribing BTC@1', 'unsubscribed BTC@1', 'subscribing BTC@1']);
      });
    }),
  );

  it(
    'is offered again where there was no room for it, and nothing further is made meanwhile',
    topicScene({ batch: 1 }, ({ subscriptions, log, join }) => {
      const posted: unknown[] = [];
      let hasRoom = false;
      for (const ref of [btc, eth, book]) subscriptions.want(ref);
      join({
        post: (message, onWritten) => {
          if (hasRoom) {
            posted.push(message);
            onWritten();
          }
          return hasRoom;
        },
      });
      subscriptions.unwant(eth);
      timer(500).subscribe(() => (hasRoom = true));
      timer(999).subscribe(() => expect(posted).toStrictEqual([]));
      timer(1_001).subscribe(() => {
        expect(posted).toStrictEqual([{ sub: [btc] }, { sub: [book] }]);
        expect(log).toStrictEqual([]);
      });
    }),
  );
});

describe('a hook', () => {
  it(
    'that throws costs its own batch only, which is asked for again with a backoff',
    topicScene(
      {
        batch: 1,
        ackTimeoutMs: 1_000,
        ack: () => undefined,
        subscribe: ([wanted]) => {
          if (wanted?.topic === 'BTC') throw new Error('no such topic');
          return wanted;
        },
      },
      ({ subscriptions, log, join }) => {
        subscriptions.want(btc);
        subscriptions.want(eth);
        const topics = join();
        const failed = ['subscriptions.subscribe', new Error('no such topic')];
        expect(log).toStrictEqual([failed, eth]);
        timer(751).subscribe(() => expect(log).toStrictEqual([failed, eth, failed]));
        timer(2_252).subscribe(() => {
          expect(log.filter((entry) => Array.isArray(entry))).toHaveLength(3);
          topics.leave();
        });
      },
    ),
  );

  it(
    'that fails to give a topic up is asked again; a topic wanted meanwhile is asked for',
    topicScene(
      {
        ackTimeoutMs: 1_000,
        unsubscribe: () => {
          throw new Error('x');
        },
      },
      ({ subscriptions, log, join }) => {
        const failed = ['subscriptions.unsubscribe', new Error('x')];
        subscriptions.want(btc);
        const topics = join();
        topics.hear(ok({ topics: [btc] }));
        subscriptions.unwant(btc);
        timer(752).subscribe(() => {
          expect(log).toStrictEqual([{ sub: [btc] }, failed, failed]);
          subscriptions.want(btc);
        });
        timer(753).subscribe(() => expect(log.at(-1)).toStrictEqual({ sub: [btc] }));
      },
    ),
  );

  it(
    'whose message cannot be encoded has failed',
    topicScene({ ackTimeoutMs: 1_000 }, ({ subscriptions, log, join }) => {
      let isBroken = true;
      subscriptions.want(btc);
      const topics = join({
        post: (message, onWritten) => {
          if (isBroken) throw new TypeError('circular');
          log.push(message);
          onWritten();
          return true;
        },
      });
      isBroken = false;
      expect(log).toStrictEqual([['subscriptions.subscribe', new TypeError('circular')]]);
      timer(751).subscribe(() => {
        expect(log.slice(1)).toStrictEqual([{ sub: [btc] }]);
        topics.leave();
      });
    }),
  );

  it('may make the session leave: nothing more is sent or told of it', () => {
    let leave = (): void => undefined;
    topicScene(
      {
        subscribe: () => {
          leave();
          return 'm';
        },
      },
      ({ subscriptions, log, told, join }) => {
        const topics = join();
        leave = () => topics.leave();
        subscriptions.want(btc);
        timer(1).subscribe(() => expect([...log, ...told]).toStrictEqual([]));
      },
    )();
  });

  it.each([
    ['a plain value', () => 'm', ['m']],
    ['an array', () => ['m', 'n'], ['m', 'n']],
    ['an Observable that yields later', () => timer(5).pipe(() => of('m')), ['m']],
    ['nothing', () => undefined, []],
  ])('may yield %s', (_what, subscribe, messages) => {
    topicScene({ subscribe }, ({ subscriptions, log, told, join }) => {
      subscriptions.want(btc);
      join();
      timer(6).subscribe(() => {
        expect(log).toStrictEqual(messages);
        expect(told).toStrictEqual([
          'subscribing BTC@1',
          ...(messages.length === 0 ? ['subscribed BTC@1'] : []),
        ]);
      });
    })();
  });

  it.each([
    ['errors', throwError(() => new Error('late')), 0, new Error('late')],
    ['is empty', EMPTY, 0, new TypeError('the hook must yield a message, but completed without one')],
    ['says nothing', NEVER, 1_000, expect.objectContaining({ name: 'TimeoutError' })],
  ])('whose Observable %s has failed', (_how, yielded, atMs, error) => {
    topicScene({ subscribe: () => yielded, ackTimeoutMs: 1_000 }, ({ subscriptions, log, join }) => {
      subscriptions.want(btc);
      join();
      timer(atMs + 1).subscribe(() => expect(log).toStrictEqual([['subscriptions.subscribe', error]]));
    })();
  });
});

describe('settled$', () => {
  const watch = (topics: { readonly settled$: Observable<never> }): { is: boolean } => {
    const settled = { is: false };
    topics.settled$.subscribe({ complete: () => (settled.is = true) });
    return settled;
  };

  it(
    'completes at once where nothing is open',
    topicScene({}, ({ join }) => {
      expect(watch(join()).is).toBe(true);
    }),
  );

  it(
    'completes when the last wanted topic is confirmed, or is wanted no more',
    topicScene({}, ({ subscriptions, join }) => {
      for (const ref of [btc, eth]) subscriptions.want(ref);
      const topics = join();
      const settled = watch(topics);
      topics.hear(ok({ topics: [btc] }));
      subscriptions.want(book);
      expect(settled.is).toBe(false);
      timer(1).subscribe(() => {
        topics.hear(ok({ topics: [eth] }));
        expect(settled.is).toBe(false);
        subscriptions.unwant(book);
      });
      timer(2).subscribe(() => expect(settled.is).toBe(true));
    }),
  );

  it(
    'waits for a topic refused on a session that is not in charge, which is wanted still',
    topicScene({}, ({ subscriptions, join }) => {
      subscriptions.want(btc);
      const topics = join({ onRefused: () => undefined });
      const settled = watch(topics);
      topics.hear(no({ topics: [btc] }));
      expect(settled.is).toBe(false);
      topics.takeCharge();
      timer(1).subscribe(() => expect(settled.is).toBe(true));
    }),
  );

  it(
    'completes when the session leaves',
    topicScene({}, ({ subscriptions, join }) => {
      subscriptions.want(btc);
      const topics = join();
      const settled = watch(topics);
      topics.leave();
      expect([settled.is, watch(topics).is]).toStrictEqual([true, true]);
    }),
  );
});

describe('a topic that is asked for again', () => {
  it(
    'SUB-05 is given up and asked for anew, once, and no other is touched',
    topicScene({}, ({ subscriptions, log, told, join }) => {
      subscriptions.want(btc);
      subscriptions.want(eth);
      const topics = join();
      topics.hear(ok({ topics: [btc, eth] }));
      subscriptions.saw(btc.stream, btc.topic, 7, 1);
      log.length = told.length = 0;

      expect(subscriptions.again(btc)).toBe(true);
      expect(subscriptions.again(btc)).toBe(true);
      timer(1).subscribe(() => {
        expect(log).toStrictEqual([{ unsub: [btc] }, { sub: [{ ...btc, lastSequence: 7 }] }]);
        topics.hear(ok({ topics: [btc] }));
        expect(told).toStrictEqual(['unsubscribed BTC@1', 'subscribing BTC@1', 'subscribed BTC@1']);
      });
      timer(60_000).subscribe(() => expect(log).toHaveLength(2));
    }),
  );

  it(
    'is one of many in the same turn, which make one message each way',
    topicScene({}, ({ subscriptions, log, join }) => {
      for (const ref of [btc, eth, book]) subscriptions.want(ref);
      join().hear(ok({ topics: [btc, eth, book] }));
      log.length = 0;
      for (const ref of [btc, book]) subscriptions.again(ref);
      timer(1).subscribe(() => expect(log).toStrictEqual([{ unsub: [btc, book] }, { sub: [btc, book] }]));
    }),
  );

  it(
    'is not, where it is being asked for already, is not wanted, or there is no session',
    topicScene({}, ({ subscriptions, log, join }) => {
      subscriptions.want(btc);
      expect(subscriptions.again(btc)).toBe(false);
      join();
      expect(subscriptions.again(btc)).toBe(false);
      expect(subscriptions.again(eth)).toBe(false);
      timer(1).subscribe(() => expect(log).toStrictEqual([{ sub: [btc] }]));
    }),
  );

  it(
    'is only given up if it ceases to be wanted in that turn',
    topicScene({}, ({ subscriptions, log, join }) => {
      subscriptions.want(btc);
      join().hear(ok({ topics: [btc] }));
      subscriptions.again(btc);
      subscriptions.unwant(btc);
      timer(60_000).subscribe(() => expect(log).toStrictEqual([{ sub: [btc] }, { unsub: [btc] }]));
    }),
  );

  it(
    'is asked for even if giving it up fails, and not over and over',
    topicScene(
      { unsubscribe: () => throwError(() => new Error('no')), ack: 'none' },
      ({ subscriptions, log, join }) => {
        subscriptions.want(btc);
        join();
        subscriptions.again(btc);
        timer(120_000).subscribe(() =>
          expect(log).toStrictEqual([
            { sub: [btc] },
            ['subscriptions.unsubscribe', new Error('no')],
            { sub: [btc] },
          ]),
        );
      },
    ),
  );

  it(
    'is asked for on every session that has it confirmed: both of a rotation',
    topicScene({}, ({ subscriptions, told, join }) => {
      subscriptions.want(btc);
      for (const session of [join(), join({ onRefused: () => undefined })])
        session.hear(ok({ topics: [btc] }));
      told.length = 0;
      subscriptions.again(btc);
      timer(1).subscribe(() =>
        expect(told).toStrictEqual([
          'unsubscribed BTC@1',
          'subscribing BTC@1',
          'unsubscribed BTC@2',
          'subscribing BTC@2',
        ]),
      );
    }),
  );
});
