import { stampUs } from './clock.js';
import { quantile } from './quantile.js';
import { type TakerName, takers } from './takers.js';
import { createWitness, type Testimony } from './witness.js';

/** What a client is told to do. */
export interface LatencyTask {
  readonly taker: TakerName;
  readonly url: string;
  /** Trades to come. */
  readonly total: number;
}

/** What it says when it is done. */
export interface LatencyResult extends Testimony {
  readonly dropped: number;
  /** From the write of the server to the listener, µs, of all but the first fifth. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

const { taker: name, url, total } = JSON.parse(process.argv[2] ?? '') as LatencyTask;
const taker = await takers[name]();
const warmUp = Math.floor(total / 5);
const tookUs = new Float64Array(total - warmUp);
const { note, testimony } = createWitness();
let taken = 0;

const finish = (): void => {
  const sorted = tookUs.subarray(0, Math.max(0, taken - warmUp)).sort();
  const result: LatencyResult = {
    ...testimony(),
    dropped: dropped(),
    p50Us: quantile(sorted, 0.5),
    p99Us: quantile(sorted, 0.99),
    p999Us: quantile(sorted, 0.999),
    maxUs: quantile(sorted, 1),
  };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
};

const dropped = taker(url, (trade) => {
  if (taken >= warmUp) tookUs[taken - warmUp] = stampUs() - trade.sentAt;
  taken += 1;
  note(trade);
  // On a later turn: who delivers too much has the time to.
  if (taken === total) setImmediate(finish);
});

// One who loses something never gets there.
let seen = -1;
setInterval(() => {
  if (seen === taken) finish();
  seen = taken;
}, 2_000);
