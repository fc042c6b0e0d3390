import fc from 'fast-check';
import { readerNumber } from '../../src/operators/readerNumber.js';

describe('readerNumber', () => {
  it.each([
    '0',
    '-0',
    '7',
    '-7',
    '123456789',
    '999999999999999',
    '-999999999999999',
    '9007199254740993',
    '1e400',
    '-1.5E-7',
  ])('reads %s as JSON.parse does', (text) => {
    expect(readerNumber(text)).toBe(JSON.parse(text));
  });

  it('reads every number that JSON can write', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true })),
        (number) => {
          const text = JSON.stringify(number);
          expect(readerNumber(text)).toBe(JSON.parse(text));
        },
      ),
    );
  });
});
