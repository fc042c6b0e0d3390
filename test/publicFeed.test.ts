import { inspect } from 'node:util';
import * as v from 'valibot';
import { createFeed } from '../src/feed.js';
import { PublicFeed, type Feed } from '../src/publicFeed.js';
import type { Schemas } from '../src/feedConfig.js';
import { scriptedTransport } from '../src/testing/scriptedTransport.js';

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
    const printed: string[] = [];
    const transport = scriptedTransport(['o']);
    const own = createFeed({
      ...{
        url: 'wss://user:secret@feed.test/?token=secret',
        socket: config,
        transport,
        heartbeat: { off: true },
      },
      authenticate: (session) => void printed.push(inspect(session), inspect(session, { depth: 20 })),
      streams: { trade: { schema: v.object({ type: v.literal('trade') }) } },
    });
    const subscription = own.stream('trade').subscribe();
    await own.open();
    printed.push(
      inspect(own),
      inspect(own, { depth: 20 }),
      JSON.stringify(own),
      inspect(subscription),
      inspect(subscription, { depth: 20 }),
    );
    await own.close({ timeoutMs: 0 });

    expect(printed).toHaveLength(7);
    expect(printed.join('')).not.toContain('secret');
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
