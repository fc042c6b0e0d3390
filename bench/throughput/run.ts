import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type ContestantName, contestants } from './contestants.js';
import { race, type Run } from './race.js';
import { toMarkdown } from './report.js';
import { suites, type SuiteName } from './suites.js';

// What a message costs, from the socket to whoever listens: prints a table a suite. A whole run writes all its runs to
// bench/results/throughput.json; one that is `--quick`, or of some suites or contestants only, does not.
//   node --import tsx bench/throughput/run.ts [--quick] [--suite NAME]… [--contestant NAME]… [--cpu-prof DIR]
const names = Object.keys(contestants) as ContestantName[];
const kinds = Object.keys(suites) as SuiteName[];
const {
  values: { quick, suite, contestant, 'cpu-prof': profileDir },
} = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    suite: { type: 'string', multiple: true },
    contestant: { type: 'string', multiple: true },
    'cpu-prof': { type: 'string' }, // a directory
  },
});

/** All, or those that were asked for. */
const chosen = <T extends string>(what: string, all: readonly T[], asked: readonly string[] = all): T[] => {
  for (const name of asked) {
    if (!all.some((one) => one === name))
      throw new RangeError(`--${what} must be one of ${all.join(', ')}, got ${name}`);
  }
  return all.filter((name) => asked.includes(name));
};

const frames: Readonly<Record<SuiteName, number>> = quick
  ? { trade: 60_000, depth: 20_000 }
  : { trade: 300_000, depth: 100_000 };
const rounds = quick ? 3 : 9;

const runs: Run[] = [];
for (const kind of chosen('suite', kinds, suite)) {
  runs.push(
    ...(await race({
      suite: kind,
      frames: frames[kind],
      seed: 1,
      rounds,
      names: chosen('contestant', names, contestant),
      ...(profileDir !== undefined && { profileDir }),
    })),
  );
}
console.log(toMarkdown(runs));
for (const { suite: kind, contestant: name, outcome } of runs.filter(({ isRight }) => !isRight)) {
  console.error(`${kind}: ${name} is wrong: ${JSON.stringify(outcome)}`);
  process.exitCode = 1;
}
if (!quick && suite === undefined && contestant === undefined) {
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(
    'bench/results/throughput.json',
    `[\n${runs.map((run) => JSON.stringify(run)).join(',\n')}\n]\n`,
  );
}
