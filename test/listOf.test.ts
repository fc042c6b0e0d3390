import { listOf } from '../src/listOf.js';

describe('listOf', () => {
  it('gives back a list as it is', () => {
    const list = [1, 2];
    expect(listOf('unpack', list)).toBe(list);
  });

  it.each([
    [null, 'null'],
    ['a', 'string'],
    [{}, 'object'],
  ])('takes %j for no list', (value, kind) => {
    expect(() => listOf('recover', value)).toThrow(`recover must yield an array, got ${kind}`);
  });
});
