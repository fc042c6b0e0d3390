import * as v from 'valibot';
import { createFeed, type ReconnectConfig, type RetryEvent } from 'millrace';
import { closes } from 'millrace/testing';
import { marbles } from '../marbles.js';
import { scene, trade } from '../scene.js';

/** The delays that a feed draws against a server; it plays in virtual time, in full. */
const delays = (
  attempts: readonly string[],
  reconnect: ReconnectConfig,
  random?: () => number,
): readonly number[] => {
  const drawn: number[] = [];
  marbles(({ flush }) => {
    const { feed, events } = scene(
      attempts,
      { a: trade(1), x: closes(1012) },
      { reconnect, ...(random && { random }) },
      { endMs: 60_000 },
    );
    feed.stream('trade').subscribe();
    flush();
    const retries = events.filter((event): event is RetryEvent => event.type === 'retry');
    drawn.push(...retries.map(({ delayMs }) => delayMs));
  })();
  return drawn.slice(0, attempts.length);
};

const plain = { jitter: 'none', initialMs: 100, maxMs: 2_000, multiplier: 3, stableMs: 500 } as const;
const refused = (count: number): string[] => Array<string>(count).fill('#');

describe('backoff', () => {
  it('BAK-01 the delay is multiplied at each failure and stops at the cap', () => {
    expect(delays(refused(6), plain)).toStrictEqual([100, 300, 900, 2_000, 2_000, 2_000]);
  });

  it('BAK-03 the first retry of an outage goes out at once if asked for, and again after a stable connection', () => {
    const script = ['#', '#', 'o 500ms x', '#', '#'];
    expect(delays(script, { ...plain, immediateFirst: true })).toStrictEqual([0, 100, 0, 100, 300]);
  });

  it('BAK-04 a server that accepts, delivers and drops meets growing delays; one that stays for stableMs the first', () => {
    const flapping = ['oa-x', 'oa-x', 'oa-x', 'oa 497ms x'];
    expect(delays([...flapping, 'oa 498ms x'], plain)).toStrictEqual([100, 300, 900, 2_000, 100]);
  });

  it.each<[string, ReconnectConfig, string]>([
    ['a negative first delay', { initialMs: -1 }, 'initialMs must be above 0, got -1'],
    ['a first delay of zero', { initialMs: 0 }, 'initialMs must be above 0, got 0'],
    ['a first delay that is no number', { initialMs: NaN }, 'initialMs must be above 0, got NaN'],
    ['a cap below the first delay', { initialMs: 500, maxMs: 499 }, 'maxMs must be from initialMs (500)'],
    ['a cap that overflows a timer', { maxMs: 2 ** 31 }, 'maxMs must be from initialMs (1000) to 2147483647'],
    ['a multiplier that shrinks', { multiplier: 0.5 }, 'multiplier must be at least 1, got 0.5'],
    ['a negative stableMs', { stableMs: -1 }, 'stableMs must be a number of at least 0, got -1'],
    ['half an attempt', { maxAttempts: 0.5 }, 'maxAttempts must be a whole number from 0'],
    ['no jitter of that name', { jitter: 'some' as 'full' }, 'jitter must be a function or one of full'],
  ])('BAK-06 createFeed refuses %s', (_name, reconnect, message) => {
    const make = (): unknown =>
      createFeed({ url: 'ws://feed.test', reconnect, streams: { any: { schema: v.unknown() } } });
    expect(make).toThrow(RangeError);
    expect(make).toThrow(message);
  });

  it('BAK-07 an hour of backing off plays in virtual time, and the same random plays it again', () => {
    const play = (): readonly number[] => {
      let seed = 1;
      const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
      const drawn: number[] = [];
      marbles(({ flush }) => {
        // Nobody answers: each dial takes its whole second.
        const { feed } = scene(
          [],
          {},
          { random, reconnect: {}, connectTimeoutMs: 1_000 },
          { endMs: 3_600_000 },
        );
        feed.events$.subscribe((event) => event.type === 'retry' && drawn.push(event.at, event.delayMs));
        feed.stream('trade').subscribe();
        flush();
      })();
      return drawn;
    };
    const first = play();

    expect(first.length).toBeGreaterThan(200);
    expect(play()).toStrictEqual(first);
  });
});
