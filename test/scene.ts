import { timer } from 'rxjs';
import * as v from 'valibot';
import { createFeed, type Feed, type FeedConfig, type FeedEvent } from 'millrace';
import {
  scriptedTransport,
  type ScriptedTransport,
  type ScriptedTransportConfig,
} from '../src/testing/scriptedTransport.js';

export const Trade = v.object({ type: v.literal('trade'), symbol: v.string(), id: v.number() });
const Order = v.object({ type: v.literal('order'), orderId: v.string() });
export type Trade = v.InferOutput<typeof Trade>;

export const trade = (id: number, symbol = 'BTC'): Trade => ({ type: 'trade', symbol, id });
export const order = (orderId: string) => ({ type: 'order', orderId });

export type TestSchemas = { readonly trade: typeof Trade; readonly order: typeof Order };

export interface Scene {
  readonly feed: Feed<TestSchemas>;
  readonly transport: ScriptedTransport;
  /** Every event but `state`, as `at type` with what matters of it. */
  readonly events: FeedEvent[];
}

/**
 * A feed on scripts. With its `random` of one half and `equal` jitter over 100 ms doubled, the delays are 75, 150, 300,
 * 600 and 750 ms. Virtual time runs until nothing is left to happen, and a feed never gives up: it is closed at `endMs`.
 */
export function scene(
  attempts: string | readonly string[],
  frames: Readonly<Record<string, unknown>> = {},
  config: Partial<FeedConfig<TestSchemas>> = {},
  { endMs = 20_000, ...server }: ScriptedTransportConfig & { readonly endMs?: number } = {},
): Scene {
  const transport = scriptedTransport(attempts, frames, server);
  const feed = createFeed<TestSchemas>({
    url: 'ws://user:password@feed.test/path?token=secret',
    transport,
    random: () => 0.5,
    reconnect: { jitter: 'equal', initialMs: 100, maxMs: 1_000, stableMs: 500 },
    streams: {
      trade: { schema: Trade, key: (t) => t.id, topic: (t) => t.symbol },
      order: { schema: Order, allowSilence: true },
    },
    ...config,
  });
  const events: FeedEvent[] = [];
  feed.events$.subscribe((event) => events.push(event));
  timer(endMs).subscribe(() => void feed.close({ timeoutMs: 0 }));
  return { feed, transport, events };
}

/** The events but `state`, each as its time and type, in virtual ms. */
export const told = (events: readonly FeedEvent[]): string[] =>
  events.filter(({ type }) => type !== 'state').map(({ at, type }) => `${at} ${type}`);
