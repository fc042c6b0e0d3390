import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '../suite.js';
import { machineLine } from './machine.js';
import { ratiosSvg } from './ratiosSvg.js';
import { targetTable } from './targets.js';

/** Every run on a line of its own, so that two results can be compared line by line. */
const toJson = (machine: string, reports: readonly Report[]): string => {
  const suites = reports.map(({ name, runs }) => {
    const lines = runs.map((run) => `    ${JSON.stringify(run)}`);
    return `  ${JSON.stringify(name)}: [\n${lines.join(',\n')}\n  ]`;
  });
  return `{\n  "machine": ${JSON.stringify(machine)},\n${suites.join(',\n')}\n}\n`;
};

const toMarkdown = (machine: string, reports: readonly Report[]): string =>
  [
    `${machine}\n`,
    ...reports.map(({ title, markdown }) => `## ${title}\n\n${markdown}`),
    `## Targets\n\n${targetTable(reports.flatMap(({ targets }) => targets))}`,
  ].join('\n');

/** Writes results.json (every run), results.md (the tables) and ratios.svg (a plot of the ratios to the reference). */
export function writeResults(dir: string, reports: readonly Report[]): void {
  const machine = machineLine();
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'results.json'), toJson(machine, reports));
  writeFileSync(join(dir, 'results.md'), toMarkdown(machine, reports));
  writeFileSync(join(dir, 'ratios.svg'), ratiosSvg(reports.flatMap(({ bars = [] }) => bars)));
}
