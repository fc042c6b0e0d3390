import { setTimeout as wait } from 'node:timers/promises';
import { stampUs } from '../latency/clock.js';
import { takeAll, tradeFeed } from '../latency/tradeFeed.js';

/** A feed whose event loop is blocked for so long while the server goes on. */
export interface StallTask {
  readonly kind: 'stall';
  readonly url: string;
  readonly blockMs: number;
}

export interface StallResult {
  readonly kind: 'stall';
  /** Delivered before and after the stall: 0 is a run that shows nothing. */
  readonly before: number;
  readonly after: number;
  /** What the feed told of a connection or a stream that only seemed dead. */
  readonly alarms: readonly string[];
}

/** The heartbeat gives up after 1 s without a frame, a stream is stale after as long: both would be far over. */
export async function runStall({ url, blockMs }: StallTask): Promise<StallResult> {
  const feed = tradeFeed(url, { heartbeat: { everyMs: 500, timeoutMs: 500 }, staleAfterMs: 1_000 });
  const alarms: string[] = [];
  let delivered = 0;
  feed.events$.subscribe({
    next: (event) => {
      if (event.type === 'disconnected') alarms.push(`disconnected: ${String(event.error)}`);
      if (event.type === 'unhealthy') alarms.push(`unhealthy: ${event.stream}`);
    },
    error: console.error,
  });
  takeAll(feed, () => (delivered += 1));
  await wait(700);
  const before = delivered;
  const until = stampUs() + blockMs * 1_000;
  while (stampUs() < until);
  await wait(1_500);
  return { kind: 'stall', before, after: delivered - before, alarms };
}
