import { checkExchangeConfig } from '../../src/testing/exchangeConfig.js';

const good = {
  seed: 1,
  symbols: ['BTC-USD'],
  telemetry: undefined,
  tickMs: 100,
  heartbeatMs: 1_000,
  replayOnReconnect: 5,
  firstSeq: 1,
};

describe('checkExchangeConfig', () => {
  it.each([
    [{}],
    [{ heartbeatMs: Infinity }],
    [{ replayOnReconnect: 0 }],
    [{ tickMs: 0.1 }],
    [{ firstSeq: 0 }],
  ])('takes %j', (own) => {
    expect(() => checkExchangeConfig({ ...good, ...own })).not.toThrow();
  });

  it.each([
    [{ seed: 1.5 }, 'seed must be an integer, got 1.5'],
    [{ symbols: [] }, 'symbols must be at least one name, and none empty, got []'],
    [{ symbols: ['a', 'a'] }, 'symbols must be different from each other, got ["a","a"]'],
    [{ telemetry: [] }, 'telemetry must be at least one reading, got []'],
    [{ tickMs: 0 }, 'tickMs must be above 0 and at most 2147483647, got 0'],
    [{ tickMs: Infinity }, 'tickMs must be above 0 and at most 2147483647, got Infinity'],
    [{ heartbeatMs: -1 }, 'heartbeatMs must be above 0 and at most 2147483647, or Infinity, got -1'],
    [{ replayOnReconnect: -1 }, 'replayOnReconnect must be an integer of 0 or more, got -1'],
    [{ firstSeq: 2 ** 53 }, 'firstSeq must be an integer of 0 or more, got 9007199254740992'],
  ])('refuses %j', (own, message) => {
    expect(() => checkExchangeConfig({ ...good, ...own })).toThrow(
      new RangeError(`startExchange: ${message}`),
    );
  });
});
