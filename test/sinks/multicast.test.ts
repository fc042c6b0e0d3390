import fc from 'fast-check';
import { config, type Observer, Subject, Subscription, take } from 'rxjs';
import { Multicast } from '../../src/sinks/multicast.js';

/** What one who is subscribed does at a value, once, with whom. */
interface Deed {
  readonly at: number;
  readonly does: 'leave' | 'enter' | 'send';
  readonly whom: number;
}

/** Lets the same people do the same to whatever spreads the values. */
function play(
  spread: { next: (value: number) => void; subscribe: (observer: Partial<Observer<number>>) => Subscription },
  people: readonly (readonly Deed[])[],
): string[] {
  const heard: string[] = [];
  const seats = people.map(() => Subscription.EMPTY);
  let last = 3;
  const enter = (who: number): void => {
    seats[who]?.unsubscribe();
    seats[who] = spread.subscribe({ next: (value) => hear(who, value) });
  };
  const hear = (who: number, value: number): void => {
    heard.push(`${who}: ${value}`);
    for (const { at, does, whom } of people[who] ?? []) {
      if (at !== value) continue;
      if (does === 'leave') seats[whom % people.length]?.unsubscribe();
      else if (does === 'enter') enter(whom % people.length);
      else if (last < 6) spread.next((last += 1));
    }
  };
  for (const who of people.keys()) enter(who);
  for (let value = 1; value <= 3; value += 1) spread.next(value);
  return heard;
}

const bound = <T>(all: Multicast<T>): Pick<Multicast<T>, 'values$' | 'next'> => ({
  values$: all.values$,
  next: (value) => all.next(value),
});

afterEach(() => {
  config.onUnhandledError = null;
});

describe('Multicast', () => {
  it('hands values on as a Subject does, whoever comes, leaves or sends from inside of one', () => {
    const deed = fc.record({
      at: fc.integer({ min: 1, max: 6 }),
      does: fc.constantFrom('leave', 'enter', 'send'),
      whom: fc.nat(5),
    } as const);
    fc.assert(
      fc.property(fc.array(fc.array(deed, { maxLength: 4 }), { minLength: 1, maxLength: 6 }), (people) => {
        const ours = new Multicast<number>();
        const theirs = new Subject<number>();
        const subscribe = (observer: Partial<Observer<number>>): Subscription =>
          ours.values$.subscribe(observer);
        expect(play({ next: (value) => ours.next(value), subscribe }, people)).toStrictEqual(
          play(theirs, people),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('goes on after a subscriber that throws, which is reported as unhandled', async () => {
    const reported = new Promise((resolve) => (config.onUnhandledError = resolve));
    const { values$, next } = bound(new Multicast<number>());
    const heard: number[] = [];
    values$.subscribe((value) => {
      if (value === 1) throw new Error('broken');
    });
    values$.subscribe((value) => heard.push(value));
    next(1);
    next(2);
    expect([heard, await reported]).toStrictEqual([[1, 2], new Error('broken')]);
  });

  it('serves operators, and ends nobody', () => {
    const { values$, next } = bound(new Multicast<number>());
    const heard: unknown[] = [];
    values$
      .pipe(take(2))
      .subscribe({ next: (value) => heard.push(value), complete: () => heard.push('taken') });
    values$.subscribe({ complete: () => heard.push('complete') });
    for (const value of [1, 2, 3]) next(value);
    expect(heard).toStrictEqual([1, 2, 'taken']);
  });
});
