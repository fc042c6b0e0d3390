import fc from 'fast-check';
import { rawNumber, rawText } from '../../src/operators/rawField.js';
import { createSeenKeys } from '../../src/operators/seenKeys.js';
import { createSkimmer, type SkimConfig } from '../../src/operators/skim.js';
import { seededRandom } from '../../src/testing/random.js';

interface Frame {
  readonly line: number;
  readonly text: string;
}
interface Message {
  readonly type: string;
  readonly id: number;
  readonly price: unknown;
}
const streams = ['trade', 'book'];
/** Makes the messages long enough for a look to pay if half of them are known. */
const note = '.'.repeat(200);

interface Traffic {
  readonly messages: number;
  readonly seed: number;
  /** The shares of copies that are lost, and that do not fit. */
  readonly lost: number;
  readonly broken: number;
  /** How far a copy may come late, in messages. */
  readonly late: number;
  /** How far the second line is behind. */
  readonly lag: number;
}

const traffic = (most: Partial<Record<'broken' | 'lost', number>> = {}): fc.Arbitrary<Traffic> =>
  fc.record({
    messages: fc.integer({ min: 1, max: 1_000 }),
    seed: fc.integer(),
    lost: fc.double({ min: 0, max: most.lost ?? 0.9, noNaN: true }),
    broken: fc.double({ min: 0, max: most.broken ?? 0.3, noNaN: true }),
    late: fc.nat(40),
    lag: fc.nat(300),
  });

/** What two lines bring of the same messages, in the order of arrival. */
function framesOf({ messages, seed, lost, broken, late, lag }: Traffic): Frame[] {
  const random = seededRandom(seed);
  const ids = streams.map(() => 0);
  const arrivals: (Frame & { readonly at: number })[] = [];
  for (let sent = 0; sent < messages; sent += 1) {
    const stream = random() < 0.5 ? 0 : 1;
    const id = (ids[stream] = ids[stream]! + 1);
    for (const line of [0, 1]) {
      if (random() < lost) continue;
      const price = random() < broken ? id : `${id}.5`;
      const at = sent + line * lag + random() * late;
      const space = random() < 0.1 ? 1 : 0;
      arrivals.push({
        at,
        line,
        text: JSON.stringify({ type: streams[stream], id, price, note }, null, space),
      });
      if (random() < 0.05) arrivals.push({ at, line, text: '{"type":"ack","id":1}' });
      if (random() < 0.02) arrivals.push({ at, line, text: '{"type":"trade","id":1' });
    }
  }
  return arrivals.sort((a, b) => a.at - b.at);
}

interface Outcome {
  readonly delivered: readonly string[];
  /** The frames that a line did not deliver, by what became of them. */
  readonly duplicates: number;
  readonly rejected: number;
  readonly parsed: number;
  readonly told: readonly unknown[];
  /** By stream: skimmed, and yet no copy of it was delivered before. */
  readonly wronglyDropped: ReadonlyMap<string, number>;
  /** The frame at which the hooks were mistrusted. */
  readonly mistrustedAt: number;
}

/** A feed that gets what both lines bring: skim → parse → validate → dedupe. */
function receive(frames: readonly Frame[], config?: SkimConfig, maxKeys = 100_000): Outcome {
  const memories = new Map(streams.map((stream) => [stream, createSeenKeys({ maxKeys })]));
  const told: unknown[] = [];
  const delivered = new Set<string>();
  const wronglyDropped = new Map<string, number>();
  let at = 0;
  let mistrustedAt = Infinity;
  let duplicates = 0;
  let rejected = 0;
  let parsed = 0;
  const tell = (about: unknown): void => {
    told.push(about);
    mistrustedAt = at;
  };
  const skimmer =
    config &&
    createSkimmer(config, {
      memoryOf: (stream) => memories.get(stream),
      onMistrust: tell,
      onHookFailed: tell,
    });

  const parse = (text: string): Message | undefined => {
    try {
      return JSON.parse(text) as Message;
    } catch {
      return undefined;
    }
  };
  for (const { text } of frames) {
    at += 1;
    const message = parse(text);
    const stream = skimmer?.skim(text);
    if (stream !== undefined) {
      duplicates += 1;
      const isNew = message !== undefined && !delivered.has(`${message.type} ${message.id}`);
      if (isNew && typeof message.price === 'string') {
        wronglyDropped.set(stream, (wronglyDropped.get(stream) ?? 0) + 1);
      }
      continue;
    }
    parsed += 1;
    if (message === undefined) {
      rejected += 1;
      continue;
    }
    const { type, id, price } = message;
    const memory = memories.get(type);
    if (memory === undefined) {
      skimmer?.parsed(undefined, undefined);
    } else if (typeof price !== 'string') {
      rejected += 1;
    } else {
      skimmer?.parsed(type, id);
      if (memory.add(id)) delivered.add(`${type} ${id}`);
      else duplicates += 1;
    }
  }
  return { delivered: [...delivered], duplicates, rejected, parsed, told, wronglyDropped, mistrustedAt };
}

const honest = (): SkimConfig => ({ route: rawText('type'), key: rawNumber('id') });

describe('createSkimmer, with honest hooks', () => {
  it('changes nothing in what is delivered, nor in its order', () => {
    fc.assert(
      fc.property(traffic(), (config) => {
        const frames = framesOf(config);
        const plain = receive(frames);
        const skimmed = receive(frames, honest());

        expect(skimmed.delivered).toStrictEqual(plain.delivered);
        expect(skimmed.told).toStrictEqual([]);
        // A broken copy of what is known is not looked into.
        expect(skimmed.duplicates + skimmed.rejected).toBe(plain.duplicates + plain.rejected);
        expect(skimmed.rejected).toBeLessThanOrEqual(plain.rejected);
      }),
    );
  });

  it('nor in what is known and forgotten, however small the memory, where all copies fit', () => {
    fc.assert(
      fc.property(traffic({ broken: 0, lost: 0.2 }), fc.integer({ min: 1, max: 200 }), (config, maxKeys) => {
        // A text that was cut off is a broken copy, too.
        const frames = framesOf({ ...config, broken: -1 }).filter(({ text }) => text.endsWith('}'));
        const plain = receive(frames, undefined, maxKeys);
        const skimmed = receive(frames, honest(), maxKeys);

        expect(skimmed.delivered).toStrictEqual(plain.delivered);
        expect([skimmed.duplicates, skimmed.rejected]).toStrictEqual([plain.duplicates, 0]);
      }),
    );
  });

  it('parses of two lines that lose nothing only one copy in 61, and a few to begin with', () => {
    const frames = framesOf({ messages: 10_000, seed: 1, lost: -1, broken: -1, late: 0, lag: 50 }).filter(
      ({ text }) => /"price"/.test(text),
    );
    const { delivered, duplicates, parsed } = receive(frames, honest());

    expect([delivered.length, duplicates]).toStrictEqual([10_000, 10_000]);
    expect(parsed - delivered.length).toBeGreaterThanOrEqual(Math.floor(10_000 / 61));
    expect(parsed - delivered.length).toBeLessThanOrEqual(Math.ceil(10_000 / 61) + 2 * 7);
  });
});

describe('createSkimmer, with hooks that lie', () => {
  /** Reads a known key from every frame but the first ones. */
  const liar = (truths: number, lies: (text: string) => boolean): SkimConfig => {
    const { route, key } = honest();
    let asked = 0;
    return { route, key: (data) => ((asked += 1) > truths && lies(data as string) ? 1 : key(data)) };
  };

  it('drops at most 60 new messages of a stream, is told once, and drops none after that', () => {
    fc.assert(
      fc.property(traffic({ lost: 0.3, broken: 0 }), fc.nat(2_000), (config, truths) => {
        const frames = framesOf(config);
        const outcome = receive(
          frames,
          liar(truths, () => true),
        );

        for (const lost of outcome.wronglyDropped.values()) expect(lost).toBeLessThanOrEqual(60);
        expect(outcome.told.length).toBeLessThanOrEqual(1);
        const after = receive(
          frames.slice(0, outcome.mistrustedAt),
          liar(truths, () => true),
        );
        expect(after.wronglyDropped).toStrictEqual(outcome.wronglyDropped);
      }),
    );
  });

  it('drops at most one new message of a stream if it is lied to from the first', () => {
    fc.assert(
      fc.property(traffic({ broken: 0 }), (config) => {
        const { wronglyDropped } = receive(
          framesOf(config),
          liar(0, () => true),
        );

        // The key read is 1 always, which is right at first.
        for (const lost of wronglyDropped.values()) expect(lost).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('finds out at a like loss whether all or few are lies', () => {
    const losses = [1, 0.3, 0.05].map((share) => {
      const counts = Array.from({ length: 10 }, (_, seed) => {
        const random = seededRandom(seed);
        const frames = framesOf({ messages: 6_000, seed, lost: -1, broken: -1, late: 5, lag: 20 });
        const { wronglyDropped, told } = receive(
          frames,
          liar(3_000, () => random() < share),
        );
        expect(told).toHaveLength(1);
        return [...wronglyDropped.values()].reduce((sum, count) => sum + count, 0);
      });
      return counts.reduce((sum, count) => sum + count, 0) / counts.length;
    });

    for (const loss of losses) expect(loss).toBeLessThan(120);
    expect(losses[0]).toBeGreaterThan(0);
  });
});
