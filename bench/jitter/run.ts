import { mkdirSync, writeFileSync } from 'node:fs';
import { outages } from './outages.js';
import { type Run, toMarkdown } from './report.js';
import { jittered, play, unjittered } from './variants.js';

// Plays every outage, prints the tables of docs/jitter.md, and writes the runs they are made of.
const seeds = [1, 2, 3, 4, 5];
const runs: Run[] = [];
for (const [outage, scene] of Object.entries(outages)) {
  const add = (variant: string, config: (typeof jittered)[string], some: readonly number[]): void => {
    for (const seed of some) runs.push({ outage, variant, seed, ...play(scene, config, seed) });
  };
  for (const [variant, config] of Object.entries(jittered)) add(variant, config, seeds);
  // Nothing is random here but the moments of loss: one run tells it.
  if (!scene.jitteredOnly)
    for (const [variant, config] of Object.entries(unjittered)) add(variant, config, seeds.slice(0, 1));
}
mkdirSync('bench/results', { recursive: true });
writeFileSync('bench/results/jitter.json', `[\n${runs.map((run) => JSON.stringify(run)).join(',\n')}\n]\n`);
console.log(toMarkdown(runs));
