import type { Feed, FeedStats } from 'millrace';
import type { Observable } from 'rxjs';
import type { Sample } from './rates.js';
import type { Row } from './table.js';
import type { Tally } from './tally.js';

/** A feed to watch, and how to make a table of it. */
export interface Watched {
  readonly title: string;
  readonly feed: Pick<Feed<never>, 'events$' | 'status$'> & { stats(): FeedStats };
  /** Everything the feed delivers: subscribing connects it, an error means that it gave up. */
  readonly values$: Observable<unknown>;
  /** Round trips measured beside the feed, ms. */
  readonly latency$: Observable<number>;
  /** Messages so far by row, for the rates. */
  totals(): ReadonlyMap<string, number>;
  rows(kept: readonly Sample[], tally: Tally): Row[];
  /** What the rows do not show, in words. */
  note(): string | undefined;
  /** Closes the feed, then whatever was started for it. */
  close(): Promise<void>;
}
