import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { property, assert as check, array, constantFrom, integer, tuple } from 'fast-check';
import { asyncScheduler, filter, firstValueFrom, interval, map, scan, take, takeUntil, timer } from 'rxjs';
import { WebSocketServer } from 'ws';
import {
  createFeed,
  type Data,
  type FeedConfig,
  type FeedEvent,
  type Transport,
  wsTransport,
} from 'millrace';
import { closes, type ScriptedTransportConfig } from '../src/testing/scriptedTransport.js';
import { marbles } from './marbles.js';
import { scene, type TestSchemas, told, Trade } from './scene.js';

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

interface Message {
  readonly op: 'sub' | 'unsub' | 'ping' | 'order';
  readonly topic?: string;
}

/**
 * A server that counts by address, not by connection: true for the message that comes as number `max + 1` in less than
 * `perMs` milliseconds, whichever they are.
 */
const strictWindow = (max: number, perMs: number): (() => boolean) => {
  const last: number[] = [];
  return () => {
    const now = asyncScheduler.now();
    const isTooMuch = last.length === max && now - last[0]! < perMs;
    last.push(now);
    if (last.length > max) last.shift();
    return isTooMuch;
  };
};

const config: Partial<FeedConfig<TestSchemas>> = {
  outbox: { rate: { max: 5, perMs: 1_000 } },
  heartbeat: {
    everyMs: 1_500,
    timeoutMs: 1_000,
    ping: () => ({ op: 'ping' }),
    isPong: (message) => (message as { op?: string }).op === 'pong',
  },
  subscriptions: {
    subscribe: ([wanted]) => ({ op: 'sub', topic: wanted!.topic }),
    unsubscribe: ([given]) => ({ op: 'unsub', topic: given!.topic }),
    ack: (message) => {
      const { ack } = message as { ack?: string };
      return ack === undefined ? undefined : { topics: [{ stream: 'trade', topic: ack }], ok: true };
    },
    ackTimeoutMs: 200_000,
    batch: 1,
  },
};

/** Answers pings and acknowledges topics, and closes with 1008 whoever sends the sixth message in a rolling second. */
const strictServer = (acks = true): ScriptedTransportConfig & { readonly seen: [number, Message][] } => {
  const isTooMuch = strictWindow(5, 1_000);
  const seen: [number, Message][] = [];
  return {
    seen,
    reply: (message, attempt) => {
      const { op, topic } = message as Message;
      seen.push([attempt, message as Message]);
      if (isTooMuch()) return closes(1008, 'rate limit');
      if (op === 'ping') return { op: 'pong' };
      return op === 'sub' && acks ? { ack: topic } : undefined;
    },
  };
};

const refused = (events: readonly FeedEvent[]): FeedEvent[] =>
  events.filter(
    (event) => event.type === 'disconnected' && (event.error as { code?: unknown }).code === 1008,
  );
const confirmed = (events: readonly FeedEvent[], generation: number): number =>
  events.filter((event) => event.type === 'subscribed' && event.generation === generation).length;
const topics = Array.from({ length: 500 }, (_, n) => `T${n}`);

describe('a server that closes with 1008 on the sixth message in any rolling second', () => {
  it(
    'SND-09 REC-13 never sees the sixth, with 500 topics to ask for again, pings, sends and reconnects in between',
    marbles(({ flush }) => {
      const server = strictServer();
      const { feed, events } = scene(['o 3s #', 'o 20s x', 'o 60300ms #', 'o'], { x: closes(1012) }, config, {
        ...server,
        endMs: 260_000,
      });
      for (const topic of topics) feed.stream('trade', topic).subscribe();
      const results = new Set<string>();
      interval(700)
        .pipe(takeUntil(timer(250_000)))
        .subscribe(() => results.add(feed.send({ op: 'order' })));
      at(50_000, () => feed.reconnect());
      flush();

      expect(refused(events)).toStrictEqual([]);
      expect(events.filter(({ type }) => type === 'overflow')).toStrictEqual([]);
      const last = Math.max(...server.seen.map(([attempt]) => attempt));
      expect(last).toBe(4);
      const asked = server.seen.filter(([attempt, { op }]) => attempt === last && op === 'sub');
      expect(asked.map(([, { topic }]) => topic)).toStrictEqual(topics);
      expect(confirmed(events, last)).toBe(500);
      expect(results).not.toContain('rejected');
      expect(server.seen.filter(([, { op }]) => op === 'order')).toHaveLength(357);
      expect(server.seen.some(([, { op }]) => op === 'ping')).toBe(true);
    }),
  );

  it(
    'SND-09 is told of nothing lost where more topics wait than the outbox holds',
    marbles(({ flush }) => {
      const outbox = { rate: { max: 5, perMs: 1_000 }, maxMessages: 10 };
      const { feed, events } = scene('o', {}, { ...config, outbox }, { ...strictServer(), endMs: 30_000 });
      for (const topic of topics.slice(0, 100)) feed.stream('trade', topic).subscribe();
      flush();

      expect(confirmed(events, 1)).toBe(100);
      expect(events.filter(({ type }) => type === 'overflow')).toStrictEqual([]);
    }),
  );

  it('SND-09 never sees the sixth, whatever the user does and however often the connection is lost', () => {
    const deeds = array(
      tuple(integer({ min: 0, max: 12_000 }), constantFrom('send', 'reconnect', 'topic', 'leave', 'burst')),
      { maxLength: 60 },
    );
    const lives = array(integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 8 });

    check(
      property(deeds, lives, (plan, uptimes) => {
        marbles(({ flush }) => {
          const server = strictServer();
          const attempts = uptimes.map((ms) => `o ${ms}ms #`);
          const { feed, events } = scene([...attempts, 'o'], {}, config, { ...server, endMs: 30_000 });
          feed.stream('trade').subscribe();
          let topic = 0;
          const held = topics.slice(0, 20).map((name) => feed.stream('trade', name).subscribe());
          for (const [ms, deed] of plan) {
            at(ms, () => {
              if (deed === 'send') feed.send({ op: 'order' });
              if (deed === 'reconnect') feed.reconnect();
              if (deed === 'topic') held.push(feed.stream('trade', `U${(topic += 1)}`).subscribe());
              if (deed === 'leave') held.shift()?.unsubscribe();
              if (deed === 'burst') for (let n = 0; n < 7; n += 1) feed.send({ op: 'order' });
            });
          }
          flush();

          expect(refused(events)).toStrictEqual([]);
        })();
      }),
      { numRuns: 40 },
    );
  });

  it(
    'AUT-05 SND-09 gives the server the whole time for the login, however long the rate held that back',
    marbles(({ flush }) => {
      const { feed, events } = scene(
        ['o 3s #', 'o 15s #', 'o', 'o'],
        {},
        {
          outbox: { rate: { max: 1, perMs: 60_000, marginMs: 0 } },
          heartbeat: { off: true },
          authenticate: (session) => {
            session.send({ op: 'login' });
            return session.messages$.pipe(take(1));
          },
        },
        {
          // The second connection is lost before its login leaves; on the third the answer comes too late.
          reply: (_login, attempt) =>
            timer([0, 0, 0, 10_001, 9_999][attempt]!).pipe(map(() => ({ ok: true }))),
          endMs: 150_000,
        },
      );
      feed.stream('order').subscribe();
      flush();

      expect(told(events)).toStrictEqual([
        '0 connected',
        '3001 disconnected',
        '3001 retry',
        '18077 disconnected',
        '18077 retry',
        '70001 disconnected', // the login left at 60 001
        '70001 retry',
        '130001 connected', // the login left at 120 002
      ]);
      expect(events.flatMap((event) => (event.type === 'disconnected' ? event.class : []))).toStrictEqual([
        'network',
        'network',
        'auth',
      ]);
    }),
  );

  // The outbox has one line for all that a session sends: the ping goes out after the subscribes, 100 s later, and its
  // verdict falls long before. Each reconnect begins the 500 anew, so the feed never gets beyond the first few.
  it(
    'HBT-07 a ping does not wait behind the topics that are still to be asked for: a silent server is no dead one',
    marbles(({ flush }) => {
      const server = strictServer(false); // nothing but pongs comes from it
      const { feed, events } = scene(['o', 'o'], {}, config, { ...server, endMs: 130_000 });
      for (const topic of topics) feed.stream('trade', topic).subscribe();
      flush();

      expect(events.filter(({ type }) => type === 'disconnected')).toStrictEqual([]);
      expect(new Set(server.seen.map(([, { topic }]) => topic)).size).toBeGreaterThanOrEqual(500);
    }),
  );

  // Not judged where it arrives: where the event loop is late, a server reads at once what left far apart.
  it('SND-09 REC-13 hands a real socket no sixth in 100 ms, over a reconnect', async () => {
    // What the outbox goes by is the last look at the clock before the socket has the message.
    let lookedAt = 0;
    const clock = jest.spyOn(asyncScheduler, 'now').mockImplementation(() => (lookedAt = Date.now()));
    const leftAt: number[] = [];
    const transport: Transport = {
      ...wsTransport,
      dial(request, handler) {
        const socket = wsTransport.dial(request, handler);
        const send = socket.send.bind(socket);
        return Object.assign(socket, {
          send: (data: Data) => {
            leftAt.push(lookedAt);
            send(data);
          },
        });
      },
    };
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    server.on('connection', (socket) => {
      socket.on('message', (data) => {
        const { op, topic } = JSON.parse((data as Buffer).toString()) as Message;
        if (op === 'sub') socket.send(JSON.stringify({ ack: topic }));
      });
    });
    const feed = createFeed({
      ...config,
      url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
      transport,
      heartbeat: { off: true },
      outbox: { rate: { max: 5, perMs: 100 } },
      streams: { trade: { schema: Trade, topic: (t) => t.symbol } },
    });
    try {
      const confirmations = (count: number, generation: number): Promise<number> =>
        firstValueFrom(
          feed.events$.pipe(
            filter((event) => event.type === 'subscribed' && event.generation === generation),
            scan((confirmed) => confirmed + 1, 0),
            filter((confirmed) => confirmed === count),
          ),
        );
      const third = confirmations(33, 1);
      const all = confirmations(100, 2);
      for (const topic of topics.slice(0, 100)) feed.stream('trade', topic).subscribe();
      await third;
      feed.reconnect();

      expect(await all).toBe(100);
      expect(leftAt.length).toBeGreaterThanOrEqual(133);
      const tooSoon = leftAt.filter((at, index) => index >= 5 && at - leftAt[index - 5]! < 100);
      expect(tooSoon).toStrictEqual([]);
    } finally {
      await feed.close({ timeoutMs: 100 });
      server.close();
      clock.mockRestore();
    }
  });
});
