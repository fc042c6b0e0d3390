import {
  createFeed,
  createSeenKeys,
  type Feed,
  type FeedConfig,
  rawNumber,
  rawText,
  type StreamConfig,
} from 'millrace';
import type { Contestant, Job, Line } from '../job.js';
import type { Keyed, Suite } from '../suites.js';

type Stream = StreamConfig<Suite['schema']>;
type Streams = Record<string, Suite['schema']>;

const idOf = ({ id }: Keyed): number => id;

/**
 * The library with all that it does by default: heartbeat, reconnect, bounds, dedupe, gaps, health, ledger and events. Each line is
 * a feed. Feeds whose lines carry the same messages share a memory, and then none of them can tell a gap.
 *
 * @param options More options of each feed.
 */
const millraceWith =
  (options: Partial<FeedConfig<Streams>> = {}): Contestant =>
  ({ lines, course: { kind, isRedundant, byTopic }, suite: { schema, streams }, callbacks }: Job) => {
    const base: Stream = { schema, key: idOf, staleAfterMs: 60_000 };
    const ordered: Stream = { ...base, sequence: { of: idOf } };
    const shared = new Map<string, Stream>(
      streams.map((name) => [name, { ...base, dedupe: { memory: createSeenKeys() } }]),
    );
    const configOf = (line: Line): FeedConfig<Streams> => ({
      url: line.url,
      ...options,
      ...(byTopic
        ? { route: () => kind, streams: { [kind]: { ...ordered, topic: ({ type }) => type } } }
        : {
            streams: Object.fromEntries(
              line.streams.map((name) => [name, isRedundant ? (shared.get(name) as Stream) : ordered]),
            ),
          }),
    });

    let gaps = 0;
    const error = console.error; // only if a feed gives up
    const open = (line: Line): Feed<Streams> => {
      const feed = createFeed(configOf(line));
      feed.events$.subscribe({ next: ({ type }) => (gaps += type === 'gap' ? 1 : 0), error });
      for (const name of line.streams) {
        const stream$ = byTopic ? feed.stream(kind, name) : feed.stream(name);
        stream$.subscribe({ next: callbacks.get(name) as (value: Keyed) => void, error });
      }
      return feed;
    };
    const feeds = lines.map(open);
    return () => {
      const stats = feeds.map((feed) => feed.stats());
      return {
        duplicates: stats.reduce((sum, { duplicate }) => sum + duplicate, 0),
        rejected: stats.reduce((sum, { rejected }) => sum + rejected, 0),
        gaps,
      };
    };
  };

export const millrace: Contestant = millraceWith();
export const millraceReader: Contestant = millraceWith({ reader: true });
export const millraceSkim: Contestant = millraceWith({
  skim: { route: rawText('type'), key: rawNumber('id') },
});
