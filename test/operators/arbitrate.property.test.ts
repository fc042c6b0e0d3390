import * as fc from 'fast-check';
import {
  asyncScheduler,
  defer,
  from,
  map,
  merge,
  mergeMap,
  NEVER,
  type Observable,
  retry,
  share,
  takeUntil,
  throwError,
  timer,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { arbitrate, type ArbitrateConfig, type ArbitrationStats, type Gap } from 'millrace';

/** What a line does with each of the numbers 1, 2, 3 …: it delivers a copy after each of these delays, or none at all. */
type Fates = readonly (readonly number[])[];
interface Line {
  readonly fates: Fates;
  /** When it fails; it is back a little later, and has missed what came meanwhile. */
  readonly kills: readonly number[];
}
interface Delivery {
  readonly number: number;
  readonly at: number;
}
interface Played {
  readonly output: readonly number[];
  readonly gaps: readonly Gap[];
  /** What each line really delivered. */
  readonly deliveries: readonly (readonly Delivery[])[];
  readonly stats: ArbitrationStats;
}

const numbers = 25;
const paceMs = 10;
const windowMs = 50;
const awayMs = 45;

/** Something goes wrong at `at`, whoever listens then. */
const failures = (kills: readonly number[]): Observable<never> =>
  from(kills).pipe(
    mergeMap((at) => timer(at)),
    mergeMap(() => throwError(() => new Error('killed'))),
  );

function play(lines: readonly Line[], config: (gaps: Gap[]) => ArbitrateConfig<number>): Played {
  const output: number[] = [];
  const gaps: Gap[] = [];
  const deliveries: Delivery[][] = lines.map(() => []);
  let stats: ArbitrationStats | undefined;

  new TestScheduler(() => undefined).run(() => {
    const lines$ = lines.map(({ fates, kills }, by) => {
      // Hot: it goes on while nobody listens. All begin with 0 at once.
      const wire$ = merge(
        NEVER,
        timer(0).pipe(map(() => 0)),
        ...fates.flatMap((delays, index) =>
          delays.map((ms) => timer((index + 1) * paceMs + ms).pipe(map(() => index + 1))),
        ),
      ).pipe(takeUntil(timer(endMs)), share());
      wire$.subscribe();
      const line$ = defer(() => {
        const now = asyncScheduler.now();
        return merge(wire$, failures(kills.filter((at) => at > now).map((at) => at - now)));
      });
      return line$.pipe(
        map((number) => {
          deliveries[by]!.push({ number, at: asyncScheduler.now() });
          return number;
        }),
        retry({ delay: awayMs }),
      );
    });
    const arbitration = arbitrate(lines$, config(gaps));
    arbitration.values$.subscribe({
      next: (number) => output.push(number),
      complete: () => (stats = arbitration.stats()),
    });
  });
  return { output, gaps, deliveries, stats: stats! };
}

const endMs = (numbers + 1) * paceMs + 4 * windowMs;

const line: fc.Arbitrary<Line> = fc.record({
  fates: fc.array(fc.array(fc.nat(windowMs - 1), { maxLength: 2 }), {
    minLength: numbers,
    maxLength: numbers,
  }),
  kills: fc.uniqueArray(fc.integer({ min: 1, max: numbers * paceMs }), { maxLength: 3 }),
});
const someLines = fc.array(line, { minLength: 1, maxLength: 4 });

/** The numbers that no line delivered, as gaps between those that one did. */
const holesOf = (delivered: readonly number[]): Gap[] =>
  delivered.slice(1).flatMap((before, index) => {
    const after = delivered[index]!;
    return before === after + 1 ? [] : [{ after, before, missing: before - after - 1 }];
  });

/** Those of the deliveries that came first, by number. */
const firstsOf = (deliveries: readonly (readonly Delivery[])[]): Map<number, number> => {
  const firsts = new Map<number, number>();
  for (const { number, at } of deliveries.flat().sort((a, b) => a.at - b.at)) {
    if (!firsts.has(number)) firsts.set(number, at);
  }
  return firsts;
};

describe('arbitrate, for any lossy, slow and repeating lines that fail and return', () => {
  const check = (
    config: (gaps: Gap[]) => ArbitrateConfig<number>,
    expectations: (played: Played, delivered: readonly number[]) => void,
  ): void => {
    fc.assert(
      fc.property(someLines, (lines) => {
        const played = play(lines, config);
        const firsts = firstsOf(played.deliveries);
        const delivered = [...firsts.keys()].sort((a, b) => a - b);
        expectations(played, delivered);

        expect(played.stats.emitted).toBe(delivered.length);
        for (const [by, stats] of Object.values(played.stats.lines).entries()) {
          const own = played.deliveries[by]!;
          const inTime = new Set(
            own.filter(({ number, at }) => at <= firsts.get(number)! + windowMs).map(({ number }) => number),
          );
          expect(stats).toMatchObject({ received: own.length, dropped: 0, held: 0, isAlive: false });
          expect(stats.wins + stats.duplicates).toBe(stats.received);
          expect(stats.losses).toBe(delivered.filter((number) => !inTime.has(number)).length);
        }
        const wins = Object.values(played.stats.lines).reduce((sum, stats) => sum + stats.wins, 0);
        expect(wins).toBe(delivered.length);
      }),
      { numRuns: 200 },
    );
  };

  it('by sequence, emits in order and once each number that any line delivers, and tells of all others once', () => {
    check(
      (gaps) => ({ sequence: { of: (number) => number }, windowMs, onGap: (gap) => gaps.push(gap) }),
      ({ output, gaps, stats }, delivered) => {
        expect(output).toStrictEqual(delivered);
        expect(gaps).toStrictEqual(holesOf(delivered));
        expect(stats.missing).toBe(gaps.reduce((sum, { missing }) => sum + missing, 0));
      },
    );
  });

  it('by sequence in order of arrival, emits each once as it first comes, and tells of the same gaps', () => {
    check(
      (gaps) => ({
        sequence: { of: (number) => number },
        order: 'arrival',
        windowMs,
        onGap: (gap) => gaps.push(gap),
      }),
      ({ output, gaps, deliveries }, delivered) => {
        const firsts = firstsOf(deliveries);
        const arrivals = output.map((number) => firsts.get(number)!);
        expect([...output].sort((a, b) => a - b)).toStrictEqual(delivered);
        expect(arrivals).toStrictEqual([...arrivals].sort((a, b) => a - b));
        expect(gaps).toStrictEqual(holesOf(delivered));
      },
    );
  });

  it('by key, emits each once as it first comes', () => {
    check(
      () => ({ key: (number) => number, windowMs }),
      ({ output, deliveries }, delivered) => {
        const firsts = firstsOf(deliveries);
        const arrivals = output.map((number) => firsts.get(number)!);
        expect([...output].sort((a, b) => a - b)).toStrictEqual(delivered);
        expect(arrivals).toStrictEqual([...arrivals].sort((a, b) => a - b));
      },
    );
  });
});
