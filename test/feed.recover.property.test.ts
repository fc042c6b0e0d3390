import * as fc from 'fast-check';
import { from, map, mergeMap, type Observable, timer } from 'rxjs';
import { isBalanced } from 'millrace';
import { marbles } from './marbles.js';
import { scene, Trade, trade } from './scene.js';

const frameOf = (number: number): string => String.fromCharCode(0x4e00 + number);
const numbersOf = (names: string): number[] => Array.from(names, (name) => name.charCodeAt(0) - 0x4e00);

/** Numbers 1 … n as they come by the wire, with losses, repeats and swaps; some ms apart, or some together. */
const wire = fc
  .array(
    fc.record({
      isLost: fc.boolean(),
      repeats: fc.nat(1),
      shift: fc.nat(4),
      pauseMs: fc.nat(3),
    }),
    { maxLength: 16 },
  )
  .map((marks) =>
    marks
      .flatMap(({ isLost, repeats, shift, pauseMs }, index) =>
        isLost
          ? []
          : Array.from({ length: 1 + repeats }, (_, copy) => ({
              name: frameOf(index + 2),
              place: index + shift * copy,
              pauseMs,
            })),
      )
      .sort((a, b) => a.place - b.place)
      .map(({ name, pauseMs }) => name + '-'.repeat(pauseMs))
      .join(''),
  );

/** A page: of the hole each second number or all, and of those around it. */
const page = fc.record({ ms: fc.nat(6), isWhole: fc.boolean(), around: fc.nat(2), isTwice: fc.boolean() });

it('whatever is lost, recovered and numbered twice, no key is delivered twice or lost, and the books balance', () => {
  fc.assert(
    fc.property(
      wire,
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 30, maxLength: 30 }),
      fc.array(page, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      (names, keys, pages, isReordered) => {
        const numbered = (number: number): Trade => trade(keys[number] ?? number, String(number));
        const recover = ({ after, before }: { after: number; before: number }): Observable<Trade[]> =>
          from(pages).pipe(
            mergeMap(({ ms, isWhole, around, isTwice }, index) => {
              const all = Array.from(
                { length: before - after - 1 + 2 * around },
                (_, at) => after + 1 - around + at,
              );
              const some = all
                .filter((number) => number > 0 && (isWhole || number % 2 === index % 2))
                .reverse();
              return timer(ms).pipe(map(() => (isTwice ? [...some, ...some] : some).map(numbered)));
            }),
          );

        marbles(({ flush }) => {
          const attempt = `o${frameOf(1)}${names}`;
          const frames = Object.fromEntries(
            numbersOf(attempt.replace(/[o-]/g, '')).map((n) => [frameOf(n), numbered(n)]),
          );
          const { feed } = scene(
            attempt,
            frames,
            {
              streams: {
                trade: {
                  schema: Trade,
                  key: (t) => t.id,
                  sequence: {
                    of: (t) => Number(t.symbol),
                    recover,
                    ...(isReordered && { reorder: { maxItems: 3, maxMs: 2 } }),
                  },
                },
                order: { schema: Trade as never, allowSilence: true },
              },
            },
            { endMs: 200 },
          );
          const seen: number[] = [];
          feed.stream('trade').subscribe(({ id }) => {
            seen.push(id);
            expect(isBalanced(feed.stats())).toBe(true);
          });
          flush();

          expect(seen).toHaveLength(new Set(seen).size);
          expect(seen).toEqual(expect.arrayContaining(Object.values(frames).map(({ id }) => id)));
          expect(isBalanced(feed.stats())).toBe(true);
          expect(feed.stats()).toMatchObject({ delivered: seen.length, held: 0 });
        })();
      },
    ),
    { numRuns: 200 },
  );
});
