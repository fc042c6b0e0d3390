import * as fc from 'fast-check';
import { asyncScheduler, timer } from 'rxjs';
import { createRoundTrip } from '../../src/streams/roundTrip.js';
import { marbles } from '../marbles.js';

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

describe('createRoundTrip', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it(
    'HBT-09 tells the time from when a ping left to its answer',
    marbles(() => {
      const trip = createRoundTrip(10);
      at(5, () => trip.left());
      at(8, () => expect(trip.answered()).toBe(3));
      at(20, () => trip.left());
      at(25, () => expect(trip.answered()).toBe(5));
    }),
  );

  it(
    'HBT-06 tells nothing of an answer that nobody asked for',
    marbles(() => {
      const trip = createRoundTrip(10);
      expect(trip.answered()).toBeUndefined();
      trip.left();
      trip.answered();
      at(2, () => expect(trip.answered()).toBeUndefined());
    }),
  );

  it(
    'tells nothing of an answer that may have waited in a pause, but of the next',
    marbles(() => {
      const trip = createRoundTrip(10);
      trip.left();
      trip.spoil();
      at(2, () => expect(trip.answered()).toBeUndefined());
      at(3, () => trip.left());
      at(4, () => expect(trip.answered()).toBe(1));
    }),
  );

  it(
    'takes a ping for lost after lostAfterMs, and then measures the next',
    marbles(() => {
      const trip = createRoundTrip(10);
      trip.left();
      at(9, () => expect(trip.isOut()).toBe(true));
      at(10, () => {
        expect(trip.isOut()).toBe(false);
        trip.left();
      });
      at(14, () => expect([trip.isOut(), trip.answered(), trip.isOut()]).toStrictEqual([true, 4, false]));
    }),
  );

  it(
    'tells of a round trip above lostAfterMs while no other ping left',
    marbles(() => {
      const trip = createRoundTrip(10);
      trip.left();
      at(50, () => expect(trip.answered()).toBe(50));
    }),
  );

  describe('an overdue answer', () => {
    it(
      'is one to the first ping after the last answer, whatever left since',
      marbles(() => {
        const trip = createRoundTrip(10);
        trip.left();
        trip.answered();
        expect(trip.overdueInMs()).toBe(Infinity);
        for (const ms of [5, 9, 13]) at(ms, () => trip.left());
        at(14, () => expect(trip.overdueInMs()).toBe(1));
        at(16, () =>
          expect([trip.overdueInMs(), trip.giveUp(), trip.overdueInMs()]).toStrictEqual([-1, 11, Infinity]),
        );
        at(40, () => trip.left());
        at(60, () => expect(trip.overdueInMs()).toBe(Infinity));
      }),
    );

    it(
      'is none where nobody has ever answered',
      marbles(() => {
        const trip = createRoundTrip(10);
        trip.left();
        trip.excuse();
        at(1, () => trip.left());
        at(20, () => expect(trip.overdueInMs()).toBe(Infinity));
      }),
    );

    it(
      'is waited for again after an answer that came late, though it tells no time',
      marbles(() => {
        const trip = createRoundTrip(10);
        trip.left();
        trip.answered();
        trip.left();
        at(1, () => trip.left());
        at(10, () => trip.giveUp());
        at(11, () => expect(trip.answered()).toBeUndefined());
        at(12, () => trip.left());
        at(13, () => expect(trip.overdueInMs()).toBe(9));
      }),
    );

    it.each(['spoil', 'excuse'] as const)('%s: is waited for from the next ping on', (forgive) =>
      marbles(() => {
        const trip = createRoundTrip(10);
        trip.left();
        trip.answered();
        trip.left();
        trip[forgive]();
        expect(trip.overdueInMs()).toBe(Infinity);
        at(2, () => trip.left());
        at(3, () => expect(trip.overdueInMs()).toBe(9));
      })(),
    );

    it('is so, and as long as it may be at least, when the wall clock is set back', () => {
      const now = jest.spyOn(asyncScheduler, 'now').mockReturnValue(3_600_000);
      const trip = createRoundTrip(10);
      trip.left();
      trip.answered();
      trip.left();
      now.mockReturnValue(0);

      expect(trip.overdueInMs()).toBeLessThanOrEqual(0);
      expect(trip.giveUp()).toBe(10);
    });
  });

  it('is never negative, and waits for no answer, when the wall clock is set back', () => {
    const now = jest.spyOn(asyncScheduler, 'now').mockReturnValue(3_600_000);
    const trip = createRoundTrip(10);
    trip.left();
    now.mockReturnValue(0);

    expect([trip.isOut(), trip.answered()]).toStrictEqual([false, 0]);
  });

  it('never tells a wrong one, whatever the server leaves out, as long as it answers in order and in time', () => {
    const lostAfterMs = 20;
    const pings = fc.array(
      fc.record({
        afterMs: fc.integer({ min: 1, max: 30 }),
        answerMs: fc.option(fc.integer({ min: 1, max: lostAfterMs - 1 }), { nil: undefined }),
      }),
      { maxLength: 30 },
    );
    let told = 0;
    fc.assert(
      fc.property(pings, (drawn) =>
        marbles(({ flush }) => {
          const trip = createRoundTrip(lostAfterMs);
          const wrong: unknown[] = [];
          let leftAt = 0;
          let answeredAt = 0;
          for (const { afterMs, answerMs } of drawn) {
            const mine = (leftAt += afterMs);
            at(mine, () => trip.left());
            if (answerMs === undefined) continue;
            // In order: not before the answer to the ping before it.
            answeredAt = Math.max(answeredAt, mine + answerMs);
            const trueMs = answeredAt - mine;
            at(answeredAt, () => {
              const latencyMs = trip.answered();
              if (latencyMs === undefined) return;
              told += 1;
              if (latencyMs !== trueMs) wrong.push([latencyMs, trueMs]);
            });
          }
          flush();
          expect(wrong).toStrictEqual([]);
        })(),
      ),
    );
    expect(told).toBeGreaterThan(0);
  });
});
