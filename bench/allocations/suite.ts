import { median } from '../lib/median.js';
import { shown, table } from '../lib/table.js';
import type { BenchSuite } from '../suite.js';
import { chosen, type ContestantName, entryOf } from '../throughput/contestants.js';
import { isRight } from '../throughput/race.js';
import { runHeats } from '../throughput/runHeats.js';
import type { SuiteName } from '../throughput/suites.js';
import type { AllocationResult } from './client.js';

const names: readonly ContestantName[] = ['ws + JSON.parse', 'reference', 'rxjs idiom', 'millrace'];

interface Run {
  readonly suite: string;
  readonly contestant: ContestantName;
  readonly round: number;
  readonly isRight: boolean;
  /** The median of the stretches, how many there were, and how far the middle half of them lies apart. */
  readonly bytes: number;
  readonly stretches: number;
  readonly spread: number;
}

const quarters = (values: readonly number[]): [number, number] => {
  const sorted = values.toSorted((a, b) => a - b);
  return [sorted[sorted.length >> 2] ?? NaN, sorted[(sorted.length * 3) >> 2] ?? NaN];
};

/** MB of each half of the young generation, from the start. */
const youngMb = 128;

const frames = { trade: 80_000, depth: 30_000 } satisfies Record<SuiteName, number>;

/**
 * What is justified beyond the text and what `JSON.parse` makes of it: boxes of numbers, and what the one in a hundred takes. They
 * repeat within 2 %, so that a single object more for each message is seen.
 */
const own = {
  trade: { atMost: 80, floor: 130 },
  depth: { atMost: 250, floor: 500 },
} satisfies Record<SuiteName, object>;

/** Bytes that a delivered message allocates, what the socket allocates for it included. */
export const allocations: BenchSuite = {
  name: 'allocations',
  run: async ({ quick, contestants, profileDir }) => {
    const runs: Run[] = [];
    for (const kind of ['trade', 'depth'] as const) {
      const suite = `allocations ${kind}`;
      const finishes = await runHeats<AllocationResult>(
        [{ suite, course: { kind }, frames: frames[kind], seed: 1, names: chosen(names, contestants) }],
        { rounds: quick ? 1 : 3, profileDir },
        'allocations/client',
        [`--min-semi-space-size=${youngMb}`, `--max-semi-space-size=${youngMb}`],
      );
      for (const { contestant, round, expected, result } of finishes) {
        const middle = median(result.bytes);
        const [low, high] = quarters(result.bytes);
        runs.push({
          suite,
          contestant,
          round,
          isRight: isRight(result.outcome, expected[entryOf(contestant).does]),
          bytes: Math.round(middle),
          stretches: result.bytes.length,
          spread: Number(((high - low) / middle).toFixed(4)),
        });
      }
    }
    const bytesOf = (kind: SuiteName, name: ContestantName): number =>
      median(
        runs
          .filter((run) => run.isRight && run.suite === `allocations ${kind}` && run.contestant === name)
          .map(({ bytes }) => bytes),
      );
    const targets = (['trade', 'depth'] as const).map((kind) => ({
      what: `allocations ${kind}: millrace beyond ws + JSON.parse, bytes a message`,
      value: bytesOf(kind, 'millrace') - bytesOf(kind, 'ws + JSON.parse'),
      ...own[kind],
    }));
    return {
      name: 'allocations',
      title: 'Bytes allocated',
      runs,
      markdown: table(
        ['bytes a message', 'trade', 'depth'],
        names.map((name) => [name, shown(bytesOf('trade', name), 0), shown(bytesOf('depth', name), 0)]),
      ),
      targets: targets.filter(({ value }) => !Number.isNaN(value)),
      wrong: runs
        .filter((run) => !run.isRight)
        .map(({ suite, round, contestant }) => `${suite}, round ${round}: ${contestant} is wrong`),
    };
  },
};
