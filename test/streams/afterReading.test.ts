import { NEVER, Subject } from 'rxjs';
import { afterReading } from '../../src/streams/afterReading.js';
import { marbles } from '../marbles.js';

describe('afterReading', () => {
  it(
    'emits once when the time has passed',
    marbles(({ expectObservable }) => {
      const reading = { isPaused: () => false, resumed$: NEVER };

      expectObservable(afterReading(3, reading)).toBe('---(e|)', { e: undefined });
    }),
  );

  it(
    'begins the time again when reading goes on after a pause in which it ended',
    marbles(({ cold, expectObservable }) => {
      let pauses = 2;
      const reading = { isPaused: () => pauses-- > 0, resumed$: cold('--r-r') };

      // 3 to the first pause, 2 of it, 3 to the second, 2 of that, 3
      expectObservable(afterReading(3, reading)).toBe('13ms (e|)', { e: undefined });
    }),
  );

  it(
    'does not heed a pause that is over by then',
    marbles(({ cold, expectObservable }) => {
      let isPaused = true;
      const resumed$ = new Subject<void>();
      cold('-r').subscribe(() => {
        isPaused = false;
        resumed$.next();
      });

      expectObservable(afterReading(3, { isPaused: () => isPaused, resumed$ })).toBe('---(e|)', {
        e: undefined,
      });
    }),
  );

  it(
    'waits for nothing any more once unsubscribed',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const resumed$ = cold<never>('-');

      expectObservable(afterReading(3, { isPaused: () => true, resumed$ }), '^----!').toBe('');
      expectSubscriptions(resumed$.subscriptions).toBe('                 ---^-!');
    }),
  );
});
