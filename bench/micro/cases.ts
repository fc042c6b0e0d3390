import {
  bufferBounded,
  createFanOut,
  createHealthMonitor,
  createLedger,
  dedupeBy,
  detectGaps,
  jsonCodec,
  parseAs,
  timeoutHeartbeat,
} from 'millrace';
import { identity, Subject } from 'rxjs';
import { safeParse } from 'valibot';
import { type Keyed, suites } from '../throughput/suites.js';
import { asking, type Case, many, piping, taking } from './case.js';
import { idOf, messageOf, textOf } from './messages.js';
import { wholeFeed } from './wholeFeed.js';

/** A depth update takes ten times as long to write. */
const few = 1_000;

/** So many subscribers of one stream. */
function fanOut(subscribers: number): Case {
  const hub = createFanOut<number>();
  let done = 0;
  for (let index = 0; index < subscribers; index += 1) {
    hub.stream().subscribe({ next: () => (done += 1), error: console.error });
  }
  const count = subscribers === 1 ? many : 100;
  return {
    ...taking(
      identity<number>,
      (value) => hub.next(value),
      () => done,
      count,
    ),
    fold: subscribers,
  };
}

/** The same from rxjs, for comparison. */
function subject(subscribers: number): Case {
  const subject$ = new Subject<number>();
  let done = 0;
  for (let index = 0; index < subscribers; index += 1) {
    subject$.subscribe({ next: () => (done += 1), error: console.error });
  }
  const count = subscribers === 1 ? many : 100;
  return {
    ...taking(
      identity<number>,
      (value) => subject$.next(value),
      () => done,
      count,
    ),
    fold: subscribers,
  };
}

function health(topic?: string): Case {
  const monitor = createHealthMonitor({ streams: { trade: { staleAfterMs: 60_000 } } });
  if (topic !== undefined) monitor.watch('trade', topic);
  let done = 0;
  const record = (at: number): void => {
    monitor.record('trade', at, topic);
    done += 1;
  };
  const startedAt = Date.now();
  return taking(
    (index) => startedAt + Math.floor(index / 100),
    record,
    () => done,
  );
}

function ledger(): Case {
  const books = createLedger(['trade']);
  const page = books.stream('trade');
  const book = (): void => {
    books.receive();
    page.route();
    page.settle('delivered');
  };
  return taking(identity<number>, book, () => books.stats().delivered);
}

const id = (value: Keyed): number => value.id;
/** A message of one of so many topics in turn, each numbered by itself. */
const inTopics =
  (topics: number) =>
  (index: number): { readonly topic: string; readonly id: number } =>
    // Every text is new, as those from JSON are.
    ({ topic: Buffer.from(`topic-${index % topics}`).toString(), id: idOf(Math.floor(index / topics)) });

/** Each thing alone, by name, in the order of the table. */
export const cases = {
  'nothing between Subject and subscriber': () => piping(messageOf('trade'), (source$) => source$),
  'jsonCodec.decode, trade': () => asking(textOf('trade'), jsonCodec.decode),
  'jsonCodec.decode, depth': () => asking(textOf('depth'), jsonCodec.decode, few),
  'parseAs, trade': () => piping(messageOf('trade'), parseAs(suites.trade.schema)),
  'parseAs, depth': () => piping(messageOf('depth'), parseAs(suites.depth.schema), few),
  'valibot safeParse, trade': () =>
    asking(messageOf('trade'), (message) => safeParse(suites.trade.schema, message)),
  'valibot safeParse, depth': () =>
    asking(messageOf('depth'), (message) => safeParse(suites.depth.schema, message), few),
  'dedupeBy, numbers': () => piping(idOf, dedupeBy(identity<number>)),
  'dedupeBy, strings': () => piping((index) => `order-${idOf(index)}`, dedupeBy(identity<string>)),
  detectGaps: () => piping(messageOf('trade'), detectGaps(id)),
  'detectGaps, 100 scopes': () =>
    piping(
      inTopics(100),
      detectGaps((value) => value.id, { scope: ({ topic }) => topic }),
    ),
  'detectGaps, 10 000 scopes': () =>
    piping(
      inTopics(10_000),
      detectGaps((value) => value.id, { scope: ({ topic }) => topic }),
    ),
  'bufferBounded, nothing waits': () =>
    piping(identity<number>, bufferBounded(10_000, { sliceMs: Infinity })),
  timeoutHeartbeat: () => piping(identity<number>, timeoutHeartbeat()),
  'fan-out, 1 subscriber': () => fanOut(1),
  'Subject, 1 subscriber': () => subject(1),
  'fan-out, each of 1 000 subscribers': () => fanOut(1_000),
  'Subject, each of 1 000 subscribers': () => subject(1_000),
  'healthMonitor.record': () => health(),
  'healthMonitor.record, with a topic': () => health('BTC-USD'),
  'ledger: receive, route, settle': () => ledger(),
  'whole feed without a socket, trade': () => wholeFeed('trade', many),
  'whole feed without a socket, depth': () => wholeFeed('depth', few),
} satisfies Record<string, () => Case | Promise<Case>>;
export type CaseName = keyof typeof cases;
