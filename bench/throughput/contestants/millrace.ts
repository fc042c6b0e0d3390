import { createFeed, type FeedConfig } from 'millrace';
import type { Contestant } from '../job.js';

/**
 * The library with all that it does by default: heartbeat, reconnect, bounds, health, ledger and events. Of a flood it drops what
 * it cannot keep up with, by default; the job is to deliver all, so here it pauses, as TCP does to the others.
 */
export const millrace: Contestant = ({ url, suite: { schema, streams }, callbacks }) => {
  type Stream = FeedConfig<Record<string, typeof schema>>['streams'][string];
  const stream: Stream = {
    schema,
    key: ({ id }) => id,
    sequence: { of: ({ id }) => id },
    staleAfterMs: 60_000,
  };
  const feed = createFeed({
    url,
    streams: Object.fromEntries(streams.map((name) => [name, stream])),
    buffer: { overflow: 'pause' },
  });
  let gaps = 0;
  const error = console.error; // only if the feed gives up
  feed.events$.subscribe({ next: ({ type }) => (gaps += type === 'gap' ? 1 : 0), error });
  for (const [name, next] of callbacks) feed.stream(name).subscribe({ next, error });
  return () => {
    const { duplicate, rejected } = feed.stats();
    return { duplicates: duplicate, rejected, gaps };
  };
};
