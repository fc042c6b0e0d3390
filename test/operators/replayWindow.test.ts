import * as fc from 'fast-check';
import { createReplayWindow, type Replay } from '../../src/operators/replayWindow.js';

const seeAll = (size: number, numbers: readonly number[]): Replay[] => {
  const window = createReplayWindow(size);
  return numbers.map((number) => window.see(number));
};

describe('createReplayWindow', () => {
  it('knows a number again, in whatever order they come', () => {
    expect(seeAll(32, [5, 7, 6, 7, 5, 6, 3, 3])).toStrictEqual([
      'new',
      'new',
      'new',
      'seen',
      'seen',
      'seen',
      'new',
      'seen',
    ]);
  });

  it('cannot tell what is its size or more below the highest', () => {
    expect(seeAll(32, [100, 69, 68, 101, 69])).toStrictEqual(['new', 'new', 'tooOld', 'new', 'tooOld']);
  });

  it('rounds its size up to a multiple of 32', () => {
    expect(seeAll(33, [100, 37, 36])).toStrictEqual(['new', 'new', 'tooOld']);
  });

  it.each([
    ['a little', 10],
    ['as far as its size', 32],
    ['further', 1_000],
    ['as far as numbers go', Number.MAX_SAFE_INTEGER - 100],
  ])('has seen nothing of what it jumps over, when it jumps %s', (_name, by) => {
    const window = createReplayWindow(32);
    for (let number = 69; number <= 100; number += 1) window.see(number);
    window.see(100 + by);

    for (let number = Math.max(101, 100 + by - 31); number < 100 + by; number += 1) {
      expect(window.see(number)).toBe('new');
    }
    expect(window.see(100)).toBe(by < 32 ? 'seen' : 'tooOld');
  });

  it('tells as a set of all numbers would, for any sequence', () => {
    const steps = fc.array(fc.integer({ min: -80, max: 80 }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: -100, max: 100 }), steps, (start, walk) => {
        const window = createReplayWindow(64);
        const seen = new Set<number>();
        let number = start;
        let highest = -Infinity;
        for (const by of walk) {
          number += by;
          highest = Math.max(highest, number);
          const expected = number <= highest - 64 ? 'tooOld' : seen.has(number) ? 'seen' : 'new';
          expect(window.see(number)).toBe(expected);
          seen.add(number);
        }
      }),
    );
  });
});
