import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { isBalanced } from 'millrace';
import { counted, type Numbered, ordered, type Played, type Span, unnumbered } from './numbered.js';

/*
 * One fault in a recording, at any place where it can be seen: one report, on the stream and the topic it is of, and every other
 * topic comes through as if nothing had happened.
 *
 * A value that came too early without `reorder` is two facts: a gap, for at that moment nobody knows better, and then that what it
 * named came late. With `reorder` it is none. Where numbers only rise, a hole is none either.
 */

const folder = process.env.MILLRACE_CAPTURES ?? join(__dirname, '../../../shared/captures');

const framesOf = (file: string): string[] =>
  readFileSync(join(folder, file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly dir: string; readonly raw: string })
    .filter(({ dir }) => dir === 'in')
    .map(({ raw }) => raw);

const describeIf = (file: string): jest.Describe => {
  const isThere = existsSync(join(folder, file));
  if (!isThere) process.stderr.write(`captures skipped: ${folder} has no ${file}\n`);
  return isThere ? describe : describe.skip;
};

/** A frame of the numbered stream. */
interface Place {
  readonly span: Span;
  /** Where it stands in the recording, and among the frames of its topic. */
  readonly at: number;
  readonly index: number;
  readonly before: Place | undefined;
  next: Place | undefined;
}

function placesIn(frames: readonly string[], { read }: Numbered): Place[] {
  const places: Place[] = [];
  const newest = new Map<string, Place>();
  for (const [at, frame] of frames.entries()) {
    const span = read(JSON.parse(frame));
    if (span === undefined) continue;
    const before = newest.get(span.scope);
    const place: Place = { span, at, index: (before?.index ?? -1) + 1, before, next: undefined };
    if (before) before.next = place;
    newest.set(span.scope, place);
    places.push(place);
  }
  return places;
}

/** Whether its loss leaves a hole: its numbering has begun, and goes on. */
const isInside = ({ span, before, next }: Place): boolean =>
  !span.isReset && before !== undefined && next?.span.isReset === false;

/** Whether no snapshot of its topic comes any more, which would make worthless what is missing before it. */
const isFinal = ({ span, next }: Place): boolean => !span.isReset && (next === undefined || isFinal(next));
const isWorthAsking = (place: Place): boolean => isInside(place) && isFinal(place);

/** The last of at most `count` frames of a topic, from one on, that can all be lost. */
const endOf = (place: Place, count: number): Place =>
  count > 1 && place.next && isInside(place.next) ? endOf(place.next, count - 1) : place;

/** What is missing when all from one frame to another of a topic is. */
function holeOf(stream: string, first: Place, last = first): object {
  const [after, before] = [first.before!.span.to, last.next!.span.from];
  return { stream, topic: first.span.scope, after, before, missing: before - after - 1 };
}

const lateOf = (stream: string, { span }: Place, last: Place): object => ({
  ...{ type: 'late', stream, topic: span.scope },
  ...{ sequence: span.to, expected: last.span.to + 1 },
});

/** The last frame of the topic of a place that comes before a position. */
const lastBefore = (place: Place, position: number): Place =>
  place.next && place.next.at < position ? lastBefore(place.next, position) : place;

/** What a run delivered is what the untouched one did, but for one topic. */
function expectOnly(
  played: Played,
  whole: Played,
  topic: string,
  edit: (values: readonly string[]) => readonly string[],
): void {
  expect(played.values).toStrictEqual(new Map(whole.values).set(topic, edit(whole.values.get(topic)!)));
  expect(played.others).toStrictEqual(whole.others);
  expect(isBalanced(played.stats)).toBe(true);
}
const unchanged = (values: readonly string[]): readonly string[] => values;

const suite = (numbered: Numbered, body: (recording: () => Recording) => void): void => {
  describeIf(numbered.file)(numbered.file, () => {
    let recording: Recording;

    beforeAll(() => {
      const frames = framesOf(numbered.file);
      const places = placesIn(frames, numbered);
      recording = { frames, places, whole: numbered.play({ frames }) };
    });

    it('untouched, is told as whole', () => {
      const { places, whole } = recording;
      const counts = new Map<string, number>();
      for (const { span } of places) counts.set(span.scope, (counts.get(span.scope) ?? 0) + 1);

      expect(places.filter(isInside).length).toBeGreaterThan(10);
      expect(whole.reports).toStrictEqual([]);
      expect(new Map([...whole.values].map(([topic, values]) => [topic, values.length]))).toStrictEqual(
        counts,
      );
      expect(isBalanced(whole.stats)).toBe(true);
    });

    body(() => recording);
  });
};

interface Recording {
  readonly frames: readonly string[];
  readonly places: readonly Place[];
  readonly whole: Played;
}

const anywhere = (
  { frames, places }: Recording,
  check: (place: Place, draw: number) => void,
  isMeant = isInside,
): void => {
  const meant = places.filter(isMeant);
  fc.assert(
    fc.property(fc.nat(meant.length - 1), fc.nat(50), (index, draw) => check(meant[index]!, draw)),
    { numRuns: frames.length > 1_000 ? 5 : 15 },
  );
};

const swapped = (frames: readonly string[], { at, next }: Place): string[] =>
  frames.with(at, frames[next!.at]!).with(next!.at, frames[at]!);

/** What comes of a place and the one behind it in the wrong order. */
const inTurn =
  ({ index }: Place) =>
  (values: readonly string[]): string[] =>
    values.with(index, values[index + 1]!).with(index + 1, values[index]!);

const reorder = { maxItems: 10, maxMs: 500 };

for (const numbered of counted) {
  const { stream, play } = numbered;

  suite(numbered, (recording) => {
    it.each([
      ['as soon as it is seen', {}],
      ['once it was waited for', { reorder }],
    ])('without one frame, has one gap, %s', (_, rules) => {
      const { frames, whole } = recording();
      anywhere(recording(), (place) => {
        const played = play({ ...rules, frames: frames.toSpliced(place.at, 1) });

        expect(played.reports).toStrictEqual([{ type: 'gap', ...holeOf(stream, place) }]);
        expectOnly(played, whole, place.span.scope, (values) => values.toSpliced(place.index, 1));
      });
    });

    it('with two frames swapped, has a gap and then what it named, late', () => {
      const { frames, whole } = recording();
      anywhere(recording(), (place) => {
        const played = play({ frames: swapped(frames, place) });

        expect(played.reports).toStrictEqual([
          { type: 'gap', ...holeOf(stream, place) },
          lateOf(stream, place, place.next!),
        ]);
        expectOnly(played, whole, place.span.scope, inTurn(place));
      });
    });

    it('with two frames swapped, is put in order where it may wait', () => {
      const { frames, whole } = recording();
      anywhere(recording(), (place) => {
        const played = play({ frames: swapped(frames, place), reorder });

        expect(played.reports).toStrictEqual([]);
        expectOnly(played, whole, place.span.scope, unchanged);
      });
    });

    it('with two frames swapped, is put in order where the missing is asked for, and comes by itself meanwhile', () => {
      const { frames, whole } = recording();
      anywhere(
        recording(),
        (place) => {
          const played = play({ frames: swapped(frames, place), recover: () => [] });

          const hole = holeOf(stream, place);
          expect(played.reports).toStrictEqual([
            { type: 'gapRecovering', ...hole },
            { type: 'gapRecovered', count: 0, ...hole },
          ]);
          expectOnly(played, whole, place.span.scope, unchanged);
        },
        isWorthAsking,
      );
    });

    it('with one frame said again, has one that is late, and delivers it', () => {
      const { frames, whole } = recording();
      anywhere(recording(), (place, distance) => {
        const position = place.at + 1 + distance;
        const last = lastBefore(place, position);
        const played = play({ frames: frames.toSpliced(position, 0, frames[place.at]!), isKeyless: true });

        expect(played.reports).toStrictEqual([lateOf(stream, place, last)]);
        expectOnly(played, whole, place.span.scope, (values) =>
          values.toSpliced(last.index + 1, 0, values[place.index]!),
        );
      });
    });

    it(`with one frame said again, delivers it once ${numbered.isKeyed ? 'by its key' : 'where it may ask for what is missing'}`, () => {
      const { frames, whole } = recording();
      anywhere(
        recording(),
        (place, distance) => {
          const played = play({
            frames: frames.toSpliced(place.at + 1 + distance, 0, frames[place.at]!),
            ...(!numbered.isKeyed && { recover: () => [] }),
          });

          expect(played.reports).toStrictEqual([{ type: 'duplicate', stream, topic: place.span.scope }]);
          expectOnly(played, whole, place.span.scope, unchanged);
        },
        isWorthAsking,
      );
    });

    it.each([0, 3])(
      'has all of it, in order, when what was cut out is given back after %i ms',
      (recoverMs) => {
        const { frames, places, whole } = recording();
        const recover = (topic: string, after: number, before: number): string[] =>
          places
            .filter(({ span }) => span.scope === topic && span.from > after && span.to < before)
            .map(({ at }) => frames[at]!)
            .toReversed();
        anywhere(
          recording(),
          (first, draw) => {
            const topic = first.span.scope;
            const last = endOf(first, 1 + draw);
            const cut = places.filter(
              ({ span, index }) => span.scope === topic && index >= first.index && index <= last.index,
            );
            const lost = new Set(cut.map(({ at }) => at));
            const played = play({ frames: frames.filter((_, at) => !lost.has(at)), recover, recoverMs });

            const hole = holeOf(stream, first, last);
            expect(played.reports).toStrictEqual([
              { type: 'gapRecovering', ...hole },
              { type: 'gapRecovered', count: cut.length, ...hole },
            ]);
            expectOnly(played, whole, topic, unchanged);
          },
          isWorthAsking,
        );
      },
    );
  });
}

suite(ordered, (recording) => {
  const { stream, play } = ordered;

  it('without one frame, has nothing to tell: its numbers leap by themselves', () => {
    const { frames, whole } = recording();
    anywhere(recording(), (place) => {
      const played = play({ frames: frames.toSpliced(place.at, 1) });

      expect(played.reports).toStrictEqual([]);
      expectOnly(played, whole, place.span.scope, (values) => values.toSpliced(place.index, 1));
    });
  });

  it('with two frames swapped, has one that is late', () => {
    const { frames, whole } = recording();
    anywhere(recording(), (place) => {
      const played = play({ frames: swapped(frames, place) });

      expect(played.reports).toStrictEqual([lateOf(stream, place, place.next!)]);
      expectOnly(played, whole, place.span.scope, inTurn(place));
    });
  });

  it('with one frame said again, has one that is late', () => {
    const { frames, whole } = recording();
    anywhere(recording(), (place, distance) => {
      const position = place.at + 1 + distance;
      const last = lastBefore(place, position);
      const played = play({ frames: frames.toSpliced(position, 0, frames[place.at]!) });

      expect(played.reports).toStrictEqual([lateOf(stream, place, last)]);
      expectOnly(played, whole, place.span.scope, (values) =>
        values.toSpliced(last.index + 1, 0, values[place.index]!),
      );
    });
  });
});

for (const [file, fields] of unnumbered) {
  describeIf(file)(file, () => {
    it(`has no numbers to check: no frame holds ${fields.join(' or ')}`, () => {
      const holding = framesOf(file).filter((frame) => fields.some((field) => frame.includes(`"${field}"`)));

      expect(holding).toStrictEqual([]);
    });
  });
}
