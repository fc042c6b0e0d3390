import { parseArgs } from 'node:util';
import { machineLine } from './lib/machine.js';
import { isBeyondFloor, targetTable } from './lib/targets.js';
import { writeResults } from './lib/writeResults.js';
import type { Report } from './suite.js';
import { benchSuites } from './suites.js';

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

const names = benchSuites.map(({ name }) => name);
for (const name of asked ?? []) {
  if (!names.includes(name)) {
    throw new RangeError(`--suite must be one of ${names.join(', ')}, got ${name}`);
  }
}
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
if (reports.length === 0) throw new RangeError(`--contestant: no suite knows ${contestants?.join(', ')}`);

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
