import { firstValueFrom, of, throwError } from 'rxjs';
import { fromInput, fromYielded } from '../../src/streams/input.js';
import { marbles } from '../marbles.js';

describe('fromYielded', () => {
  it(
    'emits a plain value at once',
    marbles(({ expectObservable }) => {
      expectObservable(fromYielded('abc')).toBe('(a|)', { a: 'abc' });
      expectObservable(fromYielded(undefined)).toBe('(a|)', { a: undefined });
    }),
  );

  it(
    'takes strings and arrays as values, never apart',
    marbles(({ expectObservable }) => {
      expectObservable(fromYielded(['x', 'y'])).toBe('(a|)', { a: ['x', 'y'] });
    }),
  );

  it(
    'emits what an Observable yields, when it yields it',
    marbles(({ cold, expectObservable }) => {
      expectObservable(fromYielded(cold('--a|'))).toBe('--a|');
    }),
  );

  it('emits what a Promise resolves to', async () => {
    await expect(firstValueFrom(fromYielded(Promise.resolve(7)))).resolves.toBe(7);
  });
});

describe('fromInput', () => {
  it(
    'asks a function anew at each subscription',
    marbles(({ expectObservable }) => {
      let asked = 0;
      const input$ = fromInput(() => ++asked);

      expectObservable(input$).toBe('(a|)', { a: 1 });
      expectObservable(input$).toBe('(a|)', { a: 2 });
    }),
  );

  it(
    'turns a function that throws into an error',
    marbles(({ expectObservable }) => {
      const input$ = fromInput(() => {
        throw new Error('no token');
      });

      expectObservable(input$).toBe('#', undefined, new Error('no token'));
    }),
  );

  it(
    'passes the error of an Observable on',
    marbles(({ expectObservable }) => {
      expectObservable(fromInput(() => throwError(() => new Error('no token')))).toBe(
        '#',
        undefined,
        new Error('no token'),
      );
      expectObservable(fromInput(() => of(1, 2))).toBe('(ab|)', { a: 1, b: 2 });
    }),
  );
});
