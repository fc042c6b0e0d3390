import { createFeed, type Session } from 'millrace';
import { startExchange } from 'millrace/testing';
import {
  asyncScheduler,
  catchError,
  EMPTY,
  exhaustMap,
  first,
  filter,
  interval,
  map,
  merge,
  withLatestFrom,
} from 'rxjs';
import type { WatchOptions } from './args.js';
import { faultSchedule } from './faults.js';
import { rowsOf, totalsOf } from './rows.js';
import { streams } from './streams.js';
import { telemetry } from './telemetry.js';
import type { Watched } from './watched.js';

const token = 'demo';

/** What the exchange says, as far as it is no data. */
interface Notice {
  readonly type?: string;
  readonly id?: number | string;
  readonly topics?: readonly { readonly stream: string; readonly topic?: string }[];
  readonly ok?: boolean;
  readonly error?: string;
}

/** A simulated exchange on this machine, misbehaving on a schedule, and a feed on it. */
export async function simulated({ seed, faults }: WatchOptions): Promise<Watched> {
  const exchange = await startExchange({
    seed,
    token,
    telemetry: telemetry(),
    ...(faults ? { faults: faultSchedule } : {}),
  });

  const feed = createFeed({
    url: exchange.url,
    streams,
    authenticate: login,
    isControl: (message) => ['welcome', 'pong'].includes((message as Notice).type ?? ''),
    heartbeat: {
      everyMs: 2_000,
      timeoutMs: 1_000,
      ping: () => ({ op: 'ping' }),
      isPong: (message) => {
        // A pong with an id answers a request of ours.
        const { type, id } = message as Notice;
        return type === 'heartbeat' || (type === 'pong' && id === undefined);
      },
    },
    subscriptions: {
      subscribe: (args, id) => ({ op: 'subscribe', args, id }),
      unsubscribe: (args, id) => ({ op: 'unsubscribe', args, id }),
      ack: (message) => {
        const { type, topics = [], ok = false, error } = message as Notice;
        return type === 'ack' ? { topics, ok, error } : undefined;
      },
    },
    // Quick to retry, so that there is more to watch; `stableMs` below the time between two faults.
    reconnect: { initialMs: 500, maxMs: 5_000, stableMs: 2_000 },
  });

  /** Traffic never stops, so no heartbeat ever has to ping: the round trip is measured by asking. */
  let pings = 0;
  const latency$ = interval(1_000).pipe(
    withLatestFrom(feed.status$),
    filter(([, { state }]) => state === 'AUTHENTICATED'),
    exhaustMap(() => {
      const id = `watch-${++pings}`;
      const at = asyncScheduler.now();
      return feed
        .request({ op: 'ping', id }, { match: (message) => (message as Notice).id === id, timeoutMs: 5_000 })
        .pipe(
          map(() => asyncScheduler.now() - at),
          catchError(() => EMPTY),
        );
    }),
  );

  const names = Object.keys(streams) as (keyof typeof streams)[];
  return {
    title: `simulated exchange on ${exchange.url}, seed ${seed}${faults ? '' : ', no faults'}`,
    feed,
    values$: merge(...names.map((name) => feed.stream(name))),
    latency$,
    totals: () => totalsOf(feed.stats()),
    rows: (kept, { gaps }) => rowsOf({ stats: feed.stats(), health: feed.health.status(), gaps, kept }),
    note: () => undefined,
    async close() {
      await feed.close();
      await exchange.close();
    },
  };
}

/** Sends the token and waits for the answer; a refusal fails this connection, and counts as a failed login. */
const login = (session: Session) => {
  session.send({ op: 'login', token });
  return session.messages$.pipe(
    first((message) => (message as Notice).type === 'login'),
    map((message) => {
      const { ok, error } = message as Notice;
      if (ok !== true) throw new Error(`login refused: ${error ?? 'no reason'}`);
    }),
  );
};
