import * as fc from 'fast-check';
import { safeParse } from 'valibot';
import { addUnordered } from '../../bench/lib/meter.js';
import type { ContestantName } from '../../bench/throughput/contestants.js';
import { type Course, foldOf, streamsOfLine, suiteOf, writeCourse } from '../../bench/throughput/course.js';
import { race } from '../../bench/throughput/race.js';
import { writeRedundant } from '../../bench/throughput/redundant.js';
import { type Keyed, suites } from '../../bench/throughput/suites.js';
import { type Expected, factOf, type Outcome } from '../../bench/throughput/traffic.js';
import { deliveredByTurn, turnsOf } from '../../bench/throughput/turns.js';

interface Frame {
  readonly text: string;
  readonly line: number;
}

const written = (course: Course, count: number, seed: number): { frames: Frame[]; expected: Expected } => {
  const frames: Frame[] = [];
  return {
    expected: writeCourse(course, count, seed, (text, line) => frames.push({ text, line })),
    frames,
  };
};

const parsed = (text: string): Keyed => JSON.parse(text) as Keyed;
const fits = (text: string): boolean => safeParse(suites.trade.schema, JSON.parse(text)).success;

/** The job of two lines in as few words as it takes. */
const judged = (texts: readonly string[]): Outcome => {
  const seen = new Set<string>();
  const counts = { delivered: 0, checksum: 0, duplicates: 0, rejected: 0, gaps: 0 };
  for (const text of texts) {
    const { type, id } = parsed(text);
    const key = `${type} ${id}`;
    if (!fits(text)) counts.rejected += 1;
    else if (seen.has(key)) counts.duplicates += 1;
    else {
      seen.add(key);
      counts.delivered += 1;
      counts.checksum = addUnordered(
        counts.checksum,
        factOf(suites.trade, suites.trade.streams.indexOf(type), id),
      );
    }
  }
  return counts;
};

const redundant: Course = { kind: 'trade', lines: 2, isRedundant: true };

describe('redundant traffic', () => {
  it('says itself what is to be made of it, however the lines are interleaved', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat(9), { minLength: 1 }), (seed, runs) => {
        const { frames, expected } = written(redundant, 2_000, seed);
        const lines = [0, 1].map((line) => frames.filter((frame) => frame.line === line));
        const merged: string[] = [];
        for (let turn = 0; lines.some(({ length }) => length > 0); turn += 1) {
          const next = lines[turn % 2]!.splice(0, 1 + 7 * runs[turn % runs.length]!);
          merged.push(...next.map(({ text }) => text));
        }

        expect(expected.job).toStrictEqual(judged(merged));
      }),
      { numRuns: 10 },
    );
  });

  it('repeats every message on the other line, but for the last one of each thousand', () => {
    const { frames } = written(redundant, 4_000, 1);
    const [one, other] = [0, 1].map((line) =>
      frames
        .filter((frame) => frame.line === line)
        .map(({ text }) => `${parsed(text).type} ${parsed(text).id}`),
    );
    const own = one!.flatMap((message, place) => (other!.includes(message) ? [] : [place]));

    expect([frames.length, one!.length]).toStrictEqual([4_000, 2_000]);
    expect(own).toStrictEqual([999, 1_999]);
    expect(one!.filter((message) => other!.includes(message))).toStrictEqual(
      other!.filter((message) => one!.includes(message)),
    );
  });

  it('breaks no message on both lines', () => {
    const { frames } = written(redundant, 4_000, 1);
    const broken = frames
      .filter(({ text }) => !fits(text))
      .map(({ text, line }) => ({ line, id: parsed(text).id }));

    expect(broken.filter(({ line }) => line === 0)).toHaveLength(2);
    expect(broken.filter(({ line }) => line === 1)).toHaveLength(2);
    expect(new Set(broken.map(({ id }) => id)).size).toBe(4);
  });

  it('lets the lines be first in turn', () => {
    const { frames } = written(redundant, 2_000, 1);
    const first = frames.filter((_, place) => place % 2 === 0).map(({ line }) => line);

    expect([first[0], first[99], first[100], first[199], first[200]]).toStrictEqual([0, 0, 1, 1, 0]);
  });

  it.each([0, 1_000, 3_000, NaN])('is not written for %s frames', (count) => {
    expect(() => writeRedundant(suites.trade, 2, count, 1, () => undefined)).toThrow(
      new RangeError(`writeRedundant: count must be whole thousands for each line, got ${count}`),
    );
  });
});

describe('a course', () => {
  it('deals its streams out to its lines', () => {
    const course: Course = { kind: 'trade', streams: 7, lines: 3 };
    const lines = [0, 1, 2].map((line) => streamsOfLine(course, line));

    expect(lines.map(({ length }) => length)).toStrictEqual([3, 2, 2]);
    expect(lines.flat().sort()).toStrictEqual(suiteOf(course).streams);
  });

  it('sends a frame over the line that has its stream, a copy of it too', () => {
    const course: Course = { kind: 'trade', streams: 7, lines: 3 };
    const lines = [0, 1, 2].map((line) => streamsOfLine(course, line));

    for (const { text, line } of written(course, 1_000, 1).frames) {
      expect(lines[line]).toContain(parsed(text).type);
    }
  });

  it('gives no id to two streams, and each ten digits, with 10 000 of them', () => {
    const owners = new Map<number, string>();
    for (const { text } of written({ kind: 'trade', streams: 10_000 }, 20_000, 1).frames) {
      const { type, id } = parsed(text);
      expect(owners.get(id) ?? type).toBe(type);
      expect(String(id)).toHaveLength(10);
      owners.set(id, type);
    }
    expect(owners.size).toBeGreaterThan(19_000);
  });

  it('has an order only if it has one line', () => {
    const swaps = (course: Course): boolean => {
      const add = foldOf(course);
      return add(add(0, 1), 2) === add(add(0, 2), 1);
    };

    expect([swaps({ kind: 'trade' }), swaps({ kind: 'trade', lines: 2 })]).toStrictEqual([false, true]);
  });
});

describe('turnsOf', () => {
  const courses = fc.constantFrom<Course>(
    { kind: 'trade' },
    { kind: 'trade', streams: 7, lines: 3 },
    redundant,
  );

  it('says what is delivered when each turn ends', () => {
    fc.assert(
      fc.property(courses, fc.integer({ min: 2, max: 12 }), (course, thousands) => {
        const count = thousands * (course.isRedundant ? 2_000 : 1_000);
        const { frames, expected } = written(course, count, 1);
        const turns = turnsOf(course, count, 0.5);
        const texts = frames.map(({ text }) => text);

        expect(turns.sentBy.at(-1)).toBe(frames.length);
        expect(deliveredByTurn(turns, expected.job.delivered)).toStrictEqual(
          turns.sentBy.map((sent) => judged(texts.slice(0, sent)).delivered),
        );
        expect(deliveredByTurn(turns, expected.frames.delivered)).toStrictEqual(turns.sentBy);
      }),
      { numRuns: 20 },
    );
  });

  it('ends each turn with what no other line has', () => {
    const { frames } = written(redundant, 8_000, 1);
    const ids = frames.map(({ text }) => parsed(text).id);
    for (const sent of turnsOf(redundant, 8_000, 0.5).sentBy) {
      for (const id of ids.slice(sent - 2, sent)) expect(ids.filter((one) => one === id)).toHaveLength(1);
    }
  });

  it.each<readonly [Course, number, number, number]>([
    [{ kind: 'trade' }, 1_600_000, 80, 60],
    [{ kind: 'depth' }, 320_000, 80, 60],
    [{ kind: 'trade' }, 100_000, 8, 6],
    [{ kind: 'trade' }, 3_000, 3, 2],
    [{ kind: 'trade' }, 2_000, 2, 1],
    [redundant, 1_200_000, 60, 45],
    [redundant, 4_000, 2, 1],
  ])('divides %j of %i frames into %i turns, %i of them to warm up', (course, count, turns, warmUp) => {
    const { sentBy, ...others } = turnsOf(course, count, 0.75);

    expect([sentBy.length, others]).toStrictEqual([turns, { warmUp }]);
    expect(sentBy).toStrictEqual([...new Set(sentBy)].toSorted((a, b) => a - b));
  });

  it.each<readonly [Course, number, number]>([
    [{ kind: 'trade' }, 1_000, 2_000],
    [redundant, 2_000, 4_000],
    [redundant, NaN, 4_000],
  ])('does not divide %j of %s frames', (course, count, least) => {
    expect(() => turnsOf(course, count, 0.5)).toThrow(
      new RangeError(`turnsOf: count must be at least ${least}, got ${count}`),
    );
  });
});

describe.each<readonly [string, Course, readonly ContestantName[]]>([
  [
    'two lines that carry the same',
    redundant,
    ['ws + JSON.parse', 'reference', 'rxjs idiom', 'millrace', 'millrace, skim', 'millrace, reader'],
  ],
  [
    'five connections',
    { kind: 'trade', streams: 50, lines: 5 },
    ['ws + JSON.parse', 'reference', 'millrace'],
  ],
  [
    'a thousand topics',
    { kind: 'trade', streams: 1_000, byTopic: true },
    ['ws + JSON.parse + callbacks', 'reference', 'millrace'],
  ],
])('a small race over %s', (_name, course, names) => {
  it('is run right by everybody', async () => {
    const runs = await race([{ suite: 'small', course, frames: 4_000, seed: 7, names }], { rounds: 1 });

    expect(runs.map(({ contestant, isRight }) => [contestant, isRight])).toStrictEqual(
      names.map((name) => [name, true]),
    );
  }, 60_000);
});
