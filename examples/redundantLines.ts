/**
 * One stream from two servers that carry the same trades: `npx tsx examples/redundantLines.ts`. Each is killed in turn, again and
 * again, and nothing is missing. Prints what each line was good for.
 */
import { arbitrate, type ArbitrationStats, createFeed } from 'millrace';
import { startFaultServer } from 'millrace/testing';
import { filter, firstValueFrom, interval, lastValueFrom, merge, take, tap, timer } from 'rxjs';
import * as v from 'valibot';

const Trade = v.object({ type: v.literal('trade'), id: v.number(), price: v.string() });

/** What came of it. */
export interface Outcome {
  readonly published: number;
  readonly ids: readonly number[];
  readonly stats: ArbitrationStats;
}

/** Publishes trades on both lines, and kills one of them after every `perKill` of them until `kills` are done. */
export async function redundantLines({ kills = 6, perKill = 20, tickMs = 5 } = {}): Promise<Outcome> {
  const servers = [await startFaultServer(), await startFaultServer()] as const;
  const feeds = servers.map(({ url }) =>
    createFeed({
      url,
      reconnect: { initialMs: 10, maxMs: 50 },
      streams: { trade: { schema: Trade, key: (trade) => trade.id } },
    }),
  );

  // This is all it takes.
  const lines = arbitrate(
    feeds.map((feed, index) => ({ name: index === 0 ? 'A' : 'B', values$: feed.stream('trade') })),
    {
      sequence: { of: (trade) => trade.id },
      windowMs: 1_000,
      onGap: ({ after, before }) => console.error(`lost on both lines: ${after + 1} to ${before - 1}`),
    },
  );

  const ids: number[] = [];
  const done = new Promise<void>((resolve, reject) => {
    lines.values$.subscribe({ next: ({ id }) => ids.push(id), complete: resolve, error: reject });
  });
  const isUp = (index: number): Promise<unknown> =>
    firstValueFrom(
      merge(timer(0, 5), feeds[index]!.status$).pipe(
        filter(() => servers[index]!.clients.size > 0 && feeds[index]!.health.isHealthy()),
      ),
    );
  let published = 0;
  const publish = (count: number): Promise<unknown> =>
    lastValueFrom(
      interval(tickMs).pipe(
        take(count),
        tap(() => {
          published += 1;
          const trade = JSON.stringify({ type: 'trade', id: published, price: `${published}.5` });
          for (const server of servers) server.broadcast(trade);
        }),
      ),
    );

  await Promise.all([isUp(0), isUp(1)]);
  for (let kill = 0; kill < kills; kill += 1) {
    await publish(perKill);
    servers[kill % 2]!.drop();
    await publish(perKill);
    await isUp(kill % 2);
  }
  // What is still under way when a feed closes would be lost.
  while (ids.at(-1) !== published) await firstValueFrom(lines.values$);
  await Promise.all(feeds.map((feed) => feed.close()));
  await done;
  await Promise.all(servers.map((server) => server.close()));
  return { published, ids, stats: lines.stats() };
}

const print = ({ published, ids, stats }: Outcome): void => {
  console.log(`${published} published, ${ids.length} received, ${stats.missing} missing`);
  for (const [name, { wins, losses, leadMs }] of Object.entries(stats.lines)) {
    console.log(
      `${name}: first with ${wins}, lost ${losses}, ahead by ${leadMs.mean.toFixed(2)} ms on average`,
    );
  }
};

if (process.argv[1]?.endsWith('redundantLines.ts') === true) void redundantLines().then(print);
