import { lastValueFrom, of, toArray } from 'rxjs';
import { fromYielded, type Yielded } from '../../src/operators/fromYielded.js';

describe('fromYielded', () => {
  it.each<[string, Yielded<unknown>, unknown[]]>([
    ['a value', 7, [7]],
    ['no value', undefined, [undefined]],
    ['a string, whole', 'abc', ['abc']],
    ['an array, whole', [1, 2], [[1, 2]]],
    ['what a promise resolves to', Promise.resolve(7), [7]],
    ['what an observable emits', of(1, 2), [1, 2]],
  ])('emits %s', async (_name, yielded, values) => {
    await expect(lastValueFrom(fromYielded(yielded).pipe(toArray()))).resolves.toStrictEqual(values);
  });

  it('passes a rejection on', async () => {
    await expect(lastValueFrom(fromYielded(Promise.reject(new Error('no'))))).rejects.toThrow('no');
  });
});
