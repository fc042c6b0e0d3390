import fc from 'fast-check';
import { jsonCodec, routeByType } from '../src/feedConfig.js';

describe('jsonCodec', () => {
  it('decodes text and bytes alike', () => {
    expect([jsonCodec.decode('{"a":1}'), jsonCodec.decode(Buffer.from('{"a":1}'))]).toStrictEqual([
      { a: 1 },
      { a: 1 },
    ]);
  });

  it('gives back what it encoded', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(jsonCodec.decode(jsonCodec.encode(value))).toStrictEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('throws on what is no JSON', () => {
    expect(() => jsonCodec.decode('{')).toThrow(SyntaxError);
  });
});

describe('routeByType', () => {
  it.each([
    [{ type: 'trade' }, 'trade'],
    [{ type: 7 }, undefined],
    [{}, undefined],
    [null, undefined],
    [undefined, undefined],
    ['type', undefined],
    [[], undefined],
  ])('routes %j to %p', (message, stream) => {
    expect(routeByType(message)).toBe(stream);
  });
});
