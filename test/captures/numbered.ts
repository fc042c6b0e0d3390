import {
  createFeed,
  type FeedConfig,
  type FeedEvent,
  type FeedStats,
  type Schemas,
  type SequenceConfig,
} from 'millrace';
import { closes, scriptedTransport } from 'millrace/testing';
import { concat, from, map, timer } from 'rxjs';
import { ascendex } from '../../examples/venues/ascendex.js';
import { binanceSpot } from '../../examples/venues/binanceSpot.js';
import { bybitV2 } from '../../examples/venues/bybitV2.js';
import { gateioV4 } from '../../examples/venues/gateioV4.js';
import { hitbtcV2 } from '../../examples/venues/hitbtcV2.js';
import { kucoin } from '../../examples/venues/kucoin.js';
import { poloniex } from '../../examples/venues/poloniex.js';
import { marbles } from '../marbles.js';
import { type Expected, readBinance, readKucoin, readPoloniex } from './captures.js';

/** The numbers a frame covers, and of what, read without any code of ours. */
export type Span = NonNullable<Expected['span']>;

/** How one run differs from the example, and from the recording. */
export interface Change {
  readonly frames: readonly string[];
  /** Leaves the stream without a key. */
  readonly isKeyless?: boolean;
  readonly reorder?: { readonly maxItems: number; readonly maxMs: number };
  /** The frames that a hole lacks, and when they come. */
  readonly recover?: (topic: string, after: number, before: number) => readonly string[];
  readonly recoverMs?: number;
}

/** What a feed asks to be given back. */
type Hole = Parameters<NonNullable<SequenceConfig<unknown>['recover']>>[0];

/** What a feed made of a recording. */
export interface Played {
  /** The values of the numbered stream, by topic, as JSON: texts are compared much faster than values. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** Those of the other streams, by stream. */
  readonly others: ReadonlyMap<string, readonly string[]>;
  readonly reports: readonly object[];
  readonly stats: FeedStats;
}

/** A recording whose server numbers what it sends. */
export interface Numbered {
  readonly file: string;
  readonly stream: string;
  readonly isKeyed: boolean;
  /** The span of a frame; `undefined` if it is none of the numbered stream. */
  readonly read: (frame: unknown) => Span | undefined;
  readonly play: (change: Change) => Played;
}

/** What every event has. */
const told = new Set(['at', 'generation']);

/** An event that tells of the data, without what every event has. */
const reportOf = (event: FeedEvent): object[] => {
  switch (event.type) {
    case 'gap':
    case 'gapRecovering':
    case 'gapRecovered':
    case 'gapRecoveryFailed':
    case 'late':
    case 'duplicate':
    case 'rejected':
    case 'overflow':
    case 'hookFailed':
    case 'subscriptionRefused': {
      return [Object.fromEntries(Object.entries(event).filter(([name]) => !told.has(name)))];
    }
    default:
      return [];
  }
};

/**
 * A feed on a server that says the recording, all of it in the millisecond after it was asked, and hangs up a second later. In
 * virtual time, so that there is time for many such runs.
 */
const player =
  <S extends Schemas>(config: FeedConfig<S>, stream: keyof S & string): Numbered['play'] =>
  ({ frames, isKeyless = false, reorder, recover, recoverMs = 0 }) => {
    const { key, ...definition } = config.streams[stream];
    const sequence = definition.sequence!;
    const topicOf = definition.topic!;
    const unpack = config.unpack ?? ((decoded: unknown) => [decoded]);
    const values = new Map<string, string[]>();
    const others = new Map<string, string[]>();
    const reports: object[] = [];
    const recording$ = concat(from(frames), timer(1_000).pipe(map(() => closes(1000))));
    let stats: FeedStats | undefined;
    let isAsked = false;
    const reply = (): typeof recording$ | undefined => {
      if (isAsked) return undefined;
      isAsked = true;
      return recording$;
    };

    marbles(({ flush }) => {
      const feed = createFeed<S>({
        ...config,
        transport: scriptedTransport('o', {}, { reply }),
        random: () => 0.5,
        reconnect: { policies: { normal: { action: 'complete' } } },
        streams: {
          ...config.streams,
          [stream]: {
            ...definition,
            ...(key && !isKeyless && { key }),
            sequence: {
              ...sequence,
              ...(reorder && { reorder }),
              ...(recover && {
                recover: ({ topic = '', after, before }: Hole) =>
                  timer(recoverMs).pipe(
                    map(() =>
                      recover(topic, after, before).flatMap((frame) => [...unpack(JSON.parse(frame))]),
                    ),
                  ),
              }),
            },
          },
        },
      });
      feed.events$.subscribe((event) => reports.push(...reportOf(event)));
      for (const name of Object.keys(config.streams)) {
        const table = name === stream ? values : others;
        feed.stream(name).subscribe((value) => {
          const row = name === stream ? topicOf(value) : name;
          const known = table.get(row);
          const text = JSON.stringify(value);
          if (known) known.push(text);
          else table.set(row, [text]);
        });
      }
      flush();
      stats = feed.stats();
    })();
    return { values, others, reports, stats: stats! };
  };

const numbered = <S extends Schemas>(
  file: string,
  stream: keyof S & string,
  config: FeedConfig<S>,
  read: Numbered['read'],
): Numbered => ({
  file,
  stream,
  isKeyed: config.streams[stream].key !== undefined,
  read,
  play: player(config, stream),
});

interface AscendexFrame {
  readonly m: string;
  readonly symbol: string;
  readonly data: { readonly seqnum: number };
}

function readAscendex(frame: unknown): Span | undefined {
  const { m, symbol: scope, data } = frame as AscendexFrame;
  if (m !== 'depth' && m !== 'depth-snapshot') return undefined;
  return { scope, from: data.seqnum, to: data.seqnum, isReset: m === 'depth-snapshot' };
}

interface HitbtcFrame {
  readonly method: string;
  readonly params: { readonly symbol: string; readonly sequence: number };
}

function readHitbtc(frame: unknown): Span | undefined {
  const { method, params } = frame as HitbtcFrame;
  if (method !== 'snapshotOrderbook' && method !== 'updateOrderbook') return undefined;
  const { symbol: scope, sequence } = params;
  return { scope, from: sequence, to: sequence, isReset: method === 'snapshotOrderbook' };
}

interface GateioFrame {
  readonly channel: string;
  readonly event: string;
  readonly result: { readonly s: string; readonly U: number; readonly u: number };
}

function readGateio(frame: unknown): Span | undefined {
  const { channel, event, result } = frame as GateioFrame;
  if (channel !== 'spot.order_book_update' || event !== 'update') return undefined;
  return { scope: result.s, from: result.U, to: result.u, isReset: false };
}

interface BybitFrame {
  readonly topic?: string;
  readonly type: string;
  readonly cross_seq: string;
}

function readBybit(frame: unknown): Span | undefined {
  const { topic, type, cross_seq: digits } = frame as BybitFrame;
  const [, scope] = /^orderBookL2_25\.(.*)$/.exec(topic ?? '') ?? [];
  const number = Number(digits);
  return scope === undefined ? undefined : { scope, from: number, to: number, isReset: type === 'snapshot' };
}

const symbols = ['ANY'];

/** The recordings where a number tells what is missing. */
export const counted: readonly Numbered[] = [
  ...['binance-spot.ndjson', 'binance-spot-2026-short.ndjson'].map((file) =>
    numbered(file, 'depth', binanceSpot({ symbols }), (frame) => readBinance(frame)[0]?.span),
  ),
  numbered(
    'kucoin.ndjson',
    'level2',
    kucoin({ symbols, url: 'ws://feed.test' }),
    (frame) => readKucoin(frame)[0]?.span,
  ),
  numbered('poloniex.ndjson', 'book_lv2', poloniex({ symbols }), (frame) => readPoloniex(frame)[0]?.span),
  numbered('hitbtc.ndjson', 'book', hitbtcV2({ symbols }), readHitbtc),
  numbered('ascendex.ndjson', 'depth', ascendex({ symbols }), readAscendex),
  numbered('gateio-v4.ndjson', 'depth', gateioV4({ pairs: symbols }), readGateio),
];

/** The recording where a number tells no more than what came first. */
export const ordered = numbered('bybit-v2-linear.ndjson', 'book', bybitV2({ symbols }), readBybit);

/** Recordings of books without any number, and the fields that other recordings of such venues have it in. */
export const unnumbered: readonly (readonly [file: string, fields: readonly string[]])[] = [
  ['okx-v5.ndjson', ['seqId', 'prevSeqId']],
  ['coinbase-exchange-2026-short.ndjson', ['sequence', 'sequence_num']],
];
