import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { outages } from '../../bench/jitter/outages.js';
import { type Run, toMarkdown } from '../../bench/jitter/report.js';
import { type Figures, type Outage, simulate, slotMs } from '../../bench/jitter/simulate.js';
import { jittered, play, unjittered } from '../../bench/jitter/variants.js';
import { backoff, type BackoffConfig, type JitterName, jitters } from '../../src/operators/backoff.js';
import { seededRandom } from '../../src/testing/random.js';

const root = join(__dirname, '../..');
const results = JSON.parse(readFileSync(join(root, 'bench/results/jitter.json'), 'utf8')) as Run[];

/** The outage of the report with a fiftieth of its clients, and a fifth of its room. */
const small: Outage = { clients: 2_000, downMs: 60_000, lossMs: 0, acceptPerSlot: 40 };
const everyVariant = Object.entries({ ...jittered, ...unjittered });

/** Plays an outage and counts the waits that were begun. */
const playCounted = (outage: Outage, config: BackoffConfig, seed: number): Figures & { waits: number } => {
  const random = seededRandom(seed);
  const delayAfter = backoff({ ...config, random });
  let waits = 0;
  const figures = simulate(
    outage,
    (attempt, previousMs) => {
      waits += 1;
      return delayAfter(attempt, previousMs);
    },
    random,
  );
  return { ...figures, waits };
};

describe('the simulation of an outage', () => {
  it('counts what can be counted by hand', () => {
    // Three dial at 100, 200, 300, two at 400, one at 500; up from 250 on, with room for one in each tenth of a second.
    const outage = { clients: 3, downMs: 250, lossMs: 0, acceptPerSlot: 1 };

    expect(
      simulate(
        outage,
        () => 100,
        () => 0,
      ),
    ).toStrictEqual({
      peakDown: 3,
      peakUp: 3,
      dials: 12,
      refused: 3,
      halfMs: 150,
      p99Ms: 250,
      allMs: 250,
    });
  });

  it('hands each client its own attempts and its last delay', () => {
    const asked: [number, number][] = [];
    const outage = { clients: 1, downMs: 60, lossMs: 0, acceptPerSlot: 1 };
    simulate(
      outage,
      (attempt, previousMs) => {
        asked.push([attempt, previousMs]);
        return 10 * 2 ** attempt;
      },
      () => 0,
    );

    expect(asked).toStrictEqual([
      [0, 0],
      [1, 10],
      [2, 20],
    ]);
  });

  it('takes a wait of nothing as the 1 ms of a real timer', () => {
    const outage = { clients: 1, downMs: 3, lossMs: 0, acceptPerSlot: 1 };

    expect(
      simulate(
        outage,
        () => 0,
        () => 0,
      ),
    ).toMatchObject({ dials: 3, allMs: 0 });
  });

  it('spreads the loss over the time given', () => {
    const { peakDown } = play({ ...small, lossMs: 1_000 }, { jitter: 'none' }, 1);

    expect(peakDown).toBeGreaterThan(small.clients / 20);
    expect(peakDown).toBeLessThan(small.clients / 5);
  });

  it('refuses a delay longer than its wheel', () => {
    const outage = { clients: 1, downMs: 1, lossMs: 0, acceptPerSlot: 1 };

    expect(() =>
      simulate(
        outage,
        () => 70_000,
        () => 0,
      ),
    ).toThrow(new RangeError('simulate: a delay must be below 65536 ms, got 70000'));
  });

  it.each(everyVariant)('brings every client back, each wait ending in one dial: %s', (_name, config) => {
    const { waits, dials, refused, peakUp, allMs } = playCounted(small, config, 1);

    expect(dials).toBe(waits);
    expect(refused).toBeLessThan(dials);
    expect(peakUp).toBeLessThanOrEqual(small.clients);
    expect(allMs).toBeGreaterThanOrEqual((small.clients / small.acceptPerSlot - 1) * slotMs);
  });

  it('never accepts more than there is room for, and loses no client, whatever the outage', () => {
    fc.assert(
      fc.property(
        fc.record({
          clients: fc.integer({ min: 1, max: 60 }),
          downMs: fc.integer({ min: 0, max: 5_000 }),
          lossMs: fc.integer({ min: 0, max: 2_000 }),
          acceptPerSlot: fc.integer({ min: 1, max: 5 }),
        }),
        fc.constantFrom(...(Object.keys(jitters) as JitterName[])),
        fc.integer(),
        (outage, jitter, seed) => {
          const { waits, dials, halfMs, p99Ms, allMs } = playCounted(outage, { jitter }, seed);

          expect(dials).toBe(waits);
          expect(dials).toBeGreaterThanOrEqual(outage.clients);
          expect(allMs).toBeGreaterThanOrEqual(
            (Math.ceil(outage.clients / outage.acceptPerSlot) - 2) * slotMs,
          );
          expect(halfMs).toBeLessThanOrEqual(p99Ms);
          expect(p99Ms).toBeLessThanOrEqual(allMs);
        },
      ),
    );
  });

  it('gives the same figures for the same seed, and others for another', () => {
    const config = { jitter: 'wide' } as const;

    expect(play(small, config, 7)).toStrictEqual(play(small, config, 7));
    expect(play(small, config, 7)).not.toStrictEqual(play(small, config, 8));
  });

  it.each(Object.entries(unjittered))(
    'without jitter, all who lost the server together dial together to the end: %s',
    (_name, config) => {
      expect(play(small, config, 1)).toMatchObject({ peakDown: small.clients, peakUp: small.clients });
    },
  );

  it.each(Object.entries(jittered))('with jitter, a minute later they are spread: %s', (_name, config) => {
    expect(play(small, config, 1).peakUp).toBeLessThan(small.clients / 50);
  });
});

describe('docs/jitter.md', () => {
  const medianOf = (variant: string, figure: keyof Figures): number =>
    results
      .filter((run) => run.outage === 'atOnce' && run.variant === variant)
      .map((run) => run[figure])
      .sort((a, b) => a - b)[2]!;

  it('shows the tables of bench/results/jitter.json', () => {
    expect(readFileSync(join(root, 'docs/jitter.md'), 'utf8')).toContain(toMarkdown(results));
  });

  it.each(Object.entries(jittered))(
    'rests on figures that the library still yields: %s',
    (variant, config) => {
      const run = results.find((one) => one.outage === 'restart' && one.variant === variant)!;
      const { outage, seed } = run;

      expect({ outage, variant, seed, ...play(outages['restart']!, config, seed) }).toStrictEqual(run);
    },
  );

  it.each(['peakDown', 'peakUp', 'dials', 'refused', 'allMs'] as const)(
    'recommends the jitter with the least of %s',
    (figure) => {
      const best = Object.keys(jittered).sort((a, b) => medianOf(a, figure) - medianOf(b, figure))[0];

      expect(best).toBe('wide');
    },
  );
});
