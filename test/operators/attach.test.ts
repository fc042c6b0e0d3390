import { NEVER, noop, Observable, of, range, Subject, Subscription } from 'rxjs';
import { attach } from '../../src/operators/attach.js';
import { marbles } from '../marbles.js';

const failing = (error: unknown): never => {
  throw error;
};

describe('attach', () => {
  it(
    'passes on what the source does, and ends with the whole',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const [ends, fails] = [cold('a-b|'), cold('a-#')];
      const through = (source: Observable<string>) =>
        new Observable<string>((whole) => void attach(whole, source, whole));

      expectObservable(through(ends)).toBe('a-b|');
      expectObservable(through(fails)).toBe('a-#');
      expectObservable(through(ends), '-^!').toBe('-a');
      expectSubscriptions(ends.subscriptions).toBe(['^--!', '-^!']);
    }),
  );

  it('stops a synchronous source when the whole ends from within', () => {
    const whole = new Subscription();
    const seen: number[] = [];
    attach(whole, range(1, 100), {
      next: (value) => {
        seen.push(value);
        if (value === 3) whole.unsubscribe();
      },
      complete: () => failing(new Error('it was left')),
    });

    expect(seen).toStrictEqual([1, 2, 3]);
  });

  it('does not subscribe for a whole that has ended', () => {
    const subscribed = jest.fn();
    attach(Subscription.EMPTY, new Observable(subscribed), {});

    expect(subscribed).not.toHaveBeenCalled();
  });

  it('gives back the part, which ends without the whole', () => {
    const whole = new Subscription();
    const source = new Subject<number>();
    const part = attach(whole, source, {});
    expect(source.observed).toBe(true);
    part.unsubscribe();

    expect([source.observed, whole.closed]).toStrictEqual([false, false]);
  });

  it('keeps nothing of a part that has ended', () => {
    const whole = new Subscription();
    const remove = jest.spyOn(whole, 'remove');
    attach(whole, of(1), { next: noop });
    attach(whole, NEVER, {});

    expect(remove).toHaveBeenCalledTimes(1);
  });
});
