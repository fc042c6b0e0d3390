import { say, takeTurns, type Turn } from '../lib/takeTurns.js';
import { stampUs } from './clock.js';
import { quantile } from './quantile.js';
import { type TakerName, takers } from './takers.js';
import { createWitness, type Testimony } from './witness.js';

/** What a client is told to do. */
export interface LatencyTask {
  readonly taker: TakerName;
  readonly url: string;
  readonly turns: number;
  /** Trades to come in each turn. */
  readonly each: number;
}

/** What it says when it is done. All times are µs from the write of the server to the listener, without the first fifth of the turns. */
export interface LatencyResult extends Testimony {
  readonly dropped: number;
  /** Turn by turn. */
  readonly p50Us: readonly number[];
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

const { taker: name, url, turns, each } = JSON.parse(process.argv[2] ?? '') as LatencyTask;
const taker = await takers[name]();
const warmUp = Math.ceil(turns / 5);
const total = turns * each;
const tookUs = new Float64Array(total);
const { note, testimony } = createWitness();
let taken = 0;

const finish = (): void => {
  const turnUs = (turn: number): Float64Array => tookUs.slice(turn * each, (turn + 1) * each).sort();
  const p50Us = Array.from({ length: turns - warmUp }, (_, turn) => quantile(turnUs(warmUp + turn), 0.5));
  const sorted = tookUs.slice(warmUp * each, Math.max(warmUp * each, taken)).sort();
  const result: LatencyResult = {
    ...testimony(),
    dropped: dropped(),
    p50Us,
    p99Us: quantile(sorted, 0.99),
    p999Us: quantile(sorted, 0.999),
    maxUs: quantile(sorted, 1),
  };
  say(result, () => process.exit());
};

let idle: NodeJS.Timeout | undefined;
const endTurn = (): void => {
  clearInterval(idle);
  if (taken >= total) finish();
  else say('over' satisfies Turn);
};

const dropped = taker(url, (trade) => {
  tookUs[taken] = stampUs() - trade.sentAt;
  taken += 1;
  note(trade);
  // On a later turn of the event loop: who delivers too much has the time to.
  if (taken % each === 0) setImmediate(endTurn);
});

takeTurns(() => {
  // One who loses something never gets to the end of its turn.
  let seen = -1;
  idle = setInterval(() => {
    if (seen === taken) finish();
    seen = taken;
  }, 2_000);
});
