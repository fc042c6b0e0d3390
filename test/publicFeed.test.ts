import { inspect } from 'node:util';
import { BehaviorSubject, firstValueFrom, Observable, type Observer } from 'rxjs';
import * as v from 'valibot';
import { createFeed } from '../src/feed.js';
import { type FeedParts, PublicFeed } from '../src/publicFeed.js';
import type { Ticket } from '../src/streams/outbox.js';
import type { Session } from '../src/streams/session.js';
import { settled } from '../src/streams/settled.js';
import { scriptedTransport } from '../src/testing/scriptedTransport.js';
import { collectGarbage } from './collectGarbage.js';

describe('the feed a user gets', () => {
  const called: unknown[] = [];
  const note =
    <T>(name: string, result?: T) =>
    (...args: unknown[]): T => {
      called.push([name, ...args]);
      return result as T;
    };
  const parts = {
    config: { streams: { trade: { topic: () => '' }, order: {} }, transport: { can: { pause: true } } },
    life: {
      ...{ state: 'CONNECTED', enter: note('enter') },
      ...{ open: note('open', 'opened'), reconnect: note('reconnect'), close: note('close', 'closed') },
    },
    connection: {
      ...{ status$: new BehaviorSubject('status'), send: note('send', { result: 'queued' }) },
      ...{ unsentBytes: () => 3, takeUnsent: note('takeUnsent', ['unsent']), rotate: note('rotate') },
    },
    session: { socket: { bufferedBytes: 4 } } as { socket: { bufferedBytes: number } } | undefined,
    reading: { pause: note('pause'), resume: note('resume') },
    requests: {
      ask: (post: (...hooks: unknown[]) => unknown, config: unknown) => [
        'asked',
        post('onWritten', 'onGivenUp'),
        config,
      ],
    },
    dispatch: { readerStats: (): unknown => undefined },
    outlets: new Map<string, unknown>([
      ['trade', { memory: { stats: () => 'of keys' } }],
      ['order', {}],
    ]),
    events: { values$: 'events$' },
    rejects: { rejected$: 'rejected$' },
    ledger: { stats: () => ({ received: 5, streams: { trade: { received: 2 }, order: { received: 1 } } }) },
    health: {
      changes$: 'changes$',
      status: () => ['rows'],
      isHealthy: () => true,
      isStreamHealthy: (stream: string, topic?: string) => `${stream} ${topic}`,
    },
    secret: 'of its own',
  };
  const feed = new PublicFeed(parts as unknown as FeedParts);
  beforeEach(() => {
    called.length = 0;
  });

  it.each([
    ['open', [], 'opened'],
    ['takeUnsent', [], ['unsent']],
    ['pause', [], undefined],
    ['resume', [], undefined],
    ['rotate', [], undefined],
    ['reconnect', ['why'], undefined],
    ['close', [{ code: 4000 }], 'closed'],
  ] as const)('%s works without its this, and hands on what it is given', (name, args, result) => {
    const method = feed[name] as (...args: readonly unknown[]) => unknown;

    expect([method(...args), called]).toStrictEqual([result, [[name, ...args]]]);
  });

  it.each(['request', 'takeUnsent', 'pause', 'resume', 'reconnect', 'rotate'] as const)(
    'has one %s however often it is asked for, so that who added it as a listener can take it back',
    (name) => {
      expect(feed[name]).toBe(feed[name]);
    },
  );

  it('sends, by request too, while it is not closed, nor about to be', () => {
    const { send, request } = feed as unknown as Record<string, (...args: unknown[]) => unknown>;
    const sent = [send!('a'), request!('b', 'match')];
    expect(sent).toStrictEqual(['queued', ['asked', { result: 'queued' }, 'match']]);
    expect(called.splice(0)).toStrictEqual([
      ['send', 'a', undefined, undefined],
      ['send', 'b', 'onWritten', 'onGivenUp'],
    ]);
    const late = ['CLOSING', 'CLOSED'].map((state) => {
      parts.life.state = state;
      return send!('a');
    });
    const asked = request!('b', 'match') as [unknown, Ticket];
    parts.life.state = 'CONNECTED';

    expect([late, asked[1].result, asked[1].cancel(), called]).toStrictEqual([
      ...[['rejected', 'rejected'], 'rejected', false, []],
    ]);
  });

  it('counts, with what each memory of keys did, and with the readers if there are any', () => {
    const { stats } = feed;
    const own = {
      ...{ received: 5 },
      streams: { trade: { received: 2, dedupe: 'of keys' }, order: { received: 1 } },
    };
    expect(stats()).toStrictEqual(own);
    parts.dispatch.readerStats = () => 'of readers';

    expect(stats()).toStrictEqual({ ...own, reader: 'of readers' });
  });

  it.each([
    [['none'], 'stream: there is no stream "none"'],
    [['trade', 7], 'stream: a topic of "trade" must be a string, got 7'],
    [['order', 'BTC'], 'stream: "order" has no topics, got "BTC"'],
  ])('has no stream of %j', (args, message) => {
    const { stream } = feed as unknown as { stream: (...args: unknown[]) => unknown };

    expect(() => stream(...args)).toThrow(new TypeError(message));
  });

  it('cannot pause where the transport cannot stop reading', () => {
    parts.config.transport.can.pause = false;
    const { pause } = feed;

    expect(pause).toThrow(new TypeError('pause: the transport cannot stop reading'));
    expect(called).toStrictEqual([]);
    parts.config.transport.can.pause = true;
  });

  it('shows no secret when it is printed, nor does what it hands out', async () => {
    const config = { headers: { authorization: 'secret' } };
    const sessions: Session[] = [];
    const transport = scriptedTransport(['o']);
    const own = createFeed({
      ...{
        url: 'wss://user:secret@feed.test/?token=secret',
        socket: config,
        transport,
        heartbeat: { off: true },
      },
      authenticate: (session) => void sessions.push(session),
      onConnected: (session) => void sessions.push(session),
      streams: { trade: { schema: v.object({ type: v.literal('trade') }) } },
    });
    const subscription = own.stream('trade').subscribe();
    const { events$, rejected$ } = own;
    const others = [events$, rejected$].flatMap((all$: Observable<unknown>) => {
      all$.subscribe({ token: 'secret', next: () => undefined } as Partial<Observer<unknown>>);
      return [all$, all$.subscribe()];
    });
    await own.open();
    const [session, again] = sessions as [Session, Session];
    const deep = { depth: 20, customInspect: false };
    const printed = [own, subscription, ...others, session, session.messages$, { ...session }].flatMap(
      (each) => [inspect(each), inspect(each, { depth: 20 }), inspect(each, deep)],
    );
    printed.push(JSON.stringify(own), JSON.stringify(session));
    await own.close({ timeoutMs: 0 });

    expect(again).toBe(session);
    expect(printed.join('')).not.toContain('secret');
    expect(printed.at(-1)).toBe('{"generation":1}');
  });

  it('is not held by who keeps what it tells of', async () => {
    const make = (): [Observable<unknown>[], WeakRef<object>] => {
      const transport = scriptedTransport([]);
      const { events$, rejected$ } = createFeed({
        url: 'ws://feed.test',
        transport,
        streams: { trade: { schema: v.unknown() } },
      });
      return [[events$, rejected$], new WeakRef(transport)];
    };
    const [kept, transport] = make();
    await firstValueFrom(settled); // a WeakRef holds until the end of its turn
    collectGarbage();
    expect(transport.deref()).toBeUndefined();
    for (const all$ of kept) expect(all$).toBeInstanceOf(Observable);
  });

  it('shows what the feed shows', () => {
    const { events$, rejected$, health } = feed;
    const { changes$, status, isHealthy, isStreamHealthy } = health;
    const told: unknown[] = [];
    feed.status$.subscribe((each) => told.push(each));

    expect([told, events$, rejected$]).toStrictEqual([['status'], 'events$', 'rejected$']);
    expect([changes$, status(), isHealthy(), isStreamHealthy('a', 'b')]).toStrictEqual([
      ...['changes$', ['rows'], true, 'a b'],
    ]);
    expect(Object.is(feed.status$, feed.status$) && Object.is(feed.health, health)).toBe(true);
    expect((feed.status$ as Partial<BehaviorSubject<unknown>>).next).toBeUndefined();
  });

  it('has as many bytes buffered as wait to be sent, and wait in the socket if there is one', () => {
    const { session } = parts;
    const both = feed.bufferedBytes;
    parts.session = undefined;
    const without = feed.bufferedBytes;
    parts.session = session;

    expect([both, without]).toStrictEqual([7, 3]);
  });
});
