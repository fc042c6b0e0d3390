import fc from 'fast-check';
import { createQueue, type Place } from '../../src/streams/queue.js';

describe('createQueue', () => {
  it('shows what waits, first to last', () => {
    const queue = createQueue<string>();
    for (const letter of 'abc') queue.push(letter);
    queue.shift();

    expect([...queue.values()]).toStrictEqual(['b', 'c']);
  });

  it('serves first in first out', () => {
    const queue = createQueue<string>();
    queue.push('a');
    queue.push('b');

    expect([queue.size, queue.first, queue.shift(), queue.shift(), queue.shift()]).toStrictEqual([
      2,
      'a',
      'a',
      'b',
      undefined,
    ]);
  });

  it('lets one leave from the middle, once', () => {
    const queue = createQueue<string>();
    queue.push('a');
    const place = queue.push('b');
    queue.push('c');

    expect([place.waits, queue.remove(place), queue.remove(place), place.waits]).toStrictEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([queue.size, queue.shift(), queue.shift()]).toStrictEqual([2, 'a', 'c']);
  });

  it('behaves like an array, whatever is done to it', () => {
    const action = fc.oneof(
      fc.record({ type: fc.constant('push' as const) }),
      fc.record({ type: fc.constant('shift' as const) }),
      fc.record({ type: fc.constant('remove' as const), at: fc.nat(50) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
        const queue = createQueue<number>();
        const places: Place<number>[] = [];
        let model: number[] = [];
        for (const next of actions) {
          const place = next.type === 'remove' ? places[next.at] : undefined;
          if (next.type === 'push') {
            model.push(places.length);
            places.push(queue.push(places.length));
          } else if (next.type === 'shift') {
            expect(queue.shift()).toBe(model.shift());
          } else if (place !== undefined) {
            expect(queue.remove(place)).toBe(model.includes(place.value));
            model = model.filter((value) => value !== place.value);
          }
          expect([queue.size, queue.first]).toStrictEqual([model.length, model[0]]);
          for (const { value, waits } of places) expect(waits).toBe(model.includes(value));
        }
      }),
    );
  });
});
