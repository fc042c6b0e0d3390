import fc from 'fast-check';
import { createLine } from '../../src/operators/line.js';

describe('createLine', () => {
  it('serves first in first out', () => {
    const line = createLine<string>();
    line.push('a');
    line.push('b');

    expect([line.size, line.shift(), line.shift(), line.size]).toStrictEqual([2, 'a', 'b', 0]);
  });

  it('replaces a waiting value in its place, and gives the old one back', () => {
    const line = createLine<string>();
    line.push('a1', 'a');
    line.push('b1', 'b');

    expect(line.has('a')).toBe(true);
    expect(line.replace('a2', 'a')).toBe('a1');
    expect([line.shift(), line.shift()]).toStrictEqual(['a2', 'b1']);
  });

  it('forgets the key of a value that has left', () => {
    const line = createLine<string>();
    line.push('a1', 'a');
    line.shift();

    expect(line.has('a')).toBe(false);
  });

  it('mistakes no key for that of a value that was in the same place before', () => {
    const line = createLine<string>();
    for (let n = 0; n < 50; n += 1) {
      line.push('without');
      line.push('with', 'a');
      line.shift();
      expect([line.has('a'), line.shift(), line.has('a')]).toStrictEqual([true, 'with', false]);
      line.push('one more, so that places change parity');
      line.shift();
    }
  });

  it('keeps order and keys as it grows and shortens', () => {
    const line = createLine<number>();
    let first = 0;
    let next = 0;
    for (const size of [5, 40, 3, 3_000, 700, 1_200, 10, 0, 20, 0]) {
      while (line.size < size) {
        line.push(next, next % 3 === 0 ? next : undefined);
        next += 1;
      }
      while (line.size > size) expect(line.shift()).toBe(first++);
      for (let key = 0; key < next; key += 3) expect(line.has(key)).toBe(key >= first);
    }
    expect([first, next]).toStrictEqual([3_557, 3_557]);
  });

  it('behaves like an array, whatever is done to it', () => {
    const action = fc.oneof(
      fc.record({
        type: fc.constant('push' as const),
        key: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
      }),
      fc.record({ type: fc.constant('shift' as const) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const line = createLine<number>();
        const model: { value: number; key: number | undefined }[] = [];
        actions.forEach((next, value) => {
          if (next.type === 'shift') {
            if (model.length > 0) expect(line.shift()).toBe(model.shift()!.value);
          } else {
            const waiting = next.key === undefined ? undefined : model.find(({ key }) => key === next.key);
            expect(line.has(next.key)).toBe(waiting !== undefined);
            if (waiting) {
              expect(line.replace(value, next.key)).toBe(waiting.value);
              waiting.value = value;
            } else {
              line.push(value, next.key);
              model.push({ value, key: next.key });
            }
          }
          expect([line.size, line.isEmpty()]).toStrictEqual([model.length, model.length === 0]);
        });
      }),
    );
  });
});
