/**
 * The page of the browser suite: a feed that does as the test commands, and tells what it sees. Bundled for the browser
 * as an application would be, so `ws` has no part in it.
 */
import { concatMap, defer, filter, fromEvent, merge, mergeMap, repeat, Subject, withLatestFrom } from 'rxjs';
import * as v from 'valibot';
import { createFeed, type Feed } from 'millrace';

const Trade = v.object({
  type: v.literal('trade'),
  id: v.number(),
  price: v.pipe(v.string(), v.transform(Number)),
});

/** What a test commands. */
export type Command =
  | { readonly do: 'subscribe'; readonly url: string; readonly socket?: object; readonly timeoutMs?: number }
  | { readonly do: 'close'; readonly code: number; readonly reason: string }
  | { readonly do: 'unsubscribe' | 'status' | 'platform' }
  /** Blocks the page's event loop until the server of the page lets it go. */
  | { readonly do: 'block' }
  /** Tells the page that the network went away, or is back. */
  | { readonly do: 'fire'; readonly event: 'offline' | 'online' };

/** What the page tells. */
export type Report =
  | { readonly type: 'ready' | 'closed' | 'blocked' }
  | { readonly type: 'trade'; readonly trade: v.InferOutput<typeof Trade> }
  | { readonly type: 'event'; readonly event: string; readonly error?: string; readonly class?: string }
  | { readonly type: 'failed'; readonly error: string }
  | { readonly type: 'uncaught'; readonly error: string }
  | { readonly type: 'status'; readonly state: string; readonly stats: object }
  | { readonly type: 'platform'; readonly present: readonly string[] };

/** Of the DOM only this is used that the types of Node do not have. */
declare const XMLHttpRequest: new () => {
  open(method: string, url: string, isAsynchronous: boolean): void;
  send(): void;
};

const page = globalThis as unknown as EventTarget;
const reports$ = new Subject<Report>();
const tell = (report: Report): void => reports$.next(report);
let feed: Feed<{ trade: typeof Trade }> | undefined;
let end$ = new Subject<void>();

const subscribe = ({ url, socket, timeoutMs = 20_000 }: Extract<Command, { do: 'subscribe' }>): void => {
  const made = createFeed({
    url,
    ...(socket && { socket }),
    streams: { trade: { schema: Trade, key: ({ id }) => id } },
    reconnect: { initialMs: 20, maxMs: 100 },
    heartbeat: {
      everyMs: 100,
      timeoutMs,
      ping: () => ({ op: 'ping' }),
      isPong: (message) => (message as { type?: unknown }).type === 'pong',
    },
  });
  made.events$.subscribe((event) =>
    tell({
      type: 'event',
      event: event.type,
      ...('error' in event && { error: (event.error as Error).name }),
      ...('class' in event && { class: event.class }),
    }),
  );
  // A network that is back deserves a dial now; one that is gone, no wait for the heartbeat. A stopped feed stays so.
  merge(fromEvent(page, 'offline'), fromEvent(page, 'online'))
    .pipe(
      withLatestFrom(made.status$),
      filter(([, { state }]) => !['DISCONNECTED', 'CLOSING', 'CLOSED'].includes(state)),
    )
    .subscribe(([{ type }]) => made.reconnect(type));
  const trades = made.stream('trade').subscribe({
    next: (trade) => tell({ type: 'trade', trade }),
    error: (error: unknown) => tell({ type: 'failed', error: (error as Error).name }),
  });
  end$ = new Subject();
  end$.subscribe(() => trades.unsubscribe());
  feed = made;
};

const obey = (command: Command): void => {
  switch (command.do) {
    case 'subscribe':
      subscribe(command);
      break;
    case 'unsubscribe':
      end$.next();
      break;
    case 'close':
      void feed?.close({ code: command.code, reason: command.reason }).then(() => tell({ type: 'closed' }));
      break;
    case 'block': {
      const request = new XMLHttpRequest();
      request.open('GET', '/block', false);
      request.send();
      break;
    }
    case 'fire':
      page.dispatchEvent(new Event(command.event));
      break;
    case 'status':
      feed?.status$
        .subscribe(({ state }) => tell({ type: 'status', state, stats: feed?.stats() ?? {} }))
        .unsubscribe();
      break;
    case 'platform':
      tell({
        type: 'platform',
        present: ['Buffer', 'process', 'setImmediate', 'require', 'WebSocket'].filter((name) => name in page),
      });
      break;
  }
};

page.addEventListener('error', (event) =>
  tell({ type: 'uncaught', error: (event as unknown as { message: string }).message }),
);
page.addEventListener('unhandledrejection', (event) =>
  tell({ type: 'uncaught', error: String((event as unknown as { reason: unknown }).reason) }),
);

// One at a time, so that they arrive in order.
reports$
  .pipe(concatMap((report) => fetch('/report', { method: 'POST', body: JSON.stringify(report) })))
  .subscribe();
defer(() => fetch('/command'))
  .pipe(
    mergeMap((response) => response.json() as Promise<Command>),
    repeat(),
  )
  .subscribe(obey);
tell({ type: 'ready' });
