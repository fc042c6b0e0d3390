import { routeByType } from '../src/feedConfig.js';

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
