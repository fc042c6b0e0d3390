import { type Cost, createMeter } from '../lib/meter.js';
import { type ContestantName, contestants } from './contestants.js';
import { suites, type SuiteName } from './suites.js';
import { factOf, type Outcome } from './traffic.js';

/** What a client is told to do. */
export interface ClientTask {
  readonly suite: SuiteName;
  readonly contestant: ContestantName;
  readonly url: string;
  /** What will be delivered if all is right. */
  readonly total: number;
}

/** What it says when it is done. */
export interface ClientResult extends Cost {
  readonly outcome: Outcome;
  /** The share of the messages that was measured. */
  readonly measured: number;
}

// One contestant on one connection, once; the process is not used again, so that nobody meets what another left behind.
const { contestant: name, suite: kind, url, total } = JSON.parse(process.argv[2] ?? '') as ClientTask;
const suite = suites[kind];
const contestant = await contestants[name].load();

const warmUp = Math.floor(total / 5);
const { tally, sum } = createMeter({ warmUp, total }, (cost) => {
  const result: ClientResult = {
    outcome: { ...sum(), ...findings() },
    measured: (total - warmUp) / total,
    ...cost,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
});
const findings = contestant({
  url,
  suite,
  tally,
  callbacks: new Map(
    suite.streams.map((stream, index) => [stream, ({ id }) => tally(factOf(suite, index, id))]),
  ),
});
