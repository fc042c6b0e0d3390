import { LRUCache } from 'lru-cache';
import { EMPTY, filter, groupBy, merge, mergeMap, of, retry, tap, timeout } from 'rxjs';
import { webSocket } from 'rxjs/webSocket';
import { safeParse } from 'valibot';
import { WebSocket } from 'ws';
import type { Contestant } from '../job.js';

/** What the documentation of RxJS leads to: a group for each stream, and `timeout` to tell that one has gone silent. */
export const rxjsIdiom: Contestant = ({ lines, suite: { schema }, callbacks }) => {
  const seen = new LRUCache<string, true>({ max: 100_000 });
  let duplicates = 0;
  let rejected = 0;
  merge(...lines.map(({ url }) => webSocket<unknown>({ url, WebSocketCtor: WebSocket as never })))
    .pipe(
      mergeMap((message) => {
        const result = safeParse(schema, message);
        if (result.success) return of(result.output);
        rejected += 1;
        return EMPTY;
      }),
      groupBy(({ type }) => type),
      mergeMap((stream$) =>
        stream$.pipe(
          filter(({ type, id }) => {
            const key = `${type}:${id}`;
            if (seen.get(key) === true) {
              duplicates += 1;
              return false;
            }
            seen.set(key, true);
            return true;
          }),
          timeout({ each: 60_000 }),
          tap((value) => callbacks.get(stream$.key)?.(value)),
        ),
      ),
      retry({ delay: 1_000 }),
    )
    .subscribe();
  return () => ({ duplicates, rejected });
};
