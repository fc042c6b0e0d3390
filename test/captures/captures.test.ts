import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isBalanced } from 'millrace';
import { serveRecording } from 'millrace/testing';
import { krakenV1 } from '../../examples/venues/krakenV1.js';
import { type Capture, captures, type Expected, type Outcome } from './captures.js';

const folder = process.env.MILLRACE_CAPTURES ?? join(__dirname, '../../../shared/captures');
const present = captures.filter(({ file }) => existsSync(join(folder, file)));
const missing = captures.filter((capture) => !present.includes(capture)).map(({ file }) => file);
if (missing.length > 0) {
  process.stderr.write(
    `captures skipped: ${folder} has no ${missing.join(', ')}. MILLRACE_CAPTURES names another folder.\n`,
  );
}

interface Line {
  readonly dir: 'in' | 'out' | 'rest';
  readonly raw: string;
}

/** A recording, read without any code of ours. */
interface Reading {
  readonly lines: readonly Line[];
  readonly out: readonly unknown[];
  readonly values: readonly Expected[];
  /** Frames of the server that hold no data. */
  readonly control: number;
  readonly gaps: number;
}

function readLines(lines: readonly Line[], { read }: Capture): Reading {
  const frames = lines.filter(({ dir }) => dir === 'in').map(({ raw }) => read(JSON.parse(raw)));
  const values = frames.flat();
  const lastOf = new Map<string, number>();
  let gaps = 0;
  for (const { span } of values) {
    if (span === undefined) continue;
    const last = lastOf.get(span.scope);
    if (last !== undefined && !span.isReset && span.from !== last + 1) gaps++;
    lastOf.set(span.scope, span.to);
  }
  return {
    lines,
    out: lines.filter(({ dir }) => dir === 'out').map(({ raw }) => JSON.parse(raw) as unknown),
    values,
    control: frames.filter((values) => values.length === 0).length,
    gaps,
  };
}

/** A frame of the server that carries data. */
const hasData = ({ dir, raw }: Line, { read }: Capture): boolean =>
  dir === 'in' && read(JSON.parse(raw)).length > 0;

const readCapture = (capture: Capture): Reading =>
  readLines(
    readFileSync(join(folder, capture.file), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line),
    capture,
  );

async function replay(
  file: string,
  speed: number,
  { play }: Capture,
  out: readonly unknown[],
): Promise<Outcome> {
  const server = await serveRecording(file, { speed, thenClose: 1000 });
  try {
    return await play(server.url, out);
  } finally {
    await server.close();
  }
}

/** Plays other lines than those of the file, unpaced, from a file that is gone afterwards. */
async function replayEdited(lines: readonly Line[], capture: Capture, { out }: Reading): Promise<Outcome> {
  const scratch = await mkdtemp(join(tmpdir(), 'capture-'));
  try {
    const file = join(scratch, capture.file);
    await writeFile(file, lines.map((line) => JSON.stringify(line)).join('\n'));
    return await replay(file, Infinity, capture, out);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** What the feed delivered, reduced to the facts that were read from the file, to be equal to them. */
const factsOf = (stream: string, { values }: Outcome, expected: readonly Expected[]): unknown[] =>
  (values.get(stream) ?? []).map((value, index) =>
    Object.fromEntries(
      Object.keys(expected[index]?.facts ?? {}).map((name) => [
        name,
        (value as Record<string, unknown>)[name],
      ]),
    ),
  );

const troubles = new Set<string>([
  'gap',
  'late',
  'duplicate',
  'rejected',
  'overflow',
  'hookFailed',
  'subscriptionRefused',
]);

(present.length > 0 ? describe.each(present) : describe.skip.each(captures))('$file', (capture) => {
  let reading: Reading;

  beforeAll(() => {
    reading = readCapture(capture);
  });

  it('is whole: no sequence in it has a gap', () => {
    expect(reading.values.length).toBeGreaterThan(0);
    expect(reading.gaps).toBe(0);
  });

  if (capture.asks !== undefined) {
    it.each(capture.asks)('is asked for as the recorded client did from message %i on: %j', (at, streams) => {
      const messages = [capture.subscribe!(streams, reading.out)].flat();

      expect(messages).toMatchObject(reading.out.slice(at, at + messages.length));
    });
  }

  it('is compared by facts that are there', () => {
    expect(reading.values.filter(({ facts }) => Object.values(facts).includes(undefined))).toStrictEqual([]);
  });

  it.each([1000, Infinity])('comes through its example whole and in order at speed %p', async (speed) => {
    const outcome = await replay(join(folder, capture.file), speed, capture, reading.out);
    const { stats, events, rejected } = outcome;

    expect(rejected).toStrictEqual([]);
    expect(events.filter(({ type }) => troubles.has(type))).toStrictEqual([]);
    const confirmed = events.flatMap((event) => (event.type === 'subscribed' ? [event.stream] : []));
    expect(new Set(confirmed)).toStrictEqual(new Set(capture.confirmed));
    for (const stream of outcome.values.keys()) {
      const expected = reading.values.filter((value) => value.stream === stream);
      expect(factsOf(stream, outcome, expected)).toStrictEqual(expected.map(({ facts }) => facts));
      expect(stats.streams[stream]).toMatchObject({ received: expected.length, delivered: expected.length });
    }
    expect(isBalanced(stats)).toBe(true);
    expect(stats).toMatchObject({
      received: reading.values.length + reading.control,
      delivered: reading.values.length,
      control: reading.control,
      rejected: 0,
      unrouted: 0,
      duplicate: 0,
      dropped: 0,
      conflated: 0,
      held: 0,
    });
  });

  it('is told of each hole that is cut into it', async () => {
    const numbered = reading.lines.filter(
      ({ dir, raw }) => dir === 'in' && capture.read(JSON.parse(raw))[0]?.span,
    );
    const cut = [1, 2, 3].map((part) => numbered[Math.floor((part * numbered.length) / 4)]);
    const lines = reading.lines.filter((line) => !cut.includes(line));
    const { gaps } = readLines(lines, capture);
    const { events } = await replayEdited(lines, capture, reading);

    expect(events.filter(({ type }) => type === 'gap')).toHaveLength(gaps);
    expect(gaps > 0).toBe(numbered.length > 0);
  });

  /** Three frames in a row of the numbering that has most of them, from its middle, where nothing begins anew. */
  const middleOf = ({ lines }: Reading): { frames: Line[]; values: Expected[] } | undefined => {
    const rows = new Map<string, { line: Line; value: Expected }[]>();
    for (const line of lines) {
      const values = line.dir === 'in' ? capture.read(JSON.parse(line.raw)) : [];
      const [value] = values;
      if (value?.span === undefined || values.length > 1 || value.span.isReset) continue;
      rows.set(value.span.scope, [...(rows.get(value.span.scope) ?? []), { line, value }]);
    }
    const longest = [...rows.values()].sort((one, other) => other.length - one.length)[0];
    if (longest === undefined) return undefined;
    const middle = longest.slice(longest.length / 2).slice(0, 3);
    return { frames: middle.map(({ line }) => line), values: middle.map(({ value }) => value) };
  };

  it.each<[string, (lines: readonly Line[], one: Line, next: Line) => Line[], string[], string[]]>([
    ['one frame is cut', (lines, one) => lines.filter((line) => line !== one), ['gap'], ['gap']],
    [
      'two are swapped',
      (lines, one, next) => lines.map((line) => (line === one ? next : line === next ? one : line)),
      ['gap', 'late'],
      ['gap', 'late'],
    ],
    [
      'one is repeated',
      (lines, one) => lines.flatMap((line) => (line === one ? [one, { ...one }] : [line])),
      ['late'],
      ['duplicate'],
    ],
  ])('is told once, of the right stream and topic, that %s', async (_, edit, unkeyed, keyed) => {
    const middle = middleOf(reading);
    if (middle === undefined) {
      expect(reading.values.some(({ span }) => span !== undefined)).toBe(false);
      return;
    }
    const [one, next] = middle.frames as [Line, Line];
    const [{ stream, span }] = middle.values as [Expected];
    const { events } = await replayEdited(edit(reading.lines, one, next), capture, reading);
    const told = events.filter(({ type }) => troubles.has(type));

    expect(told.map(({ type }) => type)).toStrictEqual(capture.keyed.includes(stream) ? keyed : unkeyed);
    for (const event of told) expect(event).toMatchObject({ stream, topic: span!.scope });
    const gap = told.find(({ type }) => type === 'gap');
    if (gap !== undefined) expect(gap).toMatchObject({ after: span!.from - 1, before: span!.to + 1 });
  });

  it('loses nothing to a broken copy of a frame before the good one', async () => {
    const at = reading.lines.findIndex((line) => hasData(line, capture));
    const broken = { ...reading.lines[at]!, raw: reading.lines[at]!.raw.slice(0, -1) };
    const { stats, rejected } = await replayEdited(reading.lines.toSpliced(at, 0, broken), capture, reading);

    expect(rejected).toMatchObject([{ reason: 'decode', raw: broken.raw }]);
    expect(stats).toMatchObject({ delivered: reading.values.length, rejected: 1, held: 0 });
  });

  it('is delivered once where it has keys, when the server says all of it twice', async () => {
    const twice = [...reading.lines, ...reading.lines.map((line) => ({ ...line, t: null }))];
    const { stats } = await replayEdited(twice, capture, reading);

    for (const [stream, counts] of Object.entries(stats.streams)) {
      const once = reading.values.filter((value) => value.stream === stream).length;
      const [delivered, duplicate] = capture.keyed.includes(stream) ? [once, once] : [2 * once, 0];
      expect(counts).toMatchObject({ received: 2 * once, delivered, duplicate });
    }
    expect(isBalanced(stats)).toBe(true);
  });
});

const kraken = present.find(({ file }) => file.startsWith('kraken'));
(kraken ? describe : describe.skip)('krakenV1', () => {
  it('keeps every digit of a connection id above 2 ** 53', () => {
    const { raw } = readCapture(kraken!).lines.find((line) => line.raw.includes('connectionID'))!;
    const [, id] = /"connectionID":(\d+)/.exec(raw)!;

    expect(Number.isSafeInteger(Number(id))).toBe(false);
    expect(krakenV1({ symbols: [] }).codec?.decode(raw)).toMatchObject({ connectionID: id });
  });
});
