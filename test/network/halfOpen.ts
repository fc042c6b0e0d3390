/**
 * A feed on a network that can be cut for real. Run as root, in a network namespace of its own, so that there is nothing to
 * clean up: `unshare -n node --import tsx test/network/halfOpen.ts`. Says what happened in one JSON line a scenario.
 */
import { execFileSync } from 'node:child_process';
import { asyncScheduler, filter, firstValueFrom, take, toArray } from 'rxjs';
import * as v from 'valibot';
import { createFeed, type Feed, type FeedConfig, type FeedEvent } from 'millrace';
import { startFaultServer } from 'millrace/testing';

const Tick = v.object({ type: v.literal('tick'), seq: v.number() });
type Streams = { readonly tick: typeof Tick };

const run = (command: string): void => {
  const [file = '', ...args] = command.split(' ');
  execFileSync(file, args, { stdio: ['ignore', 'ignore', 'inherit'] });
};

/** Both ends stay open, and every packet between them is lost: nobody is told anything. */
const cut = (port: number): void => {
  run('nft add table inet cut');
  run('nft add chain inet cut in { type filter hook input priority 0 ; }');
  for (const side of ['dport', 'sport']) run(`nft add rule inet cut in tcp ${side} ${port} drop`);
};
const heal = (): void => run('nft flush ruleset');

run('ip link set lo up');

const server = await startFaultServer();
let seq = 0;
const ticking = asyncScheduler.schedule(function () {
  seq += 1;
  server.broadcast(JSON.stringify({ type: 'tick', seq }));
  this.schedule(undefined, 10);
}, 10);

const until = <K extends FeedEvent['type']>(
  feed: Feed<Streams>,
  type: K,
  isIt: (event: Extract<FeedEvent, { type: K }>) => boolean = () => true,
): Promise<Extract<FeedEvent, { type: K }>> =>
  firstValueFrom(
    feed.events$.pipe(
      filter(
        (event): event is Extract<FeedEvent, { type: K }> => event.type === type && isIt(event as never),
      ),
    ),
  );

interface Watched {
  readonly feed: Feed<Streams>;
  readonly seqs: number[];
  readonly states: string[];
  readonly outcome: unknown[];
}

const watch = (config: Partial<FeedConfig<Streams>> = {}): Watched => {
  const feed = createFeed<Streams>({
    url: server.url,
    connectTimeoutMs: 300,
    heartbeat: { everyMs: 200, timeoutMs: 200 },
    reconnect: { initialMs: 50, maxMs: 100 },
    streams: { tick: { schema: Tick, key: (t) => t.seq, sequence: { of: (t) => t.seq } } },
    ...config,
  });
  const watched: Watched = { feed, seqs: [], states: [], outcome: [] };
  feed.status$.subscribe({ next: ({ state }) => watched.states.push(state) });
  feed.stream('tick').subscribe({
    next: (tick) => watched.seqs.push(tick.seq),
    error: (error: unknown) => watched.outcome.push((error as Error).name),
    complete: () => watched.outcome.push('complete'),
  });
  return watched;
};

const nameOf = (error: unknown): string => (error as Error).name;
const say = (scenario: string, facts: object): void => console.log(JSON.stringify({ scenario, ...facts }));

/** Both the values and the gaps that were told: together, every number from the first to the last, once. */
const account = ({ seqs }: Watched, gaps: readonly { after: number; before: number }[]) => {
  const missing = gaps.flatMap(({ after, before }) =>
    Array.from({ length: before - after - 1 }, (_, n) => after + 1 + n),
  );
  const all = [...seqs, ...missing].sort((a, b) => a - b);
  return {
    duplicates: seqs.length - new Set(seqs).size,
    isWhole: all.every((number, index) => number === all[0]! + index),
  };
};

const gapsOf = (feed: Feed<Streams>) => {
  const gaps: { after: number; before: number }[] = [];
  feed.events$.subscribe((event) => event.type === 'gap' && gaps.push(event));
  return gaps;
};

// 1. Cut while data flows: the heartbeat alone notices; dials time out until it is healed; the gap is told.
{
  const watched = watch();
  const { feed } = watched;
  const gaps = gapsOf(feed);
  await firstValueFrom(feed.stream('tick').pipe(take(5), toArray()));
  const cutAt = asyncScheduler.now();
  const noticed = until(feed, 'disconnected');
  const failedDials = firstValueFrom(
    feed.events$.pipe(
      filter((event) => event.type === 'disconnected' && nameOf(event.error) !== 'HeartbeatTimeoutError'),
      take(2),
      toArray(),
    ),
  );
  cut(server.port);
  const { error, at, class: name } = await noticed;
  const reconnecting = watched.states.includes('RECONNECTING');
  const dials = (await failedDials).map((event) => event.type === 'disconnected' && nameOf(event.error));
  const connected = until(feed, 'connected');
  const lastBefore = watched.seqs.at(-1)!;
  heal();
  await connected;
  await firstValueFrom(feed.stream('tick').pipe(filter((tick) => tick.seq > lastBefore + 5)));
  await feed.close({ timeoutMs: 500 });
  say('ready', {
    error: nameOf(error),
    class: name,
    noticedAfterMs: at - cutAt,
    reconnecting,
    dials,
    gaps: gaps.length,
    ...account(watched, gaps),
    outcome: watched.outcome,
  });
}

// 2. Cut while dialling: the dial times out, the next ones too, until it is healed.
{
  cut(server.port);
  const watched = watch();
  const failures = (
    await firstValueFrom(
      watched.feed.events$.pipe(
        filter((event) => event.type === 'disconnected'),
        take(2),
        toArray(),
      ),
    )
  ).map(({ error, class: name }) => `${name} ${nameOf(error)}`);
  const connected = until(watched.feed, 'connected');
  heal();
  await connected;
  await firstValueFrom(watched.feed.stream('tick'));
  await watched.feed.close({ timeoutMs: 500 });
  say('dialling', { failures, outcome: watched.outcome });
}

// 3. Cut, then close(): the answer never comes, and the deadline is kept.
{
  const watched = watch({ heartbeat: { off: true } });
  await firstValueFrom(watched.feed.stream('tick'));
  cut(server.port);
  const before = asyncScheduler.now();
  await watched.feed.close({ timeoutMs: 400 });
  const tookMs = asyncScheduler.now() - before;
  heal();
  say('closing', { tookMs, state: watched.states.at(-1), outcome: watched.outcome });
}

// 4. Cut while it waits for its next dial: that one times out, and it comes back once healed.
{
  const watched = watch({ reconnect: { initialMs: 300, maxMs: 300, jitter: 'none' } });
  await firstValueFrom(watched.feed.stream('tick'));
  const waiting = until(watched.feed, 'retry');
  server.drop(1012);
  await waiting;
  cut(server.port);
  const { error } = await until(watched.feed, 'disconnected');
  const connected = until(watched.feed, 'connected');
  heal();
  await connected;
  await firstValueFrom(watched.feed.stream('tick'));
  await watched.feed.close({ timeoutMs: 500 });
  say('backing off', { error: nameOf(error), outcome: watched.outcome });
}

// 5. A name that nobody can resolve: a failure of the network, retried.
{
  const watched = watch({ url: 'ws://feed.invalid/' });
  const failures = await firstValueFrom(
    watched.feed.events$.pipe(
      filter((event) => event.type === 'disconnected'),
      take(2),
      toArray(),
    ),
  );
  await watched.feed.close({ timeoutMs: 500 });
  say('unresolvable', {
    failures: failures.map(({ class: name }) => name),
    isDns: failures.every(({ error }) => /^(ENOTFOUND|EAI_)/.test((error as { code: string }).code)),
    outcome: watched.outcome,
  });
}

ticking.unsubscribe();
await server.close();
