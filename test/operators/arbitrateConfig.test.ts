import { NEVER } from 'rxjs';
import { arbitrate, type ArbitrateBySequence } from 'millrace';

const byKey = { key: (value: string) => value };
const bySequence = (more: Partial<ArbitrateBySequence<string>> = {}): ArbitrateBySequence<string> => ({
  sequence: { of: Number },
  ...more,
});

describe('arbitrate, on creation,', () => {
  it.each([0, 32])('refuses %d lines', (count) => {
    const lines = Array.from({ length: count }, () => NEVER);
    expect(() => arbitrate(lines, byKey)).toThrow(
      new RangeError(`arbitrate: lines must be 1 to 31, got ${count}`),
    );
  });

  it.each([
    [{ ...byKey, windowMs: 0 }, 'windowMs must be above 0 and at most 2147483647, got 0'],
    [{ ...byKey, windowMs: Infinity }, 'windowMs must be above 0 and at most 2147483647, got Infinity'],
    [{ ...byKey, maxKeys: 0 }, 'maxKeys must be a whole number from 1 to 16777216, got 0'],
    [{ ...byKey, maxKeys: 1.5 }, 'maxKeys must be a whole number from 1 to 16777216, got 1.5'],
    [bySequence({ maxItems: 0 }), 'maxItems must be a whole number from 1 to 9007199254740991, got 0'],
    [
      { sequence: { of: Number, maxScopes: 0 } },
      'sequence.maxScopes must be a whole number from 1 to 16777216, got 0',
    ],
  ])('refuses %p', (config, message) => {
    expect(() => arbitrate([NEVER], config)).toThrow(new RangeError(`arbitrate: ${message}`));
  });

  it('refuses two lines of one name', () => {
    const line = { name: '2', values$: NEVER };
    expect(() => arbitrate([line, NEVER], byKey)).toThrow(
      new TypeError('arbitrate: two lines are called "2"'),
    );
  });

  it('refuses neither a key nor a sequence, and both', () => {
    const message = (got: string): TypeError =>
      new TypeError(`arbitrate: one of key and sequence must be given, got ${got}`);
    // @ts-expect-error -- one is needed
    expect(() => arbitrate([NEVER], {})).toThrow(message('neither'));
    // @ts-expect-error -- only one
    expect(() => arbitrate([NEVER], { ...byKey, ...bySequence() })).toThrow(message('both'));
  });
});
