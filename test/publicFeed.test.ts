import { inspect } from 'node:util';
import { firstValueFrom, Observable, type Observer } from 'rxjs';
import * as v from 'valibot';
import { createFeed } from '../src/feed.js';
import { PublicFeed, type Feed } from '../src/publicFeed.js';
import type { Schemas } from '../src/feedConfig.js';
import type { Session } from '../src/streams/session.js';
import { settled } from '../src/streams/settled.js';
import { scriptedTransport } from '../src/testing/scriptedTransport.js';
import { collectGarbage } from './collectGarbage.js';

describe('the feed a user gets', () => {
  const names = [
    ...([
      'stream',
      'stats',
      'open',
      'send',
      'request',
      'takeUnsent',
      'pause',
      'resume',
      'reconnect',
      'rotate',
      'close',
    ] as const),
  ];
  const called: unknown[] = [];
  const inner = {
    ...Object.fromEntries(names.map((name) => [name, (...args: unknown[]) => called.push([name, ...args])])),
    status$: 'status$',
    events$: 'events$',
    rejected$: 'rejected$',
    health: {
      changes$: 'changes$',
      status: () => ['rows'],
      isHealthy: () => true,
      isStreamHealthy: (stream: string, topic?: string) => `${stream} ${topic}`,
    },
    bufferedBytes: 7,
    secret: 'of its own',
  } as unknown as Feed<Schemas>;
  const feed = new PublicFeed(inner);

  it.each(names)('%s works without its this, and hands on what it is given', (name) => {
    called.length = 0;
    const method = feed[name] as (...args: unknown[]) => unknown;
    method('a', 'b');

    expect(called).toStrictEqual([[name, ...['a', 'b'].slice(0, method.length)]]);
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
    const { status$, events$, rejected$, health, bufferedBytes } = feed;
    const { changes$, status, isHealthy, isStreamHealthy } = health;

    expect([status$, events$, rejected$, bufferedBytes]).toStrictEqual([
      ...['status$', 'events$', 'rejected$', 7],
    ]);
    expect([changes$, status(), isHealthy(), isStreamHealthy('a', 'b')]).toStrictEqual([
      ...['changes$', ['rows'], true, 'a b'],
    ]);
  });
});
