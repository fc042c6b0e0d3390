import { checkFarewell } from '../../src/streams/farewell.js';

describe('checkFarewell', () => {
  it.each([
    [{ code: 999 }, 'close: code must be 1000 or from 3000 to 4999, got 999'],
    [{ code: 1006 }, 'close: code must be 1000 or from 3000 to 4999, got 1006'],
    [{ code: 5000 }, 'close: code must be 1000 or from 3000 to 4999, got 5000'],
    [{ reason: 'ü'.repeat(62) }, 'close: reason must be at most 123 bytes, got 124'],
    [{ timeoutMs: -1 }, 'close: timeoutMs must be from 0 to 2147483647, got -1'],
  ])('CLO-04 refuses a farewell of %j', (farewell, message) => {
    expect(() => checkFarewell(farewell)).toThrow(new RangeError(message));
  });

  it.each([{}, { code: 3000 }, { code: 4999, reason: 'x'.repeat(123), timeoutMs: 0 }])(
    'takes %j',
    (farewell) => {
      expect(() => checkFarewell(farewell)).not.toThrow();
    },
  );
});
