import { parseArgs } from 'node:util';
import { fans } from './growth/subscribers.js';
import { machineLine } from './lib/machine.js';
import { isBeyondFloor, targetTable } from './lib/targets.js';
import { writeResults } from './lib/writeResults.js';
import type { Report } from './suite.js';
import { benchSuites } from './suites.js';
import { contestants as everybody } from './throughput/contestants.js';

// Runs the suites one after the other and prints a table of each. A whole run, or one with `--out`, writes results.json, results.md
// and ratios.svg. Fails if a run delivered anything but exactly what it should; with `--floors`, also if a figure is far under its target.
//   npm run bench -- [--quick] [--suite NAME]… [--contestant NAME]… [--cpu-prof DIR] [--out DIR] [--floors]
const {
  values: { quick, suite: asked, contestant: contestants, 'cpu-prof': profileDir, out, floors },
} = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    suite: { type: 'string', multiple: true },
    contestant: { type: 'string', multiple: true },
    'cpu-prof': { type: 'string' }, // a directory
    out: { type: 'string' }, // a directory
    floors: { type: 'boolean', default: false },
  },
});

/** @throws {RangeError} If a name that was given is none of those known: a run without what was meant would look like one with it. */
function check(option: string, known: readonly string[], given: readonly string[] = []): void {
  for (const name of given) {
    if (!known.includes(name))
      throw new RangeError(`${option} must be one of ${known.join('; ')}, got ${name}`);
  }
}
check(
  '--suite',
  benchSuites.map(({ name }) => name),
  asked,
);
check('--contestant', [...Object.keys(everybody), ...fans], contestants);
const chosen = benchSuites.filter(({ name }) => asked?.includes(name) ?? true);

console.log(`${machineLine()}\n`);
const isWhole = !quick && asked === undefined && contestants === undefined && profileDir === undefined;
const reports: Report[] = [];
for (const { run } of chosen) {
  const report = await run({
    quick,
    ...(contestants && { contestants }),
    ...(profileDir !== undefined && { profileDir }),
  });
  if (report.runs.length === 0) continue;
  reports.push(report);
  if (out !== undefined || isWhole) writeResults(out ?? 'bench/results', reports); // after each: a run may be cut short
  console.log(`## ${report.title}\n\n${report.markdown}`);
}
if (reports.length === 0)
  throw new RangeError(`--contestant: none of the suites asked for knows ${contestants?.join(', ')}`);

const targets = reports.flatMap((report) => report.targets);
console.log(`## Targets\n\n${targetTable(targets)}`);

for (const problem of reports.flatMap(({ wrong }) => wrong)) {
  console.error(problem);
  process.exitCode = 1;
}
for (const { what, value, floor } of floors ? targets.filter(isBeyondFloor) : []) {
  console.error(`${what}: ${value.toFixed(2)} is beyond the floor of ${floor}`);
  process.exitCode = 1;
}
