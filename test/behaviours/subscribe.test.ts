import { asyncScheduler, filter, map, merge, repeat, retry, take, takeUntil, timer } from 'rxjs';
import { type FeedConfig, SubscriptionRefusedError, type SubscriptionsConfig, type TopicRef } from 'millrace';
import { closes, refuses } from 'millrace/testing';
import { marbles } from '../marbles.js';
import { order, scene, told, trade, type TestSchemas } from '../scene.js';
import { feedOn, serve, soon, tick } from './loopback.js';

const ids = map(({ id }: { id: number }) => id);
const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);
const goodbye = { c: { code: 1000, reason: '' } };

const names = (topics: readonly TopicRef[]): string => topics.map(({ topic = '*' }) => topic).join();

/** Asks with `+BTC,ETH`, gives up with `-BTC`. */
const onDemand = (more: Partial<SubscriptionsConfig> = {}): Partial<FeedConfig<TestSchemas>> => ({
  subscriptions: {
    subscribe: (topics) => `+${names(topics)}`,
    unsubscribe: (topics) => `-${names(topics)}`,
    ...more,
  },
});

/** An ack of the server: `{ ack: 'BTC,ETH', ok }`. */
const ack: NonNullable<SubscriptionsConfig['ack']> = (message) => {
  const { ack: list, ok } = message as { ack?: string; ok: boolean };
  return list === undefined
    ? undefined
    : { topics: list.split(',').map((topic) => ({ stream: 'trade', topic })), ok, error: 'no such topic' };
};
const acks = (topics: string, ok = true) => ({ ack: topics, ok });

describe('subscribe', () => {
  it('SUB-01 one socket carries every stream and topic, until the last of them has ended', async () => {
    const server = await serve({ onConnection: (client) => client.send(tick(1)) });
    const feed = feedOn(server.url);
    let dials = 0;
    server.dials$.subscribe(() => (dials += 1));
    const closed = soon(server.ends$);
    const first = feed.stream('tick').subscribe();
    const second = feed.stream('tick').subscribe();
    await soon(feed.stream('tick'));
    first.unsubscribe();
    expect(server.clients.size).toBe(1);
    second.unsubscribe();

    expect((await closed).client.id).toBe(1);
    expect(dials).toBe(1);
  });

  it(
    'SUB-02 each topic is asked for as it gets its first subscriber, and given up as its last one leaves',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o', {}, onDemand());

      expectObservable(feed.stream('trade', 'BTC'), '^---------!  ').toBe('');
      expectObservable(feed.stream('trade', 'ETH'), '--^----!     ').toBe('');
      expectObservable(feed.stream('order'), '       ----^-------!').toBe('');
      expectObservable(transport.sends$).toBe('       a-b-c--d--e  ', {
        a: '+BTC',
        b: '+ETH',
        c: '+*',
        d: '-ETH',
        e: '-BTC',
      });
      expectObservable(transport.closes$).toBe('      ------------c', goodbye);
    }),
  );

  it(
    'SUB-03 a message reaches the subscribers of its stream and topic, and no other',
    marbles(({ expectObservable }) => {
      const frames = { a: trade(1, 'BTC'), b: trade(2, 'ETH'), c: order('x'), d: trade(3, 'BTC') };
      const { feed } = scene('o-a-b-c-d', frames, onDemand(), { endMs: 20 });

      expectObservable(feed.stream('trade')).toBe('       --a-b---d 11ms |', frames);
      expectObservable(feed.stream('trade', 'BTC')).toBe('--a-----d 11ms |', frames);
      expectObservable(feed.stream('trade', 'ETH')).toBe('----b--- 12ms |', frames);
      expectObservable(feed.stream('trade', 'LTC')).toBe('20ms           |', frames);
      expectObservable(feed.stream('order')).toBe('       ------c- 12ms |', frames);
    }),
  );

  it(
    'SUB-04 a stream can be repeated: each time a new socket, and the subscribe message on it',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(
        ['o-a', 'o-b', 'o-c'],
        {
          a: trade(1),
          b: trade(2),
          c: trade(3),
        },
        onDemand(),
      );

      expectObservable(feed.stream('trade', 'BTC').pipe(take(1), ids, repeat(3)), '^ 50ms !').toBe(
        '--a-b-(c|)',
        {
          a: 1,
          b: 2,
          c: 3,
        },
      );
      expectObservable(transport.sends$.pipe(filter((message) => message === '+BTC'))).toBe('s-s-s', {
        s: '+BTC',
      });
      expectObservable(transport.dials$).toBe('1-2-3', { 1: 1, 2: 2, 3: 3 });
    }),
  );

  it(
    'SUB-04 a stream whose topic was refused can be retried: it is asked for again, on the same socket',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(
        'on 999ms yb',
        { n: acks('NEW', false), y: acks('NEW'), b: trade(1, 'NEW') },
        onDemand({ ack }),
        { endMs: 1_010 },
      );
      void feed.open();

      expectObservable(feed.stream('trade', 'NEW').pipe(ids, retry({ delay: 1_000 }))).toBe(
        '1002ms b 7ms |',
        { b: 1 },
      );
      expectObservable(transport.sends$).toBe('s 1000ms s', { s: '+NEW' });
      expectObservable(transport.dials$).toBe('1', { 1: 1 });
    }),
  );

  it(
    'SUB-08 a stream that is retried at each refusal is asked for ever later, and dials no more often than that',
    marbles(({ flush }) => {
      const attempts = Array<string>(10).fill('o');
      const { feed, transport } = scene(attempts, {}, onDemand({ ack }), {
        reply: () => acks('NOPE', false),
        endMs: 10_000,
      });
      const [asks, dials]: [number[], number[]] = [[], []];
      transport.sends$.subscribe(() => asks.push(asyncScheduler.now()));
      transport.dials$.subscribe(() => dials.push(asyncScheduler.now()));
      const refused = feed.stream('trade', 'NOPE').pipe(retry(), takeUntil(timer(9_000)));
      refused.subscribe();
      flush();

      expect(asks.slice(1).map((ms, index) => ms - asks[index]!)).toStrictEqual([750, 1_500, 3_000]);
      expect(dials).toHaveLength(asks.length + 1);
    }),
  );

  it(
    'SUB-05 consumers of one topic share one request; only the last to leave gives it up, once',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o--a--b', { a: trade(1), b: trade(2) }, onDemand());
      void feed.open();

      expectObservable(feed.stream('trade', 'BTC').pipe(ids), '^---!     ').toBe('---a', { a: 1 });
      expectObservable(feed.stream('trade', 'BTC').pipe(ids), '--^------!').toBe('---a--b', { a: 1, b: 2 });
      expectObservable(transport.sends$, '^ 50ms !').toBe('a--------c', { a: '+BTC', c: '-BTC' });
    }),
  );

  it(
    'SUB-06 a topic is subscribing until its ack; its data does not make it subscribed',
    marbles(({ flush }) => {
      const script = { a: trade(1), y: acks('BTC') };
      const { feed, events } = scene('o-a-a--y', script, onDemand({ ack }), { endMs: 20 });
      feed.stream('trade', 'BTC').subscribe();
      flush();

      expect(told(events).filter((line) => line.includes('subscrib'))).toStrictEqual([
        '0 subscribing',
        '7 subscribed',
      ]);
    }),
  );

  it(
    'SUB-08 an overdue topic is told of and asked for again, ever later, until the server answers',
    marbles(({ flush }) => {
      let asked = 0;
      const { feed, transport, events } = scene('o', {}, onDemand({ ack, ackTimeoutMs: 100 }), {
        reply: () => ((asked += 1) === 4 ? acks('BTC') : undefined),
        endMs: 10_000,
      });
      const asks: number[] = [];
      transport.sends$.subscribe(() => asks.push(asyncScheduler.now()));
      feed.stream('trade', 'BTC').subscribe();
      flush();

      const waits = asks.slice(1).map((ask, index) => ask - asks[index]!);
      expect(asks).toHaveLength(4);
      expect(waits[0]).toBeGreaterThanOrEqual(100);
      expect(waits).toStrictEqual([...waits].sort((a, b) => a - b));
      expect(events.filter(({ type }) => type === 'ackOverdue')).toHaveLength(3);
      expect(events.filter(({ type }) => type === 'subscribed')).toHaveLength(1);
    }),
  );

  it(
    'SUB-08 a refused topic surfaces on its own subscribers, and is not asked for again, not even on the next connection',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(
        ['on-yb|', 'o'],
        { n: acks('NOPE', false), y: acks('BTC'), b: trade(1) },
        onDemand({ ack }),
        { endMs: 100 },
      );
      const refused = new SubscriptionRefusedError('trade', 'NOPE', { cause: 'no such topic' });

      expectObservable(feed.stream('trade', 'NOPE')).toBe('-#', undefined, refused);
      expectObservable(feed.stream('trade', 'BTC').pipe(ids)).toBe('----b 95ms |', { b: 1 });
      expectObservable(transport.sends$).toBe('a 79ms b', { a: '+NOPE,BTC', b: '+BTC' });
    }),
  );

  it(
    'SUB-09 a reconnect asks for confirmed and pending topics, and forgets an unsubscribe that had not left',
    marbles(({ expectObservable }) => {
      // One message in 20 ms: the unsubscribe of 4 waits in line when the connection is lost at 10, as does that of 10.
      const { feed, transport } = scene(
        ['o-y-------x', 'o'],
        { y: acks('BTC'), x: closes(1012) },
        { ...onDemand({ ack }), outbox: { rate: { max: 1, perMs: 20 } } },
      );
      expectObservable(feed.stream('trade', 'BTC'), '^ 200ms !  ').toBe('');
      expectObservable(feed.stream('trade', 'ETH'), '^ 200ms !  ').toBe('');
      expectObservable(feed.stream('trade', 'LTC'), '^---!      ').toBe('');
      expectObservable(feed.stream('trade', 'XRP'), '^---------!').toBe('');

      expectObservable(transport.sends$, '^ 150ms !').toBe('a 84ms b', {
        a: '+BTC,ETH,LTC,XRP',
        b: '+BTC,ETH',
      });
    }),
  );

  it(
    'SUB-10 nothing reaches a subscriber that left, although more of its frames come at the same instant',
    marbles(({ expectObservable }) => {
      const frames = { a: trade(1), b: trade(2), c: trade(3), d: trade(4) };
      const { feed } = scene('o-(abc)d', frames, onDemand(), { endMs: 20 });
      const left: number[] = [];
      const leaving = feed.stream('trade', 'BTC').subscribe(({ id }) => {
        left.push(id);
        if (id === 2) leaving.unsubscribe();
      });
      at(15, () => expect(left).toStrictEqual([1, 2]));

      expectObservable(feed.stream('trade', 'BTC').pipe(ids)).toBe('--(abc)d 12ms |', {
        a: 1,
        b: 2,
        c: 3,
        d: 4,
      });
    }),
  );

  it(
    'SUB-10 a topic that the server has ended is not given up as well',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o-n', { n: acks('NOPE', false) }, onDemand({ ack }), { endMs: 20 });
      void feed.open();
      const refused = feed.stream('trade', 'NOPE').subscribe({ error: () => undefined });
      at(5, () => refused.unsubscribe());

      expectObservable(transport.sends$).toBe('a', { a: '+NOPE' });
    }),
  );

  it(
    'SUB-11 leaving twice is leaving once: the others stay',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene('o-------b', { b: trade(1) }, onDemand());
      const twice = feed.stream('trade', 'BTC').subscribe();
      for (const ms of [2, 3, 4]) at(ms, () => twice.unsubscribe());

      expectObservable(feed.stream('trade', 'BTC').pipe(ids), '^---------!').toBe('--------b', { b: 1 });
      expectObservable(transport.sends$).toBe('a---------', { a: '+BTC' });
      expectObservable(transport.closes$).toBe('----------c', goodbye);
    }),
  );

  it(
    'SUB-14 a feed that fails closes its silent sibling when they are combined',
    marbles(({ expectObservable }) => {
      const failing = scene('o-r', { r: closes(4000) }, { reconnect: { maxAttempts: 0 } });
      const silent = scene('o');
      const both$ = merge(silent.feed.stream('trade'), failing.feed.stream('trade'));
      const outcome: unknown[] = [];
      both$.subscribe({ error: (error: unknown) => outcome.push((error as Error).name) });
      at(5, () => expect(outcome).toStrictEqual(['MaxReconnectsExceededError']));

      expectObservable(silent.transport.closes$).toBe('--c', goodbye);
    }),
  );

  it(
    'SUB-14 a consumer that has what it wants closes every feed it combined, the silent one, the dialling one and the waiting one too',
    marbles(({ expectObservable }) => {
      const feeds = [
        scene('o--a', { a: trade(1) }),
        scene('o'),
        scene('-----o'),
        scene(['r', 'o'], { r: refuses(503) }),
      ];
      const states: (string | undefined)[] = feeds.map(() => undefined);
      feeds.forEach(({ feed }, index) => feed.status$.subscribe(({ state }) => (states[index] = state)));
      at(4, () => expect(states).toStrictEqual(Array(4).fill('DISCONNECTED')));

      expectObservable(merge(...feeds.map(({ feed }) => feed.stream('trade'))).pipe(ids, take(1))).toBe(
        '---(a|)',
        { a: 1 },
      );
      expectObservable(merge(...feeds.map(({ transport }) => transport.closes$))).toBe('---(cct)', {
        ...goodbye,
        t: 'terminate',
      });
      expectObservable(feeds[3]!.transport.dials$).toBe('1', { 1: 1 });
    }),
  );
});
