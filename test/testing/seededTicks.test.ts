import { asyncScheduler, map, take, toArray } from 'rxjs';
import { seededTicks } from '../../src/testing/seededTicks.js';
import { marbles } from '../marbles.js';

const middle = () => 0.5;
const always = () => true;
const tick = map(() => 't');

describe('seededTicks', () => {
  it(
    'ticks every meanMs where the draws are the middle, and tells the sum of the pauses',
    marbles(({ expectObservable }) => {
      const expected = '---a--b--c--(d|)';

      expectObservable(seededTicks(3, middle, always).pipe(take(4))).toBe(expected, {
        a: 0,
        b: 3,
        c: 6,
        d: 9,
      });
    }),
  );

  it(
    'pauses for half of meanMs at the lowest draw',
    marbles(({ expectObservable }) => {
      const expected = '----t-t-t-(t|)';

      expectObservable(seededTicks(4, () => 0, always).pipe(tick, take(4))).toBe(expected);
    }),
  );

  it(
    'makes several ticks at once where meanMs is below a millisecond',
    marbles(({ expectObservable }) => {
      const ticks$ = seededTicks(0.25, middle, always).pipe(
        map(() => asyncScheduler.now()),
        take(9),
        toArray(),
      );

      expectObservable(ticks$).toBe('---(a|)', { a: [1, 1, 1, 1, 2, 2, 2, 2, 3] });
    }),
  );

  it(
    'neither ticks nor draws before it is active',
    marbles(({ expectObservable, flush }) => {
      const random = jest.fn(middle);
      const isActive = () => asyncScheduler.now() >= 5;
      const expected = '------t-(t|)';

      expectObservable(seededTicks(2, random, isActive).pipe(tick, take(2))).toBe(expected);
      flush();
      expect(random).toHaveBeenCalledTimes(2);
    }),
  );

  it(
    'stops with its subscription, leaving no timer',
    marbles(({ expectObservable }) => {
      const until = '   ---!';
      const expected = '--t-';

      expectObservable(seededTicks(2, middle, always).pipe(tick), until).toBe(expected);
    }),
  );

  it(
    'stops within a burst when its subscriber has enough',
    marbles(({ expectObservable, flush }) => {
      const random = jest.fn(middle);

      expectObservable(seededTicks(0.1, random, always).pipe(tick, take(1))).toBe('-(t|)');
      flush();
      expect(random.mock.calls.length).toBeLessThan(20);
    }),
  );

  it(
    'begins anew with each subscription',
    marbles(({ expectObservable }) => {
      const ticks$ = seededTicks(3, middle, always).pipe(take(2));

      expectObservable(ticks$).toBe('---a--(b|)', { a: 0, b: 3 });
      expectObservable(ticks$, '--^').toBe('-----a--(b|)', { a: 0, b: 3 });
    }),
  );

  it(
    'errors when the draw throws',
    marbles(({ expectObservable }) => {
      const failing = () => {
        throw new Error('no luck');
      };

      expectObservable(seededTicks(2, failing, always)).toBe('--#', undefined, new Error('no luck'));
    }),
  );

  describe('when the wall clock jumps', () => {
    afterEach(() => jest.restoreAllMocks());

    it.each([
      [
        'makes up for at most 1 000 ticks when it is set forward',
        1_000_000,
        [1, 2, 3, 4, ...new Array<number>(1_000).fill(5), 6],
      ],
      ['goes on within two pauses when it is set back', -1_000_000, [1, 2, 3, 4, 7, 8]],
    ])('%s', (_title, jumpMs, expected) => {
      marbles(({ expectObservable }) => {
        const now = asyncScheduler.now.bind(asyncScheduler);
        jest.spyOn(asyncScheduler, 'now').mockImplementation(() => now() + (now() >= 5 ? jumpMs : 0));
        const instants$ = seededTicks(1, middle, always).pipe(map(now), take(expected.length), toArray());

        expectObservable(instants$.pipe(map((instants) => expect(instants).toStrictEqual(expected)))).toBe(
          `${expected.at(-1)}ms (a|)`,
          { a: undefined },
        );
      })();
    });
  });
});
