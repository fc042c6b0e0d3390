import { mkdirSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { keysOf, kinds, type Memory, variants } from './variants.js';

// What it costs to remember a key, for one stream and for 20 in turn with a memory each: processor time in alternating rounds,
// medians; memory after so many keys that every table is full, and of a stream that saw one key.
// `--quick` makes fewer rounds. Prints a table, and writes the figures to bench/results/dedupe.json.
const isQuick = process.argv.includes('--quick');
const rounds = isQuick ? 3 : 9;
const sizes = [
  { maxKeys: 1_000, streams: 1 },
  { maxKeys: 10_000, streams: 1 },
  { maxKeys: 10_000, streams: 20 },
  { maxKeys: 100_000, streams: 1 },
] as const;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

interface Figures {
  readonly maxKeys: number;
  readonly streams: number;
  readonly ids: string;
  readonly variant: string;
  readonly nsPerKey: number;
  /** The first variant's time over this one's. */
  readonly ratio: number;
  /** Over the keys that must be remembered, not over those that happen to be. */
  readonly bytesPerKey: number;
  /** Of a memory that holds one key. */
  readonly idleBytes: number;
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

/** Each key goes to every memory, one after the other. */
const addAll = (memories: readonly Memory[], keys: Float64Array): number => {
  let fresh = 0;
  for (const key of keys) for (const memory of memories) if (memory(key)) fresh += 1;
  return fresh;
};

const idleBytes = (make: () => Memory): number => {
  make()(1);
  const before = used();
  const memories = Array.from({ length: 20 }, (_, index) => {
    const memory = make();
    memory(7_000_000_000 + index);
    return memory;
  });
  const grown = used() - before;
  memories[0]?.(0); // they are in use until here
  return Math.round(grown / memories.length);
};

function measure(maxKeys: number, streams: number, ids: string): Figures[] {
  const keys = keysOf(ids, Math.max(maxKeys * 5, Math.ceil(200_000 / streams)));
  const fresh = new Set(keys).size * streams;
  const names = Object.keys(variants);
  const make = (name: string): Memory => (variants[name] as (typeof variants)[string])(maxKeys);
  const times = new Map<string, number[]>(names.map((name) => [name, []]));

  // Weighing warms up, too.
  const bytes = new Map(
    names.map((name) => {
      const before = used();
      const memory = make(name);
      addAll([memory], keys);
      const grown = used() - before;
      memory(0); // it is in use until here
      return [name, grown / maxKeys];
    }),
  );

  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const memories = Array.from({ length: streams }, () => make(name));
      const startedAt = process.cpuUsage();
      const counted = addAll(memories, keys);
      times.get(name)?.push((process.cpuUsage(startedAt).user * 1_000) / (keys.length * streams));
      if (counted !== fresh) throw new Error(`${name} took ${counted} of ${fresh} ids for new ones`);
    }
  }

  const first = median(times.get(names[0] ?? '') ?? []);
  return names.map((variant) => {
    const ns = median(times.get(variant) ?? []);
    return {
      maxKeys,
      streams,
      ids,
      variant,
      nsPerKey: Number(ns.toFixed(1)),
      ratio: Number((first / ns).toFixed(2)),
      bytesPerKey: Math.round(bytes.get(variant) ?? NaN),
      idleBytes: idleBytes(() => make(variant)),
    };
  });
}

const figures = sizes.flatMap(({ maxKeys, streams }) =>
  kinds.flatMap((ids) => measure(maxKeys, streams, ids)),
);
const columns = ['maxKeys', 'streams', 'ids', 'memory', 'ns a key', '×', 'bytes a key', 'bytes idle'];
const lines = figures.map((line) =>
  [
    line.maxKeys,
    line.streams,
    line.ids,
    line.variant,
    line.nsPerKey,
    line.ratio,
    line.bytesPerKey,
    line.idleBytes,
  ].join(' | '),
);
console.log(
  [columns.join(' | '), '--: | --: | --- | --- | --: | --: | --: | --:', ...lines]
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
