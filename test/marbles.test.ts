import { asapScheduler, map, timer } from 'rxjs';
import { marbles } from './marbles.js';

describe('virtual time', () => {
  it(
    'goes on where a task overtakes a timer that clears another of its millisecond',
    marbles(({ flush }) => {
      const ran: string[] = [];
      timer(1).subscribe(() => {
        ran.push('first');
        asapScheduler.schedule(() => ran.push('task'));
      });
      timer(1).subscribe(() => {
        ran.push('second');
        third.unsubscribe();
      });
      const third = timer(1).subscribe(() => ran.push('third'));
      timer(2).subscribe(() => ran.push('last'));
      flush();

      expect(ran).toStrictEqual(['first', 'task', 'second', 'last']);
    }),
  );

  it('passes on what is thrown and what is not as expected', () => {
    expect(() => {
      marbles(({ flush }) => {
        timer(1).subscribe({
          next: () => {
            throw new Error('no');
          },
        });
        flush();
      })();
    }).toThrow('no');
    expect(() => {
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('-a|').pipe(map(() => 'b'))).toBe('-a|');
      })();
    }).toThrow('toStrictEqual');
  });
});
