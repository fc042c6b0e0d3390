import { tellEach } from '../../src/operators/tellEach.js';

describe('tellEach', () => {
  it('tells each in order', () => {
    const told: number[] = [];
    tellEach([1, 2, 3], (value) => told.push(value));

    expect(told).toStrictEqual([1, 2, 3]);
  });

  it('tells the others, too, where it throws, and throws the first of that', () => {
    const told: number[] = [];
    const telling = (): void =>
      tellEach([1, 2, 3], (value) => {
        told.push(value);
        if (value > 1) throw new Error(`thrown at ${value}`);
      });

    expect(telling).toThrow('thrown at 2');
    expect(told).toStrictEqual([1, 2, 3]);
  });

  it('throws what was thrown, though it be undefined', () => {
    let isThrown = false;
    try {
      tellEach([1], () => {
        throw undefined; // eslint-disable-line @typescript-eslint/only-throw-error -- what a user may do
      });
    } catch {
      isThrown = true;
    }

    expect(isThrown).toBe(true);
  });
});
