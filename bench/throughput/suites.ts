import * as v from 'valibot';

/** What every message has, whatever else. */
export interface Keyed {
  /** The name of its stream. */
  readonly type: string;
  /** Rises by 1 within a stream. */
  readonly id: number;
}

/** One kind of message. */
export interface Suite {
  readonly schema: v.GenericSchema<unknown, Keyed>;
  readonly streams: readonly string[];
  /** One message as text, always of the same length if it fits the schema. */
  readonly write: (stream: string, id: number, random: () => number, fits: boolean) => string;
}

const symbols = 'BTC ETH SOL XRP ADA DOT LTC BCH TRX UNI XLM FIL APT ARB ICP NEO EOS XTZ ZEC KSM'.split(' ');
const streamsOf = (kind: string): string[] => symbols.map((symbol) => `${kind}.${symbol}-USD`);

/** Prices and sizes are text of eight decimals, as markets send them; a number in their place is what a schema is there to find. */
const decimals = (value: number): string => value.toFixed(8);
const price = (random: () => number): number => 10_001 + Math.floor(random() * 8e6) / 100;
const size = (random: () => number): string => decimals(1 + Math.floor(random() * 8e8) / 1e8);

const trade: Suite = {
  schema: v.object({
    type: v.string(),
    id: v.number(),
    price: v.string(),
    size: v.string(),
    side: v.picklist(['B', 'S']),
    buyer: v.number(),
    seller: v.number(),
    time: v.number(),
    sentAt: v.number(),
    venue: v.string(),
    isBlock: v.boolean(),
  }),
  streams: streamsOf('trade'),
  write: (stream, id, random, fits) => {
    const at = fits ? `"${decimals(price(random))}"` : price(random);
    const order = 81_000_000_000 + Math.floor(random() * 1e9);
    return `{"type":"${stream}","id":${id},"price":${at},"size":"${size(random)}","side":"${random() < 0.5 ? 'B' : 'S'}","buyer":${order},"seller":${order + 1},"time":${1_700_000_000_000 + (id % 1e9)},"sentAt":${1_700_000_000_001 + (id % 1e9)},"venue":"XLON-012","isBlock":false}`;
  },
};

const level = v.tuple([v.string(), v.string()]);
/** Twenty levels, a tick apart. */
const levels = (random: () => number, best: number, step: number, fits = true): string =>
  Array.from({ length: 20 }, (_, index) => {
    const at = best + index * step;
    return `[${fits || index < 19 ? `"${decimals(at)}"` : at},"${size(random)}"]`;
  }).join(',');

const depth: Suite = {
  schema: v.object({
    type: v.string(),
    id: v.number(),
    firstId: v.number(),
    time: v.number(),
    sentAt: v.number(),
    checksum: v.number(),
    symbol: v.string(),
    venue: v.string(),
    isSnapshot: v.boolean(),
    bids: v.array(level),
    asks: v.array(level),
  }),
  streams: streamsOf('depth'),
  write: (stream, id, random, fits) => {
    const best = price(random);
    const bids = levels(random, best, -0.01);
    const asks = levels(random, best + 0.01, 0.01, fits);
    return `{"type":"${stream}","id":${id},"firstId":${id},"time":${1_700_000_000_000 + (id % 1e9)},"sentAt":${1_700_000_000_001 + (id % 1e9)},"checksum":${1e9 + Math.floor(random() * 1e9)},"symbol":"${stream.slice(6)}","venue":"XLON-012","isSnapshot":false,"bids":[${bids}],"asks":[${asks}]}`;
  },
};

export const suites = { trade, depth } satisfies Record<string, Suite>;
export type SuiteName = keyof typeof suites;
