import * as fc from 'fast-check';
import { EMPTY, from, identity, NEVER, of, range, take, throwError } from 'rxjs';
import { dedupeBy, type DedupeByConfig } from '../../src/operators/dedupeBy.js';
import { createSeenKeys } from '../../src/operators/seenKeys.js';
import { marbles } from '../marbles.js';

const self = identity<string>;
const failure = new Error('failure');

const run = <T extends string | number>(values: readonly T[], config: DedupeByConfig<T> = {}): T[] => {
  const seen: T[] = [];
  from(values)
    .pipe(dedupeBy((value) => value, config))
    .subscribe((value) => seen.push(value));
  return seen;
};

describe('dedupeBy', () => {
  it(
    'drops a key it has seen before',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  --a--b--a--c--|');
      const subs = '        ^-------------!';
      const expected = '    --a--b-----c--|';

      expectObservable(source.pipe(dedupeBy(self))).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'lets a key through again once windowMs has passed',
    marbles(({ hot, time, expectObservable }) => {
      const source = hot('  a---a----a|');
      const windowMs = time('----|     ');
      const expected = '    a--------a|';

      expectObservable(source.pipe(dedupeBy(self, { windowMs }))).toBe(expected);
    }),
  );

  it(
    'counts a dropped value as a sighting',
    marbles(({ hot, time, expectObservable }) => {
      const source = hot('  a--a--a--a----a|');
      const windowMs = time('---|     ');
      const expected = '    a-------------a|';

      expectObservable(source.pipe(dedupeBy(self, { windowMs }))).toBe(expected);
    }),
  );

  it('tells 1 from "1"', () => expect(run<string | number>([1, '1', 1])).toStrictEqual([1, '1']));

  it('forgets the least recently seen key beyond maxKeys', () => {
    const values = ['a', 'b', 'a', 'c', 'a', 'b'];
    expect(run(values, { maxKeys: 2 })).toStrictEqual(['a', 'b', 'c', 'b']);
  });

  it('tells of each value dropped', () => {
    const onDuplicate = jest.fn();
    run(['a', 'b', 'a', 'a'], { onDuplicate });
    expect(onDuplicate.mock.calls).toStrictEqual([['a'], ['a']]);
  });

  it('emits each key once, at its first place, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (keys) => {
        expect(run(keys)).toStrictEqual([...new Set(keys)]);
      }),
    );
  });

  it.each(['key', 'onDuplicate'])('errors when %s throws', (which) => {
    const thrown = new Error(which);
    const fail = (): never => {
      throw thrown;
    };
    const error = jest.fn();
    of('a', 'a')
      .pipe(which === 'key' ? dedupeBy(fail) : dedupeBy(self, { onDuplicate: fail }))
      .subscribe({ error });
    expect(error.mock.calls).toStrictEqual([[thrown]]);
  });

  it(
    'never emits, completes and errors as its source does',
    marbles(({ expectObservable }) => {
      expectObservable(NEVER.pipe(dedupeBy(self))).toBe('-');
      expectObservable(EMPTY.pipe(dedupeBy(self))).toBe('|');
      expectObservable(throwError(() => failure).pipe(dedupeBy(self))).toBe('#', undefined, failure);
    }),
  );

  it(
    'leaves its source when it is left',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -a-b-c-');
      const unsub = '       ----!';
      const expected = '    -a-b-';
      expectObservable(source.pipe(dedupeBy(self)), unsub).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe('^---!');
    }),
  );

  it(
    'remembers nothing of an earlier subscription',
    marbles(({ cold, expectObservable }) => {
      const deduped$ = cold('a-a-b|').pipe(dedupeBy(self));
      const first = '        a---b|';
      const second = '       ------a---b|';
      expectObservable(deduped$).toBe(first);
      expectObservable(deduped$, '------^').toBe(second);
    }),
  );

  it('with a memory, remembers over subscriptions what the memory does, and no longer', () => {
    const memory = createSeenKeys({ maxKeys: 2 });
    const values = ['a', 'b', 'a'];
    expect(run(values, { memory })).toStrictEqual(['a', 'b']);
    expect(run(['b', 'c', 'a'], { memory })).toStrictEqual(['c', 'a']);
    expect(memory.stats()).toStrictEqual({ size: 2, hits: 2, misses: 4, evictions: 2 });
  });

  it.each([{ maxKeys: 5 }, { windowMs: 5 }])('refuses %p beside a memory, which has its own', (bounds) => {
    const message = 'dedupeBy: a memory has its own maxKeys and windowMs, which cannot be set beside it';
    expect(() => dedupeBy(self, { memory: createSeenKeys(), ...bounds })).toThrow(new TypeError(message));
  });

  it('stops a synchronous source', () => {
    const key = jest.fn(identity<number>);
    range(0, 1e9).pipe(dedupeBy(key), take(3)).subscribe();
    expect(key).toHaveBeenCalledTimes(3);
  });

  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 24 + 1])('refuses maxKeys %p', (maxKeys) => {
    const message = `dedupeBy: maxKeys must be a whole number from 1 to 16777216, got ${maxKeys}`;
    expect(() => dedupeBy(self, { maxKeys })).toThrow(new RangeError(message));
  });

  it.each([0, -1, NaN])('refuses windowMs %p', (windowMs) => {
    const message = `dedupeBy: windowMs must be above 0, got ${windowMs}`;
    expect(() => dedupeBy(self, { windowMs })).toThrow(new RangeError(message));
  });

  it('refuses a key that is no string, number or bigint in the types', () => {
    // @ts-expect-error -- an object would be told apart by identity, which no copy keeps
    expect(dedupeBy(() => ({}))).toBeInstanceOf(Function);
  });
});
