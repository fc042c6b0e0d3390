import { mkdirSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { keysOf, kinds, type Memory, variants } from './variants.js';

// What it costs to remember a key: processor time in alternating rounds, medians; memory after so many keys that every table is full.
// `--quick` makes fewer rounds. Prints a table, and writes the figures to bench/results/dedupe.json.
const isQuick = process.argv.includes('--quick');
const rounds = isQuick ? 3 : 9;
const sizes = [1_000, 10_000, 100_000];

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

interface Figures {
  readonly maxKeys: number;
  readonly ids: string;
  readonly variant: string;
  readonly nsPerKey: number;
  /** The first variant's time over this one's. */
  readonly ratio: number;
  /** Over the keys that must be remembered, not over those that happen to be. */
  readonly bytesPerKey: number;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

/** Twice, for what the first finds may hold on to buffers. */
const used = (): number => {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

const addAll = (memory: Memory, keys: Float64Array): number => {
  let fresh = 0;
  for (const key of keys) if (memory(key)) fresh += 1;
  return fresh;
};

function measure(maxKeys: number, ids: string): Figures[] {
  const keys = keysOf(ids, Math.max(maxKeys * 5, 200_000));
  const fresh = new Set(keys).size;
  const names = Object.keys(variants);
  const make = (name: string): Memory => (variants[name] as (typeof variants)[string])(maxKeys);
  const times = new Map<string, number[]>(names.map((name) => [name, []]));

  // Weighing warms up, too.
  const bytes = new Map(
    names.map((name) => {
      const before = used();
      const memory = make(name);
      addAll(memory, keys);
      const grown = used() - before;
      memory(0); // it is in use until here
      return [name, grown / maxKeys];
    }),
  );

  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const memory = make(name);
      const startedAt = process.cpuUsage();
      const counted = addAll(memory, keys);
      times.get(name)?.push((process.cpuUsage(startedAt).user * 1_000) / keys.length);
      if (counted !== fresh) throw new Error(`${name} took ${counted} of ${fresh} ids for new ones`);
    }
  }

  const first = median(times.get(names[0] ?? '') ?? []);
  return names.map((variant) => {
    const ns = median(times.get(variant) ?? []);
    return {
      maxKeys,
      ids,
      variant,
      nsPerKey: Number(ns.toFixed(1)),
      ratio: Number((first / ns).toFixed(2)),
      bytesPerKey: Math.round(bytes.get(variant) ?? NaN),
    };
  });
}

const figures = sizes.flatMap((maxKeys) => kinds.flatMap((ids) => measure(maxKeys, ids)));
const lines = figures.map(({ maxKeys, ids, variant, nsPerKey, ratio, bytesPerKey }) =>
  [maxKeys, ids, variant, nsPerKey, ratio, bytesPerKey].join(' | '),
);
console.log(
  ['maxKeys | ids | memory | ns a key | × | bytes a key', '--: | --- | --- | --: | --: | --:', ...lines]
    .map((line) => `| ${line} |`)
    .join('\n'),
);
if (!isQuick) {
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(
    'bench/results/dedupe.json',
    `[\n${figures.map((line) => JSON.stringify(line)).join(',\n')}\n]\n`,
  );
}
