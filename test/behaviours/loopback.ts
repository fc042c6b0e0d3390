import { filter, firstValueFrom, type Observable, timeout } from 'rxjs';
import * as v from 'valibot';
import { createFeed, type Feed, type FeedConfig, type FeedEvent } from 'millrace';
import { type FaultServer, type FaultServerConfig, startFaultServer } from 'millrace/testing';

const Tick = v.object({ type: v.literal('tick'), id: v.number() });
type TickSchemas = { readonly tick: typeof Tick };
export type TickFeed = Feed<TickSchemas>;

export const tick = (id: number): string => JSON.stringify({ type: 'tick', id });

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Closes a feed or a server after the test, also if it fails. */
export function closedAfter<T extends { close(farewell?: object): Promise<void> }>(resource: T): T {
  cleanups.push(() => resource.close({ timeoutMs: 100 }));
  return resource;
}

/** A server on loopback that misbehaves on command; closed after the test. */
export const serve = async (config: FaultServerConfig = {}): Promise<FaultServer> =>
  closedAfter(await startFaultServer(config));

/** A feed of ticks that retries fast; closed after the test. */
export const feedOn = (
  url: FeedConfig<TickSchemas>['url'],
  config: Partial<FeedConfig<TickSchemas>> = {},
): TickFeed =>
  closedAfter(
    createFeed<TickSchemas>({
      url,
      reconnect: { initialMs: 5, maxMs: 20 },
      streams: { tick: { schema: Tick } },
      ...config,
    }),
  );

/** What comes first: never a sleep, but not for ever either. */
export const soon = <T>(source$: Observable<T>): Promise<T> => firstValueFrom(source$.pipe(timeout(15_000)));

/** The next event of a type. */
export const next = <K extends FeedEvent['type']>(
  feed: TickFeed,
  type: K,
): Promise<Extract<FeedEvent, { type: K }>> =>
  soon(feed.events$.pipe(filter((told): told is Extract<FeedEvent, { type: K }> => told.type === type)));
