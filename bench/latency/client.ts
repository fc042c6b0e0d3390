import { say, takeTurns, type Turn } from '../lib/takeTurns.js';
import { stampUs } from './clock.js';
import { type Delays, summarize } from './summarize.js';
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

/** What it says when it is done: how long each trade took from the write of the server to the listener. */
export interface LatencyResult extends Testimony, Delays {}

const { taker: name, url, turns, each } = JSON.parse(process.argv[2] ?? '') as LatencyTask;
const taker = await takers[name]();
/** Half, so that in a whole run the LRU of the reference is full, and has done growing: see `turns` of the suite. */
const warmUp = Math.ceil(turns / 2);
const total = turns * each;
const tookUs = new Float64Array(total);
const { note, testimony } = createWitness();
let taken = 0;

const finish = (): void => {
  const delays = summarize(tookUs.subarray(0, taken), each, warmUp);
  say({ ...testimony(), ...delays } satisfies LatencyResult, () => process.exit());
};

let idle: NodeJS.Timeout | undefined;
const endTurn = (): void => {
  clearInterval(idle);
  if (taken >= total) finish();
  else say('over' satisfies Turn);
};

taker(url, (trade) => {
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
