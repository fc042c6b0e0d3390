type Level = readonly [price: string, size: string];

/** What is known of a symbol after its last trade; prices and sizes are decimal strings. */
export interface Quote {
  readonly price: string;
  readonly size: string;
  readonly side: 'buy' | 'sell';
  readonly bid: string;
  readonly ask: string;
  /** How many changes of the book `bids` and `asks` sum up. */
  readonly updates: number;
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

/** A random walk of one price: each call makes one step, of at most 0.05 %, and costs the same number of draws. */
export function walkQuote(random: () => number): () => Quote {
  let cents = Math.round(100_000 + random() * 5_000_000);
  const size = (): string => (0.0001 + random() * 2).toFixed(4);
  const levels = (outwards: 1 | -1): Level[] =>
    [1, 2].map((ticks) => [money(cents + outwards * ticks), size()] as const);

  return () => {
    cents = Math.max(100, cents + Math.round((random() - 0.5) * cents * 0.001));
    return {
      price: money(cents),
      size: size(),
      side: random() < 0.5 ? 'buy' : 'sell',
      bid: money(cents - 1),
      ask: money(cents + 1),
      updates: 1 + Math.floor(random() * 3),
      bids: levels(-1),
      asks: levels(1),
    };
  };
}

const money = (cents: number): string => (cents / 100).toFixed(2);
