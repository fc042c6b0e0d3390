import fc from 'fast-check';
import { asyncScheduler, config as rxjs, map, type Subscription, timer } from 'rxjs';
import * as v from 'valibot';
import {
  createFeed,
  type FeedEvent,
  HandshakeError,
  isBalanced,
  SocketClosedError,
  type SocketHandler,
  type Transport,
} from 'millrace';
import { MarbleScheduler } from '../marbles.js';
import { createOracle, type Policy } from './oracle.js';

/** `npm run test:model` plays 10 000. */
const RUNS = Number(process.env['MODEL_RUNS'] ?? 150);

/** Steps are 100 ms apart; a turn takes 233, a retry 37: so nothing else ever falls on the instant of a step. */
const STEP_MS = 100;
const TURN_MS = 233;
/** The server of the book answers between two steps. */
const ANSWER_MS = 71;

type Name = 'trade' | 'order' | 'tick' | 'book';

type Step =
  | {
      readonly do: 'send';
      readonly stream: Name;
      readonly topic: 'A' | 'B';
      readonly skip: number;
    }
  | { readonly do: 'repeat'; readonly back: number }
  | { readonly do: 'swap' | 'misfit' | 'garbage' | 'stranger' }
  | { readonly do: 'flood'; readonly count: number }
  | { readonly do: 'drop'; readonly code: number; readonly refusals: number }
  | { readonly do: 'vanish' | 'reconnect' }
  | {
      readonly do: 'join' | 'leave' | 'throw';
      readonly stream: Name;
      readonly topic: 'A' | 'B' | undefined;
    }
  | { readonly do: 'close' };

const stream = fc.constantFrom<Name>('trade', 'order', 'tick', 'book', 'book');
const topic = fc.constantFrom('A' as const, 'B' as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      stream,
      topic,
      skip: fc.constantFrom(0, 0, 0, 1, 3),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('repeat' as const), back: fc.integer({ min: 1, max: 12 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('swap' as const, 'misfit' as const, 'garbage' as const, 'stranger' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('flood' as const), count: fc.integer({ min: 2, max: 30 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('drop' as const),
      code: fc.constantFrom(1000, 1006, 1012),
      refusals: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('vanish' as const, 'reconnect' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('join' as const, 'leave' as const, 'throw' as const),
      stream,
      topic: fc.option(topic, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'close' as const }) },
);

const Data = v.object({
  type: v.string(),
  n: v.number(),
  topic: v.string(),
  key: v.string(),
  seq: v.number(),
});

interface Listener {
  readonly stream: string;
  readonly topic: string | undefined;
  readonly subscription: Subscription;
  readonly expected: number[];
  readonly got: number[];
}

/** Plays a script and compares the feed with the oracle after every step. When it is closed, what waits is worked off, or cut off. */
function play(script: readonly Step[], policy: Policy, maxItems: number, isCut: boolean): void {
  new MarbleScheduler(() => undefined).run(({ flush }) => {
    /** What the book's server can tell once more, by number. */
    const book = new Map<number, { readonly seq: number; readonly n: number; readonly text: string }>();
    const missingIn = (after: number, before: number) =>
      [...book.values()].filter(({ seq }) => seq > after && seq < before);
    // With a key or without, nothing is delivered twice.
    const isKeyed = maxItems % 2 === 0;
    const oracle = createOracle({
      maxItems,
      policy,
      maxKeys: 6,
      windowMs: 900,
      turnMs: TURN_MS,
      missingIn,
      answerMs: ANSWER_MS,
      isKeyed,
    });
    let uncaught = 0;
    let thrown = 0;
    rxjs.onUnhandledError = () => void (uncaught += 1);

    // The server's side: one client at a time.
    let client: { readonly handler: SocketHandler; readonly generation: number; isMute: boolean } | undefined;
    let dials = 0;
    let refusals = 0;
    let isOpenTo = true; // until close() is called
    let isPaused = false;
    const unread: string[] = [];
    const listeners = new Set<Listener>();

    const hand = (text: string): void => {
      if (client === undefined || client.isMute) return;
      if (isPaused) {
        unread.push(text);
        return;
      }
      if (isOpenTo) {
        const { generation } = client;
        tellOracle(() => oracle.frame(text, generation, asyncScheduler.now()));
      }
      client.handler.message(text);
    };
    /** What the oracle delivers now is expected by whoever listens now. */
    const expectDeliveries = (before: ReadonlyMap<string, number>): void => {
      for (const [name, list] of oracle.delivered) {
        for (const n of list.slice(before.get(name)))
          for (const listener of listeners)
            if (
              listener.stream === name &&
              (listener.topic === undefined || topicOf.get(n) === listener.topic)
            )
              listener.expected.push(n);
      }
    };
    const tellOracle = (act: () => void): void => {
      const before = new Map([...oracle.delivered].map(([name, list]) => [name, list.length]));
      act();
      expectDeliveries(before);
      awaitTurn();
      awaitAnswer();
    };
    const end = (handler: SocketHandler, error: unknown): void => {
      if (client?.handler !== handler) return;
      client = undefined;
      isPaused = false;
      unread.length = 0;
      if (isOpenTo) oracle.over(); // what still waits when it is closed is of this connection
      handler.end(error);
    };

    const transport: Transport = {
      settled: timer(TURN_MS) as never,
      dial: (_request, handler) => {
        const generation = ++dials;
        let isOver = false;
        timer(1).subscribe(() => {
          if (isOver) return;
          if (refusals > 0) {
            refusals -= 1;
            oracle.over();
            handler.end(new HandshakeError(502, undefined, {}));
            return;
          }
          client = { handler, generation, isMute: false };
          handler.open({ protocol: '', extensions: '' });
        });
        const goodbye = (error: SocketClosedError): void => {
          isOver = true;
          timer(0).subscribe(() => end(handler, error));
        };
        return {
          send: (data) => {
            const { id } = JSON.parse(data as string) as { id?: number };
            if (id !== undefined)
              timer(1).subscribe(
                () => client?.handler === handler && hand(JSON.stringify({ type: 'ack', id })),
              );
          },
          ping: () =>
            timer(0).subscribe(() => client?.handler === handler && !client.isMute && handler.pong()),
          pause: () => void (isPaused = true),
          resume: () => {
            isPaused = false;
            timer(0).subscribe(() => {
              if (client?.handler !== handler) return;
              while (unread.length > 0 && !isPaused) hand(unread.shift()!);
            });
          },
          close: (code = 1005) => goodbye(new SocketClosedError(code, '')),
          terminate: () => goodbye(new SocketClosedError(1006, '')),
          bufferedBytes: 0,
        };
      },
    };

    const feed = createFeed({
      url: 'ws://test',
      transport,
      random: () => 0.5,
      reconnect: { jitter: 'none', initialMs: 37, maxMs: 37, multiplier: 1 },
      heartbeat: { everyMs: 1_517, timeoutMs: 311, latencyEveryMs: Infinity },
      buffer: {
        maxItems,
        overflow: policy,
        sliceMs: 1,
        ...(policy === 'conflate' && { key: (text: unknown) => /"key":"(\w+)"/.exec(String(text))?.[1] }),
      },
      subscriptions: {
        subscribe: (_topics, id) => ({ op: 'subscribe', id }),
        unsubscribe: () => ({ op: 'unsubscribe' }),
        ack: (message) => {
          const { type, id } = message as { type?: string; id?: number };
          return type === 'ack' && id !== undefined ? { id, ok: true } : undefined;
        },
      },
      streams: {
        trade: {
          schema: Data,
          key: (m) => m.key,
          dedupe: { maxKeys: 6, windowMs: 900 },
          topic: (m) => m.topic,
          sequence: { of: (m) => m.seq },
        },
        order: { schema: Data, topic: (m) => m.topic, sequence: { of: (m) => m.seq, scope: 'connection' } },
        tick: { schema: Data, topic: (m) => m.topic },
        book: {
          schema: Data,
          ...(isKeyed && { key: (m: { readonly key: string }) => m.key }),
          topic: (m) => m.topic,
          sequence: {
            of: (m) => m.seq,
            scope: 'stream',
            recover: ({ after, before }) =>
              timer(ANSWER_MS).pipe(
                map(() => missingIn(after, before).map(({ text }) => JSON.parse(text) as unknown)),
              ),
          },
        },
      },
    });
    let failure: unknown;
    const guard = (act: () => void): void => {
      if (failure !== undefined) return;
      try {
        act();
      } catch (error) {
        failure = error;
        void feed.close({ timeoutMs: 0 }); // an open feed keeps virtual time going for ever
      }
    };
    const events: string[] = [];
    const counted = { connected: 0, disconnected: 0 };
    feed.events$.subscribe((event: FeedEvent) => {
      guard(() => expect(isBalanced(feed.stats())).toBe(true));
      if (event.type === 'gap') events.push(`gap ${event.stream} ${event.after}..${event.before}`);
      if (event.type === 'late')
        events.push(`late ${event.stream} ${event.sequence} expected ${event.expected}`);
      if (event.type === 'duplicate') events.push(`duplicate ${event.stream}`);
      if (event.type === 'overflow')
        events.push(`overflow ${event.policy === 'closed' ? 'closed ' : ''}${event.count}`);
      if (event.type === 'rejected') {
        const { reason, stream: name } = event.rejected;
        events.push(`rejected ${reason}${name === undefined ? '' : ` ${name}`}`);
      }
      if (event.type === 'connected' || event.type === 'disconnected') counted[event.type] += 1;
    });

    // What the server has to say.
    const topicOf = new Map<number, string>();
    const said: string[] = [];
    const seqs = new Map<string, number>();
    let n = 0;
    const make = (type: string, to: string, skip = 0): string => {
      n += 1;
      const scope = type === 'order' || type === 'book' ? type : `${type}/${to}`;
      const seq = (seqs.get(scope) ?? 0) + 1 + skip;
      seqs.set(scope, seq);
      topicOf.set(n, to);
      const text = JSON.stringify({ type, topic: to, key: `k${n}`, seq, n });
      if (type === 'book') book.set(seq, { seq, n, text });
      said.push(text);
      return text;
    };

    const listen = (name: Name, to: string | undefined, doesThrow: boolean): void => {
      const got: number[] = [];
      const subscription = feed.stream(name, to).subscribe((message) => {
        guard(() => expect(isBalanced(feed.stats())).toBe(true));
        got.push(message.n);
        if (!doesThrow) return;
        thrown += 1;
        throw new Error('a consumer fails');
      });
      listeners.add({ stream: name, topic: to, subscription, expected: [], got });
    };

    const perform = (what: Step): void => {
      switch (what.do) {
        case 'send':
          // What is skipped exists, but for the book it can be asked for.
          if (what.stream === 'book')
            for (let count = 0; count < what.skip; count += 1) make('book', what.topic);
          hand(make(what.stream, what.topic, what.stream === 'book' ? 0 : what.skip));
          break;
        case 'repeat': {
          const again = said[said.length - what.back];
          if (again !== undefined) hand(again);
          break;
        }
        case 'swap': {
          const [first, second] = [make('trade', 'A'), make('trade', 'A')];
          hand(second);
          hand(first);
          break;
        }
        case 'misfit':
          hand('{"type":"trade","n":"none"}');
          break;
        case 'garbage':
          hand('{"type":');
          break;
        case 'stranger':
          hand('{"type":"nobody","n":1}');
          break;
        case 'flood':
          for (let count = 0; count < what.count; count += 1) hand(make('tick', 'A'));
          break;
        case 'drop':
          refusals = what.refusals;
          if (client !== undefined) end(client.handler, new SocketClosedError(what.code, ''));
          break;
        case 'vanish':
          if (client !== undefined) client.isMute = true;
          break;
        case 'reconnect':
          if (isOpenTo) feed.reconnect();
          break;
        case 'join':
        case 'throw':
          if (isOpenTo) listen(what.stream, what.topic, what.do === 'throw');
          break;
        case 'leave':
          for (const listener of listeners)
            if (listener.stream === what.stream && listener.topic === what.topic) leave(listener);
          break;
        case 'close':
          if (!isOpenTo) break;
          isOpenTo = false;
          void feed.close({ timeoutMs: isCut ? 0 : 20_000 });
          break;
      }
    };
    const checked: Listener[] = [];
    const leave = (listener: Listener): void => {
      listener.subscription.unsubscribe();
      listeners.delete(listener);
      checked.push(listener);
    };

    const compare = (): void => {
      const { streams, ...counts } = feed.stats();
      const pages = Object.entries(streams).map(([name, page]) => [name, { ...page, dedupe: undefined }]);
      expect({ ...counts, streams: Object.fromEntries(pages) as unknown }).toStrictEqual({
        ...oracle.feed,
        streams: Object.fromEntries(
          Array.from(oracle.streams, ([name, page]) => [name, { ...page, dedupe: undefined }]),
        ),
      });
      expect(isBalanced(counts) && Object.values(streams).every(isBalanced)).toBe(true);
      expect(events).toStrictEqual(oracle.events);
      for (const { got, expected } of [...listeners, ...checked]) expect(got).toStrictEqual(expected);
    };

    // The oracle's turns come when the feed's do, whatever happens between: both count from the first frame of a turn.
    let awaited: number | undefined;
    let answering: number | undefined;
    const awaitTurn = (): void => {
      const { turnEnds } = oracle;
      if (turnEnds === undefined || turnEnds === awaited) return;
      awaited = turnEnds;
      timer(turnEnds - asyncScheduler.now()).subscribe(() =>
        guard(() => tellOracle(() => oracle.turn(turnEnds))),
      );
    };
    const awaitAnswer = (): void => {
      const { answerAt } = oracle;
      if (answerAt === undefined || answerAt === answering) return;
      answering = answerAt;
      timer(answerAt - asyncScheduler.now()).subscribe(() =>
        guard(() => {
          if (oracle.answerAt === answerAt) tellOracle(() => oracle.answer(answerAt));
        }),
      );
    };
    feed.status$.subscribe(({ state }) => {
      if (state !== 'CLOSED') return;
      guard(() =>
        tellOracle(() => {
          oracle.abandon();
          oracle.giveUp();
        }),
      );
    });

    void feed.open().catch(() => undefined);
    const all: readonly Step[] = [...script, { do: 'close' }];
    all.forEach((what, index) => {
      timer(50 + (index + 1) * STEP_MS).subscribe(() => guard(() => perform(what)));
      timer(50 + (index + 1) * STEP_MS + 49).subscribe(() => guard(compare));
    });
    timer(all.length * STEP_MS + 5_000).subscribe(() =>
      guard(() => {
        compare();
        expect(feed.stats().held).toBe(0);
        // Each dial ends with a word, but the one that close() ended.
        expect([dials - 1, dials]).toContain(counted.disconnected);
        expect(counted.connected).toBeLessThanOrEqual(dials);
        expect(uncaught).toBe(thrown);
      }),
    );
    flush();
    rxjs.onUnhandledError = null;
    if (failure !== undefined) throw failure; // eslint-disable-line @typescript-eslint/only-throw-error -- of expect()
  });
}

describe('a feed against an oracle that knows what was sent', () => {
  it(`does in ${RUNS} random scripts what it says, and counts it`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 40 }),
        fc.constantFrom<Policy>('drop-oldest', 'drop-newest', 'conflate', 'pause'),
        fc.integer({ min: 1, max: 8 }),
        fc.boolean(),
        // Between two scripts, what hangs on the promises of the last one is let go.
        async (...script) => {
          play(...script);
          await Promise.resolve();
        },
      ),
      { numRuns: RUNS },
    );
  });
});
