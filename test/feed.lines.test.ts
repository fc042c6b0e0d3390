import { filter, firstValueFrom, merge, timeout } from 'rxjs';
import * as v from 'valibot';
import {
  arbitrate,
  type ArbitrateConfig,
  type Arbitration,
  createFeed,
  createSeenKeys,
  type Feed,
  type Gap,
  isBalanced,
  type SeenKeys,
} from 'millrace';
import { type FaultServer, startFaultServer } from 'millrace/testing';

const Tick = v.object({ type: v.literal('tick'), id: v.number() });
type Tick = v.InferOutput<typeof Tick>;

const cleanups: (() => unknown)[] = [];
const after = <T>(value: T, cleanup: (value: T) => unknown): T => {
  cleanups.push(() => cleanup(value));
  return value;
};
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Line {
  readonly server: FaultServer;
  readonly feed: Feed<{ tick: typeof Tick }>;
}

const line = async (memory?: SeenKeys): Promise<Line> => {
  const server = after(await startFaultServer(), (started) => started.close());
  const feed = createFeed({
    url: server.url,
    reconnect: { initialMs: 5, maxMs: 10 },
    streams: { tick: { schema: Tick, key: (tick) => tick.id, ...(memory && { dedupe: { memory } }) } },
  });
  after(feed, () => feed.close({ timeoutMs: 100 }));
  return { server, feed };
};

const isReady = async ({ feed, server }: Line): Promise<void> => {
  await firstValueFrom(
    feed.status$.pipe(
      filter(({ state }) => state === 'CONNECTED' && server.clients.size > 0),
      timeout(15_000),
    ),
  );
};

/** Both lines carry the same ticks; `send` publishes the next ones on those that are up. */
async function scene(config: Partial<ArbitrateConfig<Tick>> = {}) {
  const lines = [await line(), await line()] as const;
  const gaps: Gap[] = [];
  const arbitration: Arbitration<Tick> = arbitrate(
    lines.map(({ feed }, index) => ({ name: 'AB'[index]!, values$: feed.stream('tick') })),
    {
      sequence: { of: ({ id }) => id },
      windowMs: 5_000,
      onGap: (gap) => gaps.push(gap),
      ...config,
    } as ArbitrateConfig<Tick>,
  );
  const ids: number[] = [];
  const errors: unknown[] = [];
  const subscription = arbitration.values$.subscribe({
    next: ({ id }) => ids.push(id),
    error: (error: unknown) => errors.push(error),
  });
  after(subscription, () => subscription.unsubscribe());
  await Promise.all(lines.map(isReady));

  let sent = 0;
  return {
    lines,
    ids,
    gaps,
    errors,
    arbitration,
    sent: () => Array.from({ length: sent }, (_, index) => index + 1),
    send: (count: number): void => {
      for (const { server } of lines) {
        for (let id = sent + 1; id <= sent + count; id += 1) {
          server.broadcast(JSON.stringify({ type: 'tick', id }));
        }
      }
      sent += count;
    },
    /** All that was sent came out. */
    arrived: () =>
      sent === ids.at(-1)
        ? Promise.resolve()
        : firstValueFrom(
            arbitration.values$.pipe(
              filter(({ id }) => id === sent),
              timeout(15_000),
            ),
          ),
  };
}

/** Ends the connection in mid-flow, and every dial until the server accepts again. */
const kill = ({ server }: Line): void => {
  server.refuse('drop');
  server.drop();
};

describe('two feeds of the same stream', () => {
  it.each(['sequence', 'arrival'] as const)(
    'lose and repeat nothing while one lives, killed in turns, in order of %s',
    async (order) => {
      const { lines, ids, gaps, errors, arbitration, send, sent, arrived } = await scene({ order });

      for (const [victim, other] of [
        [0, 1],
        [1, 0],
        [0, 1],
        [1, 0],
      ] as const) {
        send(5);
        kill(lines[victim]);
        send(5);
        await arrived();
        lines[victim].server.refuse();
        await isReady(lines[victim]);
        expect(lines[other].server.clients.size).toBe(1);
      }
      send(5);
      await arrived();

      expect([...ids].sort((a, b) => a - b)).toStrictEqual(sent());
      if (order === 'sequence') expect(ids).toStrictEqual(sent());
      expect(gaps).toStrictEqual([]);
      expect(errors).toStrictEqual([]);
      const { emitted, lines: stats } = arbitration.stats();
      expect(emitted).toBe(45);
      expect(stats['A']!.wins + stats['B']!.wins).toBe(45);
      for (const { feed } of lines) expect(isBalanced(feed.stats())).toBe(true);
    },
  );

  it('is silent about nothing that both lost', async () => {
    const { lines, ids, gaps, arbitration, send, arrived } = await scene({ windowMs: 20 });
    send(3);
    await arrived();
    for (const each of lines) kill(each);
    send(4);
    for (const { server } of lines) server.refuse();
    await Promise.all(lines.map(isReady));
    send(2);
    await arrived();

    expect(ids).toStrictEqual([1, 2, 3, 8, 9]);
    expect(gaps).toStrictEqual([{ after: 3, before: 8, missing: 4 }]);
    expect(arbitration.stats()).toMatchObject({ gaps: 1, missing: 4 });
  });

  it('goes on with the other when one is closed for good, and ends with the last', async () => {
    const { lines, ids, arbitration, send, sent, arrived } = await scene();
    await lines[0].feed.close({ timeoutMs: 100 });
    send(3);
    await arrived();
    expect(arbitration.stats().lines).toMatchObject({ A: { isAlive: false }, B: { isAlive: true, wins: 3 } });

    const ended = new Promise<void>((resolve) => arbitration.values$.subscribe({ complete: resolve }));
    await lines[1].feed.close({ timeoutMs: 100 });
    await ended;
    expect(ids).toStrictEqual(sent());
  });

  it('delivers each value once between them with one memory, and tells how often it was asked', async () => {
    const memory = createSeenKeys();
    const lines = [await line(memory), await line(memory)] as const;
    const ids: number[] = [];
    const both = lines.map(({ feed }) => feed.stream('tick'));
    for (const ticks$ of both) {
      const subscription = ticks$.subscribe(({ id }) => ids.push(id));
      after(subscription, () => subscription.unsubscribe());
    }
    await Promise.all(lines.map(isReady));
    const counted = (): number =>
      lines.reduce((sum, { feed }) => sum + feed.stats().streams['tick']!.received, 0);
    const all = firstValueFrom(
      merge(...both, ...lines.map(({ feed }) => feed.events$)).pipe(
        filter(() => counted() === 7),
        timeout(15_000),
      ),
    );
    // A broken copy comes first, and keeps nobody from the good one.
    lines[0].server.broadcast('{"type":"tick","id":"1"}');
    for (const { server } of lines) {
      for (const id of [1, 2, 3]) server.broadcast(JSON.stringify({ type: 'tick', id }));
    }
    await all;

    expect([...ids].sort()).toStrictEqual([1, 2, 3]);
    expect(lines[0].feed.stats().streams['tick']).toMatchObject({ rejected: 1 });
    const expected = { size: 3, hits: 3, misses: 3, evictions: 0 };
    expect(memory.stats()).toStrictEqual(expected);
    for (const { feed } of lines) expect(feed.stats().streams['tick']!.dedupe).toStrictEqual(expected);
  });
});
