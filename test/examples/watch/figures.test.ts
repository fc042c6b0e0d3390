import fc from 'fast-check';
import { clock, count, duration, plural, rate } from '../../../examples/watch/figures.js';

describe('duration', () => {
  it.each([
    [-5, '0ms'],
    [0, '0ms'],
    [12.4, '12ms'],
    [999.4, '999ms'],
    [999.5, '1.0s'],
    [3_400, '3.4s'],
    [59_949, '59.9s'],
    [59_950, '1m00s'],
    [307_000, '5m07s'],
    [3_599_600, '1h00m'],
    [7_500_000, '2h05m'],
  ])('shows %d ms as %s', (ms, expected) => {
    expect(duration(ms)).toBe(expected);
  });

  it('takes six characters at most for up to four days', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 99 * 3_600_000, noNaN: true }), (ms) => duration(ms).length <= 6),
    );
  });
});

describe('clock', () => {
  it.each([
    [0, '00:00.0'],
    [12_345, '00:12.3'],
    [59_999, '00:59.9'],
    [60_000, '01:00.0'],
    [7_200_000, '120:00.0'],
    [-3, '00:00.0'],
  ])('shows %d ms as %s', (ms, expected) => {
    expect(clock(ms)).toBe(expected);
  });
});

describe('count', () => {
  it.each([
    [0, '0'],
    [999_999, '999999'],
    [1_250_000, '1.3M'],
    [2_000_000_000, '2.0G'],
  ])('shows %d as %s', (n, expected) => {
    expect(count(n)).toBe(expected);
  });
});

describe('rate', () => {
  it.each([
    [0, '0.0'],
    [9.96, '10.0'],
    [99.94, '99.9'],
    [99.96, '100'],
    [12_345.6, '12346'],
  ])('shows %d a second as %s', (perSecond, expected) => {
    expect(rate(perSecond)).toBe(expected);
  });
});

describe('plural', () => {
  it('adds an s to everything but one', () => {
    expect([0, 1, 2].map((n) => plural(n, 'gap'))).toStrictEqual(['0 gaps', '1 gap', '2 gaps']);
  });
});
