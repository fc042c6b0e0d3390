import { checkClose, checkStatus } from '../../src/testing/faultClient.js';

// createFaultClient is shown at work on real sockets in faultServer.test.ts.
describe('checkClose', () => {
  it.each([1000, 1005, 1006, 1012, 3000, 4999])('lets a server end a connection with %i', (code) => {
    expect(() => checkClose('drop', code)).not.toThrow();
  });

  it.each([999, 1004, 1015, 2999, 5000, 1000.5, Number.NaN])('refuses %p', (code) => {
    expect(() => checkClose('drop', code)).toThrow(
      new RangeError(`drop: code must be 1000 to 1014 (not 1004) or 3000 to 4999, got ${code}`),
    );
  });

  it('refuses a reason that no close frame can hold', () => {
    expect(() => checkClose('drop', 1000, 'x'.repeat(124))).toThrow(
      new RangeError('drop: reason must be at most 123 bytes, got 124'),
    );
  });
});

describe('checkStatus', () => {
  it.each([199, 600, 404.5])('refuses %p', (status) => {
    expect(() => checkStatus('refuse', status)).toThrow(
      new RangeError(`refuse: status must be an integer from 200 to 599, got ${status}`),
    );
  });
});
