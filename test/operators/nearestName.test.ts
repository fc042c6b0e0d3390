import fc from 'fast-check';
import { nearestName } from '../../src/operators/nearestName.js';

const known = ['heartbeat', 'reconnect', 'url', 'staleAfterMs', 'lingerMs'];

describe('nearestName', () => {
  it.each([
    ['heartbeet', 'heartbeat'],
    ['hearbeat', 'heartbeat'],
    ['reconect', 'reconnect'],
    ['Reconnect', 'reconnect'],
    ['stale_after_ms', 'staleAfterMs'],
    ['STALE-AFTER-MS', 'staleAfterMs'],
    ['uri', 'url'],
    ['linger', 'lingerMs'],
    ['stale', 'staleAfterMs'],
  ])('takes %s for %s', (name, meant) => {
    expect(nearestName(name, known)).toBe(meant);
  });

  it.each(['apiKey', 'x', '', '???', 'timeout'])('takes %j for nothing it knows', (name) => {
    expect(nearestName(name, known)).toBeUndefined();
  });

  it('has nothing to offer where no name is known', () => {
    expect(nearestName('url', [])).toBeUndefined();
  });

  it('finds a name again in any spelling, with a letter lost', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('heartbeat', 'reconnect', 'staleAfterMs', 'lingerMs'),
        fc.nat(),
        (name, at) => {
          const lost = at % name.length;
          expect(nearestName((name.slice(0, lost) + name.slice(lost + 1)).toUpperCase(), known)).toBe(name);
        },
      ),
    );
  });

  it('is not held up by a name of any length', () => {
    expect(nearestName('x'.repeat(1e6), known)).toBeUndefined();
  });
});
