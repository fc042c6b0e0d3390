import { createFeed } from 'millrace';
import { asyncScheduler, NEVER, tap } from 'rxjs';
import * as v from 'valibot';
import type { WatchOptions } from './args.js';
import { withoutSecrets } from './describeEvent.js';
import { createTopics, topicAt } from './topics.js';
import type { Watched } from './watched.js';

/** Rows for the kinds of messages, at most. */
const MAX_ROWS = 200;

/** A feed on any server: one stream takes every message, and each kind of message that turns up gets a row of its own. */
export function remote({ url, route, subscribe }: WatchOptions & { readonly url: string }): Watched {
  const topicOf = topicAt(route);
  const topics = createTopics(MAX_ROWS);
  const feed = createFeed({
    url,
    streams: { message: { schema: v.unknown(), topic: topicOf } },
    route: () => 'message',
    onConnected: (session) => {
      for (const message of subscribe) session.send(message);
    },
  });

  return {
    title: withoutSecrets(url),
    feed,
    values$: feed
      .stream('message')
      .pipe(tap((message) => topics.note(topicOf(message), asyncScheduler.now()))),
    latency$: NEVER,
    totals: () => topics.totals(),
    rows: (kept) => topics.rows(kept, asyncScheduler.now()),
    note: () =>
      topics.others === 0
        ? undefined
        : `${MAX_ROWS} rows are the most; ${topics.others} messages of other kinds have none`,
    close: () => feed.close(),
  };
}
