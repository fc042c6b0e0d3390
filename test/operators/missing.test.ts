import * as fc from 'fast-check';
import { createMissing } from '../../src/operators/missing.js';

describe('createMissing', () => {
  it('misses what lies before the beginning, and nothing after it', () => {
    const missing = createMissing(5);

    expect([missing.fill(4, 4), missing.fill(-9, -9), missing.fill(5, 5)]).toStrictEqual([true, true, false]);
  });

  it('a number is missing until it is filled', () => {
    const missing = createMissing(0);
    missing.add({ after: 2, before: 6 });

    expect([2, 4, 4, 3, 5, 3, 6].map((number) => missing.fill(number, number))).toStrictEqual([
      false,
      true,
      false,
      true,
      true,
      false,
      false,
    ]);
  });

  it('has what is in a hole and not filled, but not what lies before the beginning', () => {
    const missing = createMissing(0);
    missing.add({ after: 2, before: 6 });
    missing.fill(4, 4);
    missing.fill(-3, -3);

    expect(
      [
        [-1, -1],
        [2, 2],
        [2, 3],
        [4, 4],
        [5, 9],
        [6, 6],
      ].map(([start, end]) => missing.has(start!, end!)),
    ).toStrictEqual([false, false, true, false, true, false]);
  });

  it('a range fills what it covers of several holes', () => {
    const missing = createMissing(0);
    missing.add({ after: 2, before: 5 });
    missing.add({ after: 6, before: 9 });

    expect([missing.fill(4, 7), missing.fill(4, 7), missing.fill(3, 4), missing.fill(8, 9)]).toStrictEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  it('forgets the lowest of more than 100 holes', () => {
    const missing = createMissing(0);
    for (let number = 1; number <= 100; number++) {
      missing.add({ after: 2 * number, before: 2 * number + 2 });
    }

    expect([missing.fill(-1, -1), missing.fill(3, 3), missing.fill(201, 201)]).toStrictEqual([
      false,
      true,
      true,
    ]);
  });

  it('forgets the lowest where one that is filled in parts becomes more than 100', () => {
    const missing = createMissing(1_000);
    for (let number = 0; number <= 400; number += 4) missing.fill(998 - number, 998 - number);
    expect(missing.fill(0, 0)).toBe(false);

    expect([600, 604, 999].map((number) => missing.fill(number, number))).toStrictEqual([false, true, true]);
  });

  it('takes holes that adjoin for one', () => {
    const missing = createMissing(0);
    missing.add({ after: 2, before: 4 });
    for (let number = 10; number < 200; number++) missing.add({ after: number - 1, before: number + 1 });

    expect([9, 10, 199, 200, 3].map((number) => missing.fill(number, number))).toStrictEqual([
      false,
      true,
      true,
      false,
      true,
    ]);
  });

  it('agrees with a set of numbers, whatever is filled', () => {
    const range = fc.tuple(fc.nat(40), fc.nat(5));

    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(30)), fc.array(range), (starts, ranges) => {
        const missing = createMissing(0);
        const numbers = new Set<number>();
        for (const start of starts.sort((a, b) => a - b)) {
          missing.add({ after: start - 1, before: start + 1 });
          numbers.add(start);
        }
        for (const [start, length] of ranges) {
          const covered = Array.from({ length: length + 1 }, (_, index) => start + index);
          const isHit = covered.filter((number) => numbers.delete(number)).length > 0;

          expect(missing.fill(start, start + length)).toBe(isHit);
        }
      }),
    );
  });
});
