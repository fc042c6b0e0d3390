import { inspect } from 'node:util';
import { asyncScheduler, filter, type Observable, of, throwError, timer } from 'rxjs';
import type { FeedConfig, FeedEvent } from 'millrace';
import { closes, type FaultClient, refuses } from 'millrace/testing';
import { marbles } from './marbles.js';
import { scene, told, type TestSchemas } from './scene.js';
import { feedOn, serve, soon, tick } from './behaviours/loopback.js';

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

/** A login in each, as it is in the field: what a test expects is never to show one. */
const urls = ['a', 'b', 'c'].map((name) => `wss://user:secret@${name}.test/?token=secret`);
const steady = { jitter: 'none', initialMs: 100, multiplier: 1, stableMs: 500 } as const;

interface Story {
  /** `at host` of each dial. */
  readonly dials: readonly string[];
  readonly events: readonly FeedEvent[];
  readonly errors: readonly unknown[];
}

/** What a feed dials until `endMs`, in virtual time, in full. */
const play = (
  attempts: readonly string[],
  config: Partial<FeedConfig<TestSchemas>> = {},
  act: (feed: ReturnType<typeof scene>['feed']) => void = () => undefined,
): Story => {
  const dials: string[] = [];
  const errors: unknown[] = [];
  let all: readonly FeedEvent[] = [];
  marbles(({ flush }) => {
    const { feed, transport, events } = scene(
      attempts,
      { x: closes(1012), n: refuses(404) },
      { url: urls, reconnect: steady, ...config },
      { endMs: 5_000 },
    );
    all = events;
    transport.log$.pipe(filter((entry) => entry.type === 'dial')).subscribe(({ url }) => {
      dials.push(`${asyncScheduler.now()} ${new URL(url).hostname[0]!}`);
    });
    feed.stream('trade').subscribe({ error: (error: unknown) => errors.push(error) });
    act(feed);
    flush();
  })();
  return { dials, events: all, errors };
};

describe('a feed with several endpoints', () => {
  it('tries the next after each failure, whatever kind it is, and the first again after the last', () => {
    expect(play(['#', 'ox', '#', '#', 'o']).dials).toStrictEqual(['0 a', '100 b', '201 c', '301 a', '401 b']);
  });

  it('goes back to the preferred one when a stable connection to another is lost', () => {
    expect(play(['#', 'o 600ms x', 'o']).dials).toStrictEqual(['0 a', '100 b', '801 a']);
  });

  it('goes back to the preferred one with a rotation, and keeps what it has if that fails', () => {
    const { dials, events } = play(['#', 'o', '#', 'o'], {}, (feed) => at(1_000, () => feed.rotate()));

    expect(dials).toStrictEqual(['0 a', '100 b', '1000 a', '1100 b']);
    expect(told(events).filter((line) => line.includes('rotat'))).toStrictEqual([
      '1000 rotating',
      '1000 rotateFailed',
      '1100 rotated',
    ]);
  });

  it('stays with the one in use through a reconnect() that the user asked for', () => {
    const { dials } = play(['#', 'o', 'o'], {}, (feed) => at(1_000, () => feed.reconnect()));

    expect(dials).toStrictEqual(['0 a', '100 b', '1000 b']);
  });

  it('gives up on a class that is fatal only when each of them has failed', () => {
    expect(play(['n', 'n', 'o']).dials).toStrictEqual(['0 a', '100 b', '200 c']);

    const { dials, errors } = play(['n', 'n', 'n', 'o']);
    expect(dials).toStrictEqual(['0 a', '100 b', '200 c']);
    expect(errors).toMatchObject([{ name: 'HandshakeError', status: 404 }]);
  });

  it('does not give up for one that can never work while another is only down', () => {
    const { dials, errors } = play(['#', 'n', '#', 'n', '#', 'n', 'o'], { url: urls.slice(0, 2) });

    expect(dials).toStrictEqual(['0 a', '100 b', '200 a', '300 b', '400 a', '500 b', '600 a']);
    expect(errors).toStrictEqual([]);
  });

  it('does not hold against one what it was long ago', () => {
    const { errors } = play(['n', 'o 600ms x', 'o 600ms x', '#', 'n', 'o'], { url: urls.slice(0, 2) });

    expect(errors).toStrictEqual([]);
  });

  it.each<[string, string, NonNullable<FeedConfig<TestSchemas>['reconnect']>]>([
    ['gave up', '#', { maxAttempts: 0 }],
    ['gave up on a class', 'n', { policies: { config: { maxFailures: 1, action: 'retry' } } }],
    ['was completed by a policy', 'o 600ms x', { policies: { network: { action: 'complete' } } }],
  ])('tries the next when it is started again after it %s', (_how, first, own) => {
    const { dials } = play([first, 'o'], { reconnect: { ...steady, ...own } }, (feed) =>
      at(1_000, () => feed.stream('trade').subscribe({ error: () => undefined })),
    );

    expect(dials).toStrictEqual(['0 a', '1000 b']);
  });

  it.each<[string, (list: readonly string[]) => Observable<readonly string[]> | readonly string[]]>([
    ['a value', (list) => list],
    ['an Observable', (list) => of(list)],
  ])('takes the list from a function that yields %s, anew for each dial', (_kind, wrap) => {
    let asked = 0;
    const url = () => wrap(urls.map((each) => `${each}-${(asked += 1)}`));

    expect(play(['#', '#', 'o'], { url }).dials).toStrictEqual(['0 a', '100 b', '200 c']);
    expect(asked).toBe(9);
  });

  it('blames no endpoint for a provider that fails', () => {
    let asked = 0;
    const url = () => ((asked += 1) === 1 ? throwError(() => new Error('no token')) : of(urls));

    expect(play(['#', 'o'], { url }).dials).toStrictEqual(['100 a', '200 b']);
  });

  it('shows no login and no query of any of them, in no event', () => {
    const { events } = play(['#', 'ox', 'n', 'o 600ms x', 'o'], {}, (feed) => at(3_000, () => feed.rotate()));

    expect(events.filter((event) => event.type === 'connected').map((event) => event.url)).toStrictEqual([
      ...['wss://b.test/', 'wss://a.test/', 'wss://b.test/'],
    ]);
    expect(inspect(events, { depth: 20 }) + JSON.stringify(events)).not.toContain('secret');
  });

  it('fails over to a real server that answers, and back to the preferred one once that does', async () => {
    const onConnection = (id: number) => ({ onConnection: (client: FaultClient) => client.send(tick(id)) });
    const [first, second] = [await serve(onConnection(1)), await serve(onConnection(2))];
    first.refuse('drop');
    const feed = feedOn(() => Promise.resolve([first.url, second.url]), {
      reconnect: { initialMs: 5, maxMs: 5, stableMs: 0 },
    });
    const comes = (id: number): Promise<unknown> =>
      soon(feed.stream('tick').pipe(filter((t) => t.id === id)));
    feed.stream('tick').subscribe();
    await comes(2);
    first.refuse();
    const back = comes(1);
    second.drop(1012);
    await back;

    expect([first.clients.size, second.clients.size]).toStrictEqual([1, 0]);
  });
});
